/* SPDX-License-Identifier: MIT */
/*
 * condition.h - wait until shared state guarded by a lock has become what one needs: asyncio's
 * Condition, usable between threads.
 *
 * A holder of the lock who finds the state wanting waits: the lock is released and the waiter
 * parked in one step, and when another holder notifies it, it queues for the lock and is told once
 * it holds it again. Several conditions may share a lock.
 *
 * A notify is not lost: if the waiter that took it is cancelled before it was told, it goes on to
 * another. So a plain wait may end for a state that others have used up meanwhile; look at the
 * state again, or use async_condition_wait_for(), which does.
 *
 * Differs from asyncio:
 * - The lock is made by the caller, and each call names the holder: a callback has no current task.
 * - After a cancel the lock is not held. asyncio takes it again first, but async_waiter_cancel()
 *   has ended everything when it returns, and so cannot wait for a lock.
 * - There is a deadline: on_done(-ETIMEDOUT) comes with the lock held again, as from
 *   pthread_cond_timedwait(3), and so may come later than the deadline. A notify that came before
 *   the deadline counts, however long the lock takes.
 */
#ifndef ASYNC_CONDITION_H
#define ASYNC_CONDITION_H

#include <async/lock.h>

struct async_condition {
    struct async_lock *lock;
    struct async_list parked ASYNC_GUARDED_BY(async_waitq_class); /* by the lock's mutex */
};

struct async_condition_waiter;

/* Whether the state is as wanted; context by async_container_of(). Called with the lock held, on
 * the waiter's loop. It may look at the state, and do nothing with locks, waiters or loops. */
typedef bool async_condition_predicate_fn(struct async_condition_waiter *waiter);

/* For async_condition_wait_for(). */
struct async_condition_waiter {
    struct async_waiter waiter; /* init with async_waiter_init(); on_done, deadline as anywhere */
    async_condition_predicate_fn *predicate; /* the library's: set by the call */
};

ASYNC_BEGIN_DECLS

/*
 * async_condition_init - a condition of what `lock` guards. async_condition_fini asserts that
 * nobody waits for it; nor may a waiter be left that was notified and not told yet.
 * Owns      the caller keeps the lock, which outlives the condition.
 */
void async_condition_init(struct async_condition *condition, struct async_lock *lock);
void async_condition_fini(struct async_condition *condition);

/*
 * async_condition_wait - releases the lock, which `waiter` holds, and waits to be notified.
 * Delivery  on_done(waiter, 0) on the waiter's loop, never inside this call, with the lock held by
 *           the waiter again. Notifies wake the longest waiting first; the lock then comes to them
 *           in that order, behind those who queued for it earlier.
 * Errors    returned, with nothing done and on_done not to come: -EINVAL: nobody holds the lock;
 *           -EPERM: another does. Through on_done, with the lock held: -ETIMEDOUT after
 *           waiter->deadline_ns without a notify.
 * Owns      the caller keeps the waiter; it may not move or die until the lock is released or
 *           cancel returned. After a cancel that returned true it does not hold the lock.
 * Thread    the waiter's loop.
 */
int async_condition_wait(struct async_condition *condition, struct async_waiter *waiter)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_condition_wait_for - the same until predicate(waiter) holds; asked at once, and after each
 * notify before the waiter is told. Nobody is told for a state that does not hold any more.
 * Delivery  on_done(&waiter->waiter, 0) with the lock held and the predicate true. If it is true at
 *           once, the lock is not released in between.
 * Errors    as async_condition_wait. At the deadline the predicate is asked a last time, so that
 *           -ETIMEDOUT says that it is false.
 */
int async_condition_wait_for(struct async_condition *condition,
                             struct async_condition_waiter *waiter,
                             async_condition_predicate_fn *predicate)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_condition_notify - wakes the `count` longest waiting, or all if there are fewer.
 * async_condition_notify_all - wakes all who wait now. They run once `holder` has released the
 * lock, one after the other.
 * Errors    -EINVAL: nobody holds the lock; -EPERM: somebody other than `holder` does.
 * Thread    any; usually the holder's.
 */
int async_condition_notify(struct async_condition *condition, const struct async_waiter *holder,
                           unsigned count) ASYNC_EXCLUDES(async_waitq_class);
int async_condition_notify_all(struct async_condition *condition, const struct async_waiter *holder)
    ASYNC_EXCLUDES(async_waitq_class);

/* async_condition_waiting - how many wait to be notified; walks the list. Thread: any. */
unsigned async_condition_waiting(struct async_condition *condition)
    ASYNC_EXCLUDES(async_waitq_class);

ASYNC_END_DECLS

#endif
