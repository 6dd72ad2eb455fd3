/* SPDX-License-Identifier: MIT */
/*
 * test_output.c - what is added is sent in order, however little is taken at a time, and what was
 * referred to is released once, in order, and not before it is sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http1_reply.h"

static const struct reply_memory memory_none = {.release = NULL, .context = NULL};

/* The order of releases, as text. */
static char released[64];

static void on_release(void *context)
{
    strncat(released, context, sizeof(released) - strlen(released) - 1);
}

static struct reply_memory memory(const char *name)
{
    return (struct reply_memory){.release = on_release, .context = (void *)name};
}

/* Takes everything out in pieces of `step` bytes; returns it as text. */
static char *drain(struct output *output, size_t step)
{
    struct iovec spans[OUTPUT_ENTRIES];
    char *text = calloc(1, output->unsent_bytes + 1);
    size_t length = 0;

    assert_non_null(text);
    while (!output_is_empty(output)) {
        size_t count = output_gather(output, SIZE_MAX, spans);
        size_t left = step;
        size_t taken = 0;
        for (size_t i = 0; i < count && left > 0; i++) {
            size_t part = spans[i].iov_len < left ? spans[i].iov_len : left;
            memcpy(text + length + taken, spans[i].iov_base, part);
            taken += part;
            left -= part;
        }
        length += taken;
        output_sent(output, taken);
    }
    return text;
}

static void expect(struct output *output, size_t step, const char *text)
{
    char *got = drain(output, step);

    assert_string_equal(got, text);
    free(got);
}

static void test_order_is_kept_at_every_step(void **state)
{
    struct output output;

    (void)state;
    for (size_t step = 1; step <= 20; step++) {
        released[0] = '\0';
        output_init(&output);
        assert_int_equal(output_copy(&output, "ab", 2), 0);
        output_refer(&output, "cdef", 4, memory("1"));
        assert_int_equal(output_copy(&output, "g", 1), 0);
        assert_int_equal(output_copy(&output, "h", 1), 0);
        output_refer(&output, "", 0, memory("2"));
        output_refer(&output, "ijk", 3, memory("3"));
        assert_int_equal(output.unsent_bytes, 11);
        assert_string_equal(released, "");
        expect(&output, step, "abcdefghijk");
        assert_string_equal(released, "123");
        assert_int_equal(output.unsent_bytes, 0);
    }
}

static void test_memory_is_kept_until_its_last_byte_is_sent(void **state)
{
    struct output output;

    (void)state;
    released[0] = '\0';
    output_init(&output);
    output_refer(&output, "abc", 3, memory("1"));
    output_sent(&output, 2);
    assert_string_equal(released, "");
    output_sent(&output, 1);
    assert_string_equal(released, "1");
}

static void test_dropping_releases_everything_once(void **state)
{
    struct output output;

    (void)state;
    released[0] = '\0';
    output_init(&output);
    output_refer(&output, "abc", 3, memory("1"));
    output_refer(&output, "def", 3, memory("2"));
    output_sent(&output, 4);
    output_drop(&output);
    assert_string_equal(released, "12");
    assert_true(output_is_empty(&output));
}

static void test_copies_next_to_each_other_are_one_span(void **state)
{
    struct output output;
    struct iovec spans[OUTPUT_ENTRIES];

    (void)state;
    output_init(&output);
    for (int i = 0; i < 100; i++)
        assert_int_equal(output_copy(&output, "0123456789", 10), 0);
    assert_int_equal(output_gather(&output, SIZE_MAX, spans), 1);
    assert_int_equal(spans[0].iov_len, 1000);
    output_drop(&output);
}

static void test_no_more_is_gathered_than_wished(void **state)
{
    struct output output;
    struct iovec spans[OUTPUT_ENTRIES];

    (void)state;
    output_init(&output);
    output_refer(&output, "abc", 3, memory_none);
    output_refer(&output, "defg", 4, memory_none);
    assert_int_equal(output_gather(&output, 3, spans), 1);
    assert_int_equal(spans[0].iov_len, 3);
    assert_int_equal(output_gather(&output, 5, spans), 2);
    assert_int_equal(spans[1].iov_len, 2);
    output_sent(&output, 5);
    assert_int_equal(output_gather(&output, 5, spans), 1);
    assert_memory_equal(spans[0].iov_base, "fg", 2);
    assert_int_equal(spans[0].iov_len, 2);
    output_drop(&output);
}

static void test_copies_beyond_the_room_are_allocated_and_freed(void **state)
{
    static char large[OUTPUT_COPY_BYTES + 1];
    struct output output;

    (void)state;
    memset(large, 'x', sizeof(large));
    output_init(&output);
    assert_int_equal(output_copy(&output, "a", 1), 0);
    assert_int_equal(output_copy(&output, large, sizeof(large)), 0);
    assert_int_equal(output_copy(&output, "b", 1), 0);
    char *got = drain(&output, 1000);
    assert_int_equal(strlen(got), sizeof(large) + 2);
    assert_int_equal(got[0], 'a');
    assert_int_equal(got[sizeof(large) + 1], 'b');
    free(got);
}

static void test_room_ends_before_entries_or_bytes_do(void **state)
{
    static char large[OUTPUT_UNSENT_BYTES_MAX];
    struct output output;
    struct iovec spans[REPLY_SPANS_MAX];

    (void)state;
    output_init(&output);
    for (int i = 0; i < REPLY_SPANS_MAX; i++)
        spans[i] = (struct iovec){.iov_base = (char *)"x", .iov_len = 1};
    while (output_has_room(&output))
        assert_int_equal(http1_reply_body(&output, true, spans, REPLY_SPANS_MAX, memory_none), 0);
    assert_true(output.count <= OUTPUT_ENTRIES - 2); /* the end of a body still fits */
    output_drop(&output);
    output_refer(&output, large, sizeof(large), memory_none);
    assert_false(output_has_room(&output));
    output_drop(&output);
}

static const char date[] = "Sun, 06 Nov 1994 08:49:37 GMT";

static void test_head_has_framing_fields_and_prepared_lines(void **state)
{
    static const struct reply_field fields[] = {{.name = "A", .value = "1"},
                                                {.name = "B", .value = "2"}};
    struct reply_head head = {.status = 200,
                              .fields = fields,
                              .field_count = 2,
                              .has_account = true,
                              .prepared = {.iov_base = (char *)"C: 3\r\n", .iov_len = 6}};
    struct http1_framing framing = {.length_bytes = 5, .date = date};
    struct output output;

    (void)state;
    released[0] = '\0';
    output_init(&output);
    assert_int_equal(http1_reply_head(&output, &head, &framing, memory("p")), 0);
    expect(&output, 7,
           "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 5\r\n"
           "C: 3\r\nA: 1\r\nB: 2\r\n\r\n");
    assert_string_equal(released, "p");
}

/* Prepared lines too long to be copied are sent from where they are, and ours still come last. */
static void test_long_prepared_lines_are_referred_to(void **state)
{
    static const struct reply_field fields[] = {{.name = "A", .value = "1"}};
    static char lines[4096];
    struct reply_head head = {.status = 200,
                              .fields = fields,
                              .field_count = 1,
                              .has_date = true,
                              .has_account = true,
                              .prepared = {.iov_base = lines, .iov_len = sizeof(lines)}};
    struct http1_framing framing = {.length_bytes = 5, .date = date};
    struct iovec spans[OUTPUT_ENTRIES];
    struct output output;

    (void)state;
    memset(lines, 'c', sizeof(lines));
    released[0] = '\0';
    output_init(&output);
    assert_int_equal(http1_reply_head(&output, &head, &framing, memory("p")), 0);
    assert_int_equal(output_gather(&output, SIZE_MAX, spans), 3);
    assert_ptr_equal(spans[1].iov_base, lines);
    assert_memory_equal(spans[2].iov_base, "A: 1\r\n\r\n", spans[2].iov_len);
    assert_string_equal(released, "");
    output_sent(&output, output.unsent_bytes);
    assert_string_equal(released, "p");
}

static void test_head_says_how_the_connection_goes_on(void **state)
{
    struct reply_head head = {.status = 431, .has_date = true, .has_account = true};
    struct http1_framing framing = {.length_bytes = -1, .is_chunked = true, .date = date};
    struct output output;

    (void)state;
    output_init(&output);
    framing.persistence = HTTP1_CLOSE;
    assert_int_equal(http1_reply_head(&output, &head, &framing, memory_none), 0);
    expect(&output, 100,
           "HTTP/1.1 431 Request Header Fields Too Large\r\nTransfer-Encoding: chunked\r\n"
           "Connection: close\r\n\r\n");
    framing.is_chunked = false;
    framing.persistence = HTTP1_KEEP_ALIVE;
    assert_int_equal(http1_reply_head(&output, &head, &framing, memory_none), 0);
    expect(&output, 100,
           "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: keep-alive\r\n\r\n");
}

/* Source: RFC 9211 section 2; neither a hit nor forwarded. */
static void test_head_without_an_account_gets_one(void **state)
{
    struct reply_field field = {.name = "A", .value = "1"};
    struct reply_head head = {.status = 204, .fields = &field, .field_count = 1, .has_date = true};
    struct http1_framing framing = {.length_bytes = -1, .date = date};
    struct output output;

    (void)state;
    output_init(&output);
    assert_int_equal(http1_reply_head(&output, &head, &framing, memory_none), 0);
    expect(&output, 100,
           "HTTP/1.1 204 No Content\r\nA: 1\r\nCache-Status: fetchonce; detail=local\r\n"
           "Server-Timing: wait;dur=0\r\n\r\n");
}

static void test_fields_longer_than_any_buffer_are_sent_whole(void **state)
{
    static char value[20000];
    struct reply_field field = {.name = "Long", .value = value};
    struct reply_head head = {
        .status = 200, .fields = &field, .field_count = 1, .has_date = true, .has_account = true};
    struct http1_framing framing = {.length_bytes = 0, .date = date};
    struct output output;

    (void)state;
    memset(value, 'v', sizeof(value) - 1);
    output_init(&output);
    assert_int_equal(http1_reply_head(&output, &head, &framing, memory_none), 0);
    char *got = drain(&output, 4096);
    assert_int_equal(strlen(got), strlen("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLong: \r\n\r\n") +
                                      sizeof(value) - 1);
    assert_string_equal(got + strlen(got) - 5, "v\r\n\r\n");
    free(got);
}

static void test_body_in_chunks(void **state)
{
    struct iovec spans[2] = {{.iov_base = (char *)"0123456789", .iov_len = 10},
                             {.iov_base = (char *)"abcdefg", .iov_len = 7}};
    struct output output;

    (void)state;
    output_init(&output);
    assert_int_equal(http1_reply_body(&output, true, spans, 2, memory_none), 0);
    assert_int_equal(http1_reply_body(&output, true, spans, 1, memory_none), 0);
    assert_int_equal(http1_reply_end(&output, true, (struct iovec){NULL, 0}), 0);
    expect(&output, 3, "11\r\n0123456789abcdefg\r\na\r\n0123456789\r\n0\r\n\r\n");
}

static void test_trailers_stand_behind_the_last_chunk(void **state)
{
    struct iovec trailers = {.iov_base = (char *)"A: b\r\n", .iov_len = 6};
    struct output output;

    (void)state;
    output_init(&output);
    assert_int_equal(http1_reply_end(&output, true, trailers), 0);
    expect(&output, 3, "0\r\nA: b\r\n\r\n");
    assert_int_equal(http1_reply_end(&output, false, trailers), 0);
    assert_true(output_is_empty(&output));
}

/* However long its lines are, and however little room there is for copies. */
static void test_interim_reply_takes_no_more_entries_than_it_says(void **state)
{
    static char lines[20000];
    struct iovec none = {NULL, 0};
    struct output output;

    (void)state;
    memset(lines, 'v', sizeof(lines));
    for (size_t length = 0; length <= sizeof(lines); length += 500) {
        for (size_t copied = 0; copied <= OUTPUT_COPY_BYTES; copied += 512) {
            struct iovec prepared = {.iov_base = lines, .iov_len = length};
            output_init(&output);
            assert_int_equal(output_copy(&output, lines, copied), 0);
            unsigned before = output.count;
            assert_int_equal(http1_reply_interim(&output, 103, prepared), 0);
            assert_in_range(output.count, before, before + HTTP1_INTERIM_ENTRIES);
            output_drop(&output);
        }
    }
    assert_int_equal(http1_reply_interim(&output, 199, none), 0);
    expect(&output, 100, "HTTP/1.1 199 \r\n\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_is_kept_at_every_step),
        cmocka_unit_test(test_memory_is_kept_until_its_last_byte_is_sent),
        cmocka_unit_test(test_dropping_releases_everything_once),
        cmocka_unit_test(test_copies_next_to_each_other_are_one_span),
        cmocka_unit_test(test_no_more_is_gathered_than_wished),
        cmocka_unit_test(test_copies_beyond_the_room_are_allocated_and_freed),
        cmocka_unit_test(test_room_ends_before_entries_or_bytes_do),
        cmocka_unit_test(test_head_has_framing_fields_and_prepared_lines),
        cmocka_unit_test(test_long_prepared_lines_are_referred_to),
        cmocka_unit_test(test_head_says_how_the_connection_goes_on),
        cmocka_unit_test(test_head_without_an_account_gets_one),
        cmocka_unit_test(test_fields_longer_than_any_buffer_are_sent_whole),
        cmocka_unit_test(test_body_in_chunks),
        cmocka_unit_test(test_trailers_stand_behind_the_last_chunk),
        cmocka_unit_test(test_interim_reply_takes_no_more_entries_than_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
