/* SPDX-License-Identifier: MIT */
/*
 * test_body_ends.c - bodies of requests that do not come to their end, or that nobody takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "body_fixture.h"

static void test_what_is_no_body_ends_the_request(void **state)
{
    static const struct {
        int status;
        const char *text;
    } rows[] = {
        {400, CHUNKED "\r\n3\r\nabcd\r\n"},
        {400, CHUNKED "\r\n3\r\nabc\r\nx\r\n"},
        {400, CHUNKED "\r\n3\r\nabc\r\n0\r\nA : b\r\n\r\n"},
        {413, CHUNKED "\r\n3\r\nabc\r\nfffff\r\n"},
    };
    char *bytes = calloc(1, COUNT_MAX);
    struct client client;

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        client_open(&client, body_fixture.server.address);
        client_send_format(&client, "POST /count HTTP/1.1\r\n" HOST "%s", rows[i].text);
        if (rows[i].status == 413)
            client_send(&client, bytes, COUNT_MAX);
        fixture_expect_refusal(&client, rows[i].status);
        fixture_await(&body_fixture.gone, (unsigned)i + 1);
        client_close(&client);
        /* One that has begun its answer cannot say it any more. */
        client_open(&client, body_fixture.server.address);
        client_send_format(&client, "POST /echo HTTP/1.1\r\n" HOST "%s", rows[i].text);
        if (rows[i].status == 413)
            client_reset(&client); /* /echo takes as much as comes */
        else
            assert_true(client_is_reset_next(&client));
        client_close(&client);
        fixture_await(&body_fixture.gone, (unsigned)i + 2);
        atomic_fetch_sub(&body_fixture.gone, 1);
    }
    assert_int_equal(atomic_load(&body_fixture.ended), 0);
    free(bytes);
}

static void test_body_that_is_told_too_long_does_not_reach_the_handler(void **state)
{
    struct client client;

    (void)state;
    client_open(&client, body_fixture.server.address);
    client_send_format(&client,
                       "POST /count HTTP/1.1\r\n" HOST
                       "Expect: 100-continue\r\nContent-Length: %d\r\n\r\n",
                       COUNT_MAX + 1);
    fixture_expect_refusal(&client, 413);
    client_close(&client);
    client_open(&client, body_fixture.server.address);
    client_send_text(&client, "POST /count HTTP/1.1\r\n" HOST
                              "Content-Length: 18446744073709551615\r\n\r\n");
    fixture_expect_refusal(&client, 413);
    client_close(&client);
    assert_int_equal(atomic_load(&body_fixture.started), 0);
}

static void test_client_that_leaves_in_mid_body_is_told_to_the_handler(void **state)
{
    static const char text[] = "POST /count HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc";
    struct client client;

    (void)state;
    client_open(&client, body_fixture.server.address);
    client_send_text(&client, text);
    fixture_await(&body_fixture.started, 1);
    client_reset(&client);
    fixture_await(&body_fixture.gone, 1);
    client_open(&client, body_fixture.server.address);
    client_send_text(&client, text);
    client_end(&client);
    fixture_expect_refusal(&client, 400);
    fixture_await(&body_fixture.gone, 2);
    client_close(&client);
    /* Also while nothing is wanted of it. */
    client_open(&client, body_fixture.server.address);
    client_send_text(&client, "POST /hold HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc");
    fixture_await(&body_fixture.started, 3);
    client_close(&client);
    fixture_await(&body_fixture.gone, 3);
    assert_int_equal(atomic_load(&body_fixture.ended), 0);
}

static void test_client_that_waits_is_invited_when_the_body_is_wanted(void **state)
{
    static const char *const paths[] = {"/count", "/echo"};
    struct client client;

    (void)state;
    client_open(&client, body_fixture.server.address);
    for (int i = 0; i < 2; i++) {
        client_send_format(&client,
                           "POST %s HTTP/1.1\r\n" HOST
                           "Content-Length: 1\r\nExpect: 100-continue\r\n\r\n",
                           paths[i]);
        body_fixture_interim(&client, 100);
        if (i == 1)
            body_fixture_interim(&client, 102);
        client_send_text(&client, "1");
        body_fixture_expect(&client, "1");
    }
    /* Not one that did not wait, nor one that knows no interim answers. */
    client_send_text(&client, "POST /count HTTP/1.1\r\n" HOST
                              "Content-Length: 1\r\nExpect: 100-continue\r\n\r\n1");
    body_fixture_expect(&client, "1");
    client_send_text(&client, "POST /count HTTP/1.1\r\n" HOST
                              "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n1");
    assert_false(client_has_bytes(&client, 50));
    client_send_text(&client, "2");
    body_fixture_expect(&client, "2");
    client_send_text(&client, "POST /hold HTTP/1.1\r\n" HOST
                              "Content-Length: 1\r\nExpect: 100-continue\r\n\r\n");
    fixture_await(&body_fixture.started, 5);
    assert_false(client_has_bytes(&client, 50));
    body_fixture_release();
    body_fixture_interim(&client, 100);
    client_send_text(&client, "1");
    body_fixture_expect(&client, "1");
    client_send_text(&client, "POST /count HTTP/1.0\r\n"
                              "Content-Length: 1\r\nExpect: 100-continue\r\n\r\n");
    assert_false(client_has_bytes(&client, 50));
    client_send_text(&client, "1");
    body_fixture_expect(&client, "1");
    client_close(&client);
}

/* Whether its body still comes cannot be known. */
static void test_client_that_waits_in_vain_gets_the_answer_and_the_end(void **state)
{
    struct client client;
    struct client_reply reply;

    (void)state;
    client_open(&client, body_fixture.server.address);
    client_send_text(&client, "POST /early HTTP/1.1\r\n" HOST
                              "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    client_read_reply(&client, false, &reply);
    assert_string_equal(reply.body, "early");
    assert_true(reply.closes);
    client_reply_fini(&reply);
    assert_true(client_is_closed_next(&client));
    client_close(&client);
}

static void test_rest_of_a_body_is_dropped_when_it_is_short(void **state)
{
    static const char *const bodies[] = {
        "Content-Length: 5\r\n\r\nabcde",
        CHUNKED "\r\n5\r\nabcde\r\n0\r\n\r\n",
        CHUNKED "\r\n5\r\nabcde\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n",
    };
    struct client client;

    (void)state;
    client_open(&client, body_fixture.server.address);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        for (int is_split = 0; is_split < 2; is_split++) {
            for (int some = 0; some < 2; some++) {
                size_t first = is_split ? strlen(bodies[i]) - 3 : strlen(bodies[i]);
                client_send_format(&client, "POST %s HTTP/1.1\r\n" HOST "%.*s",
                                   some ? "/some" : "/early", (int)first, bodies[i]);
                if (is_split) /* the answer does not wait for the rest */
                    body_fixture_expect(&client, some ? "some" : "early");
                client_send_format(&client, "%s" NEXT, bodies[i] + first);
                if (!is_split)
                    body_fixture_expect(&client, some ? "some" : "early");
                body_fixture_expect(&client, "ok\n");
            }
        }
    }
    client_close(&client);
    assert_int_equal(atomic_load(&body_fixture.gone), 0);
}

static void test_client_that_ends_in_the_rest_is_not_waited_for(void **state)
{
    static const char *const bodies[] = {"Content-Length: 5\r\n\r\nabc",
                                         CHUNKED "\r\n5\r\nabcde\r\nx"};
    struct client client;

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        client_open(&client, body_fixture.server.address);
        client_send_format(&client, "POST /early HTTP/1.1\r\n" HOST "%s", bodies[i]);
        body_fixture_expect(&client, "early");
        client_end(&client);
        assert_true(client_is_closed_next(&client));
        client_close(&client);
    }
}

/* The answer must not be lost because of what its client goes on sending. */
static void test_rest_of_a_long_body_ends_the_connection_after_the_answer(void **state)
{
    char *bytes = calloc(1, LONG);
    struct client client;
    struct client_reply reply;

    (void)state;
    assert_non_null(bytes);
    for (int is_chunked = 0; is_chunked < 2; is_chunked++) {
        client_open(&client, body_fixture.server.address);
        if (is_chunked)
            client_send_format(&client, "POST /early HTTP/1.1\r\n" HOST CHUNKED "\r\n%x\r\n", LONG);
        else
            client_send_format(&client,
                               "POST /early HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n", LONG);
        client_send(&client, bytes, LONG / 4);
        client_read_reply(&client, false, &reply);
        assert_true(reply.is_whole);
        assert_string_equal(reply.body, "early");
        assert_int_equal(reply.closes, is_chunked == 0); /* how long it is was not known then */
        client_reply_fini(&reply);
        assert_true(client_is_closed_next(&client));
        client_close(&client);
    }
    free(bytes);
}

/* Only while it is wanted: how long the handler takes is its own affair. */
static void test_body_that_does_not_come_in_time_is_told(void **state)
{
    static const char *const paths[] = {"/count", "/echo", "/early", "/hold"};
    struct client clients[4];

    (void)state;
    body_fixture_init();
    body_fixture.server.settings.timeouts.body_ms = 100;
    fixture_start(&body_fixture.server);
    for (int i = 3; i >= 0; i--) {
        client_open(&clients[i], body_fixture.server.address);
        client_send_format(&clients[i], "POST %s HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc",
                           paths[i]);
    }
    fixture_expect_refusal(&clients[0], 408);
    assert_true(client_is_reset_next(&clients[1]));
    fixture_await(&body_fixture.gone, 2);
    body_fixture_expect(&clients[2], "early");
    assert_true(client_is_closed_next(&clients[2]));
    assert_false(client_has_bytes(&clients[3], 200));
    body_fixture_release();
    fixture_expect_refusal(&clients[3], 408);
    for (int i = 0; i < 4; i++)
        client_close(&clients[i]);
    fixture_stop(&body_fixture.server);
}

/* Bodies that are on their way are cut like all that has not been answered. */
static void test_stop_ends_requests_in_mid_body(void **state)
{
    static const char *const paths[] = {"/count", "/hold", "/early"};
    struct client clients[3];

    (void)state;
    body_fixture_init();
    fixture_start(&body_fixture.server);
    for (int i = 0; i < 3; i++) {
        client_open(&clients[i], body_fixture.server.address);
        client_send_format(&clients[i], "POST %s HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc",
                           paths[i]);
    }
    fixture_await(&body_fixture.started, 3);
    body_fixture_expect(&clients[2], "early");
    server_stop(body_fixture.server.server, 0);
    fixture_expect(&clients[0], 503);
    fixture_expect(&clients[1], 503);
    assert_true(client_is_closed_next(&clients[2]));
    fixture_await(&body_fixture.gone, 2);
    for (int i = 0; i < 3; i++)
        client_close(&clients[i]);
    fixture_stop(&body_fixture.server);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, body_fixture_start, body_fixture_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_what_is_no_body_ends_the_request),
        SERVED(test_body_that_is_told_too_long_does_not_reach_the_handler),
        SERVED(test_client_that_leaves_in_mid_body_is_told_to_the_handler),
        SERVED(test_client_that_waits_is_invited_when_the_body_is_wanted),
        SERVED(test_client_that_waits_in_vain_gets_the_answer_and_the_end),
        SERVED(test_rest_of_a_body_is_dropped_when_it_is_short),
        SERVED(test_client_that_ends_in_the_rest_is_not_waited_for),
        SERVED(test_rest_of_a_long_body_ends_the_connection_after_the_answer),
        cmocka_unit_test(test_body_that_does_not_come_in_time_is_told),
        cmocka_unit_test(test_stop_ends_requests_in_mid_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
