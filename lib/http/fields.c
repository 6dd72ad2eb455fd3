/* SPDX-License-Identifier: MIT */
/*
 * fields.c - header fields in one buffer, each line a name and a value by offset.
 *
 * Offsets, not pointers, because the buffer moves while it grows. fields_copy_end_to_end() makes
 * a copy with no room to spare. A list over text has no table: each line is searched for its colon
 * and its end, and a position in it is an offset. No name has a colon, and no value a line end.
 */
#include <http/field_view.h>
#include <http/fields.h>
#include <http/list.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define LINES_ROOM_MIN 16
#define BYTES_ROOM_MIN 512

#define LINE_EXTRA_BYTES 4 /* ": " and the line end */

struct fields_line {
    uint32_t name_offset;
    uint32_t name_length;
    uint32_t value_offset;
    uint32_t value_length;
};

/* RFC 9110 section 7.6.1, RFC 9111 section 3.1 and, for Keep-Alive, RFC 9112 appendix C.2.2. */
static const char *const hop_by_hop_names[] = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-authentication-info",
};

void fields_init(struct fields *fields)
{
    *fields = (struct fields){0};
}

void fields_fini(struct fields *fields)
{
    free(fields->lines);
    free(fields->bytes);
    fields_init(fields);
}

static bool is_token_byte(unsigned char byte)
{
    if ((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
        (byte >= 'A' && byte <= 'Z'))
        return true;
    return byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte) != NULL;
}

bool fields_is_token(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!is_token_byte((unsigned char)text.bytes[i]))
            return false;
    }
    return text.length > 0;
}

/* RFC 9110 section 5.5: visible characters, spaces, tabs, and bytes from 0x80 on. */
static bool is_field_value(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];

        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return false;
    }
    return true;
}

/* Room for one more line of `bytes` bytes; capacities only, the content stays as it is. */
static int make_room(struct fields *fields, uint32_t bytes)
{
    if (fields->lines_count == fields->lines_room) {
        uint32_t room = fields->lines_room == 0 ? LINES_ROOM_MIN : fields->lines_room * 2;
        struct fields_line *lines = realloc(fields->lines, room * sizeof(*lines));

        if (lines == NULL)
            return -ENOMEM;
        fields->lines = lines;
        fields->lines_room = room;
    }
    if (fields->bytes_room - fields->bytes_count < bytes) {
        uint32_t room = fields->bytes_room == 0 ? BYTES_ROOM_MIN : fields->bytes_room * 2;
        char *buffer;

        if (room < fields->bytes_count + bytes)
            room = fields->bytes_count + bytes;
        buffer = realloc(fields->bytes, room);
        if (buffer == NULL)
            return -ENOMEM;
        fields->bytes = buffer;
        fields->bytes_room = room;
    }
    return 0;
}

static uint32_t copy_span(struct fields *fields, struct span span)
{
    uint32_t offset = fields->bytes_count;

    if (span.length > 0)
        memcpy(fields->bytes + offset, span.bytes, span.length);
    fields->bytes_count += (uint32_t)span.length;
    return offset;
}

static void add_line(struct fields *fields, struct span name, struct span value)
{
    struct fields_line *line = &fields->lines[fields->lines_count];

    assert(fields->lines_count < fields->lines_room);
    line->name_length = (uint32_t)name.length;
    line->name_offset = copy_span(fields, name);
    line->value_length = (uint32_t)value.length;
    line->value_offset = copy_span(fields, value);
    fields->lines_count++;
}

int fields_append(struct fields *fields, struct span name, struct span value)
{
    int err;

    assert(fields->lines != NULL || fields->bytes == NULL); /* not a list over text */
    value = span_trim(value);
    if (!fields_is_token(name) || !is_field_value(value))
        return -EINVAL;
    if (fields->lines_count >= FIELDS_LINES_MAX || name.length > FIELDS_BYTES_MAX ||
        value.length > FIELDS_BYTES_MAX ||
        fields->bytes_count + name.length + value.length > FIELDS_BYTES_MAX)
        return -E2BIG;
    err = make_room(fields, (uint32_t)(name.length + value.length));
    if (err < 0)
        return err;
    add_line(fields, name, value);
    return 0;
}

int fields_copy_end_to_end(const struct fields *source, bool (*is_unwanted)(struct span name),
                           struct fields *ret_copy)
{
    struct fields copy;
    struct field field;
    bool keep[FIELDS_LINES_MAX] = {false};
    size_t position = 0, line = 0, lines = 0, bytes = 0;

    while (fields_next(source, &position, &field)) {
        bool drop = fields_is_hop_by_hop(source, field.name) ||
                    (is_unwanted != NULL && is_unwanted(field.name));

        assert(line < FIELDS_LINES_MAX);
        keep[line++] = !drop;
        lines += drop ? 0 : 1;
        bytes += drop ? 0 : field.name.length + field.value.length;
    }
    fields_init(&copy);
    if (lines > 0) {
        copy.lines = malloc(lines * sizeof(*copy.lines));
        copy.bytes = malloc(bytes);
        if (copy.lines == NULL || copy.bytes == NULL) {
            fields_fini(&copy);
            return -ENOMEM;
        }
    }
    copy.lines_room = (uint32_t)lines;
    copy.bytes_room = (uint32_t)bytes;
    position = 0;
    line = 0;
    while (fields_next(source, &position, &field)) {
        if (keep[line++])
            add_line(&copy, field.name, field.value);
    }
    *ret_copy = copy;
    return 0;
}

size_t fields_text_bytes(const struct fields *fields)
{
    return fields->bytes_count + (size_t)fields->lines_count * LINE_EXTRA_BYTES;
}

size_t fields_write_end_to_end(const struct fields *source, bool (*is_unwanted)(struct span name),
                               char *ret_text)
{
    char *at = ret_text;
    struct field field;
    size_t position = 0;

    while (fields_next(source, &position, &field)) {
        if (fields_is_hop_by_hop(source, field.name) ||
            (is_unwanted != NULL && is_unwanted(field.name)))
            continue;
        at = mempcpy(at, field.name.bytes, field.name.length);
        at = mempcpy(at, ": ", 2);
        at = mempcpy(at, field.value.bytes, field.value.length);
        at = mempcpy(at, "\r\n", 2);
    }
    return (size_t)(at - ret_text);
}

struct fields fields_of_text(const char *text, size_t length)
{
    assert(length <= UINT32_MAX);
    assert(length == 0 || text[length - 1] == '\n');
    return (struct fields){.bytes = (char *)text, .bytes_count = (uint32_t)length};
}

static bool next_of_text(const struct fields *fields, size_t *position, struct field *ret_field)
{
    const char *line, *colon, *end;

    if (*position >= fields->bytes_count)
        return false;
    line = fields->bytes + *position; /* where there are bytes */
    colon = memchr(line, ':', fields->bytes_count - *position);
    end = memchr(line, '\n', fields->bytes_count - *position);
    assert(colon != NULL && end != NULL && colon + LINE_EXTRA_BYTES <= end + 1);
    ret_field->name = span_of(line, (size_t)(colon - line));
    ret_field->value = span_of(colon + 2, (size_t)(end - 1 - (colon + 2)));
    *position = (size_t)(end + 1 - fields->bytes);
    return true;
}

bool fields_next(const struct fields *fields, size_t *position, struct field *ret_field)
{
    const struct fields_line *line;

    if (fields->lines == NULL)
        return next_of_text(fields, position, ret_field);
    if (*position >= fields->lines_count)
        return false;
    line = &fields->lines[(*position)++];
    ret_field->name = span_of(fields->bytes + line->name_offset, line->name_length);
    ret_field->value = span_of(fields->bytes + line->value_offset, line->value_length);
    return true;
}

bool fields_next_named(const struct fields *fields, const char *name, size_t *position,
                       struct span *ret_value)
{
    struct span wanted = span_of_string(name);
    struct field field;

    while (fields_next(fields, position, &field)) {
        if (span_equals_ignoring_case(field.name, wanted)) {
            *ret_value = field.value;
            return true;
        }
    }
    return false;
}

bool fields_find(const struct fields *fields, const char *name, struct span *ret_value)
{
    size_t position = 0;

    return fields_next_named(fields, name, &position, ret_value);
}

bool fields_has(const struct fields *fields, const char *name)
{
    struct span value;

    return fields_find(fields, name, &value);
}

size_t fields_count(const struct fields *fields)
{
    size_t position = 0, count = 0;
    struct field field;

    if (fields->lines != NULL)
        return fields->lines_count;
    while (next_of_text(fields, &position, &field))
        count++;
    return count;
}

bool fields_name_is_one_of(struct span name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (span_equals_ignoring_case(name, span_of_string(names[i])))
            return true;
    }
    return false;
}

bool field_view_is_hop_by_hop(struct field_view view, struct span name)
{
    struct span value, member;
    struct list list;
    size_t position = 0;

    if (fields_name_is_one_of(name, hop_by_hop_names,
                              sizeof(hop_by_hop_names) / sizeof(hop_by_hop_names[0])))
        return true;
    while (field_view_next_named(view, span_of_string("connection"), &position, &value)) {
        list_init(&list, value, ',');
        while (list_next(&list, &member)) {
            if (span_equals_ignoring_case(name, member))
                return true;
        }
    }
    return false;
}

bool fields_is_hop_by_hop(const struct fields *fields, struct span name)
{
    return field_view_is_hop_by_hop(field_view_of(fields), name);
}

size_t fields_memory_bytes(const struct fields *fields)
{
    return fields->lines_room * sizeof(*fields->lines) + fields->bytes_room;
}
