/* SPDX-License-Identifier: MIT */
/*
 * scope.c - the scoped form: one state, and one place that releases.
 *
 *            run            granted                 exit
 *    IDLE ---------> WAITING -------> BODY ----------------------------> IDLE, on_done
 *      ^                |              |      cancel
 *      |  refused,      |              +--------------> CANCELLING ----> IDLE
 *      +--- cancelled --+                               (on_cancel)
 *
 * All of it happens on the scope's loop, so there is no mutex. What the kinds of resources do is in
 * scope_kinds.c; here they are only a table of functions.
 */
#include <assert.h>

#include "scope_internal.h"

enum scope_state { SCOPE_IDLE, SCOPE_WAITING, SCOPE_BODY, SCOPE_CANCELLING };

static void enter(struct async_scope *scope, enum scope_state next)
{
    static const unsigned moves[] = {
        [SCOPE_IDLE] = 1u << SCOPE_WAITING,
        [SCOPE_WAITING] = 1u << SCOPE_BODY | 1u << SCOPE_IDLE,
        [SCOPE_BODY] = 1u << SCOPE_CANCELLING | 1u << SCOPE_IDLE,
        [SCOPE_CANCELLING] = 1u << SCOPE_IDLE,
    };

    assert((moves[scope->state] & (1u << next)) != 0);
    scope->state = (unsigned char)next;
}

/* The one way out for what is held. */
static void leave_held(struct async_scope *scope)
{
    int err = scope->ops->release(scope);

    assert(err == 0); /* the body gave away what was the scope's to release */
    (void)err;
    enter(scope, SCOPE_IDLE);
}

void async_scope_init(struct async_scope *scope, const struct async_scope_ops *ops, void *resource)
{
    *scope = (struct async_scope){.ops = ops, .resource = resource, .state = SCOPE_IDLE};
}

void async_scope_run(struct async_scope *scope, async_scope_body_fn *body,
                     async_scope_done_fn *on_done)
{
    enter(scope, SCOPE_WAITING);
    scope->body = body;
    scope->on_done = on_done;
    scope->ops->acquire(scope);
}

void async_scope_granted(struct async_scope *scope, int status)
{
    assert(scope->state == SCOPE_WAITING);
    if (status < 0) {
        enter(scope, SCOPE_IDLE);
        scope->on_done(scope, status);
        return;
    }
    enter(scope, SCOPE_BODY);
    scope->body(scope);
}

void async_scope_exit(struct async_scope *scope, int status)
{
    async_loop_assert_current(async_scope_waiter(scope)->loop);
    assert(scope->state == SCOPE_BODY);
    assert(!async_waiter_is_pending(async_scope_waiter(scope))); /* waits on a condition */
    leave_held(scope);
    scope->on_done(scope, status);
}

static void cancel_body(struct async_scope *scope)
{
    struct async_waiter *waiter = async_scope_waiter(scope);

    enter(scope, SCOPE_CANCELLING);
    if (scope->on_cancel != NULL)
        scope->on_cancel(scope);
    /* In a condition's wait the lock is not ours; or it came back, and this cancel passed it on. */
    if (async_waiter_is_pending(waiter)) {
        assert(scope_is_of_lock(scope));
        async_waiter_cancel(waiter);
        enter(scope, SCOPE_IDLE);
        return;
    }
    leave_held(scope);
}

bool async_scope_cancel(struct async_scope *scope)
{
    bool was_pending;

    async_loop_assert_current(async_scope_waiter(scope)->loop);
    if (scope->state == SCOPE_IDLE)
        return false;
    if (scope->state == SCOPE_BODY) {
        cancel_body(scope);
        return true;
    }
    assert(scope->state == SCOPE_WAITING);
    was_pending = async_waiter_cancel(async_scope_waiter(scope));
    assert(was_pending);
    (void)was_pending;
    enter(scope, SCOPE_IDLE);
    return true;
}

bool async_scope_is_running(const struct async_scope *scope)
{
    return scope->state != SCOPE_IDLE;
}

bool async_scope_is_held(const struct async_scope *scope)
{
    return scope->state == SCOPE_BODY || scope->state == SCOPE_CANCELLING;
}

struct async_waiter *async_scope_waiter(struct async_scope *scope)
{
    return scope->ops->waiter(scope);
}
