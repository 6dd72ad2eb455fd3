/* SPDX-License-Identifier: MIT */
/*
 * test_tunnels.c - CONNECT and upgrades that a handler accepts: bytes both ways, and how that ends.
 *
 * The handler sends back what it gets, until the client ends its side. It sends "bye" then.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reply.h"
#include "server_fixture.h"

#define HOST "Host: localhost\r\n"
#define LONG (4 * 1024 * 1024)

#define CONNECT "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"
#define UPGRADE "GET /upgrade HTTP/1.1\r\n" HOST "Connection: upgrade\r\nUpgrade: echo\r\n\r\n"

static struct fixture fixture;
static atomic_uint gone;
static const struct reply_memory memory_none;

static void on_gone(struct request *request)
{
    (void)request;
    atomic_fetch_add(&gone, 1);
}

static void echo_on(struct request *request)
{
    enum request_body_state state;
    struct iovec bye = {.iov_base = (char *)"bye", .iov_len = 3};
    struct span piece;
    bool goes_on = true;

    while (goes_on && (state = request_body_look(request, &piece)) == REQUEST_BODY_PIECE) {
        char *copy = malloc(piece.length);
        struct reply_memory memory = {.release = free, .context = copy};
        struct iovec span = {.iov_base = copy, .iov_len = piece.length};
        assert_non_null(copy);
        memcpy(copy, piece.bytes, piece.length);
        request_body_take(request, piece.length);
        goes_on = reply_write(request, &span, 1, memory);
    }
    if (!goes_on || state == REQUEST_BODY_LATER)
        return;
    (void)reply_write(request, &bye, 1, memory_none);
    reply_end(request);
}

static void tunnel_start(struct request *request, void *context)
{
    static const char upgrade[] = "Connection: upgrade\r\nUpgrade: echo\r\n";
    struct reply_head head = {.status = 200};

    (void)context;
    if (request->form != REQUEST_AUTHORITY_FORM) {
        head.status = 101;
        head.prepared = (struct iovec){(void *)upgrade, sizeof(upgrade) - 1};
    }
    request->on_gone = on_gone;
    request->on_body = echo_on;
    request->on_writable = echo_on;
    reply_tunnel(request, &head, memory_none);
    echo_on(request);
}

static int start(void **state)
{
    (void)state;
    fixture_init(&fixture);
    fixture.extra[fixture.extra_count++] = (struct server_route){
        .match = SERVER_FORWARD, .methods = REQUEST_CONNECT, .start = tunnel_start};
    fixture.extra[fixture.extra_count++] = (struct server_route){
        .path = "/upgrade", .methods = REQUEST_GET, .start = tunnel_start, .streams_body = true};
    fixture.settings.timeouts.body_ms = 50; /* which a tunnel has not */
    fixture_start(&fixture);
    atomic_store(&gone, 0);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&fixture);
    return 0;
}

/* Reads the head, which ends where the tunnel begins. */
static void expect_head(struct client *client, const char *line)
{
    struct client_reply reply;

    client_read_reply(client, true, &reply);
    assert_int_equal(strncmp(reply.head, line, strlen(line)), 0);
    assert_null(client_reply_field(&reply, "Content-Length"));
    assert_null(client_reply_field(&reply, "Transfer-Encoding"));
    assert_false(reply.closes);
    client_reply_fini(&reply);
}

/* Reads so many bytes and compares them. */
static void expect_bytes(struct client *client, const char *bytes, size_t length)
{
    char *got = malloc(length);
    size_t there;

    assert_non_null(got);
    there = client_read(client, got, length);
    assert_int_equal(there, length);
    assert_memory_equal(got, bytes, length);
    free(got);
}

static void test_bytes_go_both_ways_until_the_client_ends(void **state)
{
    static const char *const requests[] = {CONNECT, UPGRADE};
    static const char *const lines[] = {"HTTP/1.1 200 OK\r\n",
                                        "HTTP/1.1 101 Switching Protocols\r\n"};
    struct client client;

    (void)state;
    for (int i = 0; i < 2; i++) {
        client_open(&client, fixture.address);
        client_send_text(&client, requests[i]);
        expect_head(&client, lines[i]);
        assert_false(client_has_bytes(&client, 120)); /* nor is it cut meanwhile */
        client_send_text(&client, "GET / HTTP/1.1\r\n\r\n");
        expect_bytes(&client, "GET / HTTP/1.1\r\n\r\n", 18);
        client_send(&client, "\0\n", 2);
        expect_bytes(&client, "\0\n", 2);
        client_end(&client);
        expect_bytes(&client, "bye", 3);
        assert_true(client_is_closed_next(&client));
        client_close(&client);
    }
    assert_int_equal(atomic_load(&gone), 0);
}

static void test_what_came_with_the_request_is_the_tunnels(void **state)
{
    struct client client;

    (void)state;
    client_open(&client, fixture.address);
    client_send_text(&client, "GET /healthz HTTP/1.1\r\n" HOST "\r\n" CONNECT "early\r\n\r\n");
    fixture_expect(&client, 200);
    expect_head(&client, "HTTP/1.1 200 OK\r\n");
    expect_bytes(&client, "early\r\n\r\n", 9);
    client_end(&client);
    expect_bytes(&client, "bye", 3);
    assert_true(client_is_closed_next(&client));
    client_close(&client);
}

static void *send_long(void *context)
{
    static char bytes[LONG];

    memset(bytes, 'l', sizeof(bytes));
    client_send(context, bytes, sizeof(bytes));
    client_end(context);
    return NULL;
}

static void test_both_ways_wait_for_each_other(void **state)
{
    static char expected[LONG];
    struct client client;
    pthread_t thread;

    (void)state;
    memset(expected, 'l', sizeof(expected));
    client_open(&client, fixture.address);
    client_send_text(&client, CONNECT);
    expect_head(&client, "HTTP/1.1 200 OK\r\n");
    assert_int_equal(pthread_create(&thread, NULL, send_long, &client), 0);
    expect_bytes(&client, expected, LONG);
    expect_bytes(&client, "bye", 3);
    assert_int_equal(pthread_join(thread, NULL), 0);
    client_close(&client);
}

static void test_client_that_breaks_off_ends_the_tunnel(void **state)
{
    struct client client;

    (void)state;
    client_open(&client, fixture.address);
    client_send_text(&client, CONNECT "a");
    expect_head(&client, "HTTP/1.1 200 OK\r\n");
    expect_bytes(&client, "a", 1);
    client_reset(&client);
    fixture_await(&gone, 1);
}

static void test_stop_cuts_tunnels(void **state)
{
    struct client client;

    (void)state;
    client_open(&client, fixture.address);
    client_send_text(&client, UPGRADE "a");
    expect_head(&client, "HTTP/1.1 101");
    expect_bytes(&client, "a", 1);
    server_stop(fixture.server, 0);
    assert_true(client_is_reset_next(&client));
    client_close(&client);
    fixture_await(&gone, 1);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_bytes_go_both_ways_until_the_client_ends),
        SERVED(test_what_came_with_the_request_is_the_tunnels),
        SERVED(test_both_ways_wait_for_each_other),
        SERVED(test_client_that_breaks_off_ends_the_tunnel),
        SERVED(test_stop_cuts_tunnels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
