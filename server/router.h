/* SPDX-License-Identifier: MIT */
/*
 * router.h - which handler answers a path, on one loop. Paths are compared as a whole, byte by
 * byte. What no route answers is 404; a method that the route does not take is 405 with Allow.
 */
#ifndef SERVER_ROUTER_H
#define SERVER_ROUTER_H

#include <stddef.h>

#include "server.h"

/* Room for every method's name and what stands between them. */
#define ROUTER_ALLOW_BYTES 96

struct router {
    const struct server_route *routes;
    void **contexts; /* of each route, for this loop */
    size_t route_count;
};

/* router_find - the route of a path, NULL if there is none. */
const struct server_route *router_find(const struct router *router, struct span path);

/* router_status - what the request's path and method come to: 0 (a handler), 404 or 405. */
int router_status(const struct router *router, const struct request *request);

/* router_start - answers the request with 404 or 405, or hands it to its handler. */
void router_start(const struct router *router, struct request *request);

/* router_allow - the value of Allow for a set of methods: "GET, HEAD". Returns `buffer`. */
const char *router_allow(unsigned methods, char buffer[ROUTER_ALLOW_BYTES]);

#endif
