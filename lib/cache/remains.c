/* SPDX-License-Identifier: MIT */
/* remains.c - see remains.h. */
#include "remains.h"

#include <assert.h>

void remains_init(struct remains *remains)
{
    *remains = (struct remains){.first = NULL};
    pthread_mutex_init(&remains->mutex, NULL);
    atomic_init(&remains->count, 0);
}

static void push(struct remains *remains, struct entry *entry)
{
    pthread_mutex_lock(&remains->mutex);
    entry->store_next = remains->first;
    remains->first = entry;
    atomic_fetch_add_explicit(&remains->count, 1, memory_order_relaxed);
    pthread_mutex_unlock(&remains->mutex);
}

static struct entry *pop(struct remains *remains)
{
    struct entry *entry;

    if (atomic_load_explicit(&remains->count, memory_order_relaxed) == 0)
        return NULL;
    pthread_mutex_lock(&remains->mutex);
    entry = remains->first;
    if (entry != NULL) {
        remains->first = entry->store_next;
        atomic_fetch_sub_explicit(&remains->count, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&remains->mutex);
    return entry;
}

void remains_fini(struct remains *remains)
{
    struct entry *entry;

    while ((entry = pop(remains)) != NULL) {
        entry->link.charged_bytes = 0;
        entry_unref(entry);
    }
    pthread_mutex_destroy(&remains->mutex);
}

bool remains_take(struct remains *remains, struct shard_removed *removed)
{
    struct entry *entry = removed->entry;

    /* One whose body another had until just now was not charged for all of it. */
    if (removed->bytes < REMAINS_BYTES_MIN || entry_is_shared(entry) ||
        removed->bytes != entry_memory_bytes(entry))
        return false;
    entry->link.charged_bytes = removed->bytes;
    push(remains, entry);
    return true;
}

size_t remains_free_some(struct remains *remains, size_t wanted_bytes)
{
    struct entry *entry = pop(remains);
    size_t freed_bytes;

    if (entry == NULL)
        return 0;
    if (wanted_bytes < REMAINS_PIECE_BYTES)
        wanted_bytes = REMAINS_PIECE_BYTES;
    freed_bytes = body_trim(entry->body, wanted_bytes);
    assert(freed_bytes < entry->link.charged_bytes);
    if (freed_bytes > 0) {
        entry->link.charged_bytes -= freed_bytes;
        push(remains, entry);
        return freed_bytes;
    }
    freed_bytes = entry->link.charged_bytes;
    entry->link.charged_bytes = 0;
    entry_unref(entry);
    return freed_bytes;
}
