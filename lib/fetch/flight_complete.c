/* SPDX-License-Identifier: MIT */
/*
 * flight_complete.c - the whole, made of a stored part and the rest of it.
 *
 * A flight for the whole that finds the beginning stored asks for what follows (Range, and If-Range
 * with a strong entity tag). A 206 that is the rest of the same representation continues the stored
 * bytes; the fields are those of both, as after a 304. A 200 is the whole anyway. Anything else,
 * and a 206 that nothing proves to be of the same representation, makes the flight ask once more,
 * plainly. Source: RFC 9110 sections 13.1.5 and 15.3.7.3, RFC 9111 sections 3.3 and 3.4.
 */
#include <errno.h>
#include <stdio.h>

#include <http/conditions.h>
#include <http/range.h>
#include <http/update.h>

#include "fault.h"
#include "flight.h"
#include "part.h"

/* Where the stored part ends; -1: it is no beginning, or all there is. */
static int64_t end_of_beginning(const struct entry *entry)
{
    struct content_range part;

    if (!fetch_part_of(entry, &part) || part.range.first != 0 ||
        part.range.last + 1 == part.complete_bytes || entry_has(entry, "Content-Encoding"))
        return -1;
    return part.range.last + 1;
}

void flight_find_beginning(struct flight *flight)
{
    struct fetch_lane *lane = flight->lane;

    entry_unref(flight->beginning);
    flight->beginning = NULL;
    if (flight->hops > 0 || flight->is_part || flight->is_conditional || flight->is_plain_only ||
        flight->fresh_only || flight->stored != NULL)
        return;
    flight->beginning = part_find_stored(lane, flight->request, fetch_lane_now_s(lane));
    if (flight->beginning != NULL && end_of_beginning(flight->beginning) < 0) {
        entry_unref(flight->beginning);
        flight->beginning = NULL;
    }
}

int flight_ask_for_rest(const struct flight *flight, struct fields *fields)
{
    const struct entry *beginning = flight->beginning;
    struct span etag = entry_etag(beginning);
    char range[40];
    int err;

    snprintf(range, sizeof range, "bytes=%lld-", (long long)end_of_beginning(beginning));
    err = fields_append(fields, span_of_string("Range"), span_of_string(range));
    if (err == 0 && conditions_etag_equals_strong(etag, etag))
        err = fields_append(fields, span_of_string("If-Range"), etag);
    return err;
}

/* Whether this goes on with just what is stored. */
static bool is_the_rest(const struct entry *beginning, const struct upstream_head *head)
{
    struct content_range stored, rest;
    struct span value, etag;
    size_t position = 0;

    if (head->status != 206 || !fetch_part_of(beginning, &stored) ||
        fields_has(head->fields, "Content-Encoding") ||
        !fields_next_named(head->fields, "Content-Range", &position, &value) ||
        !content_range_parse(value, &rest) ||
        fields_next_named(head->fields, "Content-Range", &position, &value))
        return false;
    if (rest.range.first != stored.range.last + 1 || rest.complete_bytes != stored.complete_bytes ||
        rest.range.last + 1 != rest.complete_bytes ||
        (head->content_length_bytes >= 0 &&
         head->content_length_bytes != rest.range.last + 1 - rest.range.first))
        return false;
    return FAULT(complete_another) || (fields_find(head->fields, "ETag", &etag) &&
                                       conditions_etag_equals_strong(etag, entry_etag(beginning)));
}

static bool is_content_range(struct span name)
{
    return span_equals_ignoring_case(name, span_of_string("Content-Range"));
}

static int append_beginning(struct flight *flight)
{
    struct body_cursor cursor;
    struct iovec span;
    int err = 0;

    body_cursor_init(&cursor, flight->beginning->body);
    while (err == 0 && body_cursor_spans(&cursor, &span, 1) > 0) {
        err = flight_body_append(flight, span.iov_base, span.iov_len);
        body_cursor_advance(&cursor, span.iov_len);
    }
    return err;
}

enum upstream_verdict flight_take_rest(struct flight *flight, const struct upstream_head *head)
{
    struct upstream_head whole = {.status = 200};
    enum upstream_verdict verdict;
    struct fields kept = entry_fields(flight->beginning), fields;
    struct content_range stored;
    int err;

    if (!is_the_rest(flight->beginning, head)) {
        flight->is_plain_only = true;
        flight->is_asking_again = true;
        return UPSTREAM_GO_ON;
    }
    err = update_fields(&kept, head->fields, is_content_range, &fields);
    if (err < 0)
        return flight_stop_with(flight, err == -E2BIG ? -EPROTO : err);
    (void)fetch_part_of(flight->beginning, &stored);
    whole.fields = &fields;
    whole.content_length_bytes = stored.complete_bytes;
    verdict = flight_take_answer(flight, &whole);
    fields_fini(&fields);
    if (verdict != UPSTREAM_GO_ON)
        return verdict;
    LANE_COUNT(flight->lane, completed, 1);
    return append_beginning(flight) == 0 ? UPSTREAM_GO_ON : flight_stop_with(flight, -ENOMEM);
}
