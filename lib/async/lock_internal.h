/* SPDX-License-Identifier: MIT */
/*
 * lock_internal.h - the steps of the lock that the condition takes too, under the lock's mutex.
 */
#ifndef LOCK_INTERNAL_H
#define LOCK_INTERNAL_H

#include <async/lock.h>

#include "waiter.h"

/*
 * Takes a free lock for the waiter and returns true; or marks the held lock as contended and
 * returns false: the caller then links the waiter into lock->parked before it lets go of the mutex.
 */
bool lock_take_or_contend_locked(struct async_lock *lock, struct async_waiter *waiter)
    ASYNC_REQUIRES(async_waitq_class);

/* The holder gives up: the first parked holds from now and is sent its own status; or it is free.
 */
void lock_hand_over_locked(struct async_lock *lock) ASYNC_REQUIRES(async_waitq_class);

/* 0 if `holder` holds the lock, -EPERM if another does, -EINVAL if nobody does. */
int lock_check_holder(const struct async_lock *lock, const struct async_waiter *holder);

#endif
