/* SPDX-License-Identifier: MIT */
/*
 * test_freshness.c - lifetimes and ages, clause by clause.
 */
#include <http/freshness.h>

#include <stdio.h>

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
        {"Expires: Sun, 06 Nov 1994 08:50:37 GMT\nExpires: 0\n", 200, 0},
        {"Expires: Sun, 06 Nov 1994 08:50:37 GMT\nExpires: Sun, 06 Nov 1994 08:50:37 GMT\n", 200,
         60},
        {"Expires: Sun, 06 Nov 94 08:50:37 GMT\n", 200, 0},
        {"Expires: Sun 06 Nov 1994 08:50:37 GMT\n", 200, 0},
        {"Expires: Sun, 06 Nov 1994 08:50:37 UTC\n", 200, 0},
        {"Expires: SUN, 06 nov 1994 08:50:37 gmt\n", 200, 60},
        {"Expires: Sunday, 06-Nov-94 08:50:37 GMT\n", 200, 60},
        {"Expires: Sun Nov  6 08:50:37 1994\n", 200, 60},
        {"Cache-Control: max-age=10\n", 599, 10},
        {"Cache-Control: max-age=10\n", 999, 10},
        {"Cache-Control: public\n", 599, DEFAULT_S},
        {"", 299, 0},
        {"", 999, 0},
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

/* RFC 9111 section 4.2.2: a tenth of the time since Last-Modified, for statuses that allow it. */
static void test_guess_is_a_tenth_of_the_time_unchanged(void **state)
{
    static const char an_hour[] = "Last-Modified: Sun, 06 Nov 1994 07:49:37 GMT\n";
    static const char years[] = "Last-Modified: Sun, 06 Nov 1988 07:49:37 GMT\n";
    static const char ahead[] = "Last-Modified: Sun, 06 Nov 1994 09:49:37 GMT\n";
    static const struct freshness_policy guesses = {.heuristic_max_s = 86400};
    static const struct freshness_policy both = {.heuristic_max_s = 86400, .default_s = 5};
    static const struct freshness_policy neither = {0};
    static const struct {
        const char *lines;
        const char *more;
        int status;
        const struct freshness_policy *policy;
        int64_t lifetime_s;
    } cases[] = {
        {an_hour, "", 200, &guesses, 360},
        {an_hour, "", 404, &guesses, 360},
        {an_hour, "", 451, &guesses, 360},
        {an_hour, "", 403, &guesses, 0},
        {an_hour, "", 201, &guesses, 0},
        {an_hour, "", 503, &guesses, 0},
        {an_hour, "", 599, &guesses, 0},
        {an_hour, "Cache-Control: public\n", 599, &guesses, 360},
        {an_hour, "Cache-Control: max-age=7\n", 200, &guesses, 7},
        {an_hour, "Cache-Control: no-cache\n", 200, &guesses, 0},
        {an_hour, "Expires: 0\n", 200, &guesses, 0},
        {an_hour, "Date: Sun, 06 Nov 1994 08:19:37 GMT\n", 200, &guesses, 180},
        {years, "", 200, &guesses, 86400},
        {ahead, "", 200, &guesses, 0},
        {ahead, "", 200, &both, 5},
        {"", "", 200, &guesses, 0},
        {"", "", 200, &both, 5},
        {"Last-Modified: junk\n", "", 200, &both, 5},
        {an_hour, "", 200, &both, 360},
        {an_hour, "", 200, &neither, 0},
        {an_hour, "", 302, &both, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct freshness freshness;
        char lines[256];

        snprintf(lines, sizeof lines, "%s%s", cases[i].lines, cases[i].more);
        freshness = read_lines(lines, cases[i].status);
        print_message("case %zu: %d %s\n", i, cases[i].status, lines);
        assert_int_equal(freshness_lifetime_by(&freshness, cases[i].policy), cases[i].lifetime_s);
    }
}

/* RFC 9110 section 15.1 and RFC 7725 section 3: no other status gets a lifetime that nobody stated.
 */
static void test_only_listed_statuses_allow_a_guess(void **state)
{
    static const int listed[] = {200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 451, 501};
    size_t next = 0;

    (void)state;
    for (int status = 100; status < 1000; status++) {
        bool is_listed = next < COUNT(listed) && listed[next] == status;

        assert_int_equal(freshness_status_is_heuristic(status), is_listed);
        next += is_listed ? 1 : 0;
    }
}

/* RFC 9213 section 2.2: Cache-Control and Expires are ignored beside a targeted field. */
static void test_targeted_field_overrules_the_others(void **state)
{
    static const char *const names[] = {"CDN-Cache-Control", NULL};
    static const char expires[] = "Expires: Sun, 06 Nov 1994 08:50:37 GMT\n";
    static const struct {
        const char *lines;
        bool is_targeted;
        bool is_explicit;
        int64_t lifetime_s;
    } cases[] = {
        {"CDN-Cache-Control: max-age=7\nCache-Control: max-age=9, no-store\n", true, true, 7},
        {"CDN-Cache-Control: no-cache\nCache-Control: max-age=9\n", true, false, 0},
        {"CDN-Cache-Control: foo\nCache-Control: max-age=9\n", true, false, DEFAULT_S},
        {"CDN-Cache-Control: &\nCache-Control: max-age=9\n", false, true, 9},
        {"Cache-Control: max-age=9\n", false, true, 9},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct freshness freshness;
        struct fields fields;
        char lines[256];

        snprintf(lines, sizeof lines, "%s%s", cases[i].lines, expires);
        fields = field_list(lines);
        print_message("case %zu: %s\n", i, lines);
        freshness_read_targeted(&fields, 200, ARRIVED_S, names, &freshness);
        assert_int_equal(freshness.is_targeted, cases[i].is_targeted);
        assert_int_equal(freshness_is_explicit(&freshness), cases[i].is_explicit);
        assert_int_equal(freshness_lifetime_s(&freshness, DEFAULT_S), cases[i].lifetime_s);
        freshness_read(&fields, 200, ARRIVED_S, &freshness);
        assert_false(freshness.is_targeted);
        assert_true(freshness.has_expires);
        fields_fini(&fields);
    }
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
        {"Age: 0, 7200\n", 0, 0},
        {"Age: abc, 7200\n", 0, 0},
        {"Age: abc\nAge: 7200\n", 0, 0},
        {"Age: 7200.0\n", 0, 0},
        {"Age: 7200;foo=bar\n", 0, 0},
        {"Age: +5\n", 0, 0},
        {"Age: 2147483647\n", 0, 2147483647},
        {"Age: 2147483649\n", 0, CACHE_CONTROL_SECONDS_MAX},
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
        cmocka_unit_test(test_guess_is_a_tenth_of_the_time_unchanged),
        cmocka_unit_test(test_only_listed_statuses_allow_a_guess),
        cmocka_unit_test(test_targeted_field_overrules_the_others),
        cmocka_unit_test(test_age_on_arrival_is_the_larger_of_both_ways_to_know),
        cmocka_unit_test(test_age_grows_with_the_clock_and_never_shrinks_below_arrival),
    };

    return cmocka_run_group_tests_name("freshness", tests, NULL, NULL);
}
