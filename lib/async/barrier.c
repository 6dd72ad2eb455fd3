/* SPDX-License-Identifier: MIT */
/*
 * barrier.c - a queue that is let go as a whole once it is long enough.
 *
 *              the last party comes: all told 0, 1, ... parties - 1
 *              reset: all told -EPIPE
 *             .---.
 *             v   |        abort: all told -EPIPE
 *            FILLING ------------------------------> BROKEN
 *               ^                 reset                |
 *               +--------------------------------------+
 *
 * Each arrow is one critical section, so there is no half-drained barrier to account for: those
 * of the next round may queue while those of the last are still to be told.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>

#include <async/barrier.h>

#include "waiter.h"

static void on_leave_locked(struct async_waiter *waiter) ASYNC_REQUIRES(async_waitq_class)
{
    struct async_barrier *barrier = waiter->primitive;

    assert(barrier->waiting > 0);
    barrier->waiting--;
}

static const struct async_waiter_ops barrier_waiter_ops = {
    .on_leave_locked = on_leave_locked,
};

void async_barrier_init(struct async_barrier *barrier, unsigned parties) ASYNC_UNCHECKED_LOCKING
{
    int err = pthread_mutex_init(&barrier->mutex, NULL);
    assert(err == 0);
    (void)err;
    assert(parties >= 1);
    assert(parties <= INT_MAX); /* indexes are statuses */
    async_list_init(&barrier->parked);
    barrier->waiting = 0;
    barrier->is_broken = false;
    barrier->parties = parties;
}

void async_barrier_fini(struct async_barrier *barrier) ASYNC_UNCHECKED_LOCKING
{
    assert(async_list_is_empty(&barrier->parked));
    pthread_mutex_destroy(&barrier->mutex);
}

static void trip_locked(struct async_barrier *barrier) ASYNC_REQUIRES(async_waitq_class)
{
    struct async_waiter *waiter;
    int index = 0;

    while ((waiter = waiter_first_locked(&barrier->parked)) != NULL)
        waiter_post_locked(waiter, index++);
    assert((unsigned)index == barrier->parties);
    barrier->waiting = 0;
}

void async_barrier_wait(struct async_barrier *barrier, struct async_waiter *waiter)
{
    waiter_begin(waiter, &barrier_waiter_ops, barrier, &barrier->mutex);
    waitq_lock(&barrier->mutex);
    if (barrier->is_broken) {
        waiter_post_locked(waiter, -EPIPE);
    } else {
        waiter_park_locked(waiter, &barrier->parked);
        barrier->waiting++;
        if (barrier->waiting == barrier->parties)
            trip_locked(barrier);
    }
    waitq_unlock(&barrier->mutex);
}

static void send_away(struct async_barrier *barrier, bool is_broken)
{
    waitq_lock(&barrier->mutex);
    waiter_post_all_locked(&barrier->parked, -EPIPE);
    barrier->waiting = 0;
    barrier->is_broken = is_broken;
    waitq_unlock(&barrier->mutex);
}

void async_barrier_reset(struct async_barrier *barrier)
{
    send_away(barrier, false);
}

void async_barrier_abort(struct async_barrier *barrier)
{
    send_away(barrier, true);
}

unsigned async_barrier_parties(const struct async_barrier *barrier)
{
    return barrier->parties;
}

unsigned async_barrier_waiting(struct async_barrier *barrier)
{
    unsigned waiting;

    waitq_lock(&barrier->mutex);
    waiting = barrier->waiting;
    waitq_unlock(&barrier->mutex);
    return waiting;
}

bool async_barrier_is_broken(struct async_barrier *barrier)
{
    bool is_broken;

    waitq_lock(&barrier->mutex);
    is_broken = barrier->is_broken;
    waitq_unlock(&barrier->mutex);
    return is_broken;
}
