/* SPDX-License-Identifier: MIT */
/*
 * proxy.h - the reverse proxy: a route of this server stands for one or more origins.
 *
 * What the standard lets a shared cache store is stored, by the route's policy; GETs of the same
 * are coalesced as those of /fetch are. Fields, statuses and redirects pass as they are. Other
 * methods go to the origin with their bodies.
 */
#ifndef SERVER_HANDLERS_PROXY_H
#define SERVER_HANDLERS_PROXY_H

#include <fetch/fetcher.h>

#include "../server.h"
#include "lanes.h"

/* One route; strings and policy stay the caller's until server_free(). */
struct proxy_route {
    const char *host;            /* NULL: any */
    const char *prefix;          /* begins with '/' */
    struct fetch_url *origin;    /* what its path begins with is put before the request's path */
    struct fetch_policy *policy; /* a transparent one */
    bool strips_prefix;          /* the origin gets the path without the prefix */
    bool sends_origin_host;      /* Host is that of the origin's URL, not the client's */
    struct lanes *lanes;
};

/* proxy_server_route - `route` stays until server_free(). */
struct server_route proxy_server_route(struct proxy_route *route);

#endif
