/* SPDX-License-Identifier: MIT */
/*
 * test_flight_sharing.c - what the readers of a flight share, and what each must fetch for itself:
 * private, uncacheable and too long answers. The numbers are those of docs/internals/flight.md.
 */
#include <stdlib.h>
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

/* Case 13: the leader keeps what is private; the others fetch for themselves, at the same time. */
static void case_13_private_answer_stays_with_its_reader(void **state)
{
    struct rig rig;
    struct rig_reader readers[4] = {0}, later = {0};

    (void)state;
    rig_new(&rig, NULL);
    for (unsigned i = 0; i < 4; i++)
        rig_ask(&rig, &readers[i], i % 2, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, 1, "Cache-Control: private");
    assert_int_equal(rig.started, 4);
    rig_data(&rig, 0, "0");
    rig_done(&rig, 0, 0);
    assert_true(rig_is_whole(&readers[0], "0"));
    assert_false(readers[0].reader.is_stored);
    for (unsigned i = 1; i < 4; i++)
        rig_answer(&rig, i, "Cache-Control: private", "x");
    for (unsigned i = 1; i < 4; i++)
        assert_true(rig_is_whole(&readers[i], "x"));
    /* The mark: two who come now do not wait for each other. */
    rig_leave(&readers[0]);
    rig_ask(&rig, &readers[0], 0, URL);
    rig_ask(&rig, &later, 1, URL);
    rig_settle(&rig);
    assert_int_equal(rig.started, 6);
    rig_answer(&rig, 4, "Cache-Control: no-store", "y");
    rig_answer(&rig, 5, "Cache-Control: no-store", "z");
    assert_true(rig_is_whole(&later, "z"));
    assert_int_equal(counters_of(&rig).stored, 0);
    for (unsigned i = 0; i < 4; i++)
        rig_leave(&readers[i]);
    rig_leave(&later);
    rig_free(&rig);
}

/* Case 13: the mark ends by time, and earlier by the first answer that can be stored. */
static void case_13_mark_of_uncacheable_is_cleared(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0}, c = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_answer(&rig, 0, "Cache-Control: no-store", "1");
    rig_ask(&rig, &b, 0, URL);
    rig_answer(&rig, 1, "Cache-Control: max-age=9", "2");
    assert_true(rig_is_whole(&b, "2"));
    rig_leave(&a);
    rig_leave(&b);
    rig_ask(&rig, &a, 0, URL);
    rig_ask(&rig, &b, 1, URL);
    rig_settle(&rig);
    assert_int_equal(rig.started, 3); /* coalesced again */
    rig_answer(&rig, 2, "Cache-Control: no-store", "3");
    rig_answer(&rig, 3, "Cache-Control: no-store", "4");
    rig_leave(&a);
    rig_leave(&b);
    rig_advance(&rig, 121 * 1000);
    rig_ask(&rig, &b, 1, URL);
    rig_ask(&rig, &c, 0, URL);
    rig_settle(&rig);
    assert_int_equal(rig.started, 5); /* coalesced again */
    rig_answer(&rig, 4, "", "5");
    assert_true(rig_is_whole(&b, "5"));
    assert_true(rig_is_whole(&c, "5"));
    rig_leave(&b);
    rig_leave(&c);
    rig_free(&rig);
}

/* Case 13: who led has left when the private head comes: nobody gets that answer. */
static void case_13_private_answer_of_one_who_left_is_nobodys(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_ask(&rig, &b, 1, URL);
    rig_connect(&rig, 0);
    rig_leave(&a);
    assert_int_equal(rig_head(&rig, 0, 200, 6, "Cache-Control: private"), UPSTREAM_STOP);
    assert_int_equal(rig.cancelled, 1);
    assert_int_equal(rig.started, 2);
    rig_answer(&rig, 1, "Cache-Control: private", "mine");
    assert_true(rig_is_whole(&b, "mine"));
    rig_leave(&b);
    rig_free(&rig);
}

/* The others of a crowd ask for themselves, all at once, and the first request of the next crowd is
 * coalesced again: a refusal says nothing about the URL. */
static void case_06_refusal_stays_with_its_reader(void **state)
{
    static const int statuses[] = {401, 403, 407, 429};

    (void)state;
    for (unsigned i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct rig rig;
        struct rig_reader readers[4] = {0};
        rig_new(&rig, NULL);
        for (unsigned j = 0; j < 4; j++)
            rig_ask(&rig, &readers[j], j % 2, URL);
        rig_connect(&rig, 0);
        rig_head(&rig, 0, statuses[i], 2, i % 2 == 0 ? "" : "Cache-Control: public");
        assert_int_equal(rig.started, 4);
        rig_data(&rig, 0, "no");
        rig_done(&rig, 0, 0);
        assert_true(rig_is_whole(&readers[0], "no"));
        assert_int_equal(readers[0].reader.entry->status, statuses[i]);
        for (unsigned j = 1; j < 4; j++)
            assert_int_equal(readers[j].reader.state, FETCH_WAITING);
        for (unsigned j = 1; j < 4; j++)
            rig_answer(&rig, j, "", "yes");
        for (unsigned j = 1; j < 4; j++)
            assert_true(rig_is_whole(&readers[j], "yes"));
        for (unsigned j = 0; j < 4; j++)
            rig_leave(&readers[j]);
        for (unsigned j = 0; j < 2; j++)
            rig_ask_with(&rig, &readers[j], j, URL, FETCH_FRESH_ONLY * (j == 0));
        rig_settle(&rig);
        assert_int_equal(rig.started, 5);
        rig_answer(&rig, 4, "", "kept");
        assert_true(rig_is_whole(&readers[1], "kept"));
        for (unsigned j = 0; j < 2; j++)
            rig_leave(&readers[j]);
        rig_free(&rig);
    }
}

/* Even when each of them is refused, and whatever the refusals state: those that must not be stored
 * (RFC 6585) are no reason to let the next crowd through. */
static void case_06_refusals_of_all_leave_no_mark(void **state)
{
    static const int statuses[] = {401, 428, 429, 431, 511};

    (void)state;
    for (unsigned i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        const char *fields = statuses[i] == 401 ? "" : "Cache-Control: max-age=9";
        struct rig rig;
        struct rig_reader readers[2] = {0};
        rig_new(&rig, NULL);
        for (unsigned j = 0; j < 2; j++)
            rig_ask(&rig, &readers[j], j, URL);
        rig_connect(&rig, 0);
        rig_head(&rig, 0, statuses[i], 0, fields);
        rig_done(&rig, 0, 0);
        rig_connect(&rig, 1);
        rig_head(&rig, 1, statuses[i], 0, fields);
        rig_done(&rig, 1, 0);
        for (unsigned j = 0; j < 2; j++)
            rig_leave(&readers[j]);
        for (unsigned j = 0; j < 2; j++)
            rig_ask(&rig, &readers[j], j, URL);
        rig_settle(&rig);
        assert_int_equal(rig.started, 3);
        rig_answer(&rig, 2, "", "kept");
        assert_true(rig_is_whole(&readers[1], "kept"));
        for (unsigned j = 0; j < 2; j++)
            rig_leave(&readers[j]);
        rig_free(&rig);
    }
}

/* Then it is an answer like others: the standard says who may have it, and for how long. */
static void case_06_refusal_that_states_its_lifetime_is_kept(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0}, c = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_ask(&rig, &b, 1, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 403, 2, "Cache-Control: max-age=9");
    rig_data(&rig, 0, "no");
    rig_done(&rig, 0, 0);
    assert_true(rig_is_whole(&b, "no"));
    rig_ask(&rig, &c, 1, URL);
    assert_int_equal(c.reader.source, FETCH_FROM_STORE);
    assert_int_equal(rig.started, 1);
    rig_leave(&a);
    rig_leave(&b);
    rig_leave(&c);
    rig_free(&rig);
}

/* Purged while they wait: those who are there are still no crowd for somebody's refusal. */
static void case_06_refusal_after_a_purge_is_not_shared(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0}, c = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_ask(&rig, &b, 1, URL);
    rig_connect(&rig, 0);
    assert_true(fetcher_purge(rig.fetcher, &a.reader.request->key));
    rig_ask(&rig, &c, 1, URL);
    rig_settle(&rig);
    rig_head(&rig, 0, 429, 0, "");
    rig_done(&rig, 0, 0);
    assert_int_equal(a.reader.entry->status, 429);
    assert_int_equal(rig.started, 3);
    rig_answer(&rig, 1, "", "c");
    rig_answer(&rig, 2, "", "b");
    assert_true(rig_is_whole(&b, "b"));
    assert_true(rig_is_whole(&c, "c"));
    rig_leave(&a);
    rig_leave(&b);
    rig_leave(&c);
    rig_free(&rig);
}

/* Case 13: a private answer with a status that has to be understood, and is not, stays private. */
static void case_13_private_answer_not_understood_is_not_shared(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_ask(&rig, &b, 1, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 500, 1, "Cache-Control: must-understand, private");
    assert_int_equal(rig.started, 2);
    rig_data(&rig, 0, "a");
    rig_done(&rig, 0, 0);
    rig_answer(&rig, 1, "Cache-Control: private", "b");
    assert_true(rig_is_whole(&a, "a"));
    assert_true(rig_is_whole(&b, "b"));
    rig_leave(&a);
    rig_leave(&b);
    rig_free(&rig);
}

/* Cases 5 and 14: what cannot be kept is still shared with those who wait, and with no other. */
static void case_14_unkept_answer_is_shared_once(void **state)
{
    static const struct {
        int status;
        const char *fields;
    } answers[] = {{500, ""}, {200, "Cache-Control: max-age=0"}, {200, "Cache-Control: no-cache"}};

    (void)state;
    for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct rig rig;
        struct rig_reader a = {0}, b = {0}, late = {0};

        rig_new(&rig, NULL);
        rig_ask(&rig, &a, 0, URL);
        rig_ask(&rig, &b, 1, URL);
        rig_connect(&rig, 0);
        rig_head(&rig, 0, answers[i].status, 2, answers[i].fields);
        rig_ask(&rig, &late, 1, URL);
        rig_settle(&rig);
        assert_int_equal(rig.started, 2);
        rig_data(&rig, 0, "no");
        rig_done(&rig, 0, 0);
        assert_true(rig_is_whole(&a, "no"));
        assert_true(rig_is_whole(&b, "no"));
        assert_int_equal(b.reader.entry->status, answers[i].status);
        assert_false(b.reader.is_stored);
        rig_answer(&rig, 1, "", "late");
        assert_true(rig_is_whole(&late, "late"));
        rig_leave(&a);
        rig_leave(&b);
        rig_leave(&late);
        rig_free(&rig);
    }
}

/* Case 23: the announced length is beyond the limit: as if it were private. */
static void case_23_too_long_to_store_splits_at_the_head(void **state)
{
    struct fetch_settings settings;
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    fetch_settings_default(&settings);
    settings.stored_body_bytes_max = 4;
    rig_new(&rig, &settings);
    rig_ask(&rig, &a, 0, URL);
    rig_ask(&rig, &b, 1, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, 5, "");
    assert_int_equal(rig.started, 2);
    rig_data(&rig, 0, "12345");
    rig_done(&rig, 0, 0);
    rig_answer(&rig, 1, "", "54321");
    assert_true(rig_is_whole(&a, "12345"));
    assert_true(rig_is_whole(&b, "54321"));
    assert_int_equal(counters_of(&rig).stored, 0);
    rig_leave(&a);
    rig_leave(&b);
    rig_free(&rig);
}

/* Case 24: the limit is crossed on the way: those who are there go on, nobody joins. */
static void case_24_growing_too_long_goes_on_for_those_present(void **state)
{
    struct fetch_settings settings;
    struct rig rig;
    struct rig_reader a = {0}, b = {0}, late = {0};

    (void)state;
    fetch_settings_default(&settings);
    settings.stored_body_bytes_max = 4;
    rig_new(&rig, &settings);
    rig_ask(&rig, &a, 0, URL);
    rig_ask(&rig, &b, 1, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, -1, "");
    rig_data(&rig, 0, "123");
    rig_data(&rig, 0, "456");
    rig_ask(&rig, &late, 0, URL);
    assert_int_equal(rig.started, 2);
    rig_data(&rig, 0, "789");
    rig_done(&rig, 0, 0);
    assert_true(rig_is_whole(&a, "123456789"));
    assert_true(rig_is_whole(&b, "123456789"));
    assert_int_equal(counters_of(&rig).stored, 0);
    rig_answer(&rig, 1, "", "x");
    rig_leave(&a);
    rig_leave(&b);
    rig_leave(&late);
    rig_free(&rig);
}

/* Bytes on their way into the store are in no budget yet. Those of five answers would be more than
 * it holds: the fifth is for who is there, and its URL is none the worse for it. */
static void case_24_too_much_at_once_is_not_stored(void **state)
{
    enum { BYTES = 240 * 1024 };
    static const char *const urls[] = {URL "1", URL "2", URL "3", URL "4", URL "5"};
    struct rig rig;
    struct rig_reader readers[5] = {0};
    struct rig_reader late[2] = {0};
    char *text = malloc(BYTES + 1);

    (void)state;
    assert_non_null(text);
    memset(text, 'x', BYTES);
    text[BYTES] = '\0';
    rig_new(&rig, NULL);
    for (unsigned i = 0; i < 5; i++) {
        readers[i].is_slow = true;
        rig_ask(&rig, &readers[i], i % 2, urls[i]);
        rig_connect(&rig, i);
        rig_head(&rig, i, 200, BYTES, "Cache-Control: max-age=60");
        rig_data(&rig, i, text);
    }
    assert_int_equal(counters_of(&rig).flights_crowded_out, 1);
    for (unsigned i = 0; i < 5; i++)
        rig_done(&rig, i, 0);
    assert_int_equal(counters_of(&rig).stored, 4);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(fetch_reader_status(&readers[i].reader), 0);
        assert_int_equal(body_length(readers[i].reader.entry->body), BYTES);
        rig_leave(&readers[i]);
    }
    for (unsigned i = 0; i < 2; i++)
        rig_ask(&rig, &late[i], i, urls[4]);
    assert_int_equal(rig.started, 6); /* one flight for both */
    rig_answer(&rig, 5, "Cache-Control: max-age=60", "small");
    assert_int_equal(counters_of(&rig).stored, 5);
    rig_leave(&late[0]);
    rig_leave(&late[1]);
    free(text);
    rig_free(&rig);
}

/* Case 3, second half: a body that is not kept waits for its one reader. */
static void case_03_uncoalesced_body_waits_for_a_slow_reader(void **state)
{
    struct fetch_settings settings;
    struct rig rig;
    struct rig_reader slow = {.is_slow = true};

    (void)state;
    fetch_settings_default(&settings);
    settings.reader_lag_bytes_max = 4;
    rig_new(&rig, &settings);
    rig_ask(&rig, &slow, 0, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, -1, "Cache-Control: no-store");
    assert_int_equal(rig_data(&rig, 0, "12345"), UPSTREAM_GO_ON);
    assert_int_equal(rig_data(&rig, 0, "678"), UPSTREAM_PAUSE);
    rig_advance(&rig, 60 * 1000); /* a slow client is not a stalled origin */
    assert_int_equal(rig.scripts[0].resumes, 0);
    rig_read(&slow);
    rig_settle(&rig);
    assert_int_equal(rig.scripts[0].resumes, 1);
    assert_int_equal(rig_data(&rig, 0, "678"), UPSTREAM_GO_ON);
    rig_done(&rig, 0, 0);
    rig_read(&slow);
    assert_true(rig_is_whole(&slow, "12345678"));
    rig_leave(&slow);
    rig_free(&rig);
}

/* A slow one lags, alone; what was there before a late one came does not count against it; and when
 * all has come, nobody lags. */
static void case_03_slow_reader_lags_alone(void **state)
{
    struct fetch_settings settings;
    struct rig rig;
    struct rig_reader fast = {0}, slow = {.is_slow = true}, late = {.is_slow = true};

    (void)state;
    fetch_settings_default(&settings);
    settings.stored_lag_bytes_max = 4;
    rig_new(&rig, &settings);
    rig_ask(&rig, &slow, 0, URL);
    rig_ask(&rig, &fast, 1, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, -1, "");
    rig_data(&rig, 0, "1234");
    assert_false(fetch_reader_lags(&slow.reader));
    rig_data(&rig, 0, "5");
    assert_true(fetch_reader_lags(&slow.reader));
    assert_false(fetch_reader_lags(&fast.reader));
    rig_ask(&rig, &late, 0, URL);
    assert_false(fetch_reader_lags(&late.reader));
    rig_data(&rig, 0, "6789");
    assert_false(fetch_reader_lags(&late.reader));
    rig_data(&rig, 0, "0");
    assert_true(fetch_reader_lags(&late.reader));
    rig_leave(&slow);
    rig_done(&rig, 0, 0);
    assert_false(fetch_reader_lags(&late.reader));
    assert_true(rig_is_whole(&fast, "1234567890"));
    assert_int_equal(counters_of(&rig).stored, 1);
    assert_int_equal(counters_of(&rig).readers_cut, 2);
    rig_leave(&fast);
    rig_leave(&late);
    rig_free(&rig);
}

/* What is not stored makes the origin wait; without a limit, nobody is cut. */
static void case_03_nobody_lags_without_a_limit_or_a_store(void **state)
{
    (void)state;
    for (unsigned is_stored = 0; is_stored < 2; is_stored++) {
        struct fetch_settings settings;
        struct rig rig;
        struct rig_reader slow = {.is_slow = true};
        fetch_settings_default(&settings);
        settings.stored_lag_bytes_max = is_stored ? 0 : 1;
        rig_new(&rig, &settings);
        rig_ask(&rig, &slow, 0, URL);
        rig_connect(&rig, 0);
        rig_head(&rig, 0, 200, -1, is_stored ? "" : "Cache-Control: no-store");
        rig_data(&rig, 0, "1234567890");
        assert_false(fetch_reader_lags(&slow.reader));
        rig_done(&rig, 0, 0);
        rig_leave(&slow);
        rig_free(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_13_private_answer_stays_with_its_reader),
        cmocka_unit_test(case_13_mark_of_uncacheable_is_cleared),
        cmocka_unit_test(case_13_private_answer_of_one_who_left_is_nobodys),
        cmocka_unit_test(case_06_refusal_stays_with_its_reader),
        cmocka_unit_test(case_06_refusals_of_all_leave_no_mark),
        cmocka_unit_test(case_06_refusal_that_states_its_lifetime_is_kept),
        cmocka_unit_test(case_06_refusal_after_a_purge_is_not_shared),
        cmocka_unit_test(case_13_private_answer_not_understood_is_not_shared),
        cmocka_unit_test(case_14_unkept_answer_is_shared_once),
        cmocka_unit_test(case_23_too_long_to_store_splits_at_the_head),
        cmocka_unit_test(case_24_too_much_at_once_is_not_stored),
        cmocka_unit_test(case_24_growing_too_long_goes_on_for_those_present),
        cmocka_unit_test(case_03_uncoalesced_body_waits_for_a_slow_reader),
        cmocka_unit_test(case_03_slow_reader_lags_alone),
        cmocka_unit_test(case_03_nobody_lags_without_a_limit_or_a_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
