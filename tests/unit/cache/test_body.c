/* SPDX-License-Identifier: MIT */
/*
 * test_body.c - chunks, cursors, failure, and many readers of a body that grows.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <cache/body.h>

#include "cmocka_all.h"

#define KIB           (size_t)1024
#define READERS_COUNT 6

static bool refuse_malloc;

void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);

void *__wrap_malloc(size_t bytes)
{
    return refuse_malloc ? NULL : __real_malloc(bytes);
}

/* What byte `position` of every test body is: a sequence that no small shift repeats. */
static char byte_at(size_t position)
{
    return (char)((position * 2654435761u) >> 13);
}

static void append_bytes(struct body *body, size_t count)
{
    size_t start = body_length(body);
    char *bytes = malloc(count + 1);

    assert_non_null(bytes);
    for (size_t i = 0; i < count; i++)
        bytes[i] = byte_at(start + i);
    assert_int_equal(body_append(body, bytes, count), 0);
    free(bytes);
}

/* Read all that is there with at most `spans_max` spans at a time; true if every byte is right. */
static bool read_available(struct body_cursor *cursor, int spans_max)
{
    struct iovec spans[16];
    bool is_right = true;
    int count;

    while ((count = body_cursor_spans(cursor, spans, spans_max)) > 0) {
        for (int i = 0; i < count; i++) {
            const char *bytes = spans[i].iov_base;

            for (size_t k = 0; k < spans[i].iov_len; k++)
                is_right = is_right && bytes[k] == byte_at(cursor->position + k);
            body_cursor_advance(cursor, spans[i].iov_len);
        }
    }
    return is_right;
}

static void test_announced_length_makes_one_exact_allocation(void **state)
{
    struct body_cursor cursor;
    struct iovec spans[4];
    struct body *body;
    size_t memory;

    (void)state;
    assert_int_equal(body_new(1024, &body), 0);
    memory = body_memory_bytes(body);
    assert_true(memory > 1024 && memory < 1024 + 256);
    refuse_malloc = true;
    for (int i = 0; i < 8; i++)
        assert_int_equal(body_append(body, (char[128]){0}, 128), 0);
    refuse_malloc = false;
    body_finish(body, 0);
    assert_int_equal(body_memory_bytes(body), memory);
    body_cursor_init(&cursor, body);
    assert_int_equal(body_cursor_spans(&cursor, spans, 4), 1);
    assert_int_equal(spans[0].iov_len, 1024);
    body_unref(body);
}

/* The announced length may be a lie either way; it decides nothing but the sizes of chunks. */
static void test_bytes_arrive_whatever_length_was_announced(void **state)
{
    static const int64_t announced[] = {
        BODY_LENGTH_UNKNOWN, 0, 1, 4096, 262144, 262145, 1000000, INT64_MAX};
    static const size_t steps[] = {1, 7, 4096, 16384, 300000};

    (void)state;
    for (size_t a = 0; a < sizeof(announced) / sizeof(announced[0]); a++) {
        for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
            size_t total = steps[s] < 4096 ? 20000 : 900000;
            struct body_cursor cursor, late;
            struct body *body;

            assert_int_equal(body_new(announced[a], &body), 0);
            body_cursor_init(&cursor, body);
            while (body_length(body) < total) {
                append_bytes(body, steps[s]);
                assert_int_equal(body_cursor_available(&cursor), steps[s]);
                assert_true(read_available(&cursor, 1));
            }
            assert_false(body_cursor_is_done(&cursor));
            body_finish(body, 0);
            assert_true(body_cursor_is_done(&cursor));
            body_cursor_init(&late, body);
            assert_true(read_available(&late, 16));
            assert_int_equal(late.position, body_length(body));
            body_unref(body);
        }
    }
}

static void test_memory_stays_near_the_length(void **state)
{
    struct body *body;

    (void)state;
    assert_int_equal(body_new(BODY_LENGTH_UNKNOWN, &body), 0);
    assert_true(body_memory_bytes(body) < 5 * KIB);
    for (size_t length = 100; length < 3000000; length += length / 10) {
        append_bytes(body, length - body_length(body));
        assert_true(body_memory_bytes(body) <= 2 * length + 5 * KIB);
        assert_true(body_memory_bytes(body) <= length + BODY_CHUNK_BYTES_MAX + length / 100 + KIB);
    }
    body_unref(body);

    /* A length that is announced but never sent takes no more than one chunk. */
    assert_int_equal(body_new(INT64_MAX, &body), 0);
    assert_true(body_memory_bytes(body) < BODY_CHUNK_BYTES_MAX + KIB);
    body_unref(body);
}

static void test_reserved_room_is_seen_only_after_commit(void **state)
{
    struct body_cursor cursor;
    char *room, *again;
    size_t room_bytes;
    struct body *body;

    (void)state;
    assert_int_equal(body_new(0, &body), 0);
    body_cursor_init(&cursor, body);
    for (int round = 0; round < 200; round++) {
        size_t start = body_length(body), count;

        assert_int_equal(body_reserve(body, &room, &room_bytes), 0);
        assert_true(room_bytes > 0);
        assert_int_equal(body_reserve(body, &again, &room_bytes), 0);
        assert_ptr_equal(room, again);
        count = round % 3 == 0 ? room_bytes : 1 + room_bytes / 2;
        for (size_t i = 0; i < count; i++)
            room[i] = byte_at(start + i);
        assert_int_equal(body_cursor_available(&cursor), 0);
        body_commit(body, count);
        assert_int_equal(body_cursor_available(&cursor), count);
        assert_true(read_available(&cursor, 2));
        if (round % 5 == 0) {
            append_bytes(body, 3);
            assert_true(read_available(&cursor, 2));
        }
    }
    body_unref(body);
}

static void test_no_memory_publishes_nothing_and_can_be_tried_again(void **state)
{
    static char bytes[600 * 1024];
    struct body_cursor cursor;
    size_t room_bytes;
    struct body *body;
    char *room;

    (void)state;
    refuse_malloc = true;
    assert_int_equal(body_new(10, &body), -ENOMEM);
    refuse_malloc = false;
    assert_int_equal(body_new(10, &body), 0);
    append_bytes(body, 10);
    refuse_malloc = true;
    assert_int_equal(body_append(body, bytes, sizeof(bytes)), -ENOMEM);
    assert_int_equal(body_reserve(body, &room, &room_bytes), -ENOMEM);
    refuse_malloc = false;
    assert_int_equal(body_length(body), 10);
    append_bytes(body, 500 * KIB);
    body_cursor_init(&cursor, body);
    assert_true(read_available(&cursor, 16));
    body_unref(body);
}

static void test_broken_body_says_so_after_its_last_byte(void **state)
{
    struct body_cursor cursor;
    struct body *body;

    (void)state;
    assert_int_equal(body_new(100, &body), 0);
    assert_int_equal(body_status(body), BODY_OPEN);
    append_bytes(body, 40);
    body_finish(body, -ECONNRESET);
    assert_true(body_is_finished(body));
    assert_int_equal(body_status(body), -ECONNRESET);
    body_cursor_init(&cursor, body);
    assert_false(body_cursor_is_done(&cursor));
    assert_true(read_available(&cursor, 1));
    assert_int_equal(cursor.position, 40);
    assert_true(body_cursor_is_done(&cursor));
    body_unref(body);
    body_unref(NULL);
}

/* A cursor that is moved part of a span at a time, over every edge of a chunk. */
static void test_cursor_moves_by_any_number_of_bytes(void **state)
{
    struct body_cursor cursor;
    struct body *body;

    (void)state;
    assert_int_equal(body_new(BODY_LENGTH_UNKNOWN, &body), 0);
    append_bytes(body, 3);
    for (int i = 0; i < 100; i++)
        append_bytes(body, 997);
    body_cursor_init(&cursor, body);
    for (size_t step = 1; body_cursor_available(&cursor) >= step; step = step * 3 % 4999 + 1) {
        struct iovec span;

        assert_int_equal(body_cursor_spans(&cursor, &span, 1), 1);
        assert_int_equal(*(char *)span.iov_base, byte_at(cursor.position));
        body_cursor_advance(&cursor, step);
    }
    body_cursor_advance(&cursor, body_cursor_available(&cursor));
    assert_int_equal(cursor.position, body_length(body));
    body_unref(body);
}

struct reader {
    pthread_t thread;
    struct body *body;
    size_t read;
    int spans_max;
    bool is_right;
};

static void *run_reader(void *context)
{
    struct reader *reader = context;
    struct body_cursor cursor;

    body_cursor_init(&cursor, reader->body);
    reader->is_right = true;
    while (!body_cursor_is_done(&cursor)) {
        if (!read_available(&cursor, reader->spans_max))
            reader->is_right = false;
    }
    reader->read = cursor.position;
    body_unref(reader->body);
    return NULL;
}

/* Write into the body's own room, often exactly to the end of a chunk. */
static void commit_bytes(struct body *body, size_t count_max)
{
    size_t start = body_length(body), room_bytes, count;
    char *room;

    assert_int_equal(body_reserve(body, &room, &room_bytes), 0);
    count = count_max < room_bytes ? count_max : room_bytes;
    for (size_t i = 0; i < count; i++)
        room[i] = byte_at(start + i);
    body_commit(body, count);
}

/* Readers on threads of their own follow a writer; each sees every byte, in order, and the end. */
static void test_readers_on_threads_see_every_byte_while_it_is_written(void **state)
{
    static const size_t total = 3000000;

    (void)state;
    for (int round = 0; round < 4; round++) {
        struct reader readers[READERS_COUNT] = {0};
        size_t step = 1;
        struct body *body;

        assert_int_equal(body_new(round % 2 == 0 ? BODY_LENGTH_UNKNOWN : (int64_t)total, &body), 0);
        for (int i = 0; i < READERS_COUNT; i++) {
            readers[i].body = body_ref(body);
            readers[i].spans_max = 1 + i;
            assert_int_equal(pthread_create(&readers[i].thread, NULL, run_reader, &readers[i]), 0);
        }
        while (body_length(body) < total) {
            size_t left = total - body_length(body);

            if (step % 2 == 0)
                append_bytes(body, step < left ? step : left);
            else
                commit_bytes(body, step < left ? step : left);
            step = step * 5 % 16381 + 1;
        }
        body_finish(body, 0);
        body_unref(body);
        for (int i = 0; i < READERS_COUNT; i++) {
            assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
            assert_true(readers[i].is_right);
            assert_int_equal(readers[i].read, total);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_announced_length_makes_one_exact_allocation),
        cmocka_unit_test(test_bytes_arrive_whatever_length_was_announced),
        cmocka_unit_test(test_memory_stays_near_the_length),
        cmocka_unit_test(test_reserved_room_is_seen_only_after_commit),
        cmocka_unit_test(test_no_memory_publishes_nothing_and_can_be_tried_again),
        cmocka_unit_test(test_broken_body_says_so_after_its_last_byte),
        cmocka_unit_test(test_cursor_moves_by_any_number_of_bytes),
        cmocka_unit_test(test_readers_on_threads_see_every_byte_while_it_is_written),
    };

    return cmocka_run_group_tests_name("body", tests, NULL, NULL);
}
