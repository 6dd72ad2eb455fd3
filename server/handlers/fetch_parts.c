/* SPDX-License-Identifier: MIT */
/*
 * fetch_parts.c - sends parts of a body as it arrives, one as it is, several in a frame.
 *
 *   for each part: skip to its first byte, its head (several only), its bytes; then the end
 *
 * The parts ascend, so one walk over the body sends them all, also over one that is freed behind
 * its readers. The bytes are referred to, as those of a whole answer are; the frame is written
 * piece by piece into memory of its own.
 */
#include "fetch_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../reply.h"

static void release_entry(void *context)
{
    entry_unref(context);
}

static void release_body(void *context)
{
    body_unref(context);
}

/* In the whole. */
static int64_t position_of(const struct fetch_reply *self)
{
    const struct fetch_reader *reader = &self->reader;

    return self->range.base + (int64_t)(reader->bytes_before + reader->cursor.position);
}

enum fetch_range_outcome fetch_parts_skip_to(struct fetch_reply *self, int64_t first)
{
    struct fetch_reader *reader = &self->reader;
    struct iovec span;

    for (;;) {
        int status = fetch_reader_status(reader);
        size_t step = (size_t)(first - position_of(self));
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

/* The prepared head without the lines of this name, for what the answer says itself. */
static int copy_head_without(const struct entry *entry, const char *name, struct iovec *ret_lines)
{
    const struct entry_head *prepared = entry_get_head(entry);
    const size_t name_bytes = strlen(name);
    const char *line = prepared->bytes;
    const char *end = prepared->bytes + prepared->length;
    char *lines = malloc(prepared->length + 1);
    char *at = lines;

    if (lines == NULL)
        return -ENOMEM;
    while (line < end) {
        const char *line_feed = memchr(line, '\n', (size_t)(end - line));
        size_t bytes = (size_t)(line_feed + 1 - line);
        if (bytes <= name_bytes || line[name_bytes] != ':' ||
            strncasecmp(line, name, name_bytes) != 0)
            at = mempcpy(at, line, bytes);
        line += bytes;
    }
    *ret_lines = (struct iovec){.iov_base = lines, .iov_len = (size_t)(at - lines)};
    return 0;
}

static void add_field(struct fetch_answer *answer, const char *name, const char *value)
{
    assert(answer->count < sizeof answer->fields / sizeof *answer->fields);
    answer->fields[answer->count++] = (struct reply_field){name, value};
}

/* The head of several parts: the Content-Type is theirs. Errors: -ENOMEM, -EIO. */
static int start_frame(struct fetch_reply *self, int64_t complete_bytes,
                       const struct fetch_answer *answer)
{
    struct range_frame *frame = &self->range.frame;
    struct entry *entry = self->reader.entry;
    struct fetch_answer with_type = *answer;
    struct reply_memory memory = {.release = free};
    struct reply_head head;
    uint64_t random[2];
    char type[sizeof "multipart/byteranges; boundary=" + RANGE_BOUNDARY_BYTES];
    int err;

    if (getrandom(random, sizeof random, GRND_NONBLOCK) != sizeof random)
        return -EIO;
    range_boundary_write(random, frame->boundary);
    if (!entry_find(entry, "Content-Type", &frame->content_type))
        frame->content_type = span_of(NULL, 0);
    frame->complete_bytes = complete_bytes;
    snprintf(type, sizeof type, "multipart/byteranges; boundary=%s", frame->boundary);
    add_field(&with_type, "Content-Type", type);
    head = fetch_head(entry, 206, &with_type);
    err = copy_head_without(entry, "Content-Type", &head.prepared);
    if (err < 0)
        return err;
    memory.context = head.prepared.iov_base;
    reply_start(self->request, &head, range_frame_bytes(frame, &self->range.ranges), memory);
    return 0;
}

/* The head of a single part. Errors: -ENOMEM. */
static int start_part(struct fetch_reply *self, int64_t complete_bytes,
                      const struct fetch_answer *answer)
{
    struct range part = self->range.ranges.items[0];
    struct content_range content_range = {.range = part, .complete_bytes = complete_bytes};
    struct entry *entry = self->reader.entry;
    struct fetch_answer with_range = *answer;
    struct reply_memory memory = {.release = release_entry, .context = entry};
    struct reply_head head;
    char text[CONTENT_RANGE_BYTES];

    content_range_write(&content_range, text);
    add_field(&with_range, "Content-Range", text);
    head = fetch_head(entry, 206, &with_range);
    if (entry_has(entry, "Content-Range")) { /* of the larger part that is stored */
        int err = copy_head_without(entry, "Content-Range", &head.prepared);
        if (err < 0)
            return err;
        memory = (struct reply_memory){.release = free, .context = head.prepared.iov_base};
    } else {
        entry_ref(entry);
    }
    reply_start(self->request, &head, part.last - part.first + 1, memory);
    return 0;
}

int fetch_parts_start(struct fetch_reply *self, int64_t complete_bytes,
                      const struct fetch_answer *answer)
{
    int err = self->range.ranges.count == 1 ? start_part(self, complete_bytes, answer)
                                            : start_frame(self, complete_bytes, answer);

    if (err < 0)
        return err;
    self->range.state = FETCH_RANGE_SENDING;
    self->is_started = true;
    fetch_parts_stream(self);
    return 0;
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
    bytes = cut_spans(spans, &count, (size_t)(part.last + 1 - position_of(self)));
    memory.context = fetch_reader_hold(reader);
    body_cursor_advance(&reader->cursor, bytes);
    return reply_write(self->request, spans, (size_t)count, memory);
}

/* Towards the next part, or the end. Returns as send_piece(). */
static bool enter_part(struct fetch_reply *self)
{
    struct fetch_range *range = &self->range;
    const struct range *part = &range->ranges.items[range->part];
    enum fetch_range_outcome outcome = fetch_parts_skip_to(self, part->first);

    if (outcome == FETCH_RANGE_BROKEN)
        fetch_reply_end_body(self, fetch_reader_status(&self->reader));
    if (outcome != FETCH_RANGE_COVERED)
        return false;
    range->is_part_headed = true;
    return range->ranges.count == 1 || write_frame(self, part);
}

void fetch_parts_stream(struct fetch_reply *self)
{
    struct fetch_range *range = &self->range;
    bool goes_on = true;

    while (goes_on && range->state == FETCH_RANGE_SENDING) {
        if (range->part == range->ranges.count) {
            range->state = FETCH_RANGE_SENT;
            goes_on = range->ranges.count == 1 || write_frame(self, NULL);
        } else if (!range->is_part_headed) {
            goes_on = enter_part(self);
        } else if (position_of(self) <= range->ranges.items[range->part].last) {
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
