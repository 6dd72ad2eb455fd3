/* SPDX-License-Identifier: MIT */
/*
 * test_conditions.c - entity tags and If-None-Match.
 */
#include <http/conditions.h>

#include "cmocka_all.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void test_if_none_match_compares_weakly(void **state)
{
    static const struct {
        const char *list;
        const char *etag;
        bool matches;
    } cases[] = {
        {"\"a\"", "\"a\"", true},
        {"\"a\"", "W/\"a\"", true},
        {"W/\"a\"", "\"a\"", true},
        {"W/\"a\"", "W/\"a\"", true},
        {"\"a\"", "\"b\"", false},
        {"\"a\"", "\"A\"", false},
        {"\"a\", \"b\",\t\"c\"", "\"c\"", true},
        {",, \"a\" ,, \"b\"", "\"b\"", true},
        {"\"a,b\"", "\"a,b\"", true},
        {"\"a,b\"", "\"b\"", false},
        {"\"a\\\", \"b\"", "\"b\"", true},
        {"\"\"", "\"\"", true},
        {"*", "\"a\"", true},
        {" * ", "", true},
        {"*, \"a\"", "\"a\"", false},
        {"\"a\"", "", false},
        {"", "\"a\"", false},
        {"a", "a", false},
        {"\"a", "\"a", false},
        {"w/\"a\"", "\"a\"", false},
        {"\"b\" \"a\"", "\"a\"", false},
        {"\"a\" junk", "\"a\"", true},
        {"junk, \"a\"", "\"a\"", false},
        {"\"a b\"", "\"a b\"", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("case %zu: %s / %s\n", i, cases[i].list, cases[i].etag);
        assert_int_equal(conditions_none_match_lists(span_of_string(cases[i].list),
                                                     span_of_string(cases[i].etag)),
                         cases[i].matches);
    }
}

static void test_only_a_whole_tag_is_valid(void **state)
{
    (void)state;
    assert_true(conditions_etag_is_valid(span_of_string("\"x\"")));
    assert_true(conditions_etag_is_valid(span_of_string("W/\"\"")));
    assert_true(conditions_etag_is_valid(span_of_string("\"\xc3\xa4\"")));
    assert_false(conditions_etag_is_valid(span_of_string("")));
    assert_false(conditions_etag_is_valid(span_of_string("W/")));
    assert_false(conditions_etag_is_valid(span_of_string("\"")));
    assert_false(conditions_etag_is_valid(span_of_string("x")));
    assert_false(conditions_etag_is_valid(span_of_string("\"x\"y")));
    assert_false(conditions_etag_is_valid(span_of_string("\"x\x7f\"")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_if_none_match_compares_weakly),
        cmocka_unit_test(test_only_a_whole_tag_is_valid),
    };

    return cmocka_run_group_tests_name("conditions", tests, NULL, NULL);
}
