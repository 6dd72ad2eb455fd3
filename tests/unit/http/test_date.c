/* SPDX-License-Identifier: MIT */
/*
 * test_date.c - the three forms, the century rule, and the calendar against libc's.
 */
#include <errno.h>
#include <http/date.h>
#include <time.h>

#include "cmocka_all.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define NOW_S        INT64_C(1767225600) /* 2026-01-01 00:00:00 */

static void test_the_three_forms_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t time_s;
    } cases[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"Sun Nov 16 08:49:37 1994", 784975777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
        {"Thu, 29 Feb 2024 12:00:00 GMT", 1709208000},
        {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
        {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
        {"Mon, 06 Nov 1994 08:49:37 GMT", 784111777}, /* a wrong name of a day */
        /* RFC 9111 section 4.2: caches do not mind letter case. */
        {"SUN, 06 NOV 1994 08:49:37 gMT", 784111777},
        {"sunDAY, 06-nov-94 08:49:37 gmt", 784111777},
        {"sun nov  6 08:49:37 1994", 784111777},
        {"Tue, 19 Jan 2038 14:14:08 GMT", INT64_C(2147523248)},
        {"Sun, 21 Nov 2286 04:46:39 GMT", INT64_C(10000039599)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t time_s = 0;

        print_message("case %zu: %s\n", i, cases[i].text);
        assert_int_equal(date_parse(span_of_string(cases[i].text), NOW_S, &time_s), 0);
        assert_int_equal(time_s, cases[i].time_s);
    }
}

static void test_anything_else_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "0",
        "-1",
        "Sun",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun,  6 Nov 1994 08:49:37 GMT",
        "Sun, 06  Nov 1994 08:49:37 GMT",
        "Sun 06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Wed, 29 Feb 2023 08:49:37 GMT",
        "Thu, 29 Feb 1900 08:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun, 06 Nov 1994 08.49.37 GMT",
        "Sun, 06 Nov 1994 08:49:37 AEST",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 Z",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "1994-11-06T08:49:37Z",
        "784111777",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        int64_t time_s = 7;

        print_message("case %zu: %s\n", i, texts[i]);
        assert_int_equal(date_parse(span_of_string(texts[i]), NOW_S, &time_s), -EINVAL);
        assert_int_equal(time_s, 7);
    }
}

/* From 2026-01-01 on, 2076-01-01 00:00:00 is fifty years ahead and the second after it is past. */
static void test_two_digit_year_is_at_most_fifty_years_ahead(void **state)
{
    static const struct {
        const char *text;
        const char *same;
    } cases[] = {
        {"Thursday, 01-Jan-26 00:00:00 GMT", "Thu, 01 Jan 2026 00:00:00 GMT"},
        {"Thursday, 31-Dec-75 23:59:59 GMT", "Thu, 31 Dec 2075 23:59:59 GMT"},
        {"Thursday, 01-Jan-76 00:00:00 GMT", "Thu, 01 Jan 2076 00:00:00 GMT"},
        {"Thursday, 01-Jan-76 00:00:01 GMT", "Thu, 01 Jan 1976 00:00:01 GMT"},
        {"Thursday, 01-Jan-99 00:00:00 GMT", "Thu, 01 Jan 1999 00:00:00 GMT"},
        {"Thursday, 01-Jan-00 00:00:00 GMT", "Thu, 01 Jan 2000 00:00:00 GMT"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t left = 0, right = 1;

        print_message("case %zu: %s\n", i, cases[i].text);
        assert_int_equal(date_parse(span_of_string(cases[i].text), NOW_S, &left), 0);
        assert_int_equal(date_parse(span_of_string(cases[i].same), NOW_S, &right), 0);
        assert_int_equal(left, right);
    }
}

/* In 2060, a year 05 lies in the coming century. */
static void test_two_digit_year_may_be_of_the_next_century(void **state)
{
    const int64_t in_2060_s = INT64_C(2840140800);
    int64_t time_s = 0;

    (void)state;
    assert_int_equal(
        date_parse(span_of_string("Monday, 01-Jan-05 00:00:00 GMT"), in_2060_s, &time_s), 0);
    assert_int_equal(time_s, INT64_C(4260211200)); /* 2105-01-01 */
}

static void test_format_agrees_with_libc_and_is_read_back(void **state)
{
    (void)state;
    /* About every 37 hours from 1901 to 2398, so each day of the week, month and leap rule is met.
     */
    for (int64_t time_s = INT64_C(-2177452800); time_s < INT64_C(13500000000); time_s += 133337) {
        char text[DATE_LENGTH + 1], expected[64];
        time_t libc_time = (time_t)time_s;
        int64_t back_s = 0;
        struct tm parts;

        assert_non_null(gmtime_r(&libc_time, &parts));
        assert_int_equal(strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &parts),
                         DATE_LENGTH);
        date_format(time_s, text);
        assert_string_equal(text, expected);
        assert_int_equal(date_parse(span_of_string(text), NOW_S, &back_s), 0);
        assert_int_equal(back_s, time_s);
    }
}

static void test_format_clamps_what_has_no_four_digit_year(void **state)
{
    char text[DATE_LENGTH + 1];

    (void)state;
    date_format(INT64_MAX, text);
    assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
    date_format(INT64_MIN, text);
    assert_string_equal(text, "Mon, 01 Jan 0001 00:00:00 GMT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_three_forms_are_read),
        cmocka_unit_test(test_anything_else_is_refused),
        cmocka_unit_test(test_two_digit_year_is_at_most_fifty_years_ahead),
        cmocka_unit_test(test_two_digit_year_may_be_of_the_next_century),
        cmocka_unit_test(test_format_agrees_with_libc_and_is_read_back),
        cmocka_unit_test(test_format_clamps_what_has_no_four_digit_year),
    };

    return cmocka_run_group_tests_name("date", tests, NULL, NULL);
}
