/* SPDX-License-Identifier: MIT */
/* test_scratch.c - short-lived memory: as much as was asked for, of whichever size and thread. */
#include "scratch.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "cmocka_all.h"

/* Around the borders of the classes, and beyond the largest. */
static const size_t sizes[] = {0,    1,    48,   49,    112,   113,   1032,  2032,  2033,
                               4080, 4081, 8176, 16385, 20464, 20465, 40944, 40945, 1 << 20};

#define SIZES (sizeof sizes / sizeof *sizes)

static bool is_filled(const unsigned char *bytes, unsigned char with, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != with)
            return false;
    }
    return true;
}

/* Two of each at a time, twice, so that what was freed is used again. */
static void test_blocks_are_apart_and_as_large_as_asked_for(void **state)
{
    unsigned char *blocks[2 * SIZES];

    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < 2 * SIZES; i++) {
            blocks[i] = scratch_allocate(sizes[i / 2]);
            assert_non_null(blocks[i]);
            assert_int_equal((uintptr_t)blocks[i] % 16, 0);
            memset(blocks[i], (int)i, sizes[i / 2]);
        }
        for (size_t i = 0; i < 2 * SIZES; i++) {
            assert_true(is_filled(blocks[i], (unsigned char)i, sizes[i / 2]));
            scratch_free(blocks[i]);
        }
    }
    scratch_free(NULL);
}

static void test_zeroed_is_zeroed_where_something_was(void **state)
{
    unsigned char *block;

    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        block = scratch_allocate(sizes[i]);
        memset(block, 0xff, sizes[i]);
        scratch_free(block);
        block = scratch_allocate_zeroed(1, sizes[i]);
        assert_true(is_filled(block, 0, sizes[i]));
        scratch_free(block);
    }
    assert_null(scratch_allocate_zeroed(SIZE_MAX / 2, 3));
    assert_null(scratch_allocate(SIZE_MAX));
}

static void test_resized_keeps_what_it_had(void **state)
{
    unsigned char *block = NULL;
    char *text;

    (void)state;
    for (size_t i = 1; i < SIZES; i++) {
        block = scratch_resize(block, sizes[i]);
        assert_non_null(block);
        assert_true(is_filled(block, 7, sizes[i - 1]));
        memset(block, 7, sizes[i]);
    }
    block = scratch_resize(block, 5);
    assert_true(is_filled(block, 7, 5));
    scratch_free(block);
    text = scratch_copy_text("text");
    assert_string_equal(text, "text");
    scratch_free(text);
}

static void *free_all(void *context)
{
    void **blocks = context;

    for (size_t i = 0; i < SIZES; i++) {
        scratch_free(blocks[i]);
        blocks[i] = scratch_allocate(sizes[i]);
    }
    return NULL;
}

/* What another thread has freed and allocated is ours to free, after its end. */
static void test_blocks_go_from_thread_to_thread(void **state)
{
    void *blocks[SIZES];
    pthread_t thread;

    (void)state;
    for (size_t i = 0; i < SIZES; i++)
        blocks[i] = scratch_allocate(sizes[i]);
    assert_int_equal(pthread_create(&thread, NULL, free_all, blocks), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    for (size_t i = 0; i < SIZES; i++) {
        memset(blocks[i], 1, sizes[i]);
        scratch_free(blocks[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_apart_and_as_large_as_asked_for),
        cmocka_unit_test(test_zeroed_is_zeroed_where_something_was),
        cmocka_unit_test(test_resized_keeps_what_it_had),
        cmocka_unit_test(test_blocks_go_from_thread_to_thread),
    };

    scratch_begin();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
