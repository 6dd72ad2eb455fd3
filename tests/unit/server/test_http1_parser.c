/* SPDX-License-Identifier: MIT */
/*
 * test_http1_parser.c - what is a request, what is refused and with which status.
 *
 * Each row of the tables is parsed three ways: whole, byte by byte, and cut in two at every place,
 * because where a read ends must not change what a message means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http1_parser.h"

#define FIELDS 8

static const struct server_limits limits = {
    .target_bytes = 64,
    .header_bytes = 512,
    .header_fields = FIELDS,
    .body_bytes = 100,
};

struct parsed {
    struct http1_parser parser;
    struct request request;
    struct field fields[FIELDS];
    enum http1_event event;
    char *bytes;     /* a copy of exact size, so that reading beyond it is found */
    size_t consumed; /* of the bytes, over all calls */
    size_t body_bytes;
    char body[100]; /* all pieces */
};

static void note_piece(struct parsed *parsed)
{
    struct span piece = parsed->parser.piece;

    assert_true(piece.length > 0);
    assert_true(piece.bytes >= parsed->bytes);
    assert_true(piece.bytes + piece.length <= parsed->bytes + parsed->consumed);
    assert_true(parsed->body_bytes + piece.length <= sizeof(parsed->body));
    memcpy(parsed->body + parsed->body_bytes, piece.bytes, piece.length);
    parsed->body_bytes += piece.length;
    assert_int_equal(parsed->body_bytes, parsed->request.body_bytes);
}

/* Feeds `length` bytes in pieces that end at `cut` and at the end, or each alone when cut is 0. */
static void parse(struct parsed *parsed, const char *text, size_t length, size_t cut)
{
    size_t there = 0;

    memset(parsed, 0, sizeof(*parsed));
    parsed->bytes = malloc(length + 1);
    assert_non_null(parsed->bytes);
    http1_parser_begin(&parsed->parser, &limits, &parsed->request, parsed->fields);
    parsed->event = HTTP1_MORE;
    while (there < length && parsed->event != HTTP1_DONE && parsed->event != HTTP1_ERROR) {
        size_t next = cut == 0 ? there + 1 : there < cut ? cut : length;
        memcpy(parsed->bytes + there, text + there, next - there);
        there = next;
        do {
            size_t consumed;
            parsed->event = http1_parse(&parsed->parser, parsed->bytes + parsed->consumed,
                                        there - parsed->consumed, &consumed);
            parsed->consumed += consumed;
            if (parsed->event == HTTP1_HEAD &&
                !http1_parser_limit_body(&parsed->parser, limits.body_bytes))
                parsed->event = HTTP1_ERROR;
            if (parsed->event == HTTP1_BODY)
                note_piece(parsed);
        } while (parsed->event == HTTP1_HEAD || parsed->event == HTTP1_BODY);
    }
}

static void parsed_fini(struct parsed *parsed)
{
    free(parsed->bytes);
}

/* 0 for a request that is taken, -1 for one that is not complete. */
static int outcome(const struct parsed *parsed)
{
    if (parsed->event == HTTP1_ERROR) {
        assert_non_null(parsed->parser.error_detail);
        return parsed->parser.error_status;
    }
    return parsed->event == HTTP1_DONE ? 0 : -1;
}

static void expect(const char *text, size_t length, int status)
{
    struct parsed parsed;

    for (size_t cut = 0; cut <= length; cut++) {
        parse(&parsed, text, length, cut);
        int got = outcome(&parsed);
        if (got != status)
            print_error("cut at %zu, expected %d, got %d (%s): %s\n", cut, status, got,
                        parsed.parser.error_detail, text);
        assert_int_equal(got, status);
        parsed_fini(&parsed);
    }
}

struct row {
    int status;
    const char *text;
};

#define ROW(status, text)                                                                          \
    {                                                                                              \
        status, text                                                                               \
    }
#define HOST "Host: a\r\n"

static const struct row request_lines[] = {
    ROW(0, "GET / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(0, "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(0, "GET /a?b=c&d=%20 HTTP/1.1\r\n" HOST "\r\n"),
    ROW(0, "GET http://h:80/a HTTP/1.1\r\n" HOST "\r\n"),
    ROW(0, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
    ROW(0, "CONNECT h:443 HTTP/1.1\r\n" HOST "\r\n"),
    ROW(0, "GET / HTTP/1.0\r\n\r\n"),
    ROW(400, "GET /\r\n"),
    ROW(400, "GET\r\n"),
    ROW(400, "GET \r\n"),
    ROW(400, " GET / HTTP/1.1\r\n"),
    ROW(400, "GET  / HTTP/1.1\r\n"),
    ROW(400, "GET /  HTTP/1.1\r\n"),
    ROW(400, "GET / HTTP/1.1 \r\n"),
    ROW(400, "GET / a HTTP/1.1\r\n"),
    ROW(400, "GET / http/1.1\r\n"),
    ROW(400, "GET / HTTP/1.10\r\n"),
    ROW(400, "GET / HTTP/1\r\n"),
    ROW(400, "GET / HTP/1.1\r\n"),
    ROW(400, "GET\t/\tHTTP/1.1\r\n"),
    ROW(400, "GET / HTTP/1.1\n" HOST "\n"),
    ROW(400, "GET / HTTP/1.1\r" HOST "\r\n"),
    ROW(400, "G\x01T / HTTP/1.1\r\n"),
    ROW(400, "\x16\x03\x01\x02"),
    ROW(400, "GET /\x80 HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET /a#b HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET a HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET * HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET ftp://h/ HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET http:///a HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET http://u@h/a HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "CONNECT / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(414, "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
             "aaaaaaaaaaaaaaaaaaaaaa"),
    ROW(414, "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\n"),
    ROW(0, "BREW / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(0, "get / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(0, "M-SEARCH http://h/ HTTP/1.1\r\n" HOST "\r\n"),
    ROW(0, "SOURCE / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(0, "!#$%&'*+-.^_`|~09 / HTTP/1.0\r\n\r\n"),
    ROW(400, "FOO * HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "FOO a HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "F(O / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(0, "CONNECT [::1]:443 HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "CONNECT [::1] HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "CONNECT h HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "CONNECT h: HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "CONNECT h:00 HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "CONNECT :443 HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "CONNECT 443 HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "CONNECT http://h:443 HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "CONNECT h:443 HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\na"),
    ROW(501, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    ROW(505, "GET / HTTP/2.0\r\n"),
    ROW(505, "GET / HTTP/0.9\r\n"),
    ROW(505, "GET / HTTP/1.2\r\n"),
    ROW(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ROW(-1, "GET / HTTP/1.1\r\n" HOST),
};

#define LINE "GET / HTTP/1.1\r\n"

static const struct row field_lines[] = {
    ROW(0, LINE "Host: a.example:8080\r\n\r\n"),
    ROW(0, LINE "Host: [::1]:8080\r\n\r\n"),
    ROW(0, LINE "Host:\r\n\r\n"),
    ROW(0, LINE HOST "Empty:\r\nPadded: \t x \t\r\n\r\n"),
    ROW(0, LINE HOST "Expect: 100-Continue\r\n\r\n"),
    ROW(0, "GET / HTTP/1.0\r\nExpect: wonders\r\n\r\n"),
    ROW(400, LINE "\r\n"),
    ROW(400, LINE HOST "Host: a\r\n\r\n"),
    ROW(400, LINE HOST "host: b\r\n\r\n"),
    ROW(400, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
    ROW(400, LINE "Host: a b\r\n\r\n"),
    ROW(400, LINE "Host: a/b\r\n\r\n"),
    ROW(400, LINE "Host: u@a\r\n\r\n"),
    ROW(400, LINE "Host: a, b\r\n\r\n"),
    ROW(400, LINE "Host: a:b\r\n\r\n"),
    ROW(400, LINE "Host: a:65536\r\n\r\n"),
    ROW(400, LINE "Host: [::1\r\n\r\n"),
    ROW(400, LINE "Host: [::1]x\r\n\r\n"),
    ROW(400, LINE HOST "No colon\r\n\r\n"),
    ROW(400, LINE HOST ": nameless\r\n\r\n"),
    ROW(400, LINE HOST "Space : x\r\n\r\n"),
    ROW(400, LINE HOST "Sp ace: x\r\n\r\n"),
    ROW(400, LINE " Host: a\r\n\r\n"),
    ROW(400, LINE HOST "Folded: a\r\n b\r\n\r\n"),
    ROW(400, LINE HOST "Folded:\r\n\tb\r\n\r\n"),
    ROW(400, LINE HOST "Bare: a\rX: b\r\n\r\n"),
    ROW(400, LINE HOST "Bare: a\nX: b\r\n\r\n"),
    ROW(400, LINE "Host: a\n\r\n"),
    ROW(400, LINE HOST "Bell: \x07\r\n\r\n"),
    ROW(400, LINE HOST "Delete: \x7f\r\n\r\n"),
    ROW(400, LINE HOST "N\x80me: a\r\n\r\n"),
    ROW(417, LINE HOST "Expect: wonders\r\n\r\n"),
    ROW(417, LINE HOST "Expect: 100-continue, wonders\r\n\r\n"),
    ROW(431, LINE HOST "1: a\r\n2: b\r\n3: c\r\n4: d\r\n5: e\r\n6: f\r\n7: g\r\n8: h\r\n\r\n"),
};

#define POST    "POST / HTTP/1.1\r\n" HOST
#define CHUNKED "Transfer-Encoding: chunked\r\n"

static const struct row framings[] = {
    ROW(0, POST "Content-Length: 3\r\n\r\nabc"),
    ROW(0, POST "Content-Length: 0\r\n\r\n"),
    ROW(0, "FOO / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"),
    ROW(0, "QUERY / HTTP/1.1\r\n" HOST CHUNKED "\r\n3\r\nabc\r\n0\r\n\r\n"),
    ROW(400, "FOO / HTTP/1.1\r\n" HOST CHUNKED "Content-Length: 3\r\n\r\n0\r\n\r\n"),
    ROW(0, POST CHUNKED "\r\n3\r\nabc\r\n0\r\n\r\n"),
    ROW(0, POST "Transfer-Encoding: Chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n"),
    ROW(0, POST CHUNKED "\r\n3;x=y\r\nabc\r\n1;z=\"q\"\r\nd\r\n0\r\nTrailer: t\r\n\r\n"),
    ROW(-1, POST "Content-Length: 3\r\n\r\nab"),
    ROW(-1, POST CHUNKED "\r\n3\r\nabc\r\n0\r\n"),
    ROW(400, POST "Content-Length: 3\r\n" CHUNKED "\r\n0\r\n\r\n"),
    ROW(400, POST CHUNKED "Content-Length: 3\r\n\r\n0\r\n\r\n"),
    ROW(400, POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    ROW(400, POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
    ROW(400, POST "Content-Length: 3, 3\r\n\r\nabc"),
    ROW(400, POST "Content-Length: +3\r\n\r\nabc"),
    ROW(400, POST "Content-Length: -3\r\n\r\nabc"),
    ROW(400, POST "Content-Length: 0x3\r\n\r\nabc"),
    ROW(400, POST "Content-Length: 3 3\r\n\r\nabc"),
    ROW(400, POST "Content-Length:\r\n\r\nabc"),
    ROW(400, POST "Content-Length: 99999999999999999999\r\n\r\nabc"),
    ROW(400, POST CHUNKED CHUNKED "\r\n0\r\n\r\n"),
    ROW(400, POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    ROW(400, POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    ROW(400, "POST / HTTP/1.0\r\n" CHUNKED "\r\n0\r\n\r\n"),
    ROW(400, POST "Transfer-Encoding:\r\n\r\n"),
    ROW(400, POST CHUNKED "\r\nx\r\nabc\r\n0\r\n\r\n"),
    ROW(400, POST CHUNKED "\r\n-3\r\nabc\r\n0\r\n\r\n"),
    ROW(400, POST CHUNKED "\r\n0x3\r\nabc\r\n0\r\n\r\n"),
    ROW(400, POST CHUNKED "\r\n3\r\nabcd\r\n0\r\n\r\n"),
    ROW(400, POST CHUNKED "\r\n3\nabc\r\n0\r\n\r\n"),
    ROW(400, POST CHUNKED "\r\n3 \r\nabc\r\n0\r\n\r\n"),
    ROW(400, POST CHUNKED "\r\n3\r\nabc\n0\r\n\r\n"),
    ROW(0, POST CHUNKED "\r\n0\r\nA: b\r\nC: d e\r\nF:\r\n\r\n"),
    ROW(-1, POST CHUNKED "\r\n0\r\nA: b\r\n\r"),
    ROW(400, POST CHUNKED "\r\n3\r\nabc\r\n0\r\nTrailer : t\r\n\r\n"),
    ROW(400, POST CHUNKED "\r\n0\r\nA: b\r\n\n"),
    ROW(400, POST CHUNKED "\r\n0\r\nA: b\nC: d\r\n\r\n"),
    ROW(400, POST CHUNKED "\r\n0\r\nA: b\rC: d\r\n\r\n"),
    ROW(400, POST CHUNKED "\r\n0\r\nA: b\r\n\rC: d\r\n\r\n"),
    ROW(400, POST CHUNKED "\r\n0\r\nA: b\r\n c\r\n\r\n"),
    ROW(400, POST CHUNKED "\r\n0\r\nA: b\r\n: c\r\n\r\n"),
    ROW(400, POST CHUNKED "\r\n0\r\n\n"),
    ROW(400, POST CHUNKED "\r\n0\r\n\rA"),
    ROW(400, POST CHUNKED "\r\nfffffffffffffffff\r\n"),
    ROW(413, POST "Content-Length: 101\r\n\r\n"),
    ROW(413, POST CHUNKED "\r\n65\r\n"
                          "0123456789012345678901234567890123456789012345678901234567890123456789"
                          "0123456789012345678901234567890"),
    ROW(501, POST "Transfer-Encoding: gzip\r\n\r\n"),
    ROW(501, POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
};

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(rows[i].text, strlen(rows[i].text), rows[i].status);
}

static void test_request_lines(void **state)
{
    (void)state;
    expect_rows(request_lines, sizeof(request_lines) / sizeof(request_lines[0]));
}

static void test_field_lines(void **state)
{
    (void)state;
    expect_rows(field_lines, sizeof(field_lines) / sizeof(field_lines[0]));
}

static void test_framings(void **state)
{
    (void)state;
    expect_rows(framings, sizeof(framings) / sizeof(framings[0]));
}

static void test_zero_bytes_are_refused_everywhere(void **state)
{
    static const char in_method[] = "G\0T / HTTP/1.1\r\n" HOST "\r\n";
    static const char in_target[] = "GET /\0 HTTP/1.1\r\n" HOST "\r\n";
    static const char in_name[] = LINE HOST "A\0: b\r\n\r\n";
    static const char in_value[] = LINE HOST "A: \0\r\n\r\n";
    static const char in_host[] = LINE "Host: a\0b\r\n\r\n";

    (void)state;
    expect(in_method, sizeof(in_method) - 1, 400);
    expect(in_target, sizeof(in_target) - 1, 400);
    expect(in_name, sizeof(in_name) - 1, 400);
    expect(in_value, sizeof(in_value) - 1, 400);
    expect(in_host, sizeof(in_host) - 1, 400);
}

static void test_head_may_be_as_long_as_the_limit_and_not_longer(void **state)
{
    char text[1024];

    (void)state;
    for (size_t over = 0; over <= 1; over++) {
        size_t pad = limits.header_bytes - strlen(LINE HOST "A: \r\n\r\n") + over;
        int length = snprintf(text, sizeof(text), LINE HOST "A: %0*d\r\n\r\n", (int)pad, 0);
        assert_int_equal((size_t)length, limits.header_bytes + over);
        expect(text, (size_t)length, over == 0 ? 0 : 431);
    }
}

static void test_long_chunk_extensions_and_trailers_are_refused(void **state)
{
    static const char extension_head[] = POST CHUNKED "\r\n3;";
    static const char trailer_head[] = POST CHUNKED "\r\n0\r\nT: ";
    size_t pad = HTTP1_CHUNK_EXTRA_BYTES_MAX + 10;
    struct parsed parsed;
    char *text = malloc(pad + 200);

    (void)state;
    assert_non_null(text);
    for (int i = 0; i < 2; i++) {
        const char *head = i == 0 ? extension_head : trailer_head;
        memcpy(text, head, strlen(head));
        memset(text + strlen(head), 'x', pad);
        parse(&parsed, text, strlen(head) + pad, 0);
        assert_int_equal(outcome(&parsed), 431);
        parsed_fini(&parsed);
    }
    free(text);
}

static void assert_span(struct span span, const char *text)
{
    assert_true(span_equals(span, span_of_string(text)));
}

static void test_request_tells_its_parts(void **state)
{
    static const char text[] =
        "HEAD /a/b?c=d?e HTTP/1.1\r\nHost: h:1\r\nX: 1\r\ny: 2\r\nx:3\r\n\r\n";
    struct parsed parsed;

    (void)state;
    parse(&parsed, text, strlen(text), strlen(text));
    const struct request *request = &parsed.request;
    assert_int_equal(parsed.event, HTTP1_DONE);
    assert_int_equal(parsed.consumed, strlen(text));
    assert_int_equal(request->method, REQUEST_HEAD);
    assert_true(request->is_head);
    assert_int_equal(request->http_version, 11);
    assert_span(request->target, "/a/b?c=d?e");
    assert_span(request->path, "/a/b");
    assert_span(request->query, "c=d?e");
    assert_span(request->authority, "h:1");
    const struct span *first = request_field(request, "X");
    assert_span(*first, "1");
    assert_span(*request_field_next(request, "X", first), "3");
    assert_null(request_field(request, "Z"));
    assert_true(parsed.parser.keeps_alive);
    parsed_fini(&parsed);
}

/* What llhttp does not know is known by its text, and its body is framed as any. */
static void test_any_method_is_told_with_its_text(void **state)
{
    static const struct {
        enum request_method method;
        const char *name;
    } rows[] = {
        {REQUEST_GET, "GET"},     {REQUEST_HEAD, "HEAD"},      {REQUEST_POST, "POST"},
        {REQUEST_PUT, "PUT"},     {REQUEST_DELETE, "DELETE"},  {REQUEST_OPTIONS, "OPTIONS"},
        {REQUEST_TRACE, "TRACE"}, {REQUEST_PATCH, "PATCH"},    {REQUEST_OTHER, "get"},
        {REQUEST_OTHER, "PURGE"}, {REQUEST_OTHER, "M-SEARCH"}, {REQUEST_OTHER, "SOURCE"},
        {REQUEST_OTHER, "GETT"},  {REQUEST_OTHER, "PRI"},      {REQUEST_OTHER, "X"},
    };
    char text[200];
    struct parsed parsed;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int length =
            snprintf(text, sizeof(text),
                     "%s /a?b HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabcGET", rows[i].name);
        for (size_t cut = 0; cut <= (size_t)length; cut++) {
            parse(&parsed, text, (size_t)length, cut);
            assert_int_equal(parsed.event, HTTP1_DONE);
            assert_int_equal(parsed.consumed, length - 3);
            assert_int_equal(parsed.request.method, rows[i].method);
            assert_span(parsed.request.method_name, rows[i].name);
            assert_span(parsed.request.target, "/a?b");
            assert_int_equal(parsed.request.body_length, 3);
            assert_int_equal(parsed.body_bytes, 3);
            assert_memory_equal(parsed.body, "abc", 3);
            parsed_fini(&parsed);
        }
    }
}

static void test_forms_of_targets_are_told_apart(void **state)
{
    static const struct {
        enum request_form form;
        const char *text, *scheme, *authority, *path;
    } rows[] = {
        {REQUEST_ORIGIN_FORM, "GET /a HTTP/1.1\r\n", "", "a", "/a"},
        {REQUEST_ORIGIN_FORM, "GET /http://h/ HTTP/1.1\r\n", "", "a", "/http://h/"},
        {REQUEST_ABSOLUTE_FORM, "GET Https://h:1/a HTTP/1.1\r\n", "Https", "h:1", "/a"},
        {REQUEST_ABSOLUTE_FORM, "FOO http://h HTTP/1.1\r\n", "http", "h", "/"},
        {REQUEST_ABSOLUTE_FORM, "OPTIONS http://h HTTP/1.1\r\n", "http", "h", "*"},
        {REQUEST_ABSOLUTE_FORM, "OPTIONS http://h? HTTP/1.1\r\n", "http", "h", "/"},
        {REQUEST_AUTHORITY_FORM, "CONNECT h:443 HTTP/1.1\r\n", "", "h:443", ""},
        {REQUEST_ASTERISK_FORM, "OPTIONS * HTTP/1.1\r\n", "", "a", "*"},
    };
    char text[200];
    struct parsed parsed;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int length = snprintf(text, sizeof(text), "%s" HOST "\r\n", rows[i].text);
        parse(&parsed, text, (size_t)length, (size_t)length);
        assert_int_equal(parsed.event, HTTP1_DONE);
        assert_int_equal(parsed.request.form, rows[i].form);
        assert_span(parsed.request.scheme, rows[i].scheme);
        assert_span(parsed.request.authority, rows[i].authority);
        assert_span(parsed.request.path, rows[i].path);
        parsed_fini(&parsed);
    }
}

static void test_absolute_target_wins_over_host(void **state)
{
    static const char text[] = "GET HTTP://h:81?q HTTP/1.1\r\nHost: other\r\n\r\n";
    struct parsed parsed;

    (void)state;
    parse(&parsed, text, strlen(text), strlen(text));
    assert_int_equal(parsed.event, HTTP1_DONE);
    assert_span(parsed.request.authority, "h:81");
    assert_span(parsed.request.path, "/");
    assert_span(parsed.request.query, "q");
    parsed_fini(&parsed);
}

static void test_body_is_shown_without_its_framing_and_what_follows_is_left(void **state)
{
    static const char message[] = POST CHUNKED "\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    static const char both[] = POST CHUNKED "\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\nGET ";
    struct parsed parsed;

    (void)state;
    for (size_t cut = 0; cut <= strlen(message); cut++) {
        parse(&parsed, both, strlen(both), cut);
        assert_int_equal(parsed.event, HTTP1_DONE);
        assert_int_equal(parsed.request.body_bytes, 7);
        assert_int_equal(parsed.request.body_length, REQUEST_LENGTH_UNKNOWN);
        assert_int_equal(parsed.body_bytes, 7);
        assert_memory_equal(parsed.body, "abcdefg", 7);
        assert_int_equal(parsed.consumed, strlen(message));
        parsed_fini(&parsed);
    }
}

static void test_keep_alive_follows_version_and_connection(void **state)
{
    static const struct {
        bool keeps;
        const char *text;
    } rows[] = {
        {true, LINE HOST "\r\n"},
        {false, LINE HOST "Connection: close\r\n\r\n"},
        {false, LINE HOST "Connection: x, Close\r\n\r\n"},
        {false, "GET / HTTP/1.0\r\n\r\n"},
        {true, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"},
        {true, LINE HOST "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n"},
        {false, "CONNECT h:443 HTTP/1.1\r\n" HOST "\r\n"},
    };
    struct parsed parsed;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        parse(&parsed, rows[i].text, strlen(rows[i].text), strlen(rows[i].text));
        assert_int_equal(parsed.event, HTTP1_DONE);
        assert_int_equal(parsed.parser.keeps_alive, rows[i].keeps);
        parsed_fini(&parsed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_lines),
        cmocka_unit_test(test_field_lines),
        cmocka_unit_test(test_framings),
        cmocka_unit_test(test_zero_bytes_are_refused_everywhere),
        cmocka_unit_test(test_head_may_be_as_long_as_the_limit_and_not_longer),
        cmocka_unit_test(test_long_chunk_extensions_and_trailers_are_refused),
        cmocka_unit_test(test_request_tells_its_parts),
        cmocka_unit_test(test_any_method_is_told_with_its_text),
        cmocka_unit_test(test_forms_of_targets_are_told_apart),
        cmocka_unit_test(test_absolute_target_wins_over_host),
        cmocka_unit_test(test_body_is_shown_without_its_framing_and_what_follows_is_left),
        cmocka_unit_test(test_keep_alive_follows_version_and_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
