/* SPDX-License-Identifier: MIT */
/*
 * queue.c - who gets the next item, and who gets the next place.
 *
 * An item that arrives while getters wait goes to the first of them and does not enter the store;
 * so getters wait only while the store is empty. Places are counted in `used`: one for each stored
 * item, one for each item on its way to a getter, one for each putter that was granted a place and
 * has not been told yet. So putters wait only while `used` is the capacity, nobody can take a place
 * promised to another, and an item that comes back from a cancelled get still has its place.
 *
 * The last step of both grants is made at delivery: a putter's item enters, a getter's place
 * becomes free for the next putter. So after a shutdown a getter that finds no item is refused only
 * when `used` is 0: until then a cancelled get may put one back, which nobody would be left to
 * take.
 */
#include <assert.h>
#include <errno.h>

#include <async/queue.h>

#include "queue_items.h"
#include "waiter.h"

static struct async_queue_waiter *queue_waiter_from(struct async_waiter *waiter)
{
    return async_container_of(waiter, struct async_queue_waiter, waiter);
}

static bool has_place_locked(const struct async_queue *queue) ASYNC_REQUIRES(async_waitq_class)
{
    return queue->capacity == 0 || queue->used < queue->capacity;
}

/* Promises free places to the putters that wait. */
static void grant_places_locked(struct async_queue *queue) ASYNC_REQUIRES(async_waitq_class)
{
    struct async_waiter *putter;

    while (has_place_locked(queue) && (putter = waiter_first_locked(&queue->putters)) != NULL) {
        queue->used++;
        waiter_post_locked(putter, 0);
    }
}

/* Whether it is shut down and no item will come to a getter any more, not even out of a cancelled
 * get. */
static bool is_over_locked(const struct async_queue *queue) ASYNC_REQUIRES(async_waitq_class)
{
    return queue->is_shut && (queue->used == 0 || queue->drops_all);
}

static void refuse_getters_locked(struct async_queue *queue) ASYNC_REQUIRES(async_waitq_class)
{
    if (is_over_locked(queue))
        waiter_post_all_locked(&queue->getters, -ESHUTDOWN);
}

static void free_place_locked(struct async_queue *queue) ASYNC_REQUIRES(async_waitq_class)
{
    assert(queue->used > 0);
    queue->used--;
    grant_places_locked(queue);
    refuse_getters_locked(queue);
}

/* Gives an item to the first getter that waits. Returns false if nobody does. */
static bool give_to_getter_locked(struct async_queue *queue, struct async_queue_item *item)
    ASYNC_REQUIRES(async_waitq_class)
{
    struct async_waiter *getter = waiter_first_locked(&queue->getters);

    if (getter == NULL)
        return false;
    queue_waiter_from(getter)->item = item;
    waiter_post_locked(getter, 0);
    return true;
}

/* Enters an item whose place is counted in `used` already. */
static void enter_locked(struct async_queue *queue, struct async_queue_item *item)
    ASYNC_REQUIRES(async_waitq_class)
{
    item->sequence = queue->sequence++;
    queue->unfinished++;
    if (!give_to_getter_locked(queue, item))
        queue_items_add(&queue->items, item);
}

/* Takes `count` items off the unfinished; there are fewer if task_done was called too early. */
static void finish_locked(struct async_queue *queue, size_t count) ASYNC_REQUIRES(async_waitq_class)
{
    queue->unfinished -= count < queue->unfinished ? count : queue->unfinished;
    if (queue->unfinished == 0)
        waiter_post_all_locked(&queue->joiners, 0);
}

static void drop(struct async_queue *queue, struct async_queue_item *item)
{
    if (queue->on_drop != NULL)
        queue->on_drop(queue, item);
}

static int on_deliver_put(struct async_waiter *waiter, int status)
{
    struct async_queue *queue = waiter->primitive;

    if (status < 0)
        return status;
    waitq_lock(&queue->mutex);
    if (queue->is_shut) {
        status = -ESHUTDOWN;
        free_place_locked(queue);
    } else {
        enter_locked(queue, queue_waiter_from(waiter)->item);
    }
    waitq_unlock(&queue->mutex);
    return status;
}

static void on_give_back_put(struct async_waiter *waiter, int status)
{
    struct async_queue *queue = waiter->primitive;

    if (status < 0)
        return;
    waitq_lock(&queue->mutex);
    free_place_locked(queue);
    waitq_unlock(&queue->mutex);
}

static const struct async_waiter_ops put_ops = {
    .on_deliver = on_deliver_put,
    .on_give_back = on_give_back_put,
};

static int on_deliver_get(struct async_waiter *waiter, int status)
{
    struct async_queue *queue = waiter->primitive;

    if (status < 0)
        return status;
    waitq_lock(&queue->mutex);
    free_place_locked(queue);
    waitq_unlock(&queue->mutex);
    return status;
}

static void on_give_back_get(struct async_waiter *waiter, int status)
{
    struct async_queue *queue = waiter->primitive;
    struct async_queue_item *item = queue_waiter_from(waiter)->item;
    bool is_dropped;

    if (status < 0)
        return;
    queue_waiter_from(waiter)->item = NULL;
    waitq_lock(&queue->mutex);
    is_dropped = queue->drops_all;
    if (is_dropped) {
        free_place_locked(queue);
        finish_locked(queue, 1);
    } else if (!give_to_getter_locked(queue, item)) {
        queue_items_put_back(&queue->items, item);
    }
    waitq_unlock(&queue->mutex);
    if (is_dropped)
        drop(queue, item);
}

static const struct async_waiter_ops get_ops = {
    .on_deliver = on_deliver_get,
    .on_give_back = on_give_back_get,
};

static const struct async_waiter_ops join_ops = {0};

void async_queue_init(struct async_queue *queue, enum async_queue_kind kind, size_t capacity,
                      async_queue_drop_fn *on_drop) ASYNC_UNCHECKED_LOCKING
{
    int err = pthread_mutex_init(&queue->mutex, NULL);
    assert(err == 0);
    (void)err;
    queue->capacity = capacity;
    queue->on_drop = on_drop;
    queue_items_init(&queue->items, kind);
    queue->used = 0;
    queue->unfinished = 0;
    queue->sequence = 0;
    async_list_init(&queue->getters);
    async_list_init(&queue->putters);
    async_list_init(&queue->joiners);
    queue->is_shut = false;
    queue->drops_all = false;
}

void async_queue_fini(struct async_queue *queue) ASYNC_UNCHECKED_LOCKING
{
    assert(queue->used == 0);
    assert(async_list_is_empty(&queue->getters));
    assert(async_list_is_empty(&queue->putters));
    assert(async_list_is_empty(&queue->joiners));
    pthread_mutex_destroy(&queue->mutex);
}

void async_queue_waiter_init(struct async_queue_waiter *waiter, struct async_loop *loop,
                             async_waiter_fn *on_done)
{
    async_waiter_init(&waiter->waiter, loop, on_done);
    waiter->item = NULL;
}

void async_queue_put(struct async_queue *queue, struct async_queue_waiter *waiter,
                     struct async_queue_item *item)
{
    waiter_begin(&waiter->waiter, &put_ops, queue, &queue->mutex);
    waiter->item = item;
    waitq_lock(&queue->mutex);
    if (queue->is_shut) {
        waiter_post_locked(&waiter->waiter, -ESHUTDOWN);
    } else if (has_place_locked(queue)) {
        queue->used++;
        waiter_post_locked(&waiter->waiter, 0);
    } else {
        waiter_park_locked(&waiter->waiter, &queue->putters);
    }
    waitq_unlock(&queue->mutex);
}

int async_queue_put_nowait(struct async_queue *queue, struct async_queue_item *item)
{
    int err = 0;

    waitq_lock(&queue->mutex);
    if (queue->is_shut) {
        err = -ESHUTDOWN;
    } else if (!has_place_locked(queue)) {
        err = -EAGAIN;
    } else {
        queue->used++;
        enter_locked(queue, item);
    }
    waitq_unlock(&queue->mutex);
    return err;
}

void async_queue_get(struct async_queue *queue, struct async_queue_waiter *waiter)
{
    waiter_begin(&waiter->waiter, &get_ops, queue, &queue->mutex);
    waitq_lock(&queue->mutex);
    waiter->item = queue_items_take(&queue->items);
    if (waiter->item != NULL)
        waiter_post_locked(&waiter->waiter, 0);
    else if (is_over_locked(queue))
        waiter_post_locked(&waiter->waiter, -ESHUTDOWN);
    else
        waiter_park_locked(&waiter->waiter, &queue->getters);
    waitq_unlock(&queue->mutex);
}

int async_queue_get_nowait(struct async_queue *queue, struct async_queue_item **ret_item)
{
    struct async_queue_item *item;
    int err = 0;

    waitq_lock(&queue->mutex);
    item = queue_items_take(&queue->items);
    if (item != NULL)
        free_place_locked(queue);
    else
        err = is_over_locked(queue) ? -ESHUTDOWN : -EAGAIN;
    waitq_unlock(&queue->mutex);
    if (err == 0)
        *ret_item = item;
    return err;
}

int async_queue_task_done(struct async_queue *queue)
{
    int err = 0;

    waitq_lock(&queue->mutex);
    if (queue->unfinished == 0)
        err = -EINVAL;
    else
        finish_locked(queue, 1);
    waitq_unlock(&queue->mutex);
    return err;
}

void async_queue_join(struct async_queue *queue, struct async_waiter *waiter)
{
    waiter_begin(waiter, &join_ops, queue, &queue->mutex);
    waitq_lock(&queue->mutex);
    if (queue->unfinished == 0)
        waiter_post_locked(waiter, 0);
    else
        waiter_park_locked(waiter, &queue->joiners);
    waitq_unlock(&queue->mutex);
}

void async_queue_shutdown(struct async_queue *queue, bool is_immediate)
{
    struct async_queue_items rest;
    struct async_queue_item *item;

    waitq_lock(&queue->mutex);
    queue->is_shut = true;
    waiter_post_all_locked(&queue->putters, -ESHUTDOWN);
    queue_items_init(&rest, queue->items.kind);
    if (is_immediate) {
        queue->drops_all = true;
        queue_items_move(&rest, &queue->items);
        queue->used -= rest.count;
        finish_locked(queue, rest.count);
    }
    refuse_getters_locked(queue);
    waitq_unlock(&queue->mutex);
    while ((item = queue_items_take(&rest)) != NULL)
        drop(queue, item);
}

size_t async_queue_size(struct async_queue *queue)
{
    size_t size;

    waitq_lock(&queue->mutex);
    size = queue->items.count;
    waitq_unlock(&queue->mutex);
    return size;
}

bool async_queue_is_empty(struct async_queue *queue)
{
    return async_queue_size(queue) == 0;
}

bool async_queue_is_full(struct async_queue *queue)
{
    bool is_full;

    waitq_lock(&queue->mutex);
    is_full = !has_place_locked(queue);
    waitq_unlock(&queue->mutex);
    return is_full;
}
