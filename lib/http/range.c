/* SPDX-License-Identifier: MIT */
/*
 * range.c - ranges of bytes: read, compared with a length, and written. The frame of several parts
 * is measured by the functions that write it, so that its length is never another than announced.
 */
#include <assert.h>
#include <http/list.h>
#include <http/range.h>
#include <stdio.h>

/* The digits at the front of `text`, which are cut off; -1 without any. Too large: RANGE_OPEN. */
static int64_t take_number(struct span *text)
{
    int64_t number = 0;
    size_t i = 0;

    for (; i < text->length && text->bytes[i] >= '0' && text->bytes[i] <= '9'; i++) {
        int digit = text->bytes[i] - '0';
        if (number > (INT64_MAX - digit) / 10)
            number = RANGE_OPEN;
        else
            number = number * 10 + digit;
    }
    *text = span_of(text->bytes + i, text->length - i);
    return i > 0 ? number : -1;
}

static bool take_letter(struct span *text, char letter)
{
    if (text->length == 0 || text->bytes[0] != letter)
        return false;
    *text = span_of(text->bytes + 1, text->length - 1);
    return true;
}

static bool parse_one(struct span text, struct range *ret_range)
{
    int64_t first = take_number(&text);
    int64_t last;

    if (!take_letter(&text, '-'))
        return false;
    last = take_number(&text);
    if (text.length > 0 || (first < 0 && last < 0) || (last >= 0 && last < first))
        return false;
    ret_range->first = first;
    ret_range->last = last < 0 ? RANGE_OPEN : last;
    return true;
}

bool range_parse(struct span value, struct ranges *ret_ranges)
{
    const struct span unit = span_of("bytes=", 6);
    struct ranges ranges = {0};
    struct list list;
    struct span item;

    value = span_trim(value);
    if (value.length < unit.length ||
        !span_equals_ignoring_case(span_of(value.bytes, unit.length), unit))
        return false;
    list_init(&list, span_of(value.bytes + unit.length, value.length - unit.length), ',');
    while (list_next(&list, &item)) {
        if (ranges.count == RANGES_MAX || !parse_one(item, &ranges.items[ranges.count]))
            return false;
        ranges.count++;
    }
    if (ranges.count == 0)
        return false;
    *ret_ranges = ranges;
    return true;
}

/* One range within the body; false where nothing of it is there. */
static bool resolve_one(struct range asked, int64_t length_bytes, struct range *ret_part)
{
    if (asked.first < 0) {
        ret_part->first = asked.last < length_bytes ? length_bytes - asked.last : 0;
        ret_part->last = length_bytes - 1;
        return asked.last > 0;
    }
    ret_part->first = asked.first;
    ret_part->last = asked.last < length_bytes ? asked.last : length_bytes - 1;
    return asked.first < length_bytes;
}

enum range_verdict range_resolve(const struct ranges *asked, int64_t length_bytes,
                                 struct ranges *ret_parts)
{
    struct ranges parts = {0};

    assert(asked->count > 0 && asked->count <= RANGES_MAX && length_bytes >= 0);
    for (size_t i = 0; i < asked->count; i++) {
        struct range part;
        struct range *before = parts.count > 0 ? &parts.items[parts.count - 1] : NULL;
        if (!resolve_one(asked->items[i], length_bytes, &part))
            continue;
        if (length_bytes == 0) /* "the last 5 bytes" of nothing, which no Content-Range can say */
            return RANGE_WHOLE;
        if (before != NULL && part.first <= before->last)
            return RANGE_WHOLE;
        if (before != NULL && part.first == before->last + 1)
            before->last = part.last;
        else
            parts.items[parts.count++] = part;
    }
    if (parts.count == 0)
        return RANGE_UNSATISFIABLE;
    *ret_parts = parts;
    return RANGE_PARTS;
}

bool range_is_offered(const struct fields *response)
{
    size_t position = 0;
    struct span value, unit;
    struct list list;

    while (fields_next_named(response, "Accept-Ranges", &position, &value)) {
        list_init(&list, value, ',');
        while (list_next(&list, &unit)) {
            if (span_equals_ignoring_case(unit, span_of_string("bytes")))
                return true;
        }
    }
    return false;
}

bool content_range_parse(struct span value, struct content_range *ret_content_range)
{
    const struct span unit = span_of("bytes ", 6);
    struct content_range found = {.range = {-1, -1}, .complete_bytes = -1};
    struct span text = span_trim(value);

    if (text.length < unit.length ||
        !span_equals_ignoring_case(span_of(text.bytes, unit.length), unit))
        return false;
    text = span_of(text.bytes + unit.length, text.length - unit.length);
    if (!take_letter(&text, '*')) {
        found.range.first = take_number(&text);
        if (found.range.first < 0 || !take_letter(&text, '-'))
            return false;
        found.range.last = take_number(&text);
        if (found.range.last < found.range.first || found.range.last == RANGE_OPEN)
            return false;
    }
    if (!take_letter(&text, '/'))
        return false;
    if (!take_letter(&text, '*')) {
        found.complete_bytes = take_number(&text);
        if (found.complete_bytes <= found.range.last || found.complete_bytes == RANGE_OPEN)
            return false;
    } else if (found.range.first < 0) {
        return false;
    }
    if (text.length > 0)
        return false;
    *ret_content_range = found;
    return true;
}

/* Written by hand, as it is on the way of small hits. Returns what is behind it. */
static char *write_number(char *at, int64_t number)
{
    char digits[20];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

size_t content_range_write(const struct content_range *content_range,
                           char text[static CONTENT_RANGE_BYTES])
{
    struct range range = content_range->range;
    char *at = stpcpy(text, "bytes ");

    if (range.first < 0) {
        *at++ = '*';
    } else {
        at = write_number(at, range.first);
        *at++ = '-';
        at = write_number(at, range.last);
    }
    *at++ = '/';
    if (content_range->complete_bytes < 0)
        *at++ = '*';
    else
        at = write_number(at, content_range->complete_bytes);
    *at = '\0';
    assert(at < text + CONTENT_RANGE_BYTES);
    return (size_t)(at - text);
}

void range_boundary_write(const uint64_t random[2], char boundary[static RANGE_BOUNDARY_BYTES + 1])
{
    snprintf(boundary, RANGE_BOUNDARY_BYTES + 1, "%016llx%016llx", (unsigned long long)random[0],
             (unsigned long long)random[1]);
}

/* Text that is measured in any case, and written as far as there is room. */
struct writer {
    char *text;
    size_t room;
    size_t length;
};

static void write_bytes(struct writer *writer, struct span bytes)
{
    if (writer->length < writer->room && bytes.length > 0) {
        size_t left = writer->room - writer->length;
        memcpy(writer->text + writer->length, bytes.bytes,
               bytes.length < left ? bytes.length : left);
    }
    writer->length += bytes.length;
}

static void write_string(struct writer *writer, const char *string)
{
    write_bytes(writer, span_of_string(string));
}

size_t range_part_head_write(const struct range_frame *frame, struct range part, char *text,
                             size_t room)
{
    struct writer writer = {.text = text, .room = room};
    struct content_range content_range = {.range = part, .complete_bytes = frame->complete_bytes};
    char value[CONTENT_RANGE_BYTES];

    content_range_write(&content_range, value);
    write_string(&writer, "\r\n--");
    write_string(&writer, frame->boundary);
    if (frame->content_type.length > 0) {
        write_string(&writer, "\r\nContent-Type: ");
        write_bytes(&writer, frame->content_type);
    }
    write_string(&writer, "\r\nContent-Range: ");
    write_string(&writer, value);
    write_string(&writer, "\r\n\r\n");
    return writer.length;
}

size_t range_frame_end_write(const struct range_frame *frame, char *text, size_t room)
{
    struct writer writer = {.text = text, .room = room};

    write_string(&writer, "\r\n--");
    write_string(&writer, frame->boundary);
    write_string(&writer, "--\r\n");
    return writer.length;
}

int64_t range_frame_bytes(const struct range_frame *frame, const struct ranges *parts)
{
    int64_t bytes = (int64_t)range_frame_end_write(frame, NULL, 0);

    for (size_t i = 0; i < parts->count; i++) {
        struct range part = parts->items[i];
        bytes += part.last - part.first + 1;
        bytes += (int64_t)range_part_head_write(frame, part, NULL, 0);
    }
    return bytes;
}
