/* SPDX-License-Identifier: MIT */
/*
 * semaphore.c - a count of units and a queue of those who want one.
 *
 * Somebody is parked only while the count is 0: a unit that comes back goes to the first in the
 * queue without being counted. So whoever finds the count above 0 may take a unit and has passed
 * nobody.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>

#include <async/semaphore.h>

#include "waiter.h"

static void on_give_back(struct async_waiter *waiter, int status)
{
    assert(status == 0);
    (void)status;
    /* Refused only if somebody released a unit he did not have: then this one is on hand again. */
    (void)async_semaphore_release(waiter->primitive);
}

static const struct async_waiter_ops semaphore_waiter_ops = {
    .on_give_back = on_give_back,
};

static void init(struct async_semaphore *semaphore, unsigned value,
                 unsigned bound) ASYNC_UNCHECKED_LOCKING
{
    int err = pthread_mutex_init(&semaphore->mutex, NULL);
    assert(err == 0);
    (void)err;
    async_list_init(&semaphore->parked);
    semaphore->value = value;
    semaphore->bound = bound;
}

void async_semaphore_init(struct async_semaphore *semaphore, unsigned value)
{
    init(semaphore, value, UINT_MAX);
}

void async_semaphore_init_bounded(struct async_semaphore *semaphore, unsigned value)
{
    init(semaphore, value, value);
}

void async_semaphore_fini(struct async_semaphore *semaphore) ASYNC_UNCHECKED_LOCKING
{
    assert(async_list_is_empty(&semaphore->parked));
    pthread_mutex_destroy(&semaphore->mutex);
}

static bool take_locked(struct async_semaphore *semaphore) ASYNC_REQUIRES(async_waitq_class)
{
    if (semaphore->value == 0)
        return false;
    assert(async_list_is_empty(&semaphore->parked));
    semaphore->value--;
    return true;
}

bool async_semaphore_try_acquire(struct async_semaphore *semaphore)
{
    bool was_taken;

    waitq_lock(&semaphore->mutex);
    was_taken = take_locked(semaphore);
    waitq_unlock(&semaphore->mutex);
    return was_taken;
}

void async_semaphore_acquire(struct async_semaphore *semaphore, struct async_waiter *waiter)
{
    waiter_begin(waiter, &semaphore_waiter_ops, semaphore, &semaphore->mutex);
    waitq_lock(&semaphore->mutex);
    if (take_locked(semaphore))
        waiter_post_locked(waiter, 0);
    else
        waiter_park_locked(waiter, &semaphore->parked);
    waitq_unlock(&semaphore->mutex);
}

int async_semaphore_release(struct async_semaphore *semaphore)
{
    struct async_waiter *next;
    int err = 0;

    waitq_lock(&semaphore->mutex);
    next = waiter_first_locked(&semaphore->parked);
    if (semaphore->value >= semaphore->bound)
        err = -EOVERFLOW;
    else if (next != NULL)
        waiter_post_locked(next, 0);
    else
        semaphore->value++;
    waitq_unlock(&semaphore->mutex);
    return err;
}

unsigned async_semaphore_value(struct async_semaphore *semaphore)
{
    unsigned value;

    waitq_lock(&semaphore->mutex);
    value = semaphore->value;
    waitq_unlock(&semaphore->mutex);
    return value;
}

bool async_semaphore_is_locked(struct async_semaphore *semaphore)
{
    return async_semaphore_value(semaphore) == 0;
}

unsigned async_semaphore_waiting(struct async_semaphore *semaphore)
{
    unsigned count;

    waitq_lock(&semaphore->mutex);
    count = waiter_count_locked(&semaphore->parked);
    waitq_unlock(&semaphore->mutex);
    return count;
}
