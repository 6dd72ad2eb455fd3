/* SPDX-License-Identifier: MIT */
/*
 * test_list.c - members of lists, with quotes and without.
 */
#include <http/list.h>
#include <stdlib.h>

#include "cmocka_all.h"

/* The members of the value, each in brackets. */
static const char *members(const char *value)
{
    static char text[256];
    struct span member;
    struct list list;
    size_t length = 0;

    list_init(&list, span_of_string(value), ',');
    text[0] = '\0';
    while (list_next(&list, &member)) {
        assert_true(length + member.length + 3 <= sizeof(text));
        text[length++] = '[';
        memcpy(text + length, member.bytes, member.length);
        length += member.length;
        text[length++] = ']';
        text[length] = '\0';
    }
    return text;
}

static void test_members_are_trimmed_and_empty_ones_skipped(void **state)
{
    (void)state;
    assert_string_equal(members(""), "");
    assert_string_equal(members(" , ,\t"), "");
    assert_string_equal(members("a"), "[a]");
    assert_string_equal(members(" a b , c,,d "), "[a b][c][d]");
}

static void test_comma_in_a_quoted_string_does_not_separate(void **state)
{
    (void)state;
    assert_string_equal(members("a=\"b, c\", d"), "[a=\"b, c\"][d]");
    assert_string_equal(members("a=\"b\\\", c\", d"), "[a=\"b\\\", c\"][d]");
    assert_string_equal(members("\"\",a"), "[\"\"][a]");
}

static void test_quote_that_never_closes_hides_nothing(void **state)
{
    (void)state;
    assert_string_equal(members("a=\"b, no-store"), "[a=\"b][no-store]");
    assert_string_equal(members("a=\"b\\\", c"), "[a=\"b\\\"][c]");
    assert_string_equal(members("\\\", \\\",x"), "[\\\"][\\\"][x]");
}

/* Each member has a quote that only looks closed: to search the rest for each would take minutes.
 */
static void test_many_open_quotes_take_linear_time(void **state)
{
    size_t length = 4 * 1024 * 1024, count = 0;
    char *value = malloc(length);
    struct span member;
    struct list list;

    (void)state;
    assert_non_null(value);
    for (size_t i = 0; i < length; i++)
        value[i] = i == 0 ? '"' : "\\\","[(i - 1) % 3];
    list_init(&list, span_of(value, length), ',');
    while (list_next(&list, &member))
        count++;
    assert_true(count > length / 4);
    free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_are_trimmed_and_empty_ones_skipped),
        cmocka_unit_test(test_comma_in_a_quoted_string_does_not_separate),
        cmocka_unit_test(test_quote_that_never_closes_hides_nothing),
        cmocka_unit_test(test_many_open_quotes_take_linear_time),
    };

    return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
