/* SPDX-License-Identifier: MIT */
/*
 * test_flight_refresh.c - stale answers that are used at once, and the fetches behind them; and
 * what a client's Cache-Control makes of what is stored.
 * The numbers are those of docs/internals/flight.md. The directives: tests/unit/http/test_stale.c.
 */
#include <errno.h>
#include <string.h>

#include "cmocka_all.h"
#include "rig.h"

#define URL     "http://origin.example/a"
#define WINDOW  "Cache-Control: max-age=10, stale-while-revalidate=60\nETag: \"v1\""
#define LASTING "Cache-Control: max-age=10"

static struct fetch_counters counters_of(struct rig *rig)
{
    struct fetch_counters counters;

    fetcher_read_counters(rig->fetcher, &counters);
    return counters;
}

/* Stores "old" with these fields, and lets it get `stale_s` seconds older than it is fresh. */
static void rig_with_stale(struct rig *rig, const struct fetch_settings *settings,
                           const char *field_lines, int64_t stale_s)
{
    struct rig_reader first = {0};

    rig_new(rig, settings);
    rig_ask(rig, &first, 0, URL);
    rig_answer(rig, 0, field_lines, "old");
    rig_leave(&first);
    rig->wall_s += 10 + stale_s;
}

static void assert_stale_hit(const struct rig_reader *reader)
{
    assert_true(rig_is_whole(reader, "old"));
    assert_true(reader->reader.is_stale);
    assert_int_equal(reader->reader.source, FETCH_FROM_STORE);
}

static void ask_and_leave(struct rig *rig, unsigned lane)
{
    struct rig_reader reader = {0};

    rig_ask(rig, &reader, lane, URL);
    assert_stale_hit(&reader);
    rig_leave(&reader);
    rig_settle(rig);
}

/* Case 29: all get the stale copy at once, and one fetch begins, which nobody waits for. */
static void case_29_one_refresh_behind_a_stale_copy(void **state)
{
    struct rig rig;
    struct rig_reader after = {0};
    struct span value;

    (void)state;
    rig_with_stale(&rig, NULL, WINDOW, 5);
    for (unsigned i = 0; i < 4; i++)
        ask_and_leave(&rig, i % 2);
    assert_int_equal(rig.started, 2);
    assert_true(fields_find(rig.calls[1]->fields, "If-None-Match", &value));
    assert_int_equal(counters_of(&rig).readers_waiting, 0);
    rig_connect(&rig, 1);
    rig_head(&rig, 1, 200, -1, LASTING);
    rig_data(&rig, 1, "ne");
    rig_settle(&rig);
    rig_data(&rig, 1, "w");
    rig_done(&rig, 1, 0);
    rig_ask(&rig, &after, 1, URL);
    assert_int_equal(after.reader.source, FETCH_FROM_STORE);
    assert_true(rig_is_whole(&after, "new"));
    assert_false(after.reader.is_stale);
    assert_int_equal(rig.started, 2);
    assert_int_equal(rig.cancelled, 0);
    assert_int_equal(counters_of(&rig).flights_unattended, 1);
    assert_int_equal(counters_of(&rig).misses, 1);
    assert_int_equal(counters_of(&rig).stale, 4);
    rig_leave(&after);
    rig_free(&rig);
}

/* Case 29: the refresh may be a confirmation. */
static void case_29_refresh_is_confirmed(void **state)
{
    struct rig rig;
    struct rig_reader after = {0};

    (void)state;
    rig_with_stale(&rig, NULL, WINDOW, 5);
    ask_and_leave(&rig, 0);
    rig_connect(&rig, 1);
    rig_head(&rig, 1, 304, 0, "ETag: \"v1\"");
    rig_done(&rig, 1, 0);
    rig_ask(&rig, &after, 1, URL);
    assert_true(rig_is_whole(&after, "old"));
    assert_false(after.reader.is_stale);
    assert_int_equal(rig.started, 2);
    rig_leave(&after);
    rig_free(&rig);
}

/* Case 29: who is not content with a stale copy joins the refresh; it goes on without the others.
 */
static void case_29_newcomer_may_join_the_refresh(void **state)
{
    struct rig rig;
    struct rig_reader joins = {0};

    (void)state;
    rig_with_stale(&rig, NULL, WINDOW, 5);
    ask_and_leave(&rig, 0);
    rig_wish(&rig, &joins, 1, URL, "max-age=5");
    assert_int_equal(joins.reader.state, FETCH_WAITING);
    rig_answer(&rig, 1, LASTING, "new");
    assert_true(rig_is_whole(&joins, "new"));
    assert_int_equal(joins.reader.source, FETCH_FROM_COLLAPSED);
    assert_int_equal(rig.started, 2);
    rig_leave(&joins);
    rig_free(&rig);
}

/* Case 29: beyond the window, or where it is forbidden, they wait. */
static void case_29_not_beyond_the_window(void **state)
{
    static const struct {
        const char *field_lines;
        int64_t stale_s;
        int64_t default_s;
        bool is_used;
    } cases[] = {
        {WINDOW, 59, 0, true},
        {WINDOW, 60, 0, false},
        {LASTING, 0, 0, false},
        {LASTING, 4, 5, true},
        {LASTING, 5, 5, false},
        {"Cache-Control: max-age=10, must-revalidate, stale-while-revalidate=60", 1, 0, false},
        {"Cache-Control: s-maxage=10, stale-while-revalidate=60", 1, 0, false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fetch_settings settings;
        struct rig rig;
        struct rig_reader reader = {0};

        fetch_settings_default(&settings);
        settings.stale.while_revalidating_s = cases[i].default_s;
        print_message("%s, stale for %d s\n", cases[i].field_lines, (int)cases[i].stale_s);
        rig_with_stale(&rig, &settings, cases[i].field_lines, cases[i].stale_s);
        rig_ask(&rig, &reader, 0, URL);
        assert_int_equal(reader.reader.state, cases[i].is_used ? FETCH_ANSWERED : FETCH_WAITING);
        rig_settle(&rig);
        assert_int_equal(rig.started, 2);
        rig_leave(&reader);
        rig_free(&rig);
    }
}

/* Case 29: one that failed, in whichever way, is not followed by the next at once. */
static void case_29_failed_refresh_is_not_repeated_at_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct fetch_settings settings;
        struct rig rig;

        fetch_settings_default(&settings);
        settings.retries_max = 0;
        rig_with_stale(&rig, &settings, WINDOW, 5);
        ask_and_leave(&rig, 0);
        if (i > 0) {
            rig_connect(&rig, 1);
            rig_head(&rig, 1, 503, 0, i == 1 ? "" : "Cache-Control: no-store");
        }
        if (i == 0)
            rig_done(&rig, 1, -ECONNREFUSED);
        else if (rig.calls[1] != NULL)
            rig_done(&rig, 1, 0);
        for (unsigned j = 0; j < 3; j++)
            ask_and_leave(&rig, j % 2);
        assert_int_equal(rig.started, 2);
        rig_advance(&rig, 1100);
        ask_and_leave(&rig, 1);
        assert_int_equal(rig.started, 3);
        rig_free(&rig);
    }
}

/* Case 29: no more at a time than there may be connections; the others get their turn. */
static void case_29_refreshes_have_a_limit(void **state)
{
    static const char *const urls[] = {URL, "http://origin.example/b"};
    struct fetch_settings settings;
    struct rig rig;

    (void)state;
    fetch_settings_default(&settings);
    settings.connections_max = 1;
    rig_with_stale(&rig, &settings, WINDOW, 0);
    rig.wall_s -= 10;
    for (unsigned i = 0; i < 2; i++) {
        struct rig_reader reader = {0};

        rig_ask(&rig, &reader, 0, urls[i]);
        if (i == 1)
            rig_answer(&rig, 1, WINDOW, "old");
        rig_leave(&reader);
    }
    rig.wall_s += 15;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 2; i++) {
            struct rig_reader reader = {0};

            rig_ask(&rig, &reader, 0, urls[i]);
            rig_leave(&reader);
            rig_settle(&rig);
        }
        assert_int_equal(rig.started, 3 + round);
        rig_answer(&rig, 2 + round, LASTING, "new");
    }
    rig_free(&rig);
}

/* Case 29: an answer that is not for the store is of no use to anybody, and is given up. */
static void case_29_refresh_that_is_not_stored_is_given_up(void **state)
{
    static const char *const field_lines[] = {"Cache-Control: private", "Cache-Control: max-age=0"};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct rig rig;
        struct rig_reader next = {0};

        rig_with_stale(&rig, NULL, WINDOW, 5);
        ask_and_leave(&rig, 0);
        rig_connect(&rig, 1);
        rig_head(&rig, 1, 200, 100, field_lines[i]);
        assert_int_equal(rig.cancelled, 1);
        rig_ask(&rig, &next, 1, URL); /* and what was stored is obsolete */
        assert_int_equal(next.reader.state, FETCH_WAITING);
        rig_leave(&next);
        rig_free(&rig);
    }
}

/* Case 32: it ends with its lane, and nothing is begun on one that has stopped. */
static void case_32_refresh_ends_with_its_lane(void **state)
{
    struct rig rig;

    (void)state;
    rig_with_stale(&rig, NULL, WINDOW, 5);
    ask_and_leave(&rig, 0);
    fetch_lane_stop(rig.lanes[0]);
    assert_int_equal(rig.cancelled, 1);
    ask_and_leave(&rig, 0);
    assert_int_equal(rig.started, 2);
    ask_and_leave(&rig, 1);
    assert_int_equal(rig.started, 3);
    rig_free(&rig);
}

/* Case 27: purged meanwhile: it stores nothing, and nothing is left to be used stale. */
static void case_27_refresh_that_is_purged_stores_nothing(void **state)
{
    struct rig rig;
    struct rig_reader reader = {0}, next = {0};

    (void)state;
    rig_with_stale(&rig, NULL, WINDOW, 5);
    rig_ask(&rig, &reader, 0, URL);
    rig_connect(&rig, 1);
    assert_true(fetcher_purge(rig.fetcher, &reader.reader.request->key));
    rig_settle(&rig);
    rig_head(&rig, 1, 200, 3, LASTING);
    assert_int_equal(rig.cancelled, 1);
    rig_ask(&rig, &next, 1, URL);
    assert_int_equal(next.reader.state, FETCH_WAITING);
    rig_leave(&reader);
    rig_leave(&next);
    rig_free(&rig);
}

/* Case 22: what a client's request wants of what is stored. */
static void case_22_wishes_of_clients(void **state)
{
    static const struct {
        const char *wishes;
        int64_t stale_s;
        bool is_hit;
    } cases[] = {
        {"max-stale", 1000, true},  {"max-stale=20", 19, true}, {"max-stale=20", 20, false},
        {"max-age=9", -1, true},    {"max-age=8", -1, false},   {"min-fresh=1", -1, true},
        {"min-fresh=2", -1, false}, {"no-cache", -1, false},    {"max-age=0", -1, false},
        {"no-store", -1, true},     {"max-age=60", 0, false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (unsigned obeys = 0; obeys < 2; obeys++) {
            struct fetch_settings settings;
            struct rig rig;
            struct rig_reader reader = {0};
            bool is_hit = obeys == 1 ? cases[i].is_hit : cases[i].stale_s < 0;

            fetch_settings_default(&settings);
            settings.obeys_clients = obeys == 1;
            print_message("%s, stale for %d s\n", cases[i].wishes, (int)cases[i].stale_s);
            rig_with_stale(&rig, &settings, LASTING, cases[i].stale_s);
            rig_wish(&rig, &reader, 0, URL, cases[i].wishes);
            assert_int_equal(reader.reader.state, is_hit ? FETCH_ANSWERED : FETCH_WAITING);
            rig_settle(&rig);
            assert_int_equal(rig.started, is_hit ? 1 : 2);
            rig_leave(&reader);
            rig_free(&rig);
        }
    }
}

/* Case 22: who wants a young answer does not get, by another's second look, what was too old. */
static void case_22_second_look_minds_the_wishes(void **state)
{
    struct rig rig;
    struct rig_reader picky = {0};

    (void)state;
    rig_with_stale(&rig, NULL, WINDOW, -5);
    rig_wish(&rig, &picky, 0, URL, "max-age=2");
    rig_settle(&rig);
    assert_int_equal(rig.started, 2);
    rig_connect(&rig, 1);
    rig_head(&rig, 1, 304, 0, "");
    rig_done(&rig, 1, 0);
    assert_true(rig_is_whole(&picky, "old"));
    assert_int_equal(picky.reader.forward_status, 304);
    assert_int_equal(picky.reader.miss, FETCH_MISS_REQUEST);
    rig_leave(&picky);
    rig_free(&rig);
}

/* Case 22: "no-store" of a request keeps the answer to it from the store; it may be another's. */
static void case_22_no_store_leads_nobody(void **state)
{
    struct rig rig;
    struct rig_reader secret = {0}, usual = {0}, joins = {0}, hit = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_wish(&rig, &secret, 0, URL, "no-store");
    rig_ask(&rig, &usual, 1, URL);
    rig_wish(&rig, &joins, 1, URL, "no-store");
    rig_settle(&rig);
    assert_int_equal(rig.started, 2);
    rig_answer(&rig, 0, LASTING, "secret");
    assert_true(rig_is_whole(&secret, "secret"));
    assert_false(secret.reader.is_stored);
    rig_answer(&rig, 1, LASTING, "usual");
    assert_true(rig_is_whole(&usual, "usual"));
    assert_true(rig_is_whole(&joins, "usual"));
    rig_ask(&rig, &hit, 0, URL);
    assert_true(rig_is_whole(&hit, "usual"));
    rig_leave(&secret);
    rig_leave(&usual);
    rig_leave(&joins);
    rig_leave(&hit);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_29_one_refresh_behind_a_stale_copy),
        cmocka_unit_test(case_29_refresh_is_confirmed),
        cmocka_unit_test(case_29_newcomer_may_join_the_refresh),
        cmocka_unit_test(case_29_not_beyond_the_window),
        cmocka_unit_test(case_29_failed_refresh_is_not_repeated_at_once),
        cmocka_unit_test(case_29_refreshes_have_a_limit),
        cmocka_unit_test(case_29_refresh_that_is_not_stored_is_given_up),
        cmocka_unit_test(case_32_refresh_ends_with_its_lane),
        cmocka_unit_test(case_27_refresh_that_is_purged_stores_nothing),
        cmocka_unit_test(case_22_wishes_of_clients),
        cmocka_unit_test(case_22_second_look_minds_the_wishes),
        cmocka_unit_test(case_22_no_store_leads_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
