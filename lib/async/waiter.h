/* SPDX-License-Identifier: MIT */
/*
 * waiter.h - how a primitive parks a waiter, grants to it, and hears that it left.
 *
 * A primitive has a mutex and lists of parked waiters. It parks under the mutex, and to grant it
 * unlinks the waiter and posts the outcome, still under the mutex: the loop's mailbox mutex is the
 * inner one. Timeout and cancel come in through waiter.c, which calls the primitive's ops.
 */
#ifndef WAITER_H
#define WAITER_H

#include <async/waiter.h>

#include "capability.h"

/* What a primitive does for its waiters beyond parking and posting; each may be NULL. The names
 * say which are called under the mutex; clang's attributes do not go on function pointers. */
struct async_waiter_ops {
    /*
     * A parked waiter is leaving, by timeout or cancel, and has been unlinked: put right what
     * counts or depends on it.
     */
    void (*on_leave_locked)(struct async_waiter *waiter);
    /*
     * The deadline of a parked waiter passed; it is still linked. Returns true if the primitive
     * keeps it waiting for something else (a condition's waiter has to get its lock back first).
     */
    bool (*on_timeout_locked)(struct async_waiter *waiter);
    /*
     * The waiter was cancelled after a grant (status >= 0) or a failure (status < 0) was posted and
     * before it was delivered: pass on what had been granted. Called without the mutex.
     */
    void (*on_give_back)(struct async_waiter *waiter, int status);
    /*
     * On the waiter's loop just before on_done: the last step of the grant. Returns the status to
     * deliver, or -EINPROGRESS if the waiter was parked again. Called without the mutex.
     */
    int (*on_deliver)(struct async_waiter *waiter, int status);
};

/* Begins a wait: to be followed, under the mutex, by waiter_park_locked() or waiter_post_locked().
 */
void waiter_begin(struct async_waiter *waiter, const struct async_waiter_ops *ops, void *primitive,
                  pthread_mutex_t *mutex);

/*
 * Links the waiter at the end of `queue` and arms its deadline: for waiter_begin()'s caller, on the
 * waiter's loop. waiter_move_locked() is for waiters that are parked already or whose deadline is
 * over; any thread.
 */
void waiter_park_locked(struct async_waiter *waiter, struct async_list *queue)
    ASYNC_REQUIRES(async_waitq_class);
void waiter_move_locked(struct async_waiter *waiter, struct async_list *queue)
    ASYNC_REQUIRES(async_waitq_class);

/* Unlinks a waiter, parked or just begun, and sends the outcome to its loop. */
void waiter_post_locked(struct async_waiter *waiter, int status) ASYNC_REQUIRES(async_waitq_class);

/* The first of a queue, NULL if it is empty. */
struct async_waiter *waiter_first_locked(const struct async_list *queue)
    ASYNC_REQUIRES(async_waitq_class);

/* Posts `status` to all of a queue, in order. Returns how many there were. */
unsigned waiter_post_all_locked(struct async_list *queue, int status)
    ASYNC_REQUIRES(async_waitq_class);

/* How many are parked in a queue. */
unsigned waiter_count_locked(const struct async_list *queue) ASYNC_REQUIRES(async_waitq_class);

#endif
