/* SPDX-License-Identifier: MIT */
/*
 * test_problem.c - problems are JSON whatever the detail says, and never longer than told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "problem.h"

static void expect(int status, const char *detail, const char *expected)
{
    char body[PROBLEM_BYTES_MAX];
    size_t length = problem_format(body, status, detail);

    assert_string_equal(body, expected);
    assert_int_equal(length, strlen(expected));
}

static void test_members_are_those_of_rfc_9457(void **state)
{
    (void)state;
    expect(404, "Gone fishing.",
           "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
           "\"detail\":\"Gone fishing.\"}\n");
}

static void test_what_json_cannot_carry_is_escaped(void **state)
{
    (void)state;
    expect(400, "\"a\\b\"\n\x01\x7f\xc3\xa9",
           "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
           "\"detail\":\"\\\"a\\\\b\\\"\\u000a\\u0001???\"}\n");
}

static void test_long_details_are_cut_and_the_object_still_ends(void **state)
{
    char detail[PROBLEM_BYTES_MAX * 2];
    char body[PROBLEM_BYTES_MAX];

    (void)state;
    for (int fill = 0; fill < 2; fill++) {
        memset(detail, fill == 0 ? 'x' : '\n', sizeof(detail) - 1);
        detail[sizeof(detail) - 1] = '\0';
        size_t length = problem_format(body, 500, detail);
        assert_in_range(length, PROBLEM_BYTES_MAX - 16, PROBLEM_BYTES_MAX - 1);
        assert_int_equal(strlen(body), length);
        assert_string_equal(body + length - 3, "\"}\n");
    }
}

static void test_every_status_has_a_title(void **state)
{
    (void)state;
    assert_string_equal(problem_title(431), "Request Header Fields Too Large");
    assert_string_equal(problem_title(299), "Unknown");
    assert_string_equal(problem_reason(100), "Continue");
    assert_string_equal(problem_reason(508), "Loop Detected");
    assert_string_equal(problem_reason(511), "Network Authentication Required");
    assert_string_equal(problem_reason(299), "");
    assert_string_equal(problem_reason(999), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_are_those_of_rfc_9457),
        cmocka_unit_test(test_what_json_cannot_carry_is_escaped),
        cmocka_unit_test(test_long_details_are_cut_and_the_object_still_ends),
        cmocka_unit_test(test_every_status_has_a_title),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
