/* SPDX-License-Identifier: MIT */
/*
 * test_flight_ranges.c - readers that want a part (case 18): they wait for it, leave the rest to be
 * fetched, or ask the origin for it alone.
 */
#include <errno.h>
#include <string.h>

#include "cmocka_all.h"
#include "rig.h"

#define URL "http://origin.example/a"

static struct fetch_counters counters_of(struct rig *rig)
{
    struct fetch_counters counters;

    fetcher_read_counters(rig->fetcher, &counters);
    return counters;
}

/* A client that wants a part, if the answer is for it alone. */
static void ask_part(struct rig *rig, struct rig_reader *reader, unsigned lane, const char *url,
                     const char *range)
{
    struct field field = {span_of_string("Range"), span_of_string(range)};
    struct field_view client = field_view_of_lines(&field, 1);
    struct fetch_url *parsed;
    struct fetch_request *plain, *request;

    assert_int_equal(fetch_url_parse(url, strlen(url), 8192, &parsed), 0);
    assert_int_equal(
        fetch_request_new(fetcher_policy(rig->fetcher), rig->store, parsed, client, &plain), 0);
    fetch_url_unref(parsed);
    assert_int_equal(fetch_request_for_part(plain, rig->store, client, &request), 0);
    fetch_request_unref(plain);
    rig_prepare(reader, lane);
    fetch_reader_start(&reader->reader, rig->lanes[lane], request, NULL, 0, rig_on_progress);
    fetch_request_unref(request);
}

static bool has_sent(const struct rig *rig, unsigned index, const char *name)
{
    assert_non_null(rig->calls[index]);
    return rig->calls[index]->fields != NULL && fields_has(rig->calls[index]->fields, name);
}

/* Told once, when enough is there, and the cursor has not moved. */
static void case_18_waiting_reader_is_told_when_covered(void **state)
{
    struct rig rig;
    struct rig_reader a = {.is_slow = true}, b = {.is_slow = true};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_ask(&rig, &b, 1, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, -1, "");
    rig_data(&rig, 0, "01");
    assert_true(fetch_reader_wait_for(&a.reader, 5));
    assert_true(fetch_reader_wait_for(&b.reader, UINT64_MAX));
    a.told = b.told = 0;
    rig_data(&rig, 0, "23");
    assert_int_equal(a.told, 0);
    rig_data(&rig, 0, "45");
    assert_int_equal(a.told, 1);
    assert_int_equal(b.told, 0);
    assert_false(fetch_reader_wait_for(&a.reader, 6));
    assert_int_equal(a.reader.cursor.position, 0);
    rig_done(&rig, 0, 0);
    assert_int_equal(a.told, 1);
    assert_int_equal(b.told, 1);
    assert_false(fetch_reader_wait_for(&b.reader, UINT64_MAX));
    assert_int_equal(fetch_reader_status(&b.reader), 0);
    rig_leave(&a);
    rig_leave(&b);
    rig_free(&rig);
}

static void case_18_waiting_reader_is_told_of_a_break(void **state)
{
    struct rig rig;
    struct rig_reader a = {.is_slow = true};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, -1, "");
    rig_data(&rig, 0, "01");
    assert_true(fetch_reader_wait_for(&a.reader, 5));
    a.told = 0;
    rig_done(&rig, 0, -ECONNRESET);
    assert_int_equal(a.told, 1);
    assert_true(fetch_reader_status(&a.reader) < 0);
    rig_leave(&a);
    rig_free(&rig);
}

/* Two wait for a later part, and a third has begun to read. What comes breaks off: the two, of
 * which neither has sent anything, share one new fetch; if that breaks as well, they are told. */
static void case_07_who_waits_for_a_part_gets_one_new_fetch(void **state)
{
    struct rig rig;
    struct rig_reader readers[3] = {[0].is_slow = true, [1].is_slow = true};

    (void)state;
    for (unsigned breaks = 1; breaks <= 2; breaks++) {
        rig_new(&rig, NULL);
        for (unsigned i = 0; i < 3; i++)
            rig_ask(&rig, &readers[i], i % 2, URL);
        rig_connect(&rig, 0);
        for (unsigned i = 0; i < breaks; i++) {
            rig_head(&rig, i, 200, -1, "");
            rig_data(&rig, i, "01");
            for (unsigned j = 0; j < 2; j++)
                assert_true(fetch_reader_wait_for(&readers[j].reader, 5));
            rig_done(&rig, i, -ECONNRESET);
            for (unsigned j = 0; j < 2; j++) {
                assert_true(fetch_reader_status(&readers[j].reader) < 0);
                assert_int_equal(fetch_reader_start_over(&readers[j].reader), i == 0);
            }
            rig_settle(&rig);
            assert_int_equal(rig.started, 2);
            if (i == 0)
                rig_connect(&rig, 1);
        }
        if (breaks == 1) {
            rig_head(&rig, 1, 200, 6, "");
            rig_data(&rig, 1, "abcdef");
            rig_done(&rig, 1, 0);
            for (unsigned j = 0; j < 2; j++) {
                rig_read(&readers[j]);
                assert_true(rig_is_whole(&readers[j], "abcdef"));
            }
        }
        for (unsigned i = 0; i < 3; i++)
            rig_leave(&readers[i]);
        rig_free(&rig);
    }
}

/* Case 24: from there on nothing is kept for who does not read. */
static void case_18_nobody_waits_for_what_is_not_stored(void **state)
{
    struct fetch_settings settings;
    struct rig rig;
    struct rig_reader a = {.is_slow = true};

    (void)state;
    fetch_settings_default(&settings);
    settings.stored_body_bytes_max = 4;
    rig_new(&rig, &settings);
    rig_ask(&rig, &a, 0, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, -1, "");
    rig_data(&rig, 0, "01");
    assert_true(fetch_reader_wait_for(&a.reader, 100));
    a.told = 0;
    rig_data(&rig, 0, "2345");
    assert_int_equal(a.told, 1);
    assert_false(fetch_reader_wait_for(&a.reader, 100));
    assert_false(a.reader.is_stored);
    rig_read(&a);
    assert_string_equal(a.text, "012345"); /* from the beginning on, it lies there still */
    rig_done(&rig, 0, 0);
    rig_leave(&a);
    rig_free(&rig);
}

/* Who has got its part leaves the rest to be fetched; who just leaves does not. */
static void case_18_rest_is_fetched_for_the_next_range(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    for (unsigned wants_rest = 0; wants_rest < 2; wants_rest++) {
        rig_new(&rig, NULL);
        rig_ask(&rig, &a, 0, URL);
        rig_connect(&rig, 0);
        rig_head(&rig, 0, 200, -1, "");
        rig_data(&rig, 0, "01");
        a.reader.wants_rest = wants_rest;
        rig_leave(&a);
        rig_settle(&rig);
        assert_int_equal(rig.cancelled, !wants_rest);
        if (wants_rest) {
            rig_data(&rig, 0, "23");
            rig_done(&rig, 0, 0);
            rig_ask(&rig, &b, 1, URL);
            assert_true(rig_is_whole(&b, "0123"));
            rig_leave(&b);
        }
        assert_int_equal(counters_of(&rig).stored, wants_rest);
        rig_free(&rig);
    }
}

/* Many may want it: the range of the one that happens to lead stays at home. */
static void case_18_shared_fetch_is_of_the_whole(void **state)
{
    struct rig rig;
    struct rig_reader a = {0};

    (void)state;
    rig_new(&rig, NULL);
    ask_part(&rig, &a, 0, URL, "bytes=1-2");
    rig_connect(&rig, 0);
    assert_false(has_sent(&rig, 0, "Range"));
    assert_int_equal(rig_head(&rig, 0, 206, 2, "Content-Range: bytes 1-2/4"), UPSTREAM_STOP);
    rig_done(&rig, 0, -ECANCELED);
    assert_int_equal(a.reader.state, FETCH_FAILED);
    assert_int_equal(a.reader.failure.status, 502);
    rig_leave(&a);
    rig_free(&rig);
}

/* A URL that is marked: each asks for its own part, and gets it; the mark stays, nothing is stored.
 */
static void case_18_part_is_asked_for_alone(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0}, c = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_answer(&rig, 0, "Cache-Control: private", "0123");
    rig_leave(&a);
    ask_part(&rig, &b, 0, URL, "bytes=1-2");
    ask_part(&rig, &c, 1, URL, "bytes=9-");
    rig_settle(&rig);
    assert_int_equal(rig.started, 3);
    rig_connect(&rig, 1);
    assert_true(has_sent(&rig, 1, "Range"));
    rig_head(&rig, 1, 206, 2, "Content-Range: bytes 1-2/4\nCache-Control: max-age=60");
    rig_data(&rig, 1, "12");
    rig_done(&rig, 1, 0);
    assert_true(rig_is_whole(&b, "12"));
    assert_int_equal(b.reader.entry->status, 206);
    assert_true(entry_has(b.reader.entry, "Content-Range"));
    assert_false(b.reader.is_stored);
    rig_connect(&rig, 2);
    rig_head(&rig, 2, 416, 0, "Content-Range: bytes */4\nCache-Control: max-age=60");
    rig_done(&rig, 2, 0);
    assert_int_equal(c.reader.entry->status, 416);
    assert_int_equal(counters_of(&rig).upstream_parts, 2);
    assert_int_equal(counters_of(&rig).stored, 0);
    rig_leave(&b);
    rig_leave(&c);
    rig_ask(&rig, &a, 0, URL);
    rig_settle(&rig);
    assert_int_equal(counters_of(&rig).flights_uncoalesced, 3);
    rig_answer(&rig, 3, "Cache-Control: private", "0123");
    rig_leave(&a);
    rig_free(&rig);
}

/* It gives the whole up, which ends as nobody wants it, and gets its part; once. */
static void case_18_reader_exchanges_the_whole_for_its_part(void **state)
{
    struct rig rig;
    struct rig_reader a = {.is_slow = true};

    (void)state;
    rig_new(&rig, NULL);
    ask_part(&rig, &a, 0, URL, "bytes=1-2");
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, 4000000, "Cache-Control: private\nAccept-Ranges: bytes");
    assert_int_equal(a.reader.state, FETCH_ANSWERED);
    assert_true(fetch_reader_ask_part(&a.reader));
    assert_int_equal(a.reader.state, FETCH_WAITING);
    rig_settle(&rig);
    assert_int_equal(rig.cancelled, 1);
    assert_int_equal(rig.started, 2);
    rig_connect(&rig, 1);
    assert_true(has_sent(&rig, 1, "Range"));
    rig_head(&rig, 1, 200, 4, "Cache-Control: private"); /* it does not do ranges after all */
    rig_data(&rig, 1, "0123");
    assert_false(fetch_reader_ask_part(&a.reader));
    rig_done(&rig, 1, 0);
    rig_read(&a);
    assert_true(rig_is_whole(&a, "0123"));
    rig_leave(&a);
    rig_free(&rig);
}

/* The deadline of a waiting request counts for the second answer too. */
static void case_18_part_that_does_not_come_is_504(void **state)
{
    struct rig rig;
    struct rig_reader a = {.is_slow = true};

    (void)state;
    rig_new(&rig, NULL);
    ask_part(&rig, &a, 0, URL, "bytes=1-2");
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, 4000000, "Cache-Control: private\nAccept-Ranges: bytes");
    assert_true(fetch_reader_ask_part(&a.reader));
    rig_advance(&rig, rig.settings.wait_timeout_ms + 100);
    assert_int_equal(a.reader.state, FETCH_FAILED);
    assert_int_equal(a.reader.failure.status, 504);
    rig_leave(&a);
    rig_free(&rig);
}

/* What it gave up said 304; what it gets in the end, in the place of a part that does not come, is
 * what another has stored since, and the origin has said nothing of that. */
static void case_18_status_of_what_was_given_up_is_forgotten(void **state)
{
    struct rig rig;
    struct rig_reader a = {.is_slow = true}, b = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &b, 0, URL);
    rig_answer(&rig, 0, "Cache-Control: max-age=1\nETag: \"1\"", "old");
    rig_leave(&b);
    rig.wall_s += 10;
    ask_part(&rig, &a, 0, URL, "bytes=1-2");
    rig_connect(&rig, 1);
    rig_head(&rig, 1, 304, 0, "Cache-Control: private\nETag: \"1\"");
    assert_int_equal(a.reader.forward_status, 304);
    assert_true(fetch_reader_ask_part(&a.reader));
    rig_settle(&rig);
    for (unsigned i = 3; i < 5; i++) { /* the first clears the mark, the second is stored */
        rig_ask(&rig, &b, 1, URL);
        rig_settle(&rig);
        rig_answer(&rig, i, "Cache-Control: max-age=1", "new");
        rig_leave(&b);
    }
    rig.wall_s += 10;
    rig_advance(&rig, rig.settings.head_timeout_ms);
    assert_int_equal(a.reader.state, FETCH_ANSWERED);
    assert_true(a.reader.is_stale);
    assert_int_equal(a.reader.forward_status, 0);
    rig_leave(&a);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_18_waiting_reader_is_told_when_covered),
        cmocka_unit_test(case_18_waiting_reader_is_told_of_a_break),
        cmocka_unit_test(case_07_who_waits_for_a_part_gets_one_new_fetch),
        cmocka_unit_test(case_18_nobody_waits_for_what_is_not_stored),
        cmocka_unit_test(case_18_rest_is_fetched_for_the_next_range),
        cmocka_unit_test(case_18_shared_fetch_is_of_the_whole),
        cmocka_unit_test(case_18_part_is_asked_for_alone),
        cmocka_unit_test(case_18_reader_exchanges_the_whole_for_its_part),
        cmocka_unit_test(case_18_part_that_does_not_come_is_504),
        cmocka_unit_test(case_18_status_of_what_was_given_up_is_forgotten),
    };
    return cmocka_run_group_tests_name("flight_ranges", tests, NULL, NULL);
}
