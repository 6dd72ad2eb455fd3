/* SPDX-License-Identifier: MIT */
/*
 * test_fetch.c - what /fetch answers to one client: hits, conditions, select, refusals, long
 * bodies.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "world.h"

/* Once stored: Age, Cache-Status, and the origin is not asked; two spellings are one (case 37). */
static void test_stored_answers_are_hits(void **state)
{
    struct world world;
    struct client_reply reply;
    const char *cache_status;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/a~b",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: max-age=100\r\n"
                          "Age: 40\r\nContent-Type: text/plain\r\n"
                          "Content-Length: 2\r\n\r\nok"));
    world_get(&world, "/a~b", "", "", &reply);
    assert_field_begins(&reply, "Cache-Status", "fetchonce; fwd=uri-miss; stored; ttl=");
    client_reply_fini(&reply);
    world_get(&world, "/x/../a%257eb%23top", "", "", &reply); /* decoded once: a%7eb#top */
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "ok");
    assert_field(&reply, "Content-Type", "text/plain");
    assert_field(&reply, "Content-Length", "2");
    cache_status = client_reply_field(&reply, "Cache-Status");
    assert_non_null(strstr(cache_status, "fetchonce; hit; ttl="));
    assert_in_range(strtol(strstr(cache_status, "ttl=") + 4, NULL, 10), 50, 60);
    assert_in_range(strtol(client_reply_field(&reply, "Age"), NULL, 10), 40, 50);
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/a~b"), 1);
    world_stop(&world);
}

/* RFC 9111 section 3.1: what comes behind a body is no header, and decides nothing. */
static void test_trailers_are_not_merged_into_the_header(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: max-age=100\r\n"
                          "Transfer-Encoding: chunked\r\nTrailer: X-Late\r\n\r\n"
                          "2\r\nok\r\n0\r\nX-Late: 1\r\nCache-Control: no-store\r\n\r\n"));
    for (unsigned i = 0; i < 2; i++) {
        world_get(&world, "/", "", "", &reply);
        assert_string_equal(reply.body, "ok");
        assert_field(&reply, "Cache-Control", "max-age=100");
        assert_null(client_reply_field(&reply, "X-Late"));
        client_reply_fini(&reply);
    }
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    world_stop(&world);
}

/* RFC 9111 section 5.4: in requests, where Cache-Control says nothing; never in answers. */
static void test_pragma_counts_without_cache_control_only(void **state)
{
    static const struct {
        const char *request;
        unsigned hits; /* at the origin, from the first on */
    } cases[] = {
        {"", 1},
        {"", 1},
        {"Pragma: other\r\n", 1},
        {"Pragma: no-cache\r\nCache-Control: max-age=60\r\n", 1},
        {"pragma: No-Cache\r\n", 2},
        {"", 2},
    };
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: max-age=100\r\nPragma: no-cache\r\n"
                          "Content-Length: 2\r\n\r\nok"));
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        world_get(&world, "/", "", cases[i].request, &reply);
        assert_string_equal(reply.body, "ok");
        client_reply_fini(&reply);
        assert_int_equal(origin_hits(world.origin, "/"), cases[i].hits);
    }
    world_stop(&world);
}

/* Rule I.16. */
static void test_fields_that_would_act_in_our_name_are_dropped(void **state)
{
    static const char *const dropped[] = {
        "Set-Cookie", "Clear-Site-Data",        "Strict-Transport-Security",
        "Alt-Svc",    "Service-Worker-Allowed", "Keep-Alive",
        "X-Hop"};
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\n"
                          "Clear-Site-Data: \"*\"\r\nStrict-Transport-Security: max-age=1\r\n"
                          "Alt-Svc: h2=\":443\"\r\nService-Worker-Allowed: /\r\n"
                          "Connection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\n"
                          "X-Kept: yes\r\n\r\nok"));
    world_get(&world, "/", "", "", &reply);
    assert_int_equal(reply.status, 200);
    for (unsigned i = 0; i < sizeof dropped / sizeof *dropped; i++)
        assert_null(client_reply_field(&reply, dropped[i]));
    assert_field(&reply, "X-Kept", "yes");
    assert_field(&reply, "X-Content-Type-Options", "nosniff");
    assert_field(&reply, "Content-Security-Policy", "sandbox");
    client_reply_fini(&reply);
    world_stop(&world);
}

static void test_conditions_are_answered_from_the_store(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(
        world.origin, "/",
        ORIGIN_SEND("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\n"
                    "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: max-age=60\r\n"
                    "Content-Length: 5\r\n\r\nhello"));
    world_get(&world, "/", "", "If-None-Match: \"v1\"\r\n", &reply); /* this request leads */
    assert_int_equal(reply.status, 304);
    assert_int_equal(reply.body_bytes, 0);
    client_reply_fini(&reply);
    world_get(&world, "/", "", "If-None-Match: \"v0\", W/\"v1\"\r\n", &reply);
    assert_int_equal(reply.status, 304);
    assert_field(&reply, "ETag", "\"v1\"");
    client_reply_fini(&reply);
    world_get(&world, "/", "", "If-Modified-Since: Mon, 07 Nov 1994 00:00:00 GMT\r\n", &reply);
    assert_int_equal(reply.status, 304);
    client_reply_fini(&reply);
    world_get(&world, "/", "", "If-Modified-Since: Sat, 05 Nov 1994 00:00:00 GMT\r\n", &reply);
    assert_int_equal(reply.status, 200);
    client_reply_fini(&reply);
    world_get(&world, "/", "", "If-None-Match: \"v2\"\r\n", &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "hello");
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    world_stop(&world);
}

/* All selections of a URL, and the whole, are one fetch. */
static void test_select_answers_one_value(void **state)
{
    static const struct {
        const char *select, *body;
        int status;
    } values[] = {
        {"/title", "\"Once\"\n", 200}, {"/list/1", "20\n", 200},    {"/missing", NULL, 404},
        {"/list/9", NULL, 404},        {"/list", "[10,20]\n", 200},
    };
    struct world world;
    struct client clients[5];
    struct client_reply reply;
    char parameters[64];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/json", ORIGIN_GATE,
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
                          "{\"title\": \"Once\","),
              ORIGIN_GATE, ORIGIN_SEND(" \"list\": [10, 20]}"), ORIGIN_CLOSE);
    for (unsigned i = 0; i < 5; i++) {
        snprintf(parameters, sizeof parameters, "&select=%s", values[i].select);
        world_ask(&world, &clients[i], "GET", "/json", parameters, "");
    }
    world_wait_waiting(&world, 5);
    origin_release(world.origin, "/json");
    world_wait_waiting(&world, 0); /* the head is there, half of the body is not */
    origin_release(world.origin, "/json");
    for (unsigned i = 0; i < 5; i++) {
        client_read_reply(&clients[i], false, &reply);
        assert_int_equal(reply.status, values[i].status);
        if (values[i].body != NULL) {
            assert_string_equal(reply.body, values[i].body);
            assert_field(&reply, "Content-Type", "application/json");
        } else {
            assert_field(&reply, "Content-Type", "application/problem+json");
        }
        client_reply_fini(&reply);
        client_close(&clients[i]);
    }
    world_get(&world, "/json", "&select=/list/0", "", &reply);
    assert_string_equal(reply.body, "10\n");
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/json"), 1);

    origin_on(world.origin, "/html", ORIGIN_SEND(OK_HELLO));
    world_get(&world, "/html", "&select=/a", "", &reply);
    assert_int_equal(reply.status, 502);
    client_reply_fini(&reply);
    world_stop(&world);
}

static void test_wrong_requests_are_400(void **state)
{
    static const char *const targets[] = {
        "/fetch",
        "/fetch?url=",
        "/fetch?url=ftp://127.0.0.1/",
        "/fetch?url=http://a:b@127.0.0.1/",
        "/fetch?url=http://0x7f.1/",
        "/fetch?url=http://127.0.0.1/&url=http://127.0.0.1/",
        "/fetch?url=http://127.0.0.1/?a=1&b=2",
        "/fetch?url=http://127.0.0.1/%0d%0aX:%20y",
        "/fetch?url=http://127.0.0.1/&select=title",
    };
    struct world world;

    (void)state;
    world_start(&world, NULL);
    for (unsigned i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct client_reply reply;
        client_get(world.address, targets[i], &reply);
        if (reply.status != 400)
            fail_msg("%s: %d", targets[i], reply.status);
        assert_field(&reply, "Content-Type", "application/problem+json");
        client_reply_fini(&reply);
    }
    assert_int_equal(world_counters(&world).upstream_requests, 0);
    world_stop(&world);
}

/* Refused by address, by name, by being this server, by a redirect: the same words. */
static void test_refusals_read_alike(void **state)
{
    struct world world;
    struct client_reply reply, first;
    char targets[4][128], redirect[256];

    (void)state;
    world_start(&world, NULL);
    snprintf(targets[0], sizeof targets[0], "/fetch?url=http://10.0.0.1/");
    snprintf(targets[1], sizeof targets[1], "/fetch?url=http://localhost/");
    snprintf(targets[2], sizeof targets[2], "/fetch?url=http://127.0.0.1:%u/fetch",
             ntohs(((const struct sockaddr_in *)world.address)->sin_port));
    snprintf(targets[3], sizeof targets[3], "/fetch?url=http://127.0.0.1:%u/",
             origin_port(world.origin));
    snprintf(redirect, sizeof redirect,
             "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n"
             "Content-Length: 0\r\n\r\n");
    origin_on(world.origin, "/", ORIGIN_SEND(redirect));
    client_get(world.address, targets[0], &first);
    for (unsigned i = 0; i < 4; i++) {
        client_get(world.address, targets[i], &reply);
        assert_int_equal(reply.status, 403);
        assert_string_equal(reply.body, first.body);
        client_reply_fini(&reply);
    }
    client_reply_fini(&first);
    world_stop(&world);
}

static void test_a_request_that_came_through_here_is_508(void **state)
{
    static const char *const loops[] = {
        "CDN-Loop: other, fetchonce\r\n",
        "CDN-Loop: other\r\nCDN-Loop: FetchOnce; a=b\r\n",
        "Via: 1.0 other, 1.1 fetchonce (a comment)\r\n",
    };
    static const char not_us[] = "CDN-Loop: fetchonce2; by=fetchonce\r\nVia: 1.1 my-fetchonce\r\n";
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < sizeof loops / sizeof *loops; i++) {
        world_get(&world, "/", "", loops[i], &reply);
        assert_int_equal(reply.status, 508);
        client_reply_fini(&reply);
    }
    assert_int_equal(origin_hits(world.origin, "/"), 0);
    world_get(&world, "/", "", not_us, &reply);
    assert_int_equal(reply.status, 200);
    client_reply_fini(&reply);
    world_stop(&world);
}

/* Several megabytes, to a client with a small buffer: stored and not stored, whole both times. */
static void test_long_bodies_are_whole(void **state)
{
    static const char *const heads[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\nCache-Control: no-store\r\n\r\n",
    };

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct world world;
        world_start(&world, NULL);
        origin_on(world.origin, "/", ORIGIN_SEND(heads[i]), ORIGIN_REPEAT("0123456789", 800000));
        for (unsigned round = 0; round < 2; round++) {
            struct client client;
            struct client_reply reply;
            client_open_small(&client, world.address, 256 * 1024);
            client_send_format(&client,
                               "GET /fetch?url=http://127.0.0.1:%u/ HTTP/1.1\r\nHost: t\r\n\r\n",
                               origin_port(world.origin));
            client_read_reply(&client, false, &reply);
            assert_true(reply.is_whole);
            assert_int_equal(reply.body_bytes, 8000000);
            for (unsigned at = 0; at < 8000000; at++)
                if (reply.body[at] != (char)('0' + at % 10))
                    fail_msg("byte %u is wrong", at);
            client_reply_fini(&reply);
            client_close(&client);
        }
        assert_int_equal(origin_hits(world.origin, "/"), i + 1);
        world_stop(&world);
    }
}

/* The rest of what select cannot use is not waited for: the origin keeps it back for ever. */
static void test_select_does_not_wait_for_what_it_refuses(void **state)
{
    static const char long_body[] =
        "HTTP/1.1 200 OK\r\n\r\n"
        "\"0123456789012345678901234567890123456789012345678901234567890123456789";
    static const char *const heads[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{",
        long_body,
        "HTTP/1.1 404 Not Found\r\nContent-Length: 20\r\n\r\n{",
    };
    struct fetch_settings settings;
    struct world world;

    (void)state;
    world_settings(&settings);
    settings.select_bytes_max = 64;
    world_start(&world, &settings);
    for (unsigned i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct client_reply reply;
        char path[16];
        snprintf(path, sizeof path, "/%u", i);
        origin_on(world.origin, path, ORIGIN_SEND(heads[i]), ORIGIN_GATE);
        world_get(&world, path, "&select=/a", "", &reply);
        assert_int_equal(reply.status, 502);
        client_reply_fini(&reply);
        origin_release(world.origin, path);
    }
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stored_answers_are_hits),
        cmocka_unit_test(test_trailers_are_not_merged_into_the_header),
        cmocka_unit_test(test_pragma_counts_without_cache_control_only),
        cmocka_unit_test(test_fields_that_would_act_in_our_name_are_dropped),
        cmocka_unit_test(test_conditions_are_answered_from_the_store),
        cmocka_unit_test(test_select_answers_one_value),
        cmocka_unit_test(test_select_does_not_wait_for_what_it_refuses),
        cmocka_unit_test(test_wrong_requests_are_400),
        cmocka_unit_test(test_refusals_read_alike),
        cmocka_unit_test(test_a_request_that_came_through_here_is_508),
        cmocka_unit_test(test_long_bodies_are_whole),
    };

    world_prepare();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
