/* SPDX-License-Identifier: MIT */
/*
 * test_flight_origins.c - several origins behind one URL: turns, limits, rests and probes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "rig.h"

#define MARGIN_MS 2000 /* beyond a rest of a second, whatever its jitter */

/* A rig whose URLs stand for `count` servers: one.example, two.example. */
static void make_rig(struct rig *rig, size_t count, struct fetch_origins_settings settings,
                     uint32_t retries_max)
{
    static const char *const texts[] = {"http://one.example/", "http://two.example/base/"};
    struct fetch_settings fetch;
    struct fetch_url *urls[2];

    fetch_settings_default(&fetch);
    fetch.is_transparent = true;
    fetch.is_unguarded = true;
    fetch.negative_lifetime_ms = 0;
    fetch.retries_max = retries_max;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(fetch_url_parse(texts[i], strlen(texts[i]), 8192, &urls[i]), 0);
    assert_int_equal(fetch_origins_new(urls, count, &settings, &fetch.origins), 0);
    rig_new(rig, &fetch);
    fetch_origins_unref(fetch.origins);
    for (size_t i = 0; i < 2; i++)
        fetch_url_unref(urls[i]);
}

static struct fetch_origins_settings defaults(void)
{
    struct fetch_origins_settings settings;

    fetch_origins_settings_default(&settings);
    return settings;
}

static void ask(struct rig *rig, struct rig_reader *reader, unsigned number)
{
    char url[64];

    snprintf(url, sizeof url, "http://one.example/%u", number);
    rig_ask(rig, reader, number % 2, url);
}

/* Its answer is that it is not there. */
static void refuse(struct rig *rig, unsigned index)
{
    rig_connect(rig, index);
    rig_done(rig, index, -ECONNREFUSED);
}

static void check_failed(struct rig_reader *reader, int status)
{
    assert_int_equal(reader->reader.state, FETCH_FAILED);
    assert_int_equal(reader->reader.failure.status, status);
    rig_leave(reader);
}

static void test_origins_take_turns(void **state)
{
    static const char *const expected[] = {"http://one.example/0", "http://two.example/base/1",
                                           "http://one.example/2"};
    struct rig rig;
    struct rig_reader readers[3] = {0};

    (void)state;
    make_rig(&rig, 2, defaults(), 0);
    for (unsigned i = 0; i < 3; i++) {
        ask(&rig, &readers[i], i);
        assert_string_equal(rig.calls[i]->url->text, expected[i]);
    }
    for (unsigned i = 0; i < 3; i++) {
        rig_answer(&rig, i, "", "ok");
        assert_true(rig_is_whole(&readers[i], "ok"));
        rig_leave(&readers[i]);
    }
    rig_free(&rig);
}

/* One at a time: the next goes when the one before has ended; who has left is not waited for. */
static void test_permits_are_waited_for_in_order(void **state)
{
    struct fetch_origins_settings settings = defaults();
    struct rig rig;
    struct rig_reader readers[4] = {0};

    (void)state;
    settings.requests_max = 1;
    make_rig(&rig, 1, settings, 0);
    for (unsigned i = 0; i < 4; i++)
        ask(&rig, &readers[i], i);
    rig_settle(&rig);
    assert_int_equal(rig.started, 1);
    rig_leave(&readers[1]);
    rig_settle(&rig);
    rig_answer(&rig, 0, "", "0");
    assert_int_equal(rig.started, 2);
    assert_string_equal(rig.calls[1]->url->text, "http://one.example/2");
    rig_answer(&rig, 1, "", "2");
    rig_answer(&rig, 2, "", "3");
    assert_true(rig_is_whole(&readers[3], "3"));
    rig_leave(&readers[0]);
    rig_leave(&readers[2]);
    rig_leave(&readers[3]);
    rig_free(&rig);
}

/* Case 2: what a crowd has left while it waits for a permit keeps its place for a moment only. */
static void case_02_deserted_fetch_leaves_the_queue(void **state)
{
    struct fetch_origins_settings settings = defaults();
    struct rig rig;
    struct rig_reader first = {0}, crowd[2] = {0}, last = {0};

    (void)state;
    settings.requests_max = 1;
    settings.queue_max = 1;
    make_rig(&rig, 1, settings, 0);
    ask(&rig, &first, 0);
    rig_connect(&rig, 0);
    for (unsigned i = 0; i < 2; i++)
        ask(&rig, &crowd[i], 2);
    for (unsigned i = 0; i < 2; i++)
        rig_leave(&crowd[i]);
    rig_advance(&rig, 1990);
    ask(&rig, &last, 3);
    rig_settle(&rig);
    check_failed(&last, 503);
    rig_advance(&rig, 10);
    ask(&rig, &last, 4);
    rig_settle(&rig);
    rig_head(&rig, 0, 200, 0, "");
    rig_done(&rig, 0, 0);
    assert_int_equal(rig.started, 2);
    rig_answer(&rig, 1, "", "last");
    assert_true(rig_is_whole(&last, "last"));
    rig_leave(&first);
    rig_leave(&last);
    rig_free(&rig);
}

/* Case 2: bodies that come for nobody leave half of the permits to others. */
static void case_02_deserted_fetches_leave_permits(void **state)
{
    struct fetch_origins_settings settings = defaults();
    struct rig rig;

    (void)state;
    settings.requests_max = 4;
    make_rig(&rig, 1, settings, 0);
    for (unsigned i = 0; i < 4; i++) {
        struct rig_reader reader = {0};

        ask(&rig, &reader, i);
        rig_connect(&rig, i);
        rig_head(&rig, i, 200, 10, "Cache-Control: max-age=60");
        rig_data(&rig, i, "slow");
        rig_leave(&reader);
        rig_settle(&rig);
        assert_int_equal(rig.cancelled, i < 2 ? 0 : i - 1);
        if (i < 3)
            continue;
        rig_data(&rig, 0, " again");
        rig_done(&rig, 0, 0);
    }
    rig_free(&rig);
}

static void test_full_queue_is_503(void **state)
{
    struct fetch_origins_settings settings = defaults();
    struct rig rig;
    struct rig_reader readers[3] = {0};

    (void)state;
    settings.requests_max = 1;
    settings.queue_max = 1;
    make_rig(&rig, 1, settings, 0);
    for (unsigned i = 0; i < 3; i++)
        ask(&rig, &readers[i], i);
    rig_settle(&rig);
    check_failed(&readers[2], 503);
    rig_answer(&rig, 0, "", "0");
    rig_answer(&rig, 1, "", "1");
    rig_leave(&readers[0]);
    rig_leave(&readers[1]);
    rig_free(&rig);
}

static void test_rate_is_kept(void **state)
{
    struct fetch_origins_settings settings = defaults();
    struct rig rig;
    struct rig_reader readers[3] = {0};

    (void)state;
    settings.rate_per_s = 1;
    settings.burst = 2;
    make_rig(&rig, 1, settings, 0);
    for (unsigned i = 0; i < 3; i++)
        ask(&rig, &readers[i], i);
    rig_settle(&rig);
    assert_int_equal(rig.started, 2);
    rig_advance(&rig, 900);
    assert_int_equal(rig.started, 2);
    rig_advance(&rig, 200);
    assert_int_equal(rig.started, 3);
    for (unsigned i = 0; i < 3; i++) {
        rig_answer(&rig, i, "", "ok");
        rig_leave(&readers[i]);
    }
    rig_free(&rig);
}

/* Left alone after some failures in a row; then one request tries it, and the others are told. */
static void test_failing_origin_rests_and_is_probed(void **state)
{
    struct fetch_origins_settings settings = defaults();
    struct rig rig;
    struct rig_reader readers[6] = {0};

    (void)state;
    settings.failures_max = 2;
    make_rig(&rig, 1, settings, 0);
    for (unsigned i = 0; i < 2; i++) {
        ask(&rig, &readers[i], i);
        refuse(&rig, i);
        check_failed(&readers[i], 502);
    }
    ask(&rig, &readers[2], 2);
    rig_settle(&rig);
    assert_int_equal(rig.started, 2);
    check_failed(&readers[2], 503);
    rig_advance(&rig, MARGIN_MS);
    ask(&rig, &readers[3], 3);
    ask(&rig, &readers[4], 4);
    rig_settle(&rig);
    assert_int_equal(rig.started, 3);
    check_failed(&readers[4], 503);
    rig_answer(&rig, 2, "", "back");
    assert_true(rig_is_whole(&readers[3], "back"));
    rig_leave(&readers[3]);
    for (unsigned i = 4; i < 6; i++)
        ask(&rig, &readers[i], i);
    assert_int_equal(rig.started, 5);
    for (unsigned i = 4; i < 6; i++) {
        rig_answer(&rig, i - 1, "", "ok");
        rig_leave(&readers[i]);
    }
    rig_free(&rig);
}

/* A failed probe doubles the rest. */
static void test_rests_get_longer(void **state)
{
    struct fetch_origins_settings settings = defaults();
    struct rig rig;
    struct rig_reader reader = {0};

    (void)state;
    settings.failures_max = 1;
    make_rig(&rig, 1, settings, 0);
    ask(&rig, &reader, 0);
    refuse(&rig, 0);
    check_failed(&reader, 502);
    rig_advance(&rig, MARGIN_MS);
    ask(&rig, &reader, 1);
    refuse(&rig, 1);
    check_failed(&reader, 502);
    rig_advance(&rig, 1400); /* less than three quarters of two seconds */
    ask(&rig, &reader, 2);
    rig_settle(&rig);
    check_failed(&reader, 503);
    rig_advance(&rig, MARGIN_MS);
    ask(&rig, &reader, 3);
    assert_int_equal(rig.started, 3);
    rig_answer(&rig, 2, "", "back");
    rig_leave(&reader);
    rig_free(&rig);
}

/* The second try goes elsewhere; requests pass by the one that rests. */
static void test_others_take_over(void **state)
{
    struct fetch_origins_settings settings = defaults();
    struct rig rig;
    struct rig_reader readers[3] = {0};

    (void)state;
    settings.failures_max = 1;
    make_rig(&rig, 2, settings, 1);
    ask(&rig, &readers[0], 0);
    refuse(&rig, 0);
    rig_advance(&rig, 500);
    assert_int_equal(rig.started, 2);
    assert_string_equal(rig.calls[1]->url->text, "http://two.example/base/0");
    rig_answer(&rig, 1, "", "0");
    assert_true(rig_is_whole(&readers[0], "0"));
    for (unsigned i = 1; i < 3; i++) {
        ask(&rig, &readers[i], i);
        assert_int_equal(strncmp(rig.calls[i + 1]->url->text, "http://two.example/", 19), 0);
        rig_answer(&rig, i + 1, "", "ok");
    }
    for (unsigned i = 0; i < 3; i++)
        rig_leave(&readers[i]);
    rig_free(&rig);
}

/* Silence counts as a failure, and errors of the origin do not. */
static void test_silence_is_a_failure_and_an_error_is_not(void **state)
{
    struct fetch_origins_settings settings = defaults();
    struct rig rig;
    struct rig_reader reader = {0};

    (void)state;
    settings.failures_max = 1;
    make_rig(&rig, 1, settings, 0);
    ask(&rig, &reader, 0);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 503, 0, "");
    rig_done(&rig, 0, 0);
    rig_leave(&reader);
    ask(&rig, &reader, 1);
    assert_int_equal(rig.started, 2);
    rig_connect(&rig, 1);
    rig_advance(&rig, rig.settings.head_timeout_ms + 1);
    check_failed(&reader, 504);
    ask(&rig, &reader, 2);
    rig_settle(&rig);
    assert_int_equal(rig.started, 2);
    check_failed(&reader, 503);
    rig_free(&rig);
}

static enum upstream_body_state look_in_vain(struct upstream_body *body, struct span *ret_piece)
{
    (void)body;
    (void)ret_piece;
    return UPSTREAM_BODY_LATER;
}

static void upload(struct rig *rig, struct rig_reader *reader, struct upstream_body *body)
{
    struct fetch_request_draft draft = {
        .policy = fetcher_policy(rig->fetcher),
        .store = rig->store,
        .method = span_of_string("POST"),
        .space = "/",
    };
    static const char text[] = "http://one.example/upload";
    struct fetch_request *request;

    assert_int_equal(fetch_url_parse(text, strlen(text), 8192, &draft.url), 0);
    assert_int_equal(fetch_request_make(&draft, &request), 0);
    rig_prepare(reader, 0);
    fetch_reader_start_bypass(&reader->reader, rig->lanes[0], request, body, NULL, rig_on_progress);
    fetch_request_unref(request);
    fetch_url_unref(draft.url);
}

/* An origin cannot answer what the client does not finish: it is as good as before. */
static void test_stalled_upload_is_no_failure_of_the_origin(void **state)
{
    struct fetch_origins_settings settings = defaults();
    struct upstream_body body = {.length_bytes = 3, .look = look_in_vain};
    struct rig rig;
    struct rig_reader reader = {0};
    struct span piece;

    (void)state;
    settings.failures_max = 1;
    make_rig(&rig, 1, settings, 0);
    upload(&rig, &reader, &body);
    rig_settle(&rig);
    rig_connect(&rig, 0);
    assert_int_equal(rig.calls[0]->body->look(rig.calls[0]->body, &piece), UPSTREAM_BODY_LATER);
    rig_advance(&rig, rig.settings.head_timeout_ms + 1);
    check_failed(&reader, 504);
    ask(&rig, &reader, 2);
    rig_settle(&rig);
    assert_int_equal(rig.started, 2);
    rig_answer(&rig, 1, "", "ok");
    assert_true(rig_is_whole(&reader, "ok"));
    rig_leave(&reader);
    rig_free(&rig);
}

/* After a rest one request tries the origin; if it is the client that stalls, so does another. */
static void test_stalled_upload_is_no_probe(void **state)
{
    struct fetch_origins_settings settings = defaults();
    struct upstream_body body = {.length_bytes = 3, .look = look_in_vain};
    struct rig rig;
    struct rig_reader post = {0}, reader = {0};
    struct span piece;

    (void)state;
    settings.failures_max = 1;
    make_rig(&rig, 1, settings, 0);
    ask(&rig, &reader, 0);
    refuse(&rig, 0);
    check_failed(&reader, 502);
    rig_advance(&rig, MARGIN_MS);
    upload(&rig, &post, &body);
    rig_settle(&rig);
    rig_connect(&rig, 1);
    assert_int_equal(rig.calls[1]->body->look(rig.calls[1]->body, &piece), UPSTREAM_BODY_LATER);
    ask(&rig, &reader, 2);
    rig_settle(&rig);
    assert_int_equal(rig.started, 3);
    rig_answer(&rig, 2, "", "ok");
    assert_true(rig_is_whole(&reader, "ok"));
    rig_leave(&reader);
    rig_leave(&post);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_origins_take_turns),
        cmocka_unit_test(test_permits_are_waited_for_in_order),
        cmocka_unit_test(case_02_deserted_fetch_leaves_the_queue),
        cmocka_unit_test(case_02_deserted_fetches_leave_permits),
        cmocka_unit_test(test_full_queue_is_503),
        cmocka_unit_test(test_rate_is_kept),
        cmocka_unit_test(test_failing_origin_rests_and_is_probed),
        cmocka_unit_test(test_rests_get_longer),
        cmocka_unit_test(test_others_take_over),
        cmocka_unit_test(test_silence_is_a_failure_and_an_error_is_not),
        cmocka_unit_test(test_stalled_upload_is_no_failure_of_the_origin),
        cmocka_unit_test(test_stalled_upload_is_no_probe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
