/* SPDX-License-Identifier: MIT */
/*
 * store.h - the entries in memory: found by key, within a budget of bytes.
 *
 * The keys are spread over shards by their hash. A shard is a hash table, a list in order of age
 * and a mutex that is held for a lookup or the edit of a few pointers, never for an allocation or
 * for the freeing of an entry. A hit costs one hash, one mutex of one shard and one counted
 * reference.
 *
 * Who has to go when the budget is used up is decided by SIEVE (Zhang et al., NSDI 2024): a hand
 * walks from the oldest entry to the newest, spares what was used since it last passed, and evicts
 * the first that was not. It is chosen over LRU because a hit only sets a mark in the entry it
 * touches anyway (LRU moves the entry to the front of a list, which writes to three more), and
 * because things that are asked for once leave early, for which LRU needs the whole length of its
 * list.
 *
 * The budget counts entries with their bodies, the tables, and what is kept for entries that are on
 * their way. A long body that leaves is freed in pieces by the inserts that follow, and is counted
 * until then, so that no call takes long. Bytes of an entry that was evicted
 * or replaced while readers still send it are not in the budget: counting them would let one slow
 * reader of a big body drive everything else out.
 *
 * Stale entries are kept and returned: whether they may be used is the caller's decision. What was
 * purged by a tag of its stays until it is met or evicted, but is not returned.
 */
#ifndef CACHE_STORE_H
#define CACHE_STORE_H

#include <cache/entry.h>
#include <cache/key.h>

struct store;

#define STORE_SHARDS_MAX       1024
#define STORE_SHARD_BYTES_MIN  512                 /* the table of an empty shard */
#define STORE_BUDGET_BYTES_MIN ((size_t)64 * 1024) /* besides the empty shards */

struct store_config {
    size_t budget_bytes;   /* STORE_BUDGET_BYTES_MIN or more */
    unsigned shards_count; /* a power of two, at most STORE_SHARDS_MAX; 0 means 64 */
    unsigned
        object_share_percent; /* an object larger than this part of the budget is refused; 1-100 */
    struct key_secret secret;
};

/* Sums over all shards; each number is right, but they are not of one moment. */
struct store_counters {
    uint64_t entries;
    uint64_t bytes;      /* charged to the budget: entries and tables */
    uint64_t hits;       /* lookups that found a fresh entry */
    uint64_t hits_stale; /* lookups that found a stale one */
    uint64_t misses;
    uint64_t inserts;
    uint64_t replacements; /* inserts that took the place of an older entry */
    uint64_t evictions;    /* to make room */
    uint64_t removals;     /* by store_remove() */
    uint64_t refusals;     /* inserts refused for their size or for want of memory */
};

/*
 * store_new - an empty store.
 * Errors    -EINVAL: a config outside its limits. -ENOMEM.
 * Thread    any.        Source  docs/internals/store.md
 */
int store_new(const struct store_config *config, struct store **ret_store);

/*
 * store_free - drop all entries; those with readers live on. NULL is a no-op.
 * Thread    any, when no other uses the store any more.
 */
void store_free(struct store *store);

/* store_key_init - a key under the secret of the store; see key_init(). */
void store_key_init(const struct store *store, struct key *key, const char *bytes, size_t length);

/*
 * store_lookup - the entry of that key, fresh or stale, or NULL. Marks it as used. `now_s` (wall
 * clock) only tells the counters whether it was fresh.
 * Owns      the caller gets a reference: entry_unref().
 * Thread    any; also with a mutex of the caller held, since nothing is called back.
 */
struct entry *store_lookup(struct store *store, const struct key *key, int64_t now_s);

/*
 * store_insert - put an entry in, in place of an older one of the same key; evicts others for it.
 * Its body is finished, with status 0. An entry is inserted into one store, once. If it is small,
 * what is stored is a copy in one block (entry_pack()): a look-up finds that, and the entry that
 * was given never is current. Errors    -EFBIG: larger than the allowed share. -ENOSPC: other
 * threads filled the room as fast as it was made. The entry is just not stored then; an older one
 * of the same key stays. Owns      takes the caller's reference over in every case, failure
 * included. A caller that goes on using the entry takes a second reference before. Thread    any;
 * also with a mutex of the caller held.
 */
int store_insert(struct store *store, struct entry **take_entry);

/* Bytes of the budget that are kept for an entry that is on its way. Zeroed: none. */
struct store_room {
    size_t bytes;
};

/*
 * store_reserve - keep `bytes` of the budget in all, more than before, for an entry whose body is
 * arriving. So others are evicted for it little by little, not all at once when it is inserted.
 * Errors    -ENOSPC: not now; what was kept before still is.
 * Owns      what is kept ends with store_insert_reserved() or store_release().
 * Thread    any, one at a time for each room; also with a mutex of the caller held.
 */
int store_reserve(struct store *store, struct store_room *room, size_t bytes);

/* store_release - keep nothing any more. */
void store_release(struct store *store, struct store_room *room);

/*
 * store_insert_reserved - store_insert() of what the room was kept for. If it is not enough, others
 * are evicted for the rest; what is not needed is released, also when the entry is refused.
 */
int store_insert_reserved(struct store *store, struct entry **take_entry, struct store_room *room);

/*
 * store_remove - forget the entry of one key; false where there was none.
 * Thread    any; also with a mutex of the caller held.
 */
bool store_remove(struct store *store, const struct key *key);

/* store_budget_bytes - as it was configured. */
size_t store_budget_bytes(const struct store *store);

/*
 * store_tag - the hash of a tag's name, for entry_draft.tags.  Thread  any.
 */
uint64_t store_tag(const struct store *store, const char *name, size_t length);

/*
 * store_purge_tag - what has this tag and was asked for before now is not found any more;
 * `is_soft`: it is found, but stale from `now_s` on. Takes the same time however many have it: each
 * entry is looked at when it is looked up. The oldest of very many purges are remembered together:
 * then whatever has a tag and was asked for before them is not found any more.
 * Thread    any.        Source  docs/internals/store.md
 */
void store_purge_tag(struct store *store, uint64_t tag, bool is_soft, int64_t now_s);

/* store_purges - how many times a tag has been purged, for entry_set_purges_before(). Thread any.
 */
uint64_t store_purges(const struct store *store);

/* store_is_current - false if a purge forbids the use of this entry; marks it as stale if one wants
 * that. Also for entries that are not stored.  Thread  any. */
bool store_is_current(struct store *store, struct entry *entry);

/* Where a walk through the store is. Zeroed: at its beginning. */
struct store_walk {
    unsigned shard;
    uint64_t place[3];
};

#define STORE_WALK_ENTRIES 64

/*
 * store_walk - the next entries of a walk, which meets every key that is in the store from its
 * beginning to its end, and some of the others, some of them twice. Each call takes microseconds,
 * and may find none. Returns false once the walk is over; then, too, there may be entries.
 * Owns      the caller gets references.
 * Thread    any; others may use the store between the calls.
 */
bool store_walk(struct store *store, struct store_walk *walk,
                struct entry *ret_entries[STORE_WALK_ENTRIES], size_t *ret_count);

/* store_object_bytes_max - the largest entry (body, fields and all) that is not refused. */
size_t store_object_bytes_max(const struct store *store);

/* store_read_counters - without stopping anybody.  Thread  any. */
void store_read_counters(const struct store *store, struct store_counters *ret_counters);

#endif
