/* SPDX-License-Identifier: MIT */
/*
 * event_loop.h - what async_loop_new() runs on, for code that needs libevent itself.
 */
#ifndef ASYNC_EVENT_LOOP_H
#define ASYNC_EVENT_LOOP_H

#include <async/loop.h>

struct event_base;

ASYNC_BEGIN_DECLS

/*
 * async_loop_event_base - the libevent base of a loop made by async_loop_new(); NULL for others.
 * For what libevent offers beyond this library, such as evdns. Its callbacks see the loop's clock
 * as of before the sleep that they end: post a task from them, or call async_loop_update_now().
 * Owns      the loop's; it lives as long. Built without libevent's locking: loop's thread only.
 */
struct event_base *async_loop_event_base(struct async_loop *loop);

ASYNC_END_DECLS

#endif
