/* SPDX-License-Identifier: MIT */
/*
 * once.h - work that is done once, however many ask for it: the first leads, the others wait.
 *
 *      first asks          finish(0)
 *   IDLE -------> LED by A ----------> DONE      who waited, and who asks from now on, is told 0
 *     ^             |   finish(error), abandon, or cancelled before it was told
 *     +-- nobody ---+--- somebody waits: the longest waiting leads, and it alone is told so
 *
 * The leader may work as long as it wants and over as many callbacks as it needs. What it wrote
 * before finish() can be read by all who are told 0. A failure is the leader's own: it is not
 * shared, but gives exactly one other the turn.
 */
#ifndef ASYNC_ONCE_H
#define ASYNC_ONCE_H

#include <async/atomic.h>
#include <async/waiter.h>

/* The status of on_done that means: you are the one to do the work. */
#define ASYNC_ONCE_LEADER 1

struct async_once {
    ASYNC_ATOMIC(bool) is_done;
    pthread_mutex_t mutex;
    const struct async_waiter *leader ASYNC_GUARDED_BY(async_waitq_class); /* NULL: nobody */
    struct async_list parked ASYNC_GUARDED_BY(async_waitq_class);
};

ASYNC_BEGIN_DECLS

/* async_once_init - work not begun. async_once_fini asserts that nobody leads or waits. */
void async_once_init(struct async_once *once);
void async_once_fini(struct async_once *once);

/*
 * async_once_enter - asks that the work be done.
 * Delivery  on_done(waiter, 0): it is done. on_done(waiter, ASYNC_ONCE_LEADER): do it, then call
 *           async_once_finish(). On the waiter's loop, never inside this call.
 * Errors    through on_done: -ETIMEDOUT after waiter->deadline_ns; -EDEADLK if this waiter leads
 *           already. A cancel before delivery passes the lead on; after it, use abandon.
 * Owns      the caller keeps the waiter; a leader's may not move or die before finish or abandon.
 * Thread    the waiter's loop.
 */
void async_once_enter(struct async_once *once, struct async_waiter *waiter)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_once_finish - the leader's work is over: `status` 0, all are told; or negative, and the
 * longest waiting becomes the leader. If nobody waits then, the next to ask will lead.
 * Errors    -EINVAL: nobody leads. -EPERM: another leads. Nothing has changed then.
 * Thread    any; usually the leader's.
 */
int async_once_finish(struct async_once *once, struct async_waiter *leader, int status)
    ASYNC_EXCLUDES(async_waitq_class);

/* async_once_abandon - the leader gives up without a result: async_once_finish(-ECANCELED). */
int async_once_abandon(struct async_once *once, struct async_waiter *leader)
    ASYNC_EXCLUDES(async_waitq_class);

/* async_once_is_done - whether the work is done; what it wrote can be read then. Thread: any. */
bool async_once_is_done(const struct async_once *once);

/* async_once_leader - who leads now, NULL if nobody; only to be compared. Thread: any. */
const struct async_waiter *async_once_leader(struct async_once *once)
    ASYNC_EXCLUDES(async_waitq_class);

ASYNC_END_DECLS

#endif
