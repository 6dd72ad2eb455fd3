/* SPDX-License-Identifier: MIT */
/*
 * test_upgrade.c - requests for another protocol, on a scripted upstream: what they hold of their
 * origin, how long they may take, and how they end.
 */
#include <errno.h>
#include <string.h>

#include <fetch/upgrade.h>

#include "cmocka_all.h"
#include "rig.h"

#define URL     "http://one.example/a"
#define GRANTED "Connection: upgrade\nUpgrade: echo"

static struct rig rig;

/* One client, which notes what it was told. */
struct one {
    struct fetch_upgrade *upgrade;
    struct upstream_body body;
    int interim, status; /* of heads */
    bool is_full;
    bool is_ended;
    int end_status;
    char text[64];
};

static enum upstream_body_state look(struct upstream_body *body, struct span *ret_piece)
{
    (void)body;
    (void)ret_piece;
    return UPSTREAM_BODY_LATER;
}

static void on_interim(void *context, const struct upstream_head *head)
{
    ((struct one *)context)->interim = head->status;
}

static enum upstream_verdict on_head(void *context, const struct upstream_head *head)
{
    ((struct one *)context)->status = head->status;
    return UPSTREAM_GO_ON;
}

static enum upstream_verdict on_data(void *context, const char *bytes, size_t count)
{
    struct one *one = context;

    if (one->is_full)
        return UPSTREAM_PAUSE;
    strncat(one->text, bytes, count);
    return UPSTREAM_GO_ON;
}

static void on_end(void *context, int status)
{
    struct one *one = context;

    assert_false(one->is_ended);
    one->is_ended = true;
    one->end_status = status;
    fetch_upgrade_free(one->upgrade);
    one->upgrade = NULL;
}

static const struct fetch_upgrade_events events = {
    .on_interim = on_interim, .on_head = on_head, .on_data = on_data, .on_end = on_end};

/* Returns what fetch_upgrade_new() does. */
static int ask(struct one *one)
{
    struct fetch_request_draft draft = {.policy = fetcher_policy(rig.fetcher),
                                        .store = rig.store,
                                        .upgrade = span_of_string("echo")};
    struct fetch_request *request;
    int err;

    *one = (struct one){.body = {.length_bytes = -1, .look = look}};
    assert_int_equal(fetch_url_parse(URL, strlen(URL), 8192, &draft.url), 0);
    assert_int_equal(fetch_request_make(&draft, &request), 0);
    assert_true(request->is_bypass);
    err = fetch_upgrade_new(rig.lanes[0], request, &one->body, &events, one, &one->upgrade);
    fetch_request_unref(request);
    fetch_url_unref(draft.url);
    rig_settle(&rig);
    return err;
}

static void start(uint32_t retries_max, struct fetch_origins_settings *origins)
{
    struct fetch_settings settings;
    struct fetch_url *url;

    fetch_settings_default(&settings);
    settings.is_transparent = true;
    settings.is_unguarded = true;
    settings.retries_max = retries_max;
    settings.head_timeout_ms = 1000;
    settings.stall_timeout_ms = 500;
    settings.total_timeout_ms = 5000;
    settings.tunnel_idle_ms = 10000;
    settings.streamed_body_bytes_max = 8;
    assert_int_equal(fetch_url_parse("http://one.example/", 19, 8192, &url), 0);
    assert_int_equal(fetch_origins_new(&url, 1, origins, &settings.origins), 0);
    fetch_url_unref(url);
    rig_new(&rig, &settings);
    fetch_origins_unref(settings.origins);
}

static int start_plainly(void **state)
{
    struct fetch_origins_settings origins;

    (void)state;
    fetch_origins_settings_default(&origins);
    start(0, &origins);
    return 0;
}

static int stop(void **state)
{
    struct fetch_counters counters;

    (void)state;
    fetcher_read_counters(rig.fetcher, &counters);
    assert_int_equal(counters.upgrades_live, 0);
    rig_free(&rig);
    return 0;
}

static void expect_end(const struct one *one, int status)
{
    assert_true(one->is_ended);
    assert_int_equal(one->end_status, status);
}

static void test_the_new_protocol_goes_on_until_the_origin_ends(void **state)
{
    struct one one;

    (void)state;
    assert_int_equal(ask(&one), 0);
    assert_string_equal(rig.calls[0]->upgrade, "echo");
    rig_connect(&rig, 0);
    assert_int_equal(rig_head(&rig, 0, 101, -1, GRANTED), UPSTREAM_GO_ON);
    assert_int_equal(one.status, 101);
    /* Longer than any answer may be, and later than any may come. */
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(rig_data(&rig, 0, "12345"), UPSTREAM_GO_ON);
        rig_advance(&rig, 9000);
    }
    assert_string_equal(one.text, "12345123451234512345");
    one.is_full = true;
    assert_int_equal(rig_data(&rig, 0, "67"), UPSTREAM_PAUSE);
    one.is_full = false;
    fetch_upgrade_resume(one.upgrade);
    assert_int_equal(rig.scripts[0].resumes, 1);
    rig_done(&rig, 0, 0);
    expect_end(&one, 0);
}

static void test_a_connection_without_bytes_is_ended_in_time(void **state)
{
    struct one one;

    (void)state;
    assert_int_equal(ask(&one), 0);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 101, -1, GRANTED);
    rig_advance(&rig, 6000);
    rig.calls[0]->events->on_sent(rig.calls[0]); /* the client's count as well */
    rig_advance(&rig, 9900);
    assert_false(one.is_ended);
    rig_advance(&rig, 200);
    expect_end(&one, 0);
    assert_int_equal(rig.cancelled, 1);
}

static void test_an_answer_has_the_times_and_the_size_of_any_other(void **state)
{
    struct one one;

    (void)state;
    assert_int_equal(ask(&one), 0);
    rig_advance(&rig, 1010);
    expect_end(&one, -ETIMEDOUT); /* no head */

    assert_int_equal(ask(&one), 0);
    assert_int_equal(rig_head(&rig, 1, 200, -1, ""), UPSTREAM_GO_ON);
    rig_advance(&rig, 490);
    rig_data(&rig, 1, "a");
    rig_advance(&rig, 490);
    assert_false(one.is_ended);
    rig_advance(&rig, 20);
    expect_end(&one, -ETIMEDOUT); /* no byte of the body */

    assert_int_equal(ask(&one), 0);
    rig_head(&rig, 2, 200, -1, "");
    one.is_full = true;
    assert_int_equal(rig_data(&rig, 2, "a"), UPSTREAM_PAUSE);
    rig_advance(&rig, 4900);
    assert_false(one.is_ended); /* it is the client that is slow */
    rig_advance(&rig, 110);
    expect_end(&one, -ETIMEDOUT);

    assert_int_equal(ask(&one), 0);
    assert_int_equal(rig_head(&rig, 3, 200, 9, ""), UPSTREAM_STOP);
    rig_done(&rig, 3, -ECANCELED);
    expect_end(&one, -EFBIG);

    assert_int_equal(ask(&one), 0);
    rig_head(&rig, 4, 200, -1, "");
    assert_int_equal(rig_data(&rig, 4, "12345678"), UPSTREAM_GO_ON);
    assert_int_equal(rig_data(&rig, 4, "9"), UPSTREAM_STOP);
    rig_done(&rig, 4, -ECANCELED);
    expect_end(&one, -EFBIG);
}

static void test_it_is_asked_again_once_while_nothing_is_answered(void **state)
{
    struct fetch_origins_settings origins;
    struct one one;

    (void)state;
    fetch_origins_settings_default(&origins);
    start(1, &origins);
    assert_int_equal(ask(&one), 0);
    rig_done(&rig, 0, -ECONNRESET);
    assert_int_equal(rig.started, 1);
    rig_advance(&rig, 150);
    assert_int_equal(rig.started, 2);
    rig_done(&rig, 1, -ECONNREFUSED);
    expect_end(&one, -ECONNREFUSED);

    assert_int_equal(ask(&one), 0);
    rig_done(&rig, 2, -EPROTO); /* that would not get better */
    expect_end(&one, -EPROTO);

    assert_int_equal(ask(&one), 0);
    rig_head(&rig, 3, 101, -1, GRANTED);
    rig_done(&rig, 3, -ECONNRESET);
    expect_end(&one, -ECONNRESET);
    assert_int_equal(rig.started, 4);
}

/* Its permit is its own until it ends; who leaves while waiting for one takes none. */
static void test_a_permit_is_held_to_the_end(void **state)
{
    struct fetch_origins_settings origins;
    struct one first, second, third;

    (void)state;
    fetch_origins_settings_default(&origins);
    origins.requests_max = 1;
    origins.queue_max = 1;
    start(0, &origins);
    assert_int_equal(ask(&first), 0);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 101, -1, GRANTED);
    assert_int_equal(ask(&second), 0);
    assert_int_equal(rig.started, 1);
    assert_int_equal(ask(&third), -EBUSY);
    fetch_upgrade_free(second.upgrade);
    assert_int_equal(ask(&second), 0);
    rig_done(&rig, 0, 0);
    expect_end(&first, 0);
    rig_settle(&rig);
    assert_int_equal(rig.started, 2);
    fetch_upgrade_free(second.upgrade);
}

/* An origin that cannot be reached, or is too slow with its head, is left alone; 101 is a sign of
 * life. */
static void test_failures_count_for_the_origin(void **state)
{
    struct fetch_origins_settings origins;
    struct one one;

    (void)state;
    fetch_origins_settings_default(&origins);
    origins.failures_max = 2;
    start(0, &origins);
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(ask(&one), 0);
        rig_done(&rig, rig.started - 1, -ECONNREFUSED);
        assert_int_equal(ask(&one), 0);
        rig_connect(&rig, rig.started - 1);
        if (round == 0) {
            rig_head(&rig, rig.started - 1, 101, -1, GRANTED);
            rig_done(&rig, rig.started - 1, -ECONNRESET);
        } else {
            rig_advance(&rig, 1010);
            expect_end(&one, -ETIMEDOUT);
        }
    }
    assert_int_equal(ask(&one), -EHOSTDOWN);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, start_plainly, stop)
#define OWN(test)    cmocka_unit_test_teardown(test, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(test_the_new_protocol_goes_on_until_the_origin_ends),
        RIGGED(test_a_connection_without_bytes_is_ended_in_time),
        RIGGED(test_an_answer_has_the_times_and_the_size_of_any_other),
        OWN(test_it_is_asked_again_once_while_nothing_is_answered),
        OWN(test_a_permit_is_held_to_the_end),
        OWN(test_failures_count_for_the_origin),
    };

    return cmocka_run_group_tests_name("upgrade", tests, NULL, NULL);
}
