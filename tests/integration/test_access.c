/* SPDX-License-Identifier: MIT */
/*
 * test_access.c - the counter: every answer once, whoever comes, waits and leaves.
 */
#include <pthread.h>
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

#define THREADS  6
#define REQUESTS 400

static struct fixture fixture;

static void expect_text(struct client *client, const char *body)
{
    struct client_reply reply;

    client_read_reply(client, false, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, body);
    client_reply_fini(&reply);
}

static void test_text_and_json_forms(void **state)
{
    struct client client;
    struct client_reply reply;

    (void)state;
    fixture_init(&fixture);
    fixture_start(&fixture);
    client_open(&client, fixture.address);
    client_send_text(&client, GET("/access"));
    client_read_reply(&client, false, &reply);
    assert_string_equal(reply.body, "Resource accessed 1 times.\n");
    assert_string_equal(client_reply_field(&reply, "Content-Type"), "text/plain");
    assert_string_equal(client_reply_field(&reply, "Vary"), "Accept");
    client_reply_fini(&reply);
    client_send_text(&client, "GET /access HTTP/1.1\r\n" HOST "Accept: application/json\r\n\r\n");
    client_read_reply(&client, false, &reply);
    assert_string_equal(reply.body, "{\"count\":2}\n");
    assert_string_equal(client_reply_field(&reply, "Content-Type"), "application/json");
    client_reply_fini(&reply);
    client_send_text(&client, "GET /access HTTP/1.1\r\n" HOST
                              "Accept: application/json;q=0.1, text/*\r\n\r\n");
    expect_text(&client, "Resource accessed 3 times.\n");
    client_send_text(&client, "HEAD /access HTTP/1.1\r\n" HOST "\r\n");
    client_read_reply(&client, true, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(client_reply_field(&reply, "Content-Length"), "27");
    client_reply_fini(&reply);
    client_send_text(&client, GET("/access?x=y"));
    expect_text(&client, "Resource accessed 5 times.\n");
    client_send_text(&client, "POST /access HTTP/1.1\r\n" HOST "\r\n");
    fixture_expect(&client, 405);
    client_close(&client);
    fixture_stop(&fixture);
}

struct caller {
    pthread_t thread;
    unsigned long counts[REQUESTS];
};

static void *call(void *context)
{
    struct caller *caller = context;
    struct client client;

    client_open(&client, fixture.address);
    for (int i = 0; i < REQUESTS; i++) {
        struct client_reply reply;
        client_send_text(&client, GET("/access"));
        client_read_reply(&client, false, &reply);
        if (reply.status != 200 ||
            sscanf(reply.body, "Resource accessed %lu times.", &caller->counts[i]) != 1)
            abort();
        client_reply_fini(&reply);
        if (i % 50 == 49) { /* a new connection, perhaps to the other loop */
            client_close(&client);
            client_open(&client, fixture.address);
        }
    }
    client_close(&client);
    return NULL;
}

/* Clients in threads, over two loops: the answers are a permutation of 1..N. */
static void case_38_concurrent_answers_are_a_permutation(void **state)
{
    static struct caller callers[THREADS];
    static bool seen[THREADS * REQUESTS + 1];

    (void)state;
    fixture_init(&fixture);
    fixture.settings.loops = 2;
    fixture_start(&fixture);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(callers[i].thread, NULL);
        for (int j = 0; j < REQUESTS; j++) {
            unsigned long count = callers[i].counts[j];
            assert_in_range(count, 1, THREADS * REQUESTS);
            assert_false(seen[count]);
            seen[count] = true;
        }
    }
    fixture_stop(&fixture);
}

/* A holds; B and C wait; B leaves: it has not counted, and C is next. On two loops, if the kernel
 * spreads them so. */
static void case_38_waiter_that_leaves_is_not_counted_and_blocks_nobody(void **state)
{
    struct client a;
    struct client b;
    struct client c;

    (void)state;
    fixture_init(&fixture);
    fixture.settings.loops = 2;
    fixture.access_hold_ms = 200;
    fixture_start(&fixture);
    client_open(&a, fixture.address);
    client_open(&b, fixture.address);
    client_open(&c, fixture.address);
    client_send_text(&a, GET("/access"));
    fixture_await_requests(&fixture, 1);
    client_send_text(&b, GET("/access"));
    fixture_await_requests(&fixture, 2);
    client_send_text(&c, GET("/access"));
    fixture_await_requests(&fixture, 3);
    client_close(&b);
    expect_text(&a, "Resource accessed 1 times.\n");
    expect_text(&c, "Resource accessed 2 times.\n");
    client_close(&a);
    client_close(&c);
    fixture_stop(&fixture);
}

static void case_38_holder_that_leaves_lets_the_next_one_in_uncounted(void **state)
{
    struct client a;
    struct client b;

    (void)state;
    fixture_init(&fixture);
    fixture.access_hold_ms = 300;
    fixture_start(&fixture);
    client_open(&a, fixture.address);
    client_open(&b, fixture.address);
    client_send_text(&a, GET("/access"));
    fixture_await_requests(&fixture, 1);
    client_send_text(&b, GET("/access"));
    fixture_await_requests(&fixture, 2);
    client_reset(&a);
    expect_text(&b, "Resource accessed 1 times.\n");
    client_close(&b);
    fixture_stop(&fixture);
}

/* The end of the requests comes while the lock is held, as with nc -N: the answer comes all the
 * same, and so do those to the requests behind it. */
static void test_half_closed_client_is_answered(void **state)
{
    struct client client;

    (void)state;
    fixture_init(&fixture);
    fixture.settings.timeouts.half_close_ms = 60000;
    fixture.access_hold_ms = 50;
    fixture_start(&fixture);
    client_open(&client, fixture.address);
    client_send_text(&client, GET("/access") GET("/access"));
    client_end(&client);
    expect_text(&client, "Resource accessed 1 times.\n");
    expect_text(&client, "Resource accessed 2 times.\n");
    assert_true(client_is_closed_next(&client));
    client_close(&client);
    fixture_stop(&fixture);
}

/* Those who wait are answered in the order in which they came. */
static void case_38_waiters_are_served_first_come_first_served(void **state)
{
    struct client clients[5];
    char body[64];

    (void)state;
    fixture_init(&fixture);
    fixture.settings.loops = 2;
    fixture.access_hold_ms = 60;
    fixture_start(&fixture);
    for (unsigned i = 0; i < 5; i++) {
        client_open(&clients[i], fixture.address);
        client_send_text(&clients[i], GET("/access"));
        fixture_await_requests(&fixture, i + 1);
    }
    for (unsigned i = 0; i < 5; i++) {
        snprintf(body, sizeof(body), "Resource accessed %u times.\n", i + 1);
        expect_text(&clients[i], body);
        client_close(&clients[i]);
    }
    fixture_stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_and_json_forms),
        cmocka_unit_test(case_38_concurrent_answers_are_a_permutation),
        cmocka_unit_test(case_38_waiter_that_leaves_is_not_counted_and_blocks_nobody),
        cmocka_unit_test(case_38_holder_that_leaves_lets_the_next_one_in_uncounted),
        cmocka_unit_test(test_half_closed_client_is_answered),
        cmocka_unit_test(case_38_waiters_are_served_first_come_first_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
