/* SPDX-License-Identifier: MIT */
/*
 * access.h - /access: a counter that one lock guards for all loops, and that shows waiting.
 *
 * GET and HEAD count alike: HEAD is GET without the body.
 */
#ifndef SERVER_HANDLERS_ACCESS_H
#define SERVER_HANDLERS_ACCESS_H

#include <stdint.h>

#include "../server.h"

struct access;

/*
 * access_new - a counter at 0. `hold_ms` is how long each request keeps the lock; 0: not at all.
 * Errors    -ENOMEM.
 */
int access_new(uint32_t hold_ms, struct access **ret_access);

/* access_free - after the server has ended. NULL is allowed. */
void access_free(struct access *access);

/* access_route - the route "/access" on this counter. */
struct server_route access_route(struct access *access);

#endif
