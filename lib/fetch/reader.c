/* SPDX-License-Identifier: MIT */
/*
 * reader.c - one request's part in a flight: joining, being told, waiting, leaving.
 *
 * A reader lives on the loop of its own connection, its flight on another perhaps. They meet under
 * the flight's mutex. The flight tells its readers something by posting their wake task; whoever is
 * in none of the flight's lists is posted no more, so leaving is: out of the list, then take the
 * task back. What happened is read by the reader itself when the task runs.
 */
#include <assert.h>
#include <errno.h>

#include "failure.h"
#include "fault.h"
#include "flight.h"

static async_task_fn on_wake;
static async_timer_fn on_deadline;

static void begin(struct fetch_reader *reader);

static void stop_counting_waiting(struct fetch_reader *reader)
{
    if (!reader->is_counted_waiting)
        return;
    reader->is_counted_waiting = false;
    LANE_COUNT(reader->lane, readers_waiting, -1);
    atomic_fetch_sub_explicit(&reader->lane->fetcher->waiting, 1, memory_order_relaxed);
}

static void fail(struct fetch_reader *reader, struct fetch_failure failure)
{
    async_timer_disarm(&reader->deadline);
    stop_counting_waiting(reader);
    if (!FAULT(settle_twice))
        flight_detach(reader);
    reader->failure = failure;
    reader->state = FETCH_FAILED;
}

/* Takes over the references to entry and segment that the caller has got; segment NULL: the whole
 * body is in the entry. */
static void answer(struct fetch_reader *reader, struct entry *entry, struct fetch_segment *segment,
                   int64_t length_bytes, enum fetch_source source)
{
    async_timer_disarm(&reader->deadline);
    stop_counting_waiting(reader);
    reader->entry = entry;
    reader->segment = segment;
    reader->length_bytes = length_bytes;
    reader->source = source;
    reader->answered_ns = async_loop_now_ns(reader->lane->loop);
    body_cursor_init(&reader->cursor, segment != NULL ? segment->body : entry->body);
    reader->state = FETCH_ANSWERED;
    if (source == FETCH_FROM_COLLAPSED)
        LANE_COUNT(reader->lane, collapsed, 1);
}

/* Case 12. Whether one more may wait. */
static bool start_counting_waiting(struct fetch_reader *reader)
{
    struct fetcher *fetcher = reader->lane->fetcher;

    if (reader->is_counted_waiting)
        return true;
    if (atomic_fetch_add_explicit(&fetcher->waiting, 1, memory_order_relaxed) >=
        fetcher->settings.waiters_max) {
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
    fail(reader, failure_of_status(-EBUSY));
}

/* A flight for this reader alone: what it asks for cannot be shared. */
static void begin_solo(struct fetch_reader *reader)
{
    struct flight *flight;

    if (reader->lane->is_stopped) {
        fail(reader, failure_of_status(-ESHUTDOWN));
    } else if (!start_counting_waiting(reader)) {
        fail_too_many(reader);
    } else if (flight_new(reader, true, &flight) < 0) {
        fail(reader, failure_of_status(-ENOMEM));
    } else {
        flight_lead(flight, reader);
        LANE_COUNT(reader->lane, misses, 1);
        flight_begin(flight);
    }
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
    if (entry != NULL) {
        reader->is_stored = true;
        answer(reader, entry, segment, length_bytes, FETCH_FROM_COLLAPSED);
    }
    return has_joined;
}

enum begun {
    BEGUN_JOINED,
    BEGUN_REFUSED,
    BEGUN_SOLO,
    BEGUN_FAILED,
    BEGUN_NEEDS_FLIGHT,
    BEGUN_LEADS
};

/*
 * One look at the table under the shard's mutex: a flight to join, else what is marked. Called with
 * `flight` NULL, and again with a new one when there was nothing to join: only the second look can
 * tell whether another thread was faster.
 */
static enum begun look_at_table(struct fetch_reader *reader, struct flight *flight)
{
    struct fetch_lane *lane = reader->lane;
    struct table_shard *shard = table_lock(lane->fetcher->table, &reader->request->key);
    bool is_fresh_only = (reader->flags & FETCH_FRESH_ONLY) != 0;
    struct flight *found = table_find_locked(shard, &reader->request->key);
    struct table_mark mark;
    enum begun begun;

    table_mark_find_locked(shard, &reader->request->key, async_loop_now_ns(lane->loop), &mark);
    if (found != NULL && is_fresh_only) {
        flight_purge_locked(shard, found); /* case 22: it began before this request came */
        found = NULL;
    }
    if (found != NULL) {
        begun = try_join(reader, found) ? BEGUN_JOINED : BEGUN_REFUSED;
    } else if (mark.kind == MARK_FAILURE && !is_fresh_only) {
        reader->failure = mark.failure;
        begun = BEGUN_FAILED;
    } else if (mark.kind == MARK_UNCACHEABLE) {
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

static void settle_begun(struct fetch_reader *reader, enum begun begun)
{
    switch (begun) {
    case BEGUN_REFUSED:
        fail_too_many(reader);
        break;
    case BEGUN_FAILED:
        LANE_COUNT(reader->lane, refused_negative, 1);
        fail(reader, reader->failure);
        break;
    case BEGUN_SOLO:
        begin_solo(reader);
        break;
    default:
        break;
    }
}

/* No flight to join: makes one, and looks again, since meanwhile there may be one. */
static void begin_leading(struct fetch_reader *reader)
{
    struct flight *flight;
    enum begun begun;

    if (!start_counting_waiting(reader)) {
        fail_too_many(reader);
        return;
    }
    if (flight_new(reader, false, &flight) < 0) {
        fail(reader, failure_of_status(-ENOMEM));
        return;
    }
    begun = look_at_table(reader, flight);
    if (begun == BEGUN_LEADS) {
        LANE_COUNT(reader->lane, misses, 1);
        flight_begin(flight);
        return;
    }
    flight_unref(flight); /* another was faster */
    settle_begun(reader, begun);
}

static void begin(struct fetch_reader *reader)
{
    enum begun begun;

    reader->state = FETCH_WAITING;
    reader->is_stored = false;
    if (reader->lane->is_stopped) { /* case 32: also for who begins anew because of the stop */
        fail(reader, failure_of_status(-ESHUTDOWN));
        return;
    }
    begun = look_at_table(reader, NULL);
    if (begun == BEGUN_NEEDS_FLIGHT)
        begin_leading(reader);
    else
        settle_begun(reader, begun);
}

static void reader_init(struct fetch_reader *reader, struct fetch_lane *lane,
                        struct fetch_request *request, unsigned flags,
                        fetch_progress_fn *on_progress)
{
    async_loop_assert_current(lane->loop);
    *reader = (struct fetch_reader){
        .lane = lane, .on_progress = on_progress, .flags = flags, .restarts_left = 1};
    reader->request = fetch_request_ref(request);
    async_list_init(&reader->node);
    async_task_init(&reader->wake, on_wake);
    async_timer_init(&reader->deadline, on_deadline);
}

void fetch_reader_start(struct fetch_reader *reader, struct fetch_lane *lane,
                        struct fetch_request *request, unsigned flags,
                        fetch_progress_fn *on_progress)
{
    const struct fetch_settings *settings = &request->policy->settings;
    struct entry *entry = NULL;

    reader_init(reader, lane, request, flags, on_progress);
    if ((flags & (FETCH_FRESH_ONLY | FETCH_NOT_STORED)) == 0)
        entry = fetch_lane_lookup(lane, &reader->request->key, fetch_lane_now_s(lane));
    if (entry != NULL) {
        answer(reader, entry, NULL, (int64_t)body_length(entry->body), FETCH_FROM_STORE);
        return;
    }
    async_timer_arm(&reader->deadline, lane->loop,
                    async_loop_now_ns(lane->loop) + settings->wait_timeout_ms * ASYNC_MS);
    begin(reader);
}

void fetch_reader_start_hit(struct fetch_reader *reader, struct fetch_lane *lane,
                            struct fetch_request *request, struct entry **take_entry,
                            fetch_progress_fn *on_progress)
{
    struct entry *entry = *take_entry;

    *take_entry = NULL;
    assert(body_status(entry->body) == 0);
    reader_init(reader, lane, request, 0, on_progress);
    answer(reader, entry, NULL, (int64_t)body_length(entry->body), FETCH_FROM_STORE);
}

/* Cases 7 and 31: the fetch broke before this reader got anything, and may be tried once more. All
 * readers of the flight come here; the first leads the next flight and the others join it. */
static bool restart(struct fetch_reader *reader)
{
    if (reader->restarts_left == 0)
        return false;
    reader->restarts_left--;
    LANE_COUNT(reader->lane, restarts, 1);
    flight_detach(reader);
    begin(reader);
    return true;
}

/* The flight's news for a reader without an answer. Returns whether it is still to be told. */
static void take_news(struct fetch_reader *reader)
{
    struct flight *flight = reader->flight;
    struct fetch_segment *segment = NULL;
    struct entry *entry = NULL;
    struct fetch_failure failure;
    bool is_leader, is_split, is_ended, is_transient, is_storing;
    int64_t length_bytes;

    flight_lock(flight);
    length_bytes = flight->length_bytes;
    is_leader = flight->leader == reader;
    is_split = flight->is_split;
    is_ended = flight->is_ended;
    is_transient = flight->is_transient;
    is_storing = flight->is_storing;
    failure = flight->failure;
    if (flight->entry != NULL && (is_leader || !is_split)) {
        entry = entry_ref(flight->entry);
        segment = flight->segment != NULL ? segment_ref(flight->segment) : NULL;
        flight_answered_locked(flight, reader);
    }
    flight_unlock(flight);

    if (is_split && !is_leader) { /* case 13 */
        flight_detach(reader);
        begin_solo(reader);
    } else if (entry != NULL && body_status(entry->body) < 0 && restart(reader)) {
        segment_unref(segment);
        entry_unref(entry);
    } else if (entry != NULL) {
        reader->is_stored = is_storing;
        answer(reader, entry, segment, length_bytes,
               is_leader ? FETCH_FROM_ORIGIN : FETCH_FROM_COLLAPSED);
    } else if (is_ended && (!is_transient || !restart(reader))) {
        reader->source = is_leader ? FETCH_FROM_ORIGIN : FETCH_FROM_COLLAPSED;
        fail(reader, failure);
    }
}

static void on_wake(struct async_task *task)
{
    struct fetch_reader *reader = async_container_of(task, struct fetch_reader, wake);

    if (reader->state == FETCH_WAITING) {
        take_news(reader);
        if (reader->state == FETCH_WAITING)
            return;
    } else if (reader->wanted_bytes > 0 && fetch_reader_wait_for(reader, reader->wanted_bytes)) {
        return;
    }
    reader->on_progress(reader);
}

/* Case 10: it does not go upstream by itself. */
static void on_deadline(struct async_timer *timer)
{
    struct fetch_reader *reader = async_container_of(timer, struct fetch_reader, deadline);

    assert(reader->state == FETCH_WAITING);
    LANE_COUNT(reader->lane, refused_deadline, 1);
    fail(reader, failure_of_status(-ETIMEDOUT));
    reader->on_progress(reader);
}

int fetch_reader_status(const struct fetch_reader *reader)
{
    assert(reader->state == FETCH_ANSWERED);
    return reader->segment != NULL ? segment_status(reader->segment)
                                   : body_status(reader->entry->body);
}

/* A segment that is read to its end, and has another behind it, is given back. */
static void enter_next_segment(struct fetch_reader *reader)
{
    struct fetch_segment *old = reader->segment;

    while (old != NULL && body_cursor_is_done(&reader->cursor) && old->next != NULL) {
        reader->bytes_before += reader->cursor.position;
        reader->segment = segment_ref(old->next);
        body_cursor_init(&reader->cursor, reader->segment->body);
        segment_unref(old);
        old = reader->segment;
    }
}

int fetch_reader_spans(struct fetch_reader *reader, struct iovec *spans, int spans_max)
{
    assert(reader->state == FETCH_ANSWERED);
    enter_next_segment(reader);
    return body_cursor_spans(&reader->cursor, spans, spans_max);
}

struct body *fetch_reader_hold(const struct fetch_reader *reader)
{
    assert(reader->state == FETCH_ANSWERED);
    return body_ref(reader->segment != NULL ? reader->segment->body : reader->entry->body);
}

void fetch_reader_wait(struct fetch_reader *reader)
{
    struct flight *flight = reader->flight;
    bool is_there;

    assert(reader->state == FETCH_ANSWERED);
    if (flight == NULL) { /* from the store: complete */
        async_loop_post(reader->lane->loop, &reader->wake);
        return;
    }
    flight_lock(flight);
    is_there =
        (body_cursor_available(&reader->cursor) > 0 || body_is_finished(reader->cursor.body)) &&
        !FAULT(lost_wake_up);
    async_list_remove(&reader->node);
    async_list_append(is_there ? &flight->awake : &flight->parked, &reader->node);
    reader->waited_bytes = reader->bytes_before + reader->cursor.position;
    flight_resume_locked(flight);
    if (is_there)
        async_loop_post(reader->lane->loop, &reader->wake);
    flight_unlock(flight);
}

bool fetch_reader_wait_for(struct fetch_reader *reader, uint64_t body_bytes)
{
    struct flight *flight = reader->flight;
    bool must_wait;

    assert(reader->state == FETCH_ANSWERED);
    reader->wanted_bytes = 0;
    if (flight == NULL)
        return false;
    flight_lock(flight);
    reader->is_stored = flight->is_storing;
    must_wait = flight->is_storing && !body_is_finished(reader->cursor.body) &&
                body_length(reader->cursor.body) < body_bytes;
    if (must_wait) {
        async_list_remove(&reader->node);
        async_list_append(&flight->parked, &reader->node);
        reader->wanted_bytes = body_bytes;
    }
    flight_unlock(flight);
    return must_wait;
}

void fetch_reader_leave(struct fetch_reader *reader)
{
    async_loop_assert_current(reader->lane->loop);
    async_timer_disarm(&reader->deadline);
    stop_counting_waiting(reader);
    flight_detach(reader);
    async_loop_unpost(reader->lane->loop, &reader->wake);
    segment_unref(reader->segment);
    reader->segment = NULL;
    entry_unref(reader->entry);
    reader->entry = NULL;
    fetch_request_unref(reader->request);
    reader->request = NULL;
}
