/* SPDX-License-Identifier: MIT */
/*
 * purges.h - which tags have been purged, and when: counted, not timed.
 *
 * The purges of a store are numbered. For each tag the number of its last one is remembered; an
 * entry knows how many there had been when it was asked for. So a purge is one note, and an entry
 * is compared with the notes when it is looked up, once for all purges so far: the next look-up
 * costs one comparison of numbers, until there is another purge.
 *
 * There are two tables. When the younger has PURGES_NOTES_MAX notes, it becomes the older, and of
 * those in the older only the number of the last is kept: whatever has any tag and is older than
 * that counts as purged. That forgets too much, never too little.
 *
 * Private to the store. Thread: any.
 */
#ifndef CACHE_PURGES_H
#define CACHE_PURGES_H

#include <pthread.h>
#include <stdatomic.h>

#include <cache/entry.h>

#define PURGES_NOTES_MAX 16384

/* What is known of a tag. */
struct purge_note {
    uint64_t tag;
    uint64_t last;      /* number of the last purge; 0: none */
    uint64_t last_soft; /* likewise of those that make stale */
    int64_t soft_s;     /* wall clock of that */
};

struct purge_table {
    struct purge_note *notes; /* by hash, with linear probing; free where both numbers are 0 */
    size_t room;              /* a power of two, or 0 */
    size_t count;
    uint64_t newest; /* number */
};

struct purges {
    atomic_uint_least64_t count;
    pthread_mutex_t mutex; /* guards the rest; innermost */
    struct purge_table younger;
    struct purge_table older;
    uint64_t floor; /* what was asked for before this one is purged if it has a tag */
};

void purges_init(struct purges *purges);
void purges_fini(struct purges *purges);

uint64_t purges_count(const struct purges *purges);

/* Without memory for the note, all that has a tag counts as purged. */
void purges_add(struct purges *purges, uint64_t tag, bool is_soft, int64_t now_s);

/* False if a purge concerns the entry, which has tags. Marks it as stale if a soft one does. */
bool purges_allow(struct purges *purges, struct entry *entry);

#endif
