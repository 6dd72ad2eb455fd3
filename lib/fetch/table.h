/* SPDX-License-Identifier: MIT */
/*
 * table.h - the flights that can be joined, found by key, and marks on keys.
 *
 * The keys are those of flights: variant.h. All that are made of one request's own key are in the
 * shard of that key, under one mutex.
 *
 * A mark remembers for a while that a URL failed just now, or that it cannot be coalesced. Flights
 * and marks of a key are in one shard under one mutex, so that a request sees both at one moment.
 *
 * Lock order: shard, then flight, then the mailbox of a loop. The store's own mutexes may be taken
 * inside a shard's.
 */
#ifndef FETCH_TABLE_H
#define FETCH_TABLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <async/annotations.h>
#include <cache/key.h>
#include <fetch/fetcher.h>

struct flight;
struct flight_table;
struct table_shard;

extern struct async_capability flight_table_class;

enum mark_kind {
    MARK_NONE,
    MARK_FAILURE,     /* what is asked for failed just now: the same answer for all */
    MARK_ERROR,       /* an error came just now: for those who may have a stale answer */
    MARK_LEFT_ALONE,  /* the origin said when to come again */
    MARK_UNCACHEABLE, /* requests go upstream by themselves */
};

struct table_mark {
    enum mark_kind kind;
    int64_t until_ns; /* on the monotonic clock all loops share */
    struct fetch_failure failure;
};

/* flight_table_new - empty. Errors: -ENOMEM. */
int flight_table_new(uint32_t marks_max, struct flight_table **ret_table);

/* flight_table_free - asserts that no flight is in it. NULL is allowed. */
void flight_table_free(struct flight_table *table);

/* table_lock - the shard of a request's own key, locked until table_unlock(). */
struct table_shard *table_lock(struct flight_table *table, const struct key *own)
    ASYNC_ACQUIRE(flight_table_class);
void table_unlock(struct table_shard *shard) ASYNC_RELEASE(flight_table_class);

/* table_find_locked - a flight for the key, or NULL; one that has begun before one that has not. */
struct flight *table_find_locked(struct table_shard *shard, const struct key *key)
    ASYNC_REQUIRES(flight_table_class);

/* table_find_variant_locked - one of the flights for requests with this own key, or NULL. */
struct flight *table_find_variant_locked(struct table_shard *shard, const struct key *own)
    ASYNC_REQUIRES(flight_table_class);

typedef bool table_match_fn(const void *context, const struct key *own);

/* table_lock_next - the shards one after the other: `index` from 0 to TABLE_SHARDS - 1. */
#define TABLE_SHARDS 64u
struct table_shard *table_lock_next(struct flight_table *table, unsigned index)
    ASYNC_ACQUIRE(flight_table_class);

/* table_find_match_locked - one of the flights for requests whose own key matches, or NULL. */
struct flight *table_find_match_locked(struct table_shard *shard, table_match_fn *matches,
                                       const void *context) ASYNC_REQUIRES(flight_table_class);

/* table_find_queued_locked - the one among them that has not begun, or NULL. */
struct flight *table_find_queued_locked(struct table_shard *shard, const struct key *key)
    ASYNC_REQUIRES(flight_table_class);

/* table_insert_locked - none of the key is in that has not begun, unless this one has. */
void table_insert_locked(struct table_shard *shard, struct flight *flight)
    ASYNC_REQUIRES(flight_table_class);

/* table_remove_locked - returns whether it was in. */
bool table_remove_locked(struct table_shard *shard, struct flight *flight)
    ASYNC_REQUIRES(flight_table_class);

/* table_mark_find_locked - the mark of the key, MARK_NONE if there is none at `now_ns`. That of
 * MARK_LEFT_ALONE says how long it is still. */
void table_mark_find_locked(struct table_shard *shard, const struct key *key, int64_t now_ns,
                            struct table_mark *ret_mark) ASYNC_REQUIRES(flight_table_class);

/* table_mark_set_locked - replaces the key's mark; kept only if memory and room allow. */
void table_mark_set_locked(struct table_shard *shard, const struct key *key,
                           const struct table_mark *mark) ASYNC_REQUIRES(flight_table_class);

/* table_mark_clear_locked - forgets the key's mark. */
void table_mark_clear_locked(struct table_shard *shard, const struct key *key)
    ASYNC_REQUIRES(flight_table_class);

/* table_count_purge_locked - notes a purge, for table_purges_locked(): how many there have been. */
void table_count_purge_locked(struct table_shard *shard) ASYNC_REQUIRES(flight_table_class);
uint64_t table_purges_locked(const struct table_shard *shard) ASYNC_REQUIRES(flight_table_class);

/* table_marks_clear_locked - forgets those of all keys that are made of this own key. */
void table_marks_clear_locked(struct table_shard *shard, const struct key *own)
    ASYNC_REQUIRES(flight_table_class);

/* table_marks_clear_matching_locked - forgets those of all keys that are made of own keys that
 * match. */
void table_marks_clear_matching_locked(struct table_shard *shard, table_match_fn *matches,
                                       const void *context) ASYNC_REQUIRES(flight_table_class);

#endif
