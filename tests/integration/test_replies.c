/* SPDX-License-Identifier: MIT */
/*
 * test_replies.c - replies by reference: large, streamed, slow to be taken, cut, and left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "output.h"
#include "server_fixture.h"

#define HOST      "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

/* Small enough that the sends of large bodies are partial, large enough for full segments. */
#define SMALL_RECEIVE_BYTES 65536

static int start(void **state)
{
    static struct fixture fixture;

    fixture_init(&fixture);
    fixture_start(&fixture);
    *state = &fixture;
    return 0;
}

static int stop(void **state)
{
    fixture_stop(*state);
    return 0;
}

static void expect_big(struct client *client, bool is_chunked)
{
    struct client_reply reply;

    client_read_reply(client, false, &reply);
    assert_int_equal(reply.status, 200);
    assert_true(reply.is_whole);
    assert_int_equal(reply.is_chunked, is_chunked);
    assert_int_equal(reply.body_bytes, FIXTURE_BIG_BYTES);
    client_reply_fini(&reply);
}

static void test_large_replies_reach_a_slow_client_whole_and_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct client client;

    client_open_small(&client, fixture->address, SMALL_RECEIVE_BYTES);
    client_send_text(&client,
                     GET("/big") GET("/stream") GET("/length") GET("/healthz") GET("/big"));
    expect_big(&client, false);
    expect_big(&client, true);
    expect_big(&client, false);
    fixture_expect(&client, 200);
    expect_big(&client, false);
    client_close(&client);
}

/* The server's end of a client's connection: it is of this process. */
static int served_fd(const struct client *client)
{
    struct sockaddr_in own = {0}, peer = {0};
    socklen_t length = sizeof own;

    assert_int_equal(getsockname(client->fd, (struct sockaddr *)&own, &length), 0);
    for (int fd = 0; fd < 1024; fd++) {
        length = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &length) == 0 && peer.sin_family == AF_INET &&
            peer.sin_port == own.sin_port)
            return fd;
    }
    fail_msg("the server has no such connection");
    return -1;
}

/* Else each client that reads slowly has megabytes of its own of a body that all share. */
static void test_the_kernel_holds_little_of_what_a_slow_client_is_sent(void **state)
{
    struct fixture *fixture = *state;
    struct client client;
    int unsent_bytes = 0;
    socklen_t length = sizeof unsent_bytes;

    client_open_small(&client, fixture->address, SMALL_RECEIVE_BYTES);
    client_send_text(&client, GET("/big"));
    assert_true(client_has_bytes(&client, CLIENT_GUARD_MS));
    assert_int_equal(
        getsockopt(served_fd(&client), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, &length), 0);
    assert_int_equal(unsent_bytes, 2 * OUTPUT_UNSENT_BYTES_MAX);
    client_close(&client);
}

static void test_prepared_fields_stand_in_the_head(void **state)
{
    struct fixture *fixture = *state;
    struct client_reply reply;

    client_get(fixture->address, "/big", &reply);
    assert_string_equal(client_reply_field(&reply, "X-Prepared"), "yes");
    assert_non_null(client_reply_field(&reply, "Date"));
    client_reply_fini(&reply);
}

/* An old client knows no chunks: the end of the connection is the end of the body. */
static void test_body_of_unknown_length_ends_with_the_connection_on_http_1_0(void **state)
{
    struct fixture *fixture = *state;
    struct client client;

    client_open(&client, fixture->address);
    client_send_text(&client, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect_big(&client, false);
    client_close(&client);
}

static void test_incomplete_replies_are_never_taken_for_whole(void **state)
{
    static const char *const requests[] = {GET("/short"), GET("/abort"),
                                           "GET /abort HTTP/1.0\r\n\r\n"};
    struct fixture *fixture = *state;
    struct client client;

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        client_open(&client, fixture->address);
        client_send_text(&client, requests[i]);
        assert_true(client_is_reset_next(&client));
        client_close(&client);
    }
}

static void test_client_that_leaves_while_it_waits_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    unsigned begun = atomic_load(&fixture->begun);
    unsigned gone = atomic_load(&fixture->gone);
    struct client clients[3];

    for (unsigned i = 0; i < 3; i++) {
        client_open(&clients[i], fixture->address);
        client_send_text(&clients[i], GET("/never"));
    }
    fixture_await(&fixture->begun, begun + 3);
    client_close(&clients[0]);
    client_reset(&clients[1]);
    client_end(&clients[2]);
    fixture_await(&fixture->gone, gone + 3);
    assert_true(client_is_closed_next(&clients[2]));
    client_close(&clients[2]);
}

static void test_client_that_leaves_in_mid_body_is_noticed_and_memory_released(void **state)
{
    struct fixture *fixture = *state;
    unsigned gone = atomic_load(&fixture->gone);
    struct client client;

    client_open_small(&client, fixture->address, SMALL_RECEIVE_BYTES);
    client_send_text(&client, GET("/stream"));
    assert_true(client_has_bytes(&client, CLIENT_GUARD_MS));
    client_reset(&client);
    fixture_await(&fixture->gone, gone + 1);
    fixture_await(&fixture->released, atomic_load(&fixture->taken));
}

/* A client that only ends its own side (as nc -N does) still gets what had begun. */
static void test_half_closed_client_gets_its_replies(void **state)
{
    struct fixture *fixture = *state;
    struct client client;

    client_open(&client, fixture->address);
    client_send_text(&client, GET("/healthz") GET("/length"));
    assert_true(client_has_bytes(&client, CLIENT_GUARD_MS));
    client_end(&client);
    fixture_expect(&client, 200);
    expect_big(&client, false);
    assert_true(client_is_closed_next(&client));
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_replies_reach_a_slow_client_whole_and_in_order),
        cmocka_unit_test(test_the_kernel_holds_little_of_what_a_slow_client_is_sent),
        cmocka_unit_test(test_prepared_fields_stand_in_the_head),
        cmocka_unit_test(test_body_of_unknown_length_ends_with_the_connection_on_http_1_0),
        cmocka_unit_test(test_incomplete_replies_are_never_taken_for_whole),
        cmocka_unit_test(test_client_that_leaves_while_it_waits_is_noticed),
        cmocka_unit_test(test_client_that_leaves_in_mid_body_is_noticed_and_memory_released),
        cmocka_unit_test(test_half_closed_client_gets_its_replies),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
