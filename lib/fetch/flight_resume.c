/* SPDX-License-Identifier: MIT */
/*
 * flight_resume.c - the rest of a body whose upstream died or stalled in its middle (case 7).
 *
 * Asked for once, by Range and If-Range, and only where the origin has said that it can be done: a
 * strong entity tag names these very bytes, and Accept-Ranges offers ranges. The part has to begin
 * where the body has stopped, be of the same representation, and go to its end; then it is appended
 * as if nothing had been, and readers notice a pause. Whatever else comes is not read: the flight
 * fails as it would have without. The answer stays the one that the first head began: what the
 * second says about freshness is not looked at.
 *
 * The flight stays in its state meanwhile; its call reports to this file until the head has passed.
 */
#include <errno.h>
#include <stdio.h>

#include <http/conditions.h>
#include <http/range.h>

#include "fault.h"
#include "flight.h"

static bool is_strong(struct span etag)
{
    return conditions_etag_is_valid(etag) && etag.bytes[0] == '"';
}

bool flight_may_resume(const struct flight *flight, int status)
{
    const struct entry *entry = flight->entry;
    struct fields fields;
    size_t got_bytes;

    if (flight->stop_status < 0 || entry == NULL || flight->segment == NULL ||
        entry->status != 200 || flight->request->method != NULL ||
        (status != -ECONNRESET && status != -ETIMEDOUT) ||
        flight->retries >= flight_settings(flight)->retries_max)
        return false;
    got_bytes = flight_body_bytes(flight);
    if (got_bytes == 0 ||
        (flight->length_bytes >= 0 && got_bytes >= (uint64_t)flight->length_bytes))
        return false;
    /* Origins that encode on the way out are known to give all encodings one tag. */
    fields = entry_fields(entry);
    return is_strong(entry_etag(entry)) && range_is_offered(&fields) &&
           !entry_has(entry, "Content-Encoding");
}

/* Conditions and ranges of the first request are not those of this one. */
static bool is_replaced(struct span name)
{
    return span_equals_ignoring_case(name, span_of_string("Range")) ||
           (name.length > 3 &&
            span_equals_ignoring_case(span_of(name.bytes, 3), span_of("If-", 3)));
}

static int make_fields(struct flight *flight)
{
    const struct fields *first = flight->call.fields;
    struct fields fields;
    struct field field;
    size_t position = 0;
    char range[40];
    int err = 0;

    fields_init(&fields);
    while (err == 0 && first != NULL && fields_next(first, &position, &field)) {
        if (!is_replaced(field.name))
            err = fields_append(&fields, field.name, field.value);
    }
    snprintf(range, sizeof range, "bytes=%zu-", flight_body_bytes(flight));
    if (err == 0)
        err = fields_append(&fields, span_of_string("Range"), span_of_string(range));
    if (err == 0)
        err = fields_append(&fields, span_of_string("If-Range"), entry_etag(flight->entry));
    if (err < 0) {
        fields_fini(&fields);
        return err;
    }
    fields_fini(&flight->call_fields);
    flight->call_fields = fields;
    return 0;
}

static void on_connecting(struct upstream_call *call)
{
    (void)call;
}

/* Whether this is the rest of the body. Source: RFC 9110 sections 14.4 and 15.3.7. */
static bool is_the_rest(const struct flight *flight, const struct upstream_head *head,
                        int64_t *ret_complete_bytes)
{
    struct content_range part;
    struct span value, etag;
    size_t position = 0;
    int64_t part_bytes;

    if (head->status != 206 || fields_has(head->fields, "Content-Encoding") ||
        !fields_next_named(head->fields, "Content-Range", &position, &value) ||
        !content_range_parse(value, &part) ||
        fields_next_named(head->fields, "Content-Range", &position, &value))
        return false;
    if ((part.range.first != (int64_t)flight_body_bytes(flight) && !FAULT(resume_elsewhere)) ||
        part.range.last + 1 != part.complete_bytes ||
        (flight->length_bytes >= 0 && part.complete_bytes != flight->length_bytes))
        return false;
    part_bytes = part.range.last + 1 - part.range.first;
    if (head->content_length_bytes >= 0 && head->content_length_bytes != part_bytes)
        return false;
    if ((!fields_find(head->fields, "ETag", &etag) ||
         !span_equals(etag, entry_etag(flight->entry))) &&
        !FAULT(resume_another))
        return false;
    *ret_complete_bytes = part.complete_bytes;
    return true;
}

static enum upstream_verdict on_head(struct upstream_call *call, const struct upstream_head *head)
{
    struct flight *flight = async_container_of(call, struct flight, call);
    int64_t complete_bytes;

    if (!is_the_rest(flight, head, &complete_bytes)) {
        flight->stop_status = -EPROTO;
        return UPSTREAM_STOP;
    }
    flight_arm_progress(flight, flight_settings(flight)->stall_timeout_ms);
    flight_lock(flight);
    flight->length_bytes = complete_bytes; /* perhaps it was not known before */
    flight_unlock(flight);
    return UPSTREAM_GO_ON;
}

static enum upstream_verdict on_data(struct upstream_call *call, const char *bytes, size_t count)
{
    return flight_upstream_events.on_data(call, bytes, count);
}

static void on_done(struct upstream_call *call, int status)
{
    flight_upstream_events.on_done(call, status);
}

static const struct upstream_events resume_events = {
    .on_connecting = on_connecting,
    .on_head = on_head,
    .on_data = on_data,
    .on_done = on_done,
};

void flight_resume(struct flight *flight)
{
    int err = make_fields(flight);

    if (err < 0) {
        flight_fail(flight, -ECONNRESET);
        return;
    }
    flight->call.events = &resume_events;
    flight->call.fields = &flight->call_fields;
    flight_arm_progress(flight, flight_settings(flight)->head_timeout_ms);
    LANE_COUNT(flight->lane, upstream_requests, 1);
    LANE_COUNT(flight->lane, upstream_resumes, 1);
    if (upstream_start(flight->lane->upstream, &flight->call) < 0)
        flight_fail(flight, -ECONNRESET);
}
