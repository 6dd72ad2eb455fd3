/* SPDX-License-Identifier: MIT */
/* test_lines.c - on which line of a JSON text each key stands. */
#include <cmocka_all.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/lines.h"

static struct lines *lines_of(const char *text)
{
    struct lines *lines = NULL;
    assert_int_equal(lines_new(text, strlen(text), &lines), 0);
    return lines;
}

static void test_keys_are_found_by_path(void **state)
{
    struct lines *lines = lines_of("{\n"
                                   "  \"a\": 1,\n"
                                   "  \"b\": {\"c\": {\n"
                                   "    \"d\": [\"x\",\n"
                                   "          {\"e\": null}]},\n"
                                   "    \"f\":\n"
                                   "      -1.5e3},\n"
                                   "  \"g\": true\n"
                                   "}\n");
    (void)state;
    assert_int_equal(lines_find(lines, "a"), 2);
    assert_int_equal(lines_find(lines, "b"), 3);
    assert_int_equal(lines_find(lines, "b.c"), 3);
    assert_int_equal(lines_find(lines, "b.c.d"), 4);
    assert_int_equal(lines_find(lines, "b.c.d[0]"), 4);
    assert_int_equal(lines_find(lines, "b.c.d[1]"), 5);
    assert_int_equal(lines_find(lines, "b.c.d[1].e"), 5);
    assert_int_equal(lines_find(lines, "b.f"), 6);
    assert_int_equal(lines_find(lines, "g"), 8);
    assert_int_equal(lines_find(lines, "c"), 0);
    lines_free(lines);
}

/* What looks like structure inside a string is none. */
static void test_strings_hide_braces_quotes_and_escapes(void **state)
{
    struct lines *lines = lines_of("{\"a\": \"}],{\\\"x\\\":\\\\\",\n"
                                   " \"b\": \"\\u007b\\n\",\n"
                                   " \"c\": [\"[\", \"\\\\\\\"\"],\n"
                                   " \"d\": {}, \"e\": [],\n"
                                   " \"f\": 0}");
    (void)state;
    assert_int_equal(lines_find(lines, "a"), 1);
    assert_int_equal(lines_find(lines, "b"), 2);
    assert_int_equal(lines_find(lines, "c[1]"), 3);
    assert_int_equal(lines_find(lines, "e"), 4);
    assert_int_equal(lines_find(lines, "f"), 5);
    assert_int_equal(lines_find(lines, "x"), 0);
    lines_free(lines);
}

/* The JSON library hands keys out decoded, so they have to be decoded here as well. */
static void test_escaped_keys_are_decoded(void **state)
{
    struct lines *lines = lines_of("{\"\\u0061\": 1,\n"
                                   " \"\\ud83d\\ude00\": 2,\n"
                                   " \"\\u00e9\\u20ac\": 3,\n"
                                   " \"a\\tb\\/\": 4}");
    char path[LINES_PATH_BYTES_MAX];
    (void)state;
    assert_int_equal(lines_find(lines, "a"), 1);
    path[0] = '\0';
    lines_path_key(path, "\xf0\x9f\x98\x80");
    assert_int_equal(lines_find(lines, path), 2);
    path[0] = '\0';
    lines_path_key(path, "\xc3\xa9\xe2\x82\xac");
    assert_int_equal(lines_find(lines, path), 3);
    assert_int_equal(lines_find(lines, "\"a\\x09b/\""), 4);
    lines_free(lines);
}

/* {"a.b": 1} and {"a": {"b": 1}} are different places. */
static void test_a_dot_in_a_key_is_no_level(void **state)
{
    struct lines *lines = lines_of("{\"a.b\": 1,\n\"a\": {\n\"b\": 2},\n\"\": 3}");
    (void)state;
    assert_int_equal(lines_find(lines, "a.b"), 3);
    assert_int_equal(lines_find(lines, "\"a.b\""), 1);
    assert_int_equal(lines_find(lines, "\"\""), 4);
    lines_free(lines);
}

static void test_repeated_keys_are_told_with_both_lines(void **state)
{
    struct lines *lines = lines_of("{\"a\": 1,\n\"b\": {\"c\": 1,\n\"c\": 2,\n\"\\u0063\": 3},\n"
                                   "\"a\": 2, \"d\": [1, 1]}");
    size_t position = 0;
    const char *path;
    unsigned line;
    unsigned first_line;
    (void)state;
    assert_true(lines_repeated(lines, &position, &path, &line, &first_line));
    assert_string_equal(path, "a");
    assert_int_equal(line, 5);
    assert_int_equal(first_line, 1);
    assert_true(lines_repeated(lines, &position, &path, &line, &first_line));
    assert_string_equal(path, "b.c");
    assert_int_equal(line, 3);
    assert_int_equal(first_line, 2);
    assert_true(lines_repeated(lines, &position, &path, &line, &first_line));
    assert_int_equal(line, 4);
    assert_false(lines_repeated(lines, &position, &path, &line, &first_line));
    lines_free(lines);
}

/* A text cut anywhere is no JSON, and is not given to this pass; it must end all the same. */
static void test_a_cut_text_neither_hangs_nor_reads_on(void **state)
{
    static const char text[] = "{\"a\": [1, {\"b\\u00e9\\n\": \"x\\\\\"}, null],\n \"c\": -1e5}";
    (void)state;
    for (size_t bytes = 0; bytes < sizeof(text); bytes++) {
        struct lines *lines = NULL;
        char *cut = malloc(bytes + 1); /* exact, so that a sanitizer sees a read behind it */
        assert_non_null(cut);
        memcpy(cut, text, bytes);
        assert_int_equal(lines_new(cut, bytes, &lines), 0);
        lines_free(lines);
        free(cut);
    }
}

static void test_long_keys_and_deep_levels_stay_in_their_buffers(void **state)
{
    static char text[200000];
    char path[LINES_PATH_BYTES_MAX];
    struct lines *lines;
    size_t used = 0;
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "{\"%0100d\":", 1);
    text[used++] = '1';
    memset(text + used, '}', 1000);
    lines = lines_of(text);
    path[0] = '\0';
    for (unsigned i = 0; i < 20; i++)
        lines_path_key(path, "0123456789012345678901234567890123456789012345678901234567890123456");
    assert_int_equal(strlen(path), sizeof(path) - 1);
    lines_free(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_are_found_by_path),
        cmocka_unit_test(test_strings_hide_braces_quotes_and_escapes),
        cmocka_unit_test(test_escaped_keys_are_decoded),
        cmocka_unit_test(test_a_dot_in_a_key_is_no_level),
        cmocka_unit_test(test_repeated_keys_are_told_with_both_lines),
        cmocka_unit_test(test_a_cut_text_neither_hangs_nor_reads_on),
        cmocka_unit_test(test_long_keys_and_deep_levels_stay_in_their_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
