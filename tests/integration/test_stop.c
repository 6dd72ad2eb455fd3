/* SPDX-License-Identifier: MIT */
/*
 * test_stop.c - a stop answers what runs, closes what is idle, and cuts what does not end.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "server_fixture.h"

#define HOST      "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

#define LONG_MS 600000

static struct fixture fixture;

static bool is_refused(const struct sockaddr_storage *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int status = connect(fd, (const struct sockaddr *)address, sizeof(struct sockaddr_in));
    bool refused = status < 0 && errno == ECONNREFUSED;

    close(fd);
    return refused;
}

static void expect_last_reply(struct client *client, int status)
{
    struct client_reply reply;

    client_read_reply(client, false, &reply);
    assert_int_equal(reply.status, status);
    assert_true(reply.is_whole);
    assert_true(reply.closes);
    client_reply_fini(&reply);
    assert_true(client_is_closed_next(client));
}

static void test_running_requests_are_answered_and_idle_connections_closed(void **state)
{
    struct client idle;
    struct client running;
    struct client beginning;

    (void)state;
    fixture_init(&fixture);
    fixture.access_hold_ms = 200;
    fixture_start(&fixture);
    client_open(&idle, fixture.address);
    client_send_text(&idle, GET("/healthz"));
    fixture_expect(&idle, 200);
    client_open(&beginning, fixture.address);
    client_send_text(&beginning, GET("/healthz") "GET /health");
    fixture_expect(&beginning, 200);
    client_open(&running, fixture.address);
    client_send_text(&running, GET("/access"));
    fixture_await_requests(&fixture, 3);
    server_stop(fixture.server, LONG_MS);
    assert_true(client_is_closed_next(&idle));
    client_send_text(&beginning, "z HTTP/1.1\r\n" HOST "\r\n");
    expect_last_reply(&beginning, 503);
    expect_last_reply(&running, 200);
    client_close(&idle);
    client_close(&beginning);
    client_close(&running);
    struct sockaddr_storage address = *fixture.address;
    fixture_stop(&fixture);
    assert_true(is_refused(&address));
}

static void test_what_does_not_end_is_cut_at_the_deadline(void **state)
{
    struct client waiting;
    struct client half;
    struct client head;
    struct client body;

    (void)state;
    fixture_init(&fixture);
    fixture_start(&fixture);
    client_open(&waiting, fixture.address);
    client_send_text(&waiting, GET("/never"));
    client_open(&half, fixture.address);
    client_send_text(&half, GET("/half"));
    client_open(&head, fixture.address);
    client_send_text(&head, GET("/healthz") "GET /heal");
    fixture_expect(&head, 200);
    client_open(&body, fixture.address);
    client_send_text(&body, GET("/healthz") "GET / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nb");
    fixture_expect(&body, 200);
    fixture_await(&fixture.begun, 2);
    server_stop(fixture.server, 50);
    expect_last_reply(&waiting, 503);
    expect_last_reply(&head, 503);
    expect_last_reply(&body, 503);
    assert_true(client_is_reset_next(&half));
    fixture_await(&fixture.gone, 2);
    client_close(&waiting);
    client_close(&half);
    client_close(&head);
    client_close(&body);
    fixture_stop(&fixture);
}

static void test_a_second_stop_shortens_the_first(void **state)
{
    struct client waiting;

    (void)state;
    fixture_init(&fixture);
    fixture_start(&fixture);
    client_open(&waiting, fixture.address);
    client_send_text(&waiting, GET("/never"));
    fixture_await(&fixture.begun, 1);
    server_stop(fixture.server, LONG_MS);
    server_stop(fixture.server, LONG_MS);
    assert_int_equal(atomic_load(&fixture.gone), 0);
    fixture_stop(&fixture); /* stops with 0 */
    assert_int_equal(atomic_load(&fixture.gone), 1);
    client_close(&waiting);
}

struct hooks {
    _Atomic(struct async_loop *) loops[2];
    atomic_uint started;
    atomic_uint drained;
    atomic_uint stopped;
    atomic_uint freed;
};

static struct hooks hooks;

static int on_start_loop(void *shared, struct async_loop *loop, unsigned loop_index,
                         void **ret_context)
{
    (void)shared;
    assert(async_loop_is_current(loop));
    atomic_store(&hooks.loops[loop_index], loop);
    atomic_fetch_add(&hooks.started, 1);
    *ret_context = (void *)&hooks.loops[loop_index];
    return 0;
}

static struct async_loop *loop_of(void *context)
{
    return atomic_load((_Atomic(struct async_loop *) *)context);
}

static void on_drain_loop(void *context)
{
    assert(async_loop_is_current(loop_of(context)));
    atomic_fetch_add(&hooks.drained, 1);
}

static void on_stop_loop(void *context)
{
    assert(async_loop_is_current(loop_of(context)));
    assert(atomic_load(&hooks.drained) == 2); /* of all loops, before any is stopped */
    atomic_fetch_add(&hooks.stopped, 1);
}

static void on_free_loop(void *context)
{
    (void)context;
    assert(atomic_load(&hooks.stopped) == 2);
    atomic_fetch_add(&hooks.freed, 1);
}

static void test_handlers_are_stopped_in_phases_over_all_loops(void **state)
{
    static const struct server_route route = {.path = "/",
                                              .start_loop = on_start_loop,
                                              .drain_loop = on_drain_loop,
                                              .stop_loop = on_stop_loop,
                                              .free_loop = on_free_loop};
    struct server *server;

    (void)state;
    fixture_init(&fixture);
    fixture.settings.loops = 2;
    fixture.settings.routes = &route;
    fixture.settings.route_count = 1;
    assert_int_equal(server_start(&fixture.settings, &server), 0);
    assert_int_equal(atomic_load(&hooks.started), 2);
    server_stop(server, LONG_MS);
    server_wait(server);
    assert_int_equal(atomic_load(&hooks.freed), 2);
    server_free(server);
}

#define LATE 200

struct late {
    struct client clients[LATE];
    atomic_uint ready;
    const struct sockaddr_storage *address;
};

static int late_start_loop(void *shared, struct async_loop *loop, unsigned loop_index,
                           void **ret_context)
{
    (void)loop;
    (void)loop_index;
    *ret_context = shared;
    return 0;
}

/* The loop itself connects, and accepts nobody meanwhile. */
static void late_drain_loop(void *context)
{
    struct late *late = context;

    for (unsigned i = 0; i < LATE; i++) {
        client_open(&late->clients[i], late->address);
        client_send_text(&late->clients[i], GET("/healthz"));
    }
    atomic_fetch_add(&late->ready, 1);
}

/* A crowd has connected, and no loop has accepted it when the server is told to stop. */
static void test_all_who_connected_before_the_stop_are_answered(void **state)
{
    static struct late late;
    const struct server_route route = {
        .path = "/", .shared = &late, .start_loop = late_start_loop, .drain_loop = late_drain_loop};
    struct server *server;

    (void)state;
    fixture_init(&fixture);
    fixture.settings.routes = &route;
    fixture.settings.route_count = 1;
    assert_int_equal(server_start(&fixture.settings, &server), 0);
    late.address = server_address(server, 0);
    server_stop(server, LONG_MS);
    fixture_await(&late.ready, 1);
    for (unsigned i = 0; i < LATE; i++) {
        fixture_expect_refusal(&late.clients[i], 404);
        client_close(&late.clients[i]);
    }
    server_wait(server);
    server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running_requests_are_answered_and_idle_connections_closed),
        cmocka_unit_test(test_what_does_not_end_is_cut_at_the_deadline),
        cmocka_unit_test(test_a_second_stop_shortens_the_first),
        cmocka_unit_test(test_all_who_connected_before_the_stop_are_answered),
        cmocka_unit_test(test_handlers_are_stopped_in_phases_over_all_loops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
