/* SPDX-License-Identifier: MIT */
/*
 * reader_body.c - how an answered reader reads: where the bytes lie, the wait for more of them, and
 * the way from one segment of the body to the next.
 */
#include <assert.h>

#include "fault.h"
#include "flight.h"

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
    reader->early_bytes = body_length(reader->cursor.body); /* so far it was not slow: it waited */
    flight_unlock(flight);
    return must_wait;
}

bool fetch_reader_lags(struct fetch_reader *reader)
{
    struct flight *flight = reader->flight;
    size_t lag_bytes_max = reader->request->policy->settings.stored_lag_bytes_max;
    size_t from_bytes = reader->early_bytes;
    bool is_arriving;

    assert(reader->state == FETCH_ANSWERED);
    if (lag_bytes_max == 0 || flight == NULL)
        return false;
    flight_lock(flight);
    is_arriving = flight->is_storing && !flight->is_ended;
    flight_unlock(flight);
    if (from_bytes < reader->cursor.position)
        from_bytes = reader->cursor.position;
    if (!is_arriving || body_length(reader->cursor.body) - from_bytes <= lag_bytes_max)
        return false;
    LANE_COUNT(reader->lane, readers_cut, 1);
    return true;
}
