/* SPDX-License-Identifier: MIT */
/*
 * queue_items.c - a list for the queues that go by age, a pairing heap for the one by priority.
 *
 * Adding is O(1) in all kinds. Taking is O(1) by age and amortised O(log n) by priority. Putting
 * back walks past the items that are to come out before it: in a FIFO others that were put back,
 * in a LIFO what was put since; seldom more than a few.
 *
 * Source: Fredman, Sedgewick, Sleator, Tarjan, The Pairing Heap, Algorithmica 1 (1986).
 */
#include <stddef.h>

#include "queue_items.h"

static struct async_queue_item *item_from(struct async_list *node)
{
    return async_container_of(node, struct async_queue_item, place.node);
}

static bool is_before(enum async_queue_kind kind, const struct async_queue_item *a,
                      const struct async_queue_item *b)
{
    if (kind == ASYNC_QUEUE_PRIORITY && a->priority != b->priority)
        return a->priority < b->priority;
    return kind == ASYNC_QUEUE_LIFO ? a->sequence > b->sequence : a->sequence < b->sequence;
}

/* Joins two heaps; returns the root of the whole. The sibling of a root means nothing. */
static struct async_queue_item *meld(struct async_queue_item *a, struct async_queue_item *b)
{
    struct async_queue_item *parent;
    struct async_queue_item *child;

    if (a == NULL || b == NULL)
        return a != NULL ? a : b;
    parent = is_before(ASYNC_QUEUE_PRIORITY, b, a) ? b : a;
    child = parent == a ? b : a;
    child->place.heap.sibling = parent->place.heap.child;
    parent->place.heap.child = child;
    return parent;
}

/* Cuts the first one or two off a row of siblings and makes one heap of them. */
static struct async_queue_item *meld_pair(struct async_queue_item **row)
{
    struct async_queue_item *a = *row;
    struct async_queue_item *b = a->place.heap.sibling;

    *row = b != NULL ? b->place.heap.sibling : NULL;
    return meld(a, b);
}

/* Makes one heap of a row of siblings: in pairs from the left, then the pairs from the right. */
static struct async_queue_item *meld_row(struct async_queue_item *row)
{
    struct async_queue_item *pairs = NULL;
    struct async_queue_item *root = NULL;

    while (row != NULL) {
        struct async_queue_item *pair = meld_pair(&row);

        pair->place.heap.sibling = pairs;
        pairs = pair;
    }
    while (pairs != NULL) {
        struct async_queue_item *next = pairs->place.heap.sibling;

        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

static void heap_add(struct async_queue_items *items, struct async_queue_item *item)
{
    item->place.heap.child = NULL;
    items->root = meld(items->root, item);
}

void queue_items_init(struct async_queue_items *items, enum async_queue_kind kind)
{
    items->kind = kind;
    items->count = 0;
    items->root = NULL;
    async_list_init(&items->list);
}

void queue_items_add(struct async_queue_items *items, struct async_queue_item *item)
{
    if (items->kind == ASYNC_QUEUE_PRIORITY)
        heap_add(items, item);
    else if (items->kind == ASYNC_QUEUE_LIFO)
        async_list_prepend(&items->list, &item->place.node);
    else
        async_list_append(&items->list, &item->place.node);
    items->count++;
}

void queue_items_put_back(struct async_queue_items *items, struct async_queue_item *item)
{
    struct async_list *next;

    if (items->kind == ASYNC_QUEUE_PRIORITY) {
        heap_add(items, item);
    } else {
        next = items->list.next;
        while (next != &items->list && is_before(items->kind, item_from(next), item))
            next = next->next;
        async_list_append(next, &item->place.node);
    }
    items->count++;
}

struct async_queue_item *queue_items_take(struct async_queue_items *items)
{
    struct async_queue_item *item;

    if (items->count == 0)
        return NULL;
    items->count--;
    if (items->kind != ASYNC_QUEUE_PRIORITY)
        return item_from(async_list_pop(&items->list));
    item = items->root;
    items->root = meld_row(item->place.heap.child);
    return item;
}

void queue_items_move(struct async_queue_items *to, struct async_queue_items *from)
{
    async_list_splice(&to->list, &from->list);
    to->root = from->root;
    to->count = from->count;
    queue_items_init(from, from->kind);
}
