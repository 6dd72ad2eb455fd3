/* SPDX-License-Identifier: MIT */
/*
 * fetch_range.c - what a range means for an answer: parts, which fetch_parts.c sends, or 416.
 *
 *   ASKED --not in parts--> NONE, and the whole is sent
 *     |  ^ waits for the length, or for the bytes
 *     +--covered--> SENDING --last part--> SENT --> end      fetch_parts.c
 *     +--nothing of it is there--> 416
 *
 * With a known length every range means something at once, and the head is sent when the first byte
 * of the first part has come. While the length is not known, "bytes=5-9" is answered as soon as the
 * body covers it, and the Content-Range says "*" for the length, which is how the standard writes
 * just this, and what clients take: they look at the first position. What counts from the end, or
 * goes to it, or has several parts, waits for it; "bytes=0-" does not: it is the whole.
 *
 * Only of an answer that is stored can a reader leave a piece unread until more is there: the
 * others are freed behind their readers. If their origin offers ranges, and much would be fetched
 * in vain, it is asked for the range alone, and its 206 is passed on. Else, without a length, they
 * are sent as a whole, which always is a right answer to a Range.
 */
#include "fetch_range.h"

#include <assert.h>

#include <http/conditions.h>

#include "../problem.h"
#include "fetch_parts.h"
#include "fetch_reply.h"

#define SKIP_BYTES_MAX (1024 * 1024)

void fetch_range_read(const struct request *request, struct fetch_range *ret_range)
{
    const struct span *value = request_field(request, "Range");

    /* HEAD has no parts, and two fields are no list: section 5.3. */
    if (request->method != REQUEST_GET || value == NULL ||
        request_field_next(request, "Range", value) != NULL)
        return;
    if (range_parse(*value, &ret_range->ranges))
        ret_range->state = FETCH_RANGE_ASKED;
}

bool fetch_range_may_be_asked_for(const struct request *request, const struct fetch_range *range)
{
    static const char *const conditions[] = {"If-None-Match", "If-Modified-Since", "If-Match",
                                             "If-Unmodified-Since"};

    if (range->state != FETCH_RANGE_ASKED)
        return false;
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        if (request_field(request, conditions[i]) != NULL)
            return false;
    }
    return true;
}

/* Whether the client's other parts, if it has any, are of this very answer. */
static bool is_of_this_answer(const struct request *request, const struct entry *entry)
{
    struct fields fields = entry_fields(entry);
    struct conditions_target target;

    conditions_target_read(&fields, entry->status, entry->response_s, &target);
    return conditions_range_applies(request_fields(request), &target, entry->response_s);
}

static bool offers_ranges(const struct entry *entry)
{
    struct fields fields = entry_fields(entry);

    return range_is_offered(&fields);
}

/* The length of the whole body, -1 while it is not known. */
static int64_t length_of(const struct fetch_reader *reader)
{
    if (reader->length_bytes >= 0)
        return reader->length_bytes;
    if (fetch_reader_status(reader) != 0)
        return -1;
    return (int64_t)(reader->bytes_before + body_length(reader->cursor.body));
}

/* 416. What was asked for is not there, but the next request may ask for what is. */
static void refuse(struct fetch_reply *self, int64_t length_bytes,
                   const struct fetch_answer *answer)
{
    struct content_range content_range = {.range = {-1, -1}, .complete_bytes = length_bytes};
    struct reply_field fields[PROBLEM_FIELDS_MAX];
    struct request *request = self->request;
    char text[CONTENT_RANGE_BYTES];
    size_t count = 0;

    content_range_write(&content_range, text);
    fields[count++] = (struct reply_field){"Content-Range", text};
    for (size_t i = 0; i < answer->count; i++)
        fields[count++] = answer->fields[i];
    assert(count <= PROBLEM_FIELDS_MAX);
    self->reader.wants_rest = true;
    fetch_reply_finish(self);
    problem_send(request, 416, "the body ends before the range begins", fields, count);
}

/* Waits, while the length of the body is not known, until it is or the range is there all the same.
 * COVERED: the one or the other. */
static enum fetch_range_outcome cover(struct fetch_reply *self)
{
    const struct ranges *ranges = &self->range.ranges;
    struct fetch_reader *reader = &self->reader;
    struct range range = ranges->items[0];
    bool is_closed = ranges->count == 1 && range.first >= 0 && range.last != RANGE_OPEN;

    if (ranges->count == 1 && range.first == 0 && !is_closed)
        return FETCH_RANGE_NOT;
    if (fetch_reader_wait_for(reader, is_closed ? (uint64_t)range.last + 1 : UINT64_MAX))
        return FETCH_RANGE_WAITS;
    if (fetch_reader_status(reader) < 0)
        return FETCH_RANGE_BROKEN;
    if (reader->is_stored || length_of(reader) >= 0)
        return FETCH_RANGE_COVERED;
    return offers_ranges(reader->entry) && fetch_reader_ask_part(reader) ? FETCH_RANGE_ASKED_FOR
                                                                         : FETCH_RANGE_NOT;
}

/* Whether more than is worth it would have to be fetched in vain: what is not stored, nobody needs
 * the beginning of. */
static bool is_far(const struct fetch_reader *reader, int64_t first)
{
    int64_t there = (int64_t)(reader->bytes_before + body_length(reader->cursor.body));

    return !reader->is_stored && first - there > SKIP_BYTES_MAX && offers_ranges(reader->entry);
}

/* A part of a part that is stored, which has it: see fetch_reader_start(). */
static enum fetch_range_outcome find_in_part(struct fetch_reply *self, struct ranges *ret_parts)
{
    struct content_range stored;

    if (self->reader.source != FETCH_FROM_STORE || !fetch_part_of(self->reader.entry, &stored) ||
        range_resolve(&self->range.ranges, stored.complete_bytes, ret_parts) != RANGE_PARTS)
        return FETCH_RANGE_NOT;
    if (ret_parts->items[0].first == stored.range.first &&
        ret_parts->items[0].last == stored.range.last)
        return FETCH_RANGE_NOT; /* it is sent as the origin has sent it */
    self->range.base = stored.range.first;
    return fetch_parts_skip_to(self, ret_parts->items[0].first);
}

/* Of the whole, which for a part is what the part says; -1: not known. */
static int64_t complete_bytes_of(const struct fetch_reader *reader)
{
    struct content_range stored;

    return fetch_part_of(reader->entry, &stored) ? stored.complete_bytes : length_of(reader);
}

/* Which parts are meant; none: the range is not in the body. COVERED: the first byte is there. */
static enum fetch_range_outcome find_parts(struct fetch_reply *self, struct ranges *ret_parts)
{
    const struct ranges *asked = &self->range.ranges;
    struct fetch_reader *reader = &self->reader;
    enum fetch_range_outcome outcome;

    if (reader->entry->status == 206)
        return find_in_part(self, ret_parts);
    if (reader->entry->status != 200 || !is_of_this_answer(self->request, reader->entry))
        return FETCH_RANGE_NOT;
    if (length_of(reader) < 0) {
        outcome = cover(self);
        if (outcome != FETCH_RANGE_COVERED)
            return outcome;
    }
    *ret_parts = *asked;
    if (length_of(reader) >= 0) {
        switch (range_resolve(asked, length_of(reader), ret_parts)) {
        case RANGE_WHOLE:
            return FETCH_RANGE_NOT;
        case RANGE_UNSATISFIABLE:
            ret_parts->count = 0;
            return FETCH_RANGE_COVERED;
        case RANGE_PARTS:
            break;
        }
    }
    return is_far(reader, ret_parts->items[0].first) && fetch_reader_ask_part(reader)
               ? FETCH_RANGE_ASKED_FOR
               : fetch_parts_skip_to(self, ret_parts->items[0].first);
}

enum fetch_range_outcome fetch_range_answer(struct fetch_reply *self,
                                            const struct fetch_answer *answer)
{
    struct fetch_range *range = &self->range;
    struct request *request = self->request;
    enum fetch_range_outcome outcome;
    struct ranges parts;
    int64_t length_bytes;

    assert(range->state == FETCH_RANGE_ASKED);
    outcome = find_parts(self, &parts);
    if (outcome == FETCH_RANGE_NOT)
        range->state = FETCH_RANGE_NONE;
    if (outcome != FETCH_RANGE_COVERED)
        return outcome;
    length_bytes = complete_bytes_of(&self->reader);
    if (parts.count == 0) {
        refuse(self, length_bytes, answer);
        return FETCH_RANGE_ANSWERED;
    }
    range->ranges = parts;
    if (fetch_parts_start(self, length_bytes, answer) < 0) {
        fetch_reply_finish(self);
        problem_send(request, 503, "this server is out of memory", answer->fields, answer->count);
    }
    return FETCH_RANGE_ANSWERED;
}
