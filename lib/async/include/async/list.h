/* SPDX-License-Identifier: MIT */
/*
 * list.h - circular doubly linked lists whose nodes are members of the caller's structs.
 *
 * A list is a node that stands for both ends. A node that is in no list points to itself, so
 * removing it again is harmless. Nothing here allocates, locks or fails.
 */
#ifndef ASYNC_LIST_H
#define ASYNC_LIST_H

#include <stdbool.h>
#include <stddef.h>

#define async_container_of(pointer, type, member)                                                  \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct async_list {
    struct async_list *next;
    struct async_list *previous;
};

static inline void async_list_init(struct async_list *list)
{
    list->next = list;
    list->previous = list;
}

static inline bool async_list_is_empty(const struct async_list *list)
{
    return list->next == list;
}

/* The first node, or NULL. */
static inline struct async_list *async_list_first(const struct async_list *list)
{
    /* The analyser does not see that what was popped and freed has been unlinked before.
     * NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    return list->next == list ? NULL : list->next;
}

static inline void async_list_append(struct async_list *list, struct async_list *node)
{
    node->next = list;
    node->previous = list->previous;
    list->previous->next = node;
    list->previous = node;
}

static inline void async_list_prepend(struct async_list *list, struct async_list *node)
{
    async_list_append(list->next, node);
}

static inline void async_list_remove(struct async_list *node)
{
    node->previous->next = node->next;
    node->next->previous = node->previous;
    async_list_init(node);
}

/* Takes the first node out and returns it; NULL when the list is empty. */
static inline struct async_list *async_list_pop(struct async_list *list)
{
    struct async_list *node = async_list_first(list);
    if (node != NULL)
        async_list_remove(node);
    return node;
}

/* Moves all nodes of `from` behind those of `to`; `from` is empty afterwards. */
static inline void async_list_splice(struct async_list *to, struct async_list *from)
{
    if (async_list_is_empty(from))
        return;
    from->next->previous = to->previous;
    to->previous->next = from->next;
    from->previous->next = to;
    to->previous = from->previous;
    async_list_init(from);
}

#endif
