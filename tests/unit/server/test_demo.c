/* SPDX-License-Identifier: MIT */
/* test_demo.c - the demo's counter and drawings; the whole of it is run by test_command_line. */
#include <cmocka_all.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <async/loop.h>

#include "demo/chart.h"
#include "demo/counter.h"

static void test_with_the_lock_no_increment_is_lost(void **state)
{
    unsigned count = 0;
    (void)state;
    assert_int_equal(counter_run(10, 50, true, &count), 0);
    assert_int_equal(count, 500);
    assert_int_equal(counter_run(1, 1, true, &count), 0); /* the second loop has nothing to do */
    assert_int_equal(count, 1);
}

/* Two tasks of one loop read before either writes, whatever the threads do. */
static void test_without_the_lock_increments_are_lost(void **state)
{
    unsigned count = 0;
    (void)state;
    assert_int_equal(counter_run(10, 50, false, &count), 0);
    assert_in_range(count, 1, 499);
}

static bool is_whole(const struct crowd_request *request)
{
    return request->begin_ns == 0;
}

/* Draws into `text`, which is freed by the caller. */
static char *draw(bool is_unicode, bool is_coloured, const struct crowd_request *requests,
                  size_t count)
{
    struct chart chart = {.is_unicode = is_unicode, .is_coloured = is_coloured};
    char *text = NULL;
    size_t bytes = 0;
    chart.out = open_memstream(&text, &bytes);
    assert_non_null(chart.out);
    chart_requests(&chart, requests, count, is_whole);
    fclose(chart.out);
    return text;
}

static void test_bars_begin_and_end_with_their_request(void **state)
{
    const struct crowd_request requests[] = {
        {.begin_ns = 0, .end_ns = 1000 * ASYNC_MS},
        {.begin_ns = 800 * ASYNC_MS, .end_ns = 1000 * ASYNC_MS},
        {.begin_ns = 1000 * ASYNC_MS, .end_ns = 1000 * ASYNC_MS}, /* shorter than a cell */
    };
    char *text = draw(false, false, requests, 3);
    (void)state;
    assert_string_equal(text, "   1*######################### 1000 ms"
                              "   3                         #    0 ms\n"
                              "   2                     #####  200 ms\n");
    free(text);
}

static void test_colour_and_blocks_are_as_asked(void **state)
{
    const struct crowd_request requests[] = {{.begin_ns = 0, .end_ns = ASYNC_MS}};
    char *text = draw(true, true, requests, 1);
    (void)state;
    assert_non_null(strstr(text, "\x1b[33m\xe2\x96\x88"));
    assert_null(strchr(text, '#'));
    free(text);
}

/* Nothing took any time: still a bar, and no division by nothing. */
static void test_a_request_without_an_answer_is_drawn(void **state)
{
    const struct crowd_request requests[] = {{.begin_ns = 0, .end_ns = 0}};
    char *text = draw(false, false, requests, 1);
    (void)state;
    assert_string_equal(text, "   1*#                            0 ms\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_the_lock_no_increment_is_lost),
        cmocka_unit_test(test_without_the_lock_increments_are_lost),
        cmocka_unit_test(test_bars_begin_and_end_with_their_request),
        cmocka_unit_test(test_colour_and_blocks_are_as_asked),
        cmocka_unit_test(test_a_request_without_an_answer_is_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
