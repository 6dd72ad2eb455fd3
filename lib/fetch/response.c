/* SPDX-License-Identifier: MIT */
/* response.c - the framing of an answer, line by line and piece by piece; see response.h. */
#include "response.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <http/upgrade.h>

static_assert(RESPONSE_MORE == 0 && HEAD_GOES_ON == 0, "an unfinished line is nothing to tell");

/* A chunk's size with its extensions: nobody has use for long ones. */
#define CHUNK_LINE_BYTES_MAX 1024

/* More digits would not be a number that can be told. */
#define CHUNK_DIGITS_MAX 15

void response_init(struct response *response, const char *upgrade, size_t head_bytes_max,
                   bool passes_codings)
{
    *response = (struct response){.upgrade = upgrade, .part = RESPONSE_IN_HEAD};
    head_reader_init(&response->head, head_bytes_max);
    response->head.passes_codings = passes_codings;
    response->head.takes_switch = true;
}

void response_fini(struct response *response)
{
    head_reader_fini(&response->head);
}

/* Whether the bytes begin with a whole line, which `ret_line` is then without its end, and
 * `ret_used` with it. Errors: -EPROTO. */
static int find_line(struct response *response, const char *bytes, size_t count, size_t bytes_max,
                     size_t *ret_used, struct span *ret_line)
{
    const char *end = count > response->scanned
                          ? memchr(bytes + response->scanned, '\n', count - response->scanned)
                          : NULL;
    size_t used = end != NULL ? (size_t)(end - bytes) + 1 : count;

    if (used > bytes_max)
        return -EPROTO;
    response->scanned = end != NULL ? 0 : count;
    if (end == NULL)
        return false;
    if (used < 2 || memchr(bytes, '\r', used) != bytes + used - 2)
        return -EPROTO;
    *ret_used = used;
    *ret_line = span_of(bytes, used - 2);
    return true;
}

/* The rest of the line is read in head.c. */
static bool is_status_line(struct span line)
{
    static const char version[] = "HTTP/1.";
    const size_t bytes = sizeof version - 1;

    return line.length > bytes + 1 && memcmp(line.bytes, version, bytes) == 0 &&
           line.bytes[bytes] >= '0' && line.bytes[bytes] <= '9' && line.bytes[bytes + 1] == ' ';
}

/* What the fields of 101 say of a body does not count; but chunks are too strange to be passed
 * over. */
static int begin_switched(struct response *response, const struct fields *fields)
{
    if (response->is_http10 || fields_has(fields, "Transfer-Encoding") ||
        !upgrade_granted(field_view_of(fields), span_of_string(response->upgrade)))
        return -EPROTO;
    response->part = RESPONSE_SWITCHED;
    return RESPONSE_HEAD;
}

/* How the body is framed, in the order of RFC 9112 section 6.3. */
static int begin_body(struct response *response, const struct upstream_head *head)
{
    struct span coding;

    if (head->status == 101)
        return begin_switched(response, head->fields);
    if (head->status == 204 || head->status == 304) {
        response->part = RESPONSE_ENDED;
    } else if (fields_find(head->fields, "Transfer-Encoding", &coding)) {
        if (response->is_http10)
            return -EPROTO;
        response->part = span_equals_ignoring_case(coding, span_of_string("chunked"))
                             ? RESPONSE_IN_CHUNK_SIZE
                             : RESPONSE_UNTIL_CLOSE;
    } else if (head->content_length_bytes >= 0) {
        response->left_bytes = (uint64_t)head->content_length_bytes;
        response->part = response->left_bytes > 0 ? RESPONSE_IN_LENGTH : RESPONSE_ENDED;
    } else {
        response->part = RESPONSE_UNTIL_CLOSE;
    }
    return RESPONSE_HEAD;
}

/* A line of the head or of the trailer section. */
static int read_field_line(struct response *response, const char *bytes, size_t count,
                           size_t *ret_used, struct upstream_head *ret_head)
{
    bool is_trailer = response->part == RESPONSE_IN_TRAILERS;
    bool is_first = !is_trailer && response->head.status == 0;
    struct span line;
    int result = find_line(response, bytes, count, response->head.bytes_left, ret_used, &line);

    if (result <= 0)
        return result;
    if (is_trailer && line.length == 0) {
        response->part = RESPONSE_ENDED;
        return RESPONSE_MORE;
    }
    if (is_first && !is_status_line(line))
        return -EPROTO;
    if (is_first)
        response->is_http10 = line.bytes[sizeof "HTTP/1." - 1] == '0';
    result = head_reader_take(&response->head, bytes, *ret_used, ret_head);
    if (result == HEAD_COMPLETE)
        return begin_body(response, ret_head);
    return result == HEAD_INTERIM ? RESPONSE_INTERIM : result;
}

static int digit_of(char letter)
{
    if (letter >= '0' && letter <= '9')
        return letter - '0';
    if (letter >= 'a' && letter <= 'f')
        return letter - 'a' + 10;
    if (letter >= 'A' && letter <= 'F')
        return letter - 'A' + 10;
    return -1;
}

/* Extensions mean nothing to us; blanks before one are tolerated, and nothing else is.
 * Source: RFC 9112 section 7.1.1. */
static bool is_extension(struct span text)
{
    struct span trimmed = span_trim(text);

    if (text.length == 0)
        return true;
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return false;
    }
    return trimmed.length > 0 && trimmed.bytes[0] == ';';
}

static int read_chunk_size(struct response *response, const char *bytes, size_t count,
                           size_t *ret_used)
{
    size_t digits = 0;
    struct span line;
    int result = find_line(response, bytes, count, CHUNK_LINE_BYTES_MAX, ret_used, &line);

    if (result <= 0)
        return result;
    response->left_bytes = 0;
    while (digits < line.length && digit_of(line.bytes[digits]) >= 0 && digits <= CHUNK_DIGITS_MAX)
        response->left_bytes = response->left_bytes * 16 + (uint64_t)digit_of(line.bytes[digits++]);
    if (digits == 0 || digits > CHUNK_DIGITS_MAX ||
        !is_extension(span_of(line.bytes + digits, line.length - digits)))
        return -EPROTO;
    response->part = response->left_bytes > 0 ? RESPONSE_IN_CHUNK : RESPONSE_IN_TRAILERS;
    return RESPONSE_MORE;
}

static int read_chunk_end(struct response *response, const char *bytes, size_t count,
                          size_t *ret_used)
{
    struct span line;
    int result = find_line(response, bytes, count, 2, ret_used, &line);

    if (result <= 0)
        return result;
    response->part = RESPONSE_IN_CHUNK_SIZE;
    return RESPONSE_MORE;
}

static int read_data(const struct response *response, size_t count, size_t *ret_used)
{
    bool is_limited = response->part == RESPONSE_IN_LENGTH || response->part == RESPONSE_IN_CHUNK;

    if (count == 0)
        return RESPONSE_MORE;
    *ret_used = is_limited && count > response->left_bytes ? (size_t)response->left_bytes : count;
    return RESPONSE_DATA;
}

int response_read(struct response *response, const char *bytes, size_t count, size_t *ret_used,
                  struct upstream_head *ret_head)
{
    *ret_used = 0;
    switch (response->part) {
    case RESPONSE_IN_HEAD:
    case RESPONSE_IN_TRAILERS:
        return read_field_line(response, bytes, count, ret_used, ret_head);
    case RESPONSE_IN_CHUNK_SIZE:
        return read_chunk_size(response, bytes, count, ret_used);
    case RESPONSE_IN_CHUNK_END:
        return read_chunk_end(response, bytes, count, ret_used);
    case RESPONSE_IN_LENGTH:
    case RESPONSE_IN_CHUNK:
    case RESPONSE_UNTIL_CLOSE:
    case RESPONSE_SWITCHED:
        return read_data(response, count, ret_used);
    case RESPONSE_ENDED:
        break;
    }
    return RESPONSE_END;
}

void response_take(struct response *response, size_t count)
{
    if (response->part != RESPONSE_IN_LENGTH && response->part != RESPONSE_IN_CHUNK)
        return;
    assert(count <= response->left_bytes);
    response->left_bytes -= count;
    if (response->left_bytes == 0)
        response->part =
            response->part == RESPONSE_IN_LENGTH ? RESPONSE_ENDED : RESPONSE_IN_CHUNK_END;
}

int response_close(const struct response *response)
{
    return response->part == RESPONSE_UNTIL_CLOSE || response->part == RESPONSE_SWITCHED ||
                   response->part == RESPONSE_ENDED
               ? 0
               : -ECONNRESET;
}
