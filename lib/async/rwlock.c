/* SPDX-License-Identifier: MIT */
/*
 * rwlock.c - readers in a list, or one writer, and one queue for both kinds.
 *
 * Whenever the mutex is let go, the first of the queue is one who may not hold now. So whoever
 * finds the queue empty has nobody to pass, and each change that could let the first in (a
 * release, a downgrade, a writer leaving the queue) ends in admit_locked().
 *
 * A reader's waiter is not in the queue while it reads, so its node links it into the list of
 * readers. That, with its mode, is the proof that it reads: no search when it releases.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include <async/rwlock.h>

#include "waiter.h"

/* In waiter->mode, while waiter->primitive is the rwlock. */
enum rwlock_mode {
    MODE_NONE, /* released, or never held */
    MODE_WANTS_READ,
    MODE_WANTS_WRITE,
    MODE_READS,
    MODE_WRITES, /* rwlock->writer says it too, and lasts if the waiter waits for something else */
};

static bool is_reader_locked(const struct async_rwlock *rwlock, const struct async_waiter *waiter)
    ASYNC_REQUIRES(async_waitq_class)
{
    return waiter->primitive == rwlock && waiter->mode == MODE_READS;
}

static bool is_holder_locked(const struct async_rwlock *rwlock, const struct async_waiter *waiter)
    ASYNC_REQUIRES(async_waitq_class)
{
    return rwlock->writer == waiter || is_reader_locked(rwlock, waiter);
}

static bool is_held_locked(const struct async_rwlock *rwlock) ASYNC_REQUIRES(async_waitq_class)
{
    return rwlock->writer != NULL || rwlock->reader_count > 0;
}

/* Whether one who wants `mode` may hold beside those who hold now. */
static bool fits_locked(const struct async_rwlock *rwlock, enum rwlock_mode mode)
    ASYNC_REQUIRES(async_waitq_class)
{
    return rwlock->writer == NULL && (mode == MODE_WANTS_READ || rwlock->reader_count == 0);
}

/* The waiter holds from here on; it is in no queue any more. */
static void hold_locked(struct async_rwlock *rwlock, struct async_waiter *waiter,
                        enum rwlock_mode wanted) ASYNC_REQUIRES(async_waitq_class)
{
    waiter->primitive = rwlock;
    if (wanted == MODE_WANTS_WRITE) {
        waiter->mode = MODE_WRITES;
        rwlock->writer = waiter;
        return;
    }
    waiter->mode = MODE_READS;
    rwlock->reader_count++;
    async_list_append(&rwlock->readers, &waiter->node);
}

static void grant_locked(struct async_rwlock *rwlock, struct async_waiter *waiter)
    ASYNC_REQUIRES(async_waitq_class)
{
    waiter_post_locked(waiter, 0);
    hold_locked(rwlock, waiter, waiter->mode);
}

/* Grants to the first of the queue as long as it may hold beside those who hold by then. */
static void admit_locked(struct async_rwlock *rwlock) ASYNC_REQUIRES(async_waitq_class)
{
    struct async_waiter *first;

    while ((first = waiter_first_locked(&rwlock->parked)) != NULL &&
           fits_locked(rwlock, first->mode))
        grant_locked(rwlock, first);
}

/* A writer who leaves the queue may have been all that kept the readers behind it out. */
static void on_leave_locked(struct async_waiter *waiter) ASYNC_REQUIRES(async_waitq_class)
{
    admit_locked(waiter->primitive);
}

static void on_give_back(struct async_waiter *waiter, int status)
{
    int err;

    if (status != 0)
        return; /* -EDEADLK: it holds what it held before */
    err = async_rwlock_release(waiter->primitive, waiter);
    assert(err == 0);
    (void)err;
}

static const struct async_waiter_ops rwlock_waiter_ops = {
    .on_leave_locked = on_leave_locked,
    .on_give_back = on_give_back,
};

void async_rwlock_init(struct async_rwlock *rwlock) ASYNC_UNCHECKED_LOCKING
{
    int err = pthread_mutex_init(&rwlock->mutex, NULL);
    assert(err == 0);
    (void)err;
    rwlock->writer = NULL;
    rwlock->reader_count = 0;
    async_list_init(&rwlock->readers);
    async_list_init(&rwlock->parked);
}

void async_rwlock_fini(struct async_rwlock *rwlock) ASYNC_UNCHECKED_LOCKING
{
    assert(!is_held_locked(rwlock));
    assert(async_list_is_empty(&rwlock->readers));
    assert(async_list_is_empty(&rwlock->parked));
    pthread_mutex_destroy(&rwlock->mutex);
}

static bool try_acquire(struct async_rwlock *rwlock, struct async_waiter *waiter,
                        enum rwlock_mode wanted)
{
    bool is_granted;

    async_loop_assert_current(waiter->loop);
    assert(!waiter->is_pending);
    waitq_lock(&rwlock->mutex);
    is_granted = async_list_is_empty(&rwlock->parked) && fits_locked(rwlock, wanted) &&
                 !is_holder_locked(rwlock, waiter);
    if (is_granted) {
        assert(async_list_is_empty(&waiter->node)); /* it reads nothing else */
        hold_locked(rwlock, waiter, wanted);
    }
    waitq_unlock(&rwlock->mutex);
    return is_granted;
}

bool async_rwlock_try_acquire_read(struct async_rwlock *rwlock, struct async_waiter *waiter)
{
    return try_acquire(rwlock, waiter, MODE_WANTS_READ);
}

bool async_rwlock_try_acquire_write(struct async_rwlock *rwlock, struct async_waiter *waiter)
{
    return try_acquire(rwlock, waiter, MODE_WANTS_WRITE);
}

/* Tells one who holds already that it would wait for itself. It goes on holding: a reader's node
 * leaves the list only while the waiter begins anew. */
static void refuse_locked(struct async_rwlock *rwlock, struct async_waiter *holder)
    ASYNC_REQUIRES(async_waitq_class)
{
    bool is_reader = is_reader_locked(rwlock, holder);

    async_list_remove(&holder->node);
    waiter_begin(holder, &rwlock_waiter_ops, rwlock, &rwlock->mutex);
    waiter_post_locked(holder, -EDEADLK);
    holder->mode = is_reader ? MODE_READS : MODE_WRITES;
    if (is_reader)
        async_list_append(&rwlock->readers, &holder->node);
}

static void acquire(struct async_rwlock *rwlock, struct async_waiter *waiter,
                    enum rwlock_mode wanted)
{
    waitq_lock(&rwlock->mutex);
    if (is_holder_locked(rwlock, waiter)) {
        refuse_locked(rwlock, waiter);
    } else {
        waiter_begin(waiter, &rwlock_waiter_ops, rwlock, &rwlock->mutex);
        waiter->mode = wanted;
        if (async_list_is_empty(&rwlock->parked) && fits_locked(rwlock, wanted))
            grant_locked(rwlock, waiter);
        else
            waiter_park_locked(waiter, &rwlock->parked);
    }
    waitq_unlock(&rwlock->mutex);
}

void async_rwlock_acquire_read(struct async_rwlock *rwlock, struct async_waiter *waiter)
{
    acquire(rwlock, waiter, MODE_WANTS_READ);
}

void async_rwlock_acquire_write(struct async_rwlock *rwlock, struct async_waiter *waiter)
{
    acquire(rwlock, waiter, MODE_WANTS_WRITE);
}

int async_rwlock_release(struct async_rwlock *rwlock, struct async_waiter *holder)
{
    int err = 0;

    waitq_lock(&rwlock->mutex);
    if (rwlock->writer == holder) {
        rwlock->writer = NULL;
    } else if (is_reader_locked(rwlock, holder)) {
        assert(rwlock->reader_count > 0);
        rwlock->reader_count--;
        async_list_remove(&holder->node);
        holder->mode = MODE_NONE;
    } else {
        err = is_held_locked(rwlock) ? -EPERM : -EINVAL;
    }
    if (err == 0)
        admit_locked(rwlock);
    waitq_unlock(&rwlock->mutex);
    return err;
}

int async_rwlock_downgrade(struct async_rwlock *rwlock, struct async_waiter *holder)
{
    int err = 0;

    async_loop_assert_current(holder->loop);
    waitq_lock(&rwlock->mutex);
    if (rwlock->writer == holder) {
        assert(!holder->is_pending);
        assert(async_list_is_empty(&holder->node)); /* it reads nothing else */
        rwlock->writer = NULL;
        hold_locked(rwlock, holder, MODE_WANTS_READ);
        admit_locked(rwlock);
    } else {
        err = is_held_locked(rwlock) ? -EPERM : -EINVAL;
    }
    waitq_unlock(&rwlock->mutex);
    return err;
}

const struct async_waiter *async_rwlock_writer(struct async_rwlock *rwlock)
{
    const struct async_waiter *writer;

    waitq_lock(&rwlock->mutex);
    writer = rwlock->writer;
    waitq_unlock(&rwlock->mutex);
    return writer;
}

unsigned async_rwlock_readers(struct async_rwlock *rwlock)
{
    unsigned count;

    waitq_lock(&rwlock->mutex);
    count = rwlock->reader_count;
    waitq_unlock(&rwlock->mutex);
    return count;
}

bool async_rwlock_is_holder(struct async_rwlock *rwlock, const struct async_waiter *waiter)
{
    bool is_holder;

    waitq_lock(&rwlock->mutex);
    is_holder = is_holder_locked(rwlock, waiter);
    waitq_unlock(&rwlock->mutex);
    return is_holder;
}

unsigned async_rwlock_waiting(struct async_rwlock *rwlock)
{
    unsigned count;

    waitq_lock(&rwlock->mutex);
    count = waiter_count_locked(&rwlock->parked);
    waitq_unlock(&rwlock->mutex);
    return count;
}
