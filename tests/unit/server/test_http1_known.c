/* SPDX-License-Identifier: MIT */
/*
 * test_http1_known.c - what is taken as known means what the parser would have made of it.
 *
 * The parser is the measure: whatever http1_known_read() takes, it takes as well, as the same
 * request. Heads are changed in each of their bytes to look for one where they differ.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http1_known.h"
#include "http1_parser.h"

#define FIELDS 8

static const struct server_limits limits = {
    .target_bytes = 64,
    .header_bytes = 512,
    .header_fields = FIELDS,
    .body_bytes = 100,
};

struct read {
    struct request request;
    struct field fields[FIELDS];
    size_t consumed; /* 0: not taken */
    bool keeps_alive;
};

static void parse(struct read *read, const char *bytes, size_t length)
{
    struct http1_parser parser;

    memset(read, 0, sizeof *read);
    http1_parser_begin(&parser, &limits, &read->request, read->fields);
    if (http1_parse(&parser, bytes, length, &read->consumed) != HTTP1_DONE)
        read->consumed = 0;
    read->keeps_alive = parser.keeps_alive;
}

static void read_known(struct http1_known *known, unsigned *hint, struct read *read,
                       const char *bytes, size_t length)
{
    memset(read, 0, sizeof *read);
    read->consumed = http1_known_read(known, hint, span_of(bytes, length), &limits, &read->request,
                                      read->fields, &read->keeps_alive);
}

/* Has the parser read it so often that its fields are known. */
static void learn(struct http1_known *known, const char *bytes, size_t length)
{
    for (int times = 0; times < 2; times++) {
        struct read read;
        parse(&read, bytes, length);
        if (read.consumed > 0)
            http1_known_learn(known, bytes + read.consumed, &read.request, read.keeps_alive);
    }
}

static void assert_same_span(struct span left, struct span right)
{
    assert_int_equal(left.length, right.length);
    if (left.length > 0)
        assert_ptr_equal(left.bytes, right.bytes);
    assert_int_equal(left.bytes == NULL, right.bytes == NULL);
}

static void assert_same(const struct read *left, const struct read *right)
{
    const struct request *a = &left->request, *b = &right->request;

    assert_int_equal(left->consumed, right->consumed);
    assert_int_equal(left->keeps_alive, right->keeps_alive);
    assert_int_equal(a->method, b->method);
    assert_same_span(a->method_name, b->method_name);
    assert_int_equal(a->is_head, b->is_head);
    assert_int_equal(a->http_version, b->http_version);
    assert_int_equal(a->form, b->form);
    assert_same_span(a->target, b->target);
    assert_same_span(a->scheme, b->scheme);
    assert_same_span(a->authority, b->authority);
    assert_same_span(a->path, b->path);
    assert_same_span(a->query, b->query);
    assert_int_equal(a->body_length, b->body_length);
    assert_int_equal(a->body_bytes, b->body_bytes);
    assert_int_equal(a->about, b->about);
    assert_int_equal(a->field_count, b->field_count);
    for (size_t i = 0; i < a->field_count; i++) {
        assert_same_span(a->fields[i].name, b->fields[i].name);
        assert_same_span(a->fields[i].value, b->fields[i].value);
    }
}

static const char *const usual[] = {
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD /path/of/more/than/eight?query=%20&x=y HTTP/1.1\r\nHost: a.example:8080\r\n\r\n",
    "GET /?? HTTP/1.1\r\nAccept: */*\r\nhost:\r\nX: \t of  spaces \r\n\r\n",
    "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "GET /x HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\nIf-None-Match: \"e\"\r\nVia: 1.1 b\r\n\r\n",
    "GET /x HTTP/1.1\r\nHost: a\r\nCache-Control: no-cache\r\nCDN-Loop: c\r\n\r\n",
};

static void test_known_fields_mean_what_the_parser_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        struct http1_known *known;
        unsigned hint = 0;
        struct read parsed, read;
        size_t length = strlen(usual[i]);

        assert_int_equal(http1_known_new(&known), 0);
        read_known(known, &hint, &read, usual[i], length);
        assert_int_equal(read.consumed, 0); /* nothing is known yet */
        learn(known, usual[i], length);
        parse(&parsed, usual[i], length);
        assert_int_equal(parsed.consumed, length);
        for (int times = 0; times < 2; times++) { /* found by their hash, then by the hint */
            read_known(known, &hint, &read, usual[i], length);
            assert_same(&read, &parsed);
        }
        http1_known_free(known);
    }
}

/* What was seen once is not kept, since most of what comes once does not come again. */
static void test_fields_are_known_from_the_second_time(void **state)
{
    struct http1_known *known;
    unsigned hint = 0;
    struct read read;
    size_t length = strlen(usual[0]);

    (void)state;
    assert_int_equal(http1_known_new(&known), 0);
    parse(&read, usual[0], length);
    http1_known_learn(known, usual[0] + length, &read.request, read.keeps_alive);
    read_known(known, &hint, &read, usual[0], length);
    assert_int_equal(read.consumed, 0);
    http1_known_free(known);
}

/* Only the first line is new: another target, another method, and a request behind it. */
static void test_another_target_with_known_fields_is_taken(void **state)
{
    static const char other[] = "HEAD /another/path?with=query HTTP/1.1\r\nHost: a\r\n\r\n"
                                "GET / HTTP/1.1\r\n";
    struct http1_known *known;
    unsigned hint = 0;
    struct read parsed, read;

    (void)state;
    assert_int_equal(http1_known_new(&known), 0);
    learn(known, usual[0], strlen(usual[0]));
    parse(&parsed, other, sizeof other - 1);
    read_known(known, &hint, &read, other, sizeof other - 1);
    assert_true(read.consumed > 0);
    assert_same(&read, &parsed);
    http1_known_free(known);
}

/* Not one byte more is looked at than has come, wherever that ends. */
static void test_what_is_not_whole_is_left_to_the_parser(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        struct http1_known *known;
        size_t length = strlen(usual[i]);

        assert_int_equal(http1_known_new(&known), 0);
        learn(known, usual[i], length);
        for (size_t there = 0; there < length; there++) {
            char *bytes = malloc(there + 1); /* of exact size but one, so that more is found */
            struct read read;
            unsigned hint = 0;
            assert_non_null(bytes);
            memcpy(bytes + 1, usual[i], there);
            read_known(known, &hint, &read, bytes + 1, there);
            assert_int_equal(read.consumed, 0);
            free(bytes);
        }
        http1_known_free(known);
    }
}

/* Each byte of a known head becomes every other one. */
static void test_whatever_is_taken_the_parser_takes_alike(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        struct http1_known *known;
        size_t length = strlen(usual[i]);
        char *bytes = strdup(usual[i]);
        unsigned taken = 0;

        assert_non_null(bytes);
        assert_int_equal(http1_known_new(&known), 0);
        for (size_t j = 0; j < sizeof usual / sizeof *usual; j++)
            learn(known, usual[j], strlen(usual[j]));
        for (size_t at = 0; at < length; at++) {
            for (int byte = 0; byte < 256; byte++) {
                struct read parsed, read;
                unsigned hint = 0;
                bytes[at] = (char)byte;
                read_known(known, &hint, &read, bytes, length);
                if (read.consumed == 0)
                    continue;
                parse(&parsed, bytes, length);
                assert_same(&read, &parsed);
                taken++;
            }
            bytes[at] = usual[i][at];
        }
        assert_true(taken > 0);
        free(bytes);
        http1_known_free(known);
    }
}

static void test_unusual_requests_are_never_known(void **state)
{
    static const char *const unusual[] = {
        "POST / HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nauthorization: Bearer x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic x\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof unusual / sizeof *unusual; i++) {
        struct http1_known *known;
        struct read read;
        unsigned hint = 0;

        assert_int_equal(http1_known_new(&known), 0);
        learn(known, unusual[i], strlen(unusual[i]));
        read_known(known, &hint, &read, unusual[i], strlen(unusual[i]));
        assert_int_equal(read.consumed, 0);
        http1_known_free(known);
    }
}

/* Fields behind empty lines begin where the first of them does, not at the request line. */
static void test_empty_lines_before_do_not_make_a_line_a_field(void **state)
{
    static const char before[] = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    static const char twice[] = "GET / HTTP/1.1\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct http1_known *known;
    struct read read;
    unsigned hint = 0;

    (void)state;
    assert_int_equal(http1_known_new(&known), 0);
    learn(known, before, sizeof before - 1);
    read_known(known, &hint, &read, twice, sizeof twice - 1);
    assert_int_equal(read.consumed, 0);
    read_known(known, &hint, &read, before + 2, sizeof before - 3);
    assert_int_equal(read.consumed, sizeof before - 3);
    http1_known_free(known);
}

static void test_limits_hold_for_known_fields(void **state)
{
    static const char rest[] = " HTTP/1.1\r\nHost: a\r\n\r\n";
    struct http1_known *known;

    (void)state;
    assert_int_equal(http1_known_new(&known), 0);
    learn(known, usual[0], strlen(usual[0]));
    for (size_t target = 60; target < 70; target++) {
        char bytes[256] = "GET /";
        unsigned hint = 0;
        struct read parsed, read;
        memset(bytes + 5, 'x', target - 1);
        memcpy(bytes + 4 + target, rest, sizeof rest);
        parse(&parsed, bytes, strlen(bytes));
        read_known(known, &hint, &read, bytes, strlen(bytes));
        assert_int_equal(read.consumed > 0, target <= limits.target_bytes);
        assert_int_equal(read.consumed, parsed.consumed);
    }
    http1_known_free(known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_fields_mean_what_the_parser_read),
        cmocka_unit_test(test_fields_are_known_from_the_second_time),
        cmocka_unit_test(test_another_target_with_known_fields_is_taken),
        cmocka_unit_test(test_what_is_not_whole_is_left_to_the_parser),
        cmocka_unit_test(test_whatever_is_taken_the_parser_takes_alike),
        cmocka_unit_test(test_unusual_requests_are_never_known),
        cmocka_unit_test(test_empty_lines_before_do_not_make_a_line_a_field),
        cmocka_unit_test(test_limits_hold_for_known_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
