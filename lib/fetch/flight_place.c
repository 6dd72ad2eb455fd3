/* SPDX-License-Identifier: MIT */
/*
 * flight_place.c - where a flight stands for others: the table, the key's lock, the store.
 */
#include "fault.h"
#include "flight.h"
#include "flight_vary.h"
#include "part.h"

/* Out of the table, with a mark that says why or without one. */
void flight_leave_table(struct flight *flight, const struct table_mark *mark)
{
    struct table_shard *shard = table_lock(flight->lane->fetcher->table, &flight->request->key);

    if (table_remove_locked(shard, flight) && mark != NULL)
        table_mark_set_locked(shard, &flight->key.key, mark);
    table_unlock(shard);
}

void flight_release_key(struct flight *flight)
{
    if (!flight->has_lock)
        return;
    flight->has_lock = false;
    async_keyed_lock_release(flight->lane->fetcher->keys, &flight->lock);
}

/* One that is refreshed or confirmed is there already. */
static bool is_new_variant(const struct flight *flight)
{
    struct entry *before;

    if (flight->entry->status == 206 || key_equals(&flight->entry->key, &flight->request->key))
        return false;
    before = store_lookup(flight->lane->fetcher->store, &flight->entry->key, flight->request_s);
    entry_unref(before);
    return before == NULL;
}

/* Complete: into the store before out of the table, so that a newcomer finds one or the other. A
 * purge takes the flight out of the table first, and then nothing is stored (case 27). */
void flight_publish(struct flight *flight)
{
    struct fetcher *fetcher = flight->lane->fetcher;
    struct table_shard *shard = table_lock(fetcher->table, &flight->request->key);
    bool is_stored = false;

    if (flight->is_in_table || FAULT(store_purged)) {
        struct entry *entry = entry_ref(flight->entry);
        if (is_new_variant(flight))
            flight_vary_count_locked(shard, flight);
        if (entry->status == 200)
            (void)part_forget(fetcher->store, &flight->request->key);
        is_stored = store_insert_reserved(fetcher->store, &entry, &flight->room) == 0;
        table_mark_clear_locked(shard, &flight->key.key);
        table_remove_locked(shard, flight);
    }
    table_unlock(shard);
    if (is_stored)
        LANE_COUNT(flight->lane, stored, 1);
}

void flight_keep_alone(struct flight *flight)
{
    struct table_shard *shard = table_lock(flight->lane->fetcher->table, &flight->request->key);

    flight->purges = table_purges_locked(shard);
    flight->is_kept_alone = true;
    table_unlock(shard);
}

/* A long body has been freed behind its reader, and there is nothing to be stored. */
void flight_store_alone(struct flight *flight)
{
    struct fetcher *fetcher = flight->lane->fetcher;
    struct table_shard *shard = table_lock(fetcher->table, &flight->request->key);
    struct entry *entry;

    if (flight->bytes_before == 0 && table_purges_locked(shard) == flight->purges) {
        entry = entry_ref(flight->entry);
        if (store_insert_reserved(fetcher->store, &entry, &flight->room) == 0)
            LANE_COUNT(flight->lane, stored, 1);
    }
    table_unlock(shard);
}

void flight_set_mark(struct flight *flight, const struct table_mark *mark)
{
    struct table_shard *shard = table_lock(flight->lane->fetcher->table, &flight->request->key);

    table_mark_set_locked(shard, &flight->key.key, mark);
    table_unlock(shard);
}

void flight_set_begun(struct flight *flight, struct table_mark *ret_mark)
{
    struct table_shard *shard = table_lock(flight->lane->fetcher->table, &flight->request->key);
    struct flight *other = table_find_locked(shard, &flight->key.key);

    /* One that came to the key of its variant later, and so holds another lock (case 22). */
    if (flight->is_in_table && other != flight && other->has_begun && !FAULT(variant_twice))
        flight_purge_locked(shard, other);
    flight->has_begun = true;
    flight->tag_purges = store_purges(flight->lane->fetcher->store);
    table_mark_find_locked(shard, &flight->key.key, async_loop_now_ns(flight->lane->loop),
                           ret_mark);
    table_unlock(shard);
}

void flight_set_used_once(struct flight *flight)
{
    struct table_shard *shard = table_lock(flight->lane->fetcher->table, &flight->request->key);

    flight->is_used_once = true;
    table_unlock(shard);
}

void flight_overtake(struct flight *flight)
{
    struct table_shard *shard = table_lock(flight->lane->fetcher->table, &flight->request->key);
    struct flight *other = table_find_locked(shard, &flight->key.key);
    bool has_head = false;

    if (other != NULL && other != flight) {
        flight_lock(other);
        has_head = other->entry != NULL;
        flight_unlock(other);
    }
    if (has_head)
        flight_purge_locked(shard, other);
    table_unlock(shard);
}

/* Unless it is there no more, or the flight has been purged, and then has nothing to say. */
void flight_forget_stored(struct flight *flight)
{
    struct fetcher *fetcher = flight->lane->fetcher;
    struct table_shard *shard;
    struct entry *entry;

    if (flight->stored == NULL)
        return;
    shard = table_lock(fetcher->table, &flight->request->key);
    entry = store_lookup(fetcher->store, &flight->stored->key, flight->request_s);
    if (flight->is_in_table && entry == flight->stored)
        store_remove(fetcher->store, &entry->key);
    table_unlock(shard);
    entry_unref(entry);
}

/* A URL that could not be coalesced can be now (case 13). */
void flight_clear_mark(struct flight *flight)
{
    struct table_shard *shard = table_lock(flight->lane->fetcher->table, &flight->request->key);

    table_mark_clear_locked(shard, &flight->key.key);
    table_unlock(shard);
}
