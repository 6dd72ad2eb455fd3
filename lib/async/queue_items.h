/* SPDX-License-Identifier: MIT */
/*
 * queue_items.h - the items of a queue in the order of its kind. No mutex: the queue's covers them.
 */
#ifndef QUEUE_ITEMS_H
#define QUEUE_ITEMS_H

#include <async/queue.h>

void queue_items_init(struct async_queue_items *items, enum async_queue_kind kind);

/* Adds an item with a sequence greater than those of all before. */
void queue_items_add(struct async_queue_items *items, struct async_queue_item *item);

/* Returns an item that was taken to the place where it was: before those that came after it. */
void queue_items_put_back(struct async_queue_items *items, struct async_queue_item *item);

/* Takes the next item; NULL if there is none. */
struct async_queue_item *queue_items_take(struct async_queue_items *items);

/* Moves all items of `from` into `to`, which is empty and of the same kind; `from` is empty then.
 */
void queue_items_move(struct async_queue_items *to, struct async_queue_items *from);

#endif
