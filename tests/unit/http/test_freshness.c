/* SPDX-License-Identifier: MIT */
/*
 * test_freshness.c - lifetimes and ages, clause by clause.
 */
#include <http/freshness.h>

#include "field_list.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ARRIVED_S    INT64_C(784111777) /* Sun, 06 Nov 1994 08:49:37 GMT */
#define DEFAULT_S    60

static struct freshness read_lines(const char *lines, int status)
{
    struct fields fields = field_list(lines);
    struct freshness freshness;

    freshness_read(&fields, status, ARRIVED_S, &freshness);
    fields_fini(&fields);
    return freshness;
}

static void test_lifetime_follows_the_order_of_the_standard(void **state)
{
    static const struct {
        const char *lines;
        int status;
        int64_t lifetime_s;
    } cases[] = {
        {"", 200, DEFAULT_S},
        {"", 404, DEFAULT_S},
        {"", 302, 0},
        {"", 500, 0},
        {"Cache-Control: public\n", 302, DEFAULT_S},
        {"Cache-Control: max-age=10\n", 302, 10},
        {"Cache-Control: max-age=10, s-maxage=20\n", 200, 20},
        {"Cache-Control: s-maxage=0, max-age=10\n", 200, 0},
        {"Cache-Control: max-age=junk\n", 200, 0},
        {"Cache-Control: no-cache, max-age=10\n", 200, 0},
        {"Expires: Sun, 06 Nov 1994 08:50:37 GMT\n", 200, 60},
        {"Expires: Sun, 06 Nov 1994 08:50:37 GMT\nDate: Sun, 06 Nov 1994 08:49:07 GMT\n", 200, 90},
        {"Expires: Sun, 06 Nov 1994 08:50:37 GMT\nDate: junk\n", 200, 60},
        {"Expires: Sun, 06 Nov 1994 08:48:37 GMT\n", 200, 0},
        {"Expires: 0\n", 200, 0},
        {"Expires: -1\n", 200, 0},
        {"Expires:\n", 200, 0},
        {"Expires: junk\nCache-Control: max-age=10\n", 200, 10},
        {"Expires: 0\nExpires: Sun, 06 Nov 1994 08:50:37 GMT\n", 200, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct freshness freshness = read_lines(cases[i].lines, cases[i].status);

        print_message("case %zu: %d %s\n", i, cases[i].status, cases[i].lines);
        assert_int_equal(freshness_lifetime_s(&freshness, DEFAULT_S), cases[i].lifetime_s);
    }
}

static void test_lifetime_without_a_default_is_zero(void **state)
{
    struct freshness freshness = read_lines("", 200);

    (void)state;
    assert_int_equal(freshness_lifetime_s(&freshness, 0), 0);
    assert_int_equal(freshness_lifetime_s(&freshness, -5), 0);
    assert_false(freshness_is_explicit(&freshness));
    freshness = read_lines("Expires: 0\n", 200);
    assert_true(freshness_is_explicit(&freshness));
}

static void test_age_on_arrival_is_the_larger_of_both_ways_to_know(void **state)
{
    static const struct {
        const char *lines;
        int64_t delay_s; /* between request and response */
        int64_t age_s;
    } cases[] = {
        {"", 0, 0},
        {"", 3, 3},
        {"Age: 10\n", 0, 10},
        {"Age: 10\n", 3, 13},
        {"Date: Sun, 06 Nov 1994 08:49:17 GMT\n", 3, 20},
        {"Date: Sun, 06 Nov 1994 08:49:17 GMT\nAge: 30\n", 0, 30},
        {"Date: Sun, 06 Nov 1994 09:00:00 GMT\n", 0, 0}, /* a clock ahead of ours */
        {"Age: 10, 20\n", 0, 10},
        {"Age: 10\nAge: 20\n", 0, 10},
        {"Age: -5\n", 0, 0},
        {"Age: 1.5\n", 0, 0},
        {"Age: \"10\"\n", 0, 0},
        {"Age:\n", 0, 0},
        {"Age: 99999999999999999999\n", 0, CACHE_CONTROL_SECONDS_MAX},
        {"", -100, 0}, /* our clock was set back */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct freshness freshness = read_lines(cases[i].lines, 200);

        print_message("case %zu: %s\n", i, cases[i].lines);
        assert_int_equal(
            freshness_initial_age_s(&freshness, ARRIVED_S - cases[i].delay_s, ARRIVED_S),
            cases[i].age_s);
    }
}

static void test_age_grows_with_the_clock_and_never_shrinks_below_arrival(void **state)
{
    (void)state;
    assert_int_equal(freshness_current_age_s(5, 1000, 1000), 5);
    assert_int_equal(freshness_current_age_s(5, 1000, 1007), 12);
    assert_int_equal(freshness_current_age_s(5, 1000, 900), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lifetime_follows_the_order_of_the_standard),
        cmocka_unit_test(test_lifetime_without_a_default_is_zero),
        cmocka_unit_test(test_age_on_arrival_is_the_larger_of_both_ways_to_know),
        cmocka_unit_test(test_age_grows_with_the_clock_and_never_shrinks_below_arrival),
    };

    return cmocka_run_group_tests_name("freshness", tests, NULL, NULL);
}
