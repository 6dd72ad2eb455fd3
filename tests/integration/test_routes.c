/* SPDX-License-Identifier: MIT */
/*
 * test_routes.c - routes and the forward proxy as the configuration of the program describes them.
 * What a proxied request goes through: test_proxy.c.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "program.h"

#define FRESH "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok"
#define PLAIN "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static struct program program;
static char path[] = "/tmp/fetchonce-routes-XXXXXX";

/* Starts it with a file of that text, in which each %u is the origin's port. */
static void start(const char *text)
{
    FILE *file;
    int fd;

    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    fd = mkstemp(path);
    assert_true(fd >= 0);
    origin_start(&program.origin);
    file = fdopen(fd, "w");
    assert_non_null(file);
    for (const char *at = text; *at != '\0'; at++) {
        if (at[0] == '%' && at[1] == 'u') {
            fprintf(file, "%u", origin_port(program.origin));
            at++;
        } else {
            fputc(*at, file);
        }
    }
    assert_int_equal(fclose(file), 0);
    program_start(&program, NULL, path);
    unlink(path);
}

static void get(const char *target, const char *expected)
{
    struct client client;

    program_send(&program, &client, "GET", target, "");
    program_expect(&client, 200, expected);
}

static void assert_last_request(const char *target, const char *part)
{
    char request[4096];

    origin_last_request(program.origin, target, request, sizeof request);
    if (strstr(request, part) == NULL)
        fail_msg("\"%s\" is not in:\n%s", part, request);
}

/* The whole server is a caching proxy of one origin. Its own paths stay; what states no lifetime is
 * asked for again. */
static void test_a_variable_makes_the_server_a_proxy(void **state)
{
    char variable[128];
    const char *variables[] = {variable, NULL};
    struct client client;

    (void)state;
    origin_start(&program.origin);
    snprintf(variable, sizeof variable, "FETCHONCE_ROUTES=/=http://127.0.0.1:%u",
             origin_port(program.origin));
    program_start(&program, variables, NULL);
    origin_on(program.origin, "/fresh?a=b", ORIGIN_SEND(FRESH));
    origin_on(program.origin, "/plain", ORIGIN_SEND(PLAIN));
    for (unsigned i = 0; i < 2; i++) {
        get("/fresh?a=b", "ok");
        get("/plain", "ok");
    }
    assert_int_equal(origin_hits(program.origin, "/fresh?a=b"), 1);
    assert_int_equal(origin_hits(program.origin, "/plain"), 2);
    assert_last_request("/plain", "\r\nX-Forwarded-For: 127.0.0.1\r\n");
    program_send(&program, &client, "DELETE", "/plain", "");
    program_expect(&client, 200, "ok");
    assert_last_request("/plain", "DELETE /plain ");
    program_sync(&program); /* /healthz */
    program_stop(&program);
}

/* An origin that is asked for by its own host may still know how clients call it. */
static void test_answers_may_name_the_public_host(void **state)
{
    static const struct {
        const char *answer; /* to the POST */
        unsigned hits;      /* of /doc at the origin afterwards, once it is asked for again */
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nLocation: http://public.example/doc\r\nContent-Length: 0\r\n\r\n", 2},
        {"HTTP/1.1 200 OK\r\nContent-Location: https://public.example/doc\r\n"
         "Content-Length: 0\r\n\r\n",
         2},
        {"HTTP/1.1 200 OK\r\nLocation: /doc\r\nContent-Length: 0\r\n\r\n", 2},
        {"HTTP/1.1 200 OK\r\nLocation: http://other.example/doc\r\nContent-Length: 0\r\n\r\n", 1},
    };
    char variable[128];
    const char *variables[] = {variable, NULL};
    struct client client;

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        origin_start(&program.origin);
        snprintf(variable, sizeof variable, "FETCHONCE_ROUTES=/=http://127.0.0.1:%u",
                 origin_port(program.origin));
        program_start(&program, variables, NULL);
        origin_on(program.origin, "/doc", ORIGIN_SEND(FRESH));
        origin_on(program.origin, "/change", ORIGIN_SEND(cases[i].answer));
        get("/doc", "ok");
        program_send(&program, &client, "POST", "/change", "Content-Length: 0\r\n");
        program_expect(&client, 200, "");
        get("/doc", "ok");
        assert_int_equal(origin_hits(program.origin, "/doc"), cases[i].hits);
        program_stop(&program);
    }
}

/* RFC 9110 section 9.3.3: such an answer to a POST is one to a GET. */
static void test_answer_to_a_post_may_serve_gets(void **state)
{
    char variable[128];
    const char *variables[] = {variable, NULL};
    struct client client;

    (void)state;
    origin_start(&program.origin);
    snprintf(variable, sizeof variable, "FETCHONCE_ROUTES=/=http://127.0.0.1:%u",
             origin_port(program.origin));
    program_start(&program, variables, NULL);
    origin_on(program.origin, "/doc",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n"
                          "Content-Location: http://public.example/doc\r\n"
                          "Content-Length: 2\r\n\r\nok"));
    program_send(&program, &client, "POST", "/doc", "Content-Length: 0\r\n");
    program_expect(&client, 200, "ok");
    get("/doc", "ok");
    assert_int_equal(origin_hits(program.origin, "/doc"), 1);
    program_stop(&program);
}

/* Two of a kind in a row are no loop; a request that has been here is. */
static void test_one_server_may_stand_behind_another(void **state)
{
    struct program behind = {.origin = NULL};
    char variable[128], request[4096];
    const char *variables[] = {variable, NULL};
    struct client client;
    struct client_reply reply;
    char *loop;

    (void)state;
    origin_start(&behind.origin);
    snprintf(variable, sizeof variable, "FETCHONCE_ROUTES=/=http://127.0.0.1:%u",
             origin_port(behind.origin));
    program_start(&behind, variables, NULL);
    snprintf(variable, sizeof variable, "FETCHONCE_ROUTES=/=http://127.0.0.1:%u",
             ntohs(((const struct sockaddr_in *)&behind.address)->sin_port));
    program_start(&program, variables, NULL);
    origin_on(behind.origin, "/", ORIGIN_SEND(PLAIN));
    get("/", "ok");
    origin_last_request(behind.origin, "/", request, sizeof request);
    for (unsigned i = 0; i < 2; i++) { /* the name of each of them brings the request to an end */
        loop = strstr(i == 0 ? request : loop + 1, "\r\nCDN-Loop: ");
        assert_non_null(loop);
        client_open(&client, &program.address);
        client_send_format(&client, "GET / HTTP/1.1\r\nHost: h%.*s\r\n\r\n",
                           (int)strcspn(loop + 2, "\r") + 2, loop);
        client_read_reply(&client, false, &reply);
        assert_int_equal(reply.status, 508);
        client_reply_fini(&reply);
        client_close(&client);
    }
    program_stop(&program);
    program_stop(&behind);
}

static void test_a_route_of_the_file_does_as_it_says(void **state)
{
    char host[64];

    (void)state;
    start("{\"routes\": [\n"
          "{\"prefix\": \"/a/\", \"upstreams\": [\"http://127.0.0.1:%u/base\"],\n"
          " \"strip_prefix\": true, \"lifetime_s\": 60, \"tell_client\": \"standard\"},\n"
          "{\"prefix\": \"/a/\", \"host\": \"public.example\",\n"
          " \"upstreams\": [\"http://127.0.0.1:%u/public\"], \"forward_host\": \"client\",\n"
          " \"tell_client\": \"nothing\", \"set_cookie\": \"standard\"}]}");
    origin_on(program.origin, "/public/a/x",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nSet-Cookie: a=b\r\n"
                          "Content-Length: 2\r\n\r\nok"));
    origin_on(program.origin, "/base/x", ORIGIN_SEND(PLAIN));
    for (unsigned i = 0; i < 2; i++) {
        struct client client;
        get("/a/x", "ok"); /* of public.example */
        client_open(&client, &program.address);
        client_send_text(&client, "GET /a/x HTTP/1.1\r\nHost: other.example\r\n\r\n");
        program_expect(&client, 200, "ok");
    }
    assert_int_equal(origin_hits(program.origin, "/public/a/x"), 1);
    assert_last_request("/public/a/x", "\r\nHost: public.example\r\n");
    assert_int_equal(origin_hits(program.origin, "/base/x"), 1);
    snprintf(host, sizeof host, "\r\nHost: 127.0.0.1:%u\r\n", origin_port(program.origin));
    assert_last_request("/base/x", host);
    assert_last_request("/base/x", "\r\nForwarded: for=\"127.0.0.1:");
    program_stop(&program);
}

/* What is not stored goes to each of them in turn. */
static void test_upstreams_take_turns(void **state)
{
    struct origin *second;
    char variable[256];
    const char *variables[] = {variable, NULL};

    (void)state;
    origin_start(&program.origin);
    origin_start(&second);
    snprintf(variable, sizeof variable,
             "FETCHONCE_ROUTES=/api=http://127.0.0.1:%u,http://127.0.0.1:%u",
             origin_port(program.origin), origin_port(second));
    program_start(&program, variables, NULL);
    origin_on(program.origin, "/api/x", ORIGIN_SEND(PLAIN));
    origin_on(second, "/api/x", ORIGIN_SEND(PLAIN));
    for (unsigned i = 0; i < 6; i++)
        get("/api/x", "ok");
    assert_int_equal(origin_hits(program.origin, "/api/x"), 3);
    assert_int_equal(origin_hits(second, "/api/x"), 3);
    program_stop(&program);
    origin_stop(second);
}

/* A crowd that asks meanwhile would fill the log with what is known. */
static void test_an_origin_that_is_left_alone_is_logged_once(void **state)
{
    struct client client;
    struct client_reply reply;
    unsigned failures = 0;

    (void)state;
    start("{\"routes\": [{\"prefix\": \"/\", \"upstreams\": [\"http://127.0.0.1:%u\"],\n"
          " \"retries_max\": 0, \"failures_max\": 1, \"rest_ms\": 60000, \"rest_max_ms\": 60000,\n"
          " \"timeouts\": {\"header_ms\": 50}}]}");
    origin_on(program.origin, "/x", ORIGIN_GATE);
    for (unsigned i = 0; i < 3; i++) {
        program_send(&program, &client, "DELETE", "/x", "");
        client_read_reply(&client, false, &reply);
        assert_int_equal(reply.status, i == 0 ? 504 : 503);
        client_reply_fini(&reply);
        client_close(&client);
    }
    program_stop(&program);
    for (const char *at = program.process.error; (at = strstr(at, "fetch failed")) != NULL; at++)
        failures++;
    assert_int_equal(failures, 1);
}

static void test_the_forward_proxy_is_off_until_it_is_asked_for(void **state)
{
    static const char *const configs[] = {"{}", "{\"forward_proxy\": {\"enabled\": true}}"};
    struct client client;
    struct client_reply reply;
    char target[64];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        start(configs[i]);
        origin_on(program.origin, "/x", ORIGIN_SEND(PLAIN));
        snprintf(target, sizeof target, "http://127.0.0.1:%u/x", origin_port(program.origin));
        program_send(&program, &client, "GET", target, "");
        client_read_reply(&client, false, &reply);
        assert_int_equal(reply.status, i == 0 ? 404 : 200);
        client_reply_fini(&reply);
        client_close(&client);
        assert_int_equal(origin_hits(program.origin, "/x"), i);
        if (i == 1) { /* closed to what /fetch is closed to */
            program_send(&program, &client, "GET", "http://10.0.0.1/x", "");
            client_read_reply(&client, false, &reply);
            assert_int_equal(reply.status, 403);
            client_reply_fini(&reply);
            client_close(&client);
        }
        program_stop(&program);
    }
}

/* Asks with this host and these fields. Returns how often the origin has been asked by then. */
static unsigned ask_as(const char *host, const char *fields)
{
    struct client client;

    client_open(&client, &program.address);
    client_send_format(&client, "GET /page HTTP/1.1\r\nHost: %s\r\n%s\r\n", host, fields);
    program_expect(&client, 200, "ok");
    return (unsigned)origin_hits(program.origin, "/page");
}

/* The origin may make links of the host that it is told of. So who asks for another host gets none
 * of what was made for the first, and leaves nothing for its clients. */
static void test_nobody_chooses_the_host_of_others(void **state)
{
    static const struct {
        const char *fields;
        const char *host;
        unsigned of_all, of_trusted; /* requests at the origin by then */
    } steps[] = {
        {"", "evil.example", 1, 1},
        {"", "public.example", 2, 2},
        {"", "evil.example", 2, 2},
        {"", "public.example", 2, 2},
        {"X-Forwarded-Host: evil.example\r\n", "public.example", 2, 3},
        {"X-Forwarded-Proto: https\r\n", "public.example", 2, 4},
        {"Forwarded: for=192.0.2.1;host=\"a,b\"\r\n", "public.example", 2, 5},
        {"Forwarded: for=192.0.2.2; host=\"a,b\"\r\n", "public.example", 2, 5},
        {"X-Forwarded-For: 192.0.2.1\r\n", "public.example", 2, 5},
        {"", "public.example", 2, 5},
    };
    char config[256];

    (void)state;
    for (unsigned trusts = 0; trusts < 2; trusts++) {
        snprintf(config, sizeof config,
                 "{\"routes\": [{\"prefix\": \"/\", \"upstreams\": [\"http://127.0.0.1:%%u\"], "
                 "\"trust_clients\": %s}]}",
                 trusts ? "true" : "false");
        start(config);
        origin_on(program.origin, "/page", ORIGIN_SEND(FRESH));
        for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
            print_message("trusts %u, step %u\n", trusts, i);
            assert_int_equal(ask_as(steps[i].host, steps[i].fields),
                             trusts ? steps[i].of_trusted : steps[i].of_all);
        }
        program_stop(&program);
    }
}

/* Where the origin is told nothing of its clients, all of them may share. */
static void test_hosts_that_are_not_told_share(void **state)
{
    (void)state;
    start("{\"routes\": [{\"prefix\": \"/\", \"upstreams\": [\"http://127.0.0.1:%u\"], "
          "\"tell_client\": \"nothing\"}]}");
    origin_on(program.origin, "/page", ORIGIN_SEND(FRESH));
    assert_int_equal(ask_as("a.example", ""), 1);
    assert_int_equal(ask_as("b.example", ""), 1);
    program_stop(&program);
}

/* Each pair leads to one URL of one upstream. What the first has stored by its rules, or was given
 * for its requests, is not the second's. */
static void test_routes_do_not_share_with_each_other(void **state)
{
    static const char *const seconds[] = {
        "\"tell_client\": \"nothing\"", "\"tell_client\": \"customary\"",
        "\"forward_host\": \"client\"", "\"forward_host\": \"upstream\"",
        "\"trust_clients\": true",      "\"set_cookie\": \"standard\"",
        "\"lifetime_s\": 60",
    };
    char config[512];

    (void)state;
    for (unsigned i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        print_message("%s\n", seconds[i]);
        snprintf(config, sizeof config,
                 "{\"routes\": [{\"prefix\": \"/\", \"host\": \"a.example\",\n"
                 " \"upstreams\": [\"http://127.0.0.1:%%u\"], \"tell_client\": \"nothing\"},\n"
                 "{\"prefix\": \"/\", \"upstreams\": [\"http://127.0.0.1:%%u\"], %s%s}]}",
                 strstr(seconds[i], "tell_client") == NULL ? "\"tell_client\": \"nothing\", " : "",
                 seconds[i]);
        start(config);
        origin_on(program.origin, "/page", ORIGIN_SEND(FRESH));
        assert_int_equal(ask_as("a.example", ""), 1);
        assert_int_equal(ask_as("b.example", ""), 2);
        assert_int_equal(ask_as("a.example:80", ""), 2);
        assert_int_equal(ask_as("b.example", ""), 2);
        program_stop(&program);
    }
}

/* What a path is routed by is what its upstream is asked for, in all spellings; and none leads out
 * of its route. Source: RFC 3986 section 6.2.2. */
static void test_paths_are_routed_by_what_the_upstream_gets(void **state)
{
    static const struct {
        const char *target;
        const char *asked; /* of the upstream, or NULL: refused */
    } cases[] = {
        {"/x", "/all/x"},
        {"/api/a", "/api/a"},
        {"/api", "/api"},
        {"/%61pi/a", "/api/a"},
        {"/ap%69/%7Ea?%61", "/api/~a?a"},
        {"/API/a", "/all/API/a"},
        {"/apis", "/all/apis"},
        /* Dot segments are taken out first, however they are written. */
        {"/api/../x", "/all/x"},
        {"/x/../api/a", "/api/a"},
        {"/x/%2e%2E/api/a", "/api/a"},
        {"/api/.%2e/x", "/all/x"},
        {"/public/../private", "/all/private"},
        {"/public/%2e%2e/private", "/all/private"},
        {"/public/a/../b", "/open/b"},
        {"/../../x", "/all/x"},
        {"/public/./", "/open/"},
        {"/public/..", "/all/"},
        /* An empty segment is one, and an escaped slash ends none. */
        {"//api/a", "/all//api/a"},
        {"/api//a", "/api//a"},
        {"/api%2fa", "/all/api%2Fa"},
        {"/api/a%2fb", "/api/a%2Fb"},
        {"/public//a", "/open//a"},
        /* But a server behind may take them otherwise, and open more than the route does. */
        {"/api/..%2fsecret", NULL},
        {"/api/a%2F..%2F..%2Fsecret", NULL},
        {"/public/..%5cprivate", NULL},
        {"/public/..;/private", NULL},
        {"/..%2fx", NULL},
        {"/api/a..;b", "/api/a..;b"},
        {"/api/%zz", NULL},
        {"/x%", NULL},
        /* Once is enough. */
        {"/api/%252e%252e/x", "/api/%252e%252e/x"},
    };
    static char answers[sizeof cases / sizeof *cases][256]; /* the origin keeps no copies */

    (void)state;
    start("{\"routes\": [\n"
          "{\"prefix\": \"/\", \"upstreams\": [\"http://127.0.0.1:%u/all\"]},\n"
          "{\"prefix\": \"/%61pi\", \"upstreams\": [\"http://127.0.0.1:%u\"]},\n"
          "{\"prefix\": \"/public\", \"upstreams\": [\"http://127.0.0.1:%u/open\"],\n"
          " \"strip_prefix\": true}]}");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct client client;
        char body[128], *answer = answers[i];

        print_message("%s\n", cases[i].target);
        if (cases[i].asked != NULL) {
            int length = snprintf(body, sizeof body, "asked for %s", cases[i].asked);
            snprintf(answer, sizeof answers[i], "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s",
                     length, body);
            origin_on(program.origin, cases[i].asked, ORIGIN_SEND(answer));
            get(cases[i].target, body);
        } else {
            struct client_reply reply;
            program_send(&program, &client, "GET", cases[i].target, "");
            client_read_reply(&client, false, &reply);
            assert_int_equal(reply.status, 400);
            client_reply_fini(&reply);
            client_close(&client);
        }
    }
    program_stop(&program);
}

/* Nothing of such an origin is closed, so nothing can be led to. Bodies change none of it. */
static void test_a_whole_server_has_no_way_out(void **state)
{
    struct client client;

    (void)state;
    start("{\"routes\": [{\"prefix\": \"/\", \"upstreams\": [\"http://127.0.0.1:%u\"]}]}");
    origin_on(program.origin, "/a/..%2Fb", ORIGIN_SEND(PLAIN));
    get("/a/..%2fb", "ok");
    program_send(&program, &client, "POST", "/x/../%61/..%2fb", "Content-Length: 3\r\n");
    client_send_text(&client, "abc");
    program_expect(&client, 200, "ok");
    assert_last_request("/a/..%2Fb", "POST /a/..%2Fb ");
    client_open(&client, &program.address);
    client_send_text(&client, "GET /%68ealthz HTTP/1.1\r\nHost: a\r\n\r\n"
                              "POST /x/../healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
                              "abc"
                              "GET /./healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    for (unsigned i = 0; i < 3; i++) {
        struct client_reply reply;
        client_read_reply(&client, false, &reply);
        assert_int_equal(reply.status, i == 1 ? 405 : 200);
        client_reply_fini(&reply);
    }
    client_close(&client);
    program_stop(&program);
}

static void test_fetch_can_be_turned_off(void **state)
{
    struct client client;
    struct client_reply reply;

    (void)state;
    start("{\"fetch\": {\"enabled\": false}}");
    program_send(&program, &client, "GET", "/fetch?url=http://a.example/", "");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 404);
    client_reply_fini(&reply);
    client_close(&client);
    program_stop(&program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_variable_makes_the_server_a_proxy),
        cmocka_unit_test(test_answers_may_name_the_public_host),
        cmocka_unit_test(test_answer_to_a_post_may_serve_gets),
        cmocka_unit_test(test_one_server_may_stand_behind_another),
        cmocka_unit_test(test_a_route_of_the_file_does_as_it_says),
        cmocka_unit_test(test_upstreams_take_turns),
        cmocka_unit_test(test_an_origin_that_is_left_alone_is_logged_once),
        cmocka_unit_test(test_the_forward_proxy_is_off_until_it_is_asked_for),
        cmocka_unit_test(test_nobody_chooses_the_host_of_others),
        cmocka_unit_test(test_hosts_that_are_not_told_share),
        cmocka_unit_test(test_routes_do_not_share_with_each_other),
        cmocka_unit_test(test_paths_are_routed_by_what_the_upstream_gets),
        cmocka_unit_test(test_a_whole_server_has_no_way_out),
        cmocka_unit_test(test_fetch_can_be_turned_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
