/* SPDX-License-Identifier: MIT */
/*
 * waiter.c - the life of a wait: parked, posted, delivered, timed out or cancelled.
 *
 * Three can end a wait: a grant (any thread), the deadline and a cancel (both on the waiter's
 * loop). The primitive's mutex decides which came first. `is_pending` belongs to the waiter's loop
 * and says whether on_done is still owed; `is_parked` belongs to the mutex and says whether the
 * queue still has the waiter. A waiter that is pending and not parked has its delivery posted.
 */
#include <assert.h>
#include <errno.h>

#include "waiter.h"

static void deliver(struct async_waiter *waiter, int status)
{
    if (waiter->ops->on_deliver != NULL) {
        status = waiter->ops->on_deliver(waiter, status);
        if (status == -EINPROGRESS)
            return;
    }
    async_timer_disarm(&waiter->timeout);
    waiter->is_pending = false;
    waiter->on_done(waiter, status);
}

static void on_delivery(struct async_task *task)
{
    struct async_waiter *waiter = async_container_of(task, struct async_waiter, delivery);

    /* The poster set these under the mutex before the post that brought us here. */
    assert(waiter->is_pending);
    if (waiter->is_from_afar) {
        /* Another thread posts before it lets the mutex go. on_done may end the primitive, so it
         * is not called before that thread is out of it. */
        waitq_lock(waiter->mutex);
        waitq_unlock(waiter->mutex);
    }
    deliver(waiter, waiter->status);
}

static void on_timeout(struct async_timer *timer)
{
    struct async_waiter *waiter = async_container_of(timer, struct async_waiter, timeout);

    assert(waiter->is_pending);
    waitq_lock(waiter->mutex);
    if (!waiter->is_parked) {
        /* The grant was first; its delivery is on the way. */
        waitq_unlock(waiter->mutex);
        return;
    }
    if (waiter->ops->on_timeout_locked != NULL && waiter->ops->on_timeout_locked(waiter)) {
        waitq_unlock(waiter->mutex);
        return;
    }
    waiter->is_parked = false;
    async_list_remove(&waiter->node);
    if (waiter->ops->on_leave_locked != NULL)
        waiter->ops->on_leave_locked(waiter);
    waitq_unlock(waiter->mutex);
    waiter->is_pending = false;
    waiter->on_done(waiter, -ETIMEDOUT);
}

void async_waiter_init(struct async_waiter *waiter, struct async_loop *loop,
                       async_waiter_fn *on_done)
{
    *waiter = (struct async_waiter){
        .loop = loop,
        .on_done = on_done,
        .deadline_ns = ASYNC_NEVER,
    };
    async_list_init(&waiter->node);
    async_task_init(&waiter->delivery, on_delivery);
    async_timer_init(&waiter->timeout, on_timeout);
}

bool async_waiter_cancel(struct async_waiter *waiter)
{
    bool was_parked;

    async_loop_assert_current(waiter->loop);
    if (!waiter->is_pending)
        return false;
    waitq_lock(waiter->mutex);
    was_parked = waiter->is_parked;
    if (was_parked) {
        waiter->is_parked = false;
        async_list_remove(&waiter->node);
        if (waiter->ops->on_leave_locked != NULL)
            waiter->ops->on_leave_locked(waiter);
    }
    waitq_unlock(waiter->mutex);
    async_timer_disarm(&waiter->timeout);
    waiter->is_pending = false;
    if (!was_parked) {
        bool was_posted = async_loop_unpost(waiter->loop, &waiter->delivery);
        assert(was_posted);
        (void)was_posted;
        if (waiter->ops->on_give_back != NULL)
            waiter->ops->on_give_back(waiter, waiter->status);
    }
    return true;
}

bool async_waiter_is_pending(const struct async_waiter *waiter)
{
    return waiter->is_pending;
}

void waiter_begin(struct async_waiter *waiter, const struct async_waiter_ops *ops, void *primitive,
                  pthread_mutex_t *mutex)
{
    async_loop_assert_current(waiter->loop);
    assert(!waiter->is_pending);                /* one wait at a time for each waiter */
    assert(async_list_is_empty(&waiter->node)); /* nor one beside reading, see rwlock.h */
    waiter->is_pending = true;
    waiter->ops = ops;
    waiter->primitive = primitive;
    waiter->mutex = mutex;
    waiter->mode = 0;
    waiter->status = 0;
}

void waiter_park_locked(struct async_waiter *waiter, struct async_list *queue)
{
    waiter->is_parked = true;
    async_list_append(queue, &waiter->node);
    async_timer_arm(&waiter->timeout, waiter->loop, waiter->deadline_ns);
}

void waiter_move_locked(struct async_waiter *waiter, struct async_list *queue)
{
    waiter->is_parked = true;
    async_list_remove(&waiter->node);
    async_list_append(queue, &waiter->node);
}

void waiter_post_locked(struct async_waiter *waiter, int status)
{
    waiter->is_parked = false;
    waiter->status = status;
    waiter->is_from_afar = !async_loop_is_current(waiter->loop);
    async_list_remove(&waiter->node);
    async_loop_post(waiter->loop, &waiter->delivery);
}

struct async_waiter *waiter_first_locked(const struct async_list *queue)
{
    struct async_list *node = async_list_first(queue);
    return node == NULL ? NULL : async_container_of(node, struct async_waiter, node);
}

unsigned waiter_post_all_locked(struct async_list *queue, int status)
{
    struct async_waiter *waiter;
    unsigned count = 0;

    while ((waiter = waiter_first_locked(queue)) != NULL) {
        waiter_post_locked(waiter, status);
        count++;
    }
    return count;
}

unsigned waiter_count_locked(const struct async_list *queue)
{
    const struct async_list *node;
    unsigned count = 0;

    for (node = queue->next; node != queue; node = node->next)
        count++;
    return count;
}
