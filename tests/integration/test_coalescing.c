/* SPDX-License-Identifier: MIT */
/*
 * test_coalescing.c - the whole server between many clients and a scripted origin. Tests that begin
 * with a number are about that case of docs/internals/flight.md.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "cmocka_all.h"

#include "client.h"
#include "handlers/fetch.h"
#include "origin.h"
#include "server.h"

#define CLIENTS_MAX 1000
#define OK_HELLO    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

struct world {
    struct origin *origin;
    struct store *store;
    struct fetcher *fetcher;
    struct server *server;
    const struct sockaddr_storage *address;
};

static const struct guard_network loopback = {
    .family = AF_INET, .prefix_bits = 8, .address = {127}};

static void default_settings(struct fetch_settings *settings)
{
    fetch_settings_default(settings);
    settings->guard.allowed = &loopback;
    settings->guard.allowed_count = 1;
    settings->resolv_conf_path = NULL;
}

static void world_start(struct world *world, const struct fetch_settings *given)
{
    struct store_config config = {
        .budget_bytes = 64 * 1024 * 1024, .shards_count = 4, .object_share_percent = 50};
    struct sockaddr_storage address = {0};
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)&address;
    struct fetch_settings settings;
    struct server_settings server_settings;
    struct server_route route;
    uint16_t port;

    if (given != NULL)
        settings = *given;
    else
        default_settings(&settings);
    origin_start(&world->origin);
    assert_int_equal(store_new(&config, &world->store), 0);
    assert_int_equal(fetcher_new(&settings, world->store, &world->fetcher), 0);
    ipv4->sin_family = AF_INET;
    ipv4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server_settings_init(&server_settings);
    route = fetch_route(world->fetcher);
    server_settings.addresses = &address;
    server_settings.address_count = 1;
    server_settings.loops = 2;
    server_settings.routes = &route;
    server_settings.route_count = 1;
    assert_int_equal(server_start(&server_settings, &world->server), 0);
    world->address = server_address(world->server, 0);
    port = ntohs(((const struct sockaddr_in *)world->address)->sin_port);
    assert_int_equal(fetcher_set_own_ports(world->fetcher, &port, 1), 0);
}

static void world_stop(struct world *world)
{
    struct fetch_counters counters;

    server_stop(world->server, 0);
    server_wait(world->server);
    fetcher_read_counters(world->fetcher, &counters);
    assert_int_equal(counters.flights_live, 0);
    assert_int_equal(counters.flights_unsettled, 0);
    assert_int_equal(counters.readers_waiting, 0);
    server_free(world->server);
    fetcher_free(world->fetcher);
    store_free(world->store);
    origin_stop(world->origin);
}

static struct fetch_counters counters_of(struct world *world)
{
    struct fetch_counters counters;

    fetcher_read_counters(world->fetcher, &counters);
    return counters;
}

/* Waits until so many requests wait for a head: the state that a gate is opened in. */
static void wait_waiting(struct world *world, int64_t readers)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    for (unsigned i = 0; counters_of(world).readers_waiting != readers; i++) {
        if (i > CLIENT_GUARD_MS)
            fail_msg("%ld requests wait, not %ld", (long)counters_of(world).readers_waiting,
                     (long)readers);
        nanosleep(&pause, NULL);
    }
}

static void wait_flights(struct world *world, int64_t flights)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    for (unsigned i = 0; counters_of(world).flights_live != flights; i++) {
        if (i > CLIENT_GUARD_MS)
            fail_msg("%ld flights, not %ld", (long)counters_of(world).flights_live, (long)flights);
        nanosleep(&pause, NULL);
    }
}

/* One request for a path of the origin, with further fields and parameters, either may be "". */
static void ask(struct world *world, struct client *client, const char *method, const char *path,
                const char *parameters, const char *fields)
{
    client_open(client, world->address);
    client_send_format(client,
                       "%s /fetch?url=http://127.0.0.1:%u%s%s HTTP/1.1\r\nHost: test\r\n%s\r\n",
                       method, origin_port(world->origin), path, parameters, fields);
}

static void get(struct world *world, const char *path, const char *parameters, const char *fields,
                struct client_reply *ret_reply)
{
    struct client client;

    ask(world, &client, "GET", path, parameters, fields);
    client_read_reply(&client, false, ret_reply);
    client_close(&client);
}

static void assert_field(const struct client_reply *reply, const char *name, const char *value)
{
    const char *found = client_reply_field(reply, name);

    if (found == NULL || strcmp(found, value) != 0)
        fail_msg("%s: %s, expected %s", name, found != NULL ? found : "(none)", value);
}

static void crowd(unsigned count)
{
    static struct client clients[CLIENTS_MAX];
    struct world world;
    struct client_reply reply;
    unsigned leaders = 0;

    world_start(&world, NULL);
    origin_on(world.origin, "/cold", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < count; i++)
        ask(&world, &clients[i], "GET", "/cold", "", "");
    wait_waiting(&world, count);
    origin_release(world.origin, "/cold");
    for (unsigned i = 0; i < count; i++) {
        client_read_reply(&clients[i], false, &reply);
        assert_int_equal(reply.status, 200);
        assert_true(reply.is_whole);
        assert_string_equal(reply.body, "hello");
        if (strcmp(client_reply_field(&reply, "Cache-Status"), "fetchonce; fwd=uri-miss; stored") ==
            0)
            leaders++;
        else
            assert_field(&reply, "Cache-Status", "fetchonce; fwd=uri-miss; collapsed");
        client_reply_fini(&reply);
        client_close(&clients[i]);
    }
    assert_int_equal(leaders, 1);
    assert_int_equal(origin_hits(world.origin, "/cold"), 1);
    assert_int_equal(counters_of(&world).upstream_requests, 1);
    assert_int_equal(counters_of(&world).collapsed, count - 1);
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
    get(&world, "/a~b", "", "", &reply);
    assert_field(&reply, "Cache-Status", "fetchonce; fwd=uri-miss; stored");
    client_reply_fini(&reply);
    get(&world, "/x/../a%257eb%23top", "", "", &reply); /* decoded once: a%7eb#top */
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "ok");
    assert_field(&reply, "Content-Type", "text/plain");
    assert_field(&reply, "Content-Length", "2");
    cache_status = client_reply_field(&reply, "Cache-Status");
    assert_non_null(strstr(cache_status, "fetchonce; hit; ttl="));
    assert_in_range(atoi(strstr(cache_status, "ttl=") + 4), 50, 60);
    assert_in_range(atoi(client_reply_field(&reply, "Age")), 40, 50);
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/a~b"), 1);
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
    get(&world, "/", "", "", &reply);
    assert_int_equal(reply.status, 200);
    for (unsigned i = 0; i < sizeof dropped / sizeof *dropped; i++)
        assert_null(client_reply_field(&reply, dropped[i]));
    assert_field(&reply, "X-Kept", "yes");
    assert_field(&reply, "X-Content-Type-Options", "nosniff");
    assert_field(&reply, "Content-Security-Policy", "sandbox");
    client_reply_fini(&reply);
    world_stop(&world);
}

/* While the body streams, a newcomer gets it from the first byte; both get the rest. */
static void test_09_late_joiner_gets_the_first_byte(void **state)
{
    struct world world;
    struct client early, late;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst"),
              ORIGIN_GATE, ORIGIN_SEND("other"));
    ask(&world, &early, "GET", "/", "", "");
    assert_true(client_has_bytes(&early, CLIENT_GUARD_MS));
    ask(&world, &late, "GET", "/", "", "");
    assert_true(client_has_bytes(&late, CLIENT_GUARD_MS));
    origin_release(world.origin, "/");
    client_read_reply(&early, false, &reply);
    assert_string_equal(reply.body, "firstother");
    client_reply_fini(&reply);
    client_read_reply(&late, false, &reply);
    assert_string_equal(reply.body, "firstother");
    assert_field(&reply, "Content-Length", "10");
    assert_field(&reply, "Cache-Status", "fetchonce; fwd=uri-miss; collapsed");
    client_reply_fini(&reply);
    client_close(&early);
    client_close(&late);
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    world_stop(&world);
}

static void test_01_first_client_disconnects(void **state)
{
    struct world world;
    struct client first, others[9];
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    ask(&world, &first, "GET", "/", "", "");
    origin_wait_hits(world.origin, "/", 1);
    for (unsigned i = 0; i < 9; i++)
        ask(&world, &others[i], "GET", "/", "", "");
    wait_waiting(&world, 10);
    client_reset(&first);
    wait_waiting(&world, 9); /* case 11: noticed at once */
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

static void test_02_everybody_disconnects(void **state)
{
    struct world world;
    struct client clients[3];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < 3; i++)
        ask(&world, &clients[i], "GET", "/", "", "");
    wait_waiting(&world, 3);
    origin_wait_hits(world.origin, "/", 1);
    for (unsigned i = 0; i < 3; i++)
        client_reset(&clients[i]);
    wait_flights(&world, 0);
    assert_int_equal(counters_of(&world).flights_cancelled, 1);
    world_stop(&world);
}

static void test_04_failure_is_shared(void **state)
{
    struct world world;
    struct client clients[10];
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_RESET);
    for (unsigned i = 0; i < 10; i++)
        ask(&world, &clients[i], "GET", "/", "", "");
    wait_waiting(&world, 10);
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
    get(&world, "/", "", "", &reply);
    assert_int_equal(reply.status, 502);
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/"), 2);
    world_stop(&world);
}

/* In each framing: who has bytes sees the connection cut, never a clean end; nothing is stored. */
static void test_07_origin_dies_in_mid_body(void **state)
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
        ask(&world, &client, "GET", "/", "", "");
        assert_true(client_has_bytes(&client, CLIENT_GUARD_MS));
        origin_release(world.origin, "/");
        client_read_reply(&client, false, &reply);
        assert_int_equal(reply.status, 200);
        assert_false(reply.is_whole);
        client_reply_fini(&reply);
        client_close(&client);
        origin_on(world.origin, "/", ORIGIN_SEND(OK_HELLO));
        get(&world, "/", "", "", &reply);
        assert_string_equal(reply.body, "hello");
        client_reply_fini(&reply);
        assert_int_equal(origin_hits(world.origin, "/"), 2);
        world_stop(&world);
    }
}

static void test_08_origin_stalls(void **state)
{
    struct fetch_settings settings;
    struct world world;
    struct client client;
    struct client_reply reply;

    (void)state;
    default_settings(&settings);
    settings.stall_timeout_ms = 200;
    settings.head_timeout_ms = 200;
    world_start(&world, &settings);
    origin_on(world.origin, "/body",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"), ORIGIN_GATE);
    origin_on(world.origin, "/head", ORIGIN_GATE);
    ask(&world, &client, "GET", "/body", "", "");
    client_read_reply(&client, false, &reply);
    assert_false(reply.is_whole);
    client_reply_fini(&reply);
    client_close(&client);
    get(&world, "/head", "", "", &reply);
    assert_int_equal(reply.status, 504);
    assert_non_null(client_reply_field(&reply, "Retry-After"));
    client_reply_fini(&reply);
    world_stop(&world);
}

static void test_10_12_waiting_has_limits(void **state)
{
    struct fetch_settings settings;
    struct world world;
    struct client clients[2];
    struct client_reply reply;

    (void)state;
    default_settings(&settings);
    settings.waiters_per_key_max = 2;
    settings.wait_timeout_ms = 300;
    world_start(&world, &settings);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < 2; i++)
        ask(&world, &clients[i], "GET", "/", "", "");
    wait_waiting(&world, 2);
    get(&world, "/", "", "", &reply);
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

static void test_13_uncacheable_is_released_in_parallel(void **state)
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
        ask(&world, &clients[i], "GET", "/", "", "");
    wait_waiting(&world, 20);
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
static void test_17_credentials_of_clients_are_not_sent(void **state)
{
    static const char *const secrets[] = {"Authorization", "Cookie", "X-Secret", "Referer"};
    struct world world;
    struct client_reply reply;
    char request[4096];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_SEND(OK_HELLO));
    get(&world, "/", "",
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
static void test_20_head_is_answered_by_a_get(void **state)
{
    struct world world;
    struct client get_client, head_client;
    struct client_reply reply;
    char request[4096];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    ask(&world, &get_client, "GET", "/", "", "");
    ask(&world, &head_client, "HEAD", "/", "", "");
    wait_waiting(&world, 2);
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
    ask(&world, &head_client, "HEAD", "/first", "", "");
    client_read_reply(&head_client, true, &reply);
    assert_field(&reply, "Content-Length", "5");
    client_reply_fini(&reply);
    client_close(&head_client);
    origin_last_request(world.origin, "/first", request, sizeof request);
    assert_memory_equal(request, "GET ", 4);
    world_stop(&world);
}

static void test_22_wishes_of_the_request(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_SEND(OK_HELLO));
    get(&world, "/", "", "Cache-Control: only-if-cached\r\n", &reply);
    assert_int_equal(reply.status, 504);
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/"), 0);
    get(&world, "/", "", "", &reply);
    client_reply_fini(&reply);
    get(&world, "/", "", "Cache-Control: only-if-cached\r\n", &reply);
    assert_int_equal(reply.status, 200);
    client_reply_fini(&reply);
    get(&world, "/", "", "Cache-Control: no-cache\r\n", &reply);
    assert_int_equal(reply.status, 200);
    assert_field(&reply, "Cache-Status", "fetchonce; fwd=request; stored");
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/"), 2);
    world_stop(&world);
}

static void test_conditions_are_answered_from_the_store(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\n"
                          "Content-Length: 5\r\n\r\nhello"));
    get(&world, "/", "", "If-None-Match: \"v1\"\r\n", &reply); /* this request leads */
    assert_int_equal(reply.status, 304);
    assert_int_equal(reply.body_bytes, 0);
    client_reply_fini(&reply);
    get(&world, "/", "", "If-None-Match: \"v0\", W/\"v1\"\r\n", &reply);
    assert_int_equal(reply.status, 304);
    assert_field(&reply, "ETag", "\"v1\"");
    client_reply_fini(&reply);
    get(&world, "/", "", "If-None-Match: \"v2\"\r\n", &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "hello");
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    world_stop(&world);
}

/* A sends to B and B to A, and both are asked for: nothing waits for ever. */
static void test_26_redirects_in_a_circle(void **state)
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
    ask(&world, &a, "GET", "/a", "", "");
    ask(&world, &b, "GET", "/b", "", "");
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

/* All selections of a URL, and the whole, are one fetch. */
static void test_select_answers_one_value(void **state)
{
    static const struct {
        const char *select, *body;
        int status;
    } values[] = {
        {"/title", "\"Once\"", 200}, {"/list/1", "20", 200},    {"/missing", NULL, 404},
        {"/list/9", NULL, 404},      {"/list", "[10,20]", 200},
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
        ask(&world, &clients[i], "GET", "/json", parameters, "");
    }
    wait_waiting(&world, 5);
    origin_release(world.origin, "/json");
    wait_waiting(&world, 0); /* the head is there, half of the body is not */
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
    get(&world, "/json", "&select=/list/0", "", &reply);
    assert_string_equal(reply.body, "10");
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/json"), 1);

    origin_on(world.origin, "/html", ORIGIN_SEND(OK_HELLO));
    get(&world, "/html", "&select=/a", "", &reply);
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
    assert_int_equal(counters_of(&world).upstream_requests, 0);
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
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_SEND(OK_HELLO));
    get(&world, "/", "", "CDN-Loop: other, fetchonce\r\n", &reply);
    assert_int_equal(reply.status, 508);
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/"), 0);
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
            client_open_small(&client, world.address, 4096);
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

/* Stopped while requests wait: nobody hangs. */
static void test_32_stop_while_requests_wait(void **state)
{
    struct world world;
    struct client clients[4];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < 4; i++)
        ask(&world, &clients[i], "GET", "/", "", "");
    wait_waiting(&world, 4);
    world_stop(&world);
    for (unsigned i = 0; i < 4; i++)
        client_close(&clients[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fifty_clients_are_one_upstream_request),
        cmocka_unit_test(test_thousand_clients_are_one_upstream_request),
        cmocka_unit_test(test_stored_answers_are_hits),
        cmocka_unit_test(test_fields_that_would_act_in_our_name_are_dropped),
        cmocka_unit_test(test_09_late_joiner_gets_the_first_byte),
        cmocka_unit_test(test_01_first_client_disconnects),
        cmocka_unit_test(test_02_everybody_disconnects),
        cmocka_unit_test(test_04_failure_is_shared),
        cmocka_unit_test(test_07_origin_dies_in_mid_body),
        cmocka_unit_test(test_08_origin_stalls),
        cmocka_unit_test(test_10_12_waiting_has_limits),
        cmocka_unit_test(test_13_uncacheable_is_released_in_parallel),
        cmocka_unit_test(test_17_credentials_of_clients_are_not_sent),
        cmocka_unit_test(test_20_head_is_answered_by_a_get),
        cmocka_unit_test(test_22_wishes_of_the_request),
        cmocka_unit_test(test_conditions_are_answered_from_the_store),
        cmocka_unit_test(test_26_redirects_in_a_circle),
        cmocka_unit_test(test_select_answers_one_value),
        cmocka_unit_test(test_wrong_requests_are_400),
        cmocka_unit_test(test_refusals_read_alike),
        cmocka_unit_test(test_a_request_that_came_through_here_is_508),
        cmocka_unit_test(test_long_bodies_are_whole),
        cmocka_unit_test(test_32_stop_while_requests_wait),
    };
    struct rlimit files;

    /* Both ends of a thousand connections are in this process. */
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max < 8192 ? files.rlim_max : 8192;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
