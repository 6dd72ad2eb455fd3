/* SPDX-License-Identifier: MIT */
/* test_problems.c - gathering what is wrong, quoting what is foreign, guessing what was meant. */
#include <cmocka_all.h>

#include <string.h>

#include "config/problems.h"

static void test_lines_are_kept_in_order_and_counted(void **state)
{
    struct problems problems;
    (void)state;
    problems_init(&problems);
    problems_add(&problems, "%s:%d", "a", 1);
    problems_add(&problems, "second");
    assert_int_equal(problems.count, 2);
    assert_string_equal(problems.text, "a:1\nsecond\n");
    problems_fini(&problems);
    assert_null(problems.text);
}

static void test_a_quoted_text_cannot_steer_the_terminal(void **state)
{
    char quoted[32];
    (void)state;
    assert_string_equal(problems_quote("a\x1b[2J\n\"", quoted, sizeof(quoted)),
                        "\"a\\x1b[2J\\x0a\\x22\"");
    assert_string_equal(problems_quote("", quoted, sizeof(quoted)), "\"\"");
}

/* Whatever the length and the bytes, the result is closed and stays in its buffer. */
static void test_a_long_text_is_cut_and_still_closed(void **state)
{
    char text[80];
    char quoted[24];
    (void)state;
    for (size_t bytes = 0; bytes < sizeof(text); bytes++) {
        for (int byte = 1; byte < 256; byte += 30) {
            memset(text, byte, bytes);
            text[bytes] = '\0';
            problems_quote(text, quoted, sizeof(quoted));
            assert_true(strlen(quoted) < sizeof(quoted));
            assert_int_equal(quoted[strlen(quoted) - 1], '"');
        }
    }
}

static void test_distance_counts_letters(void **state)
{
    (void)state;
    assert_int_equal(problems_distance("loops", "loops"), 0);
    assert_int_equal(problems_distance("Loops", "loops"), 0);
    assert_int_equal(problems_distance("lops", "loops"), 1);
    assert_int_equal(problems_distance("loosp", "loops"), 1);
    assert_int_equal(problems_distance("", "loops"), 5);
    assert_int_equal(problems_distance("hold", "listen"), 6);
    assert_true(problems_distance("ca", "abc") == 3);
}

static void test_near_is_a_third_of_the_letters(void **state)
{
    (void)state;
    assert_true(problems_is_near("hold_m", "hold_ms"));
    assert_true(problems_is_near("lisen", "listen"));
    assert_false(problems_is_near("port", "loops"));
    assert_false(problems_is_near("a", "bc"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_kept_in_order_and_counted),
        cmocka_unit_test(test_a_quoted_text_cannot_steer_the_terminal),
        cmocka_unit_test(test_a_long_text_is_cut_and_still_closed),
        cmocka_unit_test(test_distance_counts_letters),
        cmocka_unit_test(test_near_is_a_third_of_the_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
