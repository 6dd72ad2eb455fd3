/* SPDX-License-Identifier: MIT */
/* head.c - reads the lines of a response's head; see head.h. */
#include "head.h"

#include <errno.h>
#include <string.h>

#include <http/forwarding.h>

void head_reader_init(struct head_reader *reader, size_t bytes_max)
{
    *reader = (struct head_reader){.bytes_left = bytes_max};
    fields_init(&reader->fields);
    fields_init(&reader->trailers);
}

void head_reader_fini(struct head_reader *reader)
{
    fields_fini(&reader->fields);
    fields_fini(&reader->trailers);
}

bool head_reader_is_complete(const struct head_reader *reader)
{
    return reader->is_complete;
}

static bool is_digit(char letter)
{
    return letter >= '0' && letter <= '9';
}

/* "HTTP/1.1 200 OK", or what libcurl writes for HTTP/2: "HTTP/2 200". */
static int take_status_line(struct head_reader *reader, struct span line)
{
    const char *space = memchr(line.bytes, ' ', line.length);
    size_t version_bytes = space != NULL ? (size_t)(space - line.bytes) : 0;
    const char *digits = line.bytes + version_bytes + 1;
    int status;

    if (version_bytes == 0 || line.length < version_bytes + 4 ||
        (line.length > version_bytes + 4 && digits[3] != ' '))
        return -EPROTO;
    if (!is_digit(digits[0]) || !is_digit(digits[1]) || !is_digit(digits[2]))
        return -EPROTO;
    status = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
    if (status < 100 || (status == 101 && !reader->takes_switch))
        return -EPROTO;
    reader->status = status;
    reader->is_http1 = line.bytes[5] == '1';
    reader->is_http10 = span_equals(span_of(line.bytes, version_bytes), span_of_string("HTTP/1.0"));
    fields_fini(&reader->fields);
    fields_init(&reader->fields);
    return HEAD_GOES_ON;
}

/* The length as all lines agree on it. Source: RFC 9112 section 6.3, RFC 9110 section 8.6. */
static int read_length(const struct fields *fields, int64_t *ret_length_bytes)
{
    int64_t length_bytes = -1;
    size_t position = 0;
    struct span value;

    while (fields_next_named(fields, "Content-Length", &position, &value)) {
        int64_t number = 0;
        if (value.length == 0 || value.length > 18)
            return -EPROTO;
        for (size_t i = 0; i < value.length; i++) {
            if (!is_digit(value.bytes[i]))
                return -EPROTO;
            number = number * 10 + (value.bytes[i] - '0');
        }
        if (length_bytes >= 0 && length_bytes != number)
            return -EPROTO;
        length_bytes = number;
    }
    *ret_length_bytes = length_bytes;
    return 0;
}

/* Chunks; we asked for no other. What is known to change the body is no word without a meaning. */
static bool is_coding_taken(const struct head_reader *reader, struct span coding)
{
    static const char *const changing[] = {"gzip", "x-gzip", "deflate", "compress", "x-compress"};

    return span_equals_ignoring_case(coding, span_of_string("chunked")) ||
           (reader->passes_codings && fields_is_token(coding) &&
            !fields_name_is_one_of(coding, changing, sizeof changing / sizeof *changing));
}

/* Source: RFC 9112 sections 6.1 and 6.3. */
static int check_codings(const struct head_reader *reader, bool has_length)
{
    size_t position = 0;
    size_t codings = 0;
    struct span coding;

    while (fields_next_named(&reader->fields, "Transfer-Encoding", &position, &coding)) {
        codings++;
        if (!is_coding_taken(reader, coding))
            return -EPROTO;
    }
    return codings > 1 || (codings > 0 && (has_length || reader->is_http10)) ? -EPROTO : 0;
}

static int complete(struct head_reader *reader, struct upstream_head *ret_head)
{
    int64_t length_bytes = -1;
    int err = read_length(&reader->fields, &length_bytes);

    if (err == 0)
        err = check_codings(reader, length_bytes >= 0);
    if (err < 0)
        return err;
    reader->is_complete = true;
    *ret_head = (struct upstream_head){
        .status = reader->status, .fields = &reader->fields, .content_length_bytes = length_bytes};
    if (reader->status == 204 || reader->status == 304)
        ret_head->content_length_bytes = 0;
    if (reader->status == 101)
        ret_head->content_length_bytes = -1;
    return HEAD_COMPLETE;
}

static struct span without_end(struct span line)
{
    if (line.length > 0 && line.bytes[line.length - 1] == '\n')
        line.length--;
    if (line.length > 0 && line.bytes[line.length - 1] == '\r')
        line.length--;
    return line;
}

static int append_line(struct fields *fields, struct span line)
{
    const char *colon = memchr(line.bytes, ':', line.length);
    size_t name_bytes;

    if (colon == NULL)
        return -EINVAL;
    name_bytes = (size_t)(colon - line.bytes);
    return fields_append(fields, span_of(line.bytes, name_bytes),
                         span_of(colon + 1, line.length - name_bytes - 1));
}

static int take_trailer(struct head_reader *reader, struct span line)
{
    const char *colon = memchr(line.bytes, ':', line.length);

    if (colon == NULL ||
        !forwarding_trailer_is_allowed(span_of(line.bytes, (size_t)(colon - line.bytes))))
        return HEAD_GOES_ON;
    return append_line(&reader->trailers, line) == -ENOMEM ? -ENOMEM : HEAD_GOES_ON;
}

int head_reader_take(struct head_reader *reader, const char *line_bytes, size_t count,
                     struct upstream_head *ret_head)
{
    struct span line = without_end(span_of(line_bytes, count));
    int err;

    if (count > reader->bytes_left)
        return -EPROTO;
    reader->bytes_left -= count;
    if (reader->is_complete)
        return take_trailer(reader, line);
    if (reader->status == 0)
        return line.length >= 5 && memcmp(line.bytes, "HTTP/", 5) == 0
                   ? take_status_line(reader, line)
                   : -EPROTO;
    if (line.length == 0) {
        if (reader->status >= 200 || reader->status == 101)
            return complete(reader, ret_head);
        *ret_head = (struct upstream_head){
            .status = reader->status, .fields = &reader->fields, .content_length_bytes = -1};
        reader->status = 0; /* the status line of the next response follows */
        return ret_head->status == 100 ? HEAD_GOES_ON : HEAD_INTERIM;
    }
    err = append_line(&reader->fields, line);
    return err == -ENOMEM ? -ENOMEM : err < 0 ? -EPROTO : HEAD_GOES_ON;
}
