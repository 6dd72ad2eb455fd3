/* SPDX-License-Identifier: MIT */
/*
 * test_coalescing.c - the whole server between many clients and a scripted origin. Tests that begin
 * with a number are about that case of docs/internals/flight.md.
 */
#include <string.h>

#include "cmocka_all.h"
#include "world.h"

#define CLIENTS_MAX 1000

static void crowd(unsigned count)
{
    static struct client clients[CLIENTS_MAX];
    struct world world;
    struct client_reply reply;
    unsigned leaders = 0;

    world_start(&world, NULL);
    origin_on(world.origin, "/cold", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < count; i++)
        world_ask(&world, &clients[i], "GET", "/cold", "", "");
    world_wait_waiting(&world, count);
    origin_release(world.origin, "/cold");
    for (unsigned i = 0; i < count; i++) {
        client_read_reply(&clients[i], false, &reply);
        assert_int_equal(reply.status, 200);
        assert_true(reply.is_whole);
        assert_string_equal(reply.body, "hello");
        if (strstr(client_reply_field(&reply, "Cache-Status"), "; stored") != NULL)
            leaders++;
        else
            assert_field_begins(&reply, "Cache-Status", "fetchonce; fwd=uri-miss; collapsed; ttl=");
        client_reply_fini(&reply);
        client_close(&clients[i]);
    }
    assert_int_equal(leaders, 1);
    assert_int_equal(origin_hits(world.origin, "/cold"), 1);
    assert_int_equal(world_counters(&world).upstream_requests, 1);
    assert_int_equal(world_counters(&world).collapsed, count - 1);
    world_stop(&world);
}

static void test_fifty_clients_are_one_upstream_request(void **state)
{
    (void)state;
    crowd(50);
}

static void test_thousand_clients_are_one_upstream_request(void **state)
{
    (void)state;
    crowd(1000);
}

/* While the body streams, a newcomer gets it from the first byte; both get the rest. */
static void case_09_late_joiner_gets_the_first_byte(void **state)
{
    struct world world;
    struct client early, late;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst"),
              ORIGIN_GATE, ORIGIN_SEND("other"));
    world_ask(&world, &early, "GET", "/", "", "");
    assert_true(client_has_bytes(&early, CLIENT_GUARD_MS));
    world_ask(&world, &late, "GET", "/", "", "");
    assert_true(client_has_bytes(&late, CLIENT_GUARD_MS));
    origin_release(world.origin, "/");
    client_read_reply(&early, false, &reply);
    assert_string_equal(reply.body, "firstother");
    client_reply_fini(&reply);
    client_read_reply(&late, false, &reply);
    assert_string_equal(reply.body, "firstother");
    assert_field(&reply, "Content-Length", "10");
    assert_field_begins(&reply, "Cache-Status", "fetchonce; fwd=uri-miss; collapsed; ttl=");
    client_reply_fini(&reply);
    client_close(&early);
    client_close(&late);
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    world_stop(&world);
}

static void case_01_first_client_disconnects(void **state)
{
    struct world world;
    struct client first, others[9];
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    world_ask(&world, &first, "GET", "/", "", "");
    origin_wait_hits(world.origin, "/", 1);
    for (unsigned i = 0; i < 9; i++)
        world_ask(&world, &others[i], "GET", "/", "", "");
    world_wait_waiting(&world, 10);
    client_reset(&first);
    world_wait_waiting(&world, 9); /* case 11: noticed at once */
    origin_release(world.origin, "/");
    for (unsigned i = 0; i < 9; i++) {
        client_read_reply(&others[i], false, &reply);
        assert_string_equal(reply.body, "hello");
        client_reply_fini(&reply);
        client_close(&others[i]);
    }
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    world_stop(&world);
}

/* Others had asked just before: it is fetched to the end, and the next is a hit. */
static void case_02_everybody_disconnects(void **state)
{
    struct world world;
    struct client clients[3];
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < 3; i++)
        world_ask(&world, &clients[i], "GET", "/", "", "");
    world_wait_waiting(&world, 3);
    origin_wait_hits(world.origin, "/", 1);
    for (unsigned i = 0; i < 3; i++)
        client_reset(&clients[i]);
    world_wait_waiting(&world, 0);
    origin_release(world.origin, "/");
    world_wait_flights(&world, 0);
    assert_int_equal(world_counters(&world).stored, 1);
    world_get(&world, "/", "", "", &reply);
    assert_string_equal(reply.body, "hello");
    assert_field_begins(&reply, "Cache-Status", "fetchonce; hit");
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    assert_int_equal(world_counters(&world).flights_cancelled, 0);
    world_stop(&world);
}

/* The same, but the answer turns out to be for nobody: its endless body is not read. */
static void case_02_everybody_disconnects_from_what_is_private(void **state)
{
    struct world world;
    struct client clients[3];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE,
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: private\r\n"
                          "Content-Length: 1000000\r\n\r\nsome"));
    for (unsigned i = 0; i < 3; i++)
        world_ask(&world, &clients[i], "GET", "/", "", "");
    world_wait_waiting(&world, 3);
    origin_wait_hits(world.origin, "/", 1);
    for (unsigned i = 0; i < 3; i++)
        client_reset(&clients[i]);
    world_wait_waiting(&world, 0);
    origin_release(world.origin, "/");
    world_wait_flights(&world, 0);
    assert_int_equal(world_counters(&world).flights_cancelled, 1);
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    world_stop(&world);
}

static void case_02_only_client_disconnects(void **state)
{
    struct world world;
    struct client client;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    world_ask(&world, &client, "GET", "/", "", "");
    origin_wait_hits(world.origin, "/", 1);
    client_reset(&client);
    world_wait_flights(&world, 0);
    assert_int_equal(world_counters(&world).flights_cancelled, 1);
    world_stop(&world);
}

static void case_04_failure_is_shared(void **state)
{
    struct world world;
    struct client clients[10];
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_RESET);
    for (unsigned i = 0; i < 10; i++)
        world_ask(&world, &clients[i], "GET", "/", "", "");
    world_wait_waiting(&world, 10);
    origin_release(world.origin, "/");
    for (unsigned i = 0; i < 10; i++) {
        client_read_reply(&clients[i], false, &reply);
        assert_int_equal(reply.status, 502);
        assert_field(&reply, "Content-Type", "application/problem+json");
        assert_non_null(client_reply_field(&reply, "Retry-After"));
        client_reply_fini(&reply);
        client_close(&clients[i]);
    }
    assert_int_equal(origin_hits(world.origin, "/"), 2); /* the one retry */
    world_get(&world, "/", "", "", &reply);
    assert_int_equal(reply.status, 502);
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/"), 2);
    world_stop(&world);
}

/* In each framing: who has bytes sees the connection cut, never a clean end; nothing is stored. */
static void case_07_origin_dies_in_mid_body(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    };

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct world world;
        struct client client;
        struct client_reply reply;

        world_start(&world, NULL);
        origin_on(world.origin, "/", ORIGIN_SEND(answers[i]), ORIGIN_GATE, ORIGIN_CLOSE);
        world_ask(&world, &client, "GET", "/", "", "");
        assert_true(client_has_bytes(&client, CLIENT_GUARD_MS));
        origin_release(world.origin, "/");
        client_read_reply(&client, false, &reply);
        assert_int_equal(reply.status, 200);
        assert_false(reply.is_whole);
        client_reply_fini(&reply);
        client_close(&client);
        origin_on(world.origin, "/", ORIGIN_SEND(OK_HELLO));
        world_get(&world, "/", "", "", &reply);
        assert_string_equal(reply.body, "hello");
        client_reply_fini(&reply);
        assert_int_equal(origin_hits(world.origin, "/"), 2);
        world_stop(&world);
    }
}

static void case_08_origin_stalls(void **state)
{
    struct fetch_settings settings;
    struct world world;
    struct client client;
    struct client_reply reply;

    (void)state;
    world_settings(&settings);
    settings.stall_timeout_ms = 200;
    settings.head_timeout_ms = 200;
    world_start(&world, &settings);
    origin_on(world.origin, "/body",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"), ORIGIN_GATE);
    origin_on(world.origin, "/head", ORIGIN_GATE);
    world_ask(&world, &client, "GET", "/body", "", "");
    client_read_reply(&client, false, &reply);
    assert_false(reply.is_whole);
    client_reply_fini(&reply);
    client_close(&client);
    world_get(&world, "/head", "", "", &reply);
    assert_int_equal(reply.status, 504);
    assert_non_null(client_reply_field(&reply, "Retry-After"));
    client_reply_fini(&reply);
    world_stop(&world);
}

static void case_12_waiting_has_limits(void **state)
{
    struct fetch_settings settings;
    struct world world;
    struct client clients[2];
    struct client_reply reply;

    (void)state;
    world_settings(&settings);
    settings.waiters_per_key_max = 2;
    settings.wait_timeout_ms = 300;
    world_start(&world, &settings);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < 2; i++)
        world_ask(&world, &clients[i], "GET", "/", "", "");
    world_wait_waiting(&world, 2);
    world_get(&world, "/", "", "", &reply);
    assert_int_equal(reply.status, 503);
    assert_non_null(client_reply_field(&reply, "Retry-After"));
    client_reply_fini(&reply);
    for (unsigned i = 0; i < 2; i++) {
        client_read_reply(&clients[i], false, &reply);
        assert_int_equal(reply.status, 504);
        assert_non_null(client_reply_field(&reply, "Retry-After"));
        client_reply_fini(&reply);
        client_close(&clients[i]);
    }
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    world_stop(&world);
}

static void case_13_uncacheable_is_released_in_parallel(void **state)
{
    struct world world;
    struct client clients[20];
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(
        world.origin, "/", ORIGIN_GATE,
        ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 5\r\n\r\n"),
        ORIGIN_GATE, ORIGIN_SEND("hello"));
    for (unsigned i = 0; i < 20; i++)
        world_ask(&world, &clients[i], "GET", "/", "", "");
    world_wait_waiting(&world, 20);
    origin_wait_hits(world.origin, "/", 1);
    origin_release(world.origin, "/");
    origin_wait_hits(world.origin, "/", 20); /* none waits for another's body */
    origin_release(world.origin, "/");
    for (unsigned i = 0; i < 20; i++) {
        client_read_reply(&clients[i], false, &reply);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body, "hello");
        assert_field(&reply, "Cache-Status", "fetchonce; fwd=uri-miss");
        client_reply_fini(&reply);
        client_close(&clients[i]);
    }
    world_stop(&world);
}

/* What a client says about itself does not go upstream, so it cannot make answers differ. */
static void case_17_credentials_of_clients_are_not_sent(void **state)
{
    static const char *const secrets[] = {"Authorization", "Cookie", "X-Secret", "Referer"};
    struct world world;
    struct client_reply reply;
    char request[4096];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_SEND(OK_HELLO));
    world_get(&world, "/", "",
              "Authorization: Basic YTpi\r\nCookie: a=b\r\nX-Secret: 1\r\nReferer: http://x/\r\n",
              &reply);
    assert_int_equal(reply.status, 200);
    client_reply_fini(&reply);
    origin_last_request(world.origin, "/", request, sizeof request);
    for (unsigned i = 0; i < sizeof secrets / sizeof *secrets; i++)
        assert_null(strcasestr(request, secrets[i]));
    world_stop(&world);
}

/* HEAD joins the flight of a GET, leads one, and is answered from the store. */
static void case_20_head_is_answered_by_a_get(void **state)
{
    struct world world;
    struct client get_client, head_client;
    struct client_reply reply;
    char request[4096];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    world_ask(&world, &get_client, "GET", "/", "", "");
    world_ask(&world, &head_client, "HEAD", "/", "", "");
    world_wait_waiting(&world, 2);
    origin_release(world.origin, "/");
    client_read_reply(&head_client, true, &reply);
    assert_int_equal(reply.status, 200);
    assert_field(&reply, "Content-Length", "5");
    client_reply_fini(&reply);
    client_read_reply(&get_client, false, &reply);
    assert_string_equal(reply.body, "hello");
    client_reply_fini(&reply);
    client_close(&get_client);
    client_close(&head_client);
    assert_int_equal(origin_hits(world.origin, "/"), 1);

    origin_on(world.origin, "/first", ORIGIN_SEND(OK_HELLO));
    world_ask(&world, &head_client, "HEAD", "/first", "", "");
    client_read_reply(&head_client, true, &reply);
    assert_field(&reply, "Content-Length", "5");
    client_reply_fini(&reply);
    client_close(&head_client);
    origin_last_request(world.origin, "/first", request, sizeof request);
    assert_memory_equal(request, "GET ", 4);
    world_stop(&world);
}

static void case_22_wishes_of_the_request(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_SEND(OK_HELLO));
    world_get(&world, "/", "", "Cache-Control: only-if-cached\r\n", &reply);
    assert_int_equal(reply.status, 504);
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/"), 0);
    world_get(&world, "/", "", "", &reply);
    client_reply_fini(&reply);
    world_get(&world, "/", "", "Cache-Control: only-if-cached\r\n", &reply);
    assert_int_equal(reply.status, 200);
    client_reply_fini(&reply);
    world_get(&world, "/", "", "Cache-Control: no-cache\r\n", &reply);
    assert_int_equal(reply.status, 200);
    assert_field_begins(&reply, "Cache-Status", "fetchonce; fwd=request; stored; ttl=");
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/"), 2);
    world_stop(&world);
}

/* A sends to B and B to A, and both are asked for: nothing waits for ever. */
static void case_26_redirects_in_a_circle(void **state)
{
    struct world world;
    struct client a, b;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/a",
              ORIGIN_SEND("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"));
    origin_on(world.origin, "/b",
              ORIGIN_SEND("HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n"));
    world_ask(&world, &a, "GET", "/a", "", "");
    world_ask(&world, &b, "GET", "/b", "", "");
    client_read_reply(&a, false, &reply);
    assert_int_equal(reply.status, 502);
    client_reply_fini(&reply);
    client_read_reply(&b, false, &reply);
    assert_int_equal(reply.status, 502);
    client_reply_fini(&reply);
    client_close(&a);
    client_close(&b);
    world_stop(&world);
}

/* Stopped while requests wait: nobody hangs. */
static void case_32_stop_while_requests_wait(void **state)
{
    struct world world;
    struct client clients[4];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < 4; i++)
        world_ask(&world, &clients[i], "GET", "/", "", "");
    world_wait_waiting(&world, 4);
    world_stop(&world);
    for (unsigned i = 0; i < 4; i++)
        client_close(&clients[i]);
}

/* One of three readers takes nothing for a while: it alone is cut, once it wants to read on. */
static void case_03_slow_client_is_cut_alone(void **state)
{
    enum { PIECES = 6, PIECE_BYTES = 2000000, WHOLE_BYTES = PIECES * PIECE_BYTES + 10 };
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 12000010\r\n\r\n";
    struct fetch_settings settings;
    struct world world;
    struct client slow, clients[2];
    struct client_reply reply;

    (void)state;
    world_settings(&settings);
    settings.stored_lag_bytes_max = 3 * 1024 * 1024; /* a piece, and some more */
    world_start(&world, &settings);
#define PIECE ORIGIN_GATE, ORIGIN_REPEAT("0123456789", PIECE_BYTES / 10)
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(head), PIECE, PIECE, PIECE, PIECE, PIECE,
              PIECE, ORIGIN_GATE, ORIGIN_SEND("0123456789"));
#undef PIECE
    client_open_small(&slow, world.address, 64 * 1024);
    client_send_format(&slow, "GET /fetch?url=http://127.0.0.1:%u/ HTTP/1.1\r\nHost: t\r\n\r\n",
                       origin_port(world.origin));
    world_ask(&world, &clients[0], "GET", "/", "", "");
    world_wait_waiting(&world, 2);
    origin_release(world.origin, "/"); /* the head: they are answered, and nothing is there yet */
    world_wait_waiting(&world, 0);
    for (unsigned piece = 1; piece <= PIECES; piece++) {
        origin_release(world.origin, "/");
        client_wait_bytes(&clients[0], piece * PIECE_BYTES);
    }
    world_ask(&world, &clients[1], "GET", "/", "", ""); /* late, but not slow */
    client_wait_bytes(&clients[1], PIECES * PIECE_BYTES);
    assert_true(client_is_reset_next(&slow));
    origin_release(world.origin, "/");
    for (unsigned i = 0; i < 2; i++) {
        client_read_reply(&clients[i], false, &reply);
        assert_true(reply.is_whole);
        assert_int_equal(reply.body_bytes, WHOLE_BYTES);
        client_reply_fini(&reply);
        client_close(&clients[i]);
    }
    client_close(&slow);
    assert_int_equal(world_counters(&world).readers_cut, 1);
    assert_int_equal(world_counters(&world).stored, 1);
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fifty_clients_are_one_upstream_request),
        cmocka_unit_test(test_thousand_clients_are_one_upstream_request),
        cmocka_unit_test(case_09_late_joiner_gets_the_first_byte),
        cmocka_unit_test(case_01_first_client_disconnects),
        cmocka_unit_test(case_02_everybody_disconnects),
        cmocka_unit_test(case_02_everybody_disconnects_from_what_is_private),
        cmocka_unit_test(case_02_only_client_disconnects),
        cmocka_unit_test(case_04_failure_is_shared),
        cmocka_unit_test(case_07_origin_dies_in_mid_body),
        cmocka_unit_test(case_08_origin_stalls),
        cmocka_unit_test(case_12_waiting_has_limits),
        cmocka_unit_test(case_13_uncacheable_is_released_in_parallel),
        cmocka_unit_test(case_17_credentials_of_clients_are_not_sent),
        cmocka_unit_test(case_20_head_is_answered_by_a_get),
        cmocka_unit_test(case_22_wishes_of_the_request),
        cmocka_unit_test(case_26_redirects_in_a_circle),
        cmocka_unit_test(case_32_stop_while_requests_wait),
        cmocka_unit_test(case_03_slow_client_is_cut_alone),
    };

    world_prepare();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
