/* SPDX-License-Identifier: MIT */
/*
 * test_vary.c - RFC 9111 section 4.1: which requests share an answer, and which must not.
 */
#include <http/vary.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "field_list.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct vary_names names_of(const char *lines)
{
    struct fields fields = field_list(lines);
    struct vary_names names;

    assert_int_equal(vary_names_read(&fields, &names), 0);
    assert_int_equal(vary_is_any(&fields), names.is_any);
    fields_fini(&fields);
    return names;
}

static bool names_are(const struct vary_names *names, const char *expected)
{
    return span_equals(span_of(names->bytes, names->bytes_count), span_of_string(expected));
}

/* RFC 9110 section 12.5.5: a list on one or several lines, names without case, or "*". */
static void test_names_come_from_all_lines(void **state)
{
    static const struct {
        const char *lines;
        const char *names; /* NULL: any */
        size_t count;
    } cases[] = {
        {"", "", 0},
        {"Vary:\n", "", 0},
        {"Vary: ,, ,\n", "", 0},
        {"Vary: Accept\n", "accept", 1},
        {"vary: B, a ,C\n", "a,b,c", 3},
        {"Vary: a\nX: b\nVary: c, A\n", "a,c", 2},
        {"Vary: ab, a, abc, AB\n", "a,ab,abc", 3},
        {"Vary: *\n", NULL, 0},
        {"Vary: *, *\n", NULL, 0},
        {"Vary: , *\n", NULL, 0},
        {"Vary:\nVary: *\n", NULL, 0},
        {"Vary: foo, *\n", NULL, 0},
        {"Vary: *, foo\n", NULL, 0},
        {"Vary: foo\nVary: *\n", NULL, 0},
        {"Vary: x*\n", "x*", 1},
        {"Vary: two words\n", NULL, 0},
        {"Vary: \"*\"\n", NULL, 0},
        {"Vary: a=b\n", NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct vary_names names = names_of(cases[i].lines);

        print_message("case %zu: %s\n", i, cases[i].lines);
        assert_int_equal(names.is_any, cases[i].names == NULL);
        assert_int_equal(names.count, cases[i].count);
        assert_true(names_are(&names, cases[i].names == NULL ? "" : cases[i].names));
        vary_names_fini(&names);
    }
}

static struct vary_names names_of_numbered(int count, int digits)
{
    struct vary_names names;
    struct fields fields;
    char name[128];

    fields_init(&fields);
    for (int i = 0; i < count; i++) {
        int length = snprintf(name, sizeof name, "%0*d", digits, i);

        assert_int_equal(
            fields_append(&fields, span_of_string("Vary"), span_of(name, (size_t)length)), 0);
    }
    assert_int_equal(vary_names_read(&fields, &names), 0);
    fields_fini(&fields);
    return names;
}

static void test_too_many_names_match_nothing(void **state)
{
    static const struct {
        int count;
        int digits;
        bool is_any;
    } cases[] = {
        {VARY_NAMES_MAX, 4, false},
        {VARY_NAMES_MAX + 1, 4, true},
        {VARY_NAMES_BYTES_MAX / 64, 63, false},
        {VARY_NAMES_BYTES_MAX / 64 + 1, 63, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct vary_names names = names_of_numbered(cases[i].count, cases[i].digits);

        assert_int_equal(names.is_any, cases[i].is_any);
        assert_int_equal(names.count, cases[i].is_any ? 0 : cases[i].count);
        vary_names_fini(&names);
    }
}

static void test_walk_yields_each_name_once(void **state)
{
    struct vary_names names = names_of("Vary: beta, Alpha\n");
    struct span name;
    size_t position = 0;

    (void)state;
    assert_true(vary_names_next(&names, &position, &name));
    assert_true(span_equals(name, span_of_string("alpha")));
    assert_true(vary_names_next(&names, &position, &name));
    assert_true(span_equals(name, span_of_string("beta")));
    assert_false(vary_names_next(&names, &position, &name));
    vary_names_fini(&names);
    position = 0;
    assert_false(vary_names_next(&names, &position, &name));
}

static void test_union_has_the_names_of_both(void **state)
{
    static const struct {
        const char *left;
        const char *right;
        const char *both; /* NULL: any */
    } cases[] = {
        {"", "", ""},
        {"Vary: b\n", "", "b"},
        {"", "Vary: b\n", "b"},
        {"Vary: b, c\n", "Vary: a, C\n", "a,b,c"},
        {"Vary: *\n", "Vary: a\n", NULL},
        {"Vary: a\n", "Vary: *\n", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct vary_names left = names_of(cases[i].left);
        struct vary_names right = names_of(cases[i].right);
        struct vary_names both;

        assert_int_equal(vary_names_union(&left, &right, &both), 0);
        assert_int_equal(both.is_any, cases[i].both == NULL);
        assert_true(names_are(&both, cases[i].both == NULL ? "" : cases[i].both));
        assert_int_equal(vary_names_equal(&left, &both),
                         left.is_any == both.is_any && left.bytes_count == both.bytes_count);
        vary_names_fini(&left);
        vary_names_fini(&right);
        vary_names_fini(&both);
    }
}

struct selection {
    char bytes[4096];
    size_t length;
};

static void select_lines(const char *vary, const char *request, struct selection *ret_selection)
{
    struct vary_names names = names_of(vary);
    struct fields fields = field_list(request);

    assert_int_equal(vary_select(&names, field_view_of(&fields), ret_selection->bytes,
                                 sizeof ret_selection->bytes, &ret_selection->length),
                     0);
    fields_fini(&fields);
    vary_names_fini(&names);
}

static bool selections_equal(const struct selection *left, const struct selection *right)
{
    return span_equals(span_of(left->bytes, left->length), span_of(right->bytes, right->length));
}

struct pair {
    const char *vary;
    const char *left;
    const char *right;
};

static void check_pairs(const struct pair *pairs, size_t count, bool is_equal)
{
    for (size_t i = 0; i < count; i++) {
        struct selection left, right;

        select_lines(pairs[i].vary, pairs[i].left, &left);
        select_lines(pairs[i].vary, pairs[i].right, &right);
        print_message("case %zu: %.*s / %.*s\n", i, (int)left.length, left.bytes, (int)right.length,
                      right.bytes);
        assert_int_equal(selections_equal(&left, &right), is_equal);
    }
}

/* RFC 9111 section 4.1: the changes to a selecting field that a cache may overlook. */
static void test_requests_that_mean_the_same_share_an_answer(void **state)
{
    static const struct pair pairs[] = {
        {"", "Foo: 1\n", "Foo: 2\n"},
        {"Vary: Foo\n", "", "Bar: 1\n"},
        {"Vary: Foo\n", "Foo: 1\n", "foo: 1\n"},
        {"Vary: Foo\n", "Foo: 1\nOther: 2\n", "Other: 3\nFoo: 1\n"},
        {"Vary: Foo\n", "Foo: 1,2\n", "Foo: 1, 2 \n"},
        {"Vary: Foo\n", "Foo: 1, 2\n", "Foo: 1\nFoo: 2\n"},
        {"Vary: Foo\n", "Foo: 1, 2\n", "Foo: 1,, 2,\n"},
        {"Vary: Foo, Bar\n", "Foo: 1\nBar: abc\n", "Bar: abc\nFoo: 1\n"},
        {"Vary: Cookie\n", "Cookie: a=b\n", "cookie:  a=b\n"},
        {"Vary: Accept-Language\n", "Accept-Language: en, de\n", "Accept-Language: de, en\n"},
        {"Vary: Accept-Language\n", "Accept-Language: en, de\n", "Accept-Language: eN,De\n"},
        {"Vary: Accept-Language\n", "Accept-Language: en, de\n", "Accept-Language:  en ,   de\n"},
        {"Vary: Accept-Language\n", "Accept-Language: en;q=0.5, de\n",
         "Accept-Language: de;q=1.0\nAccept-Language: en ; Q=0.500\n"},
        {"Vary: Accept-Language\n", "Accept-Language: en, fr;q=0\n", "Accept-Language: en\n"},
        {"Vary: Accept-Language\n", "Accept-Language: en, EN\n", "Accept-Language: en\n"},
        {"Vary: Accept-Encoding\n", "Accept-Encoding: gzip, br\n", "Accept-Encoding: BR,gzip\n"},
        {"Vary: Accept-Encoding\n", "Accept-Encoding: x-gzip\n", "Accept-Encoding: gzip;q=1\n"},
        {"Vary: Accept-Encoding\n", "Accept-Encoding: x-compress\n",
         "Accept-Encoding: compress;q=1\n"},
        {"Vary: Accept-Encoding\n", "Accept-Encoding: gzip;q=0\n", "Accept-Encoding:\n"},
        {"Vary: Accept-Encoding\n", "Accept-Encoding: identity;q=0.5\n", "Accept-Encoding:\n"},
        {"Vary: Accept-Encoding\n", "Accept-Encoding: br, gzip;q=0\n", "Accept-Encoding: br\n"},
        {"Vary: Accept-Encoding\n", "Accept-Encoding: br, gzip;q=0, *;q=0\n",
         "Accept-Encoding: *;q=0, br\n"},
    };

    (void)state;
    check_pairs(pairs, COUNT(pairs), true);
}

/* RFC 9111 section 4.1: absent fields match only absent ones; anything else has to match. */
static void test_requests_that_may_mean_different_things_do_not(void **state)
{
    static const struct pair pairs[] = {
        {"Vary: Foo\n", "Foo: 1\n", "Foo: 2\n"},
        {"Vary: Foo\n", "Foo: 1\n", ""},
        {"Vary: Foo\n", "Foo:\n", ""},
        {"Vary: Foo\n", "Foo: a\n", "Foo: A\n"},
        {"Vary: Foo\n", "Foo: 1, 2\n", "Foo: 2, 1\n"},
        {"Vary: Foo\n", "Foo: 1 2\n", "Foo: 12\n"},
        {"Vary: Foo\n", "Foo: \"a,b\"\n", "Foo: \"a, b\"\n"},
        {"Vary: Foo\n", "Foo: \"a,b\"\n", "Foo: \"a, b\n"},
        {"Vary: Foo\n", "Foo: \"a, b\"\n", "Foo: \"a\nFoo: b\"\n"},
        {"Vary: Foo, Bar\n", "Foo: 1\n", "Bar: 1\n"},
        {"Vary: Foo, Bar\n", "Foo: 1\nBar: 2\n", "Foo: 2\nBar: 1\n"},
        {"Vary: Foo, Bar\n", "Foo: 1\n", "Foo: 1\nBar:\n"},
        {"Vary: A, B\n", "A: 1B=000012\n", "A: 1\nB: 2\n"},
        {"Vary: Cookie\n", "Cookie: a=b,c\n", "Cookie: a=b, c\n"},
        {"Vary: Authorization\n", "Authorization: Basic YQ==\n", "Authorization: basic YQ==\n"},
        {"Vary: User-Agent\n", "User-Agent: a (b, c)\n", "User-Agent: a (b,c)\n"},
        {"Vary: Accept-Language\n", "Accept-Language: en, de\n", "Accept-Language: en\n"},
        {"Vary: Accept-Language\n", "Accept-Language: en;q=0.9, de\n",
         "Accept-Language: en, de;q=0.9\n"},
        {"Vary: Accept-Language\n", "Accept-Language: en;q=0.9, de\n",
         "Accept-Language: en;q=0.8, de\n"},
        {"Vary: Accept-Language\n", "Accept-Language: en, en-GB;q=0\n", "Accept-Language: en\n"},
        {"Vary: Accept-Language\n", "Accept-Language: en, de\n", "Accept-Language: de, fr;q=0.5\n"},
        {"Vary: Accept-Language\n", "Accept-Language: de-AT, de;q=0\n", "Accept-Language: de-AT\n"},
        {"Vary: Accept-Language\n", "Accept-Language: *, fr;q=0\n", "Accept-Language: *\n"},
        {"Vary: Accept-Language\n", "Accept-Language: fr;q=0\n", "Accept-Language:\n"},
        {"Vary: Accept-Language\n", "Accept-Language: en;q=0.5\n", "Accept-Language: en;500\n"},
        {"Vary: Accept-Language\n", "Accept-Language: en;q=2\n", "Accept-Language: en\n"},
        {"Vary: Accept-Language\n", "Accept-Language: en, en;q=0.5\n",
         "Accept-Language: en;q=0.5, en\n"},
        {"Vary: Accept-Encoding\n", "Accept-Encoding:\n", ""},
        {"Vary: Accept-Encoding\n", "Accept-Encoding: gzip\n", "Accept-Encoding: br\n"},
        {"Vary: Accept-Encoding\n", "Accept-Encoding: gzip\n", "Accept-Encoding: gzip, identity\n"},
        {"Vary: Accept-Encoding\n", "Accept-Encoding: gzip\n",
         "Accept-Encoding: gzip, identity;q=0\n"},
        {"Vary: Accept-Encoding\n", "Accept-Encoding: gzip\n", "Accept-Encoding: gzip, *;q=0\n"},
        {"Vary: Accept-Encoding\n", "Accept-Encoding: *\n", "Accept-Encoding: *, br;q=0\n"},
        {"Vary: Accept-Encoding\n", "Accept-Encoding: *;q=0\n", "Accept-Encoding:\n"},
        {"Vary: Accept-Encoding\n", "Accept-Encoding: gzip;x=1\n", "Accept-Encoding: gzip\n"},
    };

    (void)state;
    check_pairs(pairs, COUNT(pairs), false);
}

static void test_selections_by_different_names_differ(void **state)
{
    struct selection left, right;

    (void)state;
    select_lines("Vary: a\n", "a: 1\nab: 1\n", &left);
    select_lines("Vary: ab\n", "a: 1\nab: 1\n", &right);
    assert_false(selections_equal(&left, &right));
    select_lines("Vary: a, b\n", "", &left);
    select_lines("Vary: a\n", "", &right);
    assert_false(selections_equal(&left, &right));
    select_lines("", "a: 1\n", &left);
    assert_int_equal(left.length, 0);
}

static void test_an_array_of_lines_selects_as_fields_do(void **state)
{
    struct field lines[] = {
        {{"ACCEPT", 6}, {"a/b", 3}},
        {{"x", 1}, {"y", 1}},
        {{"accept", 6}, {"c/d", 3}},
    };
    struct vary_names names = names_of("Vary: Accept\n");
    struct selection left, right;

    (void)state;
    select_lines("Vary: Accept\n", "Accept: a/b, c/d\n", &left);
    assert_int_equal(vary_select(&names, field_view_of_lines(lines, COUNT(lines)), right.bytes,
                                 sizeof right.bytes, &right.length),
                     0);
    assert_true(selections_equal(&left, &right));
    vary_names_fini(&names);
}

static void test_what_does_not_fit_is_an_error_at_every_length(void **state)
{
    struct vary_names names = names_of("Vary: Accept-Language, Cookie, X\n");
    struct fields fields = field_list("Accept-Language: de, en;q=0.5\nX: a, b\n");
    char buffer[128];
    size_t length = 0, shorter = 77;

    (void)state;
    assert_int_equal(vary_select(&names, field_view_of(&fields), buffer, sizeof buffer, &length),
                     0);
    for (size_t room = 0; room < length; room++) {
        char *exact = malloc(room + 1);

        assert_non_null(exact);
        assert_int_equal(vary_select(&names, field_view_of(&fields), exact, room, &shorter),
                         -ENOBUFS);
        assert_int_equal(shorter, 77);
        free(exact);
    }
    assert_int_equal(vary_select(&names, field_view_of(&fields), buffer, length, &shorter), 0);
    assert_int_equal(shorter, length);
    fields_fini(&fields);
    vary_names_fini(&names);
}

static void test_a_value_over_the_limit_is_an_error(void **state)
{
    struct vary_names names = names_of("Vary: x\n");
    size_t room = VARY_VALUE_BYTES_MAX + 100, length;
    char *buffer = malloc(room), *value = malloc(room);
    struct field line = {{"x", 1}, {value, VARY_VALUE_BYTES_MAX}};

    (void)state;
    assert_non_null(buffer);
    assert_non_null(value);
    memset(value, 'v', room);
    assert_int_equal(vary_select(&names, field_view_of_lines(&line, 1), buffer, room, &length), 0);
    line.value.length++;
    assert_int_equal(vary_select(&names, field_view_of_lines(&line, 1), buffer, room, &length),
                     -ENOBUFS);
    free(buffer);
    free(value);
    vary_names_fini(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_come_from_all_lines),
        cmocka_unit_test(test_too_many_names_match_nothing),
        cmocka_unit_test(test_walk_yields_each_name_once),
        cmocka_unit_test(test_union_has_the_names_of_both),
        cmocka_unit_test(test_requests_that_mean_the_same_share_an_answer),
        cmocka_unit_test(test_requests_that_may_mean_different_things_do_not),
        cmocka_unit_test(test_selections_by_different_names_differ),
        cmocka_unit_test(test_an_array_of_lines_selects_as_fields_do),
        cmocka_unit_test(test_what_does_not_fit_is_an_error_at_every_length),
        cmocka_unit_test(test_a_value_over_the_limit_is_an_error),
    };

    return cmocka_run_group_tests_name("vary", tests, NULL, NULL);
}
