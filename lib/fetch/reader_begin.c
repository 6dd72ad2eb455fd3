/* SPDX-License-Identifier: MIT */
/*
 * reader_begin.c - how a request comes to a flight: it joins one, leads one, fetches alone, or is
 * told what the table remembers of its key.
 *
 * One look at the table under the mutex of the key's shard decides. See docs/internals/flight.md,
 * "The way of a request".
 */
#include <assert.h>
#include <errno.h>

#include "failure.h"
#include "fault.h"
#include "flight.h"
#include "part.h"
#include "reader.h"
#include "variant.h"

/* Case 12. Whether one more may wait. */
static bool start_counting_waiting(struct fetch_reader *reader)
{
    struct fetcher *fetcher = reader->lane->fetcher;

    if (reader->is_counted_waiting || (reader->flags & FETCH_REFRESH) != 0)
        return true;
    if (atomic_fetch_add_explicit(&fetcher->waiting, 1, memory_order_relaxed) >=
        reader->request->policy->settings.waiters_max) {
        atomic_fetch_sub_explicit(&fetcher->waiting, 1, memory_order_relaxed);
        return false;
    }
    reader->is_counted_waiting = true;
    LANE_COUNT(reader->lane, readers_waiting, 1);
    return true;
}

static void fail_too_many(struct fetch_reader *reader)
{
    LANE_COUNT(reader->lane, refused_waiters, 1);
    reader_fail(reader, failure_of_status(-EBUSY));
}

/* What went wrong just now goes wrong for this one too. */
static void fail_as_marked(struct fetch_reader *reader, const struct table_mark *mark)
{
    LANE_COUNT(reader->lane, refused_negative, 1);
    reader_fail(reader, mark->failure);
}

/* A flight for this reader alone: what it asks for cannot be shared. */
static void begin_solo(struct fetch_reader *reader)
{
    struct flight *flight;

    if (reader->lane->is_stopped) {
        reader_fail(reader, failure_of_status(-ESHUTDOWN));
    } else if (!start_counting_waiting(reader)) {
        fail_too_many(reader);
    } else if (flight_new(reader, true, &flight) < 0) {
        reader_fail(reader, failure_of_status(-ENOMEM));
    } else {
        flight_lead(flight, reader);
        LANE_COUNT(reader->lane, misses, 1);
        flight_begin(flight);
    }
}

void reader_begin_alone(struct fetch_reader *reader)
{
    struct fetch_lane *lane = reader->lane;
    struct table_shard *shard = table_lock(lane->fetcher->table, &reader->request->key);
    struct table_mark mark;

    table_mark_find_locked(shard, &reader->key.key, async_loop_now_ns(lane->loop), &mark);
    table_unlock(shard);
    if ((reader->flags & FETCH_REFRESH) != 0)
        reader->state = FETCH_FAILED;
    else if (mark.kind == MARK_LEFT_ALONE && !reader->request->is_bypass)
        fail_as_marked(reader, &mark);
    else
        begin_solo(reader);
}

/* Joins under both mutexes, the shard's being held by the caller. */
static bool try_join(struct fetch_reader *reader, struct flight *flight)
{
    uint32_t waiters_max = reader->request->policy->settings.waiters_per_key_max;
    bool has_joined = false;
    struct fetch_segment *segment = NULL;
    struct entry *entry = NULL;
    int64_t length_bytes;

    flight_lock(flight);
    length_bytes = flight->length_bytes;
    assert(!flight->is_ended); /* it leaves the table first */
    if (flight->entry != NULL)
        entry = entry_ref(flight->entry);
    if (flight->segment != NULL)
        segment = segment_ref(flight->segment);
    if (entry != NULL || (flight->readers < waiters_max && start_counting_waiting(reader))) {
        flight_attach_locked(flight, reader);
        has_joined = true;
    }
    flight_unlock(flight);
    if (entry != NULL && reader_avoid_error(reader, entry->status)) {
        segment_unref(segment);
        entry_unref(entry);
    } else if (entry != NULL) {
        reader->is_stored = true;
        reader_answer(reader, entry, segment, length_bytes, FETCH_FROM_COLLAPSED);
    }
    return has_joined;
}

enum begun {
    BEGUN_JOINED,
    BEGUN_REFUSED,
    BEGUN_SOLO,
    BEGUN_FAILED,   /* no memory */
    BEGUN_MARKED,   /* what is known of the key says no */
    BEGUN_NEEDLESS, /* to refresh what is being refreshed, or has just been tried */
    BEGUN_NEEDS_FLIGHT,
    BEGUN_NEEDS_KEY, /* what the answers vary by has changed */
    BEGUN_LEADS
};

/* Whether a mark keeps this reader from going upstream. */
static bool is_binding(const struct fetch_reader *reader, const struct table_mark *mark)
{
    switch (mark->kind) {
    case MARK_FAILURE:
        return (reader->flags & FETCH_FRESH_ONLY) == 0;
    case MARK_ERROR:
        return reader_has_stale(reader, FETCH_TROUBLE_ERROR);
    case MARK_LEFT_ALONE:
        return true;
    default:
        return false;
    }
}

/* With whom this reader may share a flight, by what is known now. */
static int make_key(struct fetch_reader *reader)
{
    struct fetch_lane *lane = reader->lane;
    struct entry *index = lane_find_index(lane, &reader->request->key);
    int err;

    flight_key_fini(&reader->key);
    reader->key.key = reader->request->key;
    reader->is_for_part = false;
    reader->generation = index != NULL ? index->index->generation : 0;
    err = flight_key_make(lane->fetcher->store, reader->request,
                          index != NULL ? index->index : NULL, &reader->key);
    entry_unref(index);
    return err;
}

/* Under the shard's mutex nobody else changes what the URL's answers vary by. */
static bool is_key_current(const struct fetch_reader *reader)
{
    struct entry *index = lane_find_index(reader->lane, &reader->request->key);
    uint64_t generation = index != NULL ? index->index->generation : 0;

    entry_unref(index);
    return generation == reader->generation;
}

/*
 * A tag was purged since the flight began (case 27). Whether that concerns it is known from its
 * head on; before, a newcomer waits until it is over, and then uses what it has stored, or leads.
 */
enum joining { JOINING_ALLOWED, JOINING_LATER, JOINING_FORBIDDEN };

static enum joining look_at_purges(struct fetcher *fetcher, struct flight *found)
    ASYNC_REQUIRES(flight_table_class)
{
    struct store *store = fetcher->store;
    bool has_head, is_current;

    if (!found->has_begun || found->tag_purges == store_purges(store))
        return JOINING_ALLOWED;
    flight_lock(found);
    has_head = found->entry != NULL;
    is_current = has_head && store_is_current(store, found->entry) &&
                 !(found->entry->has_tags && entry_is_expired(found->entry));
    flight_unlock(found);
    return !has_head ? JOINING_LATER : is_current ? JOINING_ALLOWED : JOINING_FORBIDDEN;
}

/* The one of the key that waits for the lock, if this reader may share it. */
static struct flight *find_queued(const struct fetch_reader *reader, struct table_shard *shard)
    ASYNC_REQUIRES(flight_table_class)
{
    struct flight *found = table_find_queued_locked(shard, &reader->key.key);

    if (found == NULL || found->request->policy == reader->request->policy)
        return found;
    flight_purge_locked(shard, found);
    return NULL;
}

/*
 * Case 28: a flight under other settings is not joined, and joined by nobody any more. Case 22: nor
 * is one that began before a request that wants nothing from before; case 14: nor one whose answer
 * is for those who came before its head. For these there is a second flight of the key, which waits
 * for the lock: so all who come until then share it.
 */
static struct flight *find_to_join(const struct fetch_reader *reader, struct table_shard *shard)
    ASYNC_REQUIRES(flight_table_class)
{
    const struct key *key = &reader->key.key;
    enum joining joining = JOINING_ALLOWED;
    struct flight *found;

    while ((found = table_find_locked(shard, key)) != NULL &&
           (found->request->policy != reader->request->policy ||
            (joining = look_at_purges(reader->lane->fetcher, found)) == JOINING_FORBIDDEN))
        flight_purge_locked(shard, found);
    if (found != NULL && found->has_begun &&
        ((reader->flags & FETCH_FRESH_ONLY) != 0 || found->is_used_once ||
         joining == JOINING_LATER))
        found = find_queued(reader, shard);
    return found;
}

/* Whether it is there to refresh what is being fetched already, or could not be just now. */
static bool is_needless(const struct fetch_reader *reader, struct table_shard *shard,
                        const struct table_mark *mark) ASYNC_REQUIRES(flight_table_class)
{
    return (reader->flags & FETCH_REFRESH) != 0 &&
           (mark->kind != MARK_NONE ||
            (table_find_locked(shard, &reader->key.key) != NULL && !FAULT(refresh_twice)));
}

/*
 * One look at the table under the shard's mutex: a flight to join, else what is marked. Called with
 * `flight` NULL, and again with a new one when there was nothing to join: only the second look can
 * tell whether another thread was faster.
 */
static enum begun look_at_table(struct fetch_reader *reader, struct flight *flight,
                                struct table_mark *ret_mark)
{
    struct fetch_lane *lane = reader->lane;
    struct table_shard *shard = table_lock(lane->fetcher->table, &reader->request->key);
    struct flight *found;
    enum begun begun;

    table_mark_find_locked(shard, &reader->key.key, async_loop_now_ns(lane->loop), ret_mark);
    if (!is_key_current(reader)) {
        table_unlock(shard);
        return BEGUN_NEEDS_KEY;
    }
    if (is_needless(reader, shard, ret_mark)) {
        table_unlock(shard);
        return BEGUN_NEEDLESS;
    }
    found = FAULT(refresh_twice) && (reader->flags & FETCH_REFRESH) != 0
                ? NULL
                : find_to_join(reader, shard);
    if (found != NULL) {
        /* It has not yet looked into the store: what is there is not for this one as it is. */
        if (!found->has_begun && reader_wants_younger(reader))
            found->fresh_only = true; /* never written once its lane may read it */
        begun = try_join(reader, found) ? BEGUN_JOINED : BEGUN_REFUSED;
    } else if (is_binding(reader, ret_mark)) {
        begun = BEGUN_MARKED;
    } else if (ret_mark->kind == MARK_UNCACHEABLE || reader->wishes.no_store) {
        begun = BEGUN_SOLO;
    } else if (flight != NULL) {
        flight_lead(flight, reader);
        table_insert_locked(shard, flight);
        begun = BEGUN_LEADS;
    } else {
        begun = BEGUN_NEEDS_FLIGHT;
    }
    table_unlock(shard);
    return begun;
}

static void settle_begun(struct fetch_reader *reader, enum begun begun,
                         const struct table_mark *mark)
{
    switch (begun) {
    case BEGUN_REFUSED:
        fail_too_many(reader);
        break;
    case BEGUN_MARKED:
        fail_as_marked(reader, mark);
        break;
    case BEGUN_FAILED:
        reader_fail(reader, failure_of_status(-ENOMEM));
        break;
    case BEGUN_SOLO:
        begin_solo(reader);
        break;
    case BEGUN_NEEDLESS:
        reader->state = FETCH_FAILED; /* nobody is told */
        break;
    default:
        break;
    }
}

static bool is_under_way(const struct fetch_reader *reader)
{
    const struct key *own = &reader->request->key;
    struct table_shard *shard = table_lock(reader->lane->fetcher->table, own);
    bool is_found = table_find_variant_locked(shard, own) != NULL;

    table_unlock(shard);
    return is_found;
}

/* No flight to join: makes one, and looks again, since meanwhile there may be one. */
static enum begun begin_leading(struct fetch_reader *reader, struct table_mark *ret_mark)
{
    struct flight *flight;
    enum begun begun;

    if (!start_counting_waiting(reader))
        return BEGUN_REFUSED;
    if (flight_new(reader, false, &flight) < 0)
        return BEGUN_FAILED;
    begun = look_at_table(reader, flight, ret_mark);
    if (begun == BEGUN_LEADS) {
        LANE_COUNT(reader->lane, misses, (reader->flags & FETCH_REFRESH) == 0);
        LANE_COUNT(reader->lane, flights_unattended, (reader->flags & FETCH_REFRESH) != 0);
        flight_begin(flight);
    } else {
        flight_unref(flight); /* another was faster */
    }
    return begun;
}

/* A range of what nothing is known of, by a proxy: the origin is asked for just that, unless
 * somebody is asking it for something of this URL already; then the whole is for all of them (case
 * 18). Afterwards the key is either that of the range, or still that of the whole. */
static enum begun choose_part(struct fetch_reader *reader, struct table_mark *ret_mark)
{
    struct flight_key whole = reader->key;
    enum begun begun;

    if (!part_is_wanted(reader->request) || reader->miss != FETCH_MISS_URI ||
        part_flight_key_make(reader->lane->fetcher->store, reader->request, &reader->key) < 0) {
        reader->key = whole;
        return BEGUN_NEEDS_FLIGHT;
    }
    begun = look_at_table(reader, NULL, ret_mark);
    reader->is_for_part = begun != BEGUN_NEEDS_FLIGHT || !is_under_way(reader);
    if (reader->is_for_part) {
        flight_key_fini(&whole);
    } else {
        flight_key_fini(&reader->key);
        reader->key = whole;
    }
    return begun;
}

/* From the store, if it has that part. */
static bool take_part(struct fetch_reader *reader)
{
    struct fetch_lane *lane = reader->lane;
    struct entry *entry = NULL;

    if (!reader_wants_younger(reader))
        entry = part_find(lane, reader->request, fetch_lane_now_s(lane));
    if (entry == NULL)
        return false;
    LANE_COUNT(lane, hits, 1);
    reader_answer(reader, entry, NULL, (int64_t)body_length(entry->body), FETCH_FROM_STORE);
    return true;
}

static enum begun begin_under_key(struct fetch_reader *reader, struct table_mark *ret_mark)
{
    int err = make_key(reader);
    enum begun begun;

    if (err == -ENOBUFS)
        return BEGUN_SOLO;
    if (err < 0)
        return BEGUN_FAILED;
    begun = look_at_table(reader, NULL, ret_mark);
    if (begun == BEGUN_NEEDS_FLIGHT)
        begun = choose_part(reader, ret_mark);
    return begun == BEGUN_NEEDS_FLIGHT ? begin_leading(reader, ret_mark) : begun;
}

void reader_begin(struct fetch_reader *reader)
{
    struct table_mark mark;
    enum begun begun;

    reader->state = FETCH_WAITING;
    reader->is_stored = false;
    if (reader->lane->is_stopped) { /* case 32: also for who begins anew because of the stop */
        reader_fail(reader, failure_of_status(-ESHUTDOWN));
        return;
    }
    if (take_part(reader))
        return;
    do {
        begun = begin_under_key(reader, &mark);
    } while (begun == BEGUN_NEEDS_KEY);
    settle_begun(reader, begun, &mark);
}
