/* SPDX-License-Identifier: MIT */
/*
 * test_flight_deserted.c - case 2 before the head: a crowd that has left a fetch is still a reason
 * to finish it, one request alone is not. And how many go on so, before and behind their heads.
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

/* Two ask on two loops, and both leave before anything has come. */
static void desert(struct rig *rig, const char *url)
{
    struct rig_reader a = {0}, b = {0};

    rig_ask(rig, &a, 0, url);
    rig_ask(rig, &b, 1, url);
    rig_settle(rig);
    rig_leave(&a);
    rig_leave(&b);
    rig_settle(rig);
}

/* A later request finds in the store what nobody waited for. */
static void assert_stored(struct rig *rig, const char *text)
{
    struct rig_reader late = {0};
    unsigned started = rig->started;

    rig_ask(rig, &late, 1, URL);
    assert_true(rig_is_whole(&late, text));
    assert_int_equal(late.reader.source, FETCH_FROM_STORE);
    assert_int_equal(rig->started, started);
    rig_leave(&late);
}

static void case_02_crowd_that_left_is_fetched_for(void **state)
{
    struct rig rig;

    (void)state;
    rig_new(&rig, NULL);
    desert(&rig, URL);
    assert_int_equal(rig.cancelled, 0);
    assert_int_equal(counters_of(&rig).flights_deserted, 1);
    rig_answer(&rig, 0, "Cache-Control: max-age=60", "hello");
    assert_stored(&rig, "hello");
    assert_int_equal(counters_of(&rig).flights_cancelled, 0);
    rig_free(&rig);
}

/* The origin has been asked: it may take as long as it may always take, and no longer. */
static void case_02_deserted_fetch_has_the_time_of_any_other(void **state)
{
    struct fetch_settings settings;
    struct rig rig;

    (void)state;
    fetch_settings_default(&settings);
    settings.head_timeout_ms = 10000;
    settings.retries_max = 0;
    rig_new(&rig, &settings);
    desert(&rig, URL);
    rig_connect(&rig, 0);
    rig_advance(&rig, 9900);
    rig_head(&rig, 0, 200, 2, "");
    rig_data(&rig, 0, "ok");
    rig_done(&rig, 0, 0);
    assert_stored(&rig, "ok");
    desert(&rig, URL "2");
    rig_connect(&rig, 1);
    rig_advance(&rig, 10000);
    assert_int_equal(rig.cancelled, 1);
    assert_int_equal(counters_of(&rig).flights_live, 0);
    rig_free(&rig);
}

/* The second came more than two seconds before they left. */
static void case_02_crowd_of_long_ago_is_not_fetched_for(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_ask(&rig, &b, 1, URL);
    rig_connect(&rig, 0);
    rig_advance(&rig, 2000);
    rig_leave(&a);
    rig_leave(&b);
    rig_settle(&rig);
    assert_int_equal(rig.cancelled, 1);
    assert_int_equal(counters_of(&rig).flights_cancelled, 1);
    assert_int_equal(counters_of(&rig).flights_deserted, 0);
    rig_free(&rig);
}

/* It waits for a permit, a name or an address, and nobody waits for it: not for long. */
static void case_02_deserted_before_the_origin_is_asked_ends_soon(void **state)
{
    struct rig rig;

    (void)state;
    rig_new(&rig, NULL);
    desert(&rig, URL);
    rig_advance(&rig, 1990);
    assert_int_equal(rig.cancelled, 0);
    rig_advance(&rig, 10);
    assert_int_equal(rig.cancelled, 1);
    assert_int_equal(counters_of(&rig).flights_cancelled, 1);
    rig_free(&rig);
}

/*
 * The first streams; what a crowd wants that takes nothing from before waits for the key's lock,
 * and is deserted. It does not begin when the lock comes after those two seconds, but it does when
 * it comes before.
 */
static void case_02_deserted_in_line_for_the_key(void **state)
{
    for (unsigned is_late = 0; is_late < 2; is_late++) {
        struct rig rig;
        struct rig_reader first = {0}, crowd[2] = {0};

        (void)state;
        rig_new(&rig, NULL);
        rig_ask(&rig, &first, 0, URL);
        rig_connect(&rig, 0);
        for (unsigned i = 0; i < 2; i++)
            rig_ask_with(&rig, &crowd[i], i, URL, FETCH_FRESH_ONLY);
        for (unsigned i = 0; i < 2; i++)
            rig_leave(&crowd[i]);
        rig_settle(&rig);
        assert_int_equal(counters_of(&rig).flights_live, 2);
        rig_advance(&rig, is_late ? 2000 : 1000);
        rig_head(&rig, 0, 200, 3, "Cache-Control: max-age=60");
        rig_data(&rig, 0, "old");
        rig_done(&rig, 0, 0);
        assert_int_equal(rig.started, is_late ? 1 : 2);
        if (!is_late) {
            rig_answer(&rig, 1, "Cache-Control: max-age=60", "new");
            assert_stored(&rig, "new");
        }
        rig_leave(&first);
        rig_free(&rig);
    }
}

static void case_02_newcomer_joins_what_is_deserted(void **state)
{
    struct rig rig;
    struct rig_reader late = {0};

    (void)state;
    rig_new(&rig, NULL);
    desert(&rig, URL);
    rig_connect(&rig, 0);
    rig_advance(&rig, 5000);
    rig_ask(&rig, &late, 1, URL);
    rig_head(&rig, 0, 200, 2, "");
    rig_data(&rig, 0, "ok");
    rig_done(&rig, 0, 0);
    assert_true(rig_is_whole(&late, "ok"));
    assert_int_equal(late.reader.source, FETCH_FROM_COLLAPSED);
    assert_int_equal(rig.started, 1);
    rig_leave(&late);
    rig_free(&rig);
}

/* Who comes to it alone, long after the others, and leaves as well. */
static void case_02_newcomer_that_leaves_is_not_a_crowd(void **state)
{
    struct rig rig;
    struct rig_reader late = {0};

    (void)state;
    rig_new(&rig, NULL);
    desert(&rig, URL);
    rig_connect(&rig, 0);
    rig_advance(&rig, 5000);
    rig_ask(&rig, &late, 1, URL);
    rig_advance(&rig, 2000);
    rig_leave(&late);
    rig_settle(&rig);
    assert_int_equal(rig.cancelled, 1);
    rig_free(&rig);
}

/* Nobody is there to get what is not stored: private, shared but not kept, purged meanwhile. */
static void case_02_deserted_answer_that_is_not_stored_is_not_read(void **state)
{
    static const char *const heads[] = {"Cache-Control: private", "Cache-Control: no-store",
                                        "Cache-Control: max-age=0"};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct rig rig;
        struct rig_reader late = {0};

        rig_new(&rig, NULL);
        desert(&rig, URL);
        rig_connect(&rig, 0);
        assert_int_equal(rig_head(&rig, 0, 200, 5, heads[i]), UPSTREAM_STOP);
        rig_done(&rig, 0, -ECANCELED);
        assert_int_equal(counters_of(&rig).flights_live, 0);
        assert_int_equal(counters_of(&rig).flights_cancelled, 1);
        assert_int_equal(counters_of(&rig).upstream_failures, 0);
        rig_ask(&rig, &late, 0, URL); /* nothing of it is held against the URL */
        rig_answer(&rig, 1, "", "new");
        assert_true(rig_is_whole(&late, "new"));
        rig_leave(&late);
        rig_free(&rig);
    }
}

/* Between the two: one has joined what is deserted, and the answer is the leader's, who has left.
 */
static void case_02_private_answer_to_who_has_left_is_nobodys(void **state)
{
    struct rig rig;
    struct rig_reader late = {0};

    (void)state;
    rig_new(&rig, NULL);
    desert(&rig, URL);
    rig_connect(&rig, 0);
    rig_ask(&rig, &late, 1, URL);
    assert_int_equal(rig_head(&rig, 0, 200, 5, "Cache-Control: private"), UPSTREAM_STOP);
    assert_int_equal(rig.cancelled, 1); /* since the newcomer has left it by now, for its own */
    assert_int_equal(counters_of(&rig).flights_cancelled, 1);
    assert_int_equal(rig.started, 2);
    rig_answer(&rig, 1, "Cache-Control: private", "mine");
    assert_true(rig_is_whole(&late, "mine"));
    rig_leave(&late);
    rig_free(&rig);
}

/* Case 27: what is purged is not stored, so nothing is left to go on for; nor does it begin. */
static void case_02_purge_ends_what_is_deserted(void **state)
{
    struct rig rig;
    struct rig_reader first = {0}, crowd[2] = {0};
    struct fetch_request *request;

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &first, 0, URL);
    request = fetch_request_ref(first.reader.request);
    rig_connect(&rig, 0);
    for (unsigned i = 0; i < 2; i++)
        rig_ask_with(&rig, &crowd[i], i, URL, FETCH_FRESH_ONLY);
    for (unsigned i = 0; i < 2; i++)
        rig_leave(&crowd[i]);
    rig_leave(&first);
    rig_settle(&rig);
    assert_int_equal(counters_of(&rig).flights_live, 1); /* that which waits for the lock */
    assert_int_equal(rig.started, 2);                    /* and has got it */
    assert_true(fetcher_purge(rig.fetcher, &request->key));
    rig_settle(&rig);
    assert_int_equal(rig.cancelled, 2);
    assert_int_equal(counters_of(&rig).flights_live, 0);
    assert_int_equal(rig.started, 2);
    fetch_request_unref(request);
    rig_free(&rig);
}

static void case_02_purged_in_line_and_deserted_never_begins(void **state)
{
    struct rig rig;
    struct rig_reader first = {0}, crowd[2] = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &first, 0, URL);
    rig_connect(&rig, 0);
    for (unsigned i = 0; i < 2; i++)
        rig_ask_with(&rig, &crowd[i], i, URL, FETCH_FRESH_ONLY);
    for (unsigned i = 0; i < 2; i++)
        rig_leave(&crowd[i]);
    rig_settle(&rig);
    assert_true(fetcher_purge(rig.fetcher, &first.reader.request->key));
    rig_settle(&rig);
    assert_int_equal(rig.started, 1);
    assert_int_equal(counters_of(&rig).flights_live, 1); /* the first, which is still read */
    rig_head(&rig, 0, 200, 1, "");
    rig_data(&rig, 0, "x");
    rig_done(&rig, 0, 0);
    assert_true(rig_is_whole(&first, "x"));
    rig_leave(&first);
    rig_free(&rig);
}

/* Cases 4 and 26: they leave in the pause before the second try; it redirects. */
static void case_02_deserted_fetch_is_tried_again_and_redirected(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_ask(&rig, &b, 1, URL);
    rig_connect(&rig, 0);
    rig_done(&rig, 0, -ECONNRESET);
    rig_leave(&a);
    rig_leave(&b);
    rig_advance(&rig, 200);
    assert_int_equal(rig.started, 2);
    rig_connect(&rig, 1);
    rig_head(&rig, 1, 302, 0, "Location: /b\nCache-Control: max-age=60");
    rig_done(&rig, 1, 0);
    assert_int_equal(rig.started, 3);
    rig_advance(&rig, 3000); /* the origin has been asked: this is no waiting in line */
    rig_answer(&rig, 2, "Cache-Control: max-age=60", "there");
    assert_stored(&rig, "there");
    rig_free(&rig);
}

/* With retries and all, a dead origin gets what every fetch gets. */
static void case_02_deserted_fetch_that_fails_ends(void **state)
{
    struct rig rig;

    (void)state;
    rig_new(&rig, NULL);
    desert(&rig, URL);
    rig_connect(&rig, 0);
    rig_done(&rig, 0, -ECONNREFUSED);
    rig_advance(&rig, 200);
    rig_connect(&rig, 1);
    rig_done(&rig, 1, -ECONNREFUSED);
    assert_int_equal(rig.started, 2);
    assert_int_equal(counters_of(&rig).flights_live, 0);
    assert_int_equal(counters_of(&rig).upstream_failures, 1);
    rig_free(&rig);
}

/* Half of what a loop may have connections; the room is free again when one has ended. */
static void case_02_deserted_fetches_are_bounded(void **state)
{
    static const char *const urls[] = {URL "0", URL "1", URL "2", URL "3"};
    struct fetch_settings settings;
    struct rig rig;

    (void)state;
    fetch_settings_default(&settings);
    settings.connections_max = 4;
    rig_new(&rig, &settings);
    for (unsigned i = 0; i < 3; i++) {
        desert(&rig, urls[i]);
        assert_int_equal(rig.cancelled, i == 2);
    }
    assert_int_equal(counters_of(&rig).flights_deserted, 2);
    rig_answer(&rig, 0, "", "one");
    desert(&rig, urls[3]);
    assert_int_equal(rig.cancelled, 1);
    rig_answer(&rig, 1, "", "two");
    rig_answer(&rig, 3, "", "three");
    rig_free(&rig);
}

/* Nor do bodies that hardly come take what others need, even if little of them is left. */
static void case_02_deserted_bodies_are_bounded(void **state)
{
    static const char *const urls[] = {URL "0", URL "1", URL "2"};

    (void)state;
    for (unsigned is_of_origin = 0; is_of_origin < 2; is_of_origin++) {
        struct fetch_settings settings;
        struct rig rig;

        fetch_settings_default(&settings);
        *(is_of_origin ? &settings.origin_connections_max : &settings.connections_max) = 4;
        rig_new(&rig, &settings);
        for (unsigned i = 0; i < 3; i++) {
            struct rig_reader reader = {0};

            rig_ask(&rig, &reader, 0, urls[i]);
            rig_connect(&rig, i);
            rig_head(&rig, i, 200, 10, "Cache-Control: max-age=60");
            rig_data(&rig, i, "slow");
            rig_leave(&reader);
            rig_settle(&rig);
            assert_int_equal(rig.cancelled, i == 2);
        }
        for (unsigned i = 0; i < 2; i++) {
            rig_data(&rig, i, " again");
            rig_done(&rig, i, 0);
        }
        assert_int_equal(counters_of(&rig).flights_deserted, 0);
        assert_int_equal(counters_of(&rig).flights_live, 0);
        rig_free(&rig);
    }
}

/* Case 32: nobody is told, and nothing is left. */
static void case_32_deserted_fetch_ends_with_its_lane(void **state)
{
    struct rig rig;

    (void)state;
    rig_new(&rig, NULL);
    desert(&rig, URL);
    rig_connect(&rig, 0);
    rig_free(&rig); /* which looks */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_02_crowd_that_left_is_fetched_for),
        cmocka_unit_test(case_02_deserted_fetch_has_the_time_of_any_other),
        cmocka_unit_test(case_02_crowd_of_long_ago_is_not_fetched_for),
        cmocka_unit_test(case_02_deserted_before_the_origin_is_asked_ends_soon),
        cmocka_unit_test(case_02_deserted_in_line_for_the_key),
        cmocka_unit_test(case_02_newcomer_joins_what_is_deserted),
        cmocka_unit_test(case_02_newcomer_that_leaves_is_not_a_crowd),
        cmocka_unit_test(case_02_deserted_answer_that_is_not_stored_is_not_read),
        cmocka_unit_test(case_02_private_answer_to_who_has_left_is_nobodys),
        cmocka_unit_test(case_02_purge_ends_what_is_deserted),
        cmocka_unit_test(case_02_purged_in_line_and_deserted_never_begins),
        cmocka_unit_test(case_02_deserted_fetch_is_tried_again_and_redirected),
        cmocka_unit_test(case_02_deserted_fetch_that_fails_ends),
        cmocka_unit_test(case_02_deserted_fetches_are_bounded),
        cmocka_unit_test(case_02_deserted_bodies_are_bounded),
        cmocka_unit_test(case_32_deserted_fetch_ends_with_its_lane),
    };
    return cmocka_run_group_tests_name("flight_deserted", tests, NULL, NULL);
}
