/* SPDX-License-Identifier: MIT */
/*
 * test_connect.c - CONNECT through the forward proxy of the program: a raw client at one end, a
 * listening socket of the test at the other.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "program.h"

#define LONG (4 * 1024 * 1024)

static struct program program;
static int listener = -1;
static unsigned port;

static void listen_at(int backlog)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t bytes = sizeof address;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(listener, backlog), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &bytes), 0);
    port = ntohs(address.sin_port);
}

/* With a listener, and tunnels to its port allowed besides 443. */
static void start_with(const char *variable, int backlog)
{
    char ports[128];
    const char *variables[] = {"FETCHONCE_FORWARD_PROXY_ENABLED=true",
                               "FETCHONCE_FORWARD_PROXY_CONNECT=true",
                               "FETCHONCE_TIMEOUTS_DRAIN_MS=0",
                               ports,
                               variable,
                               NULL};

    listen_at(backlog);
    snprintf(ports, sizeof ports, "FETCHONCE_FORWARD_PROXY_CONNECT_PORTS=443,%u", port);
    program_start(&program, variables, NULL);
}

static void stop(void)
{
    program_stop(&program);
    close(listener);
}

static void ask(struct client *client, const char *host, unsigned host_port, const char *early)
{
    client_open(client, &program.address);
    client_send_format(client, "CONNECT %s:%u HTTP/1.1\r\nHost: %s:%u\r\n\r\n%s", host, host_port,
                       host, host_port, early);
}

static void expect_refused(const char *host, unsigned host_port, int status)
{
    struct client client;
    struct client_reply reply;

    ask(&client, host, host_port, "");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, status);
    assert_string_equal(client_reply_field(&reply, "Content-Type"), "application/problem+json");
    assert_int_equal(strncmp(client_reply_field(&reply, "Cache-Status"), "fetchonce; detail=", 18),
                     0);
    client_reply_fini(&reply);
    client_close(&client);
}

static void expect_open(struct client *client)
{
    struct client_reply reply;

    client_read_reply(client, true, &reply);
    assert_int_equal(reply.status, 200);
    assert_null(client_reply_field(&reply, "Content-Length"));
    assert_null(client_reply_field(&reply, "Transfer-Encoding"));
    assert_string_equal(client_reply_field(&reply, "Cache-Status"), "fetchonce; fwd=method");
    assert_int_equal(
        strncmp(client_reply_field(&reply, "Server-Timing"), "wait;dur=0, origin;", 19), 0);
    client_reply_fini(&reply);
}

static void take(struct client *ret_host)
{
    *ret_host = (struct client){.fd = accept(listener, NULL, NULL)};
    assert_true(ret_host->fd >= 0);
}

static void open_both(struct client *client, struct client *host)
{
    ask(client, "127.0.0.1", port, "");
    expect_open(client);
    take(host);
}

static void expect_bytes(struct client *client, const char *text)
{
    char got[64];
    size_t length = strlen(text);

    assert_int_equal(client_read(client, got, length), length);
    assert_memory_equal(got, text, length);
}

static void test_connect_is_off_until_it_is_asked_for(void **state)
{
    const char *variables[] = {"FETCHONCE_FORWARD_PROXY_ENABLED=true", NULL};
    struct client client;
    struct client_reply reply;

    (void)state;
    program_start(&program, variables, NULL);
    ask(&client, "127.0.0.1", 443, "");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 405);
    assert_null(strstr(client_reply_field(&reply, "Allow"), "CONNECT"));
    client_reply_fini(&reply);
    client_close(&client);
    program_stop(&program);
}

/* What came with the request is the host's; a client that has ended its side still gets the rest.
 */
static void test_bytes_go_both_ways_until_the_host_ends(void **state)
{
    struct client client, host;

    (void)state;
    start_with(NULL, 16);
    ask(&client, "127.0.0.1", port, "early");
    expect_open(&client);
    take(&host);
    expect_bytes(&host, "early");
    client_send_text(&host, "one\r\n\r\n");
    expect_bytes(&client, "one\r\n\r\n");
    client_send_text(&client, "GET / HTTP/1.1\r\n\r\n");
    expect_bytes(&host, "GET / HTTP/1.1\r\n\r\n");
    client_end(&client);
    assert_true(client_is_closed_next(&host));
    client_send_text(&host, "two");
    expect_bytes(&client, "two");
    client_close(&host);
    assert_true(client_is_closed_next(&client));
    client_close(&client);
    stop();
}

static void test_host_that_ends_closes_the_tunnel_behind_its_bytes(void **state)
{
    struct client client, host;

    (void)state;
    start_with(NULL, 16);
    open_both(&client, &host);
    client_send_text(&host, "last");
    client_end(&host);
    expect_bytes(&client, "last");
    assert_true(client_is_closed_next(&client));
    assert_true(client_is_closed_next(&host));
    client_close(&client);
    client_close(&host);
    stop();
}

static void test_a_break_at_one_end_is_one_at_the_other(void **state)
{
    struct client client, host;

    (void)state;
    start_with(NULL, 16);
    open_both(&client, &host);
    client_reset(&host);
    assert_true(client_is_reset_next(&client));
    client_close(&client);
    open_both(&client, &host);
    client_reset(&client);
    assert_true(client_is_closed_next(&host));
    client_close(&host);
    stop();
}

static void test_refusals_tell_the_guard_from_the_network(void **state)
{
    unsigned closed_port;

    (void)state;
    start_with(NULL, 16);
    closed_port = port;
    expect_refused("127.0.0.1", port + 1, 403);  /* not on the list */
    expect_refused("127.0.0.1", 80, 403);        /* nor is this one, which fetches may use */
    expect_refused("10.0.0.1", 443, 403);        /* not public */
    expect_refused("localhost", port, 403);      /* this machine, by its name */
    expect_refused("0x7f.1", port, 400);         /* no host */
    expect_refused("no-such.invalid", 443, 502); /* no address */
    close(listener);
    expect_refused("127.0.0.1", closed_port, 502);
    listen_at(1);
    stop();
}

/* Even where the port is on the list and the address is allowed. */
static void test_a_tunnel_does_not_lead_back_to_the_proxy(void **state)
{
    char text[3][128];
    const char *variables[] = {"FETCHONCE_FORWARD_PROXY_ENABLED=true",
                               "FETCHONCE_FORWARD_PROXY_CONNECT=true", text[0], NULL};
    const char *arguments[] = {FETCHONCE_PATH, "--listen", text[1], "--allow", "127.0.0.0/8", NULL};
    struct process process;

    (void)state;
    listen_at(1);
    close(listener);
    snprintf(text[0], sizeof text[0], "FETCHONCE_FORWARD_PROXY_CONNECT_PORTS=%u", port);
    snprintf(text[1], sizeof text[1], "127.0.0.1:%u", port);
    process_start(&process, arguments, variables);
    process_address(&process, &program.address);
    expect_refused("127.0.0.1", port, 403);
    process_signal(&process, SIGTERM);
    assert_int_equal(process_wait(&process), 0);
}

/* A host whose queue is full leaves those who ask without an answer. */
static void fill_queue(struct client fillers[2])
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    for (unsigned i = 0; i < 2; i++) {
        fillers[i] = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};
        (void)connect(fillers[i].fd, (const struct sockaddr *)&address, sizeof address);
    }
}

static void test_host_that_does_not_answer_is_504(void **state)
{
    struct client fillers[2], client;

    (void)state;
    start_with("FETCHONCE_FETCH_TIMEOUTS_CONNECT_MS=100", 0);
    fill_queue(fillers);
    expect_refused("127.0.0.1", port, 504);
    /* One who leaves meanwhile takes the attempt with him. */
    ask(&client, "127.0.0.1", port, "");
    program_sync(&program);
    client_reset(&client);
    program_sync(&program);
    client_close(&fillers[0]);
    client_close(&fillers[1]);
    stop();
}

static void test_tunnels_are_limited(void **state)
{
    struct client client, host;

    (void)state;
    start_with("FETCHONCE_FORWARD_PROXY_TUNNELS_MAX=1", 16);
    for (unsigned i = 0; i < 2; i++) {
        open_both(&client, &host);
        expect_refused("127.0.0.1", port, 503);
        client_end(&host);
        assert_true(client_is_closed_next(&client));
        assert_true(client_is_closed_next(&host));
        client_close(&client);
        client_close(&host);
    }
    stop();
}

static void test_idle_tunnels_are_closed(void **state)
{
    struct client client, host;

    (void)state;
    start_with("FETCHONCE_FORWARD_PROXY_TUNNEL_IDLE_MS=50", 16);
    open_both(&client, &host);
    assert_true(client_is_closed_next(&client));
    assert_true(client_is_closed_next(&host));
    client_close(&client);
    client_close(&host);
    stop();
}

static void *send_long(void *context)
{
    char *bytes = malloc(LONG);

    assert_non_null(bytes);
    for (size_t i = 0; i < LONG; i++)
        bytes[i] = (char)(i % 251);
    client_send(context, bytes, LONG);
    client_end(context);
    free(bytes);
    return NULL;
}

static void read_long(struct client *client)
{
    char *bytes = malloc(LONG);

    assert_non_null(bytes);
    assert_int_equal(client_read(client, bytes, LONG), LONG);
    for (size_t i = 0; i < LONG; i++) {
        if (bytes[i] != (char)(i % 251))
            fail_msg("byte %zu is another", i);
    }
    free(bytes);
}

/* Far more than the sockets hold, one way after the other; the first way has ended meanwhile. */
static void test_long_bodies_wait_for_their_readers(void **state)
{
    struct client client, host;
    pthread_t threads[2];

    (void)state;
    start_with(NULL, 16);
    open_both(&client, &host);
    assert_int_equal(pthread_create(&threads[0], NULL, send_long, &client), 0);
    read_long(&host);
    assert_true(client_is_closed_next(&host));
    assert_int_equal(pthread_create(&threads[1], NULL, send_long, &host), 0);
    read_long(&client);
    assert_true(client_is_closed_next(&client));
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    client_close(&client);
    client_close(&host);
    stop();
}

static void test_stop_cuts_tunnels(void **state)
{
    struct client client, host;

    (void)state;
    start_with(NULL, 16);
    open_both(&client, &host);
    stop();
    assert_true(client_is_closed_next(&host));
    client_close(&client);
    client_close(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect_is_off_until_it_is_asked_for),
        cmocka_unit_test(test_bytes_go_both_ways_until_the_host_ends),
        cmocka_unit_test(test_host_that_ends_closes_the_tunnel_behind_its_bytes),
        cmocka_unit_test(test_a_break_at_one_end_is_one_at_the_other),
        cmocka_unit_test(test_refusals_tell_the_guard_from_the_network),
        cmocka_unit_test(test_a_tunnel_does_not_lead_back_to_the_proxy),
        cmocka_unit_test(test_host_that_does_not_answer_is_504),
        cmocka_unit_test(test_tunnels_are_limited),
        cmocka_unit_test(test_idle_tunnels_are_closed),
        cmocka_unit_test(test_long_bodies_wait_for_their_readers),
        cmocka_unit_test(test_stop_cuts_tunnels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
