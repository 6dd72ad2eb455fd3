/* SPDX-License-Identifier: MIT */
/*
 * rwlock.h - many readers or one writer, usable between threads.
 *
 * First come, first served: a reader who comes while a writer waits queues behind it, so that
 * neither can be kept out for ever by a stream of the other. Neighbouring readers in the queue are
 * admitted together. A holder is named by its waiter, as with lock.h.
 *
 * asyncio has no such lock; acquire, deadline and cancel are as those of async/lock.h. A reader
 * cannot become the writer in place: two who tried would wait for each other for ever.
 */
#ifndef ASYNC_RWLOCK_H
#define ASYNC_RWLOCK_H

#include <async/waiter.h>

struct async_rwlock {
    pthread_mutex_t mutex;
    struct async_waiter *writer ASYNC_GUARDED_BY(async_waitq_class); /* NULL if none holds */
    struct async_list readers ASYNC_GUARDED_BY(async_waitq_class);   /* by their waiters' nodes */
    unsigned reader_count ASYNC_GUARDED_BY(async_waitq_class);
    struct async_list parked ASYNC_GUARDED_BY(async_waitq_class); /* its first may not hold now */
};

ASYNC_BEGIN_DECLS

/* async_rwlock_init - a free lock. async_rwlock_fini asserts that nobody holds it or waits. */
void async_rwlock_init(struct async_rwlock *rwlock);
void async_rwlock_fini(struct async_rwlock *rwlock);

/*
 * async_rwlock_try_acquire_read, async_rwlock_try_acquire_write - take the lock if it can be had
 * now and nobody waits; never wait.
 * Returns   whether `waiter` has got it; false as well if it holds the lock already.
 * Owns      as async_rwlock_acquire_read.
 * Thread    the waiter's loop.
 */
bool async_rwlock_try_acquire_read(struct async_rwlock *rwlock, struct async_waiter *waiter)
    ASYNC_EXCLUDES(async_waitq_class);
bool async_rwlock_try_acquire_write(struct async_rwlock *rwlock, struct async_waiter *waiter)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_rwlock_acquire_read, async_rwlock_acquire_write - ask for the lock together with other
 * readers, or alone; the waiter is told once it holds it.
 * Delivery  on_done(waiter, 0) on the waiter's loop, never inside this call. First come, first
 *           served.
 * Errors    through on_done: -ETIMEDOUT after waiter->deadline_ns; -EDEADLK if this waiter holds
 *           the lock already, in either way. A lock that can be had is granted even if the deadline
 *           is past.
 * Owns      the caller keeps the waiter; it may not move or die until on_done ran or cancel
 *           returned, nor, once it holds, before async_rwlock_release(). A reader's waiter stands
 *           in the list of readers meanwhile and may not wait for anything else (asserted).
 * Thread    the waiter's loop.
 */
void async_rwlock_acquire_read(struct async_rwlock *rwlock, struct async_waiter *waiter)
    ASYNC_EXCLUDES(async_waitq_class);
void async_rwlock_acquire_write(struct async_rwlock *rwlock, struct async_waiter *waiter)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_rwlock_release - gives up what the waiter holds, read or write, and admits whoever can be.
 * Cost: O(1), and O(1) for each admitted.
 * Errors    -EINVAL: nobody holds the lock. -EPERM: others do. Nothing has changed then.
 * Thread    any; usually the holder's.
 */
int async_rwlock_release(struct async_rwlock *rwlock, struct async_waiter *holder)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_rwlock_downgrade - turns the writer into a reader, with no moment in between in which
 * another could write; the readers at the head of the queue are admitted beside it.
 * Errors    -EINVAL: nobody holds the lock. -EPERM: the holder does not write, or is another.
 * Owns      from here on as a reader's waiter, see async_rwlock_acquire_read.
 * Thread    the holder's loop; its waiter is idle.
 */
int async_rwlock_downgrade(struct async_rwlock *rwlock, struct async_waiter *holder)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_rwlock_writer - who writes now, NULL if nobody; by the time it returns it may have changed,
 * unless the caller is the writer. Only to be compared, not looked into. Thread: any.
 */
const struct async_waiter *async_rwlock_writer(struct async_rwlock *rwlock)
    ASYNC_EXCLUDES(async_waitq_class);

/* async_rwlock_readers - how many read now. Thread: any. */
unsigned async_rwlock_readers(struct async_rwlock *rwlock) ASYNC_EXCLUDES(async_waitq_class);

/* async_rwlock_is_holder - whether the waiter holds the lock, in either way. Thread: its loop. */
bool async_rwlock_is_holder(struct async_rwlock *rwlock, const struct async_waiter *waiter)
    ASYNC_EXCLUDES(async_waitq_class);

/* async_rwlock_waiting - how many are parked; walks the queue. Thread: any. */
unsigned async_rwlock_waiting(struct async_rwlock *rwlock) ASYNC_EXCLUDES(async_waitq_class);

ASYNC_END_DECLS

#endif
