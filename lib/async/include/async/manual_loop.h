/* SPDX-License-Identifier: MIT */
/*
 * manual_loop.h - a loop with a virtual clock, turned by hand: for unit tests and simulations.
 *
 * Nothing runs but in the calls below, and time stands still but for async_manual_loop_advance()
 * and async_manual_loop_set_clock(). Several manual loops on one thread share nothing; whoever
 * turns them decides the schedule. For one clock over all of them: step them, in any order, until
 * none has anything to do; set the clocks of all to the earliest async_manual_loop_next_ns(); begin
 * again.
 * It has no file descriptors: async_watch_init() fails with -ENOSYS.
 */
#ifndef ASYNC_MANUAL_LOOP_H
#define ASYNC_MANUAL_LOOP_H

#include <async/loop.h>

ASYNC_BEGIN_DECLS

/*
 * async_manual_loop_new - a loop whose clock stands at 0.
 * Errors    -ENOMEM.
 * Owns      the caller frees it with async_loop_free(). async_loop_run() on it turns until it is
 *           idle or stopped, without advancing the clock.
 */
int async_manual_loop_new(struct async_loop **ret_loop);

/* async_manual_loop_step - runs one ready task, or else one due timer. Returns whether it did. */
bool async_manual_loop_step(struct async_loop *loop);

/*
 * async_manual_loop_step_timer - runs one due timer, even if tasks are ready: so it may come about
 * on a real loop, which looks at the timers first. Returns whether it did.
 */
bool async_manual_loop_step_timer(struct async_loop *loop);

/* async_manual_loop_settle - steps until nothing is ready or due. Returns the number of steps. */
unsigned async_manual_loop_settle(struct async_loop *loop);

/*
 * async_manual_loop_advance - moves the clock on by `by_ns`, stopping at each timer on the way:
 * all that is ready runs before time passes. Returns the number of steps.
 */
unsigned async_manual_loop_advance(struct async_loop *loop, int64_t by_ns);

/*
 * async_manual_loop_set_clock - sets the clock to `at_ns`, not before what it shows (asserted), and
 * runs nothing: timers that are due by then wait for the next step.
 */
void async_manual_loop_set_clock(struct async_loop *loop, int64_t at_ns);

/* async_manual_loop_next_ns - when the next timer is due, ASYNC_NEVER if none is armed. */
int64_t async_manual_loop_next_ns(const struct async_loop *loop);

ASYNC_END_DECLS

#endif
