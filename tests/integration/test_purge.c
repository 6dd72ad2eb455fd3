/* SPDX-License-Identifier: MIT */
/*
 * test_purge.c - what the operator has forgotten while the program runs, over all ways in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "program.h"

#define FRESH "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok"
#define OTHER "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 3\r\n\r\nnew"

#define CONFIRMABLE(tag)                                                                           \
    "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nETag: \"1\"\r\n" tag                          \
    "Content-Length: 2\r\n\r\nok"

static struct program program;

/* With an address for the operator, and a route for all that is no path of its own. */
static void start(void)
{
    char route[64];
    const char *variables[] = {"FETCHONCE_OPERATOR_LISTEN=127.0.0.1:0", route, NULL};

    origin_start(&program.origin);
    snprintf(route, sizeof route, "FETCHONCE_ROUTES=/=http://127.0.0.1:%u",
             origin_port(program.origin));
    program_start(&program, variables, NULL);
}

static void operate(const char *method, const char *target, const char *fields, int status,
                    const char *part)
{
    struct client client;
    struct client_reply reply;

    program_operate(&program, &client, method, target, fields);
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, status);
    assert_string_equal(client_reply_field(&reply, "Cache-Status"), "fetchonce; detail=local");
    if (strstr(reply.body, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, reply.body);
    client_reply_fini(&reply);
    client_close(&client);
}

static void purge(const char *query, const char *expected)
{
    char target[512];

    snprintf(target, sizeof target, "/purge?%s", query);
    operate("POST", target, "", 200, expected);
}

static void get(const char *path, const char *fields, const char *body)
{
    struct client client;

    program_send(&program, &client, "GET", path, fields);
    program_expect(&client, 200, body);
}

static void test_a_url_of_fetch_is_forgotten(void **state)
{
    char query[128];

    (void)state;
    start();
    origin_on(program.origin, "/a", ORIGIN_SEND(FRESH));
    program_get(&program, "/a", "", "ok");
    origin_on(program.origin, "/a", ORIGIN_SEND(OTHER));
    program_get(&program, "/a", "", "ok");
    snprintf(query, sizeof query, "url=http://127.0.0.1:%u/a", origin_port(program.origin));
    purge(query, "{\"purged\":1}");
    program_get(&program, "/a", "", "new");
    purge("url=http://a.example/nothing", "{\"purged\":0}");
    program_stop(&program);
}

/* By the name and path that clients know, not by the origin's. */
static void test_a_public_url_of_a_route_is_forgotten(void **state)
{
    (void)state;
    start();
    origin_on(program.origin, "/a?b=c", ORIGIN_SEND(FRESH));
    get("/a?b=c", "", "ok");
    origin_on(program.origin, "/a?b=c", ORIGIN_SEND(OTHER));
    purge("url=http://public.example/a", "{\"purged\":0}");
    get("/a?b=c", "", "ok");
    purge("url=http://public.example/a%3Fb=c", "{\"purged\":1}");
    get("/a?b=c", "", "new");
    program_stop(&program);
}

/* Both hosts have the same upstream; the URL that is purged names one of them. A pattern names the
 * upstream's URL, which both have asked for. */
static void test_a_purge_finds_the_route_of_a_host(void **state)
{
    char routes[160];
    const char *variables[] = {"FETCHONCE_OPERATOR_LISTEN=127.0.0.1:0", routes, NULL};
    struct client client;

    (void)state;
    origin_start(&program.origin);
    snprintf(routes, sizeof routes,
             "FETCHONCE_ROUTES=other.example/=http://127.0.0.1:%u /=http://127.0.0.1:%u",
             origin_port(program.origin), origin_port(program.origin));
    program_start(&program, variables, NULL);
    origin_on(program.origin, "/a", ORIGIN_SEND(FRESH));
    for (unsigned i = 0; i < 3; i++) {
        get("/a", "", "ok");
        client_open(&client, &program.address);
        client_send_text(&client, "GET /a HTTP/1.1\r\nHost: other.example\r\n\r\n");
        program_expect(&client, 200, "ok");
        assert_int_equal(origin_hits(program.origin, "/a"), i < 2 ? 2 + i : 5);
        purge(i == 0 ? "url=http://other.example/a" : "pattern=*/a",
              i == 0 ? "{\"purged\":1}" : "{\"purged\":2}");
    }
    program_stop(&program);
}

/* A proxy in front says how clients call this server, which makes keys of their own. The operator
 * says the URL. */
static void test_a_url_is_forgotten_however_clients_came_to_it(void **state)
{
    static const char *const ways[] = {
        "", "X-Forwarded-Proto: https\r\n",
        "Forwarded: for=192.0.2.1;proto=https;host=public.example\r\n",
        "X-Forwarded-Proto: https\r\nRange: bytes=0-0\r\n"};
    char path[] = "/tmp/fetchonce-purge-XXXXXX";
    const char *variables[] = {"FETCHONCE_OPERATOR_LISTEN=127.0.0.1:0", NULL};
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    origin_start(&program.origin);
    assert_true(dprintf(fd,
                        "{\"routes\": [{\"prefix\": \"/\", \"trust_clients\": true, "
                        "\"upstreams\": [\"http://127.0.0.1:%u\"]}]}",
                        origin_port(program.origin)) > 0);
    close(fd);
    program_start(&program, variables, path);
    origin_on(program.origin, "/a", ORIGIN_SEND(CONFIRMABLE("")));
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned j = 0; j < 8; j++) {
            struct client client;
            struct client_reply reply;

            program_send(&program, &client, "GET", "/a", ways[j % 4]);
            client_read_reply(&client, false, &reply);
            assert_int_equal(reply.status, j % 4 == 3 ? 206 : 200);
            client_reply_fini(&reply);
            client_close(&client);
        }
        assert_int_equal(origin_hits(program.origin, "/a"), 3 * (i + 1));
        purge(i == 0 ? "url=http://public.example/a" : "url=https://public.example/a&soft=1",
              "{\"purged\":1}");
    }
    program_stop(&program);
    unlink(path);
}

#define TAGGED(tag, body)                                                                          \
    "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n" tag "\r\nContent-Length: 2\r\n\r\n" body

static void test_all_with_a_tag_are_forgotten(void **state)
{
    (void)state;
    start();
    origin_on(program.origin, "/a", ORIGIN_SEND(TAGGED("Surrogate-Key: all  red", "ok")));
    origin_on(program.origin, "/b", ORIGIN_SEND(TAGGED("Cache-Tag: all, blue sky", "ok")));
    origin_on(program.origin, "/c", ORIGIN_SEND(FRESH));
    for (unsigned i = 0; i < 2; i++) {
        get("/a", "", "ok");
        get("/b", "", "ok");
        program_get(&program, "/b", "", "ok");
        get("/c", "", "ok");
    }
    purge("tag=blue%20sky", "{\"tags\":1}");
    purge("tag=blu&tag=sky", "{\"tags\":2}");
    get("/a", "", "ok");
    assert_int_equal(origin_hits(program.origin, "/a"), 1);
    get("/b", "", "ok");
    program_get(&program, "/b", "", "ok");
    assert_int_equal(origin_hits(program.origin, "/b"), 4);
    purge("tag=all", "{\"tags\":1}");
    get("/a", "", "ok");
    get("/b", "", "ok");
    get("/c", "", "ok");
    assert_int_equal(origin_hits(program.origin, "/a"), 2);
    assert_int_equal(origin_hits(program.origin, "/b"), 5);
    assert_int_equal(origin_hits(program.origin, "/c"), 1);
    program_stop(&program);
}

static void test_all_urls_like_a_pattern_are_forgotten(void **state)
{
    char query[128], path[16];

    (void)state;
    start();
    for (unsigned i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "/%c/%u", i < 10 ? 'a' : 'b', i);
        origin_on(program.origin, path, ORIGIN_SEND(FRESH));
        get(path, "", "ok");
        program_get(&program, path, "", "ok");
    }
    snprintf(query, sizeof query, "pattern=http://127.0.0.1:%u/a/*", origin_port(program.origin));
    purge(query, "{\"purged\":20}");
    purge(query, "{\"purged\":0}");
    purge("pattern=*/b/19", "{\"purged\":2}");
    get("/a/0", "", "ok");
    get("/b/10", "", "ok");
    assert_int_equal(origin_hits(program.origin, "/a/0"), 3);
    assert_int_equal(origin_hits(program.origin, "/b/10"), 2);
    program_stop(&program);
}

#define CONFIRMED "HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=60\r\nETag: \"1\"\r\n\r\n"

/* It is asked for once, by its validator, and then is fresh again. */
static void test_a_soft_purge_has_the_origin_asked(void **state)
{
    static const char *const queries[] = {"url=http://public.example/a&soft=1",
                                          "pattern=*/a&soft=1", "tag=red&soft=1"};
    char request[4096];

    (void)state;
    start();
    for (unsigned i = 0; i < 3; i++) {
        origin_on(program.origin, "/a", ORIGIN_SEND(CONFIRMABLE("Surrogate-Key: red\r\n")));
        purge("url=http://public.example/a", "purged");
        get("/a", "", "ok");
        origin_on(program.origin, "/a", ORIGIN_SEND(CONFIRMED));
        purge(queries[i], i < 2 ? "{\"purged\":1}" : "{\"tags\":1}");
        get("/a", "", "ok");
        get("/a", "", "ok");
        assert_int_equal(origin_hits(program.origin, "/a"), 2 * (i + 1));
        origin_last_request(program.origin, "/a", request, sizeof request);
        assert_non_null(strstr(request, "If-None-Match: \"1\""));
    }
    program_stop(&program);
}

#define VARIES                                                                                     \
    "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nVary: X-Kind\r\nContent-Length: 2\r\n\r\nok"

static void test_all_variants_of_a_url_are_purged(void **state)
{
    static const char *const queries[] = {"url=http://public.example/v",
                                          "url=http://public.example/v&soft=1", "pattern=*/v",
                                          "pattern=*/v&soft=1"};

    (void)state;
    start();
    origin_on(program.origin, "/v", ORIGIN_SEND(VARIES));
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned j = 0; j < 2; j++) {
            get("/v", "X-Kind: a\r\n", "ok");
            get("/v", "X-Kind: b\r\n", "ok");
        }
        assert_int_equal(origin_hits(program.origin, "/v"), 2 * (i + 1));
        purge(queries[i], i < 2 ? "{\"purged\":1}" : "{\"purged\":");
    }
    program_stop(&program);
}

static void test_what_is_not_for_the_operator_is_not_there(void **state)
{
    struct client client;
    struct client_reply reply;

    (void)state;
    start();
    operate("GET", "/healthz", "", 200, "ok");
    operate("GET", "/access", "", 404, "");
    operate("GET", "/fetch?url=http://127.0.0.1/", "", 404, "");
    operate("GET", "/", "", 404, "");
    operate("GET", "/purge?url=http://a.example/", "", 405, "");
    operate("POST", "/purge", "", 400, "nothing to purge");
    operate("POST", "/purge?url=nonsense", "", 400, "");
    operate("POST", "/purge?url=http://a.example/", "Origin: http://evil.example\r\n", 403, "");
    /* Nor is his for clients: their /purge is the origin's. */
    origin_on(program.origin, "/purge?url=http://a.example/", ORIGIN_SEND(OTHER));
    program_send(&program, &client, "POST", "/purge?url=http://a.example/",
                 "Content-Length: 0\r\n");
    client_read_reply(&client, false, &reply);
    assert_string_equal(reply.body, "new");
    assert_int_equal(origin_hits(program.origin, "/purge?url=http://a.example/"), 1);
    client_reply_fini(&reply);
    client_close(&client);
    program_stop(&program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_url_of_fetch_is_forgotten),
        cmocka_unit_test(test_a_public_url_of_a_route_is_forgotten),
        cmocka_unit_test(test_a_purge_finds_the_route_of_a_host),
        cmocka_unit_test(test_a_url_is_forgotten_however_clients_came_to_it),
        cmocka_unit_test(test_all_with_a_tag_are_forgotten),
        cmocka_unit_test(test_all_urls_like_a_pattern_are_forgotten),
        cmocka_unit_test(test_a_soft_purge_has_the_origin_asked),
        cmocka_unit_test(test_all_variants_of_a_url_are_purged),
        cmocka_unit_test(test_what_is_not_for_the_operator_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
