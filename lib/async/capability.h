/* SPDX-License-Identifier: MIT */
/*
 * capability.h - the mutexes inside the library, and what clang's analysis is told of them.
 *
 * A primitive's mutex is held for a few list operations and at most the posting of a delivery; no
 * user code runs under it. pthread_mutex_lock() on a sound mutex does not fail, hence the asserts.
 */
#ifndef CAPABILITY_H
#define CAPABILITY_H

#include <assert.h>
#include <pthread.h>

#include <async/annotations.h>

static inline void mutex_lock(pthread_mutex_t *mutex)
{
    int err = pthread_mutex_lock(mutex);
    assert(err == 0);
    (void)err;
}

static inline void mutex_unlock(pthread_mutex_t *mutex)
{
    int err = pthread_mutex_unlock(mutex);
    assert(err == 0);
    (void)err;
}

static inline void waitq_lock(pthread_mutex_t *mutex)
    ASYNC_ACQUIRE(async_waitq_class) ASYNC_UNCHECKED_LOCKING
{
    mutex_lock(mutex);
}

static inline void waitq_unlock(pthread_mutex_t *mutex)
    ASYNC_RELEASE(async_waitq_class) ASYNC_UNCHECKED_LOCKING
{
    mutex_unlock(mutex);
}

#endif
