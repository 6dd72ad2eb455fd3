/* SPDX-License-Identifier: MIT */
/*
 * route.h - the values of all routes: which requests go to which upstreams, and how.
 *
 * A route has a prefix and upstreams, given in the file (with all settings of routes.def) or as one
 * text, "/prefix=http://host:port[/path][,URL...]", in FETCHONCE_ROUTES (several, separated by
 * blanks) or with --route. The prefix may have a host before it: "example.com/prefix=...".
 */
#ifndef CONFIG_ROUTE_H
#define CONFIG_ROUTE_H

#include "config/lists.h"
#include "config/problems.h"
#include "config/setting.h"
#include "config/target.h"

#define CONFIG_ROUTES_MAX     32
#define CONFIG_ROUTE_VARIABLE "FETCHONCE_ROUTES"

struct config;

enum route_setting_id {
#define SECTION(path, text)
#define PREFIX(field, path, text)                           ROUTE_ID_##field,
#define HOST(field, path, standard, text)                   ROUTE_ID_##field,
#define UPSTREAMS(field, path, text)                        ROUTE_ID_##field,
#define PROTOCOLS(field, path, standard, text)              ROUTE_ID_##field,
#define NUMBER(field, path, min, max, standard, unit, text) ROUTE_ID_##field,
#define BOOLEAN(field, path, standard, text)                ROUTE_ID_##field,
#define CHOICE(field, path, choices, standard, text)        ROUTE_ID_##field,
#define INHERITED(field, path, min, max, from, unit, text)  ROUTE_ID_##field,
#define INHERITED_BOOLEAN(field, path, from, text)          ROUTE_ID_##field,
#include "config/routes.def"
#include "config/routes_end.h"
    ROUTE_SETTING_COUNT
};

/* The positions of the words of choices. */
enum route_forward_host {
    ROUTE_HOST_OF_UPSTREAM,
    ROUTE_HOST_OF_CLIENT,
};

enum route_set_cookie {
    ROUTE_SET_COOKIE_GUARDED,
    ROUTE_SET_COOKIE_STANDARD,
};

/* The sets of enum forwarding_style (http/forwarding.h). */
enum route_tell_client {
    ROUTE_TELL_NOTHING,
    ROUTE_TELL_STANDARD,
    ROUTE_TELL_CUSTOMARY,
    ROUTE_TELL_BOTH,
};

struct config_route {
#define SECTION(path, text)
#define PREFIX(field, path, text)                           char field[TARGET_PREFIX_BYTES_MAX + 1];
#define HOST(field, path, standard, text)                   char field[TARGET_HOST_BYTES_MAX + 1];
#define UPSTREAMS(field, path, text)                        struct config_upstreams field;
#define PROTOCOLS(field, path, standard, text)              struct config_names field;
#define NUMBER(field, path, min, max, standard, unit, text) uint64_t field;
#define BOOLEAN(field, path, standard, text)                bool field;
#define CHOICE(field, path, choices, standard, text)        unsigned field;
#define INHERITED(field, path, min, max, from, unit, text)  uint64_t field;
#define INHERITED_BOOLEAN(field, path, from, text)          bool field;
#include "config/routes.def"
#include "config/routes_end.h"
    struct config_origin origins[ROUTE_SETTING_COUNT]; /* by enum route_setting_id */
    struct config_origin origin;                       /* of the route as a whole */
    unsigned position;                                 /* CONFIG_FROM_FILE: in the list there */
};

/* No two have the same host and prefix, once config_check() has found nothing. */
struct config_routes {
    struct config_route items[CONFIG_ROUTES_MAX];
    unsigned count;
};

/* The settings of a route, by enum route_setting_id; offsets are those in struct config_route. */
extern const struct setting_group route_settings;

/* route_init - the defaults, those that are the server's excepted: see routes_resolve(). */
void route_init(struct config_route *route);

/* routes_read_variable - puts the routes of the text in the place of all others. */
void routes_read_variable(struct config_routes *routes, const char *text,
                          struct problems *problems);

/*
 * routes_add_option - adds the route of the text; one of file or environment with the same host and
 * prefix gives way.
 */
void routes_add_option(struct config_routes *routes, const char *option, const char *text,
                       struct problems *problems);

/* routes_resolve - puts the server's values where the route has none of its own, and lowers them
 * where they would exceed what it has. */
void routes_resolve(struct config *config);

/* routes_check - reports what contradicts each other, in a route and between routes. */
void routes_check(const struct config *config, struct problems *problems);

/* routes_are_equal - in all values, wherever they came from. */
bool routes_are_equal(const struct config_routes *one, const struct config_routes *other);

#endif
