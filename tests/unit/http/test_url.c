/* SPDX-License-Identifier: MIT */
/*
 * test_url.c - parameters, decoding and normalisation, case by case.
 */
#include <errno.h>
#include <http/url.h>

#include "cmocka_all.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct text_case {
    const char *input;
    int err;
    const char *output; /* where there is no error */
};

typedef int text_fn(struct span text, char *buffer, size_t buffer_bytes, size_t *ret_length);

/* Each case, and again with a buffer one byte too small for its result. */
static void check_cases(text_fn *function, const struct text_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct span input = span_of_string(cases[i].input);
        char buffer[256];
        size_t length = 12345;
        int err = function(input, buffer, input.length + 1, &length);

        print_message("case %zu: %s\n", i, cases[i].input);
        assert_int_equal(err, cases[i].err);
        if (err < 0) {
            assert_int_equal(length, 12345);
            continue;
        }
        assert_int_equal(length, strlen(cases[i].output));
        assert_memory_equal(buffer, cases[i].output, length);
        if (function != url_path_normalise && length > 0)
            assert_int_equal(function(input, buffer, length - 1, &length), -ENOBUFS);
    }
}

static void test_decoding_is_strict_and_done_once(void **state)
{
    static const struct text_case cases[] = {
        {"", 0, ""},
        {"plain", 0, "plain"},
        {"https%3A%2F%2Fh%2fp%3fq", 0, "https://h/p?q"},
        {"%2541", 0, "%41"},
        {"a+b", 0, "a+b"},
        {"%C3%A4", 0, "\xc3\xa4"},
        {"%0d%0a", 0, "\r\n"},
        {"%", -EINVAL, NULL},
        {"%4", -EINVAL, NULL},
        {"abc%4", -EINVAL, NULL},
        {"%4g", -EINVAL, NULL},
        {"%g4", -EINVAL, NULL},
        {"%%41", -EINVAL, NULL},
        {"%+1", -EINVAL, NULL},
        {"a%00b", -EINVAL, NULL},
    };
    char buffer[8];
    size_t length;

    (void)state;
    check_cases(url_percent_decode, cases, COUNT(cases));
    assert_int_equal(url_percent_decode(span_of("a\0b", 3), buffer, sizeof(buffer), &length),
                     -EINVAL);
}

static void test_escapes_get_one_spelling(void **state)
{
    static const struct text_case cases[] = {
        {"", 0, ""},
        {"a=%2f&b=%2F", 0, "a=%2F&b=%2F"},
        {"%7Euser%2d%41", 0, "~user-A"},
        {"%25", 0, "%25"},
        {"%zz", -EINVAL, NULL},
        {"a%2", -EINVAL, NULL},
    };

    (void)state;
    check_cases(url_escapes_normalise, cases, COUNT(cases));
}

static void test_path_loses_its_dot_segments(void **state)
{
    static const struct text_case cases[] = {
        {"", 0, "/"},
        {"/", 0, "/"},
        {"//", 0, "//"},
        {"/a", 0, "/a"},
        {"/a/", 0, "/a/"},
        {"/.", 0, "/"},
        {"/..", 0, "/"},
        {"/../../a", 0, "/a"},
        {"/a/./b", 0, "/a/b"},
        {"/a/b/.", 0, "/a/b/"},
        {"/a/b/..", 0, "/a/"},
        {"/a/b/../", 0, "/a/"},
        {"/a/b/c/./../../g", 0, "/a/g"},
        {"/a//../b", 0, "/a/b"},
        {"/a//b", 0, "/a//b"},
        {"/.a/..b/c..", 0, "/.a/..b/c.."},
        {"/...", 0, "/..."},
        {"/a/%2e%2E/b", 0, "/b"},
        {"/a/%2e/b", 0, "/a/b"},
        {"/a%2f..%2fb", 0, "/a%2F..%2Fb"},
        {"/%7eme/%c3%a4", 0, "/~me/%C3%A4"},
        {"/%2", -EINVAL, NULL},
        {"a/b", -EINVAL, NULL},
    };

    (void)state;
    check_cases(url_path_normalise, cases, COUNT(cases));
}

static void test_normalising_twice_changes_nothing(void **state)
{
    static const char *const paths[] = {"/a/b/../%7ex/./%2f", "/../a//../..//b/.", "/%2e%2e/%252e"};

    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        char once[64], twice[64];
        size_t once_length, twice_length;

        assert_int_equal(
            url_path_normalise(span_of_string(paths[i]), once, sizeof(once), &once_length), 0);
        assert_int_equal(
            url_path_normalise(span_of(once, once_length), twice, sizeof(twice), &twice_length), 0);
        assert_int_equal(once_length, twice_length);
        assert_memory_equal(once, twice, once_length);
    }
}

/* What is plain is its own normal form; what hides dots has them behind what some server takes for
 * a slash, or before what it takes for the end of a segment. */
static void test_paths_are_looked_through_for_dots(void **state)
{
    static const struct {
        const char *path;
        bool is_plain, hides_dots;
    } cases[] = {
        {"", true, false},
        {"/", true, false},
        {"*", true, false},
        {"//api", true, false},
        {"/style.css", true, false},
        {"/a;b=c/d", true, false},
        {"/a..", true, false},
        {"/.well-known/x", false, false},
        {"/.", false, true},
        {"/..", false, true},
        {"/...", false, false},
        {"/a/../b", false, true},
        {"/a/..b", false, false},
        {"/a%2fb", false, false},
        {"/a%2F..%2Fb", false, true},
        {"/a/..%2fb", false, true},
        {"/a/..%5cb", false, true},
        {"/a%5C.", false, true},
        {"/a\\..\\b", true, true},
        {"/a/..;/b", false, true},
        {"/a/.;x=y/b", false, true},
        {"/a/..;", false, true},
        {"/a/..%3b/b", false, false},
        {"/a/..%2", false, false},
        {"/a/..%252fb", false, false},
    };
    char normal[64];
    size_t length;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span path = span_of_string(cases[i].path);

        print_message("%s\n", cases[i].path);
        assert_int_equal(url_path_is_plain(path), cases[i].is_plain);
        assert_int_equal(url_path_hides_dots(path), cases[i].hides_dots);
        if (cases[i].is_plain && path.length > 0 && path.bytes[0] == '/') {
            assert_int_equal(url_path_normalise(path, normal, sizeof(normal), &length), 0);
            assert_true(span_equals(span_of(normal, length), path));
        }
    }
}

static void test_exactly_one_parameter_is_found(void **state)
{
    static const struct text_case cases[] = {
        {"url=x", 0, "x"},
        {"a=1&url=http%3A//h/&b=2", 0, "http%3A//h/"},
        {"url=a=b=c", 0, "a=b=c"},
        {"url=", 0, ""},
        {"url", 0, ""},
        {"&&url=x&&", 0, "x"},
        {"u%72l=x", 0, "x"},
        {"%75%72%6C=x", 0, "x"},
        {"", -ENOENT, NULL},
        {"urls=x&ur=y&URL=z", -ENOENT, NULL},
        {"a=url=x", -ENOENT, NULL},
        {"url=a&url=b", -EEXIST, NULL},
        {"url=a&%75rl=b", -EEXIST, NULL},
        {"url&url=b", -EEXIST, NULL},
        {"url=a&%7=b", -EINVAL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span value = {"untouched", 9};
        int err = url_query_find_one(span_of_string(cases[i].input), "url", &value);

        print_message("case %zu: %s\n", i, cases[i].input);
        assert_int_equal(err, cases[i].err);
        assert_true(span_equals(value, span_of_string(err < 0 ? "untouched" : cases[i].output)));
    }
}

static void test_target_is_split_at_the_first_question_mark(void **state)
{
    struct span path, query;

    (void)state;
    url_split(span_of_string("/a?b?c"), &path, &query);
    assert_true(span_equals(path, span_of_string("/a")));
    assert_true(span_equals(query, span_of_string("b?c")));
    url_split(span_of_string("/a"), &path, &query);
    assert_true(span_equals(path, span_of_string("/a")));
    assert_null(query.bytes);
    url_split(span_of_string("/a?"), &path, &query);
    assert_int_equal(query.length, 0);
    assert_non_null(query.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decoding_is_strict_and_done_once),
        cmocka_unit_test(test_escapes_get_one_spelling),
        cmocka_unit_test(test_path_loses_its_dot_segments),
        cmocka_unit_test(test_normalising_twice_changes_nothing),
        cmocka_unit_test(test_paths_are_looked_through_for_dots),
        cmocka_unit_test(test_exactly_one_parameter_is_found),
        cmocka_unit_test(test_target_is_split_at_the_first_question_mark),
    };

    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
