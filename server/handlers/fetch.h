/* SPDX-License-Identifier: MIT */
/*
 * fetch.h - /fetch?url=URL[&select=POINTER]: the answer of another server, fetched once for all.
 *
 * `url` is percent-decoded once; `select` is a JSON pointer (RFC 6901) to one value of a JSON body.
 * What a client can be told: docs/internals/flight.md and egress.md.
 */
#ifndef SERVER_HANDLERS_FETCH_H
#define SERVER_HANDLERS_FETCH_H

#include "../server.h"
#include "lanes.h"

/* fetch_route - the route "/fetch" on these lanes, which stay until server_free(). */
struct server_route fetch_route(struct lanes *lanes);

#endif
