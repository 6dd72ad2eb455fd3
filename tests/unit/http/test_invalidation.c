/* SPDX-License-Identifier: MIT */
/*
 * test_invalidation.c - RFC 9111 section 4.4: what an unsafe request makes unusable.
 */
#include <http/invalidation.h>

#include <stdio.h>

#include "field_list.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void test_only_successful_unsafe_requests_invalidate(void **state)
{
    static const struct {
        const char *method;
        int status;
        bool is_due;
    } cases[] = {
        {"POST", 200, true},   {"PUT", 204, true},      {"DELETE", 200, true},
        {"PATCH", 303, true},  {"M-SEARCH", 200, true}, {"UNHEARD-OF", 299, true},
        {"get", 200, true},    {"POST", 399, true},     {"POST", 100, false},
        {"POST", 400, false},  {"POST", 500, false},    {"DELETE", 404, false},
        {"GET", 200, false},   {"HEAD", 200, false},    {"OPTIONS", 200, false},
        {"TRACE", 200, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("case %zu: %s %d\n", i, cases[i].method, cases[i].status);
        assert_int_equal(invalidation_is_due(span_of_string(cases[i].method), cases[i].status),
                         cases[i].is_due);
    }
}

static void test_target_and_same_origin_locations_are_named(void **state)
{
    static const struct url_base base = {{"http", 4}, {"a:8080", 6}, {"/x/y", 4}, {"q=1", 3}};
    static const struct {
        const char *lines;
        const char *names;
    } cases[] = {
        {"", "/x/y?q=1 "},
        {"Location: z\n", "/x/y?q=1 /x/z "},
        {"location: http://a:8080/l\nContent-Location: /c?d\n", "/x/y?q=1 /l /c?d "},
        {"Content-Location: http://b/c\nLocation: https://a:8080/l\n", "/x/y?q=1 "},
        {"Location: http://a/l\nX-Location: /x\nContent-Location: %zz\nLocation: /ok\n",
         "/x/y?q=1 /ok "},
        {"Location: /a/very/long/name/that/has/no/room\nContent-Location: /c\n", "/x/y?q=1 /c "},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fields response = field_list(cases[i].lines);
        struct invalidation_walk walk;
        char buffer[20], names[128] = "";
        size_t length;

        print_message("case %zu: %s\n", i, cases[i].lines);
        invalidation_init(&walk, &base, &response);
        while (invalidation_next(&walk, buffer, sizeof buffer, &length))
            snprintf(names + strlen(names), sizeof names - strlen(names), "%.*s ", (int)length,
                     buffer);
        assert_string_equal(names, cases[i].names);
        assert_false(invalidation_next(&walk, buffer, sizeof buffer, &length));
        fields_fini(&response);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_successful_unsafe_requests_invalidate),
        cmocka_unit_test(test_target_and_same_origin_locations_are_named),
    };

    return cmocka_run_group_tests_name("invalidation", tests, NULL, NULL);
}
