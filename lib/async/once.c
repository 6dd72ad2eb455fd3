/* SPDX-License-Identifier: MIT */
/*
 * once.c - a lead that is handed on until one leader succeeds.
 *
 * The lead is a lock in small: it goes from waiter to waiter under the mutex and is never free
 * while somebody waits. Success ends it for good; from then on `is_done` answers without the lead,
 * and it is stored with release order so that the result is seen by whoever sees it true.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include <async/once.h>

#include "waiter.h"

/* Makes the longest waiting the leader, or nobody. */
static void pass_lead_locked(struct async_once *once) ASYNC_REQUIRES(async_waitq_class)
{
    struct async_waiter *next = waiter_first_locked(&once->parked);

    once->leader = next;
    if (next != NULL)
        waiter_post_locked(next, ASYNC_ONCE_LEADER);
}

static void on_give_back(struct async_waiter *waiter, int status)
{
    int err;

    if (status != ASYNC_ONCE_LEADER)
        return;
    err = async_once_abandon(waiter->primitive, waiter);
    assert(err == 0);
    (void)err;
}

static const struct async_waiter_ops once_ops = {
    .on_give_back = on_give_back,
};

void async_once_init(struct async_once *once) ASYNC_UNCHECKED_LOCKING
{
    int err = pthread_mutex_init(&once->mutex, NULL);
    assert(err == 0);
    (void)err;
    atomic_init(&once->is_done, false);
    once->leader = NULL;
    async_list_init(&once->parked);
}

void async_once_fini(struct async_once *once) ASYNC_UNCHECKED_LOCKING
{
    assert(once->leader == NULL);
    assert(async_list_is_empty(&once->parked));
    pthread_mutex_destroy(&once->mutex);
}

void async_once_enter(struct async_once *once, struct async_waiter *waiter)
{
    waiter_begin(waiter, &once_ops, once, &once->mutex);
    waitq_lock(&once->mutex);
    if (async_once_is_done(once)) {
        waiter_post_locked(waiter, 0);
    } else if (once->leader == NULL) {
        once->leader = waiter;
        waiter_post_locked(waiter, ASYNC_ONCE_LEADER);
    } else if (once->leader == waiter) {
        waiter_post_locked(waiter, -EDEADLK);
    } else {
        waiter_park_locked(waiter, &once->parked);
    }
    waitq_unlock(&once->mutex);
}

int async_once_finish(struct async_once *once, struct async_waiter *leader, int status)
{
    int err = 0;

    assert(status <= 0);
    waitq_lock(&once->mutex);
    if (once->leader == NULL) {
        err = -EINVAL;
    } else if (once->leader != leader) {
        err = -EPERM;
    } else if (status < 0) {
        pass_lead_locked(once);
    } else {
        once->leader = NULL;
        atomic_store_explicit(&once->is_done, true, memory_order_release);
        waiter_post_all_locked(&once->parked, 0);
    }
    waitq_unlock(&once->mutex);
    return err;
}

int async_once_abandon(struct async_once *once, struct async_waiter *leader)
{
    return async_once_finish(once, leader, -ECANCELED);
}

bool async_once_is_done(const struct async_once *once)
{
    return atomic_load_explicit(&once->is_done, memory_order_acquire);
}

const struct async_waiter *async_once_leader(struct async_once *once)
{
    const struct async_waiter *leader;

    waitq_lock(&once->mutex);
    leader = once->leader;
    waitq_unlock(&once->mutex);
    return leader;
}
