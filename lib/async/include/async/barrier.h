/* SPDX-License-Identifier: MIT */
/*
 * barrier.h - a fixed number of parties wait for each other, round after round: asyncio's Barrier,
 * usable between threads.
 *
 * The party that makes the number full trips the barrier: all are told, each with an index of its
 * own, and the next round begins at once. A party that is cancelled or times out while the barrier
 * fills just leaves, and the others wait for another in its place.
 *
 * Differs from asyncio:
 * - There are two states, filling and broken. asyncio's draining and resetting last from the trip
 *   or reset until each task has run; here all outcomes are decided and posted in one step. So a
 *   reset or abort after the trip does not turn a success into an error for those who had not run
 *   yet, and one who comes after the trip counts for the next round instead of being held up.
 * - An index is the place in the queue at the trip, so that each from 0 to parties - 1 is given
 *   once even if somebody left the queue. Without leavers that is the order of arrival, as there.
 * - Waiting and the index are one call, and reset and abort do not wait: no lock is involved.
 */
#ifndef ASYNC_BARRIER_H
#define ASYNC_BARRIER_H

#include <async/waiter.h>

struct async_barrier {
    pthread_mutex_t mutex;
    struct async_list parked ASYNC_GUARDED_BY(async_waitq_class); /* empty while it is broken */
    unsigned waiting ASYNC_GUARDED_BY(async_waitq_class);         /* how many are parked */
    bool is_broken ASYNC_GUARDED_BY(async_waitq_class);
    unsigned parties;
};

ASYNC_BEGIN_DECLS

/*
 * async_barrier_init - a barrier that trips when `parties` wait, at least 1 and at most INT_MAX
 * (asserted). async_barrier_fini asserts that nobody waits.
 */
void async_barrier_init(struct async_barrier *barrier, unsigned parties);
void async_barrier_fini(struct async_barrier *barrier);

/*
 * async_barrier_wait - waits until so many wait as the barrier has parties.
 * Delivery  on_done(waiter, index) on the waiter's loop, never inside this call, not even for the
 *           party that trips the barrier. The index is 0 for the first who waited, parties - 1 for
 *           the one who tripped it: use it to choose one party for what is to be done once.
 * Errors    through on_done: -ETIMEDOUT after waiter->deadline_ns; -EPIPE if the barrier is broken,
 *           or is reset or aborted before it trips.
 * Owns      the caller keeps the waiter; it may not move or die until on_done ran or cancel
 *           returned. A party cancelled after the trip has had its place counted.
 * Thread    the waiter's loop.
 */
void async_barrier_wait(struct async_barrier *barrier, struct async_waiter *waiter)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_barrier_reset - sends those who wait away with -EPIPE; the barrier is as new, even if it
 * was broken. Thread: any.
 */
void async_barrier_reset(struct async_barrier *barrier) ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_barrier_abort - breaks the barrier: those who wait, and all who come until a reset, get
 * -EPIPE. For a party that fails and will not come. Thread: any.
 */
void async_barrier_abort(struct async_barrier *barrier) ASYNC_EXCLUDES(async_waitq_class);

/* async_barrier_parties - how many it takes to trip it. Thread: any. */
unsigned async_barrier_parties(const struct async_barrier *barrier);

/* async_barrier_waiting - how many wait now (asyncio's n_waiting). Thread: any. */
unsigned async_barrier_waiting(struct async_barrier *barrier) ASYNC_EXCLUDES(async_waitq_class);

/* async_barrier_is_broken - whether it was aborted and not reset since. Thread: any. */
bool async_barrier_is_broken(struct async_barrier *barrier) ASYNC_EXCLUDES(async_waitq_class);

ASYNC_END_DECLS

#endif
