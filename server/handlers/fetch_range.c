/* SPDX-License-Identifier: MIT */
/*
 * fetch_range.c - answers 206 and 416.
 *
 *   ASKED --not in parts--> NONE, and the whole is sent
 *     |  ^ waits for the length, or for the bytes
 *     +--covered--> SENDING --last part--> SENT --> end
 *     +--nothing of it is there--> 416
 *
 * With a known length every range means something at once, and the head is sent when the first byte
 * of the first part has come. While the length is not known, "bytes=5-9" is answered as soon as the
 * body covers it, and the Content-Range says "*" for the length, which is how the standard writes
 * just this, and what clients take: they look at the first position. What counts from the end, or
 * goes to it, or has several parts, waits for it; "bytes=0-" does not: it is the whole.
 *
 * Only of an answer that is stored can a reader leave a piece unread until more is there: the
 * others are freed behind their readers, so without a length they are sent as a whole, which always
 * is a right answer to a Range. The parts ascend, so one walk over the body sends them all.
 */
#include "fetch_range.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <http/conditions.h>
#include <http/date.h>

#include "../problem.h"
#include "../reply.h"
#include "fetch_reply.h"

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

static void release_entry(void *context)
{
    entry_unref(context);
}

static void release_body(void *context)
{
    body_unref(context);
}

/* Whether Last-Modified is that date, and old enough to name one answer only: two changes within a
 * second cannot be told apart. Source: RFC 9110 sections 8.8.2.2 and 13.1.5. */
static bool is_date_of(const struct entry *entry, struct span validator)
{
    int64_t asked_s, modified_s;
    int64_t date_s = entry->response_s;
    struct span date;

    if (date_parse(validator, entry->response_s, &asked_s) < 0 ||
        date_parse(entry->last_modified, entry->response_s, &modified_s) < 0)
        return false;
    if (fields_find(&entry->fields, "Date", &date) &&
        date_parse(date, entry->response_s, &date_s) < 0)
        return false;
    return asked_s == modified_s && modified_s < date_s;
}

/* Whether the client's other parts are of this very answer. */
static bool is_of_this_answer(const struct request *request, const struct entry *entry)
{
    const struct span *validator = request_field(request, "If-Range");

    if (validator == NULL)
        return true;
    if (request_field_next(request, "If-Range", validator) != NULL)
        return false;
    if (conditions_etag_is_valid(*validator))
        return validator->bytes[0] == '"' && span_equals(*validator, entry->etag);
    return is_date_of(entry, *validator);
}

static int64_t position_of(const struct fetch_reader *reader)
{
    return (int64_t)(reader->bytes_before + reader->cursor.position);
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

/* Moves to the first byte of the first part. Nothing before it is wanted by this reader. */
static enum fetch_range_outcome skip_to(struct fetch_reader *reader, int64_t first)
{
    struct iovec span;

    for (;;) {
        int status = fetch_reader_status(reader);
        size_t step = (size_t)(first - position_of(reader));
        if (fetch_reader_spans(reader, &span, 1) == 0) {
            if (status < 0)
                return FETCH_RANGE_BROKEN;
            assert(status == BODY_OPEN); /* a complete body covers what was resolved */
            fetch_reader_wait(reader);
            return FETCH_RANGE_WAITS;
        }
        if (step == 0)
            return FETCH_RANGE_COVERED;
        if (step > body_cursor_available(&reader->cursor))
            step = body_cursor_available(&reader->cursor);
        body_cursor_advance(&reader->cursor, step);
    }
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
    return reader->is_stored || length_of(reader) >= 0 ? FETCH_RANGE_COVERED : FETCH_RANGE_NOT;
}

/* Which parts are meant; none: the range is not in the body. COVERED: the first byte is there. */
static enum fetch_range_outcome find_parts(struct fetch_reply *self, struct ranges *ret_parts)
{
    const struct ranges *asked = &self->range.ranges;
    struct fetch_reader *reader = &self->reader;
    enum fetch_range_outcome outcome;

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
    return skip_to(reader, ret_parts->items[0].first);
}

/* Without the Content-Type, which is that of the parts. */
static int head_of_frame(const struct entry *entry, const char *boundary, char **ret_lines,
                         size_t *ret_bytes)
{
    static const char type_start[] = "Content-Type: multipart/byteranges; boundary=";
    const struct entry_head *prepared = entry_get_head(entry);
    const char *line = prepared->bytes;
    const char *end = prepared->bytes + prepared->length;
    char *lines = malloc(prepared->length + sizeof type_start + RANGE_BOUNDARY_BYTES + 2);
    char *at = lines;

    if (lines == NULL)
        return -ENOMEM;
    while (line < end) {
        const char *line_feed = memchr(line, '\n', (size_t)(end - line));
        size_t bytes = (size_t)(line_feed + 1 - line);
        if (bytes < 13 || strncasecmp(line, "Content-Type:", 13) != 0)
            at = mempcpy(at, line, bytes);
        line += bytes;
    }
    at = mempcpy(at, type_start, sizeof type_start - 1);
    at = mempcpy(at, boundary, RANGE_BOUNDARY_BYTES);
    at = mempcpy(at, "\r\n", 2);
    *ret_lines = lines;
    *ret_bytes = (size_t)(at - lines);
    return 0;
}

/* The head of several parts. Errors: -ENOMEM, -EIO. */
static int start_frame(struct fetch_reply *self, int64_t complete_bytes,
                       const struct fetch_answer *answer)
{
    struct fetch_range *range = &self->range;
    struct entry *entry = self->reader.entry;
    struct reply_head head = fetch_head(entry, 206, answer);
    struct reply_memory memory = {.release = free};
    uint64_t random[2];
    char *lines;
    int err;

    if (getrandom(random, sizeof random, GRND_NONBLOCK) != sizeof random)
        return -EIO;
    range_boundary_write(random, range->frame.boundary);
    if (!fields_find(&entry->fields, "Content-Type", &range->frame.content_type))
        range->frame.content_type = span_of(NULL, 0);
    range->frame.complete_bytes = complete_bytes;
    err = head_of_frame(entry, range->frame.boundary, &lines, &head.prepared.iov_len);
    if (err < 0)
        return err;
    head.prepared.iov_base = memory.context = lines;
    reply_start(self->request, &head, range_frame_bytes(&range->frame, &range->ranges), memory);
    return 0;
}

/* The head of a single part. */
static void start_part(struct fetch_reply *self, int64_t complete_bytes,
                       const struct fetch_answer *answer)
{
    struct range part = self->range.ranges.items[0];
    struct content_range content_range = {.range = part, .complete_bytes = complete_bytes};
    struct entry *entry = entry_ref(self->reader.entry);
    struct fetch_answer with_range = *answer;
    struct reply_memory memory = {.release = release_entry, .context = entry};
    struct reply_head head;
    char text[CONTENT_RANGE_BYTES];

    content_range_write(&content_range, text);
    assert(with_range.count < sizeof with_range.fields / sizeof *with_range.fields);
    with_range.fields[with_range.count++] = (struct reply_field){"Content-Range", text};
    head = fetch_head(entry, 206, &with_range);
    reply_start(self->request, &head, part.last - part.first + 1, memory);
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
    length_bytes = length_of(&self->reader);
    if (parts.count == 0) {
        refuse(self, length_bytes, answer);
        return FETCH_RANGE_ANSWERED;
    }
    range->ranges = parts;
    if (parts.count == 1) {
        start_part(self, length_bytes, answer);
    } else if (start_frame(self, length_bytes, answer) < 0) {
        fetch_reply_finish(self);
        problem_send(request, 503, "this server is out of memory", answer->fields, answer->count);
        return FETCH_RANGE_ANSWERED;
    }
    range->state = FETCH_RANGE_SENDING;
    self->is_started = true;
    fetch_range_stream(self);
    return FETCH_RANGE_ANSWERED;
}

/* Piece of the frame; the text is measured first. Returns as reply_write(). */
static bool write_frame(struct fetch_reply *self, const struct range *part)
{
    const struct range_frame *frame = &self->range.frame;
    struct iovec span = {0};
    struct reply_memory memory = {.release = free};

    span.iov_len = part != NULL ? range_part_head_write(frame, *part, NULL, 0)
                                : range_frame_end_write(frame, NULL, 0);
    span.iov_base = malloc(span.iov_len);
    if (span.iov_base == NULL) {
        fetch_reply_end_body(self, -ENOMEM);
        return false;
    }
    if (part != NULL)
        range_part_head_write(frame, *part, span.iov_base, span.iov_len);
    else
        range_frame_end_write(frame, span.iov_base, span.iov_len);
    memory.context = span.iov_base;
    return reply_write(self->request, &span, 1, memory);
}

/* Keeps of the spans what lies within `bytes_max`; returns how many bytes that is. */
static size_t cut_spans(struct iovec *spans, int *count, size_t bytes_max)
{
    size_t bytes = 0;

    for (int i = 0; i < *count; i++) {
        if (spans[i].iov_len >= bytes_max - bytes) {
            spans[i].iov_len = bytes_max - bytes;
            *count = i + 1;
            return bytes_max;
        }
        bytes += spans[i].iov_len;
    }
    return bytes;
}

/* The next piece of the part that is being sent. Returns whether there may be more to do now. */
static bool send_piece(struct fetch_reply *self)
{
    struct fetch_range *range = &self->range;
    struct fetch_reader *reader = &self->reader;
    struct range part = range->ranges.items[range->part];
    struct iovec spans[REPLY_SPANS_MAX];
    struct reply_memory memory = {.release = release_body};
    int status = fetch_reader_status(reader); /* first, then the spans: see fetcher.h */
    int count = fetch_reader_spans(reader, spans, REPLY_SPANS_MAX);
    size_t bytes;

    if (count == 0 && status == BODY_OPEN) {
        fetch_reader_wait(reader);
        return false;
    }
    if (count == 0) {
        fetch_reply_end_body(self, status < 0 ? status : -EPROTO);
        return false;
    }
    bytes = cut_spans(spans, &count, (size_t)(part.last + 1 - position_of(reader)));
    memory.context = fetch_reader_hold(reader);
    body_cursor_advance(&reader->cursor, bytes);
    return reply_write(self->request, spans, (size_t)count, memory);
}

/* Towards the next part, or the end. Returns as send_piece(). */
static bool enter_part(struct fetch_reply *self)
{
    struct fetch_range *range = &self->range;
    const struct range *part = &range->ranges.items[range->part];
    enum fetch_range_outcome outcome = skip_to(&self->reader, part->first);

    if (outcome == FETCH_RANGE_BROKEN)
        fetch_reply_end_body(self, fetch_reader_status(&self->reader));
    if (outcome != FETCH_RANGE_COVERED)
        return false;
    range->is_part_headed = true;
    return range->ranges.count == 1 || write_frame(self, part);
}

void fetch_range_stream(struct fetch_reply *self)
{
    struct fetch_range *range = &self->range;
    bool goes_on = true;

    while (goes_on && range->state == FETCH_RANGE_SENDING) {
        if (range->part == range->ranges.count) {
            range->state = FETCH_RANGE_SENT;
            goes_on = range->ranges.count == 1 || write_frame(self, NULL);
        } else if (!range->is_part_headed) {
            goes_on = enter_part(self);
        } else if (position_of(&self->reader) <= range->ranges.items[range->part].last) {
            goes_on = send_piece(self);
        } else {
            range->is_part_headed = false;
            range->part++;
        }
    }
    if (goes_on) {
        self->reader.wants_rest = true;
        fetch_reply_end_body(self, 0);
    }
}
