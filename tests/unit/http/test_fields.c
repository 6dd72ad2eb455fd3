/* SPDX-License-Identifier: MIT */
/*
 * test_fields.c - order, spelling, limits and what is for the next hop only.
 */
#include <errno.h>
#include <stdio.h>

#include "field_list.h"

/* The list as text again. */
static const char *text_of(const struct fields *fields)
{
    static char text[512];
    struct field field;
    size_t position = 0;
    int length = 0;

    text[0] = '\0';
    while (fields_next(fields, &position, &field)) {
        length += snprintf(text + length, sizeof(text) - (size_t)length, "%.*s:%.*s\n",
                           (int)field.name.length, field.name.bytes, (int)field.value.length,
                           field.value.bytes);
        assert_true((size_t)length < sizeof(text));
    }
    return text;
}

static void test_order_and_spelling_are_kept(void **state)
{
    struct fields fields = field_list("X-a: 1\nVary:  b \t\nx-A:\nVARY: c, d\n");
    struct span value;
    size_t position = 0;

    (void)state;
    assert_string_equal(text_of(&fields), "X-a:1\nVary:b\nx-A:\nVARY:c, d\n");
    assert_int_equal(fields_count(&fields), 4);
    assert_true(fields_next_named(&fields, "vary", &position, &value));
    assert_true(span_equals(value, span_of_string("b")));
    assert_true(fields_next_named(&fields, "vary", &position, &value));
    assert_true(span_equals(value, span_of_string("c, d")));
    assert_false(fields_next_named(&fields, "vary", &position, &value));
    assert_true(fields_find(&fields, "X-A", &value));
    assert_true(span_equals(value, span_of_string("1")));
    assert_false(fields_has(&fields, "X-"));
    assert_false(fields_has(&fields, "X-ab"));
    fields_fini(&fields);
    assert_int_equal(fields_count(&fields), 0);
}

static void test_bad_names_and_values_are_refused(void **state)
{
    static const char *const bad_names[] = {"", "a b", "a:", "a\x80", "a\x7f", "(a)", "a\r"};
    static const char *const bad_values[] = {"a\rb", "a\nb", "\x01", "\x7f"};
    struct fields fields = field_list("a: 1\n");

    (void)state;
    for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++)
        assert_int_equal(fields_append(&fields, span_of_string(bad_names[i]), span_of_string("v")),
                         -EINVAL);
    for (size_t i = 0; i < sizeof(bad_values) / sizeof(bad_values[0]); i++)
        assert_int_equal(fields_append(&fields, span_of_string("n"), span_of_string(bad_values[i])),
                         -EINVAL);
    assert_int_equal(fields_append(&fields, span_of_string("n"), span_of("a\0b", 3)), -EINVAL);
    assert_int_equal(fields_append(&fields, span_of("n\0", 2), span_of_string("v")), -EINVAL);
    assert_int_equal(fields_append(&fields, span_of_string("n"), span_of_string("a\tb \xff")), 0);
    assert_string_equal(text_of(&fields), "a:1\nn:a\tb \xff\n");
    fields_fini(&fields);
}

static void test_lines_and_bytes_are_limited(void **state)
{
    static char long_value[FIELDS_BYTES_MAX];
    struct fields fields;

    (void)state;
    memset(long_value, 'v', sizeof(long_value));
    fields_init(&fields);
    assert_int_equal(
        fields_append(&fields, span_of_string("n"), span_of(long_value, FIELDS_BYTES_MAX)), -E2BIG);
    assert_int_equal(
        fields_append(&fields, span_of_string("n"), span_of(long_value, FIELDS_BYTES_MAX - 1)), 0);
    assert_int_equal(fields_append(&fields, span_of_string("n"), span_of_string("")), -E2BIG);
    assert_int_equal(fields_count(&fields), 1);
    fields_fini(&fields);

    for (int i = 0; i < FIELDS_LINES_MAX; i++)
        assert_int_equal(fields_append(&fields, span_of_string("n"), span_of_string("v")), 0);
    assert_int_equal(fields_append(&fields, span_of_string("n"), span_of_string("v")), -E2BIG);
    assert_int_equal(fields_count(&fields), FIELDS_LINES_MAX);
    fields_fini(&fields);
}

static void test_copy_has_no_hop_by_hop_lines(void **state)
{
    struct fields fields = field_list("Date: d\nConnection: close, X-Once\nKeep-Alive: 5\n"
                                      "x-once: 1\nTransfer-Encoding: chunked\nTE: x\nTrailer: t\n"
                                      "Upgrade: u\nProxy-Authenticate: p\nProxy-Connection: c\n"
                                      "connection: y\nY: 2\nX-Onces: stays\nSet-Cookie: dropped\n"
                                      "Content-Length: 3\n");
    struct fields copy;

    (void)state;
    assert_int_equal(fields_copy_end_to_end(&fields, NULL, &copy), 0);
    assert_string_equal(text_of(&copy),
                        "Date:d\nX-Onces:stays\nSet-Cookie:dropped\nContent-Length:3\n");
    fields_fini(&fields);
    assert_string_equal(text_of(&copy),
                        "Date:d\nX-Onces:stays\nSet-Cookie:dropped\nContent-Length:3\n");
    fields_fini(&copy);
}

static bool is_set_cookie(struct span name)
{
    return span_equals_ignoring_case(name, span_of_string("set-cookie"));
}

static void test_copy_leaves_out_what_the_caller_names(void **state)
{
    struct fields fields = field_list("a: 1\nSET-COOKIE: x\nb: 2\n");
    struct fields copy, empty;

    (void)state;
    assert_int_equal(fields_copy_end_to_end(&fields, is_set_cookie, &copy), 0);
    assert_string_equal(text_of(&copy), "a:1\nb:2\n");
    assert_true(fields_memory_bytes(&copy) < fields_memory_bytes(&fields));
    fields_fini(&fields);
    assert_int_equal(fields_copy_end_to_end(&fields, NULL, &empty), 0);
    assert_int_equal(fields_count(&empty), 0);
    assert_int_equal(fields_memory_bytes(&empty), 0);
    fields_fini(&copy);
}

/* What is kept as text reads as the copy does, and may be copied and written again. */
static void test_text_is_a_list_of_the_same_lines(void **state)
{
    struct fields fields =
        field_list("a: 1\nConnection: X\nx: hop\nSET-COOKIE: y\nEmpty:\nb: 2:3 4\n");
    struct fields kept, copy;
    char text[200], again[200];
    struct span value;
    size_t length;

    (void)state;
    assert_true(fields_text_bytes(&fields) <= sizeof(text));
    length = fields_write_end_to_end(&fields, is_set_cookie, text);
    assert_true(length <= fields_text_bytes(&fields));
    fields_fini(&fields);
    assert_true(
        span_equals(span_of(text, length), span_of_string("a: 1\r\nEmpty: \r\nb: 2:3 4\r\n")));
    kept = fields_of_text(text, length);
    assert_string_equal(text_of(&kept), "a:1\nEmpty:\nb:2:3 4\n");
    assert_int_equal(fields_count(&kept), 3);
    assert_true(fields_find(&kept, "B", &value));
    assert_true(span_equals(value, span_of_string("2:3 4")));
    assert_int_equal(fields_copy_end_to_end(&kept, NULL, &copy), 0);
    assert_string_equal(text_of(&copy), "a:1\nEmpty:\nb:2:3 4\n");
    fields_fini(&copy);
    assert_int_equal(fields_text_bytes(&kept), length);
    assert_int_equal(fields_write_end_to_end(&kept, NULL, again), length);
    assert_memory_equal(again, text, length);
    kept = fields_of_text(text, 0);
    assert_int_equal(fields_count(&kept), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_spelling_are_kept),
        cmocka_unit_test(test_bad_names_and_values_are_refused),
        cmocka_unit_test(test_lines_and_bytes_are_limited),
        cmocka_unit_test(test_copy_has_no_hop_by_hop_lines),
        cmocka_unit_test(test_copy_leaves_out_what_the_caller_names),
        cmocka_unit_test(test_text_is_a_list_of_the_same_lines),
    };

    return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}
