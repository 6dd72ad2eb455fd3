/* SPDX-License-Identifier: MIT */
/*
 * router.h - which handler answers a request, on one loop.
 *
 * The most exact route wins: one for this host before one for any, this very path before a prefix,
 * a longer prefix before a shorter. Paths are compared byte by byte in their normalised
 * spelling, hosts without regard to case. A prefix ends where a segment does: "/api" is of "/api"
 * and "/api/x", not of "/apix".
 *
 * A method that a route has for itself is that route's, whatever the target.
 *
 * A target that names its own host (absolute-form, CONNECT) is for the forward route, if there is
 * one, unless a route has that host. Without a forward route an absolute target is looked up like
 * any other.
 *
 * A route may be served on some of the server's addresses only; elsewhere it is as if it were not
 * there.
 *
 * The guard, if there is one, is asked first, so those it refuses do not learn what is there.
 *
 * OPTIONS of the server as a whole ("*") is answered here: 204 with Allow.
 *
 * What no route answers is 404; a method that the route does not take is 405 with Allow, or 501 if
 * it is one that this server has no name for.
 */
#ifndef SERVER_ROUTER_H
#define SERVER_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "server.h"

/* Room for every method's name and what stands between them. */
#define ROUTER_ALLOW_BYTES 96

/* A route as it is compared. */
struct router_place {
    struct span host; /* bytes NULL: any */
    struct span path;
    bool has_port;  /* of the host: then it is compared with that of the request */
    bool is_prefix; /* else the path is compared as a whole */
    const struct server_route *route;
};

struct router {
    const struct server_route *routes;
    size_t route_count;
    void **contexts;                    /* of each route, for this loop; the caller fills them in */
    struct router_place *places;        /* the first that fits is the most exact */
    size_t place_count;                 /* all routes but the next two */
    const struct server_route *forward; /* NULL: none */
    const struct server_route *method;  /* NULL: none */
    const struct server_guard *guard;   /* NULL: none; the caller sets it */
};

/* What has been found for a request. */
struct router_choice {
    const struct server_route *route; /* NULL: none */
    int status; /* 0: the route's handler; else what is answered instead: 204, 400, 404, 405, 501 */
};

/*
 * router_init - sorts the routes.
 * Errors    -ENOMEM
 * Owns      `routes` and their strings stay the caller's, until router_fini().
 */
int router_init(struct router *router, const struct server_route *routes, size_t route_count);
void router_fini(struct router *router);

/* router_choose - what the request's target and method come to. */
struct router_choice router_choose(const struct router *router, const struct request *request);

/* router_start - answers the request with the status, or hands it to its handler. */
void router_start(const struct router *router, struct request *request,
                  struct router_choice choice);

/* router_allow - the value of Allow for a set of methods: "GET, HEAD". Returns `buffer`. */
const char *router_allow(unsigned methods, char buffer[ROUTER_ALLOW_BYTES]);

#endif
