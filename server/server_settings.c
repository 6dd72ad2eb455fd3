/* SPDX-License-Identifier: MIT */
/*
 * server_settings.c - the settings of a server: their defaults, and whether it could run with them.
 */
#include "server.h"

#define LOOPS_MAX     1024
#define ADDRESSES_MAX 64

void server_settings_init(struct server_settings *settings)
{
    *settings = (struct server_settings){
        .limits = {.connections = 10000,
                   .requests_per_connection = 1000000,
                   .pipelined_replies = 16,
                   .target_bytes = 8192,
                   .header_bytes = 32768,
                   .header_fields = 100,
                   .body_bytes = 1024 * 1024},
        .timeouts = {.idle_ms = 60000,
                     .header_ms = 10000,
                     .body_ms = 30000,
                     .write_ms = 30000,
                     .half_close_ms = 0,
                     .linger_ms = 2000},
    };
}

bool server_route_is_possible(const struct server_settings *settings,
                              const struct server_route *route)
{
    if (route->access == SERVER_GUARDED && settings->guard.admits == NULL)
        return false;
    if (route->match == SERVER_METHOD)
        return route->host == NULL && route->path != NULL && route->methods == REQUEST_OTHER;
    if (route->match == SERVER_FORWARD)
        return route->host == NULL && route->path == NULL;
    return route->path != NULL && route->path[0] == '/';
}

bool server_settings_are_possible(const struct server_settings *settings)
{
    const struct server_limits *limits = &settings->limits;

    for (size_t i = 0; i < settings->route_count; i++) {
        if (!server_route_is_possible(settings, &settings->routes[i]))
            return false;
    }
    return settings->address_count > 0 && settings->address_count <= ADDRESSES_MAX &&
           settings->loops <= LOOPS_MAX && limits->connections > 0 &&
           limits->requests_per_connection > 0 && limits->pipelined_replies > 0 &&
           limits->target_bytes > 0 && limits->header_fields > 0 &&
           limits->header_fields <= 10000 && limits->header_bytes >= limits->target_bytes &&
           limits->header_bytes <= 16 * 1024 * 1024;
}
