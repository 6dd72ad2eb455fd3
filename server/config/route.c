/* SPDX-License-Identifier: MIT */
/*
 * route.c - see route.h. The table of a route's settings, routes as one text, and what a route has
 * from the server.
 */
#include "config/route.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "config/config.h"
#include "config/value.h"

#define QUOTED_BYTES_MAX 160
#define TEXT_BYTES_MAX   4096

#define ROW(field_name, ...)                                                                       \
    {.offset = offsetof(struct config_route, field_name),                                          \
     .bytes = sizeof(((struct config_route *)NULL)->field_name),                                   \
     __VA_ARGS__},

/* Arguments here are initializers, which parentheses would not suit. */
/* NOLINTBEGIN(bugprone-macro-parentheses) */
static const struct setting route_table[ROUTE_SETTING_COUNT] = {
#define SECTION(p, t)
#define PREFIX(f, p, t)       ROW(f, .kind = SETTING_PREFIX, .path = p, .text = t)
#define HOST(f, p, s, t)      ROW(f, .kind = SETTING_HOST, .path = p, .standard = s, .text = t)
#define UPSTREAMS(f, p, t)    ROW(f, .kind = SETTING_UPSTREAMS, .path = p, .text = t)
#define PROTOCOLS(f, p, s, t) ROW(f, .kind = SETTING_PROTOCOLS, .path = p, .standard = s, .text = t)
#define NUMBER(f, p, lo, hi, s, u, t)                                                              \
    ROW(f, .kind = SETTING_NUMBER, .path = p, .min = lo, .max = hi, .standard = #s, .unit = u,     \
        .text = t)
#define BOOLEAN(f, p, s, t) ROW(f, .kind = SETTING_BOOLEAN, .path = p, .standard = s, .text = t)
#define CHOICE(f, p, c, s, t)                                                                      \
    ROW(f, .kind = SETTING_CHOICE, .path = p, .choices = c, .standard = s, .text = t)
#define INHERITED(f, p, lo, hi, from, u, t)                                                        \
    ROW(f, .kind = SETTING_NUMBER, .path = p, .min = lo, .max = hi, .unit = u, .text = t,          \
        .inherits = &setting_table[SETTING_ID_##from])
#define INHERITED_BOOLEAN(f, p, from, t)                                                           \
    ROW(f, .kind = SETTING_BOOLEAN, .path = p, .text = t,                                          \
        .inherits = &setting_table[SETTING_ID_##from])
#include "config/routes.def"
#include "config/routes_end.h"
};
/* NOLINTEND(bugprone-macro-parentheses) */

static const struct setting_section route_sections[] = {
#define SECTION(p, t) {p, t},
#define PREFIX(f, p, t)
#define HOST(f, p, s, t)
#define UPSTREAMS(f, p, t)
#define PROTOCOLS(f, p, s, t)
#define NUMBER(f, p, lo, hi, s, u, t)
#define BOOLEAN(f, p, s, t)
#define CHOICE(f, p, c, s, t)
#define INHERITED(f, p, lo, hi, from, u, t)
#define INHERITED_BOOLEAN(f, p, from, t)
#include "config/routes.def"
#include "config/routes_end.h"
    {NULL, NULL},
};

const struct setting_group route_settings = {route_table, ROUTE_SETTING_COUNT, route_sections};

void route_init(struct config_route *route)
{
    memset(route, 0, sizeof(*route));
    for (size_t i = 0; i < ROUTE_SETTING_COUNT; i++) {
        struct value_fault fault;
        int err = 0;
        if (route_table[i].standard != NULL)
            err = value_set_text(route, &route_table[i], route_table[i].standard, &fault);
        assert(err == 0); /* a default that its own setting refuses */
        (void)err;
    }
}

static int route_set(struct config_route *route, enum route_setting_id id, const char *text,
                     enum config_source source, struct value_fault *ret_fault)
{
    route->origins[id].source = source;
    return value_set_text(route, &route_table[id], text, ret_fault);
}

/* "[host]/prefix=URL[,URL...]" */
static int route_parse(const char *text, enum config_source source, struct config_route *ret_route,
                       struct value_fault *ret_fault)
{
    char target[TEXT_BYTES_MAX];
    char host[TEXT_BYTES_MAX];
    const char *equals = strchr(text, '=');
    const char *slash = strchr(text, '/');
    int err;

    if (equals == NULL || slash == NULL || slash > equals)
        return value_refuse(ret_fault, "has to be written as /prefix=http://host:port");
    if ((size_t)(equals - text) >= sizeof(target))
        return value_refuse(ret_fault, "is too long");
    snprintf(host, sizeof(host), "%.*s", (int)(slash - text), text);
    snprintf(target, sizeof(target), "%.*s", (int)(equals - slash), slash);
    route_init(ret_route);
    ret_route->origin.source = source;
    err = route_set(ret_route, ROUTE_ID_host, host, source, ret_fault);
    if (err == 0)
        err = route_set(ret_route, ROUTE_ID_prefix, target, source, ret_fault);
    if (err == 0)
        err = route_set(ret_route, ROUTE_ID_upstreams, equals + 1, source, ret_fault);
    if (err == 0 && ret_route->upstreams.count == 0)
        err = value_refuse(ret_fault, "has no upstream");
    return err;
}

static bool is_same_place(const struct config_route *one, const struct config_route *other)
{
    return strcmp(one->host, other->host) == 0 && strcmp(one->prefix, other->prefix) == 0;
}

/* Where the route goes: in the place of one of an earlier layer, or behind all. NULL: no room. */
static struct config_route *place_find(struct config_routes *routes,
                                       const struct config_route *route)
{
    for (unsigned i = 0; i < routes->count; i++) {
        struct config_route *known = &routes->items[i];
        if (is_same_place(known, route) && known->origin.source != route->origin.source)
            return known;
    }
    return routes->count < CONFIG_ROUTES_MAX ? &routes->items[routes->count++] : NULL;
}

/* `where` is what the text was given as. */
static void route_add(struct config_routes *routes, enum config_source source, const char *where,
                      const char *text, struct problems *problems)
{
    char quoted[QUOTED_BYTES_MAX];
    struct config_route route = {.position = 0};
    struct config_route *place;
    struct value_fault fault;

    if (route_parse(text, source, &route, &fault) < 0) {
        problems_add(problems, "%s: the route %s: %s", where,
                     problems_quote(text, quoted, sizeof(quoted)), fault.text);
        return;
    }
    place = place_find(routes, &route);
    if (place == NULL)
        problems_add(problems, "%s: there must not be more than %d routes", where,
                     CONFIG_ROUTES_MAX);
    else
        *place = route;
}

void routes_read_variable(struct config_routes *routes, const char *text, struct problems *problems)
{
    char route[TEXT_BYTES_MAX];

    routes->count = 0;
    for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
        size_t bytes = strcspn(text, " ");
        snprintf(route, sizeof(route), "%.*s", (int)bytes, text);
        route_add(routes, CONFIG_FROM_ENVIRONMENT, "environment: " CONFIG_ROUTE_VARIABLE, route,
                  problems);
        text += bytes;
    }
}

void routes_add_option(struct config_routes *routes, const char *option, const char *text,
                       struct problems *problems)
{
    route_add(routes, CONFIG_FROM_COMMAND_LINE, option, text, problems);
}

bool routes_are_equal(const struct config_routes *one, const struct config_routes *other)
{
    char left[VALUE_TEXT_BYTES_MAX];
    char right[VALUE_TEXT_BYTES_MAX];

    if (one->count != other->count)
        return false;
    for (unsigned i = 0; i < one->count; i++) {
        for (size_t j = 0; j < ROUTE_SETTING_COUNT; j++) {
            value_print(&one->items[i], &route_table[j], left);
            value_print(&other->items[i], &route_table[j], right);
            if (strcmp(left, right) != 0)
                return false;
        }
    }
    return true;
}
