/* SPDX-License-Identifier: MIT */
/* test_purge_wish.c - what a query asks to be purged is read as it stands, or refused in words. */
#include <cmocka_all.h>

#include <errno.h>
#include <string.h>

#include "handlers/purge_wish.h"

static void test_values_are_decoded(void **state)
{
    struct purge_wish wish;
    const char *fault;

    (void)state;
    assert_int_equal(
        purge_wish_read(span_of_string("url=http://a.example/x%3Fa=b%26c+d"), &wish, &fault), 0);
    assert_int_equal(wish.kind, PURGE_URL);
    assert_int_equal(wish.value_count, 1);
    assert_true(span_equals(wish.values[0], span_of_string("http://a.example/x?a=b&c+d")));
    purge_wish_fini(&wish);
    assert_int_equal(purge_wish_read(span_of_string("tag=a&soft=1&tag=b%20c"), &wish, &fault), 0);
    assert_int_equal(wish.kind, PURGE_TAG);
    assert_true(wish.is_soft);
    assert_int_equal(wish.value_count, 2);
    assert_true(span_equals(wish.values[1], span_of_string("b c")));
    purge_wish_fini(&wish);
    assert_int_equal(purge_wish_read(span_of_string("pattern=*&soft=0"), &wish, &fault), 0);
    assert_int_equal(wish.kind, PURGE_PATTERN);
    assert_false(wish.is_soft);
    purge_wish_fini(&wish);
}

static void test_nothing_is_a_wish_too(void **state)
{
    static const char *const queries[] = {"", "&&", "soft=0", "soft=1"};

    (void)state;
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        struct purge_wish wish;
        const char *fault;

        assert_int_equal(purge_wish_read(span_of_string(queries[i]), &wish, &fault), 0);
        assert_int_equal(wish.kind, PURGE_NOTHING);
        assert_int_equal(wish.value_count, 0);
        assert_int_equal(wish.is_soft, i == 3);
        purge_wish_fini(&wish);
    }
}

static void test_what_is_not_clear_is_refused(void **state)
{
    static const struct {
        const char *query;
        const char *because;
    } rows[] = {
        {"url", "without a value"},
        {"url=", "without a value"},
        {"url=%zz", "percent-encoding"},
        {"url=http://a/&url=http://b/", "one request"},
        {"url=http://a/&tag=b", "one request"},
        {"pattern=a&pattern=b", "one request"},
        {"tag=a&soft=yes", "soft is 1 or 0"},
        {"url=http://a/?x&y=1", "unknown parameter"},
        {"URL=http://a/", "unknown parameter"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct purge_wish wish;
        const char *fault = "";

        assert_int_equal(purge_wish_read(span_of_string(rows[i].query), &wish, &fault), -EINVAL);
        if (strstr(fault, rows[i].because) == NULL)
            fail_msg("%s: %s", rows[i].query, fault);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_decoded),
        cmocka_unit_test(test_nothing_is_a_wish_too),
        cmocka_unit_test(test_what_is_not_clear_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
