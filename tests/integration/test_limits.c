/* SPDX-License-Identifier: MIT */
/*
 * test_limits.c - every quantity has a limit, and beyond it an answer; where the server listens.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "server_fixture.h"

#define HOST      "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

static struct fixture fixture;

static void test_sizes_of_requests_are_limited(void **state)
{
    static const struct {
        int status;
        const char *text;
    } rows[] = {
        {414, "GET /123456789012345678901234567890123 HTTP/1.1\r\n" HOST "\r\n"},
        {431, "GET / HTTP/1.1\r\n" HOST "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n"},
        {431, "GET / HTTP/1.1\r\n" HOST "A: 12345678901234567890123456789012345678901234567890"
              "1234567890123456789012345678901234567890123456789012345678901234567890\r\n\r\n"},
        {413, "POST /body HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\n"},
        {413, "POST /body HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
              "6\r\n123456\r\n5\r\n12345\r\n0\r\n\r\n"},
    };
    struct client client;

    (void)state;
    fixture_init(&fixture);
    fixture.settings.limits.target_bytes = 32;
    fixture.settings.limits.header_bytes = 128;
    fixture.settings.limits.header_fields = 4;
    fixture.settings.limits.body_bytes = 10;
    fixture_start(&fixture);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        client_open(&client, fixture.address);
        client_send_text(&client, rows[i].text);
        fixture_expect_refusal(&client, rows[i].status);
        client_close(&client);
    }
    fixture_stop(&fixture);
}

static void test_last_request_of_a_connection_says_so(void **state)
{
    struct client client;
    struct client_reply reply;

    (void)state;
    fixture_init(&fixture);
    fixture.settings.limits.requests_per_connection = 3;
    fixture_start(&fixture);
    client_open(&client, fixture.address);
    client_send_text(&client, GET("/healthz") GET("/healthz") GET("/healthz") GET("/healthz"));
    for (int i = 1; i <= 3; i++) {
        client_read_reply(&client, false, &reply);
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.closes, i == 3);
        client_reply_fini(&reply);
    }
    assert_true(client_is_closed_next(&client));
    client_close(&client);
    fixture_stop(&fixture);
}

static void test_one_connection_too_many_is_told_503(void **state)
{
    struct client kept[2];
    struct client client;
    struct client_reply reply;

    (void)state;
    fixture_init(&fixture);
    fixture.settings.limits.connections = 2;
    fixture_start(&fixture);
    for (int i = 0; i < 2; i++) {
        client_open(&kept[i], fixture.address);
        client_send_text(&kept[i], GET("/healthz"));
        fixture_expect(&kept[i], 200);
    }
    client_open(&client, fixture.address);
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 503);
    assert_non_null(client_reply_field(&reply, "Retry-After"));
    client_reply_fini(&reply);
    client_close(&client);
    client_close(&kept[0]);
    fixture_await_open(&fixture, 1);
    client_open(&client, fixture.address);
    client_send_text(&client, GET("/healthz"));
    fixture_expect(&client, 200);
    client_close(&client);
    client_close(&kept[1]);
    fixture_stop(&fixture);
}

/* Far beyond the limit nobody is accepted anymore, and accepting goes on when it can. */
static void test_crowd_beyond_the_limit_is_served_in_the_end(void **state)
{
    struct client crowd[40];
    unsigned refused = 0;

    (void)state;
    fixture_init(&fixture);
    fixture.settings.limits.connections = 1;
    fixture_start(&fixture);
    for (size_t i = 0; i < 40; i++)
        client_open(&crowd[i], fixture.address);
    for (size_t i = 0; i < 40; i++) {
        struct client_reply reply;
        client_send_text(&crowd[i], GET("/healthz"));
        client_read_reply(&crowd[i], false, &reply);
        assert_true(reply.status == 200 || reply.status == 503);
        refused += reply.status == 503;
        client_reply_fini(&reply);
        client_close(&crowd[i]);
    }
    assert_true(refused > 0);
    fixture_await_open(&fixture, 0);
    fixture_stop(&fixture);
}

/* The client's socket is the last descriptor there may be, so accepting fails until there are more.
 */
static void test_accepting_goes_on_when_descriptors_are_there_again(void **state)
{
    struct rlimit before;
    struct rlimit low;
    struct client client;

    (void)state;
    fixture_init(&fixture);
    fixture_start(&fixture);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = dup(STDERR_FILENO);
    assert_true(next >= 0);
    close(next);
    low = before;
    low.rlim_cur = (rlim_t)next + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    client_open(&client, fixture.address);
    client_send_text(&client, GET("/healthz"));
    assert_false(client_has_bytes(&client, 50));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    fixture_expect(&client, 200);
    client_close(&client);
    fixture_stop(&fixture);
}

static void test_both_families_and_the_chosen_ports_are_served(void **state)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct client_reply reply;

    (void)state;
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    bool has_ipv6 = probe >= 0 && bind(probe, (struct sockaddr *)&loopback, sizeof(loopback)) == 0;
    if (probe >= 0)
        close(probe);
    if (!has_ipv6)
        skip(); /* a machine without ::1 */
    fixture_init(&fixture);
    memcpy(&fixture.addresses[1], &loopback, sizeof(loopback));
    fixture.settings.address_count = 2;
    fixture.settings.loops = 2;
    fixture_start(&fixture);
    for (size_t i = 0; i < 2; i++) {
        client_get(server_address(fixture.server, i), "/healthz", &reply);
        assert_int_equal(reply.status, 200);
        client_reply_fini(&reply);
    }
    assert_int_equal(server_loops(fixture.server), 2);
    fixture_stop(&fixture);
}

static void test_a_second_server_on_one_address_is_refused(void **state)
{
    struct server_settings second;
    struct server *server = NULL;

    (void)state;
    fixture_init(&fixture);
    fixture_start(&fixture);
    server_settings_init(&second);
    second.addresses = fixture.address;
    second.address_count = 1;
    assert_int_equal(server_start(&second, &server), -EADDRINUSE);
    assert_null(server);
    fixture_stop(&fixture);
}

/* One of two servers that start for one address at the same moment. */
struct start {
    struct server_settings settings;
    pthread_barrier_t *barrier;
    struct server *server;
    int status;
};

static void *start_at_once(void *context)
{
    struct start *self = context;

    pthread_barrier_wait(self->barrier);
    self->status = server_start(&self->settings, &self->server);
    return NULL;
}

/* Never both, which would share the connections between them without a word. */
static void test_two_servers_do_not_get_one_address(void **state)
{
    struct sockaddr_storage address;
    struct server_settings settings;
    unsigned started = 0;

    (void)state;
    fixture_init(&fixture);
    fixture_start(&fixture);
    address = *fixture.address; /* a port that is free after the stop */
    fixture_stop(&fixture);
    server_settings_init(&settings);
    settings.addresses = &address;
    settings.address_count = 1;
    settings.loops = 2;
    for (unsigned round = 0; round < 100; round++) {
        pthread_barrier_t barrier;
        pthread_t thread;
        struct start starts[2] = {{.settings = settings, .barrier = &barrier},
                                  {.settings = settings, .barrier = &barrier}};
        pthread_barrier_init(&barrier, NULL, 2);
        assert_int_equal(pthread_create(&thread, NULL, start_at_once, &starts[0]), 0);
        start_at_once(&starts[1]);
        pthread_join(thread, NULL);
        pthread_barrier_destroy(&barrier);
        if (starts[0].status == 0 && starts[1].status == 0)
            fail_msg("both have started in round %u", round);
        for (unsigned i = 0; i < 2; i++) {
            if (starts[i].status < 0) {
                assert_int_equal(starts[i].status, -EADDRINUSE);
                continue;
            }
            started++;
            server_stop(starts[i].server, 0);
            server_wait(starts[i].server);
            server_free(starts[i].server);
        }
    }
    assert_true(started > 0);
}

static int fail_to_start(void *shared, struct async_loop *loop, unsigned loop_index,
                         void **ret_context)
{
    (void)shared;
    (void)loop;
    (void)ret_context;
    return loop_index == 1 ? -ENOTSUP : 0;
}

static void test_handler_that_cannot_start_stops_the_start(void **state)
{
    static const struct server_route route = {.path = "/", .start_loop = fail_to_start};
    struct server *server = NULL;

    (void)state;
    fixture_init(&fixture);
    fixture.settings.loops = 3;
    fixture.settings.routes = &route;
    fixture.settings.route_count = 1;
    assert_int_equal(server_start(&fixture.settings, &server), -ENOTSUP);
    fixture.settings.limits.connections = 0;
    assert_int_equal(server_start(&fixture.settings, &server), -EINVAL);
    assert_null(server);
}

static void test_routes_that_nothing_could_match_are_refused(void **state)
{
    static const struct server_route routes[] = {
        {.path = NULL},
        {.path = ""},
        {.path = "api", .match = SERVER_PREFIX},
        {.path = "/", .match = SERVER_FORWARD},
        {.host = "a.example", .match = SERVER_FORWARD},
    };
    struct server *server = NULL;

    (void)state;
    fixture_init(&fixture);
    fixture.settings.route_count = 1;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        fixture.settings.routes = &routes[i];
        assert_int_equal(server_start(&fixture.settings, &server), -EINVAL);
    }
    assert_null(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_of_requests_are_limited),
        cmocka_unit_test(test_last_request_of_a_connection_says_so),
        cmocka_unit_test(test_one_connection_too_many_is_told_503),
        cmocka_unit_test(test_crowd_beyond_the_limit_is_served_in_the_end),
        cmocka_unit_test(test_accepting_goes_on_when_descriptors_are_there_again),
        cmocka_unit_test(test_both_families_and_the_chosen_ports_are_served),
        cmocka_unit_test(test_a_second_server_on_one_address_is_refused),
        cmocka_unit_test(test_routes_that_nothing_could_match_are_refused),
        cmocka_unit_test(test_two_servers_do_not_get_one_address),
        cmocka_unit_test(test_handler_that_cannot_start_stops_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
