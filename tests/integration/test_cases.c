/* SPDX-License-Identifier: MIT */
/*
 * test_cases.c - cases of docs/COLLAPSING.md between many clients and a scripted origin, that are
 * not the subject of a file of their own.
 *
 * For case 31 the library of transfers is made to fail: this program is linked so that the server's
 * calls of curl_easy_init() come to a function of this file.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "cmocka_all.h"
#include "world.h"

#define CROWD 8

enum fault_state { FAULT_NONE, FAULT_PLANTED, FAULT_HELD, FAULT_RELEASED };

static pthread_mutex_t fault_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t fault_changed = PTHREAD_COND_INITIALIZER;
static enum fault_state fault; /* under the mutex: the loop that is made to fail sees it too */

CURL *__real_curl_easy_init(void);
CURL *__wrap_curl_easy_init(void);

static void fault_enter(enum fault_state next)
{
    pthread_mutex_lock(&fault_mutex);
    fault = next;
    pthread_cond_broadcast(&fault_changed);
    pthread_mutex_unlock(&fault_mutex);
}

static void fault_await(enum fault_state state)
{
    pthread_mutex_lock(&fault_mutex);
    while (fault != state)
        pthread_cond_wait(&fault_changed, &fault_mutex);
    pthread_mutex_unlock(&fault_mutex);
}

/* The first call after the fault was planted waits until the test lets it go, and fails. */
CURL *__wrap_curl_easy_init(void)
{
    bool is_planted;

    pthread_mutex_lock(&fault_mutex);
    is_planted = fault == FAULT_PLANTED;
    pthread_mutex_unlock(&fault_mutex);
    if (!is_planted)
        return __real_curl_easy_init();
    fault_enter(FAULT_HELD);
    fault_await(FAULT_RELEASED);
    return NULL;
}

static void expect_hello(struct client *client)
{
    struct client_reply reply;

    client_read_reply(client, false, &reply);
    assert_int_equal(reply.status, 200);
    assert_true(reply.is_whole);
    assert_string_equal(reply.body, "hello");
    client_reply_fini(&reply);
    client_close(client);
}

/* A refusal is the leader's; all others ask for themselves, at the same time. */
static void case_06_refusal_is_not_shared(void **state)
{
    struct world world;
    struct client clients[CROWD];
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE,
              ORIGIN_SEND("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"));
    for (unsigned i = 0; i < CROWD; i++)
        world_ask(&world, &clients[i], "GET", "/", "", "");
    world_wait_waiting(&world, CROWD);
    assert_int_equal(world_counters(&world).upstream_requests, 1);
    origin_release(world.origin, "/");
    for (unsigned i = 0; i < CROWD; i++) {
        client_read_reply(&clients[i], false, &reply);
        assert_int_equal(reply.status, 403);
        client_reply_fini(&reply);
        client_close(&clients[i]);
    }
    assert_int_equal(origin_hits(world.origin, "/"), CROWD);
    world_stop(&world);
}

static void case_11_waiting_clients_that_leave_are_gone_at_once(void **state)
{
    struct world world;
    struct client clients[CROWD];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < CROWD; i++)
        world_ask(&world, &clients[i], "GET", "/", "", "");
    world_wait_waiting(&world, CROWD);
    for (unsigned i = 0; i < CROWD; i += 2) {
        client_reset(&clients[i]);
        world_wait_waiting(&world, CROWD - 1 - i / 2); /* nothing else happens meanwhile */
    }
    origin_release(world.origin, "/");
    for (unsigned i = 1; i < CROWD; i += 2)
        expect_hello(&clients[i]);
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    world_stop(&world);
}

/* Who came before the purge gets the answer from before it, which is not kept. */
static void case_27_purge_during_a_fetch(void **state)
{
    struct world world;
    struct client before, after;
    struct client_reply reply;
    struct key key;
    char url[64];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    origin_url(world.origin, "/", url, sizeof url);
    world_ask(&world, &before, "GET", "/", "", "");
    origin_wait_hits(world.origin, "/", 1);
    store_key_init(world.store, &key, url, strlen(url));
    assert_true(fetcher_purge(world.fetcher, &key));
    world_ask(&world, &after, "GET", "/", "", "");
    origin_wait_hits(world.origin, "/", 2); /* it does not join, nor wait for the other */
    origin_release(world.origin, "/");
    client_read_reply(&before, false, &reply);
    assert_string_equal(reply.body, "hello");
    assert_field(&reply, "Cache-Status", "fetchonce; fwd=uri-miss");
    client_reply_fini(&reply);
    client_close(&before);
    client_read_reply(&after, false, &reply);
    assert_field_begins(&reply, "Cache-Status", "fetchonce; fwd=uri-miss; stored; ttl=");
    client_reply_fini(&reply);
    client_close(&after);
    world_get(&world, "/", "", "", &reply);
    assert_field_begins(&reply, "Cache-Status", "fetchonce; hit; ttl=");
    client_reply_fini(&reply);
    assert_int_equal(world_counters(&world).stored, 1);
    world_stop(&world);
}

/* Many come while an answer ends: whether they find the fetch or its result, none asks again. */
static void case_30_who_comes_at_the_end_finds_it_or_its_result(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, NULL);
    for (unsigned round = 0; round < 30; round++) {
        struct client clients[CROWD];
        char path[16];
        snprintf(path, sizeof path, "/%u", round);
        origin_on(world.origin, path, ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
        world_ask(&world, &clients[0], "GET", path, "", "");
        origin_wait_hits(world.origin, path, 1);
        origin_release(world.origin, path);
        for (unsigned i = 1; i < CROWD; i++)
            world_ask(&world, &clients[i], "GET", path, "", "");
        for (unsigned i = 0; i < CROWD; i++)
            expect_hello(&clients[i]);
        assert_int_equal(origin_hits(world.origin, path), 1);
    }
    assert_int_equal(world_counters(&world).upstream_requests, 30);
    world_stop(&world);
}

/*
 * The loop of who leads runs out of memory when it sets the transfer up; until then others join on
 * the other loop. One of all of them leads anew, and the rest joins that one.
 */
static void case_31_one_successor_when_the_leading_code_fails(void **state)
{
    struct world world;
    struct client clients[100];
    struct fetch_counters counters;
    unsigned count = 0;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    fault_enter(FAULT_PLANTED);
    world_ask(&world, &clients[count++], "GET", "/", "", "");
    fault_await(FAULT_HELD);
    /* The system chooses each client's loop; those of the loop that is held wait before it. */
    while (world_counters(&world).readers_waiting < CROWD) {
        if (count < sizeof clients / sizeof *clients)
            world_ask(&world, &clients[count++], "GET", "/", "", "");
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    fault_enter(FAULT_RELEASED);
    /* Those of the flight that failed wait, and then wait again. */
    while (world_counters(&world).restarts < CROWD)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    world_wait_waiting(&world, count);
    counters = world_counters(&world);
    assert_int_equal(counters.flights, 2);
    assert_int_equal(counters.flights_live, 1);
    origin_release(world.origin, "/");
    for (unsigned i = 0; i < count; i++)
        expect_hello(&clients[i]);
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    fault_enter(FAULT_NONE);
    world_stop(&world);
}

static void case_37_spellings_of_one_url_are_one_fetch(void **state)
{
    static const char *const spellings[] = {
        "http://127.0.0.1:%u/a/b%%257e", "HTTP://127.0.0.1:%u/a/b%%257E",
        "http://127.0.0.1:%u/x/../a/./b~", "http://127.0.0.1:%u/a/b~%%23part"};
    struct world world;
    struct client clients[4];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/a/b~", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < 4; i++) {
        char url[64];
        snprintf(url, sizeof url, spellings[i], origin_port(world.origin));
        client_open(&clients[i], world.address);
        client_send_format(&clients[i], "GET /fetch?url=%s HTTP/1.1\r\nHost: test\r\n\r\n", url);
    }
    world_wait_waiting(&world, 4);
    origin_release(world.origin, "/a/b~");
    for (unsigned i = 0; i < 4; i++)
        expect_hello(&clients[i]);
    assert_int_equal(world_counters(&world).upstream_requests, 1);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_06_refusal_is_not_shared),
        cmocka_unit_test(case_11_waiting_clients_that_leave_are_gone_at_once),
        cmocka_unit_test(case_27_purge_during_a_fetch),
        cmocka_unit_test(case_30_who_comes_at_the_end_finds_it_or_its_result),
        cmocka_unit_test(case_31_one_successor_when_the_leading_code_fails),
        cmocka_unit_test(case_37_spellings_of_one_url_are_one_fetch),
    };
    world_prepare();
    return cmocka_run_group_tests_name("cases", tests, NULL, NULL);
}
