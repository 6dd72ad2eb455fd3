/* SPDX-License-Identifier: MIT */
/*
 * condition.c - waiters that give a lock up, wait to be notified, and queue for the lock again.
 *
 *          wait: lock released         notify              lock handed over
 * (holder) ------------------> WAITING ---------> NOTIFIED -----------------> told 0
 *                                 |    deadline
 *                                 +-------------> TIMED_OUT ----------------> told -ETIMEDOUT
 *
 * WAITING is in the condition's list, the other two in the lock's queue, or holding with the
 * delivery posted. The lock's mutex guards the condition's list too, so that each arrow is one
 * critical section: a waiter is in one list or the other, and a notify has reached it or has not.
 * The status to be told lives in waiter->status, where lock_hand_over_locked() takes it from.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>

#include <async/condition.h>

#include "lock_internal.h"

/* In waiter->mode, while waiter->primitive is the condition. */
enum condition_mode {
    MODE_WAITING,
    MODE_NOTIFIED, /* has taken a notify, which goes on to another if this one is cancelled */
    MODE_TIMED_OUT,
    MODE_SATISFIED, /* the predicate held at once: the lock was never released */
};

/* From the condition's list, or from nowhere, to the lock's queue; or to hold the lock at once. */
static void queue_for_lock_locked(struct async_lock *lock, struct async_waiter *waiter)
    ASYNC_REQUIRES(async_waitq_class)
{
    if (lock_take_or_contend_locked(lock, waiter))
        waiter_post_locked(waiter, waiter->status);
    else
        waiter_move_locked(waiter, &lock->parked);
}

static void notify_locked(struct async_condition *condition, unsigned count)
    ASYNC_REQUIRES(async_waitq_class)
{
    struct async_waiter *waiter;

    while (count-- > 0 && (waiter = waiter_first_locked(&condition->parked)) != NULL) {
        waiter->mode = MODE_NOTIFIED;
        queue_for_lock_locked(condition->lock, waiter);
    }
}

/* Cancelled while parked in either list: CPython 112202, the notify it had taken is not lost. */
static void on_leave_locked(struct async_waiter *waiter) ASYNC_REQUIRES(async_waitq_class)
{
    if (waiter->mode == MODE_NOTIFIED)
        notify_locked(waiter->primitive, 1);
}

/* Always kept: with the deadline over there is still the lock to get. */
static bool on_timeout_locked(struct async_waiter *waiter) ASYNC_REQUIRES(async_waitq_class)
{
    struct async_condition *condition = waiter->primitive;

    if (waiter->mode == MODE_WAITING) {
        waiter->mode = MODE_TIMED_OUT;
        waiter->status = -ETIMEDOUT;
        queue_for_lock_locked(condition->lock, waiter);
    }
    return true;
}

/* Cancelled with the delivery on the way, so it holds the lock. */
static void on_give_back(struct async_waiter *waiter, int status)
{
    struct async_condition *condition = waiter->primitive;
    struct async_lock *lock = condition->lock;

    (void)status;
    waitq_lock(&lock->mutex);
    assert(async_lock_holder(lock) == waiter);
    if (waiter->mode == MODE_NOTIFIED)
        notify_locked(condition, 1);
    lock_hand_over_locked(lock);
    waitq_unlock(&lock->mutex);
}

/* The holder parks and lets the lock go in one step. */
static void park_and_hand_over_locked(struct async_condition *condition,
                                      struct async_waiter *waiter) ASYNC_REQUIRES(async_waitq_class)
{
    waiter->mode = MODE_WAITING;
    waiter_park_locked(waiter, &condition->parked);
    lock_hand_over_locked(condition->lock);
}

/* wait_for, with the lock held: tell, or wait for the next notify. */
static int on_deliver(struct async_waiter *waiter, int status)
{
    struct async_condition_waiter *self =
        async_container_of(waiter, struct async_condition_waiter, waiter);
    struct async_condition *condition = waiter->primitive;

    if (waiter->mode == MODE_SATISFIED || self->predicate(self))
        return 0;
    if (waiter->mode == MODE_TIMED_OUT)
        return status;
    waitq_lock(&condition->lock->mutex);
    park_and_hand_over_locked(condition, waiter);
    waitq_unlock(&condition->lock->mutex);
    return -EINPROGRESS;
}

static const struct async_waiter_ops wait_ops = {
    .on_leave_locked = on_leave_locked,
    .on_timeout_locked = on_timeout_locked,
    .on_give_back = on_give_back,
};

static const struct async_waiter_ops wait_for_ops = {
    .on_leave_locked = on_leave_locked,
    .on_timeout_locked = on_timeout_locked,
    .on_give_back = on_give_back,
    .on_deliver = on_deliver,
};

void async_condition_init(struct async_condition *condition,
                          struct async_lock *lock) ASYNC_UNCHECKED_LOCKING
{
    condition->lock = lock;
    async_list_init(&condition->parked);
}

void async_condition_fini(struct async_condition *condition) ASYNC_UNCHECKED_LOCKING
{
    assert(async_list_is_empty(&condition->parked));
    condition->lock = NULL;
}

int async_condition_wait(struct async_condition *condition, struct async_waiter *waiter)
{
    struct async_lock *lock = condition->lock;
    int err;

    waitq_lock(&lock->mutex);
    err = lock_check_holder(lock, waiter);
    if (err == 0) {
        waiter_begin(waiter, &wait_ops, condition, &lock->mutex);
        park_and_hand_over_locked(condition, waiter);
    }
    waitq_unlock(&lock->mutex);
    return err;
}

int async_condition_wait_for(struct async_condition *condition,
                             struct async_condition_waiter *waiter,
                             async_condition_predicate_fn *predicate)
{
    struct async_lock *lock = condition->lock;
    bool is_satisfied;
    int err = lock_check_holder(lock, &waiter->waiter);

    if (err < 0)
        return err;
    /* The holder is the caller, so the answer stays true until the lock is let go. */
    is_satisfied = predicate(waiter);
    waiter->predicate = predicate;
    waitq_lock(&lock->mutex);
    waiter_begin(&waiter->waiter, &wait_for_ops, condition, &lock->mutex);
    if (is_satisfied) {
        waiter->waiter.mode = MODE_SATISFIED;
        waiter_post_locked(&waiter->waiter, 0);
    } else {
        park_and_hand_over_locked(condition, &waiter->waiter);
    }
    waitq_unlock(&lock->mutex);
    return 0;
}

int async_condition_notify(struct async_condition *condition, const struct async_waiter *holder,
                           unsigned count)
{
    struct async_lock *lock = condition->lock;
    int err;

    waitq_lock(&lock->mutex);
    err = lock_check_holder(lock, holder);
    if (err == 0)
        notify_locked(condition, count);
    waitq_unlock(&lock->mutex);
    return err;
}

int async_condition_notify_all(struct async_condition *condition, const struct async_waiter *holder)
{
    return async_condition_notify(condition, holder, UINT_MAX);
}

unsigned async_condition_waiting(struct async_condition *condition)
{
    unsigned count;

    waitq_lock(&condition->lock->mutex);
    count = waiter_count_locked(&condition->parked);
    waitq_unlock(&condition->lock->mutex);
    return count;
}
