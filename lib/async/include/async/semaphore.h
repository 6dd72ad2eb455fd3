/* SPDX-License-Identifier: MIT */
/*
 * semaphore.h - at most so many at a time: asyncio's Semaphore and BoundedSemaphore, usable
 * between threads.
 *
 * It counts units. An acquire takes one or waits for one; a release gives one back, and may be made
 * by anybody: units have no owner. Release hands the unit to the longest waiting, so that a unit is
 * on hand only while nobody waits, and a newcomer cannot take one in between (CPython 90155).
 *
 * The bounded form refuses more releases than acquires, which the plain form takes for new units.
 *
 * Differs from asyncio: acquire never completes inside the call; try_acquire does. A release above
 * the bound returns an error, as C has no exceptions.
 */
#ifndef ASYNC_SEMAPHORE_H
#define ASYNC_SEMAPHORE_H

#include <async/waiter.h>

struct async_semaphore {
    pthread_mutex_t mutex;
    struct async_list parked ASYNC_GUARDED_BY(async_waitq_class); /* empty unless value is 0 */
    unsigned value ASYNC_GUARDED_BY(async_waitq_class);
    unsigned bound; /* value never rises above; UINT_MAX for the plain form */
};

ASYNC_BEGIN_DECLS

/*
 * async_semaphore_init - a semaphore with `value` units on hand.
 * async_semaphore_init_bounded - the same, which never has more than `value`.
 * async_semaphore_fini asserts that nobody waits; units may be out.
 */
void async_semaphore_init(struct async_semaphore *semaphore, unsigned value);
void async_semaphore_init_bounded(struct async_semaphore *semaphore, unsigned value);
void async_semaphore_fini(struct async_semaphore *semaphore);

/*
 * async_semaphore_try_acquire - takes a unit if one is on hand; never waits, nor passes a waiter.
 * Returns   whether a unit was taken.
 * Thread    any.
 */
bool async_semaphore_try_acquire(struct async_semaphore *semaphore)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_semaphore_acquire - asks for a unit; the waiter is told once it has one.
 * Delivery  on_done(waiter, 0) on the waiter's loop, never inside this call. First come, first
 *           served.
 * Errors    through on_done: -ETIMEDOUT after waiter->deadline_ns. A unit on hand is granted even
 *           if the deadline is past.
 * Owns      the caller keeps the waiter; it may not move or die until on_done ran or cancel
 *           returned. Having a unit binds no waiter: it may wait elsewhere, or die.
 * Thread    the waiter's loop.
 */
void async_semaphore_acquire(struct async_semaphore *semaphore, struct async_waiter *waiter)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_semaphore_release - gives a unit, to the longest waiting if there is one.
 * Errors    -EOVERFLOW: all units of the bound are on hand (or UINT_MAX are); nothing has changed.
 * Thread    any.
 */
int async_semaphore_release(struct async_semaphore *semaphore) ASYNC_EXCLUDES(async_waitq_class);

/* async_semaphore_value - how many units are on hand now. Thread: any. */
unsigned async_semaphore_value(struct async_semaphore *semaphore) ASYNC_EXCLUDES(async_waitq_class);

/* async_semaphore_is_locked - whether an acquire would have to wait now. Thread: any. */
bool async_semaphore_is_locked(struct async_semaphore *semaphore) ASYNC_EXCLUDES(async_waitq_class);

/* async_semaphore_waiting - how many are parked; walks the queue. Thread: any. */
unsigned async_semaphore_waiting(struct async_semaphore *semaphore)
    ASYNC_EXCLUDES(async_waitq_class);

ASYNC_END_DECLS

#endif
