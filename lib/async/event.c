/* SPDX-License-Identifier: MIT */
/*
 * event.c - a flag, and a queue of those who wait for it to be set.
 *
 * Set raises the flag and posts to the whole queue in one critical section, so a clear that follows
 * finds nobody to keep back. A waiter takes nothing from anybody: when one is cancelled with its
 * delivery on the way there is nothing to pass on.
 */
#include <assert.h>
#include <stddef.h>

#include <async/event.h>

#include "waiter.h"

static const struct async_waiter_ops event_waiter_ops = {0};

void async_event_init(struct async_event *event) ASYNC_UNCHECKED_LOCKING
{
    int err = pthread_mutex_init(&event->mutex, NULL);
    assert(err == 0);
    (void)err;
    async_list_init(&event->parked);
    atomic_init(&event->is_set, false);
}

void async_event_fini(struct async_event *event) ASYNC_UNCHECKED_LOCKING
{
    assert(async_list_is_empty(&event->parked));
    pthread_mutex_destroy(&event->mutex);
}

void async_event_wait(struct async_event *event, struct async_waiter *waiter)
{
    waiter_begin(waiter, &event_waiter_ops, event, &event->mutex);
    waitq_lock(&event->mutex);
    if (atomic_load_explicit(&event->is_set, memory_order_relaxed))
        waiter_post_locked(waiter, 0);
    else
        waiter_park_locked(waiter, &event->parked);
    waitq_unlock(&event->mutex);
}

void async_event_set(struct async_event *event)
{
    waitq_lock(&event->mutex);
    atomic_store_explicit(&event->is_set, true, memory_order_release);
    waiter_post_all_locked(&event->parked, 0);
    waitq_unlock(&event->mutex);
}

void async_event_clear(struct async_event *event)
{
    waitq_lock(&event->mutex);
    atomic_store_explicit(&event->is_set, false, memory_order_relaxed);
    waitq_unlock(&event->mutex);
}

bool async_event_is_set(const struct async_event *event)
{
    return atomic_load_explicit(&event->is_set, memory_order_acquire);
}

unsigned async_event_waiting(struct async_event *event)
{
    unsigned count;

    waitq_lock(&event->mutex);
    count = waiter_count_locked(&event->parked);
    waitq_unlock(&event->mutex);
    return count;
}
