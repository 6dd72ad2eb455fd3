/* SPDX-License-Identifier: MIT */
/* test_select.c - JSON pointers: the examples of RFC 6901 section 5, and what is not JSON. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"

#include "handlers/select.h"

static int select_text(const char *json, const char *pointer, char **ret_text)
{
    struct body *body;
    int err;

    assert_int_equal(body_new(BODY_LENGTH_UNKNOWN, &body), 0);
    assert_int_equal(body_append(body, json, strlen(json)), 0);
    body_finish(body, 0);
    err = select_value(body, pointer, ret_text);
    body_unref(body);
    return err;
}

static void assert_selects(const char *json, const char *pointer, const char *expected)
{
    char *text = NULL;
    int err = select_text(json, pointer, &text);

    if (err < 0)
        fail_msg("\"%s\": %d", pointer, err);
    size_t length = strlen(expected);
    assert_memory_equal(text, expected, length);
    assert_string_equal(text + length, "\n");
    free(text);
}

static void test_pointers_of_the_standard(void **state)
{
    static const char json[] =
        "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,"
        "\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8}";

    (void)state;
    assert_selects(json, "/foo", "[\"bar\",\"baz\"]");
    assert_selects(json, "/foo/0", "\"bar\"");
    assert_selects(json, "/", "0");
    assert_selects(json, "/a~1b", "1");
    assert_selects(json, "/c%d", "2");
    assert_selects(json, "/e^f", "3");
    assert_selects(json, "/g|h", "4");
    assert_selects(json, "/i\\j", "5");
    assert_selects(json, "/k\"l", "6");
    assert_selects(json, "/ ", "7");
    assert_selects(json, "/m~0n", "8");
}

static void test_the_empty_pointer_is_the_whole(void **state)
{
    (void)state;
    assert_selects(" [1, 2 , {\"b\":1,\"a\":2}] ", "", "[1,2,{\"b\":1,\"a\":2}]");
    assert_selects("\"text\"", "", "\"text\"");
    assert_selects("null", "", "null");
}

static void test_values_keep_their_precision(void **state)
{
    (void)state;
    assert_selects("[0.1, 1.25, 100.0]", "", "[0.1,1.25,100.0]");
    assert_selects("[0.30000000000000004]", "/0", "0.30000000000000004");
    assert_selects("[9007199254740993]", "/0", "9007199254740993");
    assert_selects("[\"\\u00e9\\u0000\"]", "/0", "\"\xc3\xa9\\u0000\"");
}

static void test_what_is_not_there_is_not_found(void **state)
{
    static const char *const pointers[] = {
        "/b", "/a/2", "/a/-", "/a/01", "/a/x", "/a/0/y", "/a/99999999999999999999", "/a/"};
    char *text = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++)
        assert_int_equal(select_text("{\"a\":[1,2]}", pointers[i], &text), -ENOENT);
    assert_null(text);
}

static void test_what_is_not_json_is_refused(void **state)
{
    static const char *const texts[] = {"",        "<html>", "{\"a\":1", "{\"a\":1} x",
                                        "{'a':1}", "[1,]",   "nul",      "[\"\xff\"]"};
    char *text = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (select_text(texts[i], "", &text) != -EBADMSG)
            fail_msg("\"%s\" was taken for JSON", texts[i]);
    }
    assert_null(text);
}

/* A body in many chunks is read where it lies. */
static void test_long_bodies_are_read_in_pieces(void **state)
{
    struct body *body;
    char *text;

    (void)state;
    assert_int_equal(body_new(BODY_LENGTH_UNKNOWN, &body), 0);
    assert_int_equal(body_append(body, "[", 1), 0);
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal(body_append(body, "12345,", 6), 0);
    assert_int_equal(body_append(body, "\"end\"]", 6), 0);
    body_finish(body, 0);
    assert_int_equal(select_value(body, "/100000", &text), 0);
    assert_string_equal(text, "\"end\"\n");
    free(text);
    body_unref(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pointers_of_the_standard),
        cmocka_unit_test(test_the_empty_pointer_is_the_whole),
        cmocka_unit_test(test_values_keep_their_precision),
        cmocka_unit_test(test_what_is_not_there_is_not_found),
        cmocka_unit_test(test_what_is_not_json_is_refused),
        cmocka_unit_test(test_long_bodies_are_read_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
