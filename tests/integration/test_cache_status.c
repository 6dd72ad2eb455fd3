/* SPDX-License-Identifier: MIT */
/*
 * test_cache_status.c - every answer of /fetch and of proxies says in Cache-Status what became of
 * its request, and in Server-Timing how long that waited for the fetch of another. Of what no cache
 * has a part in: test_account.c.
 */
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "world.h"

#define NO_WAIT   "wait;dur=0"
#define OWN_FETCH "wait;dur=0, origin;dur="

#define OK_TAGGED                                                                                  \
    "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Type: application/json\r\n"                        \
    "Content-Length: 7\r\n\r\n{\"a\":1}"

/* One request, and how its answer begins what it says. */
static void assert_says(struct world *world, const char *path, const char *parameters,
                        const char *fields, int status, const char *cache_status,
                        const char *timing)
{
    struct client_reply reply;

    world_get(world, path, parameters, fields, &reply);
    assert_int_equal(reply.status, status);
    assert_field_begins(&reply, "Cache-Status", cache_status);
    assert_field_begins(&reply, "Server-Timing", timing);
    client_reply_fini(&reply);
}

static void test_misses_and_hits(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/a", ORIGIN_SEND(OK_HELLO));
    origin_on(world.origin, "/private",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: private\r\n"
                          "Content-Length: 0\r\n\r\n"));
    assert_says(&world, "/a", "", "", 200, "fetchonce; fwd=uri-miss; stored; ttl=", OWN_FETCH);
    assert_says(&world, "/a", "", "", 200, "fetchonce; hit; ttl=", NO_WAIT);
    assert_says(&world, "/a", "", "Cache-Control: no-cache\r\n", 200,
                "fetchonce; fwd=request; stored; ttl=", OWN_FETCH);
    assert_says(&world, "/private", "", "", 200, "fetchonce; fwd=uri-miss", OWN_FETCH);
    world_stop(&world);
}

/* Stored for one language, asked for in another. */
static void test_vary_miss(void **state)
{
    static const char name[] = "X-Language";
    const char *const forwarded[] = {name};
    struct fetch_settings settings;
    struct world world;

    (void)state;
    world_settings(&settings);
    settings.forwarded = forwarded;
    settings.forwarded_count = 1;
    world_start(&world, &settings);
    origin_on(world.origin, "/",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nVary: X-Language\r\nContent-Length: 2\r\n\r\nok"));
    assert_says(&world, "/", "", "X-Language: de\r\n", 200, "fetchonce; fwd=uri-miss; stored",
                OWN_FETCH);
    assert_says(&world, "/", "", "X-Language: en\r\n", 200, "fetchonce; fwd=vary-miss; stored",
                OWN_FETCH);
    assert_says(&world, "/", "", "X-Language: de\r\n", 200, "fetchonce; hit; ttl=", NO_WAIT);
    assert_says(&world, "/", "", "X-Language: en\r\nCache-Control: no-cache\r\n", 200,
                "fetchonce; fwd=request; stored", OWN_FETCH);
    world_stop(&world);
}

/* The origin's status is told where ours is another. */
static void test_conditions_ranges_and_selections(void **state)
{
    struct world world;
    static const struct {
        const char *parameters, *fields, *cache_status;
        int status;
    } asked[] = {
        {"", "If-None-Match: \"v1\"\r\n", "fwd-status=200; ", 304},
        {"", "Range: bytes=1-2\r\n", "fwd-status=200; ", 206},
        {"", "Range: bytes=70-\r\n", "fwd-status=200; ", 416},
        {"&select=/a", "", "", 200},
        {"&select=/b", "", "fwd-status=200; ", 404},
    };

    (void)state;
    world_start(&world, NULL);
    for (unsigned i = 0; i < sizeof asked / sizeof *asked; i++) {
        char path[8], text[128];
        snprintf(path, sizeof path, "/%u", i);
        snprintf(text, sizeof text,
                 "fetchonce; fwd=uri-miss; %sstored; ttl=", asked[i].cache_status);
        origin_on(world.origin, path, ORIGIN_SEND(OK_TAGGED));
        assert_says(&world, path, asked[i].parameters, asked[i].fields, asked[i].status, text,
                    OWN_FETCH);
        assert_says(&world, path, asked[i].parameters, asked[i].fields, asked[i].status,
                    "fetchonce; hit; ttl=", NO_WAIT);
    }
    world_stop(&world);
}

/* What is stored has been confirmed: the answer is ours, the 304 was the origin's. */
static void test_confirmed_answer(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_SEND(OK_TAGGED));
    assert_says(&world, "/", "", "", 200, "fetchonce; fwd=uri-miss; stored; ttl=", OWN_FETCH);
    origin_on(world.origin, "/", ORIGIN_SEND("HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n"));
    assert_says(&world, "/", "", "Cache-Control: no-cache\r\n", 200,
                "fetchonce; fwd=request; fwd-status=304; stored; ttl=", OWN_FETCH);
    world_stop(&world);
}

/* What a proxy's client sends past the cache. */
static void test_requests_past_the_cache(void **state)
{
    static const struct {
        const char *method, *fields, *cache_status;
    } asked[] = {
        {"POST", "", "fetchonce; fwd=method"},
        {"GET", "Cache-Control: no-store\r\n", "fetchonce; fwd=bypass"},
        {"GET", "", "fetchonce; fwd=uri-miss"},
    };
    struct world world;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < sizeof asked / sizeof *asked; i++) {
        struct client client;
        struct client_reply reply;
        world_pass(&world, &client, asked[i].method, "/", asked[i].fields, "");
        client_read_reply(&client, false, &reply);
        assert_int_equal(reply.status, 200);
        assert_field(&reply, "Cache-Status", asked[i].cache_status);
        assert_field_begins(&reply, "Server-Timing", OWN_FETCH);
        client_reply_fini(&reply);
        client_close(&client);
    }
    world_stop(&world);
}

static void test_problems_with_an_answer(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/json", ORIGIN_SEND(OK_TAGGED));
    world_get(&world, "/json", "&select=/b", "", &reply);
    assert_non_null(strstr(client_reply_field(&reply, "Cache-Status"), "; detail=no-such-value"));
    assert_null(client_reply_field(&reply, "Age"));
    client_reply_fini(&reply);
    origin_on(world.origin, "/text", ORIGIN_SEND(OK_HELLO));
    world_get(&world, "/text", "&select=/b", "", &reply);
    assert_int_equal(reply.status, 502);
    assert_non_null(strstr(client_reply_field(&reply, "Cache-Status"), "; detail=not-json"));
    client_reply_fini(&reply);
    world_stop(&world);
}

static void test_head(void **state)
{
    struct world world;
    static const char *const expected[] = {"fetchonce; fwd=uri-miss; stored; ttl=",
                                           "fetchonce; hit; ttl="};
    static const char *const timings[] = {OWN_FETCH, NO_WAIT};

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < 2; i++) {
        struct client client;
        struct client_reply reply;
        world_ask(&world, &client, "HEAD", "/", "", "");
        client_read_reply(&client, true, &reply);
        assert_int_equal(reply.status, 200);
        assert_field_begins(&reply, "Cache-Status", expected[i]);
        assert_field_begins(&reply, "Server-Timing", timings[i]);
        client_reply_fini(&reply);
        client_close(&client);
        world_wait_flights(&world, 0);
    }
    world_stop(&world);
}

/* A crowd of two: who waited says how long; when it must go on alone, also its own fetch. */
static void test_waiting_for_another(void **state)
{
    struct world world;

    (void)state;
    for (unsigned is_private = 0; is_private < 2; is_private++) {
        struct client clients[2];
        struct client_reply reply;
        world_start(&world, NULL);
        origin_on(world.origin, "/", ORIGIN_GATE,
                  ORIGIN_SEND(is_private ? "HTTP/1.1 200 OK\r\nCache-Control: private\r\n"
                                           "Content-Length: 0\r\n\r\n"
                                         : OK_HELLO));
        for (unsigned i = 0; i < 2; i++) {
            world_ask(&world, &clients[i], "GET", "/", "", "");
            world_wait_waiting(&world, 1 + i);
        }
        origin_release(world.origin, "/");
        client_read_reply(&clients[0], false, &reply);
        assert_field_begins(&reply, "Server-Timing", OWN_FETCH);
        client_reply_fini(&reply);
        client_read_reply(&clients[1], false, &reply);
        assert_field_begins(&reply, "Cache-Status",
                            is_private ? "fetchonce; fwd=uri-miss"
                                       : "fetchonce; fwd=uri-miss; collapsed; ttl=");
        assert_field_begins(&reply, "Server-Timing", "wait;dur=");
        assert_true(strncmp(client_reply_field(&reply, "Server-Timing"), NO_WAIT ",", 11) != 0);
        assert_int_equal(strstr(client_reply_field(&reply, "Server-Timing"), ", origin;dur=") !=
                             NULL,
                         is_private);
        client_reply_fini(&reply);
        for (unsigned i = 0; i < 2; i++)
            client_close(&clients[i]);
        world_stop(&world);
    }
}

/* Answers of our own, nothing having been asked of any origin. */
static void test_refusals(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    assert_says(&world, "/", "&select=x", "", 400, "fetchonce; detail=bad-query", NO_WAIT);
    assert_says(&world, "/", "", "CDN-Loop: fetchonce\r\n", 508, "fetchonce; detail=loop", NO_WAIT);
    assert_says(&world, "/", "", "Cache-Control: only-if-cached\r\n", 504,
                "fetchonce; detail=only-if-cached", NO_WAIT);
    client_get(world.address, "/fetch?url=http://10.0.0.1/", &reply);
    assert_int_equal(reply.status, 403);
    assert_field(&reply, "Cache-Status", "fetchonce; fwd=uri-miss; detail=refused");
    assert_field_begins(&reply, "Server-Timing", OWN_FETCH);
    client_reply_fini(&reply);
    world_stop(&world);
}

/* The second of two failures within a second is remembered, not forwarded. */
static void test_failures(void **state)
{
    static const char *const expected[] = {"fetchonce; fwd=uri-miss; detail=unreachable",
                                           "fetchonce; detail=unreachable"};
    static const char *const timings[] = {OWN_FETCH, NO_WAIT};
    struct fetch_settings settings;
    struct world world;

    (void)state;
    world_settings(&settings);
    settings.negative_lifetime_ms = 60000;
    world_start(&world, &settings);
    for (unsigned i = 0; i < 2; i++) {
        struct client_reply reply;
        client_get(world.address, "/fetch?url=http://127.0.0.1:1/", &reply);
        assert_int_equal(reply.status, 502);
        assert_field(&reply, "Cache-Status", expected[i]);
        assert_field_begins(&reply, "Server-Timing", timings[i]);
        assert_non_null(client_reply_field(&reply, "Retry-After"));
        client_reply_fini(&reply);
    }
    origin_on(world.origin, "/broken", ORIGIN_SEND("garbage\r\n\r\n"), ORIGIN_CLOSE);
    assert_says(&world, "/broken", "", "", 502, "fetchonce; fwd=uri-miss; detail=not-http",
                OWN_FETCH);
    world_stop(&world);
}

/* Both wait for one fetch and lose patience. */
static void case_10_deadlines(void **state)
{
    struct fetch_settings settings;
    struct client clients[2];
    struct world world;

    (void)state;
    world_settings(&settings);
    settings.wait_timeout_ms = 100;
    world_start(&world, &settings);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < 2; i++) {
        world_ask(&world, &clients[i], "GET", "/", "", "");
        origin_wait_hits(world.origin, "/", 1);
    }
    for (unsigned i = 0; i < 2; i++) {
        struct client_reply reply;
        client_read_reply(&clients[i], false, &reply);
        assert_int_equal(reply.status, 504);
        assert_field(&reply, "Cache-Status",
                     i == 0 ? "fetchonce; fwd=uri-miss; detail=timeout"
                            : "fetchonce; fwd=uri-miss; collapsed; detail=timeout");
        assert_field_begins(&reply, "Server-Timing", i == 0 ? OWN_FETCH : "wait;dur=");
        client_reply_fini(&reply);
        client_close(&clients[i]);
    }
    world_stop(&world);
}

static void case_12_too_many(void **state)
{
    struct fetch_settings settings;
    struct client client;
    struct world world;

    (void)state;
    world_settings(&settings);
    settings.waiters_max = 1;
    world_start(&world, &settings);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    world_ask(&world, &client, "GET", "/", "", "");
    origin_wait_hits(world.origin, "/", 1);
    assert_says(&world, "/", "", "", 503, "fetchonce; detail=too-many-waiters", NO_WAIT);
    client_close(&client);
    world_stop(&world);
}

/* At the end of the drain: who leads and who waits are told the same, and each its own way. */
static void case_32_last_words_to_who_waits(void **state)
{
    struct client clients[3];
    struct world world;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < 2; i++) {
        world_ask(&world, &clients[i], "GET", "/", "", "");
        world_wait_waiting(&world, 1 + i);
    }
    world_pass(&world, &clients[2], "POST", "/", "Content-Length: 0\r\n", "");
    origin_wait_hits(world.origin, "/", 2);
    server_stop(world.server, 0);
    for (unsigned i = 0; i < 3; i++) {
        static const char *const expected[] = {
            "fetchonce; fwd=uri-miss; detail=stopping",
            "fetchonce; fwd=uri-miss; collapsed; detail=stopping",
            "fetchonce; fwd=method; detail=stopping"};
        struct client_reply reply;
        client_read_reply(&clients[i], false, &reply);
        assert_int_equal(reply.status, 503);
        assert_field(&reply, "Cache-Status", expected[i]);
        assert_field_begins(&reply, "Server-Timing", i == 1 ? "wait;dur=" : OWN_FETCH);
        assert_true(i != 1 || strcmp(client_reply_field(&reply, "Server-Timing"), NO_WAIT) != 0);
        assert_non_null(client_reply_field(&reply, "Retry-After"));
        client_reply_fini(&reply);
        client_close(&clients[i]);
    }
    world_stop(&world);
}

/* The request was on its way when the client's body turned out to be none. */
static void test_body_that_breaks_off(void **state)
{
    struct world world;
    struct client client;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    client_open(&client, world.address);
    client_send_text(&client, "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n"
                              "\r\n3\r\nbod\r\nno size\r\n");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 400);
    assert_field(&reply, "Cache-Status", "fetchonce; fwd=method; detail=request-body");
    assert_field_begins(&reply, "Server-Timing", OWN_FETCH);
    client_reply_fini(&reply);
    client_close(&client);
    world_wait_flights(&world, 0);
    world_stop(&world);
}

/* An origin's own field goes on, before ours, whatever it says: each cache on the way has its
 * member, that nearest to the client the last. Source: RFC 9211 section 2. */
static void test_members_of_caches_behind_stay(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Status: fetchonce; hit\r\n"
                          "Cache-Control: max-age=60\r\nContent-Length: 0\r\n\r\n"));
    for (unsigned i = 0; i < 2; i++) {
        struct client_reply reply;
        const char *theirs, *ours;
        world_get(&world, "/", "", "", &reply);
        theirs = strstr(reply.head, "Cache-Status: fetchonce; hit\r\n");
        ours = strstr(reply.head, i == 0 ? "Cache-Status: fetchonce; fwd=uri-miss; stored"
                                         : "Cache-Status: fetchonce; hit; ttl=");
        assert_non_null(theirs);
        assert_non_null(ours);
        assert_true(theirs < ours);
        client_reply_fini(&reply);
    }
    world_stop(&world);
}

/* For a proxy that has run out of hops. */
static void test_last_hop(void **state)
{
    struct world world;
    struct client client;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    world_pass(&world, &client, "OPTIONS", "/", "Max-Forwards: 0\r\n", "");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 204);
    assert_field(&reply, "Cache-Status", "fetchonce; detail=local");
    assert_field(&reply, "Server-Timing", NO_WAIT);
    client_reply_fini(&reply);
    client_close(&client);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_misses_and_hits),
        cmocka_unit_test(test_vary_miss),
        cmocka_unit_test(test_conditions_ranges_and_selections),
        cmocka_unit_test(test_confirmed_answer),
        cmocka_unit_test(test_requests_past_the_cache),
        cmocka_unit_test(test_problems_with_an_answer),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_waiting_for_another),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(case_10_deadlines),
        cmocka_unit_test(case_12_too_many),
        cmocka_unit_test(case_32_last_words_to_who_waits),
        cmocka_unit_test(test_body_that_breaks_off),
        cmocka_unit_test(test_members_of_caches_behind_stay),
        cmocka_unit_test(test_last_hop),
    };

    world_prepare();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
