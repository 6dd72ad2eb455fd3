/* SPDX-License-Identifier: MIT */
/*
 * queue_rig.h - a queue, four users who put and get, and three items, for the tests of the queue.
 */
#ifndef QUEUE_RIG_H
#define QUEUE_RIG_H

#include <async/queue.h>

#include "trio.h"

struct queue_parcel {
    struct async_queue_item item;
    char name;
};

struct queue_user {
    struct async_queue_waiter waiter;
    struct trio *trio;
    char name;
    int status;
};

struct queue_rig {
    struct trio *trio; /* its own three waiters join */
    struct async_queue queue;
    struct queue_user a, b, c, d;
    struct queue_parcel x, y, z;
    char dropped[8];
};

/* For cmocka: the state is a struct queue_rig. Tearing down asserts that the queue is empty and
 * nobody waits. */
int queue_rig_set_up(void **state);
int queue_rig_set_up_one_place(void **state);
int queue_rig_set_up_lifo(void **state);
int queue_rig_set_up_priority(void **state);
int queue_rig_tear_down(void **state);

void queue_rig_put(struct queue_rig *f, struct queue_user *user, struct queue_parcel *parcel);
void queue_rig_put_now(struct queue_rig *f, struct queue_parcel *parcel);
void queue_rig_get(struct queue_rig *f, struct queue_user *user);
bool queue_rig_cancel(struct queue_user *user);

/* The names of what can be got now, and of what the user got last; '-' for nothing. */
char queue_rig_get_now(struct queue_rig *f);
char queue_rig_got(const struct queue_user *user);

#endif
