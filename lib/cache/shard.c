/* SPDX-License-Identifier: MIT */
/*
 * shard.c - a hash table that grows bucket by bucket, and SIEVE's list and hand over its entries.
 *
 *     newest -> e -> e -> e -> e -> oldest          new entries come in at `newest`
 *                         ^
 *                        hand, walks towards newest; at the end it starts at oldest again
 *
 * List and chains go through the entries themselves, and the chain holds the one reference of the
 * shard, so that putting an entry in allocates nothing.
 *
 * The table grows by linear hashing (Litwin, VLDB 1980). With n buckets, a hash belongs to the one
 * that its lower bits say, as many of them as n needs; if there is no such bucket yet, one bit less
 * counts. So one more bucket takes its entries from one other, and growing costs every insert the
 * same. The chain of a bucket is in the order of the hashes, and buckets are never joined again,
 * which is what a walk relies on.
 */
#include "shard.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HAND_STEPS_MAX 64 /* of one call, so that the mutex is held for a few microseconds only */
#define SPLITS_MAX     2  /* of one insert */

#define LINE_BYTES      64
#define PREFETCH_BEFORE 192 /* a short body */
#define PREFETCH_BEHIND 448 /* an entry, its key, and the most of a head as they are */

struct async_capability store_class;

static void shard_lock(struct shard *shard) ASYNC_ACQUIRE(store_class) ASYNC_UNCHECKED_LOCKING
{
    int err = pthread_mutex_lock(&shard->mutex);

    assert(err == 0);
    (void)err;
}

static void shard_unlock(struct shard *shard) ASYNC_RELEASE(store_class) ASYNC_UNCHECKED_LOCKING
{
    int err = pthread_mutex_unlock(&shard->mutex);

    assert(err == 0);
    (void)err;
}

/* Only the holder of the mutex writes, so a load and a store are enough; readers see either value.
 */
static void count(atomic_uint_least64_t *counter)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, value + 1, memory_order_relaxed);
}

int shard_init(struct shard *shard, size_t segments_max) ASYNC_UNCHECKED_LOCKING
{
    pthread_mutexattr_t attributes;
    int err;

    assert(segments_max > 0);
    *shard = (struct shard){.buckets_count = SHARD_BUCKETS_MIN,
                            .buckets_mask = SHARD_BUCKETS_MIN - 1,
                            .buckets_room = SHARD_BUCKETS_MIN,
                            .segments_max = segments_max};
    shard->segments = calloc(segments_max, sizeof(struct entry **));
    if (shard->segments == NULL)
        return -ENOMEM;
    shard->segments[0] = calloc(SHARD_BUCKETS_MIN, sizeof(struct entry *));
    if (shard->segments[0] == NULL) {
        free(shard->segments);
        return -ENOMEM;
    }
    /* Held for less time than a thread takes to fall asleep and wake up: spin a little first. */
    err = pthread_mutexattr_init(&attributes);
    assert(err == 0);
    err = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    assert(err == 0);
    err = pthread_mutex_init(&shard->mutex, &attributes);
    assert(err == 0);
    err = pthread_mutexattr_destroy(&attributes);
    assert(err == 0);
    (void)err;
    return 0;
}

static struct entry **bucket_at(struct shard *shard, size_t number) ASYNC_REQUIRES(store_class)
{
    return &shard->segments[number / SHARD_SEGMENT_BUCKETS][number % SHARD_SEGMENT_BUCKETS];
}

static struct entry **bucket_of(struct shard *shard, uint64_t hash) ASYNC_REQUIRES(store_class)
{
    size_t number = hash & shard->buckets_mask;

    if (number >= shard->buckets_count)
        number &= shard->buckets_mask >> 1;
    return bucket_at(shard, number);
}

/*
 * Have what a hit reads come from memory all at once, not one after the other: what is behind the
 * entry, and before it, where the body of a small one is.
 */
static void prefetch(const struct entry *entry)
{
    uintptr_t place = (uintptr_t)entry;

    for (uintptr_t at = place - PREFETCH_BEFORE; at < place + PREFETCH_BEHIND; at += LINE_BYTES)
        __builtin_prefetch((const void *)at);
}

/* The entry of the key, or NULL; and the link that leads to it, or would. */
static struct entry *find(struct shard *shard, const struct key *key, struct entry ***ret_link)
    ASYNC_REQUIRES(store_class)
{
    struct entry **link = bucket_of(shard, key->hash);

    if (*link != NULL) /* as a rule there is one, and it is that */
        prefetch(*link);
    while (*link != NULL && (*link)->key.hash < key->hash)
        link = &(*link)->store_next;
    while (*link != NULL && (*link)->key.hash == key->hash && !key_equals(&(*link)->key, key))
        link = &(*link)->store_next;
    *ret_link = link;
    return *link != NULL && (*link)->key.hash == key->hash ? *link : NULL;
}

/* One more bucket, with what was in the place of its entries until now. */
static void split_bucket(struct shard *shard) ASYNC_REQUIRES(store_class)
{
    size_t number = shard->buckets_count++;
    struct entry **from, **to;

    if (number > shard->buckets_mask)
        shard->buckets_mask = shard->buckets_mask * 2 + 1;
    from = bucket_at(shard, number & (shard->buckets_mask >> 1));
    to = bucket_at(shard, number);
    while (*from != NULL) {
        struct entry *entry = *from;

        if ((entry->key.hash & shard->buckets_mask) == number) {
            *from = entry->store_next;
            *to = entry;
            to = &entry->store_next;
        } else {
            from = &entry->store_next;
        }
    }
    *to = NULL;
}

/* One bucket for each entry. If there was no memory for a time, this makes up for it by and by. */
static void split_if_wanted(struct shard *shard) ASYNC_REQUIRES(store_class)
{
    for (int i = 0; i < SPLITS_MAX; i++) {
        if (shard->entries_count <= shard->buckets_count ||
            shard->buckets_count == shard->buckets_room)
            return;
        split_bucket(shard);
    }
}

/* A hit sets the mark without the mutex, so it may come just after the hand has looked. */
static bool is_visited(const struct entry *entry)
{
    return atomic_load_explicit(&entry->is_visited, memory_order_relaxed);
}

static void list_push_newest(struct shard *shard, struct entry *entry) ASYNC_REQUIRES(store_class)
{
    entry->link.newer = NULL;
    entry->link.older = shard->newest;
    if (shard->newest != NULL)
        shard->newest->link.newer = entry;
    else
        shard->oldest = entry;
    shard->newest = entry;
}

/* A hand on the entry moves on, as if it had just passed. */
static void list_remove(struct shard *shard, struct entry *entry) ASYNC_REQUIRES(store_class)
{
    struct entry_store_link *link = &entry->link;

    if (shard->hand == entry)
        shard->hand = link->newer;
    if (link->newer != NULL)
        link->newer->link.older = link->older;
    else
        shard->newest = link->older;
    if (link->older != NULL)
        link->older->link.newer = link->newer;
    else
        shard->oldest = link->newer;
    link->newer = NULL;
    link->older = NULL;
}

/*
 * The list and the marks of the entry end here; the chain is the caller's to change. Whoever learns
 * of this from the caller, or from a look-up, finds the entry not current any more: both came after
 * the mutex was released.
 */
static struct shard_removed release_entry(struct shard *shard, struct entry *entry)
    ASYNC_REQUIRES(store_class)
{
    struct shard_removed removed = {.entry = entry, .bytes = entry->link.charged_bytes};

    assert(removed.bytes > 0);
    list_remove(shard, entry);
    entry->link.charged_bytes = 0;
    atomic_store_explicit(&entry->is_current, false, memory_order_release);
    return removed;
}

/* Take the entry that the link leads to out of everything. */
static struct shard_removed take_out(struct shard *shard, struct entry **link)
    ASYNC_REQUIRES(store_class)
{
    struct shard_removed removed = release_entry(shard, *link);

    *link = removed.entry->store_next;
    shard->entries_count--;
    atomic_store_explicit(&shard->counters.entries, shard->entries_count, memory_order_relaxed);
    return removed;
}

void shard_fini(struct shard *shard) ASYNC_UNCHECKED_LOCKING
{
    int err;

    while (shard->oldest != NULL) {
        struct shard_removed removed = release_entry(shard, shard->oldest);

        entry_unref(removed.entry);
    }
    for (size_t i = 0; i < shard->segments_max; i++)
        free(shard->segments[i]);
    free(shard->segments);
    err = pthread_mutex_destroy(&shard->mutex);
    assert(err == 0);
    (void)err;
}

struct entry *shard_lookup(struct shard *shard, const struct key *key, int64_t now_s)
{
    struct entry *entry, **link;

    shard_lock(shard);
    entry = find(shard, key, &link);
    if (entry == NULL) {
        count(&shard->counters.misses);
    } else {
        entry_mark_used(entry);
        count(entry_is_fresh(entry, now_s) ? &shard->counters.hits : &shard->counters.hits_stale);
        entry_ref(entry);
    }
    shard_unlock(shard);
    return entry;
}

bool shard_has_body_of(struct shard *shard, const struct entry *entry)
{
    const struct entry *stored;
    struct entry **link;
    bool has_body;

    shard_lock(shard);
    stored = find(shard, &entry->key, &link);
    has_body = stored != NULL && stored->body == entry->body;
    shard_unlock(shard);
    return has_body;
}

/* In the place of `older`, or as one more. */
static void put_in(struct shard *shard, struct entry *entry, struct entry *older,
                   struct entry **link) ASYNC_REQUIRES(store_class)
{
    /* What was in demand before its refresh still is. */
    bool was_visited = older != NULL && is_visited(older);

    entry->store_next = older != NULL ? older->store_next : *link;
    *link = entry;
    atomic_store_explicit(&entry->is_visited, was_visited, memory_order_relaxed);
    atomic_store_explicit(&entry->is_current, true, memory_order_release);
    list_push_newest(shard, entry);
    count(&shard->counters.inserts);
    if (older != NULL) {
        count(&shard->counters.replacements);
        return;
    }
    shard->entries_count++;
    atomic_store_explicit(&shard->counters.entries, shard->entries_count, memory_order_relaxed);
    split_if_wanted(shard);
}

int shard_insert(struct shard *shard, struct entry *entry, size_t charged_bytes,
                 size_t shared_bytes, struct shard_removed *ret_replaced)
{
    struct shard_removed replaced = {0};
    struct entry *older, **link;

    assert(charged_bytes > 0);
    assert(entry->link.charged_bytes == 0);
    shard_lock(shard);
    older = find(shard, &entry->key, &link);
    if (shared_bytes > 0 && (older == NULL || older->body != entry->body)) {
        shard_unlock(shard);
        return -EAGAIN;
    }
    if (older != NULL) {
        replaced = release_entry(shard, older);
        assert(replaced.bytes >= shared_bytes);
        replaced.bytes -= shared_bytes;
    }
    entry->link.charged_bytes = charged_bytes;
    put_in(shard, entry, older, link);
    shard_unlock(shard);
    *ret_replaced = replaced;
    return 0;
}

void shard_remove(struct shard *shard, const struct key *key, const struct entry *only,
                  struct shard_removed *ret_removed)
{
    struct shard_removed removed = {0};
    struct entry *entry, **link;

    shard_lock(shard);
    entry = find(shard, key, &link);
    if (entry != NULL && (only == NULL || entry == only)) {
        removed = take_out(shard, link);
        count(&shard->counters.removals);
    }
    shard_unlock(shard);
    *ret_removed = removed;
}

/*
 * What is left of the place's bucket; false if there is no room for all of it. Keys of one hash are
 * met in one call, since the next call begins behind a hash. (If there were more of them than one
 * call can take, which nobody can bring about without the secret, the rest would be left out.)
 */
static bool walk_bucket(struct shard *shard, struct shard_place *place, struct entry **ret_entries,
                        size_t max, size_t *found) ASYNC_REQUIRES(store_class)
{
    struct entry *entry = *bucket_at(shard, place->bucket);
    size_t begin = *found, end = begin;

    while (entry != NULL && place->is_inside && entry->key.hash <= place->hash)
        entry = entry->store_next;
    for (; entry != NULL && end < max; entry = entry->store_next)
        ret_entries[end++] = entry;
    while (entry != NULL && end > begin && ret_entries[end - 1]->key.hash == entry->key.hash)
        end--;
    if (entry != NULL && end == 0)
        end = max;
    for (size_t i = begin; i < end; i++)
        entry_ref(ret_entries[i]);
    *found = end;
    if (entry == NULL)
        *place = (struct shard_place){.bucket = place->bucket + 1};
    else if (end > begin)
        *place = (struct shard_place){place->bucket, ret_entries[end - 1]->key.hash, true};
    return entry == NULL;
}

/*
 * Others put in and take out between two steps. That moves entries, but only to a new bucket, and
 * that is the last one. So the walk goes up, and what it has not met yet cannot get behind it.
 */
bool shard_walk(struct shard *shard, struct shard_place *place, struct entry **ret_entries,
                size_t max, size_t *ret_count)
{
    size_t found = 0;
    bool goes_on;

    shard_lock(shard);
    for (unsigned steps = 0; steps < SHARD_WALK_BUCKETS && found < max; steps++) {
        if (place->bucket == shard->buckets_count ||
            !walk_bucket(shard, place, ret_entries, max, &found))
            break;
    }
    goes_on = place->bucket < shard->buckets_count;
    shard_unlock(shard);
    *ret_count = found;
    return goes_on;
}

/*
 * Walk from the hand on: what was used loses its mark and stays, the first other one is returned,
 * and the hand is left behind it. NULL if HAND_STEPS_MAX entries were all in use.
 */
static struct entry *choose_victim(struct shard *shard, bool is_forced) ASYNC_REQUIRES(store_class)
{
    struct entry *entry = shard->hand != NULL ? shard->hand : shard->oldest;

    for (int steps = 0; steps < HAND_STEPS_MAX && is_visited(entry) && !is_forced; steps++) {
        atomic_store_explicit(&entry->is_visited, false, memory_order_relaxed);
        entry = entry->link.newer != NULL ? entry->link.newer : shard->oldest;
    }
    shard->hand = entry;
    return is_visited(entry) && !is_forced ? NULL : entry;
}

enum shard_eviction shard_evict(struct shard *shard, bool is_forced,
                                struct shard_removed *ret_removed)
{
    struct entry *victim = NULL;

    shard_lock(shard);
    if (shard->oldest == NULL) {
        shard_unlock(shard);
        return SHARD_EMPTY;
    }
    victim = choose_victim(shard, is_forced);
    if (victim != NULL) {
        struct entry **link = bucket_of(shard, victim->key.hash);

        while (*link != victim)
            link = &(*link)->store_next;
        *ret_removed = take_out(shard, link);
        count(&shard->counters.evictions);
    }
    shard_unlock(shard);
    return victim != NULL ? SHARD_EVICTED : SHARD_SPARED;
}

static size_t buckets_wanted(const struct shard *shard) ASYNC_REQUIRES(store_class)
{
    if (shard->entries_count < shard->buckets_count || shard->buckets_count < shard->buckets_room)
        return 0;
    if (shard->buckets_room < SHARD_SEGMENT_BUCKETS)
        return shard->buckets_room * 2;
    return shard->buckets_room / SHARD_SEGMENT_BUCKETS < shard->segments_max ? SHARD_SEGMENT_BUCKETS
                                                                             : 0;
}

size_t shard_buckets_wanted(struct shard *shard)
{
    size_t wanted;

    shard_lock(shard);
    wanted = buckets_wanted(shard);
    shard_unlock(shard);
    return wanted;
}

struct entry **shard_add_buckets(struct shard *shard, struct entry **buckets, size_t count,
                                 size_t *ret_more)
{
    struct entry **unused = buckets;
    size_t more = 0;

    shard_lock(shard);
    if (buckets_wanted(shard) == count && shard->buckets_room < SHARD_SEGMENT_BUCKETS) {
        more = count - shard->buckets_room;
        unused = shard->segments[0];
        memcpy(buckets, unused, shard->buckets_room * sizeof(struct entry *));
        shard->segments[0] = buckets;
    } else if (buckets_wanted(shard) == count) {
        more = count;
        unused = NULL;
        shard->segments[shard->buckets_room / SHARD_SEGMENT_BUCKETS] = buckets;
    }
    shard->buckets_room += more;
    shard_unlock(shard);
    *ret_more = more;
    return unused;
}
