/* SPDX-License-Identifier: MIT */
/*
 * route_check.c - what routes have from the server, and what contradicts each other in them; for
 * routes what check.c is for the server. See route.h.
 */
#include <inttypes.h>
#include <string.h>

#include "config/config.h"

/* A host and a prefix at their longest, and what stands before them. */
#define ORIGIN_BYTES_MAX 640

struct route_order {
    enum route_setting_id less;
    enum route_setting_id more;
    const char *because;
};

/* What may not be larger than something else; the larger ones come first. */
static const struct route_order route_orders[] = {
    {ROUTE_ID_timeouts_header_ms, ROUTE_ID_timeouts_total_ms,
     "a whole exchange includes its header"},
    {ROUTE_ID_timeouts_connect_ms, ROUTE_ID_timeouts_header_ms,
     "the time for the header includes the connection"},
    {ROUTE_ID_timeouts_stall_ms, ROUTE_ID_timeouts_total_ms,
     "a whole exchange would end before a stall is noticed"},
    {ROUTE_ID_timeouts_resolve_ms, ROUTE_ID_timeouts_header_ms,
     "the time for the header includes the lookup"},
    {ROUTE_ID_rest_ms, ROUTE_ID_rest_max_ms, "no rest is longer than the longest"},
    {ROUTE_ID_stored_body_bytes_max, ROUTE_ID_body_bytes_max,
     "a body that is stored is passed on first"},
};

#define ROUTE_ORDERS (sizeof(route_orders) / sizeof(route_orders[0]))

static void *field_of(struct config_route *route, enum route_setting_id id)
{
    return (char *)route + route_settings.settings[id].offset;
}

static uint64_t number_of(const struct config_route *route, enum route_setting_id id)
{
    uint64_t number;
    memcpy(&number, (const char *)route + route_settings.settings[id].offset, sizeof(number));
    return number;
}

static bool is_given(const struct config_route *route, enum route_setting_id id)
{
    return route->origins[id].source != CONFIG_FROM_DEFAULT;
}

static void route_resolve(const struct config *config, struct config_route *route)
{
    for (size_t i = 0; i < ROUTE_SETTING_COUNT; i++) {
        const struct setting *setting = &route_settings.settings[i];
        enum route_setting_id id = (enum route_setting_id)i;
        if (setting->inherits != NULL && !is_given(route, id))
            memcpy(field_of(route, id), (const char *)config + setting->inherits->offset,
                   setting->bytes);
    }
    for (size_t i = 0; i < ROUTE_ORDERS; i++) {
        uint64_t more = number_of(route, route_orders[i].more);
        if (!is_given(route, route_orders[i].less) && number_of(route, route_orders[i].less) > more)
            memcpy(field_of(route, route_orders[i].less), &more, sizeof(more));
    }
}

void routes_resolve(struct config *config)
{
    for (unsigned i = 0; i < config->routes.count; i++)
        route_resolve(config, &config->routes.items[i]);
}

/* "x.json:3: routes[0]", "FETCHONCE_ROUTES: /api/", "--route: /api/". */
static void route_origin_text(const struct config *config, const struct config_route *route,
                              char *ret_text, size_t text_bytes)
{
    if (route->origin.source == CONFIG_FROM_FILE)
        snprintf(ret_text, text_bytes, "%s:%u: routes[%u]", config->file, route->origin.line,
                 route->position);
    else
        snprintf(ret_text, text_bytes, "%s: %s%s",
                 route->origin.source == CONFIG_FROM_ENVIRONMENT ? CONFIG_ROUTE_VARIABLE
                                                                 : "--route",
                 route->host, route->prefix);
}

/* Of a value in a route; one that is inherited is where the server's is. */
static void value_origin_text(const struct config *config, const struct config_route *route,
                              enum route_setting_id id, char *ret_text, size_t text_bytes)
{
    const struct setting *setting = &route_settings.settings[id];

    if (route->origins[id].source == CONFIG_FROM_FILE)
        snprintf(ret_text, text_bytes, "%s:%u: routes[%u].%s", config->file,
                 route->origins[id].line, route->position, setting->path);
    else if (setting->inherits == NULL)
        snprintf(ret_text, text_bytes, "%s (default)", setting->path);
    else
        config_origin_text(config, (enum setting_id)(setting->inherits - setting_table), ret_text,
                           text_bytes);
}

static void order_check(const struct config *config, const struct config_route *route,
                        const struct route_order *order, struct problems *problems)
{
    char first[ORIGIN_BYTES_MAX];
    char second[ORIGIN_BYTES_MAX];

    if (number_of(route, order->less) <= number_of(route, order->more) ||
        route->origins[order->less].is_faulty || route->origins[order->more].is_faulty)
        return;
    value_origin_text(config, route, order->less, first, sizeof(first));
    value_origin_text(config, route, order->more, second, sizeof(second));
    problems_add(problems, "%s: %" PRIu64 " is more than the %" PRIu64 " of %s: %s", first,
                 number_of(route, order->less), number_of(route, order->more), second,
                 order->because);
}

/* Two of the same layer; a later layer's takes the place of an earlier one's. */
static void place_check(const struct config *config, unsigned position, struct problems *problems)
{
    const struct config_route *route = &config->routes.items[position];
    char first[ORIGIN_BYTES_MAX];
    char second[ORIGIN_BYTES_MAX];

    if (route->origins[ROUTE_ID_prefix].is_faulty || !is_given(route, ROUTE_ID_prefix))
        return; /* reported already */
    for (unsigned i = 0; i < position; i++) {
        const struct config_route *other = &config->routes.items[i];
        if (strcmp(route->host, other->host) != 0 || strcmp(route->prefix, other->prefix) != 0)
            continue;
        route_origin_text(config, route, first, sizeof(first));
        route_origin_text(config, other, second, sizeof(second));
        problems_add(problems, "%s: has the same host and prefix as %s", first, second);
        return;
    }
}

void routes_check(const struct config *config, struct problems *problems)
{
    for (unsigned i = 0; i < config->routes.count; i++) {
        place_check(config, i, problems);
        for (size_t j = 0; j < ROUTE_ORDERS; j++)
            order_check(config, &config->routes.items[i], &route_orders[j], problems);
    }
}
