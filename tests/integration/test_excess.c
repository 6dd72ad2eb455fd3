/* SPDX-License-Identifier: MIT */
/*
 * test_excess.c - case 25: bytes that an origin sends beyond its answer belong to no answer. What
 * they came with is not stored, and the connection they came over is not used again.
 */
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "net.h"
#include "origin.h"

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define OK_WORLD "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nworld"
#define OK_EVIL  "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

struct world {
    struct origin *origin;
    struct net *net;
    char url[256];
};

static void world_start(struct world *world)
{
    struct fetch_settings settings;

    net_settings(&settings);
    origin_start(&world->origin);
    net_start(&settings, &world->net);
    origin_on(world->origin, "/next", ORIGIN_SEND(OK_WORLD));
}

static void world_stop(struct world *world)
{
    net_stop(world->net);
    origin_stop(world->origin);
}

static const char *url_of(struct world *world, const char *path)
{
    return origin_url(world->origin, path, world->url, sizeof world->url);
}

/* Not a whole answer: a failure, or a body that broke. */
static void assert_refused(struct net_ask *ask)
{
    if (net_is_answered(ask))
        assert_true(net_body_status(ask) < 0);
    else
        assert_int_equal(net_status(ask), 502);
}

static void assert_next_is_right(struct world *world)
{
    struct net_ask *ask = net_get(world->net, url_of(world, "/next"));

    assert_true(net_is_answered(ask));
    assert_string_equal(net_text(ask), "world");
    net_free(ask);
}

/* In one segment, so that libcurl reads the excess with the end of the answer, or leaves it. */
static void case_25_excess_in_the_same_read_is_refused(void **state)
{
    static const char *const answers[] = {
        OK_HELLO OK_EVIL,
        OK_HELLO "\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" OK_EVIL,
        "HTTP/1.1 204 No Content\r\n\r\n" OK_EVIL,
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" OK_EVIL),
    };

    (void)state;
    for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct world world;
        struct net_ask *ask;
        unsigned connections;
        world_start(&world);
        origin_on(world.origin, "/", ORIGIN_SEND(answers[i]));
        ask = net_get(world.net, url_of(&world, "/"));
        assert_refused(ask);
        net_free(ask);
        assert_int_equal(net_counter(world.net, stored), 0);
        connections = origin_connections(world.origin);
        assert_next_is_right(&world);
        assert_int_equal(origin_connections(world.origin), connections + 1);
        world_stop(&world);
    }
}

/* libcurl reads a body of known length no further than its end: the excess stays in the socket. */
static void case_25_excess_that_was_not_read_is_refused(void **state)
{
    struct world world;
    struct net_ask *ask;

    (void)state;
    world_start(&world);
    origin_on(world.origin, "/", ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"),
              ORIGIN_GATE, ORIGIN_SEND("o" OK_EVIL));
    ask = net_ask(world.net, 0, url_of(&world, "/"), 0);
    net_wait_bytes(ask, 4);
    origin_release(world.origin, "/");
    net_wait(ask);
    assert_true(net_is_answered(ask)); /* it had bytes already: cut, not 502 */
    assert_true(net_body_status(ask) < 0);
    net_free(ask);
    assert_int_equal(net_counter(world.net, stored), 0);
    assert_next_is_right(&world);
    assert_int_equal(origin_connections(world.origin), 2);
    world_stop(&world);
}

/* Sent when the answer was long complete: it is not taken for the answer to the next request. */
static void case_25_excess_between_requests_is_no_answer(void **state)
{
    struct world world;
    struct net_ask *ask;

    (void)state;
    world_start(&world);
    origin_on(world.origin, "/", ORIGIN_SEND(OK_HELLO), ORIGIN_GATE, ORIGIN_SEND(OK_EVIL),
              ORIGIN_GATE);
    ask = net_get(world.net, url_of(&world, "/"));
    assert_string_equal(net_text(ask), "hello");
    assert_int_equal(net_body_status(ask), 0);
    net_free(ask);
    origin_release(world.origin, "/");
    origin_wait_gate(world.origin, "/", 2);
    assert_next_is_right(&world);
    assert_int_equal(origin_connections(world.origin), 2);
    assert_int_equal(origin_hits(world.origin, "/next"), 1);
    world_stop(&world);
}

/* Whole answers are not suspected, whatever the origin does with its connection after them. */
static void case_25_whole_answers_are_not_suspected(void **state)
{
    static const char *const answers[] = {
        OK_HELLO,
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
    };

    (void)state;
    for (unsigned i = 0; i < 2 * sizeof answers / sizeof *answers; i++) {
        struct world world;
        struct net_ask *ask;
        world_start(&world);
        if (i % 2 == 0)
            origin_on(world.origin, "/", ORIGIN_SEND(answers[i / 2]), ORIGIN_CLOSE);
        else
            origin_on(world.origin, "/", ORIGIN_SEND(answers[i / 2]));
        ask = net_get(world.net, url_of(&world, "/"));
        assert_int_equal(net_status(ask), 200);
        assert_string_equal(net_text(ask), "hello");
        assert_int_equal(net_body_status(ask), 0);
        net_free(ask);
        assert_int_equal(net_counter(world.net, stored), 1);
        assert_next_is_right(&world);
        world_stop(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_25_excess_in_the_same_read_is_refused),
        cmocka_unit_test(case_25_excess_that_was_not_read_is_refused),
        cmocka_unit_test(case_25_excess_between_requests_is_no_answer),
        cmocka_unit_test(case_25_whole_answers_are_not_suspected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
