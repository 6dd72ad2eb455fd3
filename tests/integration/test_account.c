/* SPDX-License-Identifier: MIT */
/*
 * test_account.c - also what no cache had a part in says so in Cache-Status and Server-Timing:
 * answers of the parser, of the connection, of the router, and of handlers that fetch nothing.
 *
 * That every answer of every other test has the two fields, client_read_reply() sees to. How
 * answers of /fetch, of proxies and of tunnels account for themselves: test_cache_status.c and
 * test_connect.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server_fixture.h"

#define HOST      "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define CHUNKED   "POST /healthz HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"

static struct fixture fixture;

static void expect_local(struct client *client, bool to_head, int status)
{
    struct client_reply reply;

    client_read_reply(client, to_head, &reply);
    assert_int_equal(reply.status, status);
    assert_string_equal(client_reply_field(&reply, "Cache-Status"), "fetchonce; detail=local");
    assert_string_equal(client_reply_field(&reply, "Server-Timing"), "wait;dur=0");
    client_reply_fini(&reply);
}

static void test_refusals_of_the_parser(void **state)
{
    static const struct {
        int status;
        const char *text;
    } rows[] = {
        {400, "GET\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST " folded\r\n\r\n"},
        {400, CHUNKED "no size\r\n"},
        {413, "POST / HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\n"},
        {413, CHUNKED "b\r\n01234567890\r\n0\r\n\r\n"},
        {414, "GET /123456789012345678901234567890123 HTTP/1.1\r\n" HOST "\r\n"},
        {417, "POST / HTTP/1.1\r\n" HOST "Expect: more\r\nContent-Length: 1\r\n\r\n"},
        {431, "GET / HTTP/1.1\r\n" HOST "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n"},
        {501, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n"},
        {505, "GET / HTTP/2.0\r\n" HOST "\r\n"},
    };
    struct client client;

    (void)state;
    fixture_init(&fixture);
    fixture.settings.limits.target_bytes = 32;
    fixture.settings.limits.header_fields = 4;
    fixture.settings.limits.body_bytes = 10;
    fixture_start(&fixture);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        client_open(&client, fixture.address);
        client_send_text(&client, rows[i].text);
        expect_local(&client, false, rows[i].status);
        client_close(&client);
    }
    fixture_stop(&fixture);
}

static void test_refusals_of_the_connection(void **state)
{
    struct client first, second;

    (void)state;
    fixture_init(&fixture);
    fixture.settings.limits.connections = 1;
    fixture.settings.timeouts.header_ms = 50;
    fixture.settings.timeouts.body_ms = 50;
    fixture_start(&fixture);
    client_open(&first, fixture.address);
    client_send_text(&first, GET("/healthz"));
    expect_local(&first, false, 200);
    client_open(&second, fixture.address); /* one too many */
    expect_local(&second, false, 503);
    client_close(&second);
    client_send_text(&first, "GET / HT");
    expect_local(&first, false, 408);
    client_close(&first);
    fixture_await_open(&fixture, 0);
    client_open(&first, fixture.address);
    client_send_text(&first, "POST /healthz HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nbody");
    expect_local(&first, false, 408);
    client_close(&first);
    fixture_await_open(&fixture, 0);
    client_open(&first, fixture.address);
    client_send_text(&first, "GET / HT");
    client_end(&first); /* in the middle */
    expect_local(&first, false, 400);
    client_close(&first);
    fixture_stop(&fixture);
}

static void test_answers_of_router_and_handlers(void **state)
{
    static const struct {
        int status;
        const char *text;
    } rows[] = {
        {200, GET("/access")},
        {200, "HEAD /access HTTP/1.1\r\n" HOST "\r\n"},
        {200, GET("/healthz")},
        {200, GET("/big")}, /* by reference, as hits are, but of no cache */
        {404, GET("/nothing")},
        {405, "POST /access HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"},
        {204, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"},
        {501, "FOO /access HTTP/1.1\r\n" HOST "\r\n"},
    };
    struct client client;

    (void)state;
    fixture_init(&fixture);
    fixture_start(&fixture);
    client_open(&client, fixture.address);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        client_send_text(&client, rows[i].text);
        expect_local(&client, rows[i].text[0] == 'H', rows[i].status);
    }
    client_close(&client);
    fixture_stop(&fixture);
}

/* Who waits for the lock, and who has not sent all of its request. */
static void test_last_words_of_a_server_that_stops(void **state)
{
    struct client waiting, sending, holding;

    (void)state;
    fixture_init(&fixture);
    fixture.access_hold_ms = 600000;
    fixture_start(&fixture);
    client_open(&holding, fixture.address);
    client_send_text(&holding, GET("/access"));
    fixture_await_requests(&fixture, 1);
    client_open(&waiting, fixture.address);
    client_send_text(&waiting, GET("/access"));
    fixture_await_requests(&fixture, 2);
    client_open(&sending, fixture.address);
    client_send_text(&sending, GET("/healthz") "GET /");
    expect_local(&sending, false, 200);
    server_stop(fixture.server, 0);
    expect_local(&holding, false, 503);
    expect_local(&waiting, false, 503);
    expect_local(&sending, false, 503);
    client_close(&holding);
    client_close(&waiting);
    client_close(&sending);
    fixture_stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals_of_the_parser),
        cmocka_unit_test(test_refusals_of_the_connection),
        cmocka_unit_test(test_answers_of_router_and_handlers),
        cmocka_unit_test(test_last_words_of_a_server_that_stops),
    };
    return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
