/* SPDX-License-Identifier: MIT */
/*
 * test_timeouts.c - every wait of a connection ends: idle, head, body, writing, lingering.
 *
 * The timeout under test is short and the others are long, and the test waits on its socket for
 * what the server does: it cannot pass by waiting too little.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server_fixture.h"

#define HOST      "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

#define SHORT_MS 50
#define LONG_MS  600000

static struct fixture fixture;

static void begin(void)
{
    fixture_init(&fixture);
    fixture.settings.timeouts = (struct server_timeouts){.idle_ms = LONG_MS,
                                                         .header_ms = LONG_MS,
                                                         .body_ms = LONG_MS,
                                                         .write_ms = LONG_MS,
                                                         .linger_ms = LONG_MS};
}

static void test_idle_connections_are_closed_without_a_word(void **state)
{
    struct client fresh;
    struct client kept;

    (void)state;
    begin();
    fixture.settings.timeouts.idle_ms = SHORT_MS;
    fixture_start(&fixture);
    client_open(&fresh, fixture.address);
    client_open(&kept, fixture.address);
    client_send_text(&kept, GET("/healthz"));
    fixture_expect(&kept, 200);
    assert_true(client_is_closed_next(&fresh));
    assert_true(client_is_closed_next(&kept));
    client_close(&fresh);
    client_close(&kept);
    fixture_stop(&fixture);
}

/* The answer takes longer to send than a connection may be idle; the client is served on. */
static void test_time_for_the_next_request_begins_after_the_answer(void **state)
{
    struct client slow;
    struct client fresh;

    (void)state;
    begin();
    fixture.settings.timeouts.idle_ms = 1500; /* it also reads what the kernel holds in this time */
    fixture_start(&fixture);
    client_open(&slow, fixture.address);
    client_send_text(&slow, GET("/big"));
    assert_true(client_has_bytes(&slow, CLIENT_GUARD_MS));
    client_open(&fresh, fixture.address);
    assert_true(client_is_closed_next(&fresh)); /* it was idle after the slow one had its answer */
    client_close(&fresh);
    fixture_expect(&slow, 200);
    client_send_text(&slow, GET("/healthz"));
    fixture_expect(&slow, 200);
    client_close(&slow);
    fixture_stop(&fixture);
}

/* The head's time runs from its first byte and is not given anew by each byte. */
static void test_head_that_does_not_come_is_told(void **state)
{
    struct client client;

    (void)state;
    begin();
    fixture.settings.timeouts.header_ms = SHORT_MS;
    fixture_start(&fixture);
    client_open(&client, fixture.address);
    client_send_text(&client, GET("/healthz") "GET /hea");
    fixture_expect(&client, 200);
    while (!client_has_bytes(&client, 10))
        client_send_text(&client, "l");
    fixture_expect_refusal(&client, 408);
    client_close(&client);
    fixture_stop(&fixture);
}

static void test_body_that_stops_coming_is_told(void **state)
{
    struct client client;

    (void)state;
    begin();
    fixture.settings.timeouts.body_ms = SHORT_MS;
    fixture_start(&fixture);
    client_open(&client, fixture.address);
    client_send_text(&client, "POST /body HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nab");
    fixture_expect_refusal(&client, 408);
    client_close(&client);
    fixture_stop(&fixture);
}

static void test_client_that_takes_nothing_is_cut(void **state)
{
    struct client client;

    (void)state;
    begin();
    fixture.settings.timeouts.write_ms = SHORT_MS;
    fixture_start(&fixture);
    client_open_small(&client, fixture.address, 4096);
    client_send_text(&client, GET("/big"));
    fixture_await_open(&fixture, 0);
    fixture_await(&fixture.released, 1);
    assert_true(client_is_reset_next(&client));
    client_close(&client);
    fixture_stop(&fixture);
}

/* A handler has its own time: no timeout of the connection ends a wait for it. */
static void test_waiting_for_a_handler_has_no_deadline_here(void **state)
{
    struct client waiting;
    struct client idle;

    (void)state;
    begin();
    fixture.settings.timeouts = (struct server_timeouts){.idle_ms = SHORT_MS,
                                                         .header_ms = SHORT_MS,
                                                         .body_ms = SHORT_MS,
                                                         .write_ms = SHORT_MS,
                                                         .linger_ms = SHORT_MS};
    fixture_start(&fixture);
    client_open(&waiting, fixture.address);
    client_send_text(&waiting, GET("/never"));
    fixture_await(&fixture.begun, 1);
    for (int i = 0; i < 3; i++) { /* longer than any timeout, one idle connection after the other */
        client_open(&idle, fixture.address);
        assert_true(client_is_closed_next(&idle));
        client_close(&idle);
    }
    assert_false(client_has_bytes(&waiting, 0));
    client_close(&waiting);
    fixture_await(&fixture.gone, 1);
    fixture_stop(&fixture);
}

static void test_lingering_ends(void **state)
{
    struct client client;
    struct client_reply reply;

    (void)state;
    begin();
    fixture.settings.timeouts.linger_ms = SHORT_MS;
    fixture_start(&fixture);
    client_open(&client, fixture.address);
    client_send_text(&client, "bad\r\n");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 400);
    client_reply_fini(&reply);
    fixture_await_open(&fixture, 0); /* though this client never closes */
    client_close(&client);
    fixture_stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_connections_are_closed_without_a_word),
        cmocka_unit_test(test_time_for_the_next_request_begins_after_the_answer),
        cmocka_unit_test(test_head_that_does_not_come_is_told),
        cmocka_unit_test(test_body_that_stops_coming_is_told),
        cmocka_unit_test(test_client_that_takes_nothing_is_cut),
        cmocka_unit_test(test_waiting_for_a_handler_has_no_deadline_here),
        cmocka_unit_test(test_lingering_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
