/* SPDX-License-Identifier: MIT */
/*
 * test_flight_failures.c - when the origin, the way to it, the time or the memory fails.
 * The numbers are those of docs/internals/flight.md.
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

static void assert_failed(const struct rig_reader *reader, int status)
{
    assert_int_equal(reader->reader.state, FETCH_FAILED);
    assert_int_equal(reader->reader.failure.status, status);
    assert_non_null(reader->reader.failure.detail);
}

/*
 * Case 4: no connection, twice; all who wait get one 502; who comes within a second gets it as
 * well; then the origin is asked again.
 */
static void case_04_failure_is_retried_once_and_shared(void **state)
{
    struct rig rig;
    struct rig_reader readers[4] = {0}, soon = {0}, later = {0};

    (void)state;
    rig_new(&rig, NULL);
    for (unsigned i = 0; i < 4; i++)
        rig_ask(&rig, &readers[i], i % 2, URL);
    rig_connect(&rig, 0);
    rig_done(&rig, 0, -ECONNREFUSED);
    assert_int_equal(rig.started, 1);
    rig_advance(&rig, 200);
    assert_int_equal(rig.started, 2);
    rig_connect(&rig, 1);
    rig_done(&rig, 1, -ECONNREFUSED);
    for (unsigned i = 0; i < 4; i++) {
        assert_failed(&readers[i], 502);
        assert_int_equal(readers[i].told, 1);
    }
    rig_ask(&rig, &soon, 1, URL);
    assert_failed(&soon, 502);
    assert_int_equal(rig.started, 2);
    rig_advance(&rig, 1100);
    rig_ask(&rig, &later, 1, URL);
    rig_settle(&rig);
    assert_int_equal(rig.started, 3);
    rig_answer(&rig, 2, "", "up again");
    assert_true(rig_is_whole(&later, "up again"));
    assert_int_equal(counters_of(&rig).upstream_retries, 1);
    for (unsigned i = 0; i < 4; i++)
        rig_leave(&readers[i]);
    rig_leave(&soon);
    rig_leave(&later);
    rig_free(&rig);
}

/* A second try that succeeds is nobody's business. */
static void case_04_second_try_may_succeed(void **state)
{
    struct rig rig;
    struct rig_reader a = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_connect(&rig, 0);
    rig_done(&rig, 0, -ECONNRESET);
    rig_advance(&rig, 200);
    rig_answer(&rig, 1, "", "ok");
    assert_true(rig_is_whole(&a, "ok"));
    rig_leave(&a);
    rig_free(&rig);
}

/* What will not change by asking again is not asked again. */
/* An end that came over a kept connection says nothing of the origin: there is nothing to wait for.
 * The second try, over a new one, has failed in earnest. */
static void case_04_end_of_a_kept_connection_is_retried_at_once(void **state)
{
    struct rig rig;
    struct rig_reader a = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_connect(&rig, 0);
    rig.calls[0]->was_kept = true;
    rig_done(&rig, 0, -ECONNRESET);
    rig_advance(&rig, 0);
    assert_int_equal(rig.started, 2);
    assert_true(rig.calls[1]->is_on_new_connection);
    rig_done(&rig, 1, -ECONNRESET);
    assert_failed(&a, 502);
    rig_leave(&a);
    rig_free(&rig);
}

static void case_04_final_failures_are_not_retried(void **state)
{
    static const struct {
        int status, http_status;
    } failures[] = {{-EACCES, 403}, {-ENOENT, 502}, {-EPROTO, 502}};

    (void)state;
    for (unsigned i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct rig rig;
        struct rig_reader a = {0};

        rig_new(&rig, NULL);
        rig_ask(&rig, &a, 0, URL);
        rig_done(&rig, 0, failures[i].status);
        rig_advance(&rig, 300);
        assert_int_equal(rig.started, 1);
        assert_failed(&a, failures[i].http_status);
        rig_leave(&a);
        rig_free(&rig);
    }
}

/* Rule I.17: names that do not exist, closed ports and timeouts of the connection read alike. */
static void test_unreachable_reads_alike(void **state)
{
    static const int failures[] = {-ENOENT, -ECONNREFUSED, -ETIMEDOUT};
    const char *detail = NULL;

    (void)state;
    for (unsigned i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct fetch_settings settings;
        struct rig rig;
        struct rig_reader a = {0};

        fetch_settings_default(&settings);
        settings.retries_max = 0;
        rig_new(&rig, &settings);
        rig_ask(&rig, &a, 0, URL);
        rig_done(&rig, 0, failures[i]);
        assert_failed(&a, 502);
        if (detail != NULL)
            assert_string_equal(a.reader.failure.detail, detail);
        detail = a.reader.failure.detail;
        rig_leave(&a);
        rig_free(&rig);
    }
}

/*
 * Case 7: the connection breaks in the middle. Who has bytes sees a broken body; nothing is stored;
 * the next request is a new fetch.
 */
static void case_07_broken_body_is_not_stored(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, 6, "");
    rig_data(&rig, 0, "abc");
    rig_done(&rig, 0, -ECONNRESET);
    assert_string_equal(a.text, "abc");
    assert_int_equal(body_status(a.reader.entry->body), -ECONNRESET);
    assert_false(rig_is_whole(&a, "abc"));
    rig_ask(&rig, &b, 1, URL);
    rig_settle(&rig);
    assert_int_equal(rig.started, 2);
    rig_answer(&rig, 1, "", "abcdef");
    assert_true(rig_is_whole(&b, "abcdef"));
    rig_leave(&a);
    rig_leave(&b);
    rig_free(&rig);
}

/*
 * Case 7: head and break arrive before two readers could look: they got nothing yet, so one new
 * fetch serves both.
 */
static void case_07_readers_without_a_byte_get_one_new_fetch(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0};
    struct upstream_call *call;
    struct fields fields;
    struct upstream_head head = {.status = 200, .content_length_bytes = 6, .fields = &fields};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_ask(&rig, &b, 1, URL);
    rig_connect(&rig, 0);
    call = rig.calls[0];
    fields_init(&fields);
    call->events->on_head(call, &head);
    fields_fini(&fields);
    rig_done(&rig, 0, -ECONNRESET); /* settles only now */
    assert_int_equal(rig.started, 2);
    assert_int_equal(counters_of(&rig).restarts, 2);
    rig_answer(&rig, 1, "", "abcdef");
    assert_true(rig_is_whole(&a, "abcdef"));
    assert_true(rig_is_whole(&b, "abcdef"));
    rig_leave(&a);
    rig_leave(&b);
    rig_free(&rig);
}

/* Case 8: bytes that keep coming keep it alive, whatever its age; their absence ends it. */
static void case_08_stalled_body_is_given_up(void **state)
{
    struct rig rig;
    struct rig_reader a = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, 100, "");
    for (unsigned i = 0; i < 5; i++) {
        rig_advance(&rig, 14000);
        rig_data(&rig, 0, "x");
    }
    assert_int_equal(body_status(a.reader.entry->body), BODY_OPEN);
    rig_advance(&rig, 16000);
    assert_int_equal(body_status(a.reader.entry->body), -ETIMEDOUT);
    assert_int_equal(rig.cancelled, 1);
    rig_leave(&a);
    rig_free(&rig);
}

/* No head in time: 504, and the origin is not asked a second time for what it may be busy with. */
static void case_04_silent_origin_is_504(void **state)
{
    struct rig rig;
    struct rig_reader a = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_connect(&rig, 0);
    rig_advance(&rig, 31000);
    assert_failed(&a, 504);
    assert_true(a.reader.failure.retry_after_s > 0);
    assert_int_equal(rig.started, 1);
    assert_int_equal(rig.cancelled, 1);
    rig_leave(&a);
    rig_free(&rig);
}

/* Case 10: a reader's own patience is less than the fetch's; the others are not concerned. */
static void case_10_waiting_too_long_is_504_for_that_reader(void **state)
{
    struct fetch_settings settings;
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    fetch_settings_default(&settings);
    settings.wait_timeout_ms = 1000;
    rig_new(&rig, &settings);
    rig_ask(&rig, &a, 0, URL);
    rig_connect(&rig, 0);
    rig_advance(&rig, 500);
    rig_ask(&rig, &b, 1, URL);
    rig_advance(&rig, 600);
    assert_failed(&a, 504);
    assert_int_equal(b.reader.state, FETCH_WAITING);
    rig_head(&rig, 0, 200, 1, "");
    rig_data(&rig, 0, "b");
    rig_done(&rig, 0, 0);
    assert_true(rig_is_whole(&b, "b"));
    assert_int_equal(a.told, 1);
    rig_leave(&a);
    rig_leave(&b);
    rig_free(&rig);
}

/* Case 12: per key and in all; a place that becomes free can be taken; hits are never refused. */
static void case_12_too_many_waiters_are_503(void **state)
{
    struct fetch_settings settings;
    struct rig rig;
    struct rig_reader a = {0}, b = {0}, c = {0}, d = {0}, hit = {0};

    (void)state;
    fetch_settings_default(&settings);
    settings.waiters_per_key_max = 2;
    settings.waiters_max = 3;
    rig_new(&rig, &settings);
    rig_ask(&rig, &a, 0, URL);
    rig_ask(&rig, &b, 1, URL);
    rig_ask(&rig, &c, 0, URL);
    assert_failed(&c, 503);
    assert_true(c.reader.failure.retry_after_s > 0);
    rig_leave(&c);
    rig_ask(&rig, &c, 0, "http://origin.example/c");
    assert_int_equal(c.reader.state, FETCH_WAITING);
    rig_ask(&rig, &d, 1, "http://origin.example/d");
    assert_failed(&d, 503);
    rig_leave(&d);
    rig_leave(&b);
    rig_ask(&rig, &d, 1, "http://origin.example/d");
    assert_int_equal(d.reader.state, FETCH_WAITING);
    rig_settle(&rig);
    assert_int_equal(rig.started, 3);
    for (unsigned i = 0; i < 3; i++)
        rig_answer(&rig, i, "", "x");
    rig_ask(&rig, &hit, 1, URL);
    assert_true(rig_is_whole(&hit, "x"));
    assert_int_equal(counters_of(&rig).refused_waiters, 2);
    rig_leave(&a);
    rig_leave(&c);
    rig_leave(&d);
    rig_leave(&hit);
    rig_free(&rig);
}

/* Case 25. */
static void case_25_unasked_statuses_are_502(void **state)
{
    static const int statuses[] = {206, 304};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct rig rig;
        struct rig_reader a = {0};

        rig_new(&rig, NULL);
        rig_ask(&rig, &a, 0, URL);
        rig_connect(&rig, 0);
        assert_int_equal(rig_head(&rig, 0, statuses[i], 0, ""), UPSTREAM_STOP);
        rig_done(&rig, 0, -ECANCELED);
        assert_failed(&a, 502);
        rig_leave(&a);
        rig_free(&rig);
    }
}

/* Case 26: A sends to B, B to A, and so on: it ends, and no lock waits for another. */
static void case_26_redirects_in_a_circle_end(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0};
    unsigned open_calls = 2;

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, "http://origin.example/a");
    rig_ask(&rig, &b, 1, "http://origin.example/b");
    rig_settle(&rig);
    for (unsigned i = 0; i < rig.started; i++) {
        bool is_a = strcmp(rig.calls[i]->url->text, "http://origin.example/a") == 0;
        rig_connect(&rig, i);
        rig_head(&rig, i, 302, 0, is_a ? "Location: /b" : "Location: /a");
        rig_done(&rig, i, 0);
        assert_true(++open_calls < 100);
    }
    assert_int_equal(rig.started, 12); /* each: the first and five more */
    assert_failed(&a, 502);
    assert_failed(&b, 502);
    rig_leave(&a);
    rig_leave(&b);
    rig_free(&rig);
}

/* Rule H.14: a redirect goes through the guard, and not from https to http. */
static void test_redirects_are_guarded(void **state)
{
    static const struct {
        const char *url, *location;
        int status;
    } redirects[] = {
        {"http://origin.example/", "Location: http://metadata.google.internal/", 403},
        {"http://origin.example/", "Location: http://localhost/", 403},
        {"https://origin.example/", "Location: http://origin.example/", 403},
        {"http://origin.example/", "Location: ftp://origin.example/", 502},
        {"http://origin.example/", "Location: http://user@origin.example/", 502},
        {"http://origin.example/", "Location: http://0x7f.1/", 502},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof redirects / sizeof *redirects; i++) {
        struct rig rig;
        struct rig_reader a = {0};

        rig_new(&rig, NULL);
        rig_ask(&rig, &a, 0, redirects[i].url);
        rig_connect(&rig, 0);
        rig_head(&rig, 0, 301, 0, redirects[i].location);
        rig_done(&rig, 0, 0);
        assert_int_equal(rig.started, 1);
        assert_failed(&a, redirects[i].status);
        rig_leave(&a);
        rig_free(&rig);
    }
}

/* The answer of the last hop is stored under the URL that was asked for. */
static void case_26_redirect_is_followed_within_the_flight(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_connect(&rig, 0);
    assert_int_equal(rig_head(&rig, 0, 302, 9, "Location: http://other.example/x"), UPSTREAM_GO_ON);
    rig_data(&rig, 0, "moved ->>");
    rig_ask(&rig, &b, 1, URL);
    rig_done(&rig, 0, 0);
    assert_int_equal(rig.started, 2);
    assert_string_equal(rig.calls[1]->url->text, "http://other.example/x");
    rig_answer(&rig, 1, "", "here");
    assert_true(rig_is_whole(&a, "here"));
    assert_true(rig_is_whole(&b, "here"));
    rig_leave(&b);
    rig_ask(&rig, &b, 1, URL);
    assert_int_equal(b.reader.source, FETCH_FROM_STORE);
    rig_leave(&a);
    rig_leave(&b);
    rig_free(&rig);
}

/* Case 31: our own code fails for want of memory: one of the readers leads anew, all are served. */
static void case_31_own_fault_has_one_successor(void **state)
{
    struct rig rig;
    struct rig_reader readers[5] = {0};

    (void)state;
    rig_new(&rig, NULL);
    for (unsigned i = 0; i < 5; i++)
        rig_ask(&rig, &readers[i], i % 2, URL);
    rig_connect(&rig, 0);
    rig_done(&rig, 0, -ENOMEM);
    assert_int_equal(rig.started, 2);
    rig_answer(&rig, 1, "", "second");
    for (unsigned i = 0; i < 5; i++)
        assert_true(rig_is_whole(&readers[i], "second"));
    for (unsigned i = 0; i < 5; i++)
        rig_leave(&readers[i]);
    rig_free(&rig);
}

/* The same from the start on, for ever: it ends with 503 for all, not with an endless round. */
static void case_31_lasting_fault_ends_with_503(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig.scripts[0].fail_starts = 100;
    rig.scripts[1].fail_starts = 100;
    rig_ask(&rig, &a, 0, URL);
    rig_ask(&rig, &b, 1, URL);
    rig_settle(&rig);
    assert_failed(&a, 503);
    assert_failed(&b, 503);
    rig_leave(&a);
    rig_leave(&b);
    rig_free(&rig);
}

/* Case 32: the lane that fetches stops; a reader on another loop is told. */
static void case_32_stopping_lane_tells_its_readers(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_ask(&rig, &b, 1, URL);
    rig_settle(&rig);
    rig_leave(&a);
    fetch_lane_stop(rig.lanes[0]);
    rig_settle(&rig);
    assert_failed(&b, 503);
    rig_leave(&b);
    rig_free(&rig);
}

/* The fetch fails by a fault of our own; before its reader begins anew, the lane stops. A flight
 * that began now would outlive its lane. */
static void case_32_stopped_lane_begins_nothing_anew(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, late = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig.scripts[0].fail_starts = 1;
    rig_ask(&rig, &a, 0, URL);
    fetch_lane_stop(rig.lanes[0]);
    rig_settle(&rig);
    assert_failed(&a, 503);
    rig_ask(&rig, &late, 0, URL);
    assert_failed(&late, 503);
    assert_int_equal(rig.started, 0);
    rig_leave(&a);
    rig_leave(&late);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_04_failure_is_retried_once_and_shared),
        cmocka_unit_test(case_04_second_try_may_succeed),
        cmocka_unit_test(case_04_end_of_a_kept_connection_is_retried_at_once),
        cmocka_unit_test(case_04_final_failures_are_not_retried),
        cmocka_unit_test(test_unreachable_reads_alike),
        cmocka_unit_test(case_07_broken_body_is_not_stored),
        cmocka_unit_test(case_07_readers_without_a_byte_get_one_new_fetch),
        cmocka_unit_test(case_08_stalled_body_is_given_up),
        cmocka_unit_test(case_04_silent_origin_is_504),
        cmocka_unit_test(case_10_waiting_too_long_is_504_for_that_reader),
        cmocka_unit_test(case_12_too_many_waiters_are_503),
        cmocka_unit_test(case_25_unasked_statuses_are_502),
        cmocka_unit_test(case_26_redirects_in_a_circle_end),
        cmocka_unit_test(test_redirects_are_guarded),
        cmocka_unit_test(case_26_redirect_is_followed_within_the_flight),
        cmocka_unit_test(case_31_own_fault_has_one_successor),
        cmocka_unit_test(case_31_lasting_fault_ends_with_503),
        cmocka_unit_test(case_32_stopping_lane_tells_its_readers),
        cmocka_unit_test(case_32_stopped_lane_begins_nothing_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
