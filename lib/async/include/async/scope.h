/* SPDX-License-Identifier: MIT */
/*
 * scope.h - acquire, run a body, release on every way out: asyncio's `async with`.
 *
 *           run           granted                async_scope_exit(status)
 *   IDLE ---------> WAITING ------> body(scope) ......................... > released,
 * on_done(status) |                 | | timeout: on_done(-ETIMEDOUT), no body
 *                      +-----------------+--- async_scope_cancel(): nothing held, nobody called
 *
 * The body may return before its work is over, and end it from a later callback. Whatever way the
 * scope ends, what it held is released exactly once, and before on_done is called.
 *
 *     async_scope_init_lock(&job->scope, loop, &lock);
 *     async_scope_waiter(&job->scope)->deadline_ns = async_loop_now_ns(loop) + 2 * ASYNC_S;
 *     async_scope_run(&job->scope, on_locked, on_job_done);
 *
 * Differs from asyncio: C cannot tell when a body is over, so the body says it by async_scope_exit,
 * with a status where asyncio has an exception. A body that is to be cancelled has a hook for it.
 */
#ifndef ASYNC_SCOPE_H
#define ASYNC_SCOPE_H

#include <stddef.h>

#include <async/condition.h>
#include <async/keyed_lock.h>
#include <async/lock.h>
#include <async/rwlock.h>
#include <async/semaphore.h>

struct async_scope;

/* Called with the resource held, on the scope's loop. The struct is found by async_container_of().
 * Its work ends, now or later, in one call of async_scope_exit(), which should be its last. */
typedef void async_scope_body_fn(struct async_scope *scope);

/* Told the end, with nothing held any more: the body's status, or why the resource was not had.
 * The scope is idle again: it may run anew, or die. */
typedef void async_scope_done_fn(struct async_scope *scope, int status);

/* The body is being cancelled, the resource still held: drop what the body has pending, so that
 * nothing of it is called later. It does not call async_scope_exit(). */
typedef void async_scope_cancel_fn(struct async_scope *scope);

/*
 * What a kind of resource provides; for kinds beyond those below. Such a kind embeds the scope in a
 * struct of its own, with its waiter beside it, whose on_done calls async_scope_granted().
 */
struct async_scope_ops {
    struct async_waiter *(*waiter)(struct async_scope *scope);
    void (*acquire)(struct async_scope *scope); /* waits with that waiter */
    int (*release)(struct async_scope *scope);  /* 0, or the scope did not hold it, which asserts */
};

struct async_scope {
    /* For the caller to set between init and run. */
    async_scope_cancel_fn *on_cancel; /* NULL when the body has nothing pending of its own */

    /* The library's. */
    const struct async_scope_ops *ops;
    void *resource;
    async_scope_body_fn *body;
    async_scope_done_fn *on_done;
    unsigned char state; /* enum scope_state in scope.c; on_loop */
    union {
        struct async_condition_waiter plain;
        struct async_keyed_waiter keyed;
    } waiter; /* both begin with the async_waiter */
};

ASYNC_BEGIN_DECLS

/*
 * async_scope_init_* - prepare a scope that will hold the resource named, its body and callbacks on
 * `loop`. There is no deadline; for one, set that of async_scope_waiter().
 * Owns      the caller keeps the scope, the resource and the key's bytes as long as the scope runs.
 */
void async_scope_init_lock(struct async_scope *scope, struct async_loop *loop,
                           struct async_lock *lock);
void async_scope_init_read(struct async_scope *scope, struct async_loop *loop,
                           struct async_rwlock *rwlock);
void async_scope_init_write(struct async_scope *scope, struct async_loop *loop,
                            struct async_rwlock *rwlock);
void async_scope_init_semaphore(struct async_scope *scope, struct async_loop *loop,
                                struct async_semaphore *semaphore);
void async_scope_init_keyed(struct async_scope *scope, struct async_loop *loop,
                            struct async_keyed_lock *lock, const void *key, size_t key_bytes);

/* async_scope_init - the same for a kind of resource of the caller's own, see async_scope_ops. */
void async_scope_init(struct async_scope *scope, const struct async_scope_ops *ops, void *resource);

/*
 * async_scope_run - acquires the resource, runs body(scope) with it held, releases it.
 * Delivery  body(scope) at most once, then on_done(scope, status) exactly once unless the scope is
 *           cancelled; on the scope's loop, never inside this call.
 * Errors    through on_done, without the body: what the resource's acquire says, so -ETIMEDOUT
 *           after the deadline, -EDEADLK. Otherwise on_done has the status of async_scope_exit().
 * Owns      the scope may not move or die until on_done is called or async_scope_cancel() returned.
 * Thread    the scope's loop. The scope is idle (asserted).
 */
void async_scope_run(struct async_scope *scope, async_scope_body_fn *body,
                     async_scope_done_fn *on_done);

/*
 * async_scope_exit - the body is over: releases the resource and calls on_done(scope, status),
 * inside this call. To be called once for each body (asserted).
 * Thread    the scope's loop.
 */
void async_scope_exit(struct async_scope *scope, int status);

/*
 * async_scope_cancel - ends the scope: a wait is cancelled, a body has its on_cancel called and the
 * resource released. When this returns, neither body nor on_done will be called, nothing is held,
 * and the memory is the caller's. The body may call it for its own scope, as its last call.
 * Returns   whether the scope ran; false if it was idle.
 * Thread    the scope's loop.
 */
bool async_scope_cancel(struct async_scope *scope);

/* async_scope_is_running - whether on_done is still to come. Thread: the scope's loop. */
bool async_scope_is_running(const struct async_scope *scope);

/* async_scope_is_held - whether the body runs and so the resource is held. Thread: the scope's
 * loop. */
bool async_scope_is_held(const struct async_scope *scope);

/* async_scope_waiter - the waiter that will hold: to set its deadline, or to name the holder, for
 * instance in async_condition_notify(). Thread: any. */
struct async_waiter *async_scope_waiter(struct async_scope *scope);

/*
 * async_scope_condition_waiter - for the body of a scope made by async_scope_init_lock() to wait on
 * a condition of that lock: set waiter.on_done and waiter.deadline_ns of what this returns, give it
 * to async_condition_wait_for() or its `waiter` to async_condition_wait(), and go on in on_done,
 * where the lock is held again; the body ends there or later, as ever. A cancel of the scope
 * cancels such a wait too; on_cancel has nothing to do for it. A deadline set here is the scope's
 * own from then on: set it anew before the scope runs again.
 */
struct async_condition_waiter *async_scope_condition_waiter(struct async_scope *scope);

/* async_scope_from_waiter - the scope whose waiter this is, for scopes made by async_scope_init_*;
 * for use in the predicate and on_done of such a wait. */
struct async_scope *async_scope_from_waiter(struct async_waiter *waiter);

/* async_scope_granted - for kinds of resources: on_done of their waiter hands the outcome on. */
void async_scope_granted(struct async_scope *scope, int status);

ASYNC_END_DECLS

#endif
