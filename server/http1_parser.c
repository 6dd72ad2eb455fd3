/* SPDX-License-Identifier: MIT */
/*
 * http1_parser.c - see http1_parser.h.
 *
 * llhttp checks the grammar. Some things are checked before it sees them, because release 8.1
 * takes them or tells them too late: each line of the head and of the trailer section ends in CRLF
 * and holds no other CR (a lone CR ended a line, CVE-2023-30589), none continues the one before,
 * none lacks a name, and the request line is one.
 *
 * llhttp knows a fixed set of methods and refuses others. A method that has no meaning to us is
 * therefore read here, and llhttp is given POST in its place, which has none to it either.
 */
#include "http1_parser.h"

#include <assert.h>
#include <string.h>

#include "http1_check.h"

static struct http1_parser *parser_from(llhttp_t *llhttp)
{
    struct http1_parser *parser = llhttp->data;

    assert(parser != NULL);
    assert(&parser->llhttp == llhttp);
    return parser;
}

/* Notes why the message is refused; the first reason stays. Returns what stops llhttp. */
static int refuse(struct http1_parser *parser, int status, const char *detail)
{
    if (parser->error_status == 0) {
        parser->error_status = status;
        parser->error_detail = detail;
    }
    return HPE_USER;
}

static int on_url(llhttp_t *llhttp, const char *at, size_t length)
{
    parser_from(llhttp)->request->target = span_of(at, length);
    return 0;
}

/* Trailer fields have no reader here; but they may not be endless. */
static int count_extra(struct http1_parser *parser, size_t length)
{
    parser->chunk_extra_bytes += length;
    if (parser->chunk_extra_bytes > HTTP1_CHUNK_EXTRA_BYTES_MAX)
        return refuse(parser, 431, "Chunk extensions and trailer fields are too long.");
    return 0;
}

static int on_chunk_extension(llhttp_t *llhttp, const char *at, size_t length)
{
    (void)at;
    return count_extra(parser_from(llhttp), length + 1);
}

static int on_field_name(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http1_parser *parser = parser_from(llhttp);

    if (parser->is_in_body)
        return count_extra(parser, length + 1);
    parser->name = span_of(at, length);
    parser->value = span_of(at + length, 0);
    return 0;
}

static int on_field_value(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http1_parser *parser = parser_from(llhttp);

    if (parser->is_in_body)
        return count_extra(parser, length);
    parser->value = span_of(at, length);
    return 0;
}

static int on_field_complete(llhttp_t *llhttp)
{
    struct http1_parser *parser = parser_from(llhttp);
    struct request *request = parser->request;

    if (parser->is_in_body)
        return 0;
    if (request->field_count == parser->limits->header_fields) {
        refuse(parser, 431, "The request has more fields than this server takes.");
        return -1;
    }
    request->about |= request_about(parser->name);
    parser->fields[request->field_count++] =
        (struct field){.name = parser->name, .value = span_trim(parser->value)};
    return 0;
}

static const char too_long[] = "The body is longer than this server takes.";

static int on_headers_complete(llhttp_t *llhttp)
{
    struct http1_parser *parser = parser_from(llhttp);
    struct request *request = parser->request;
    const char *detail = NULL;

    request->fields = parser->fields;
    request->http_version = llhttp->http_major * 10 + llhttp->http_minor;
    int status = http1_check_head(request, &parser->expects_continue, &detail);
    if (status != 0) {
        refuse(parser, status, detail);
        return -1;
    }
    /* What follows CONNECT is for a tunnel. */
    parser->keeps_alive =
        llhttp_should_keep_alive(llhttp) != 0 && request->method != REQUEST_CONNECT;
    parser->has_body = (llhttp->flags & F_CHUNKED) != 0 || llhttp->content_length > 0;
    if (llhttp->content_length > INT64_MAX) {
        refuse(parser, 413, too_long);
        return -1;
    }
    request->body_length =
        (llhttp->flags & F_CHUNKED) != 0 ? REQUEST_LENGTH_UNKNOWN : (int64_t)llhttp->content_length;
    if (parser->has_body && request->method == REQUEST_CONNECT) {
        refuse(parser, 400, "CONNECT has no body.");
        return -1;
    }
    return parser->has_body ? HPE_PAUSED : 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http1_parser *parser = parser_from(llhttp);

    if (length == 0)
        return 0;
    parser->request->body_bytes += length;
    if (parser->request->body_bytes > parser->body_bytes_max)
        return refuse(parser, 413, too_long);
    parser->piece = span_of(at, length);
    return HPE_PAUSED;
}

/* Stops before the trailer section, so that its lines are checked first. */
static int on_chunk_header(llhttp_t *llhttp)
{
    if (llhttp->content_length > 0)
        return 0;
    parser_from(llhttp)->is_in_trailers = true;
    return HPE_PAUSED;
}

static int on_message_complete(llhttp_t *llhttp)
{
    parser_from(llhttp)->is_complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_field_name,
    .on_header_value = on_field_value,
    .on_header_value_complete = on_field_complete,
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void http1_parser_begin(struct http1_parser *parser, const struct server_limits *limits,
                        struct request *request, struct field *fields)
{
    memset(parser, 0, sizeof(*parser));
    llhttp_init(&parser->llhttp, HTTP_REQUEST, &settings);
    parser->llhttp.data = parser;
    parser->limits = limits;
    parser->body_bytes_max = limits->body_bytes;
    parser->request = request;
    parser->fields = fields;
    request->field_count = 0;
    request->about = 0;
    request->body_bytes = 0;
}

bool http1_parser_limit_body(struct http1_parser *parser, uint64_t bytes_max)
{
    int64_t length = parser->request->body_length;

    parser->body_bytes_max = bytes_max;
    if (length == REQUEST_LENGTH_UNKNOWN || (uint64_t)length <= bytes_max)
        return true;
    refuse(parser, 413, too_long);
    return false;
}

/* One line of the head without its LF; `is_first`: the request line. */
static void check_head_line(struct http1_parser *parser, struct span line, bool is_first)
{
    const char *detail = NULL;

    if (line.length == 0 || line.bytes[line.length - 1] != '\r') {
        refuse(parser, 400, "A line does not end in carriage return and line feed.");
        return;
    }
    line.length--;
    if (line.length > 0 && memchr(line.bytes, '\r', line.length) != NULL) {
        refuse(parser, 400, "A line holds a carriage return.");
    } else if (is_first) {
        int status = http1_check_line(line, parser->limits, &parser->method_length, &detail);
        if (status != 0)
            refuse(parser, status, detail);
    } else if (line.length > 0 && (line.bytes[0] == ' ' || line.bytes[0] == '\t')) {
        refuse(parser, 400, "A field is continued on a second line.");
    } else if (line.length > 0 && line.bytes[0] == ':') {
        refuse(parser, 400, "A field has no name.");
    }
}

/* Looks at the lines that are new. Returns the length of the head once its empty line is there, 0
 * before; may refuse. */
static size_t find_head_end(struct http1_parser *parser, const char *bytes, size_t length)
{
    const char *line_feed;

    while (parser->scanned < length &&
           (line_feed = memchr(bytes + parser->scanned, '\n', length - parser->scanned)) != NULL) {
        size_t start = parser->line_start;
        size_t end = (size_t)(line_feed - bytes);
        check_head_line(parser, span_of(bytes + start, end - start), start == 0);
        if (parser->error_status != 0)
            return 0;
        parser->line_start = parser->scanned = end + 1;
        if (parser->line_start > parser->limits->header_bytes)
            break;
        if (end == start + 1)
            return end + 1;
    }
    parser->scanned = length;
    if (parser->line_start == 0) {
        const char *detail = NULL;
        int status = http1_check_line_begun(span_of(bytes, length), parser->limits, &detail);
        if (status != 0)
            refuse(parser, status, detail);
    }
    if (length > parser->limits->header_bytes)
        refuse(parser, 431, "The request's head is longer than this server takes.");
    return 0;
}

/*
 * Looks at bytes of the trailer section, which need not hold whole lines. Returns how many of them
 * belong to it; may refuse.
 */
static size_t check_trailers(struct http1_parser *parser, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char byte = bytes[i];
        if (parser->is_after_cr != (byte == '\n')) {
            refuse(parser, 400, "A line of the trailer section does not end in CR and LF.");
            return 0;
        }
        if (parser->trailer_line_bytes == 0 && (byte == ' ' || byte == '\t' || byte == ':')) {
            refuse(parser, 400, "A trailer field has no name.");
            return 0;
        }
        parser->is_after_cr = byte == '\r';
        parser->trailer_line_bytes++;
        if (byte != '\n')
            continue;
        if (parser->trailer_line_bytes == 2)
            return i + 1; /* the empty line */
        parser->trailer_line_bytes = 0;
    }
    return length;
}

/* Gives bytes to llhttp. Returns how many it took; it stops at the ends of head and message, behind
 * a piece of the body, and before the trailer section, which is MORE. */
static size_t execute(struct http1_parser *parser, const char *bytes, size_t length,
                      enum http1_event *ret_event)
{
    llhttp_errno_t result;

    parser->piece = span_of(NULL, 0);
    result = llhttp_execute(&parser->llhttp, bytes, length);

    if (result == HPE_OK) {
        *ret_event = HTTP1_MORE;
        return length;
    }
    if (result != HPE_PAUSED) {
        refuse(parser, 400, llhttp_get_error_reason(&parser->llhttp));
        *ret_event = HTTP1_ERROR;
        return 0;
    }
    const char *stop = llhttp_get_error_pos(&parser->llhttp);
    assert(stop >= bytes && stop <= bytes + length);
    llhttp_resume(&parser->llhttp);
    if (parser->is_complete)
        *ret_event = HTTP1_DONE;
    else if (parser->piece.length > 0)
        *ret_event = HTTP1_BODY;
    else
        *ret_event = parser->is_in_trailers ? HTTP1_MORE : HTTP1_HEAD;
    return (size_t)(stop - bytes);
}

/* An empty line or two before a request is passed over. Source: RFC 9112 section 2.2. */
static size_t empty_lines(const char *bytes, size_t length)
{
    size_t at = 0;

    while (length - at >= 2 && bytes[at] == '\r' && bytes[at + 1] == '\n')
        at += 2;
    return at;
}

/* Gives the head to llhttp. Returns how much of it was taken. */
static size_t execute_head(struct http1_parser *parser, const char *bytes, size_t length,
                           enum http1_event *ret_event)
{
    static const char substitute[] = "POST ";
    struct request *request = parser->request;

    request->method_name = span_of(bytes, parser->method_length);
    request->method = http1_method(request->method_name);
    if (request->method != REQUEST_OTHER)
        return execute(parser, bytes, length, ret_event);
    size_t skipped = request->method_name.length + 1;
    (void)execute(parser, substitute, sizeof(substitute) - 1, ret_event);
    assert(*ret_event == HTTP1_MORE);
    return skipped + execute(parser, bytes + skipped, length - skipped, ret_event);
}

static enum http1_event parse_head(struct http1_parser *parser, const char *bytes, size_t length,
                                   size_t *ret_consumed)
{
    size_t empty = parser->scanned == 0 ? empty_lines(bytes, length) : 0;
    enum http1_event event = HTTP1_ERROR;

    *ret_consumed = empty;
    bytes += empty;
    length -= empty;
    if (length == 0 || (length == 1 && bytes[0] == '\r'))
        return HTTP1_MORE;
    size_t head = find_head_end(parser, bytes, length);
    if (parser->error_status != 0)
        return HTTP1_ERROR;
    if (head == 0)
        return HTTP1_MORE;
    size_t taken = execute_head(parser, bytes, head, &event);
    if (event == HTTP1_MORE) { /* llhttp saw no end where the empty line is */
        refuse(parser, 400, "The request's head has no clear end.");
        return HTTP1_ERROR;
    }
    parser->is_in_body = event == HTTP1_HEAD;
    *ret_consumed += taken;
    return event;
}

static enum http1_event parse_body(struct http1_parser *parser, const char *bytes, size_t length,
                                   size_t *ret_consumed)
{
    enum http1_event event = HTTP1_MORE;
    size_t taken = 0;

    if (!parser->is_in_trailers)
        taken = execute(parser, bytes, length, &event);
    if (event == HTTP1_MORE && taken < length) {
        size_t trailers = check_trailers(parser, bytes + taken, length - taken);
        if (parser->error_status != 0)
            return HTTP1_ERROR;
        taken += execute(parser, bytes + taken, trailers, &event);
    }
    *ret_consumed = taken;
    return event;
}

enum http1_event http1_parse(struct http1_parser *parser, const char *bytes, size_t length,
                             size_t *ret_consumed)
{
    assert(parser->error_status == 0);
    *ret_consumed = 0;
    if (!parser->is_in_body)
        return parse_head(parser, bytes, length, ret_consumed);
    return parse_body(parser, bytes, length, ret_consumed);
}
