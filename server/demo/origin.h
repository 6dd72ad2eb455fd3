/* SPDX-License-Identifier: MIT */
/*
 * origin.h - the demo's origin: answers any request, slowly, and counts them.
 */
#ifndef SERVER_DEMO_ORIGIN_H
#define SERVER_DEMO_ORIGIN_H

#include <stdint.h>

#include "config/address.h"

struct demo_origin;

/*
 * demo_origin_start - listens on a free port of 127.0.0.1, in a thread of its own, and answers each
 * request `delay_ms` after it came.
 * Errors    negative errno of socket(2), bind(2), listen(2); -ENOMEM, -EAGAIN.
 */
int demo_origin_start(unsigned delay_ms, struct demo_origin **ret_origin);

/* demo_origin_port - where it listens. */
uint16_t demo_origin_port(const struct demo_origin *origin);

/* demo_origin_requests - how many requests have come. Thread: any. */
unsigned demo_origin_requests(const struct demo_origin *origin);

/* demo_origin_stop - ends and frees it. NULL is allowed. */
void demo_origin_stop(struct demo_origin *origin);

#endif
