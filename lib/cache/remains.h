/* SPDX-License-Identifier: MIT */
/*
 * remains.h - what is left of long bodies that have to go: freed piece by piece.
 *
 * To give 64 MiB back to the system takes milliseconds, and no call to the store may take so long.
 * So an entry with a long body that nobody else refers to is put here when it leaves its shard, and
 * stays charged. Each later insert frees a piece, and whoever needs bytes gets them from here
 * before anything else has to go.
 *
 * Private to the store. Thread: any.
 */
#ifndef CACHE_REMAINS_H
#define CACHE_REMAINS_H

#include <pthread.h>
#include <stdatomic.h>

#include "shard.h"

#define REMAINS_BYTES_MIN   ((size_t)1024 * 1024) /* shorter ones are freed at once */
#define REMAINS_PIECE_BYTES ((size_t)128 * 1024)  /* freed at least: a chunk, as a rule */

struct remains {
    pthread_mutex_t mutex; /* innermost; guards the list, not what is in it */
    struct entry *first;   /* linked by store_next; link.charged_bytes is what is left of each */
    atomic_size_t count;
};

void remains_init(struct remains *remains);

/* Frees all. */
void remains_fini(struct remains *remains);

/* Whether the entry was taken over, with what it was charged. */
bool remains_take(struct remains *remains, struct shard_removed *removed);

/* Frees `wanted_bytes`, if there are so many, and a piece at least. Returns how many bytes are not
 * charged any more. */
size_t remains_free_some(struct remains *remains, size_t wanted_bytes);

#endif
