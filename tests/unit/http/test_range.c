/* SPDX-License-Identifier: MIT */
/*
 * test_range.c - Range and Content-Range, read, resolved and written; the frame of several parts.
 */
#include <http/range.h>
#include <stdio.h>

#include "cmocka_all.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* "0-4 7-9", with "-5" for a suffix and "5-" for an open end. */
static const char *text_of(const struct ranges *ranges, char text[256])
{
    size_t length = 0;

    text[0] = '\0';
    for (size_t i = 0; i < ranges->count; i++) {
        struct range range = ranges->items[i];
        length += (size_t)snprintf(text + length, 256 - length, "%s", i > 0 ? " " : "");
        if (range.first >= 0)
            length += (size_t)snprintf(text + length, 256 - length, "%lld", (long long)range.first);
        length += (size_t)snprintf(text + length, 256 - length, "-");
        if (range.last != RANGE_OPEN)
            length += (size_t)snprintf(text + length, 256 - length, "%lld", (long long)range.last);
    }
    return text;
}

/* RFC 9110 sections 14.1.1, 14.1.2 and 5.6.1. */
static void test_what_is_asked_for(void **state)
{
    static const struct {
        const char *value;
        const char *ranges; /* NULL: ignored */
    } cases[] = {
        {"bytes=0-0", "0-0"},
        {"bytes=0-499", "0-499"},
        {"bytes=500-", "500-"},
        {"bytes=-500", "-500"},
        {"bytes=-0", "-0"},
        {"BYTES=1-2", "1-2"}, /* units are case-insensitive, section 14.1 */
        {"  bytes=1-2\t", "1-2"},
        {"bytes=0-0,-1", "0-0 -1"},
        {"bytes= 0-1 ,\t4-5 , , 8-", "0-1 4-5 8-"},
        {"bytes=,0-1", "0-1"},
        {"bytes=007-08", "7-8"},
        {"bytes=0-1,2-3,4-5,6-7,8-9,10-11,12-13,14-15", "0-1 2-3 4-5 6-7 8-9 10-11 12-13 14-15"},
        {"bytes=0-9223372036854775807", "0-"},
        {"bytes=0-9223372036854775808", "0-"},
        {"bytes=5-99999999999999999999999999999999", "5-"},
        {"bytes=9223372036854775806-9223372036854775807", "9223372036854775806-"},
        /* More than a few. */
        {"bytes=0-1,2-3,4-5,6-7,8-9,10-11,12-13,14-15,16-17", NULL},
        /* Another unit, or none. */
        {"seconds=0-1", NULL},
        {"bytes", NULL},
        {"bytes:0-1", NULL},
        {"0-1", NULL},
        {"", NULL},
        /* Not the grammar. */
        {"bytes=", NULL},
        {"bytes=,", NULL},
        {"bytes=-", NULL},
        {"bytes=1", NULL},
        {"bytes=a-b", NULL},
        {"bytes=1-b", NULL},
        {"bytes=1-2x", NULL},
        {"bytes =1-2", NULL},
        {"bytes=1 -2", NULL},
        {"bytes=1- 2", NULL},
        {"bytes=1--2", NULL},
        {"bytes=--2", NULL},
        {"bytes=-1-2", NULL},
        {"bytes=+1-2", NULL},
        {"bytes=0x1-2", NULL},
        {"bytes=1-2;3-4", NULL},
        {"bytes=\"1-2\"", NULL},
        /* An end before its beginning spoils the whole set, section 14.1.2. */
        {"bytes=2-1", NULL},
        {"bytes=0-1,9-8", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ranges ranges = {0};
        char text[256];
        bool is_taken = range_parse(span_of_string(cases[i].value), &ranges);
        print_message("case %zu: %s\n", i, cases[i].value);
        assert_int_equal(is_taken, cases[i].ranges != NULL);
        if (is_taken)
            assert_string_equal(text_of(&ranges, text), cases[i].ranges);
    }
}

/* RFC 9110 sections 14.1.2, 14.2 and 15.3.7.2. */
static void test_what_a_length_makes_of_it(void **state)
{
    static const struct {
        const char *value;
        int64_t length_bytes;
        enum range_verdict verdict;
        const char *parts;
    } cases[] = {
        {"bytes=0-0", 10, RANGE_PARTS, "0-0"},
        {"bytes=0-9", 10, RANGE_PARTS, "0-9"},
        {"bytes=0-", 10, RANGE_PARTS, "0-9"},
        {"bytes=4-", 10, RANGE_PARTS, "4-9"},
        {"bytes=9-", 10, RANGE_PARTS, "9-9"},
        {"bytes=4-99", 10, RANGE_PARTS, "4-9"},
        {"bytes=0-99999999999999999999", 10, RANGE_PARTS, "0-9"},
        {"bytes=-3", 10, RANGE_PARTS, "7-9"},
        {"bytes=-10", 10, RANGE_PARTS, "0-9"},
        {"bytes=-11", 10, RANGE_PARTS, "0-9"},
        {"bytes=-99999999999999999999", 10, RANGE_PARTS, "0-9"},
        {"bytes=10-", 10, RANGE_UNSATISFIABLE, NULL},
        {"bytes=10-12", 10, RANGE_UNSATISFIABLE, NULL},
        {"bytes=99999999999999999999-", 10, RANGE_UNSATISFIABLE, NULL},
        {"bytes=-0", 10, RANGE_UNSATISFIABLE, NULL},
        {"bytes=10-11,-0", 10, RANGE_UNSATISFIABLE, NULL},
        {"bytes=0-", 0, RANGE_UNSATISFIABLE, NULL},
        {"bytes=0-0", 0, RANGE_UNSATISFIABLE, NULL},
        {"bytes=-5", 0, RANGE_WHOLE, NULL},
        {"bytes=-0", 0, RANGE_UNSATISFIABLE, NULL},
        /* Several: what is beyond the end is left out. */
        {"bytes=0-1,4-5", 10, RANGE_PARTS, "0-1 4-5"},
        {"bytes=0-1,40-50,-1", 10, RANGE_PARTS, "0-1 9-9"},
        {"bytes=0-1,40-50", 10, RANGE_PARTS, "0-1"},
        /* Neighbours become one. */
        {"bytes=0-1,2-3", 10, RANGE_PARTS, "0-3"},
        {"bytes=0-4,5-", 10, RANGE_PARTS, "0-9"},
        /* Overlapping, or not ascending. */
        {"bytes=0-4,4-5", 10, RANGE_WHOLE, NULL},
        {"bytes=0-,0-", 10, RANGE_WHOLE, NULL},
        {"bytes=0-6,-5", 10, RANGE_WHOLE, NULL},
        {"bytes=4-5,0-1", 10, RANGE_WHOLE, NULL},
        {"bytes=-1,0-1", 10, RANGE_WHOLE, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ranges asked, parts;
        char text[256];
        print_message("case %zu: %s of %lld\n", i, cases[i].value,
                      (long long)cases[i].length_bytes);
        assert_true(range_parse(span_of_string(cases[i].value), &asked));
        assert_int_equal(range_resolve(&asked, cases[i].length_bytes, &parts), cases[i].verdict);
        if (cases[i].verdict == RANGE_PARTS)
            assert_string_equal(text_of(&parts, text), cases[i].parts);
    }
}

/* RFC 9110 section 14.4. */
static void test_content_range_is_read(void **state)
{
    static const struct {
        const char *value;
        bool is_valid;
        struct content_range means;
    } cases[] = {
        {"bytes 0-9/100", true, {{0, 9}, 100}},
        {"bytes 42-1233/1234", true, {{42, 1233}, 1234}},
        {"bytes 42-1233/*", true, {{42, 1233}, -1}},
        {"bytes */1234", true, {{-1, -1}, 1234}},
        {"bytes */0", true, {{-1, -1}, 0}},
        {"Bytes 0-0/1 ", true, {{0, 0}, 1}},
        {"bytes */*", false, {{0, 0}, 0}},
        {"bytes 9-0/100", false, {{0, 0}, 0}},
        {"bytes 0-100/100", false, {{0, 0}, 0}}, /* the length is not beyond the last position */
        {"bytes 0-9", false, {{0, 0}, 0}},
        {"bytes 0-9/", false, {{0, 0}, 0}},
        {"bytes 0-/100", false, {{0, 0}, 0}},
        {"bytes -9/100", false, {{0, 0}, 0}},
        {"bytes=0-9/100", false, {{0, 0}, 0}},
        {"bytes 0-9/100x", false, {{0, 0}, 0}},
        {"bytes 0 - 9/100", false, {{0, 0}, 0}},
        {"bytes 0-99999999999999999999/*", false, {{0, 0}, 0}},
        {"bytes 0-9/99999999999999999999", false, {{0, 0}, 0}},
        {"items 0-9/100", false, {{0, 0}, 0}},
        {"", false, {{0, 0}, 0}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct content_range found;
        bool is_valid = content_range_parse(span_of_string(cases[i].value), &found);
        print_message("case %zu: %s\n", i, cases[i].value);
        assert_int_equal(is_valid, cases[i].is_valid);
        if (is_valid) {
            assert_true(found.range.first == cases[i].means.range.first);
            assert_true(found.range.last == cases[i].means.range.last);
            assert_true(found.complete_bytes == cases[i].means.complete_bytes);
        }
    }
}

static void test_content_range_is_written(void **state)
{
    static const struct {
        struct content_range content_range;
        const char *text;
    } cases[] = {
        {{{0, 9}, 100}, "bytes 0-9/100"},
        {{{5, 9}, -1}, "bytes 5-9/*"},
        {{{-1, -1}, 100}, "bytes */100"},
        {{{INT64_MAX - 1, INT64_MAX - 1}, INT64_MAX},
         "bytes 9223372036854775806-9223372036854775806/9223372036854775807"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[CONTENT_RANGE_BYTES];
        assert_int_equal(content_range_write(&cases[i].content_range, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

/* RFC 9110 section 14.6; what is announced is what is written, to the byte. */
static void test_several_parts_are_framed(void **state)
{
    static const char expected[] = "\r\n--0123456789abcdef00000000000000ff\r\n"
                                   "Content-Type: text/plain\r\n"
                                   "Content-Range: bytes 0-1/10\r\n\r\n"
                                   "01"
                                   "\r\n--0123456789abcdef00000000000000ff\r\n"
                                   "Content-Type: text/plain\r\n"
                                   "Content-Range: bytes 7-9/10\r\n\r\n"
                                   "789"
                                   "\r\n--0123456789abcdef00000000000000ff--\r\n";
    static const uint64_t random[2] = {0x0123456789abcdef, 0xff};
    struct range_frame frame = {.content_type = span_of_string("text/plain"), .complete_bytes = 10};
    struct ranges parts = {.count = 2, .items = {{0, 1}, {7, 9}}};
    char text[512];
    size_t length = 0;

    (void)state;
    range_boundary_write(random, frame.boundary);
    assert_int_equal(range_frame_bytes(&frame, &parts), sizeof expected - 1);
    length += range_part_head_write(&frame, parts.items[0], text, sizeof text);
    length += (size_t)snprintf(text + length, sizeof text - length, "01");
    length += range_part_head_write(&frame, parts.items[1], text + length, sizeof text - length);
    length += (size_t)snprintf(text + length, sizeof text - length, "789");
    length += range_frame_end_write(&frame, text + length, sizeof text - length);
    assert_int_equal(length, sizeof expected - 1);
    assert_memory_equal(text, expected, length);
}

static void test_too_little_room_is_not_overrun(void **state)
{
    struct range_frame frame = {.boundary = "b", .complete_bytes = 10};
    char text[8] = "aaaaaaaa";

    (void)state;
    assert_true(range_part_head_write(&frame, (struct range){0, 1}, text, 7) > 7);
    assert_memory_equal(text, "\r\n--b\r\na", 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_asked_for),
        cmocka_unit_test(test_what_a_length_makes_of_it),
        cmocka_unit_test(test_content_range_is_read),
        cmocka_unit_test(test_content_range_is_written),
        cmocka_unit_test(test_several_parts_are_framed),
        cmocka_unit_test(test_too_little_room_is_not_overrun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
