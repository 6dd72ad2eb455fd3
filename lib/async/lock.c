/* SPDX-License-Identifier: MIT */
/*
 * lock.c - the lock: one word while nobody waits, a queue behind a mutex when somebody does.
 *
 * The word is 0, or the address of the holding waiter with CONTENDED in the lowest bit. Without
 * that bit, try_acquire and release are one compare-and-swap each. The bit is set under the mutex
 * by who asks to wait, and while it is set only the mutex's owner changes the word, so release
 * cannot miss a parked waiter. Release hands over: the word goes from holder to holder without
 * passing through 0, and a newcomer finds no gap to take the lock in.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include <async/lock.h>

#include "lock_internal.h"

enum { CONTENDED = 1 };

static uintptr_t word_of(const struct async_waiter *waiter)
{
    uintptr_t word = (uintptr_t)waiter;
    assert((word & CONTENDED) == 0);
    return word;
}

static void on_give_back(struct async_waiter *waiter, int status)
{
    int err;

    if (status != 0)
        return;
    err = async_lock_release(waiter->primitive, waiter);
    assert(err == 0);
    (void)err;
}

static int on_deliver(struct async_waiter *waiter, int status)
{
    /* Somebody who released the lock in the waiter's name before it was told made two owners. */
    assert(status != 0 || async_lock_holder(waiter->primitive) == waiter);
    return status;
}

static const struct async_waiter_ops lock_waiter_ops = {
    .on_give_back = on_give_back,
    .on_deliver = on_deliver,
};

void async_lock_init(struct async_lock *lock) ASYNC_UNCHECKED_LOCKING
{
    int err = pthread_mutex_init(&lock->mutex, NULL);
    assert(err == 0);
    (void)err;
    atomic_init(&lock->word, 0);
    async_list_init(&lock->parked);
}

void async_lock_fini(struct async_lock *lock)
{
    assert(atomic_load(&lock->word) == 0);
    pthread_mutex_destroy(&lock->mutex);
}

bool async_lock_try_acquire(struct async_lock *lock, struct async_waiter *waiter)
{
    uintptr_t is_free = 0;

    return atomic_compare_exchange_strong_explicit(&lock->word, &is_free, word_of(waiter),
                                                   memory_order_acquire, memory_order_relaxed);
}

bool lock_take_or_contend_locked(struct async_lock *lock, struct async_waiter *waiter)
{
    /*
     * The bit first, whatever the word is: from then on nobody else changes it, so one more look
     * tells for good whether the lock is free. There is nothing to be tried again, however busily
     * others take the lock and give it back. What the word was before is not asked for, since x86
     * would have to loop for that.
     */
    atomic_fetch_or_explicit(&lock->word, CONTENDED, memory_order_acquire);
    if (async_lock_holder(lock) != NULL)
        return false;
    assert(async_list_is_empty(&lock->parked));
    atomic_store_explicit(&lock->word, word_of(waiter), memory_order_relaxed);
    return true;
}

void lock_hand_over_locked(struct async_lock *lock)
{
    struct async_waiter *next = waiter_first_locked(&lock->parked);
    uintptr_t word;

    if (next == NULL) {
        atomic_store_explicit(&lock->word, 0, memory_order_release);
        return;
    }
    async_list_remove(&next->node);
    word = word_of(next) | (async_list_is_empty(&lock->parked) ? 0 : CONTENDED);
    atomic_store_explicit(&lock->word, word, memory_order_release);
    waiter_post_locked(next, next->status);
}

int lock_check_holder(const struct async_lock *lock, const struct async_waiter *holder)
{
    const struct async_waiter *actual = async_lock_holder(lock);

    if (actual == NULL)
        return -EINVAL;
    return actual == holder ? 0 : -EPERM;
}

void async_lock_acquire(struct async_lock *lock, struct async_waiter *waiter)
{
    waiter_begin(waiter, &lock_waiter_ops, lock, &lock->mutex);
    waitq_lock(&lock->mutex);
    if (async_lock_holder(lock) == waiter)
        waiter_post_locked(waiter, -EDEADLK);
    else if (lock_take_or_contend_locked(lock, waiter))
        waiter_post_locked(waiter, 0);
    else
        waiter_park_locked(waiter, &lock->parked);
    waitq_unlock(&lock->mutex);
}

int async_lock_release(struct async_lock *lock, struct async_waiter *holder)
{
    uintptr_t word = word_of(holder);
    int err;

    if (atomic_compare_exchange_strong_explicit(&lock->word, &word, 0, memory_order_release,
                                                memory_order_relaxed))
        return 0;
    waitq_lock(&lock->mutex);
    err = lock_check_holder(lock, holder);
    if (err == 0)
        lock_hand_over_locked(lock);
    waitq_unlock(&lock->mutex);
    return err;
}

const struct async_waiter *async_lock_holder(const struct async_lock *lock)
{
    uintptr_t word = atomic_load_explicit(&lock->word, memory_order_relaxed);

    return (const struct async_waiter *)(word & ~(uintptr_t)CONTENDED);
}

bool async_lock_is_locked(const struct async_lock *lock)
{
    return async_lock_holder(lock) != NULL;
}

unsigned async_lock_waiting(struct async_lock *lock)
{
    unsigned count;

    waitq_lock(&lock->mutex);
    count = waiter_count_locked(&lock->parked);
    waitq_unlock(&lock->mutex);
    return count;
}
