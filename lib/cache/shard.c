/* SPDX-License-Identifier: MIT */
/*
 * shard.c - a hash table with linear probing, and SIEVE's list and hand over the same entries.
 *
 *     newest -> e -> e -> e -> e -> oldest          new entries come in at `newest`
 *                         ^
 *                        hand, walks towards newest; at the end it starts at oldest again
 *
 * The list goes through the entries themselves and a slot holds the one reference of the shard, so
 * that putting an entry in allocates nothing. A removed entry leaves no grave in the table: the
 * entries behind it that may move closer to their place do, so that lookups do not get slower with
 * age.
 */
#include "shard.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define HAND_STEPS_MAX 64 /* of one call, so that the mutex is held for a few microseconds only */

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

int shard_init(struct shard *shard) ASYNC_UNCHECKED_LOCKING
{
    pthread_mutexattr_t attributes;
    int err;

    *shard = (struct shard){.slots_count = SHARD_SLOTS_MIN};
    shard->slots = calloc(SHARD_SLOTS_MIN, sizeof(*shard->slots));
    if (shard->slots == NULL)
        return -ENOMEM;
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

/* The slot of the key, or the free one where the search ended. */
static struct shard_slot *find_slot(struct shard *shard, const struct key *key)
    ASYNC_REQUIRES(store_class)
{
    size_t mask = shard->slots_count - 1;
    size_t i = key->hash & mask;

    while (shard->slots[i].entry != NULL) {
        if (shard->slots[i].hash == key->hash && key_equals(&shard->slots[i].entry->key, key))
            break;
        i = (i + 1) & mask;
    }
    return &shard->slots[i];
}

/* Free the slot, and close the gap so that every search still reaches its entry. */
static void clear_slot(struct shard *shard, struct shard_slot *slot) ASYNC_REQUIRES(store_class)
{
    size_t mask = shard->slots_count - 1;
    size_t gap = (size_t)(slot - shard->slots);

    for (size_t i = (gap + 1) & mask; shard->slots[i].entry != NULL; i = (i + 1) & mask) {
        size_t home = shard->slots[i].hash & mask;

        /* It may move into the gap if the gap is not before its home, counted around the table. */
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            shard->slots[gap] = shard->slots[i];
            gap = i;
        }
    }
    shard->slots[gap] = (struct shard_slot){0};
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
 * The list and the marks of the entry end here; the slot is the caller's to clear or to reuse.
 * Whoever learns of this from the caller, or from a look-up, finds the entry not current any more:
 * both came after the mutex was released.
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

/* Take the entry in `slot` out of everything. */
static struct shard_removed take_out(struct shard *shard, struct shard_slot *slot)
    ASYNC_REQUIRES(store_class)
{
    struct shard_removed removed = release_entry(shard, slot->entry);

    clear_slot(shard, slot);
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
    free(shard->slots);
    err = pthread_mutex_destroy(&shard->mutex);
    assert(err == 0);
    (void)err;
}

struct entry *shard_lookup(struct shard *shard, const struct key *key, int64_t now_s)
{
    struct entry *entry;

    shard_lock(shard);
    entry = find_slot(shard, key)->entry;
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

static bool slot_has_body_of(const struct shard_slot *slot, const struct entry *entry)
{
    return slot->entry != NULL && slot->entry->body == entry->body;
}

bool shard_has_body_of(struct shard *shard, const struct entry *entry)
{
    bool has_body;

    shard_lock(shard);
    has_body = slot_has_body_of(find_slot(shard, &entry->key), entry);
    shard_unlock(shard);
    return has_body;
}

int shard_insert(struct shard *shard, struct entry *entry, size_t charged_bytes,
                 size_t shared_bytes, struct shard_removed *ret_replaced)
{
    struct shard_removed replaced = {0};
    struct shard_slot *slot;
    bool was_visited = false;

    assert(charged_bytes > 0);
    assert(entry->link.charged_bytes == 0);
    shard_lock(shard);
    slot = find_slot(shard, &entry->key);
    if (shared_bytes > 0 && !slot_has_body_of(slot, entry)) {
        shard_unlock(shard);
        return -EAGAIN;
    }
    if (slot->entry == NULL && shard->entries_count + 1 == shard->slots_count) {
        shard_unlock(shard);
        return -ENOMEM;
    }
    if (slot->entry != NULL) {
        was_visited = is_visited(slot->entry);
        replaced = release_entry(shard, slot->entry);
        assert(replaced.bytes >= shared_bytes);
        replaced.bytes -= shared_bytes;
        count(&shard->counters.replacements);
    } else {
        shard->entries_count++;
        atomic_store_explicit(&shard->counters.entries, shard->entries_count, memory_order_relaxed);
    }
    slot->hash = entry->key.hash;
    slot->entry = entry;
    entry->link.charged_bytes = charged_bytes;
    /* What was in demand before its refresh still is. */
    atomic_store_explicit(&entry->is_visited, was_visited, memory_order_relaxed);
    atomic_store_explicit(&entry->is_current, true, memory_order_release);
    list_push_newest(shard, entry);
    count(&shard->counters.inserts);
    shard_unlock(shard);
    *ret_replaced = replaced;
    return 0;
}

void shard_remove(struct shard *shard, const struct key *key, const struct entry *only,
                  struct shard_removed *ret_removed)
{
    struct shard_removed removed = {0};
    struct shard_slot *slot;

    shard_lock(shard);
    slot = find_slot(shard, key);
    if (slot->entry != NULL && (only == NULL || slot->entry == only)) {
        removed = take_out(shard, slot);
        count(&shard->counters.removals);
    }
    shard_unlock(shard);
    *ret_removed = removed;
}

/*
 * Others put in and take out between two steps, and that moves entries: always down, and never
 * below the slot where the search for them starts. So the walk goes down, and what it has not met
 * yet cannot get behind it. It starts at a free slot, over which no search went then, so that
 * nothing comes round from one end of the table to the other. In a larger table it starts anew.
 */
static void place_begin(struct shard *shard, struct shard_place *place) ASYNC_REQUIRES(store_class)
{
    *place = (struct shard_place){.slots_count = shard->slots_count};
    while (shard->slots[place->start].entry != NULL)
        place->start++;
}

bool shard_walk(struct shard *shard, struct shard_place *place, struct entry **ret_entries,
                size_t max, size_t *ret_count)
{
    size_t found = 0;
    bool goes_on;

    shard_lock(shard);
    if (place->slots_count != shard->slots_count)
        place_begin(shard, place);
    for (unsigned steps = 0; steps < SHARD_WALK_SLOTS && found < max; steps++) {
        size_t mask = shard->slots_count - 1;
        struct entry *entry;

        if (place->done == mask)
            break;
        entry = shard->slots[(place->start - ++place->done) & mask].entry;
        if (entry != NULL)
            ret_entries[found++] = entry_ref(entry);
    }
    goes_on = place->done < shard->slots_count - 1;
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
        struct shard_slot *slot = find_slot(shard, &victim->key);

        assert(slot->entry == victim);
        *ret_removed = take_out(shard, slot);
        count(&shard->counters.evictions);
    }
    shard_unlock(shard);
    return victim != NULL ? SHARD_EVICTED : SHARD_SPARED;
}

size_t shard_slots_wanted(struct shard *shard)
{
    size_t wanted = 0;

    shard_lock(shard);
    /* Above three quarters, the searches of linear probing get long. */
    if ((shard->entries_count + 1) * 4 > shard->slots_count * 3)
        wanted = shard->slots_count * 2;
    shard_unlock(shard);
    return wanted;
}

struct shard_slot *shard_grow(struct shard *shard, struct shard_slot *slots, size_t slots_count)
{
    struct shard_slot *old = slots;
    size_t mask = slots_count - 1;

    shard_lock(shard);
    if (slots_count > shard->slots_count) {
        for (size_t i = 0; i < shard->slots_count; i++) {
            size_t place = shard->slots[i].hash & mask;

            if (shard->slots[i].entry == NULL)
                continue;
            while (slots[place].entry != NULL)
                place = (place + 1) & mask;
            slots[place] = shard->slots[i];
        }
        old = shard->slots;
        shard->slots = slots;
        shard->slots_count = slots_count;
    }
    shard_unlock(shard);
    return old;
}
