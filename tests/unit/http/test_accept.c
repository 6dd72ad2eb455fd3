/* SPDX-License-Identifier: MIT */
/*
 * test_accept.c - what clients send, and which form they get.
 */
#include <http/accept.h>

#include "cmocka_all.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void test_json_is_chosen_only_by_those_who_want_it(void **state)
{
    static const struct {
        const char *accept;
        bool prefers_json;
    } cases[] = {
        {"", false},
        {"*/*", false},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false},
        {"application/json", true},
        {"APPLICATION/JSON", true},
        {"application/*", true},
        {"text/plain", false},
        {"application/json, text/plain, */*", true},
        {"text/plain, application/json", false},
        {"application/json;q=0.5, text/plain;q=0.4", true},
        {"application/json;q=0.4, text/plain;q=0.5", false},
        {"application/json;q=0.5, */*", false},
        {"application/json, */*", true},
        {"application/json;q=0", false},
        {"application/json;q=0, */*", false},
        {"text/*;q=0.3, */*;q=0.2", false},
        {"text/plain;q=0, */*", true},
        {"application/json;charset=utf-8;q=0.9, text/plain;q=0.1", true},
        {"application/json; q=0.9, text/plain; Q=1.000", false},
        {"application/json;q=nonsense", false},
        {"application/json;q=1.001", false},
        {"application/jsonp", false},
        {";;;, ,", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("case %zu: %s\n", i, cases[i].accept);
        assert_int_equal(
            accept_prefers(span_of_string(cases[i].accept), "application/json", "text/plain"),
            cases[i].prefers_json);
    }
}

static void test_the_most_specific_range_gives_the_quality(void **state)
{
    static const struct {
        const char *accept;
        int quality;
    } cases[] = {
        {"", 1000},
        {"text/html", 0},
        {"*/*;q=0.1", 100},
        {"*/*;q=0.1, text/*;q=0.25", 250},
        {"text/plain;q=0.125, text/*;q=0.25, */*", 125},
        {"text/plain;q=0.3, text/plain;q=0.7", 300},
        {"text/plain;q=0.", 0},
        {"text/plain;q=1.", 1000},
        {"text/plain;q=0.1234, */*;q=0.2", 200},
        {"text/plain;q=2", 0},
        {"text/plain;q=", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("case %zu: %s\n", i, cases[i].accept);
        assert_int_equal(accept_quality(span_of_string(cases[i].accept), "text/plain"),
                         cases[i].quality);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_is_chosen_only_by_those_who_want_it),
        cmocka_unit_test(test_the_most_specific_range_gives_the_quality),
    };

    return cmocka_run_group_tests_name("accept", tests, NULL, NULL);
}
