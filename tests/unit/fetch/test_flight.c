/* SPDX-License-Identifier: MIT */
/*
 * test_flight.c - one fetch for all who ask: joining, streaming, leaving.
 * The numbers are those of docs/internals/flight.md. Failures: test_flight_failures.c. What may not
 * be shared: test_flight_sharing.c.
 */
#include <errno.h>
#include <string.h>

#include "cmocka_all.h"
#include "rig.h"

#include "lane.h"

#define URL "http://origin.example/a"

static struct fetch_counters counters_of(struct rig *rig)
{
    struct fetch_counters counters;

    fetcher_read_counters(rig->fetcher, &counters);
    return counters;
}

/* Six readers on two loops; the answer arrives; a seventh comes when it is stored. */
static void test_many_readers_cause_one_request(void **state)
{
    struct rig rig;
    struct rig_reader readers[7] = {0};

    (void)state;
    rig_new(&rig, NULL);
    for (unsigned i = 0; i < 6; i++)
        rig_ask(&rig, &readers[i], i % 2, URL);
    rig_settle(&rig);
    assert_int_equal(rig.started, 1);
    rig_answer(&rig, 0, "Cache-Control: max-age=60", "hello");
    for (unsigned i = 0; i < 6; i++)
        assert_true(rig_is_whole(&readers[i], "hello"));
    assert_int_equal(readers[0].reader.source, FETCH_FROM_ORIGIN);
    assert_int_equal(readers[5].reader.source, FETCH_FROM_COLLAPSED);
    assert_true(readers[0].reader.is_stored);
    rig_ask(&rig, &readers[6], 1, URL);
    assert_int_equal(readers[6].reader.source, FETCH_FROM_STORE);
    assert_string_equal(readers[6].text, "hello");
    assert_int_equal(rig.started, 1);
    assert_int_equal(counters_of(&rig).collapsed, 5);
    assert_int_equal(counters_of(&rig).hits, 1);
    assert_int_equal(counters_of(&rig).stored, 1);
    for (unsigned i = 0; i < 7; i++)
        rig_leave(&readers[i]);
    rig_free(&rig);
}

/* Case 9: half of the body is there; who joins now reads from byte 0 and gets the rest as it comes.
 */
static void case_09_late_joiner_reads_from_the_first_byte(void **state)
{
    struct rig rig;
    struct rig_reader early = {0}, late = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &early, 0, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, 6, "");
    rig_data(&rig, 0, "abc");
    rig_advance(&rig, 10000);
    rig_ask(&rig, &late, 1, URL);
    assert_string_equal(late.text, "abc");
    rig_data(&rig, 0, "def");
    rig_done(&rig, 0, 0);
    assert_true(rig_is_whole(&early, "abcdef"));
    assert_true(rig_is_whole(&late, "abcdef"));
    assert_int_equal(rig.started, 1);
    rig_leave(&early);
    rig_leave(&late);
    rig_free(&rig);
}

/* Case 1. */
static void case_01_first_reader_may_leave(void **state)
{
    struct rig rig;
    struct rig_reader first = {0}, second = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &first, 0, URL);
    rig_ask(&rig, &second, 1, URL);
    rig_connect(&rig, 0);
    rig_leave(&first);
    rig_settle(&rig);
    rig_head(&rig, 0, 200, 2, "");
    rig_data(&rig, 0, "ok");
    rig_done(&rig, 0, 0);
    assert_true(rig_is_whole(&second, "ok"));
    assert_int_equal(rig.started, 1);
    assert_int_equal(rig.cancelled, 0);
    rig_leave(&second);
    rig_free(&rig);
}

/* Case 2: the only one leaves before the head; the flight dies, and who comes next starts another.
 * Of more than one: test_flight_deserted.c. */
static void case_02_last_reader_leaving_ends_the_fetch(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, c = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_connect(&rig, 0);
    rig_leave(&a);
    rig_settle(&rig);
    assert_int_equal(rig.cancelled, 1);
    rig_ask(&rig, &c, 1, URL);
    rig_settle(&rig);
    assert_int_equal(rig.started, 2);
    rig_answer(&rig, 1, "", "new");
    assert_true(rig_is_whole(&c, "new"));
    rig_leave(&c);
    rig_free(&rig);
}

/* Case 2: the last leaves, but before its lane hears of it another has come: nothing is cancelled.
 */
static void case_02_joining_before_the_end_saves_the_fetch(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_connect(&rig, 0);
    rig_leave(&a);
    rig_ask(&rig, &b, 1, URL);
    rig_settle(&rig);
    assert_int_equal(rig.cancelled, 0);
    assert_int_equal(rig.started, 1);
    rig_head(&rig, 0, 200, 1, "");
    rig_data(&rig, 0, "x");
    rig_done(&rig, 0, 0);
    assert_true(rig_is_whole(&b, "x"));
    rig_leave(&b);
    rig_free(&rig);
}

/* Case 2: more than half is there when the last one leaves: it is finished and stored. */
static void case_02_half_fetched_is_finished(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, 4, "");
    rig_data(&rig, 0, "ab");
    rig_leave(&a);
    rig_settle(&rig);
    rig_data(&rig, 0, "cd");
    rig_done(&rig, 0, 0);
    rig_ask(&rig, &b, 0, URL);
    assert_true(rig_is_whole(&b, "abcd"));
    assert_int_equal(rig.started, 1);
    rig_leave(&b);
    rig_free(&rig);
}

/* Case 27: purged while it streams: served, not stored; the next request starts the next fetch. */
static void case_27_purge_during_a_fetch(void **state)
{
    struct rig rig;
    struct rig_reader before = {0}, after = {0}, hit = {0};
    struct key key;

    (void)state;
    rig_new(&rig, NULL);
    store_key_init(rig.store, &key, URL, strlen(URL));
    rig_ask(&rig, &before, 0, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, 3, "");
    assert_true(fetcher_purge(rig.fetcher, &key));
    rig_ask(&rig, &after, 1, URL);
    rig_settle(&rig);
    assert_int_equal(rig.started, 2);
    rig_data(&rig, 0, "old");
    rig_done(&rig, 0, 0);
    assert_true(rig_is_whole(&before, "old"));
    rig_answer(&rig, 1, "", "new");
    assert_true(rig_is_whole(&after, "new"));
    rig_ask(&rig, &hit, 0, URL);
    assert_true(rig_is_whole(&hit, "new"));
    assert_true(fetcher_purge(rig.fetcher, &key));
    assert_false(fetcher_purge(rig.fetcher, &key));
    rig_leave(&before);
    rig_leave(&after);
    rig_leave(&hit);
    rig_free(&rig);
}

/*
 * Case 22: "no-cache" takes neither what is stored nor what began before. A crowd of reloads is no
 * crowd of fetches: those that come while one is under way share the next.
 */
static void case_22_fresh_only_starts_anew(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0}, joins = {0}, crowd[4] = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_answer(&rig, 0, "", "1");
    rig_ask_with(&rig, &b, 0, URL, FETCH_FRESH_ONLY);
    rig_settle(&rig);
    assert_int_equal(rig.started, 2);
    for (unsigned i = 0; i < 4; i++)
        rig_ask_with(&rig, &crowd[i], i % 2, URL, FETCH_FRESH_ONLY);
    rig_ask_with(&rig, &joins, 1, URL, FETCH_NOT_STORED);
    rig_settle(&rig);
    assert_int_equal(rig.started, 2);
    rig_answer(&rig, 1, "", "2");
    assert_true(rig_is_whole(&b, "2"));
    assert_true(rig_is_whole(&joins, "2"));
    assert_int_equal(rig.started, 3);
    rig_answer(&rig, 2, "", "3");
    for (unsigned i = 0; i < 4; i++)
        assert_true(rig_is_whole(&crowd[i], "3"));
    rig_leave(&a);
    rig_ask(&rig, &a, 0, URL);
    assert_true(rig_is_whole(&a, "3"));
    assert_int_equal(rig.started, 3);
    rig_leave(&a);
    rig_leave(&b);
    rig_leave(&joins);
    for (unsigned i = 0; i < 4; i++)
        rig_leave(&crowd[i]);
    rig_free(&rig);
}

/* Case 22: a long body that is on its way is not waited for: it goes on for who is there. */
static void case_22_fresh_only_overtakes_a_long_answer(void **state)
{
    struct rig rig;
    struct rig_reader slow = {0}, fresh = {0}, hit = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &slow, 0, URL);
    rig_connect(&rig, 0);
    rig_ask_with(&rig, &fresh, 1, URL, FETCH_FRESH_ONLY);
    rig_advance(&rig, 2500);
    assert_int_equal(rig.started, 1); /* no head yet: the origin would be as slow for the second */
    rig_head(&rig, 0, 200, 6, "");
    rig_data(&rig, 0, "old");
    rig_advance(&rig, 1000);
    assert_int_equal(rig.started, 2);
    rig_answer(&rig, 1, "", "new");
    rig_data(&rig, 0, "est");
    rig_done(&rig, 0, 0);
    assert_true(rig_is_whole(&slow, "oldest"));
    assert_true(rig_is_whole(&fresh, "new"));
    rig_ask(&rig, &hit, 0, URL);
    assert_true(rig_is_whole(&hit, "new"));
    rig_leave(&slow);
    rig_leave(&fresh);
    rig_leave(&hit);
    rig_free(&rig);
}

static void on_held(struct async_waiter *waiter, int status)
{
    (void)waiter;
    (void)status;
    fail_msg("the lock was free");
}

/*
 * Case 30: another holds the key; a reader's flight queues. The holder stores the answer and
 * releases: the flight finds it there and goes nowhere.
 */
static void case_30_stored_while_waiting_for_the_lock_is_used(void **state)
{
    struct rig rig;
    struct rig_reader first = {0}, a = {0}, b = {0};
    struct async_keyed_waiter holder;
    const char *other = "http://origin.example/b";
    struct freshness freshness;
    struct fields fields;
    struct entry *entry;
    struct key key;

    (void)state;
    rig_new(&rig, NULL);
    async_keyed_waiter_init(&holder, rig.fetcher->keys, rig.loops[0], on_held, URL, strlen(URL));
    assert_true(async_keyed_lock_try_acquire(rig.fetcher->keys, &holder));
    rig_ask(&rig, &a, 0, URL);
    rig_ask(&rig, &b, 1, URL);
    rig_settle(&rig);
    assert_int_equal(rig.started, 0);

    /* An entry to store: fetched under another name. */
    rig_ask(&rig, &first, 0, other);
    rig_answer(&rig, 0, "", "stored");
    store_key_init(rig.store, &key, URL, strlen(URL));
    fields = entry_fields(first.reader.entry);
    freshness_read(&fields, 200, rig.wall_s, &freshness);
    assert_int_equal(entry_new(&(struct entry_draft){.key = &key,
                                                     .fields = &fields,
                                                     .body = first.reader.entry->body,
                                                     .freshness = &freshness,
                                                     .request_s = rig.wall_s,
                                                     .response_s = rig.wall_s,
                                                     .lifetime.default_s = 60},
                               &entry),
                     0);
    assert_int_equal(store_insert(rig.store, &entry), 0);
    assert_int_equal(async_keyed_lock_release(rig.fetcher->keys, &holder), 0);
    rig_settle(&rig);
    assert_true(rig_is_whole(&a, "stored"));
    assert_true(rig_is_whole(&b, "stored"));
    assert_int_equal(rig.started, 1);
    assert_int_equal(a.reader.source, FETCH_FROM_STORE);
    assert_int_equal(b.reader.source, FETCH_FROM_STORE);
    rig_leave(&first);
    rig_leave(&a);
    rig_leave(&b);
    rig_free(&rig);
}

/* Case 11: gone before it was told: its callback does not run, though it had been posted. */
static void case_11_reader_that_left_is_told_nothing(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_ask(&rig, &b, 1, URL);
    rig_connect(&rig, 0);
    {
        struct fields fields;
        struct upstream_head head = {.status = 200, .content_length_bytes = 1, .fields = &fields};
        fields_init(&fields);
        rig.calls[0]->events->on_head(rig.calls[0], &head); /* posts to both, turns nothing */
        fields_fini(&fields);
    }
    rig_leave(&b);
    rig_settle(&rig);
    assert_int_equal(a.told, 1);
    assert_int_equal(b.told, 0);
    rig_data(&rig, 0, "x");
    rig_done(&rig, 0, 0);
    assert_int_equal(b.told, 0);
    assert_true(rig_is_whole(&a, "x"));
    rig_leave(&a);
    rig_free(&rig);
}

/* Case 37: two spellings are one URL. */
static void case_37_spellings_of_one_url_share_a_fetch(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, "http://origin.example/%7ea/../%7Eb?q=%2f#top");
    rig_ask(&rig, &b, 1, "HTTP://ORIGIN.example:80/~b?q=%2F");
    rig_settle(&rig);
    assert_int_equal(rig.started, 1);
    rig_answer(&rig, 0, "", "same");
    assert_true(rig_is_whole(&b, "same"));
    rig_leave(&a);
    rig_leave(&b);
    rig_free(&rig);
}

/* Stated lifetimes are kept to the second. */
static void test_guessed_lifetimes_are_jittered(void **state)
{
    struct rig rig;
    struct rig_reader guessed = {0}, stated = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig.random = 5;
    rig_ask(&rig, &guessed, 0, URL);
    rig_answer(&rig, 0, "", "g");
    assert_int_equal(entry_ttl_s(guessed.reader.entry, rig.wall_s), 60 - 5);
    rig_ask(&rig, &stated, 0, URL "/stated");
    rig_answer(&rig, 1, "Cache-Control: max-age=60", "s");
    assert_int_equal(entry_ttl_s(stated.reader.entry, rig.wall_s), 60);
    rig_leave(&guessed);
    rig_leave(&stated);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_readers_cause_one_request),
        cmocka_unit_test(case_09_late_joiner_reads_from_the_first_byte),
        cmocka_unit_test(case_01_first_reader_may_leave),
        cmocka_unit_test(case_02_last_reader_leaving_ends_the_fetch),
        cmocka_unit_test(case_02_joining_before_the_end_saves_the_fetch),
        cmocka_unit_test(case_02_half_fetched_is_finished),
        cmocka_unit_test(case_27_purge_during_a_fetch),
        cmocka_unit_test(case_22_fresh_only_starts_anew),
        cmocka_unit_test(case_22_fresh_only_overtakes_a_long_answer),
        cmocka_unit_test(case_30_stored_while_waiting_for_the_lock_is_used),
        cmocka_unit_test(case_11_reader_that_left_is_told_nothing),
        cmocka_unit_test(case_37_spellings_of_one_url_share_a_fetch),
        cmocka_unit_test(test_guessed_lifetimes_are_jittered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
