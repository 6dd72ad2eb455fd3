/* SPDX-License-Identifier: MIT */
/*
 * scope_kinds.c - the kinds of resources a scope can hold: how each is acquired and released.
 *
 * The waiters of all kinds begin with an async_waiter and lie in one union, so one callback finds
 * the scope for all of them.
 */
#include <assert.h>
#include <stddef.h>

#include "scope_internal.h"

static_assert(offsetof(struct async_condition_waiter, waiter) == 0, "begins with the waiter");
static_assert(offsetof(struct async_keyed_waiter, waiter) == 0, "begins with the waiter");

struct async_scope *async_scope_from_waiter(struct async_waiter *waiter)
{
    return async_container_of(waiter, struct async_scope, waiter);
}

static void on_granted(struct async_waiter *waiter, int status)
{
    async_scope_granted(async_scope_from_waiter(waiter), status);
}

static struct async_waiter *plain_waiter(struct async_scope *scope)
{
    return &scope->waiter.plain.waiter;
}

static void init_plain(struct async_scope *scope, const struct async_scope_ops *ops, void *resource,
                       struct async_loop *loop)
{
    async_scope_init(scope, ops, resource);
    async_waiter_init(plain_waiter(scope), loop, on_granted);
}

static void acquire_lock(struct async_scope *scope)
{
    /* A body that waited on a condition has put its own callback here. */
    plain_waiter(scope)->on_done = on_granted;
    async_lock_acquire(scope->resource, plain_waiter(scope));
}

static int release_lock(struct async_scope *scope)
{
    return async_lock_release(scope->resource, plain_waiter(scope));
}

static const struct async_scope_ops lock_ops = {
    .waiter = plain_waiter,
    .acquire = acquire_lock,
    .release = release_lock,
};

void async_scope_init_lock(struct async_scope *scope, struct async_loop *loop,
                           struct async_lock *lock)
{
    init_plain(scope, &lock_ops, lock, loop);
}

bool scope_is_of_lock(const struct async_scope *scope)
{
    return scope->ops == &lock_ops;
}

struct async_condition_waiter *async_scope_condition_waiter(struct async_scope *scope)
{
    assert(scope_is_of_lock(scope));
    assert(async_scope_is_held(scope));
    return &scope->waiter.plain;
}

static void acquire_read(struct async_scope *scope)
{
    async_rwlock_acquire_read(scope->resource, plain_waiter(scope));
}

static void acquire_write(struct async_scope *scope)
{
    async_rwlock_acquire_write(scope->resource, plain_waiter(scope));
}

static int release_rwlock(struct async_scope *scope)
{
    return async_rwlock_release(scope->resource, plain_waiter(scope));
}

static const struct async_scope_ops read_ops = {
    .waiter = plain_waiter,
    .acquire = acquire_read,
    .release = release_rwlock,
};

static const struct async_scope_ops write_ops = {
    .waiter = plain_waiter,
    .acquire = acquire_write,
    .release = release_rwlock,
};

void async_scope_init_read(struct async_scope *scope, struct async_loop *loop,
                           struct async_rwlock *rwlock)
{
    init_plain(scope, &read_ops, rwlock, loop);
}

void async_scope_init_write(struct async_scope *scope, struct async_loop *loop,
                            struct async_rwlock *rwlock)
{
    init_plain(scope, &write_ops, rwlock, loop);
}

static void acquire_semaphore(struct async_scope *scope)
{
    async_semaphore_acquire(scope->resource, plain_waiter(scope));
}

static int release_semaphore(struct async_scope *scope)
{
    return async_semaphore_release(scope->resource);
}

static const struct async_scope_ops semaphore_ops = {
    .waiter = plain_waiter,
    .acquire = acquire_semaphore,
    .release = release_semaphore,
};

void async_scope_init_semaphore(struct async_scope *scope, struct async_loop *loop,
                                struct async_semaphore *semaphore)
{
    init_plain(scope, &semaphore_ops, semaphore, loop);
}

static struct async_waiter *keyed_waiter(struct async_scope *scope)
{
    return &scope->waiter.keyed.waiter;
}

static void acquire_keyed(struct async_scope *scope)
{
    async_keyed_lock_acquire(scope->resource, &scope->waiter.keyed);
}

static int release_keyed(struct async_scope *scope)
{
    return async_keyed_lock_release(scope->resource, &scope->waiter.keyed);
}

static const struct async_scope_ops keyed_ops = {
    .waiter = keyed_waiter,
    .acquire = acquire_keyed,
    .release = release_keyed,
};

void async_scope_init_keyed(struct async_scope *scope, struct async_loop *loop,
                            struct async_keyed_lock *lock, const void *key, size_t key_bytes)
{
    async_scope_init(scope, &keyed_ops, lock);
    async_keyed_waiter_init(&scope->waiter.keyed, lock, loop, on_granted, key, key_bytes);
}
