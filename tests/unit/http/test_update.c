/* SPDX-License-Identifier: MIT */
/*
 * test_update.c - RFC 9111 sections 3.2, 4.3.4 and 4.3.5: what a 304 or a HEAD changes.
 */
#include <http/update.h>

#include <errno.h>

#include "field_list.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define NOW_S        INT64_C(784111777) /* Sun, 06 Nov 1994 08:49:37 GMT */

#define LONG_AGO "Last-Modified: Sun, 06 Nov 1994 08:00:00 GMT\n"
#define LATER    "Last-Modified: Sun, 06 Nov 1994 08:10:00 GMT\n"
#define DATE     "Date: Sun, 06 Nov 1994 08:49:00 GMT\n"
#define SAME     "Date: Sun, 06 Nov 1994 08:00:00 GMT\n"

/* RFC 9111 section 4.3.4, bullet by bullet. */
static void test_a_304_is_about_what_its_validators_name(void **state)
{
    static const struct {
        const char *stored;
        const char *response;
        enum update_match match;
    } cases[] = {
        {"ETag: \"a\"\n", "ETag: \"a\"\n", UPDATE_STRONG},
        {"ETag: \"a\"\n", "ETag: \"b\"\n", UPDATE_NO},
        {"ETag: \"a\"\n" LONG_AGO, "ETag: \"b\"\n" LONG_AGO, UPDATE_NO},
        {"ETag: \"a\"\n" LONG_AGO, "ETag: \"a\"\n" LATER, UPDATE_STRONG},
        {"ETag: W/\"a\"\n", "ETag: \"a\"\n", UPDATE_NO},
        {"ETag: \"a\"\n", "ETag: W/\"a\"\n", UPDATE_WEAK},
        {"ETag: W/\"a\"\n", "ETag: W/\"a\"\n", UPDATE_WEAK},
        {"ETag: W/\"a\"\n", "ETag: W/\"b\"\n", UPDATE_NO},
        {LONG_AGO, LONG_AGO, UPDATE_WEAK},
        {LONG_AGO DATE, LONG_AGO DATE, UPDATE_STRONG},
        {LONG_AGO SAME, LONG_AGO DATE, UPDATE_WEAK},
        {LONG_AGO, LATER, UPDATE_NO},
        {LONG_AGO "ETag: \"a\"\n", LONG_AGO, UPDATE_WEAK},
        {LONG_AGO, LONG_AGO "ETag: \"a\"\n", UPDATE_WEAK},
        {"", "ETag: \"a\"\n", UPDATE_NO},
        {"", LONG_AGO, UPDATE_NO},
        {"", "", UPDATE_SOLE},
        {"ETag: \"a\"\n", "", UPDATE_SOLE},
        {"", "ETag: a\nLast-Modified: junk\n", UPDATE_SOLE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fields stored = field_list(cases[i].stored);
        struct fields response = field_list(cases[i].response);

        print_message("case %zu: %s / %s\n", i, cases[i].stored, cases[i].response);
        assert_int_equal(update_match(&stored, &response, NOW_S), cases[i].match);
        fields_fini(&stored);
        fields_fini(&response);
    }
}

/* RFC 9111 section 4.3.5. */
static void test_a_head_is_about_what_it_agrees_with(void **state)
{
    static const struct {
        const char *stored;
        int64_t stored_bytes;
        const char *response;
        bool matches;
    } cases[] = {
        {"", 5, "", true},
        {"ETag: \"a\"\n", 5, "ETag: \"a\"\n", true},
        {"ETag: \"a\"\n", 5, "", true},
        {"ETag: \"a\"\n", 5, "ETag: \"b\"\n", false},
        {"ETag: \"a\"\n", 5, "ETag: W/\"a\"\n", false},
        {"", 5, "ETag: \"a\"\n", false},
        {LONG_AGO, 5, LONG_AGO, true},
        {LONG_AGO, 5, LATER, false},
        {"", 5, LATER, false},
        {"", 5, "Content-Length: 5\n", true},
        {"", 5, "Content-Length: 05\n", true},
        {"", 5, "Content-Length: 6\n", false},
        {"", 5, "Content-Length: 5x\n", false},
        {"", 5, "Content-Length:\n", false},
        {"", 5, "Content-Length: 99999999999999999999\n", false},
        {"", -1, "Content-Length: 6\n", true},
        {"ETag: \"a\"\n" LONG_AGO, 5, "ETag: \"a\"\n" LONG_AGO "Content-Length: 6\n", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fields stored = field_list(cases[i].stored);
        struct fields response = field_list(cases[i].response);

        print_message("case %zu: %s / %s\n", i, cases[i].stored, cases[i].response);
        assert_int_equal(update_head_matches(&stored, cases[i].stored_bytes, &response),
                         cases[i].matches);
        fields_fini(&stored);
        fields_fini(&response);
    }
}

static bool is_secret(struct span name)
{
    return span_equals_ignoring_case(name, span_of_string("secret"));
}

static void assert_fields_equal(const struct fields *actual, const char *lines)
{
    struct fields expected = field_list(lines);
    struct field left, right;
    size_t left_position = 0, right_position = 0;

    assert_int_equal(fields_count(actual), fields_count(&expected));
    while (fields_next(actual, &left_position, &left)) {
        assert_true(fields_next(&expected, &right_position, &right));
        print_message("  %.*s: %.*s\n", (int)left.name.length, left.name.bytes,
                      (int)left.value.length, left.value.bytes);
        assert_true(span_equals(left.name, right.name));
        assert_true(span_equals(left.value, right.value));
    }
    fields_fini(&expected);
}

/* RFC 9111 section 3.2. */
static void test_newer_fields_take_the_place_of_stored_ones(void **state)
{
    static const struct {
        const char *stored;
        const char *newer;
        const char *result;
    } cases[] = {
        {"", "", ""},
        {"A: 1\n", "", "A: 1\n"},
        {"A: 1\nB: 2\n", "a: 3\n", "a: 3\nB: 2\n"},
        {"A: 1\n", "C: 3\nB: 2\n", "A: 1\nC: 3\nB: 2\n"},
        {"A: 1\nB: 2\nA: 3\n", "A: 4\n", "A: 4\nB: 2\n"},
        {"A: 1\nB: 2\nA: 3\n", "A: 4\nC: 5\nA: 6\nA: 7\n", "A: 4\nA: 6\nA: 7\nB: 2\nC: 5\n"},
        {"A: 1\n", "A:\n", "A:\n"},
        {"Cache-Control: max-age=1\nCache-Control: public\n", "Cache-Control: no-cache\n",
         "Cache-Control: no-cache\n"},
        {"Content-Type: text/plain\n", "Content-Type: text/html\n", "Content-Type: text/html\n"},
        {"Content-Foo: a\nX-Content-Foo: a\n", "Content-Foo: b\nX-Content-Foo: b\n",
         "Content-Foo: b\nX-Content-Foo: b\n"},
        {"Content-Location: /a\nETag: \"a\"\nExpires: 0\n",
         "Content-Location: /b\nETag: \"b\"\nExpires: 1\n",
         "Content-Location: /b\nETag: \"b\"\nExpires: 1\n"},
        {"Set-Cookie: a=b\n", "Set-Cookie: a=c\n", "Set-Cookie: a=c\n"},
        /* The body stays as it is. */
        {"Content-Length: 5\n", "Content-Length: 0\n", "Content-Length: 5\n"},
        {"", "content-length: 0\n", ""},
        {"Content-Encoding: br\n", "Content-Encoding: gzip\n", "Content-Encoding: br\n"},
        {"", "Content-Encoding: gzip\n", ""},
        {"", "Content-Range: bytes 0-1/2\n", ""},
        /* Fields for the next hop: section 3.1. */
        {"A: 1\nB: 2\n",
         "Connection: a, close\nA: 3\nB: 4\nKeep-Alive: timeout=5\n"
         "Proxy-Authenticate: x\nUpgrade: y\nTransfer-Encoding: chunked\n",
         "A: 1\nB: 4\n"},
        /* The times of the old answer are not those of the new one. */
        {"Date: Sun, 06 Nov 1994 08:00:00 GMT\nAge: 5\nA: 1\n",
         "Date: Sun, 06 Nov 1994 09:00:00 GMT\n", "Date: Sun, 06 Nov 1994 09:00:00 GMT\nA: 1\n"},
        {"Date: Sun, 06 Nov 1994 08:00:00 GMT\nAge: 5\nA: 1\n", "Age: 7\n", "Age: 7\nA: 1\n"},
        {"Secret: 1\nA: 2\n", "secret: 3\nB: 4\n", "A: 2\nB: 4\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fields stored = field_list(cases[i].stored);
        struct fields newer = field_list(cases[i].newer);
        struct fields result;

        print_message("case %zu: %s+ %s\n", i, cases[i].stored, cases[i].newer);
        assert_int_equal(update_fields(&stored, &newer, is_secret, &result), 0);
        assert_fields_equal(&result, cases[i].result);
        fields_fini(&stored);
        fields_fini(&newer);
        fields_fini(&result);
    }
}

static void test_too_many_lines_are_refused(void **state)
{
    struct fields stored, newer, result;

    (void)state;
    fields_init(&stored);
    for (int i = 0; i < FIELDS_LINES_MAX; i++)
        assert_int_equal(fields_append(&stored, span_of("a", 1), span_of("", 0)), 0);
    newer = field_list("B: 1\n");
    fields_init(&result);
    assert_int_equal(update_fields(&stored, &newer, NULL, &result), -E2BIG);
    assert_int_equal(fields_count(&result), 0);
    fields_fini(&stored);
    fields_fini(&newer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_304_is_about_what_its_validators_name),
        cmocka_unit_test(test_a_head_is_about_what_it_agrees_with),
        cmocka_unit_test(test_newer_fields_take_the_place_of_stored_ones),
        cmocka_unit_test(test_too_many_lines_are_refused),
    };

    return cmocka_run_group_tests_name("update", tests, NULL, NULL);
}
