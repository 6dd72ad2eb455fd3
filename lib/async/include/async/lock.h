/* SPDX-License-Identifier: MIT */
/*
 * lock.h - a lock for operations on event loops: asyncio's Lock, usable between threads.
 *
 * Grants are first come, first served: release hands the lock to the longest waiting, and a
 * newcomer cannot take it in between. The holder is named by its waiter, so that releasing what is
 * free or held by another is refused and says so.
 *
 * Differs from asyncio: release names the holder, as a callback has no current task. acquire never
 * completes inside the call; try_acquire is the way for those who do not want to wait a turn.
 */
#ifndef ASYNC_LOCK_H
#define ASYNC_LOCK_H

#include <stdint.h>

#include <async/atomic.h>
#include <async/waiter.h>

struct async_lock {
    ASYNC_ATOMIC(uintptr_t) word; /* 0: free; else the holder, lowest bit: others may be parked */
    pthread_mutex_t mutex;
    struct async_list parked ASYNC_GUARDED_BY(async_waitq_class);
};

ASYNC_BEGIN_DECLS

/* async_lock_init - a free lock. async_lock_fini asserts that nobody holds it or waits for it. */
void async_lock_init(struct async_lock *lock);
void async_lock_fini(struct async_lock *lock);

/*
 * async_lock_try_acquire - takes the lock if it is free and nobody waits; never waits.
 * Returns   whether `waiter` now holds it.
 * Thread    the waiter's loop.
 */
bool async_lock_try_acquire(struct async_lock *lock, struct async_waiter *waiter);

/*
 * async_lock_acquire - asks for the lock; the waiter is told once it holds it.
 * Delivery  on_done(waiter, 0) on the waiter's loop, never inside this call. First come, first
 *           served.
 * Errors    through on_done: -ETIMEDOUT after waiter->deadline_ns; -EDEADLK if this waiter holds
 *           the lock already. A free lock is granted even if the deadline is past.
 * Owns      the caller keeps the waiter; it may not move or die until on_done ran or cancel
 *           returned, nor, once it holds, before async_lock_release().
 * Thread    the waiter's loop.
 */
void async_lock_acquire(struct async_lock *lock, struct async_waiter *waiter);

/*
 * async_lock_release - gives the lock up, to the longest waiting if there is one.
 * Not before on_done has told the holder that it holds; to give a lock up before, cancel.
 * Errors    -EINVAL: nobody holds it. -EPERM: another holds it. Nothing has changed then.
 * Thread    any; usually the holder's.
 */
int async_lock_release(struct async_lock *lock, struct async_waiter *holder);

/*
 * async_lock_holder - who holds the lock now, NULL if nobody; by the time it returns it may have
 * changed, unless the caller is the holder. Only to be compared, not looked into. Thread: any.
 */
const struct async_waiter *async_lock_holder(const struct async_lock *lock);

/* async_lock_is_locked - whether somebody holds the lock. Thread: any. */
bool async_lock_is_locked(const struct async_lock *lock);

/* async_lock_waiting - how many are parked; walks the queue. Thread: any. */
unsigned async_lock_waiting(struct async_lock *lock) ASYNC_EXCLUDES(async_waitq_class);

ASYNC_END_DECLS

#endif
