/* SPDX-License-Identifier: MIT */
/*
 * tunnel.h - CONNECT: bytes between a client and a host that it names, as https through a proxy
 * needs them.
 */
#ifndef SERVER_HANDLERS_TUNNEL_H
#define SERVER_HANDLERS_TUNNEL_H

#include <fetch/fetcher.h>

#include "../request.h"

/* Where tunnels may lead; all of it is the caller's, and stays. */
struct tunnel_rules {
    struct fetch_policy *policy; /* NULL: there are no tunnels */
    const uint16_t *ports;       /* the only ones */
    size_t port_count;
};

/*
 * tunnel_start - of a request with the method CONNECT. 200 once the host is connected; else 403,
 * 502, 503 or 504. Source: RFC 9110 section 9.3.6
 */
void tunnel_start(struct request *request, struct fetch_lane *lane,
                  const struct tunnel_rules *rules);

#endif
