/* SPDX-License-Identifier: MIT */
/*
 * test_kept.c - case 4 on connections that are kept: an origin that closes them when it is asked
 * again costs one request more, over a new connection, and not one for each that was kept. And what
 * else stays from call to call.
 */
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "net.h"
#include "origin.h"

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

enum { KEPT = 5 };

struct world {
    struct origin *origin;
    struct net *net;
    char url[256];
};

static const char *url_of(struct world *world, const char *path)
{
    return origin_url(world->origin, path, world->url, sizeof world->url);
}

/* Some fetches at the same time leave as many connections behind, all on one loop. */
static void world_start(struct world *world)
{
    static char paths[KEPT][16];
    struct fetch_settings settings;
    struct net_ask *asks[KEPT];

    net_settings(&settings);
    origin_start(&world->origin);
    net_start(&settings, &world->net);
    for (unsigned i = 0; i < KEPT; i++) {
        snprintf(paths[i], sizeof paths[i], "/warm%u", i);
        origin_on(world->origin, paths[i], ORIGIN_GATE,
                  ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwarm"));
        asks[i] = net_ask(world->net, 0, url_of(world, paths[i]), 0);
        origin_wait_hits(world->origin, paths[i], 1);
    }
    for (unsigned i = 0; i < KEPT; i++)
        origin_release(world->origin, paths[i]);
    for (unsigned i = 0; i < KEPT; i++) {
        net_wait(asks[i]);
        assert_int_equal(net_status(asks[i]), 200);
        net_free(asks[i]);
    }
    assert_int_equal(origin_connections(world->origin), KEPT);
}

static void world_stop(struct world *world)
{
    net_stop(world->net);
    origin_stop(world->origin);
}

/* The origin closes each connection on which it is asked: it is asked twice in all. */
static void case_04_kept_connections_are_not_tried_in_turn(void **state)
{
    struct world world;
    struct net_ask *ask;

    (void)state;
    world_start(&world);
    origin_on(world.origin, "/closes", ORIGIN_CLOSE);
    ask = net_get(world.net, url_of(&world, "/closes"));
    assert_false(net_is_answered(ask));
    assert_int_equal(net_status(ask), 502);
    assert_int_equal(origin_hits(world.origin, "/closes"), 2);
    net_free(ask);
    world_stop(&world);
}

/* The second request goes over a new connection, as what ended one kept connection may end all. */
static void case_04_retry_is_over_a_new_connection(void **state)
{
    struct world world;
    struct net_ask *ask;

    (void)state;
    world_start(&world);
    origin_on(world.origin, "/closes", ORIGIN_CLOSE);
    ask = net_get(world.net, url_of(&world, "/closes"));
    assert_int_equal(origin_connections(world.origin), KEPT + 1);
    net_free(ask);
    world_stop(&world);
}

/* What libcurl is told of one call does not stay for the next: neither its origin nor its path. */
static void test_calls_in_turn_go_to_their_own_origins(void **state)
{
    struct world world;
    struct origin *other;
    char url[256], request[4096], host[64];

    (void)state;
    world_start(&world);
    origin_start(&other);
    origin_on(world.origin, "/a?x=1", ORIGIN_SEND(OK_EMPTY));
    origin_on(world.origin, "/c", ORIGIN_SEND(OK_EMPTY));
    origin_on(other, "/b", ORIGIN_SEND(OK_EMPTY));
    net_free(net_get(world.net, url_of(&world, "/a?x=1")));
    net_free(net_get(world.net, origin_url(other, "/b", url, sizeof url)));
    net_free(net_get(world.net, url_of(&world, "/c")));
    assert_int_equal(origin_hits(world.origin, "/a?x=1"), 1);
    assert_int_equal(origin_hits(world.origin, "/c"), 1);
    assert_int_equal(origin_hits(other, "/b"), 1);
    assert_int_equal(origin_connections(world.origin), KEPT);
    assert_int_equal(origin_connections(other), 1);
    origin_last_request(other, "/b", request, sizeof request);
    snprintf(host, sizeof host, "Host: %.*s\r\n", (int)(strlen(url) - strlen("http:///b")),
             url + strlen("http://"));
    assert_non_null(strstr(request, host));
    origin_stop(other);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_04_kept_connections_are_not_tried_in_turn),
        cmocka_unit_test(case_04_retry_is_over_a_new_connection),
        cmocka_unit_test(test_calls_in_turn_go_to_their_own_origins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
