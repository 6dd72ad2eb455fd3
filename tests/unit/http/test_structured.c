/* SPDX-License-Identifier: MIT */
/*
 * test_structured.c - RFC 9651 section 4.2: what is a value, what it means, and what is refused.
 */
#include <http/structured.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmocka_all.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The type in one letter, and what the item stands for, in a spelling of these tests. */
static void describe_bare(const struct structured_item *item, char *text, size_t room)
{
    char decoded[256];
    size_t length = 0;

    switch (item->type) {
    case STRUCTURED_INTEGER:
    case STRUCTURED_DECIMAL:
    case STRUCTURED_BOOLEAN:
    case STRUCTURED_DATE:
        snprintf(text, room, "%c%lld", "id...b@"[item->type], (long long)item -> number);
        break;
    case STRUCTURED_INNER_LIST:
        snprintf(text, room, "(%.*s)", (int)item->text.length, item->text.bytes);
        break;
    default:
        assert_int_equal(structured_decode(item, decoded, sizeof decoded, &length), 0);
        snprintf(text, room, "%c%.*s", "..stx..u"[item->type], (int)length, decoded);
        break;
    }
}

static void describe(const struct structured_item *item, char *text, size_t room)
{
    struct structured_item parameter;
    struct structured_walk walk;
    struct span key;
    size_t length;

    describe_bare(item, text, room);
    structured_init(&walk, item->parameters);
    while (structured_next_parameter(&walk, &key, &parameter)) {
        length = strlen(text);
        snprintf(text + length, room - length, ";%.*s=", (int)key.length, key.bytes);
        length = strlen(text);
        describe_bare(&parameter, text + length, room - length);
    }
    assert_false(walk.is_broken);
}

struct reading {
    const char *value;
    const char *meaning; /* NULL: refused */
};

static void check_items(const struct reading *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct structured_item item = {.number = 77};
        char text[512];
        int err = structured_item_parse(span_of_string(cases[i].value), &item);

        print_message("case %zu: %s\n", i, cases[i].value);
        assert_int_equal(err, cases[i].meaning == NULL ? -EINVAL : 0);
        if (err < 0) {
            assert_int_equal(item.number, 77);
            continue;
        }
        describe(&item, text, sizeof text);
        assert_string_equal(text, cases[i].meaning);
    }
}

/* Sections 3.3.1, 3.3.2 and 4.2.4. */
static void test_numbers(void **state)
{
    static const struct reading cases[] = {
        {"0", "i0"},
        {"42", "i42"},
        {"-42", "i-42"},
        {"-0", "i0"},
        {"007", "i7"},
        {"  1  ", "i1"},
        {"999999999999999", "i999999999999999"},
        {"-999999999999999", "i-999999999999999"},
        {"1000000000000000", NULL},
        {"1.5", "d1500"},
        {"-1.5", "d-1500"},
        {"0.001", "d1"},
        {"-0.25", "d-250"},
        {"1.000", "d1000"},
        {"999999999999.999", "d999999999999999"},
        {"1000000000000.0", NULL},
        {"1.0001", NULL},
        {"1.", NULL},
        {".5", NULL},
        {"-", NULL},
        {"-a", NULL},
        {"--1", NULL},
        {"+1", NULL},
        {"1e3", NULL},
        {"0x10", NULL},
        {"1 2", NULL},
        {"1\t", NULL},
        {"", NULL},
        {" ", NULL},
    };

    (void)state;
    check_items(cases, COUNT(cases));
}

/* Sections 3.3.3, 3.3.4, 4.2.5 and 4.2.6. */
static void test_strings_and_tokens(void **state)
{
    static const struct reading cases[] = {
        {"\"\"", "s"},
        {"\"a b\"", "sa b"},
        {"\"a\\\"b\\\\\"", "sa\"b\\"},
        {"\"a\\b\"", NULL},
        {"\"a", NULL},
        {"\"a\\\"", NULL},
        {"\"a\\", NULL},
        {"\"\x7f\"", NULL},
        {"\"\t\"", NULL},
        {"\"\xc3\xa4\"", NULL},
        {"'a'", NULL},
        {"a", "ta"},
        {"*", "t*"},
        {"Foo/bar:baz", "tFoo/bar:baz"},
        {"a!#$%&'*+-.^_`|~1", "ta!#$%&'*+-.^_`|~1"},
        {"_a", NULL},
        {"a(b", NULL},
        {"&&&&&", NULL},
    };

    (void)state;
    check_items(cases, COUNT(cases));
}

/* Sections 3.3.5 to 3.3.8 and 4.2.7 to 4.2.10. */
static void test_bytes_booleans_dates_and_display_strings(void **state)
{
    static const struct reading cases[] = {
        {"::", "x"},
        {":YQ==:", "xa"},
        {":YWI=:", "xab"},
        {":YWJj:", "xabc"},
        {":YWJj\x20:", NULL},
        {":YQ:", "xa"},
        {":YQ=:", NULL},
        {":YQ===:", NULL},
        {":YWJj====:", NULL},
        {":Y:", NULL},
        {":Y===:", NULL},
        {":YQ==", NULL},
        {":Y=Q=:", NULL},
        {":Y-_Q:", NULL},
        {"?1", "b1"},
        {"?0", "b0"},
        {"?2", NULL},
        {"?", NULL},
        {"?T", NULL},
        {"@1659578233", "@1659578233"},
        {"@-1", "@-1"},
        {"@1.5", NULL},
        {"@", NULL},
        {"@a", NULL},
        {"@@1", NULL},
        {"%\"\"", "u"},
        {"%\"a %c3%a4\"", "ua \xc3\xa4"},
        {"%\"%f0%9f%98%80\"", "u\xf0\x9f\x98\x80"},
        {"%\"%22\"", "u\""},
        {"%\"%C3%A4\"", NULL},
        {"%\"%c3\"", NULL},
        {"%\"%c3a\"", NULL},
        {"%\"%a4\"", NULL},
        {"%\"%c0%80\"", NULL},
        {"%\"%e0%80%80\"", NULL},
        {"%\"%ed%a0%80\"", NULL},
        {"%\"%f0%80%80%80\"", NULL},
        {"%\"%f4%90%80%80\"", NULL},
        {"%\"%ff\"", NULL},
        {"%\"%c\"", NULL},
        {"%\"%\"", NULL},
        {"%\"\xc3\xa4\"", NULL},
        {"%\"a", NULL},
        {"%a", NULL},
        {"%", NULL},
    };

    (void)state;
    check_items(cases, COUNT(cases));
}

/* Sections 3.1.2 and 4.2.3.2. */
static void test_parameters(void **state)
{
    static const struct reading cases[] = {
        {"a;b", "ta;b=b1"},
        {"a;b=1;c=\"x\"", "ta;b=i1;c=sx"},
        {"a; b=?0;   *c-d_e.1=2", "ta;b=b0;*c-d_e.1=i2"},
        {"a;b=1;b=2", "ta;b=i1;b=i2"},
        {"a ;b", NULL},
        {"a;\tb", NULL},
        {"a;", NULL},
        {"a;B", NULL},
        {"a;1b", NULL},
        {"a;b=", NULL},
        {"a;b =1", NULL},
        {"a;b= 1", NULL},
        {"a;b=(1)", NULL},
    };

    (void)state;
    check_items(cases, COUNT(cases));
}

/* Sections 3.1, 3.1.1, 4.2.1, 4.2.1.1 and 4.2.1.2. */
static void test_lists(void **state)
{
    static const struct reading cases[] = {
        {"", ""},
        {"  ", ""},
        {"a", "ta|"},
        {"a, b;c ,\td\t, e", "ta|tb;c=b1|td|te|"},
        {"a,b", "ta|tb|"},
        {"()", "()|"},
        {"(a b);c=1, (  )", "(a b);c=i1|(  )|"},
        {"( \"x)\" ?1;d )", "( \"x)\" ?1;d )|"},
        {"a,", NULL},
        {"a, ", NULL},
        {",a", NULL},
        {"a,,b", NULL},
        {"a b", NULL},
        {"a;b c", NULL},
        {"(a", NULL},
        {"(a,b)", NULL},
        {"(a\tb)", NULL},
        {"(\"a\"b)", NULL},
        {"((a))", NULL},
        {"a)", NULL},
        {"(", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span value = span_of_string(cases[i].value);
        struct structured_walk walk;
        struct structured_item item;
        char text[512] = "";

        print_message("case %zu: %s\n", i, cases[i].value);
        assert_int_equal(structured_is_list(value), cases[i].meaning != NULL);
        structured_init(&walk, value);
        while (structured_next_member(&walk, &item)) {
            describe(&item, text + strlen(text), sizeof text - strlen(text));
            snprintf(text + strlen(text), sizeof text - strlen(text), "|");
        }
        assert_int_equal(walk.is_broken, cases[i].meaning == NULL);
        assert_false(structured_next_member(&walk, &item));
        if (cases[i].meaning != NULL)
            assert_string_equal(text, cases[i].meaning);
    }
}

/* Sections 3.2 and 4.2.2. */
static void test_dictionaries(void **state)
{
    static const struct reading cases[] = {
        {"", ""},
        {"a", "a:b1|"},
        {"a=1", "a:i1|"},
        {"a=1, b;x=2 ,*c=(1 2)", "a:i1|b:b1;x=i2|*c:(1 2)|"},
        {"a=1, a=2", "a:i1|a:i2|"},
        {"a=?0;b", "a:b0;b=b1|"},
        {"max-age=10000, &&&&&", NULL},
        {"max-age =100", NULL},
        {"max-age= 100", NULL},
        {"MaX-aGe=3600", NULL},
        {"a=", NULL},
        {"=a", NULL},
        {"1a", NULL},
        {"a,", NULL},
        {"a b", NULL},
        {"a=1 b=2", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span value = span_of_string(cases[i].value), key;
        struct structured_walk walk;
        struct structured_item item;
        char text[512] = "";

        print_message("case %zu: %s\n", i, cases[i].value);
        assert_int_equal(structured_is_dictionary(value), cases[i].meaning != NULL);
        structured_init(&walk, value);
        while (structured_next_entry(&walk, &key, &item)) {
            snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s:", (int)key.length,
                     key.bytes);
            describe(&item, text + strlen(text), sizeof text - strlen(text));
            snprintf(text + strlen(text), sizeof text - strlen(text), "|");
        }
        assert_int_equal(walk.is_broken, cases[i].meaning == NULL);
        if (cases[i].meaning != NULL)
            assert_string_equal(text, cases[i].meaning);
    }
}

static void test_inner_list_is_walked_item_by_item(void **state)
{
    struct structured_item list, item;
    struct structured_walk walk, inner;
    char text[64];

    (void)state;
    structured_init(&walk, span_of_string("( 1;a \"b)\"  c )"));
    assert_true(structured_next_member(&walk, &list));
    assert_int_equal(list.type, STRUCTURED_INNER_LIST);
    structured_init(&inner, list.text);
    assert_true(structured_next_inner(&inner, &item));
    describe(&item, text, sizeof text);
    assert_string_equal(text, "i1;a=b1");
    assert_true(structured_next_inner(&inner, &item));
    describe(&item, text, sizeof text);
    assert_string_equal(text, "sb)");
    assert_true(structured_next_inner(&inner, &item));
    describe(&item, text, sizeof text);
    assert_string_equal(text, "tc");
    assert_false(structured_next_inner(&inner, &item));
    assert_false(inner.is_broken);
}

static void test_what_does_not_fit_is_not_decoded(void **state)
{
    static const struct {
        const char *value;
        size_t length;
    } cases[] = {{"\"a\\\"b\"", 3}, {":YWJj:", 3}, {":YWI=:", 2}, {"token", 5}, {"%\"%c3%a4\"", 2}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct structured_item item;
        size_t length = 77;
        char *buffer = malloc(cases[i].length);

        assert_non_null(buffer);
        assert_int_equal(structured_item_parse(span_of_string(cases[i].value), &item), 0);
        assert_int_equal(structured_decode(&item, buffer, cases[i].length - 1, &length), -ENOBUFS);
        assert_int_equal(length, 77);
        assert_int_equal(structured_decode(&item, buffer, cases[i].length, &length), 0);
        assert_int_equal(length, cases[i].length);
        free(buffer);
    }
}

/* Every beginning of a value that has everything, and every byte of it changed: no read past the
 * end, which the address sanitizer would see. */
static void test_broken_values_are_read_within_their_bytes(void **state)
{
    static const char whole[] = "a=(1 -2.5;p=:YQ==: \"s\\\"\" t);q=?1, b=@12, c=%\"%c3%a4\", d;e";

    (void)state;
    for (size_t length = 0; length < sizeof whole; length++) {
        char *bytes = malloc(length + 1);

        assert_non_null(bytes);
        memcpy(bytes, whole, length);
        (void)structured_is_dictionary(span_of(bytes, length));
        (void)structured_is_list(span_of(bytes, length));
        for (size_t i = 0; i < length; i++) {
            for (int byte = 0; byte < 256; byte += 3) {
                bytes[i] = (char)byte;
                (void)structured_is_dictionary(span_of(bytes, length));
            }
            bytes[i] = whole[i];
        }
        free(bytes);
    }
    assert_true(structured_is_dictionary(span_of(whole, sizeof whole - 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_strings_and_tokens),
        cmocka_unit_test(test_bytes_booleans_dates_and_display_strings),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_dictionaries),
        cmocka_unit_test(test_inner_list_is_walked_item_by_item),
        cmocka_unit_test(test_what_does_not_fit_is_not_decoded),
        cmocka_unit_test(test_broken_values_are_read_within_their_bytes),
    };

    return cmocka_run_group_tests_name("structured", tests, NULL, NULL);
}
