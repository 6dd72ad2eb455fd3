/* SPDX-License-Identifier: MIT */
/*
 * shard.h - one part of the store: a hash table that grows by one bucket at a time, the SIEVE list
 * and the mutex of both.
 *
 * Private to the store. A shard knows nothing of the budget: it says what it put in and took out,
 * and the store does the sums. Whatever is taken out is handed to the caller, so that memory is
 * freed after the mutex was released.
 */
#ifndef CACHE_SHARD_H
#define CACHE_SHARD_H

#include <async/annotations.h>
#include <cache/entry.h>
#include <pthread.h>
#include <stdalign.h>

#define SHARD_WALK_BUCKETS 256

/* Both are powers of two. A table begins with the first, and has whole segments from the second on.
 */
#define SHARD_BUCKETS_MIN     64
#define SHARD_SEGMENT_BUCKETS 512

extern struct async_capability store_class; /* the mutex inside each shard; innermost */

/* Written with the mutex held, read by anyone at any time. */
struct shard_counters {
    atomic_uint_least64_t entries;
    atomic_uint_least64_t hits;
    atomic_uint_least64_t hits_stale;
    atomic_uint_least64_t misses;
    atomic_uint_least64_t inserts;
    atomic_uint_least64_t replacements;
    atomic_uint_least64_t evictions;
    atomic_uint_least64_t removals;
};

struct shard {
    alignas(64) pthread_mutex_t mutex;                      /* shards share no cache line */
    struct entry ***segments ASYNC_GUARDED_BY(store_class); /* of buckets: heads of their chains */
    size_t buckets_count ASYNC_GUARDED_BY(store_class);
    size_t buckets_mask ASYNC_GUARDED_BY(store_class); /* the next power of two, less one */
    size_t buckets_room ASYNC_GUARDED_BY(store_class); /* in the segments there are */
    size_t segments_max;
    size_t entries_count ASYNC_GUARDED_BY(store_class);
    struct entry *newest ASYNC_GUARDED_BY(store_class);
    struct entry *oldest ASYNC_GUARDED_BY(store_class);
    struct entry *hand ASYNC_GUARDED_BY(store_class); /* looked at next; NULL: the oldest */
    struct shard_counters counters;
};

/* An entry that left the shard: the reference is the receiver's, `bytes` is what it was charged. */
struct shard_removed {
    struct entry *entry; /* NULL: nothing left */
    size_t bytes;
};

enum shard_eviction {
    SHARD_EVICTED,
    SHARD_SPARED, /* the hand met only entries in use, up to the limit of one call */
    SHARD_EMPTY,
};

/* A table of at most `segments_max` segments.  Errors  -ENOMEM */
int shard_init(struct shard *shard, size_t segments_max);

/* Drops all entries. */
void shard_fini(struct shard *shard);

/* The entry with a reference for the caller, or NULL; marked as used. */
struct entry *shard_lookup(struct shard *shard, const struct key *key, int64_t now_s)
    ASYNC_EXCLUDES(store_class);

/* Whether the entry that is in under its key has the same body. */
bool shard_has_body_of(struct shard *shard, const struct entry *entry) ASYNC_EXCLUDES(store_class);

/*
 * Take over a reference to `entry`, in place of an older entry of the same key. `shared_bytes` of
 * what it is charged are those of the older one's body, which is the same: the budget has them, and
 * they are not among those that the older one gives back.
 * Errors  -EAGAIN: bytes are shared, but not with what is in now. Nothing is taken then.
 */
int shard_insert(struct shard *shard, struct entry *entry, size_t charged_bytes,
                 size_t shared_bytes, struct shard_removed *ret_replaced)
    ASYNC_EXCLUDES(store_class);

/* `only`: unless another is in by now; NULL: whatever is in. */
void shard_remove(struct shard *shard, const struct key *key, const struct entry *only,
                  struct shard_removed *ret_removed) ASYNC_EXCLUDES(store_class);

/* Where a walk through a shard is. Zeroed: at its beginning. */
struct shard_place {
    size_t bucket;
    uint64_t hash;  /* of the entry met last, if `is_inside` */
    bool is_inside; /* the bucket is not done */
};

/*
 * References to the next entries, up to `max`, of a walk that meets every key that is in from its
 * beginning to its end. Looks at SHARD_WALK_BUCKETS buckets at most, so there may be none. False
 * once the walk is over.
 */
bool shard_walk(struct shard *shard, struct shard_place *place, struct entry **ret_entries,
                size_t max, size_t *ret_count) ASYNC_EXCLUDES(store_class);

/* Move the hand to a victim. `is_forced`: take the first, used or not. */
enum shard_eviction shard_evict(struct shard *shard, bool is_forced,
                                struct shard_removed *ret_removed) ASYNC_EXCLUDES(store_class);

/* Room for how many buckets the table needs before one more entry goes in; 0: it has enough. */
size_t shard_buckets_wanted(struct shard *shard) ASYNC_EXCLUDES(store_class);

/*
 * Take over `buckets`, uninitialised room for what shard_buckets_wanted() said. Returns what is not
 * needed any more, for the caller to free: NULL, the room there was, or `buckets` itself if another
 * thread was quicker. `ret_more`: by how many the room has grown.
 */
struct entry **shard_add_buckets(struct shard *shard, struct entry **buckets, size_t count,
                                 size_t *ret_more) ASYNC_EXCLUDES(store_class);

#endif
