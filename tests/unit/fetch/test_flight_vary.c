/* SPDX-License-Identifier: MIT */
/*
 * test_flight_vary.c - answers that vary by fields of the request, and requests with credentials:
 * who shares a fetch, and who gets which stored answer. Cases 15, 16, 17, 28.
 */
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "rig.h"

#define URL "http://origin.example/a"

static const char *const forwarded[] = {"Accept-Language", "X-Kind", "Cookie", "Authorization"};

static void make_rig(struct rig *rig)
{
    struct fetch_settings settings;

    fetch_settings_default(&settings);
    settings.forwarded = forwarded;
    settings.forwarded_count = sizeof forwarded / sizeof *forwarded;
    rig_new(rig, &settings);
}

static void leave_all(struct rig_reader *readers, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        rig_leave(&readers[i]);
}

static void check_call_field(const struct rig *rig, unsigned index, const char *name,
                             const char *value)
{
    struct span found;

    assert_non_null(rig->calls[index]->fields);
    assert_true(fields_find(rig->calls[index]->fields, name, &found));
    assert_true(span_equals(found, span_of_string(value)));
}

/* The first fetch tells what the URL varies by: who asked alike gets its answer, the others form
 * one group for each value, and the groups are fetched at the same time. */
static void case_16_readers_regroup_by_variant(void **state)
{
    static const char *const languages[] = {"en", "de", "fr", "de", "EN", "fr", "de"};
    struct rig rig;
    struct rig_reader readers[7] = {0};

    (void)state;
    make_rig(&rig);
    for (unsigned i = 0; i < 7; i++)
        rig_ask_field(&rig, &readers[i], i % 2, URL, "Accept-Language", languages[i]);
    assert_int_equal(rig.started, 1);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, 2, "Vary: Accept-Language");
    assert_int_equal(rig.started, 3);
    rig_data(&rig, 0, "EN");
    rig_done(&rig, 0, 0);
    for (unsigned i = 1; i < 3; i++) {
        struct span value;
        assert_true(fields_find(rig.calls[i]->fields, "Accept-Language", &value));
        rig_answer(&rig, i, "Vary: Accept-Language",
                   span_equals(value, span_of_string("de")) ? "DE" : "FR");
    }
    for (unsigned i = 0; i < 7; i++) {
        const char *expected = i == 0 || i == 4 ? "EN" : i == 2 || i == 5 ? "FR" : "DE";
        assert_true(rig_is_whole(&readers[i], expected));
    }
    leave_all(readers, 7);
    /* All three are stored. */
    for (unsigned i = 0; i < 3; i++)
        rig_ask_field(&rig, &readers[i], 1, URL, "Accept-Language", languages[i]);
    assert_int_equal(rig.started, 3);
    assert_true(rig_is_whole(&readers[0], "EN"));
    assert_true(rig_is_whole(&readers[1], "DE"));
    assert_true(rig_is_whole(&readers[2], "FR"));
    leave_all(readers, 3);
    rig_free(&rig);
}

/* Once it is known, the value is part of the look-up: one fetch for each variant, none waits. */
static void case_15_one_fetch_for_each_known_variant(void **state)
{
    struct rig rig;
    struct rig_reader readers[5] = {0};

    (void)state;
    make_rig(&rig);
    rig_ask_field(&rig, &readers[0], 0, URL, "X-Kind", "a");
    rig_answer(&rig, 0, "Vary: X-Kind", "A");
    for (unsigned i = 1; i < 5; i++)
        rig_ask_field(&rig, &readers[i], i % 2, URL, "X-Kind", i < 3 ? "b" : "c");
    assert_int_equal(rig.started, 3);
    check_call_field(&rig, 1, "X-Kind", "b");
    check_call_field(&rig, 2, "X-Kind", "c");
    rig_answer(&rig, 2, "Vary: X-Kind", "C");
    rig_answer(&rig, 1, "Vary: X-Kind", "B");
    assert_true(rig_is_whole(&readers[1], "B") && rig_is_whole(&readers[2], "B"));
    assert_true(rig_is_whole(&readers[3], "C") && rig_is_whole(&readers[4], "C"));
    leave_all(readers, 5);
    rig_free(&rig);
}

/* Case 14: each variant is confirmed by its own validator, as often as it takes; it stays the same
 * variant, however few of them are allowed. */
static void case_15_variants_are_confirmed_one_by_one(void **state)
{
    static const char *const kinds[] = {"a", "b"};
    static const char *const tags[] = {"\"A\"", "\"B\""};
    struct rig rig;

    (void)state;
    make_rig(&rig);
    for (unsigned i = 0; i < 2; i++) {
        struct rig_reader reader = {0};
        char lines[80];

        rig_ask_field(&rig, &reader, 0, URL, "X-Kind", kinds[i]);
        snprintf(lines, sizeof lines, "Vary: X-Kind\nCache-Control: max-age=9\nETag: %s", tags[i]);
        rig_answer(&rig, i, lines, kinds[i]);
        rig_leave(&reader);
    }
    for (unsigned i = 0; i < 80; i++) {
        struct rig_reader reader = {0};

        rig.wall_s += 20;
        rig_ask_field(&rig, &reader, i % 2, URL, "X-Kind", kinds[i % 2]);
        check_call_field(&rig, i + 2, "X-Kind", kinds[i % 2]);
        check_call_field(&rig, i + 2, "If-None-Match", tags[i % 2]);
        rig_connect(&rig, i + 2);
        rig_head(&rig, i + 2, 304, 0, "Vary: X-Kind");
        rig_done(&rig, i + 2, 0);
        assert_true(rig_is_whole(&reader, kinds[i % 2]));
        rig_leave(&reader);
    }
    rig_free(&rig);
}

/* Who comes while the first variant arrives joins it only with the same value. */
static void case_15_late_readers_join_their_variant(void **state)
{
    struct rig rig;
    struct rig_reader readers[3] = {0};

    (void)state;
    make_rig(&rig);
    rig_ask_field(&rig, &readers[0], 0, URL, "X-Kind", "a");
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, 2, "Vary: X-Kind");
    rig_data(&rig, 0, "A");
    rig_ask_field(&rig, &readers[1], 1, URL, "X-Kind", "a");
    rig_ask_field(&rig, &readers[2], 1, URL, "X-Kind", "b");
    assert_int_equal(rig.started, 2);
    rig_data(&rig, 0, "A");
    rig_done(&rig, 0, 0);
    rig_answer(&rig, 1, "Vary: X-Kind", "B");
    assert_true(rig_is_whole(&readers[0], "AA") && rig_is_whole(&readers[1], "AA"));
    assert_true(rig_is_whole(&readers[2], "B"));
    leave_all(readers, 3);
    rig_free(&rig);
}

/* A flight that came to its variant's key at its head holds the lock of another. Who takes nothing
 * from before supersedes it all the same: there is one fetch to be joined, and its answer stays. */
static void case_22_nothing_from_before_of_a_variant(void **state)
{
    struct field kind = {span_of_string("X-Kind"), span_of_string("a")};
    struct rig rig;
    struct rig_reader readers[4] = {0};

    (void)state;
    make_rig(&rig);
    rig_ask_field(&rig, &readers[0], 0, URL, "X-Kind", "a");
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, 3, "Vary: X-Kind");
    rig_ask_for(&rig, &readers[1], 1, URL, FETCH_FRESH_ONLY, field_view_of_lines(&kind, 1));
    assert_int_equal(rig.started, 2);
    rig_ask_field(&rig, &readers[2], 0, URL, "X-Kind", "a");
    assert_int_equal(rig.started, 2);
    rig_answer(&rig, 1, "Vary: X-Kind", "new");
    rig_data(&rig, 0, "old");
    rig_done(&rig, 0, 0);
    rig_ask_field(&rig, &readers[3], 0, URL, "X-Kind", "a");
    assert_int_equal(rig.started, 2);
    assert_true(rig_is_whole(&readers[0], "old"));
    for (unsigned i = 1; i < 4; i++)
        assert_true(rig_is_whole(&readers[i], "new"));
    leave_all(readers, 4);
    rig_free(&rig);
}

/* What was found for all turns out to vary when its origin is asked whether it still holds: who
 * asked now may be of another kind than who asked then. */
static void case_16_found_to_vary_by_a_304(void **state)
{
    struct rig rig;
    struct rig_reader readers[3] = {0};

    (void)state;
    make_rig(&rig);
    rig_ask_field(&rig, &readers[0], 0, URL, "X-Kind", "a");
    rig_answer(&rig, 0, "Cache-Control: max-age=9\nETag: \"A\"", "A");
    rig.wall_s += 20;
    rig_ask_field(&rig, &readers[1], 0, URL, "X-Kind", "b");
    check_call_field(&rig, 1, "If-None-Match", "\"A\"");
    rig_connect(&rig, 1);
    rig_head(&rig, 1, 304, 0, "ETag: \"A\"\nVary: X-Kind");
    rig_done(&rig, 1, 0);
    assert_int_equal(rig.started, 3);
    assert_false(fields_has(rig.calls[2]->fields, "If-None-Match"));
    rig_answer(&rig, 2, "Vary: X-Kind", "B");
    assert_true(rig_is_whole(&readers[1], "B"));
    rig_ask_field(&rig, &readers[2], 0, URL, "X-Kind", "a");
    assert_int_equal(rig.started, 4);
    rig_answer(&rig, 3, "Vary: X-Kind", "A2");
    assert_true(rig_is_whole(&readers[2], "A2"));
    leave_all(readers, 3);
    rig_free(&rig);
}

/* A second name makes a new index; what was stored under the old one is not found any more. */
static void case_16_variants_that_vary_by_more(void **state)
{
    struct rig rig;
    struct rig_reader first = {0}, second = {0}, third = {0}, fourth = {0};
    struct field both[] = {{span_of_string("X-Kind"), span_of_string("b")},
                           {span_of_string("Accept-Language"), span_of_string("de")}};

    (void)state;
    make_rig(&rig);
    rig_ask_field(&rig, &first, 0, URL, "X-Kind", "a");
    rig_answer(&rig, 0, "Vary: X-Kind", "A");
    rig_ask_for(&rig, &second, 0, URL, 0, field_view_of_lines(both, 2));
    rig_answer(&rig, 1, "Vary: X-Kind, Accept-Language", "BDE");
    rig_ask_for(&rig, &third, 1, URL, 0, field_view_of_lines(both, 2));
    assert_int_equal(rig.started, 2);
    assert_true(rig_is_whole(&third, "BDE"));
    both[1].value = span_of_string("fr");
    rig_ask_for(&rig, &fourth, 1, URL, 0, field_view_of_lines(both, 2));
    assert_int_equal(rig.started, 3);
    rig_answer(&rig, 2, "Vary: X-Kind, Accept-Language", "BFR");
    assert_true(rig_is_whole(&fourth, "BFR"));
    rig_leave(&first);
    rig_leave(&second);
    rig_leave(&third);
    rig_leave(&fourth);
    rig_free(&rig);
}

/* What is not kept is shared with those who wait and asked alike; the rest forms groups. */
static void case_16_unkept_answers_regroup_too(void **state)
{
    struct rig rig;
    struct rig_reader readers[3] = {0};

    (void)state;
    make_rig(&rig);
    rig_ask_field(&rig, &readers[0], 0, URL, "X-Kind", "a");
    rig_ask_field(&rig, &readers[1], 1, URL, "X-Kind", "a");
    rig_ask_field(&rig, &readers[2], 1, URL, "X-Kind", "b");
    rig_answer(&rig, 0, "Vary: X-Kind\nCache-Control: max-age=0", "A");
    assert_true(rig_is_whole(&readers[0], "A") && rig_is_whole(&readers[1], "A"));
    assert_int_equal(rig.started, 2);
    check_call_field(&rig, 1, "X-Kind", "b");
    rig_answer(&rig, 1, "Vary: X-Kind\nCache-Control: max-age=0", "B");
    assert_true(rig_is_whole(&readers[2], "B"));
    leave_all(readers, 3);
    rig_free(&rig);
}

/* The origin never sees the field, so its answer is the same for all. */
static void case_15_fields_that_are_not_forwarded_change_nothing(void **state)
{
    struct rig rig;
    struct rig_reader readers[3] = {0};

    (void)state;
    make_rig(&rig);
    rig_ask_field(&rig, &readers[0], 0, URL, "User-Agent", "a");
    rig_ask_field(&rig, &readers[1], 1, URL, "User-Agent", "b");
    assert_null(rig.calls[0]->fields);
    rig_answer(&rig, 0, "Vary: User-Agent", "X");
    rig_ask_field(&rig, &readers[2], 1, URL, "User-Agent", "c");
    assert_int_equal(rig.started, 1);
    for (unsigned i = 0; i < 3; i++)
        assert_true(rig_is_whole(&readers[i], "X"));
    leave_all(readers, 3);
    rig_free(&rig);
}

static void case_27_purge_forgets_all_variants(void **state)
{
    struct rig rig;
    struct rig_reader readers[4] = {0};
    struct key key;

    (void)state;
    make_rig(&rig);
    store_key_init(rig.store, &key, URL, strlen(URL));
    rig_ask_field(&rig, &readers[0], 0, URL, "X-Kind", "a");
    rig_answer(&rig, 0, "Vary: X-Kind", "A");
    rig_ask_field(&rig, &readers[1], 0, URL, "X-Kind", "b"); /* under way */
    assert_true(fetcher_purge(rig.fetcher, &key));
    rig_ask_field(&rig, &readers[2], 0, URL, "X-Kind", "a");
    rig_ask_field(&rig, &readers[3], 1, URL, "X-Kind", "a");
    assert_int_equal(rig.started, 3);
    rig_answer(&rig, 1, "Vary: X-Kind", "old B");
    rig_answer(&rig, 2, "Vary: X-Kind", "new A");
    assert_true(rig_is_whole(&readers[1], "old B"));
    assert_true(rig_is_whole(&readers[2], "new A") && rig_is_whole(&readers[3], "new A"));
    leave_all(readers, 4);
    rig_ask_field(&rig, &readers[0], 0, URL, "X-Kind", "b");
    assert_int_equal(rig.started, 4);
    rig_answer(&rig, 3, "Vary: X-Kind", "new B");
    rig_leave(&readers[0]);
    rig_free(&rig);
}

/* More variants than allowed: the oldest generation is given up, the answers stay right. */
static void test_variants_are_bounded(void **state)
{
    struct fetch_settings settings;
    struct rig rig;
    struct rig_reader reader = {0};
    char value[8] = "0", body[8];

    (void)state;
    fetch_settings_default(&settings);
    settings.forwarded = forwarded;
    settings.forwarded_count = sizeof forwarded / sizeof *forwarded;
    settings.variants_max = 3;
    rig_new(&rig, &settings);
    for (unsigned i = 0; i < 20; i++) {
        value[0] = (char)('a' + i);
        snprintf(body, sizeof body, "body %c", value[0]);
        rig_ask_field(&rig, &reader, 0, URL, "X-Kind", value);
        assert_int_equal(rig.started, i + 1);
        rig_answer(&rig, i, "Vary: X-Kind", body);
        assert_true(rig_is_whole(&reader, body));
        rig_leave(&reader);
    }
    rig_free(&rig);
}

/* Different credentials never share; equal ones do. */
static void case_17_credentials_never_share_a_flight(void **state)
{
    struct rig rig;
    struct rig_reader readers[5] = {0};

    (void)state;
    make_rig(&rig);
    rig_ask_field(&rig, &readers[0], 0, URL, "Cookie", "user=1");
    rig_ask_field(&rig, &readers[1], 1, URL, "Cookie", "user=2");
    rig_ask_field(&rig, &readers[2], 1, URL, "Authorization", "user=1");
    rig_ask(&rig, &readers[3], 1, URL);
    rig_ask_field(&rig, &readers[4], 1, URL, "Cookie", "user=1");
    rig_settle(&rig);
    assert_int_equal(rig.started, 4);
    check_call_field(&rig, 0, "Cookie", "user=1");
    check_call_field(&rig, 2, "Authorization", "user=1");
    for (unsigned i = 0; i < 4; i++)
        rig_answer(&rig, i, "Cache-Control: no-cache", i == 0 ? "1" : "x");
    assert_true(rig_is_whole(&readers[0], "1") && rig_is_whole(&readers[4], "1"));
    for (unsigned i = 1; i < 4; i++)
        assert_true(rig_is_whole(&readers[i], "x"));
    leave_all(readers, 5);
    rig_free(&rig);
}

/* A redirect leads to the same origin, and then to another: who asks is for the first to know. */
static void case_17_credentials_stay_with_their_origin(void **state)
{
    struct field fields[] = {{span_of_string("Cookie"), span_of_string("user=1")},
                             {span_of_string("Authorization"), span_of_string("secret")},
                             {span_of_string("X-Kind"), span_of_string("a")}};
    struct rig rig;
    struct rig_reader reader = {0};

    (void)state;
    make_rig(&rig);
    rig_ask_for(&rig, &reader, 0, URL, 0, field_view_of_lines(fields, 3));
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 302, 0, "Location: /b");
    rig_done(&rig, 0, 0);
    check_call_field(&rig, 1, "Cookie", "user=1");
    check_call_field(&rig, 1, "Authorization", "secret");
    rig_connect(&rig, 1);
    rig_head(&rig, 1, 302, 0, "Location: http://other.example/c");
    rig_done(&rig, 1, 0);
    check_call_field(&rig, 2, "X-Kind", "a");
    assert_false(fields_has(rig.calls[2]->fields, "Cookie"));
    assert_false(fields_has(rig.calls[2]->fields, "Authorization"));
    rig_answer(&rig, 2, "", "c");
    assert_true(rig_is_whole(&reader, "c"));
    rig_leave(&reader);
    rig_free(&rig);
}

/* RFC 9111 section 3.5: the answer to a request with Authorization is not for others. */
static void case_17_authorized_answers_are_not_stored(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    make_rig(&rig);
    rig_ask_field(&rig, &a, 0, URL, "Authorization", "secret");
    rig_answer(&rig, 0, "Cache-Control: max-age=60", "hers");
    rig_ask(&rig, &b, 0, URL);
    assert_int_equal(rig.started, 2);
    rig_answer(&rig, 1, "Cache-Control: max-age=60", "all's");
    assert_true(rig_is_whole(&b, "all's"));
    rig_leave(&a);
    rig_leave(&b);
    rig_free(&rig);
}

/* A cookie may have made the answer, unless the origin says how long it is good for all. */
static void case_17_answers_to_cookies_need_a_lifetime_of_their_own(void **state)
{
    static const char *const fields[] = {"", "Cache-Control: max-age=60"};
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        make_rig(&rig);
        rig_ask_field(&rig, &a, 0, URL, "Cookie", "user=1");
        rig_answer(&rig, 0, fields[i], "one");
        rig_ask_field(&rig, &b, 0, URL, "Cookie", "user=2");
        assert_int_equal(rig.started, i == 0 ? 2 : 1);
        if (i == 0)
            rig_answer(&rig, 1, fields[i], "two");
        assert_true(rig_is_whole(&b, i == 0 ? "two" : "one"));
        rig_leave(&a);
        rig_leave(&b);
        rig_free(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_16_readers_regroup_by_variant),
        cmocka_unit_test(case_15_one_fetch_for_each_known_variant),
        cmocka_unit_test(case_15_variants_are_confirmed_one_by_one),
        cmocka_unit_test(case_15_late_readers_join_their_variant),
        cmocka_unit_test(case_16_variants_that_vary_by_more),
        cmocka_unit_test(case_16_found_to_vary_by_a_304),
        cmocka_unit_test(case_22_nothing_from_before_of_a_variant),
        cmocka_unit_test(case_16_unkept_answers_regroup_too),
        cmocka_unit_test(case_15_fields_that_are_not_forwarded_change_nothing),
        cmocka_unit_test(case_27_purge_forgets_all_variants),
        cmocka_unit_test(test_variants_are_bounded),
        cmocka_unit_test(case_17_credentials_never_share_a_flight),
        cmocka_unit_test(case_17_credentials_stay_with_their_origin),
        cmocka_unit_test(case_17_authorized_answers_are_not_stored),
        cmocka_unit_test(case_17_answers_to_cookies_need_a_lifetime_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
