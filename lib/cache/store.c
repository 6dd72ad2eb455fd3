/* SPDX-License-Identifier: MIT */
/*
 * store.c - the budget over all shards, and the way in and out.
 *
 * One atomic number holds the bytes in use. Whoever wants to put something in first reserves its
 * bytes there; while they do not fit, one entry after the other is evicted, each time from the next
 * shard in turn, so that all shards lose at the same rate although only one gets the new entry. The
 * number never exceeds the budget, and a hit neither reads nor writes it. No two mutexes are held
 * at once.
 */
#include <cache/store.h>

#include "purges.h"
#include "remains.h"
#include "shard.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define SHARDS_DEFAULT        64
#define SPARED_CALLS_MAX      8 /* after so many, what the hand of a shard points to has to go */
#define RESERVE_ROUNDS_MAX    1000000
#define PACKED_BODY_BYTES_MAX ((size_t)16 * 1024) /* larger ones are not copied */
#define ENTRY_BYTES_MIN       256 /* less than any: twice as many entries as fit have their buckets */

static_assert(SHARD_BUCKETS_MIN * sizeof(struct entry *) == STORE_SHARD_BYTES_MIN,
              "the header says what an empty shard takes");

struct store {
    struct key_secret secret;
    struct shard *shards;
    unsigned shards_count;
    size_t budget_bytes;
    size_t object_bytes_max;
    alignas(64) atomic_size_t bytes; /* charged: entries and tables */
    atomic_uint next_shard;          /* that gives up an entry */
    atomic_uint_least64_t refusals;
    struct purges purges;
    struct remains remains;
};

static struct shard *shard_of(const struct store *store, const struct key *key)
{
    /* The upper half: the tables of the shards use the lower bits. */
    return &store->shards[(key->hash >> 32) & (store->shards_count - 1)];
}

int store_new(const struct store_config *config, struct store **ret_store)
{
    unsigned shards_count = config->shards_count == 0 ? SHARDS_DEFAULT : config->shards_count;
    struct store *store;
    size_t segments_max;
    unsigned made = 0;

    if (shards_count > STORE_SHARDS_MAX || (shards_count & (shards_count - 1)) != 0 ||
        config->object_share_percent < 1 || config->object_share_percent > 100 ||
        config->budget_bytes < STORE_BUDGET_BYTES_MIN + shards_count * STORE_SHARD_BYTES_MIN)
        return -EINVAL;
    store = aligned_alloc(alignof(struct store), sizeof(*store));
    if (store == NULL)
        return -ENOMEM;
    *store = (struct store){
        .secret = config->secret,
        .shards_count = shards_count,
        .budget_bytes = config->budget_bytes,
        .object_bytes_max = config->budget_bytes / 100 * config->object_share_percent,
    };
    purges_init(&store->purges);
    remains_init(&store->remains);
    atomic_init(&store->bytes, shards_count * STORE_SHARD_BYTES_MIN);
    store->shards = aligned_alloc(alignof(struct shard), shards_count * sizeof(*store->shards));
    if (store->shards == NULL)
        goto free_store;
    segments_max =
        config->budget_bytes / shards_count / ENTRY_BYTES_MIN / SHARD_SEGMENT_BUCKETS * 2 + 1;
    for (; made < shards_count; made++) {
        if (shard_init(&store->shards[made], segments_max) < 0)
            goto fini_shards;
    }
    *ret_store = store;
    return 0;

fini_shards:
    while (made > 0)
        shard_fini(&store->shards[--made]);
    free(store->shards);
free_store:
    remains_fini(&store->remains);
    purges_fini(&store->purges);
    free(store);
    return -ENOMEM;
}

void store_free(struct store *store)
{
    if (store == NULL)
        return;
    for (unsigned i = 0; i < store->shards_count; i++)
        shard_fini(&store->shards[i]);
    free(store->shards);
    remains_fini(&store->remains);
    purges_fini(&store->purges);
    free(store);
}

void store_key_init(const struct store *store, struct key *key, const char *bytes, size_t length)
{
    key_init(key, &store->secret, bytes, length);
}

static void release_bytes(struct store *store, size_t bytes)
{
    size_t before = atomic_fetch_sub_explicit(&store->bytes, bytes, memory_order_relaxed);

    assert(before >= bytes);
    (void)before;
}

/* The shard has given it up. What takes long to free stays charged until it is. */
static void drop_removed(struct store *store, struct shard_removed *removed)
{
    if (removed->entry == NULL)
        return;
    if (!remains_take(&store->remains, removed)) {
        release_bytes(store, removed->bytes);
        entry_unref(removed->entry);
    }
    removed->entry = NULL;
}

/* What has no tags pays for them with one look at a pointer. */
struct entry *store_lookup(struct store *store, const struct key *key, int64_t now_s)
{
    struct entry *entry = shard_lookup(shard_of(store, key), key, now_s);
    struct shard_removed removed;

    if (entry == NULL || !entry->has_tags || store_is_current(store, entry))
        return entry;
    shard_remove(shard_of(store, key), key, entry, &removed);
    drop_removed(store, &removed);
    entry_unref(entry);
    return NULL;
}

/* Evict one entry of the next shard that has any. False if all are empty. */
static bool evict_one(struct store *store)
{
    struct shard_removed removed = {0};
    unsigned empty = 0, spared = 0;

    while (empty < store->shards_count) {
        unsigned turn = atomic_fetch_add_explicit(&store->next_shard, 1, memory_order_relaxed);
        struct shard *shard = &store->shards[turn & (store->shards_count - 1)];

        switch (shard_evict(shard, spared >= SPARED_CALLS_MAX, &removed)) {
        case SHARD_EVICTED:
            drop_removed(store, &removed);
            return true;
        case SHARD_SPARED:
            spared++;
            empty = 0;
            break;
        case SHARD_EMPTY:
            empty++;
            break;
        }
    }
    return false;
}

/* Room for some of the bytes: from what has been evicted before, else by one more eviction. */
static bool make_room(struct store *store, size_t missing_bytes)
{
    size_t freed_bytes = remains_free_some(&store->remains, missing_bytes);

    release_bytes(store, freed_bytes);
    return freed_bytes > 0 || evict_one(store);
}

/* Take `bytes` from the budget, evicting as long as they are not there. */
static int reserve_bytes(struct store *store, size_t bytes)
{
    size_t used;

    release_bytes(store, remains_free_some(&store->remains, 0));
    used = atomic_load_explicit(&store->bytes, memory_order_relaxed);
    for (int rounds = 0; rounds < RESERVE_ROUNDS_MAX; rounds++) {
        if (bytes <= store->budget_bytes - used) {
            if (atomic_compare_exchange_weak_explicit(&store->bytes, &used, used + bytes,
                                                      memory_order_relaxed, memory_order_relaxed))
                return 0;
            continue;
        }
        if (!make_room(store, bytes - (store->budget_bytes - used)))
            return -ENOSPC;
        used = atomic_load_explicit(&store->bytes, memory_order_relaxed);
    }
    return -ENOSPC;
}

/* Room for more buckets if there is none. If that fails the chains get longer, that is all. */
static void grow_if_wanted(struct store *store, struct shard *shard)
{
    size_t count = shard_buckets_wanted(shard), more = 0;
    size_t bytes = count * sizeof(struct entry *);
    struct entry **buckets;

    if (count == 0 || reserve_bytes(store, bytes) < 0)
        return;
    buckets = malloc(bytes);
    if (buckets != NULL)
        free(shard_add_buckets(shard, buckets, count, &more));
    release_bytes(store,
                  bytes - more * sizeof(struct entry *)); /* no memory, another, or in part */
}

/* What the entry shares with the one that it replaces need not be reserved once more. */
static int reserve_and_insert(struct store *store, struct entry *entry, struct store_room *room,
                              size_t bytes, size_t shared_bytes, struct shard_removed *ret_replaced)
{
    struct shard *shard = shard_of(store, &entry->key);
    int err = store_reserve(store, room, bytes - shared_bytes);

    if (err < 0)
        return err;
    room->bytes -= bytes - shared_bytes;
    grow_if_wanted(store, shard);
    err = shard_insert(shard, entry, bytes, shared_bytes, ret_replaced);
    if (err < 0)
        room->bytes += bytes - shared_bytes;
    return err;
}

int store_reserve(struct store *store, struct store_room *room, size_t bytes)
{
    int err = bytes > room->bytes ? reserve_bytes(store, bytes - room->bytes) : 0;

    if (err == 0 && bytes > room->bytes)
        room->bytes = bytes;
    return err;
}

void store_release(struct store *store, struct store_room *room)
{
    release_bytes(store, room->bytes);
    room->bytes = 0;
}

int store_insert(struct store *store, struct entry **take_entry)
{
    struct store_room room = {0};

    return store_insert_reserved(store, take_entry, &room);
}

/* Without memory for the copy, the entry is stored as it is. */
static struct entry *pack_if_small(struct entry **take_entry)
{
    struct entry *entry = *take_entry, *packed;

    assert(body_status(entry->body) == 0);
    *take_entry = NULL;
    if (entry->index != NULL || body_length(entry->body) > PACKED_BODY_BYTES_MAX ||
        entry_pack(entry, &packed) < 0)
        return entry;
    entry_unref(entry);
    return packed;
}

int store_insert_reserved(struct store *store, struct entry **take_entry, struct store_room *room)
{
    struct entry *entry = pack_if_small(take_entry);
    struct shard_removed replaced = {0};
    size_t bytes = entry_memory_bytes(entry);
    size_t shared_bytes = 0;
    int err = -EFBIG;

    if (shard_has_body_of(shard_of(store, &entry->key), entry))
        shared_bytes = body_memory_bytes(entry->body);
    if (bytes <= store->object_bytes_max)
        err = reserve_and_insert(store, entry, room, bytes, shared_bytes, &replaced);
    if (err == -EAGAIN) /* the older one was evicted meanwhile, perhaps for the sake of this one */
        err = reserve_and_insert(store, entry, room, bytes, 0, &replaced);
    store_release(store, room);
    if (err < 0) {
        atomic_fetch_add_explicit(&store->refusals, 1, memory_order_relaxed);
        entry_unref(entry);
        return err;
    }
    drop_removed(store, &replaced);
    return 0;
}

bool store_remove(struct store *store, const struct key *key)
{
    struct shard_removed removed = {0};
    bool was_there;

    shard_remove(shard_of(store, key), key, NULL, &removed);
    was_there = removed.entry != NULL;
    drop_removed(store, &removed);
    return was_there;
}

size_t store_budget_bytes(const struct store *store)
{
    return store->budget_bytes;
}

uint64_t store_tag(const struct store *store, const char *name, size_t length)
{
    struct key key;

    key_init(&key, &store->secret, name, length);
    return key.hash;
}

void store_purge_tag(struct store *store, uint64_t tag, bool is_soft, int64_t now_s)
{
    purges_add(&store->purges, tag, is_soft, now_s);
}

uint64_t store_purges(const struct store *store)
{
    return purges_count(&store->purges);
}

bool store_is_current(struct store *store, struct entry *entry)
{
    return !entry->has_tags || purges_allow(&store->purges, entry);
}

bool store_walk(struct store *store, struct store_walk *walk,
                struct entry *ret_entries[STORE_WALK_ENTRIES], size_t *ret_count)
{
    struct shard_place place = {walk->place[0], walk->place[1], walk->place[2] != 0};

    if (walk->shard == store->shards_count) {
        *ret_count = 0;
        return false;
    }
    if (!shard_walk(&store->shards[walk->shard], &place, ret_entries, STORE_WALK_ENTRIES,
                    ret_count)) {
        place = (struct shard_place){0};
        walk->shard++;
    }
    walk->place[0] = place.bucket;
    walk->place[1] = place.hash;
    walk->place[2] = place.is_inside;
    return walk->shard < store->shards_count;
}

size_t store_object_bytes_max(const struct store *store)
{
    return store->object_bytes_max;
}

void store_read_counters(const struct store *store, struct store_counters *ret_counters)
{
    struct store_counters sums = {0};

    for (unsigned i = 0; i < store->shards_count; i++) {
        const struct shard_counters *shard = &store->shards[i].counters;

        sums.entries += atomic_load_explicit(&shard->entries, memory_order_relaxed);
        sums.hits += atomic_load_explicit(&shard->hits, memory_order_relaxed);
        sums.hits_stale += atomic_load_explicit(&shard->hits_stale, memory_order_relaxed);
        sums.misses += atomic_load_explicit(&shard->misses, memory_order_relaxed);
        sums.inserts += atomic_load_explicit(&shard->inserts, memory_order_relaxed);
        sums.replacements += atomic_load_explicit(&shard->replacements, memory_order_relaxed);
        sums.evictions += atomic_load_explicit(&shard->evictions, memory_order_relaxed);
        sums.removals += atomic_load_explicit(&shard->removals, memory_order_relaxed);
    }
    sums.refusals = atomic_load_explicit(&store->refusals, memory_order_relaxed);
    sums.bytes = atomic_load_explicit(&store->bytes, memory_order_relaxed);
    *ret_counters = sums;
}
