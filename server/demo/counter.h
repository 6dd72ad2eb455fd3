/* SPDX-License-Identifier: MIT */
/*
 * counter.h - the demo's counter: incremented by tasks on two loops, with a lock or without.
 *
 * An increment is a read, a turn of the loop, and a write, as in any program that waits for
 * something between the two. Without a lock, whoever writes in between is overwritten.
 */
#ifndef SERVER_DEMO_COUNTER_H
#define SERVER_DEMO_COUNTER_H

#include <stdbool.h>

/*
 * counter_run - has `tasks` tasks, spread over two loops in two threads, make `rounds` increments
 * each, and returns what the counter came to.
 * Errors    -ENOMEM, -EAGAIN, those of async_loop_new().
 */
int counter_run(unsigned tasks, unsigned rounds, bool with_lock, unsigned *ret_count);

#endif
