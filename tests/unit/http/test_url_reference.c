/* SPDX-License-Identifier: MIT */
/*
 * test_url_reference.c - RFC 3986 section 5: what a reference means, and that other origins do not.
 */
#include <http/url_reference.h>

#include <errno.h>
#include <stdlib.h>

#include "cmocka_all.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct url_base base = {
    .scheme = {"http", 4},
    .authority = {"a", 1},
    .path = {"/b/c/d;p", 8},
    .query = {"q", 1},
};

struct resolution {
    const char *reference;
    const char *result; /* NULL: an error */
    int err;
};

static void check_resolutions(const struct url_base *from, const struct resolution *cases,
                              size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct span reference = span_of_string(cases[i].reference);
        size_t room = from->path.length + from->query.length + reference.length + 2;
        size_t length = 77;
        char *buffer = malloc(room);

        assert_non_null(buffer);
        print_message("case %zu: %s\n", i, cases[i].reference);
        assert_int_equal(url_reference_resolve(from, reference, buffer, room, &length),
                         cases[i].err);
        if (cases[i].result == NULL)
            assert_int_equal(length, 77);
        else
            assert_true(span_equals(span_of(buffer, length), span_of_string(cases[i].result)));
        free(buffer);
    }
}

/* RFC 3986 sections 5.4.1 and 5.4.2, those of the same origin. */
static void test_references_of_the_standard(void **state)
{
    static const struct resolution cases[] = {
        {"g", "/b/c/g", 0},        {"./g", "/b/c/g", 0},        {"g/", "/b/c/g/", 0},
        {"/g", "/g", 0},           {"?y", "/b/c/d;p?y", 0},     {"g?y", "/b/c/g?y", 0},
        {"#s", "/b/c/d;p?q", 0},   {"g#s", "/b/c/g", 0},        {"g?y#s", "/b/c/g?y", 0},
        {";x", "/b/c/;x", 0},      {"g;x", "/b/c/g;x", 0},      {"g;x?y#s", "/b/c/g;x?y", 0},
        {"", "/b/c/d;p?q", 0},     {".", "/b/c/", 0},           {"./", "/b/c/", 0},
        {"..", "/b/", 0},          {"../", "/b/", 0},           {"../g", "/b/g", 0},
        {"../..", "/", 0},         {"../../", "/", 0},          {"../../g", "/g", 0},
        {"../../../g", "/g", 0},   {"/./g", "/g", 0},           {"/../g", "/g", 0},
        {"g.", "/b/c/g.", 0},      {"..g", "/b/c/..g", 0},      {"./../g", "/b/g", 0},
        {"g/../h", "/b/c/h", 0},   {"g;x=1/../y", "/b/c/y", 0}, {"g?y/../x", "/b/c/g?y/../x", 0},
        {"g#s/../x", "/b/c/g", 0},
    };

    (void)state;
    check_resolutions(&base, cases, COUNT(cases));
}

static void test_origin_has_to_be_the_same(void **state)
{
    static const struct resolution cases[] = {
        {"http://a/x?y", "/x?y", 0},
        {"HTTP://A:80/x", "/x", 0},
        {"//a/x", "/x", 0},
        {"http://a", "/", 0},
        {"//a?x", "/?x", 0},
        {"http://b/x", NULL, -ENOENT},
        {"http://a:81/x", NULL, -ENOENT},
        {"https://a/x", NULL, -ENOENT},
        {"//g", NULL, -ENOENT},
        {"//u@a/x", NULL, -ENOENT},
        {"//a:x/y", NULL, -ENOENT},
        {"///x", NULL, -ENOENT},
        {"mailto:x", NULL, -ENOENT},
        {"http:g", NULL, -EINVAL},
        {"1:g", NULL, -EINVAL},
        {":g", NULL, -EINVAL},
    };

    (void)state;
    check_resolutions(&base, cases, COUNT(cases));
}

static void test_result_has_one_spelling(void **state)
{
    static const struct url_base root = {{"https", 5}, {"[::1]:443", 9}, {"/", 1}, {NULL, 0}};
    static const struct url_base odd = {{"http", 4}, {"a", 1}, {"*", 1}, {NULL, 0}};
    static const struct resolution cases[] = {
        {"%7ex%2f?%7e%3d", "/~x%2F?~%3D", 0},
        {"%2e%2e/x", "/x", 0},
        {"https://[::1]/x", "/x", 0},
        {"https://[::1]:443/x", "/x", 0},
        {"https://[::2]/x", NULL, -ENOENT},
        {"https://[::1/x", NULL, -ENOENT},
        {"?", "/?", 0},
        {"", "/", 0},
        {"%zz", NULL, -EINVAL},
        {"a b", NULL, -EINVAL},
        {"a\\b", NULL, -EINVAL},
        {"\xc3\xa4", NULL, -EINVAL},
    };
    static const struct resolution no_path[] = {{"", NULL, -EINVAL}, {"/x", "/x", 0}};

    (void)state;
    check_resolutions(&root, cases, COUNT(cases));
    check_resolutions(&odd, no_path, COUNT(no_path));
}

static void test_authorities_are_host_and_port(void **state)
{
    static const struct {
        const char *left;
        const char *right;
        bool is_same;
    } cases[] = {
        {"a", "A", true},
        {"a", "a:80", true},
        {"a:", "a:080", true},
        {"a:8080", "a:8080", true},
        {"a", "a:443", false},
        {"a", "b", false},
        {"", "", false},
        {":80", ":80", false},
        {"a:65536", "a:65536", false},
        {"a:8x", "a:8x", false},
        {"[::1]", "[::1]:80", true},
        {"[::1]x", "[::1]x", false},
        {"u@a", "u@a", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("case %zu: %s / %s\n", i, cases[i].left, cases[i].right);
        assert_int_equal(url_same_authority(span_of("http", 4), span_of_string(cases[i].left),
                                            span_of_string(cases[i].right)),
                         cases[i].is_same);
    }
}

static void test_what_does_not_fit_is_an_error_at_every_length(void **state)
{
    size_t length = 77;

    (void)state;
    for (size_t room = 0; room < 6; room++) {
        char *buffer = malloc(room + 1);

        assert_non_null(buffer);
        assert_int_equal(
            url_reference_resolve(&base, span_of_string("/g?y=1"), buffer, room, &length),
            -ENOBUFS);
        assert_int_equal(length, 77);
        free(buffer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_references_of_the_standard),
        cmocka_unit_test(test_origin_has_to_be_the_same),
        cmocka_unit_test(test_result_has_one_spelling),
        cmocka_unit_test(test_authorities_are_host_and_port),
        cmocka_unit_test(test_what_does_not_fit_is_an_error_at_every_length),
    };

    return cmocka_run_group_tests_name("url_reference", tests, NULL, NULL);
}
