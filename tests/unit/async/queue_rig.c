/* SPDX-License-Identifier: MIT */
/*
 * queue_rig.c - the users and items of the tests of the queue.
 */
#include <assert.h>
#include <string.h>

#include "queue_rig.h"

static void on_told(struct async_waiter *waiter, int status)
{
    struct queue_user *user = async_container_of(waiter, struct queue_user, waiter.waiter);

    user->status = status;
    trio_note(user->trio, user->name, status);
}

static void on_drop(struct async_queue *queue, struct async_queue_item *item)
{
    struct queue_rig *f = async_container_of(queue, struct queue_rig, queue);
    size_t used = strlen(f->dropped);

    /* No mutex is held: the queue may be asked. */
    assert(used + 1 < sizeof(f->dropped));
    assert(async_queue_is_empty(queue));
    f->dropped[used] = async_container_of(item, struct queue_parcel, item)->name;
}

static void user_init(struct queue_rig *f, struct queue_user *user, char name)
{
    *user = (struct queue_user){.trio = f->trio, .name = name};
    async_queue_waiter_init(&user->waiter, f->trio->loop, on_told);
}

static struct queue_rig fixture;

static struct queue_rig *set_up_queue(enum async_queue_kind kind, size_t capacity)
{
    struct queue_rig *f = &fixture;

    memset(f, 0x5a, sizeof(*f)); /* whatever was there before init */
    memset(f->dropped, 0, sizeof(f->dropped));
    f->trio = trio_new();
    async_queue_init(&f->queue, kind, capacity, on_drop);
    user_init(f, &f->a, 'a');
    user_init(f, &f->b, 'b');
    user_init(f, &f->c, 'c');
    user_init(f, &f->d, 'd');
    f->x.name = 'x';
    f->y.name = 'y';
    f->z.name = 'z';
    return f;
}

int queue_rig_set_up(void **state)
{
    *state = set_up_queue(ASYNC_QUEUE_FIFO, 0);
    return 0;
}

int queue_rig_set_up_one_place(void **state)
{
    *state = set_up_queue(ASYNC_QUEUE_FIFO, 1);
    return 0;
}

int queue_rig_set_up_lifo(void **state)
{
    *state = set_up_queue(ASYNC_QUEUE_LIFO, 0);
    return 0;
}

int queue_rig_set_up_priority(void **state)
{
    *state = set_up_queue(ASYNC_QUEUE_PRIORITY, 0);
    return 0;
}

int queue_rig_tear_down(void **state)
{
    struct queue_rig *f = *state;

    async_queue_fini(&f->queue); /* asserts that nothing and nobody is left */
    trio_free(f->trio);
    return 0;
}

void queue_rig_put(struct queue_rig *f, struct queue_user *user, struct queue_parcel *parcel)
{
    async_queue_put(&f->queue, &user->waiter, &parcel->item);
}

void queue_rig_put_now(struct queue_rig *f, struct queue_parcel *parcel)
{
    int err = async_queue_put_nowait(&f->queue, &parcel->item);

    assert(err == 0);
    (void)err;
}

void queue_rig_get(struct queue_rig *f, struct queue_user *user)
{
    async_queue_get(&f->queue, &user->waiter);
}

char queue_rig_get_now(struct queue_rig *f)
{
    struct async_queue_item *item = NULL;

    if (async_queue_get_nowait(&f->queue, &item) < 0)
        return '-';
    return async_container_of(item, struct queue_parcel, item)->name;
}

char queue_rig_got(const struct queue_user *user)
{
    if (user->waiter.item == NULL)
        return '-';
    return async_container_of(user->waiter.item, struct queue_parcel, item)->name;
}

bool queue_rig_cancel(struct queue_user *user)
{
    return async_waiter_cancel(&user->waiter.waiter);
}
