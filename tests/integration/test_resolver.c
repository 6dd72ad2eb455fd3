/* SPDX-License-Identifier: MIT */
/*
 * test_resolver.c - names that a nameserver answers, now so and now otherwise: rules F and G of
 * docs/internals/egress.md.
 */
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "nameserver.h"
#include "net.h"
#include "origin.h"

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

struct world {
    struct origin *origin;
    struct nameserver *nameserver;
    struct net *net;
};

/* Only this address may be reached. */
static const struct guard_network just_one = {
    .family = AF_INET, .prefix_bits = 32, .address = {127, 0, 0, 1}};

static void world_start(struct world *world, uint32_t resolve_timeout_ms)
{
    struct fetch_settings settings;

    nameserver_start(&world->nameserver);
    origin_start(&world->origin);
    net_settings(&settings);
    settings.guard.allowed = &just_one;
    settings.resolv_conf_path = nameserver_resolv_conf(world->nameserver);
    settings.hosts_path = NULL;
    settings.resolve_timeout_ms = resolve_timeout_ms;
    settings.retries_max = 0;
    settings.negative_lifetime_ms = 0;
    net_start(&settings, &world->net);
}

static void world_stop(struct world *world)
{
    net_stop(world->net);
    origin_stop(world->origin);
    nameserver_stop(world->nameserver);
}

static int status_of(struct world *world, const char *name, const char *path)
{
    char url[256];
    struct net_ask *ask;
    int status;

    snprintf(url, sizeof url, "http://%s:%u%s", name, origin_port(world->origin), path);
    ask = net_get(world->net, url);
    status = net_status(ask);
    if (status == 200)
        assert_string_equal(net_text(ask), "hello");
    net_free(ask);
    return status;
}

static void test_names_are_looked_up(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, 5000);
    origin_on(world.origin, "/", ORIGIN_SEND(OK_HELLO));
    nameserver_on(world.nameserver, "www.example.org", "127.0.0.1");
    assert_int_equal(status_of(&world, "www.example.org", "/"), 200);
    assert_int_equal(status_of(&world, "WWW.Example.ORG", "/"), 200); /* a hit */
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    assert_int_equal(nameserver_queries(world.nameserver, "www.example.org"), 2); /* A, AAAA */
    world_stop(&world);
}

/* Rule F.9: whatever the order and the family, one refused address refuses the name. */
static void test_one_refused_address_refuses_the_name(void **state)
{
    static const char *const answers[] = {
        "10.0.0.1", "127.0.0.1 10.0.0.1",         "10.0.0.1 127.0.0.1",        "127.0.0.1 fd00::1",
        "::1",      "127.0.0.1 ::ffff:127.0.0.1", "127.0.0.1 169.254.169.254",
    };
    struct world world;

    (void)state;
    world_start(&world, 5000);
    origin_on(world.origin, "/", ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++) {
        nameserver_on(world.nameserver, "www.example.org", answers[i]);
        if (status_of(&world, "www.example.org", "/") != 403)
            fail_msg("%s was not refused", answers[i]);
    }
    assert_int_equal(origin_connections(world.origin), 0);
    world_stop(&world);
}

/*
 * Rule F.10: an answer that was good yesterday is of no use today. The name is looked up for each
 * fetch, its new address is refused, and the kept connection to the old one is not used.
 */
static void test_name_that_moves_inside_is_refused(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, 5000);
    origin_on(world.origin, "/1", ORIGIN_SEND(OK_HELLO));
    origin_on(world.origin, "/2", ORIGIN_SEND(OK_HELLO));
    nameserver_on(world.nameserver, "www.example.org", "127.0.0.1");
    assert_int_equal(status_of(&world, "www.example.org", "/1"), 200);
    nameserver_on(world.nameserver, "www.example.org", "127.0.0.2");
    assert_int_equal(status_of(&world, "www.example.org", "/2"), 403);
    assert_int_equal(origin_hits(world.origin, "/2"), 0);
    world_stop(&world);
}

/* Rule H: the second hop is looked up and judged like the first. */
static void test_redirect_to_a_name_that_is_inside(void **state)
{
    struct world world;
    char redirect[256];

    (void)state;
    world_start(&world, 5000);
    nameserver_on(world.nameserver, "www.example.org", "127.0.0.1");
    nameserver_on(world.nameserver, "inside.example.org", "10.1.2.3");
    snprintf(redirect, sizeof redirect,
             "HTTP/1.1 301 Moved\r\nLocation: http://inside.example.org:%u/\r\n"
             "Content-Length: 0\r\n\r\n",
             origin_port(world.origin));
    origin_on(world.origin, "/", ORIGIN_SEND(redirect));
    assert_int_equal(status_of(&world, "www.example.org", "/"), 403);
    world_stop(&world);
}

static void test_names_that_are_not_there(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, 5000);
    nameserver_on(world.nameserver, "empty.example.org", "");
    assert_int_equal(status_of(&world, "nowhere.example.org", "/"), 502);
    assert_int_equal(status_of(&world, "empty.example.org", "/"), 502);
    world_stop(&world);
}

/* A nameserver that does not answer costs the lookup's deadline and no more. */
static void test_silence_ends_at_the_deadline(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, 200);
    nameserver_on(world.nameserver, "slow.example.org", NULL);
    assert_int_equal(status_of(&world, "slow.example.org", "/"), 502);
    world_stop(&world);
}

/* Who asked leaves while the lookup is under way; nothing calls back, and the stop is clean. */
static void test_leaving_during_the_lookup(void **state)
{
    struct world world;
    struct net_ask *ask;

    (void)state;
    world_start(&world, 5000);
    nameserver_on(world.nameserver, "slow.example.org", NULL);
    ask = net_ask(world.net, 0, "http://slow.example.org/", 0);
    net_wait_counter(world.net, upstream_requests, 1);
    net_leave(ask);
    net_wait_counter(world.net, flights_live, 0);
    net_free(ask);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_looked_up),
        cmocka_unit_test(test_one_refused_address_refuses_the_name),
        cmocka_unit_test(test_name_that_moves_inside_is_refused),
        cmocka_unit_test(test_redirect_to_a_name_that_is_inside),
        cmocka_unit_test(test_names_that_are_not_there),
        cmocka_unit_test(test_silence_ends_at_the_deadline),
        cmocka_unit_test(test_leaving_during_the_lookup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
