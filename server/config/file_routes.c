/* SPDX-License-Identifier: MIT */
/* file_routes.c - the list "routes" of a configuration file. */
#include <string.h>

#include "config/reading.h"

/* What has no default, and is not there. */
static void missing_report(struct reading *reading, const struct config_route *route)
{
    for (size_t i = 0; i < route_settings.count; i++) {
        const struct setting *setting = &route_settings.settings[i];
        char fault[64];
        if (setting->standard != NULL || setting->inherits != NULL ||
            route->origins[i].source != CONFIG_FROM_DEFAULT)
            continue;
        snprintf(fault, sizeof(fault), "%s is missing", setting->path);
        reading_problem(reading, fault);
    }
    if (route->origins[ROUTE_ID_upstreams].source == CONFIG_FROM_FILE &&
        !route->origins[ROUTE_ID_upstreams].is_faulty && route->upstreams.count == 0)
        reading_problem(reading, "upstreams is empty");
}

static void route_read(struct reading *reading, size_t position, json_t *object)
{
    struct config_routes *routes = &reading->config->routes;
    struct config_route *route = &routes->items[routes->count++];
    struct reading server = *reading;

    route_init(route);
    route->position = (unsigned)position;
    route->origin = (struct config_origin){.source = CONFIG_FROM_FILE,
                                           .line = lines_find(reading->lines, reading->path)};
    reading->group = &route_settings;
    reading->record = route;
    reading->origins = route->origins;
    reading->root_bytes = strlen(reading->path) + 1;
    reading_section(reading, "", object);
    reading->group = server.group;
    reading->record = server.record;
    reading->origins = server.origins;
    reading->root_bytes = server.root_bytes;
    missing_report(reading, route);
}

static void item_read(struct reading *reading, size_t position, json_t *item)
{
    char described[READING_QUOTED_BYTES_MAX + 16];
    char fault[READING_QUOTED_BYTES_MAX + 64];

    if (json_is_object(item)) {
        route_read(reading, position, item);
        return;
    }
    reading_describe(item, described, sizeof(described));
    snprintf(fault, sizeof(fault), "must be a route, which is an object, not %s", described);
    reading_problem(reading, fault);
}

void reading_routes(struct reading *reading, json_t *list)
{
    size_t path_bytes = strlen(reading->path);
    char described[READING_QUOTED_BYTES_MAX + 16];
    char fault[READING_QUOTED_BYTES_MAX + 64];
    size_t i;
    json_t *item;

    if (!json_is_array(list)) {
        reading_describe(list, described, sizeof(described));
        snprintf(fault, sizeof(fault), "must be a list of routes, not %s", described);
        reading_problem(reading, fault);
        return;
    }
    reading->config->routes.count = 0;
    json_array_foreach(list, i, item)
    {
        lines_path_item(reading->path, i);
        if (i == CONFIG_ROUTES_MAX) {
            snprintf(fault, sizeof(fault), "there must not be more than %d routes",
                     CONFIG_ROUTES_MAX);
            reading_problem(reading, fault);
            reading->path[path_bytes] = '\0';
            return;
        }
        item_read(reading, i, item);
        reading->path[path_bytes] = '\0';
    }
}
