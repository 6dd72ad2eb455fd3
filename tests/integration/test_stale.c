/* SPDX-License-Identifier: MIT */
/*
 * test_stale.c - the whole server with an origin that confirms, fails and recovers: what clients
 * see, over /fetch and over a route. The numbers are those of docs/internals/flight.md.
 *
 * Nothing waits for an answer to get stale: what has a validator but no lifetime is so at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "world.h"

#define OLD(control)                                                                               \
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: \"v1\"\r\nCache-Control: max-age=0" control     \
    "\r\nLast-Modified: Mon, 02 Jan 2023 10:00:00 GMT\r\n\r\nold"
#define NEW                                                                                        \
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: \"v2\"\r\nCache-Control: max-age=60\r\n\r\nnew"
#define CONFIRMED "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nCache-Control: max-age=60\r\n\r\n"
#define ERROR     "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\noops"

/* Both ways to the same origin. */
enum way { BY_FETCH, BY_ROUTE, WAYS };

static void get(struct world *world, enum way way, const char *fields, struct client_reply *reply)
{
    struct client client;

    if (way == BY_FETCH) {
        world_get(world, "/", "", fields, reply);
        return;
    }
    world_pass(world, &client, "GET", "/", fields, "");
    client_read_reply(&client, false, reply);
    client_close(&client);
}

static void get_body(struct world *world, enum way way, const char *fields, int status,
                     const char *body)
{
    struct client_reply reply;

    get(world, way, fields, &reply);
    assert_int_equal(reply.status, status);
    if (body != NULL)
        assert_string_equal(reply.body, body);
    client_reply_fini(&reply);
}

/* The origin has answered once with `first`, and answers `next` from now on. */
static void world_with_stale(struct world *world, enum way way, const char *first, const char *next)
{
    world_start(world, NULL);
    origin_on(world->origin, "/", ORIGIN_SEND(first));
    get_body(world, way, "", 200, "old");
    if (next != NULL)
        origin_on(world->origin, "/", ORIGIN_SEND(next));
}

/* The origin confirms what is stored: one small answer, and then it is fresh. */
static void case_14_confirmed_by_the_origin(void **state)
{
    (void)state;
    for (enum way way = 0; way < WAYS; way++) {
        struct world world;
        struct client_reply reply;
        char request[4096];

        world_with_stale(&world, way, OLD(""), CONFIRMED);
        get(&world, way, "If-None-Match: \"client's\"\r\n", &reply);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body, "old");
        assert_field_begins(&reply, "Cache-Status", "fetchonce; fwd=stale; fwd-status=304; stored");
        assert_field(&reply, "Cache-Control", "max-age=60");
        client_reply_fini(&reply);
        origin_last_request(world.origin, "/", request, sizeof request);
        assert_non_null(strstr(request, "If-None-Match: \"v1\"\r\n"));
        assert_non_null(strstr(request, "If-Modified-Since: Mon, 02 Jan 2023 10:00:00 GMT\r\n"));
        assert_null(strstr(request, "client's"));
        get(&world, way, "", &reply);
        assert_string_equal(reply.body, "old");
        assert_field_begins(&reply, "Cache-Status", "fetchonce; hit; ttl=");
        client_reply_fini(&reply);
        assert_int_equal(origin_hits(world.origin, "/"), 2);
        world_stop(&world);
    }
}

static void case_14_replaced_by_the_origin(void **state)
{
    (void)state;
    for (enum way way = 0; way < WAYS; way++) {
        struct world world;

        world_with_stale(&world, way, OLD(""), NEW);
        get_body(&world, way, "", 200, "new");
        get_body(&world, way, "", 200, "new");
        assert_int_equal(origin_hits(world.origin, "/"), 2);
        world_stop(&world);
    }
}

/* The client's condition is about the answer that it would get, however we come by that. */
static void case_19_clients_condition_meets_the_result(void **state)
{
    static const struct {
        const char *fields;
        int status;
    } cases[] = {
        {"If-None-Match: \"v1\"\r\n", 304},
        {"If-None-Match: W/\"v1\", \"x\"\r\n", 304},
        {"If-None-Match: \"v2\"\r\n", 200},
        {"If-Modified-Since: Mon, 02 Jan 2023 10:00:00 GMT\r\n", 304},
        {"If-Modified-Since: Sun, 01 Jan 2023 10:00:00 GMT\r\n", 200},
        {"If-None-Match: \"v2\"\r\nIf-Modified-Since: Mon, 02 Jan 2023 10:00:00 GMT\r\n", 200},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (enum way way = 0; way < WAYS; way++) {
            struct world world;

            world_start(&world, NULL);
            origin_on(world.origin, "/", ORIGIN_SEND(OLD("")));
            get_body(&world, way, cases[i].fields, cases[i].status, NULL); /* fetched */
            origin_on(world.origin, "/", ORIGIN_SEND(CONFIRMED));
            get_body(&world, way, cases[i].fields, cases[i].status, NULL); /* confirmed */
            get_body(&world, way, cases[i].fields, cases[i].status, NULL); /* a hit */
            assert_int_equal(origin_hits(world.origin, "/"), 2);
            world_stop(&world);
        }
    }
}

/* It closes the connection without a word. Sources: RFC 9111 section 4.2.4. */
static void case_04_origin_closes_the_connection(void **state)
{
    static const struct {
        const char *first;
        int status;
    } cases[] = {
        {OLD(""), 200},
        {OLD(", must-revalidate"), 504},
        {OLD(", proxy-revalidate"), 504},
        {OLD(", s-maxage=0"), 504},
        {OLD(", no-cache"), 504},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (enum way way = 0; way < WAYS; way++) {
            struct world world;
            struct client_reply reply;

            world_with_stale(&world, way, cases[i].first, NULL);
            origin_on(world.origin, "/", ORIGIN_CLOSE);
            get(&world, way, "", &reply);
            assert_int_equal(reply.status, cases[i].status);
            if (cases[i].status == 200) {
                assert_string_equal(reply.body, "old");
                assert_field_begins(&reply, "Cache-Status", "fetchonce; fwd=stale; ttl=");
            }
            client_reply_fini(&reply);
            world_stop(&world);
        }
    }
}

/* A crowd of clients and an origin that is in trouble: one request, all get the stale copy. */
static void case_05_crowd_gets_the_stale_copy(void **state)
{
    struct world world;
    struct client clients[20];
    struct client_reply reply;

    (void)state;
    world_with_stale(&world, BY_FETCH, OLD(", stale-if-error=60"), NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(ERROR));
    for (unsigned i = 0; i < 20; i++)
        world_ask(&world, &clients[i], "GET", "/", "", "");
    world_wait_waiting(&world, 20);
    origin_release(world.origin, "/");
    for (unsigned i = 0; i < 20; i++) {
        client_read_reply(&clients[i], false, &reply);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body, "old");
        assert_field_begins(&reply, "Cache-Status", "fetchonce; fwd=stale; fwd-status=503; ");
        client_reply_fini(&reply);
        client_close(&clients[i]);
    }
    get(&world, BY_FETCH, "", &reply); /* soon after: without asking */
    assert_string_equal(reply.body, "old");
    assert_field_begins(&reply, "Cache-Status", "fetchonce; hit; ttl=");
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/"), 2);
    world_stop(&world);
}

/* Without leave to hide it, the error is the answer; and for how long it asks to be left alone, it
 * is. */
static void case_05_origin_is_left_alone(void **state)
{
    (void)state;
    for (enum way way = 0; way < WAYS; way++) {
        struct world world;
        struct client_reply reply;
        long seconds;

        world_with_stale(&world, way, OLD(""),
                         "HTTP/1.1 503 No\r\nRetry-After: 100\r\nContent-Length: 4\r\n\r\noops");
        get_body(&world, way, "", 503, "oops");
        get(&world, way, "", &reply);
        assert_int_equal(reply.status, 503);
        seconds = strtol(client_reply_field(&reply, "Retry-After"), NULL, 10);
        assert_in_range(seconds, 50, 100);
        client_reply_fini(&reply);
        assert_int_equal(origin_hits(world.origin, "/"), 2);
        world_stop(&world);
    }
}

/* The stale copy at once, and the new one for those who come after the fetch in the background. */
static void case_29_stale_while_it_is_refreshed(void **state)
{
    (void)state;
    for (enum way way = 0; way < WAYS; way++) {
        struct world world;
        struct client_reply reply;
        char request[4096];

        world_with_stale(&world, way, OLD(", stale-while-revalidate=60"), NULL);
        origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(NEW));
        for (unsigned i = 0; i < 5; i++) {
            get(&world, way, "", &reply);
            assert_string_equal(reply.body, "old");
            assert_field_begins(&reply, "Cache-Status", "fetchonce; hit; ttl=");
            client_reply_fini(&reply);
        }
        origin_wait_hits(world.origin, "/", 2);
        world_wait_flights(&world, 1);
        origin_release(world.origin, "/");
        world_wait_flights(&world, 0);
        get_body(&world, way, "", 200, "new");
        assert_int_equal(origin_hits(world.origin, "/"), 2);
        origin_last_request(world.origin, "/", request, sizeof request);
        assert_non_null(strstr(request, "If-None-Match: \"v1\"\r\n"));
        world_stop(&world);
    }
}

/* The fetch in the background sends the fields of the request that set it off. */
static void case_29_refresh_sends_the_clients_fields(void **state)
{
    struct world world;
    char request[4096];

    (void)state;
    world_with_stale(&world, BY_ROUTE, OLD(", stale-while-revalidate=60"), NEW);
    get_body(&world, BY_ROUTE, "X-Mine: yes\r\n", 200, "old");
    origin_wait_hits(world.origin, "/", 2);
    world_wait_flights(&world, 0);
    origin_last_request(world.origin, "/", request, sizeof request);
    assert_non_null(strstr(request, "X-Mine: yes\r\n"));
    world_stop(&world);
}

/* What requests want of what is stored. */
static void case_22_wishes_count(void **state)
{
    (void)state;
    for (enum way way = 0; way < WAYS; way++) {
        struct world world;

        world_with_stale(&world, way, OLD(""), CONFIRMED);
        get_body(&world, way, "Cache-Control: only-if-cached\r\n", 504, NULL);
        get_body(&world, way, "Cache-Control: only-if-cached, max-stale\r\n", 200, "old");
        get_body(&world, way, "Cache-Control: max-stale=100\r\n", 200, "old");
        assert_int_equal(origin_hits(world.origin, "/"), 1);
        get_body(&world, way, "", 200, "old");
        get_body(&world, way, "Cache-Control: min-fresh=50\r\n", 200, "old");
        assert_int_equal(origin_hits(world.origin, "/"), 2);
        get_body(&world, way, "Cache-Control: min-fresh=70\r\n", 200, "old");
        get_body(&world, way, "Cache-Control: max-age=0\r\n", 200, "old");
        get_body(&world, way, "Pragma: no-cache\r\n", 200, "old");
        assert_int_equal(origin_hits(world.origin, "/"), 5);
        world_stop(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_14_confirmed_by_the_origin),
        cmocka_unit_test(case_14_replaced_by_the_origin),
        cmocka_unit_test(case_19_clients_condition_meets_the_result),
        cmocka_unit_test(case_04_origin_closes_the_connection),
        cmocka_unit_test(case_05_crowd_gets_the_stale_copy),
        cmocka_unit_test(case_05_origin_is_left_alone),
        cmocka_unit_test(case_29_stale_while_it_is_refreshed),
        cmocka_unit_test(case_29_refresh_sends_the_clients_fields),
        cmocka_unit_test(case_22_wishes_count),
    };

    world_prepare();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
