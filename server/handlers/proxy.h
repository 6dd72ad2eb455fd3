/* SPDX-License-Identifier: MIT */
/*
 * proxy.h - the two proxies: a route of this server stands for an origin (reverse), or clients name
 * the origins themselves (forward).
 *
 * What the standard lets a shared cache store is stored, by the route's policy; GETs of the same
 * are coalesced as those of /fetch are. Fields, statuses and redirects pass as they are. Other
 * methods go to the origin with their bodies. Which origins a client may name, the egress guard
 * says. CONNECT is refused unless the forward proxy has rules for it (tunnel.h), and a wish for
 * another protocol is passed over unless the route allows it (upgrade.h).
 */
#ifndef SERVER_HANDLERS_PROXY_H
#define SERVER_HANDLERS_PROXY_H

#include <fetch/fetcher.h>

#include "../server.h"
#include "lanes.h"
#include "tunnel.h"

/* One route; strings and policy stay the caller's as long as the server has the route. What start()
 * has begun outlives that: it has references of its own to all it needs. */
struct proxy_route {
    const char *space;        /* no other has it: so none finds what another has stored */
    const char *host;         /* NULL: any */
    const char *prefix;       /* begins with '/'; NULL: the forward proxy */
    struct fetch_url *origin; /* its path is put before the request's; NULL for the forward one */
    struct fetch_policy *policy; /* a transparent one */
    bool is_confined;            /* the origin serves more than is open here */
    bool strips_prefix;          /* the origin gets the path without the prefix */
    bool sends_origin_host;      /* Host is that of the origin's URL, not the client's */
    bool trusts_clients;         /* what they say of those before them is kept */
    unsigned styles;         /* in which the origin is told of the client: enum forwarding_style */
    uint64_t body_bytes_max; /* of a request; more: 413. 0: as the server's limit */
    struct tunnel_rules tunnels; /* of the forward one */
    const char *const *upgrades; /* protocols that clients may go over to */
    size_t upgrade_count;
    struct lanes *lanes;
};

/*
 * proxy_plain_request - what the origin would be asked for by a client without fields; of `request`
 * only target and authority count. Its key is that of all answers to such requests.
 * Errors    -ENOMEM, those of fetch_url_parse().
 */
int proxy_plain_request(const struct proxy_route *route, const struct store *store,
                        const struct request *request, struct fetch_request **ret_plain);

/* proxy_server_route - `route` stays as long as the server has the route. */
struct server_route proxy_server_route(struct proxy_route *route);

#endif
