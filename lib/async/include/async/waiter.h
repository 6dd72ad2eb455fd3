/* SPDX-License-Identifier: MIT */
/*
 * waiter.h - one wait: what every primitive parks, grants, times out and cancels.
 *
 * A waiter is a member of the struct that waits, so waiting allocates nothing. Its life:
 *
 *        acquire, wait, get...          grant, set, put...             on its loop
 *   IDLE ----------------------> PARKED ------------------> POSTED -----------------> IDLE
 *     ^                            |  \                        |     on_done(waiter, status)
 *     |                            |   deadline: on_done(-ETIMEDOUT)
 *     +------------- async_waiter_cancel(): on_done is not called
 *
 * The delivery of a grant is posted before the primitive's mutex is released, so that a cancel
 * finds the waiter parked, posted or idle and never in between. A grant whose waiter was cancelled
 * before delivery goes on to the next in line.
 *
 * The waiter is also the name of who holds: async_lock_release() takes the waiter that acquired.
 * It must stay where it is until released.
 *
 * When on_done is called, or async_waiter_cancel() has returned, the thread that granted is out of
 * the primitive. So who knows himself to be the last user may end and free it there and then; who
 * only saw a change from outside, by async_event_is_set() for instance, may not.
 */
#ifndef ASYNC_WAITER_H
#define ASYNC_WAITER_H

#include <pthread.h>

#include <async/loop.h>

struct async_waiter;
struct async_waiter_ops;

/*
 * Told the outcome, on waiter->loop, never inside the call that began the wait. The status is 0 or
 * what the primitive's header says; -ETIMEDOUT when the deadline passed first. The waiter is idle
 * again when this is called: it may wait anew, or die.
 */
typedef void async_waiter_fn(struct async_waiter *waiter, int status);

struct async_waiter {
    /* For the caller to read and set while idle. */
    struct async_loop
        *loop; /* where on_done is called; all calls with this waiter are made there */
    async_waiter_fn *on_done;
    int64_t deadline_ns; /* on the loop's clock; ASYNC_NEVER after async_waiter_init() */

    /* The library's. */
    struct async_list node;             /* in the primitive's queue, under its mutex */
    const struct async_waiter_ops *ops; /* how the primitive it waits for takes part */
    pthread_mutex_t *mutex;             /* of the primitive waited for */
    void *primitive;
    struct async_task delivery;
    struct async_timer timeout;
    int status;        /* under the mutex until posted */
    unsigned mode;     /* the primitive's use: reading or writing, notified, ... */
    bool is_parked;    /* under the mutex */
    bool is_from_afar; /* as status: posted by another thread than the loop's */
    bool is_pending;   /* on_loop: between the call and on_done or cancel */
};

ASYNC_BEGIN_DECLS

/* async_waiter_init - prepares a waiter for waits on `loop`, with no deadline. It holds nothing. */
void async_waiter_init(struct async_waiter *waiter, struct async_loop *loop,
                       async_waiter_fn *on_done);

/*
 * async_waiter_cancel - ends a wait: when this returns, on_done will not be called for it, and the
 * memory is the caller's.
 * Returns   true if a wait was pending and has been undone; what had been granted but not delivered
 *           has passed to the next. False if nothing was pending: what was delivered stays held.
 * Thread    the waiter's loop.
 */
bool async_waiter_cancel(struct async_waiter *waiter);

/* async_waiter_is_pending - whether on_done is still to come. Thread: the waiter's loop. */
bool async_waiter_is_pending(const struct async_waiter *waiter);

/* async_error_text - what a status of this library means, in words; never NULL. Thread: any. */
const char *async_error_text(int status);

ASYNC_END_DECLS

#endif
