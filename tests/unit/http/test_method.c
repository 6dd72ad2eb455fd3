/* SPDX-License-Identifier: MIT */
/*
 * test_method.c - RFC 9110 section 9.2: which methods promise what.
 */
#include <http/method.h>

#include "cmocka_all.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void test_only_known_methods_promise_anything(void **state)
{
    static const struct {
        const char *name;
        bool is_safe;
        bool is_idempotent;
    } cases[] = {
        {"GET", true, true},       {"HEAD", true, true},       {"OPTIONS", true, true},
        {"TRACE", true, true},     {"PROPFIND", true, true},   {"PUT", false, true},
        {"DELETE", false, true},   {"POST", false, false},     {"PATCH", false, false},
        {"CONNECT", false, false}, {"M-SEARCH", false, false}, {"get", false, false},
        {"GETX", false, false},    {"", false, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("case %zu: %s\n", i, cases[i].name);
        assert_int_equal(method_is_safe(span_of_string(cases[i].name)), cases[i].is_safe);
        assert_int_equal(method_is_idempotent(span_of_string(cases[i].name)),
                         cases[i].is_idempotent);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_known_methods_promise_anything),
    };

    return cmocka_run_group_tests_name("method", tests, NULL, NULL);
}
