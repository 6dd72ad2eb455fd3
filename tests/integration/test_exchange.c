/* SPDX-License-Identifier: MIT */
/*
 * test_exchange.c - the routes of a server that runs are exchanged: what stays goes on, what is new
 * begins, what is gone ends, on each of several loops and while requests come.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client.h"
#include "reply.h"
#include "server.h"

#define LOOPS   4
#define CLIENTS 8
#define ROUNDS  100

/* One set of routes: /number answers which it is. */
struct set {
    unsigned number;
    atomic_uint begun, freed;
    atomic_uint released;
};

static atomic_uint kept_begun, kept_freed;

static void answer_number(struct request *request, void *context)
{
    static const struct reply_head head = {.status = 200};
    const unsigned *number = context;
    char text[16];
    int length = snprintf(text, sizeof(text), "%u", *number);

    reply_copy(request, &head, text, (size_t)length);
}

static void answer_kept(struct request *request, void *context)
{
    answer_number(request, context);
    ++*(unsigned *)context;
}

/* A copy for each loop, so that a context which is used after its end is seen by the sanitizer. */
static int begin_set(void *shared, struct async_loop *loop, unsigned loop_index, void **ret_context)
{
    struct set *set = shared;
    unsigned *number = malloc(sizeof(*number));

    (void)loop;
    (void)loop_index;
    assert_non_null(number);
    *number = set->number;
    atomic_fetch_add(&set->begun, 1);
    *ret_context = number;
    return 0;
}

static int begin_kept(void *shared, struct async_loop *loop, unsigned loop_index,
                      void **ret_context)
{
    unsigned *count = calloc(1, sizeof(*count));

    (void)shared;
    (void)loop;
    (void)loop_index;
    assert_non_null(count);
    atomic_fetch_add(&kept_begun, 1);
    *ret_context = count;
    return 0;
}

static void free_kept(void *context)
{
    atomic_fetch_add(&kept_freed, 1);
    free(context);
}

static void release_set(void *owner)
{
    struct set *set = owner;

    atomic_fetch_add(&set->released, 1);
}

static void make_routes(struct set *set, struct server_route routes[2])
{
    routes[0] = (struct server_route){.path = "/kept",
                                      .methods = REQUEST_GET,
                                      .start = answer_kept,
                                      .start_loop = begin_kept,
                                      .free_loop = free_kept};
    routes[1] = (struct server_route){.path = "/number",
                                      .methods = REQUEST_GET,
                                      .start = answer_number,
                                      .shared = set,
                                      .start_loop = begin_set,
                                      .free_loop = free,
                                      .is_replaceable = true};
}

static struct server *start(struct set *set)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)(void *)&address;
    struct server_route routes[2];
    struct server_settings settings;
    struct server *server;

    atomic_store(&kept_begun, 0);
    atomic_store(&kept_freed, 0);
    ipv4->sin_family = AF_INET;
    ipv4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    make_routes(set, routes);
    server_settings_init(&settings);
    settings.addresses = &address;
    settings.address_count = 1;
    settings.loops = LOOPS;
    settings.routes = routes;
    settings.route_count = 2;
    settings.release_routes = release_set;
    settings.routes_owner = set;
    assert_int_equal(server_start(&settings, &server), 0);
    return server;
}

static void stop(struct server *server)
{
    server_stop(server, 0);
    server_wait(server);
    server_free(server);
    assert_int_equal(atomic_load(&kept_begun), LOOPS);
    assert_int_equal(atomic_load(&kept_freed), LOOPS);
}

static unsigned ask(struct client *client, const char *path)
{
    struct client_reply reply;
    unsigned number;

    client_send_format(client, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    client_read_reply(client, false, &reply);
    assert_int_equal(reply.status, 200);
    number = (unsigned)strtoul(reply.body, NULL, 10);
    client_reply_fini(&reply);
    return number;
}

/* Each connection sees numbers that only grow, and its loop's route that stays, counting on. */
static void test_routes_are_exchanged_while_requests_come(void **state)
{
    static struct set sets[ROUNDS + 1];
    struct client clients[CLIENTS];
    unsigned seen[CLIENTS] = {0};
    struct server *server;

    (void)state;
    for (unsigned i = 0; i <= ROUNDS; i++)
        sets[i].number = i;
    server = start(&sets[0]);
    for (unsigned i = 0; i < CLIENTS; i++)
        client_open(&clients[i], server_address(server, 0));
    for (unsigned round = 1; round <= ROUNDS; round++) {
        struct server_route routes[2];
        make_routes(&sets[round], routes);
        assert_int_equal(server_set_routes(server, routes, 2, release_set, &sets[round]), 0);
        for (unsigned i = 0; i < CLIENTS; i++) {
            unsigned number = ask(&clients[i], "/number");
            assert_in_range(number, seen[i], round);
            seen[i] = number;
            ask(&clients[i], "/kept");
        }
    }
    /* Two rounds of a loop later, it has what was set last. */
    for (unsigned i = 0; i < CLIENTS; i++) {
        ask(&clients[i], "/kept");
        assert_int_equal(ask(&clients[i], "/number"), ROUNDS);
        client_close(&clients[i]);
    }
    stop(server);
    for (unsigned i = 0; i <= ROUNDS; i++) {
        assert_int_equal(atomic_load(&sets[i].released), 1);
        assert_in_range(atomic_load(&sets[i].begun), i == 0 || i == ROUNDS ? 1 : 0, LOOPS);
    }
}

/* One connection's loop: its own context of the route that stays goes on counting. */
static void test_what_stays_keeps_its_context(void **state)
{
    static struct set sets[2] = {{.number = 0}, {.number = 1}};
    struct server_route routes[2];
    struct client client;
    struct server *server = start(&sets[0]);

    (void)state;
    client_open(&client, server_address(server, 0));
    assert_int_equal(ask(&client, "/kept"), 0);
    assert_int_equal(ask(&client, "/number"), 0);
    make_routes(&sets[1], routes);
    assert_int_equal(server_set_routes(server, routes, 2, release_set, &sets[1]), 0);
    assert_int_equal(ask(&client, "/kept"), 1);
    assert_int_equal(ask(&client, "/kept"), 2);
    assert_int_equal(ask(&client, "/number"), 1);
    client_close(&client);
    stop(server);
    assert_int_equal(atomic_load(&sets[0].released), 1);
    assert_int_equal(atomic_load(&sets[1].released), 1);
}

static void test_what_cannot_be_changes_nothing(void **state)
{
    static struct set sets[2] = {{.number = 0}, {.number = 1}};
    struct server_route routes[2];
    struct client client;
    struct server *server = start(&sets[0]);

    (void)state;
    make_routes(&sets[1], routes);
    routes[1].path = "number";
    assert_int_equal(server_set_routes(server, routes, 2, release_set, &sets[1]), -EINVAL);
    routes[1].path = "/number";
    routes[1].access = SERVER_GUARDED; /* and there is no guard */
    assert_int_equal(server_set_routes(server, routes, 2, release_set, &sets[1]), -EINVAL);
    client_open(&client, server_address(server, 0));
    assert_int_equal(ask(&client, "/number"), 0);
    client_close(&client);
    stop(server);
    assert_int_equal(atomic_load(&sets[0].released), 1);
    assert_int_equal(atomic_load(&sets[1].released), 0);
}

/* A stop that comes at the same time: what was not taken over any more is released as well. */
static void test_a_stop_comes_between(void **state)
{
    static struct set sets[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    struct server *server = start(&sets[0]);

    (void)state;
    for (unsigned i = 1; i < 3; i++) {
        struct server_route routes[2];
        make_routes(&sets[i], routes);
        assert_int_equal(server_set_routes(server, routes, 2, release_set, &sets[i]), 0);
        server_stop(server, 0);
    }
    server_wait(server);
    server_free(server);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(atomic_load(&sets[i].released), 1);
    assert_int_equal(atomic_load(&kept_freed), LOOPS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes_are_exchanged_while_requests_come),
        cmocka_unit_test(test_what_stays_keeps_its_context),
        cmocka_unit_test(test_what_cannot_be_changes_nothing),
        cmocka_unit_test(test_a_stop_comes_between),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
