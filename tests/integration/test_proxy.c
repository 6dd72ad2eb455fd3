/* SPDX-License-Identifier: MIT */
/*
 * test_proxy.c - a route that stands for an origin: what passes through, both ways, what is stored,
 * and what goes to the origin by itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "world.h"

#define HEAD_BYTES 8192

static void pass(struct world *world, const char *method, const char *path, const char *fields,
                 const char *body, struct client_reply *ret_reply)
{
    struct client client;

    world_pass(world, &client, method, path, fields, body);
    client_read_reply(&client, strcmp(method, "HEAD") == 0, ret_reply);
    client_close(&client);
}

static void check_body(struct world *world, const char *method, const char *path,
                       const char *fields, const char *expected)
{
    struct client_reply reply;

    pass(world, method, path, fields, "", &reply);
    assert_string_equal(reply.body, expected);
    client_reply_fini(&reply);
}

static void test_fields_pass_both_ways(void **state)
{
    struct world world;
    struct client_reply reply;
    char head[HEAD_BYTES];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/x?a=b",
              ORIGIN_SEND("HTTP/1.1 299 Odd\r\nX-First: 1\r\nset-cookie: a=b\r\nX-Second: 2\r\n"
                          "Connection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nok"));
    pass(&world, "GET", "/x?a=b",
         "X-Custom: yes\r\nConnection: X-Mine\r\nX-Mine: 1\r\nUser-Agent: browser\r\n", "", &reply);
    assert_int_equal(reply.status, 299);
    assert_string_equal(reply.body, "ok");
    assert_non_null(strstr(reply.head, "X-First: 1\r\nset-cookie: a=b\r\nX-Second: 2\r\n"));
    assert_null(strstr(reply.head, "X-Hop"));
    assert_null(strstr(reply.head, "Content-Security-Policy"));
    assert_non_null(strstr(reply.head, "Via: 1.1 fetchonce"));
    origin_last_request(world.origin, "/x?a=b", head, sizeof head);
    assert_non_null(strstr(head, "Host: public.example\r\n"));
    assert_non_null(strstr(head, "X-Custom: yes\r\n"));
    assert_non_null(strstr(head, "User-Agent: browser\r\n"));
    assert_null(strstr(head, "X-Mine"));
    assert_null(strstr(head, "Accept:"));
    client_reply_fini(&reply);
    world_stop(&world);
}

/* No lifetime of ours: what the origin does not allow is not stored. */
static void test_standard_alone_decides_what_is_stored(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/kept",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 1\r\n"
                          "\r\nk"));
    origin_on(world.origin, "/plain", ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < 2; i++) {
        check_body(&world, "GET", "/kept", "", "k");
        check_body(&world, "GET", "/plain", "", "hello");
    }
    check_body(&world, "HEAD", "/kept", "", "");
    assert_int_equal(origin_hits(world.origin, "/kept"), 1);
    assert_int_equal(origin_hits(world.origin, "/plain"), 2);
    world_stop(&world);
}

/* What a client has removed on the way, or claims of itself, does not choose among answers. */
static void test_variants_are_chosen_by_what_the_origin_gets(void **state)
{
    static const struct {
        const char *vary, *chosen, *claimed;
    } rows[] = {
        {"X-Chosen", "X-Chosen: 1\r\n", "X-Chosen: 1\r\nConnection: X-Chosen\r\n"},
        {"X-Real-IP", "", "X-Real-IP: 10.1.1.1\r\n"},
        {"X-Forwarded-For", "", "X-Forwarded-For: 10.1.1.1\r\n"},
    };
    struct world world;
    char answer[256];

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned hits = *rows[i].chosen != '\0' ? 2 : 1;
        world_start(&world, NULL);
        snprintf(answer, sizeof answer,
                 "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nVary: %s\r\n"
                 "Content-Length: 5\r\n\r\nhello",
                 rows[i].vary);
        origin_on(world.origin, "/varies", ORIGIN_SEND(answer));
        check_body(&world, "GET", "/varies", rows[i].chosen, "hello");
        check_body(&world, "GET", "/varies", rows[i].claimed, "hello");
        assert_int_equal(origin_hits(world.origin, "/varies"), hits);
        check_body(&world, "GET", "/varies", rows[i].claimed, "hello");
        check_body(&world, "GET", "/varies", rows[i].chosen, "hello");
        assert_int_equal(origin_hits(world.origin, "/varies"), hits);
        world_stop(&world);
    }
}

static void test_redirects_are_the_clients(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/from",
              ORIGIN_SEND("HTTP/1.1 302 Found\r\nLocation: /to\r\nContent-Length: 0\r\n\r\n"));
    pass(&world, "GET", "/from", "", "", &reply);
    assert_int_equal(reply.status, 302);
    assert_string_equal(client_reply_field(&reply, "Location"), "/to");
    client_reply_fini(&reply);
    world_stop(&world);
}

/* Bodies of both framings arrive, and a good answer makes what was stored unusable. */
static void case_21_unsafe_methods_pass_and_invalidate(void **state)
{
    static const char *const framings[][2] = {
        {"Content-Length: 5\r\n", "there"},
        {"Transfer-Encoding: chunked\r\n", "2\r\nth\r\n3\r\nere\r\n0\r\n\r\n"},
    };
    struct world world;
    struct client_reply reply;
    char head[HEAD_BYTES];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/doc",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 1\r\n"
                          "\r\nd"));
    for (unsigned i = 0; i < 2; i++) {
        check_body(&world, "GET", "/doc", "", "d");
        check_body(&world, "GET", "/doc", "", "d");
        assert_int_equal(origin_hits(world.origin, "/doc"), 1 + 2 * i);
        pass(&world, i == 0 ? "POST" : "M-SEARCH", "/doc", framings[i][0], framings[i][1], &reply);
        assert_int_equal(reply.status, 200);
        assert_null(
            client_reply_field(&reply, "Accept-Ranges")); /* its origin says nothing of it */
        client_reply_fini(&reply);
        origin_last_request(world.origin, "/doc", head, sizeof head);
        assert_non_null(strstr(head, i == 0 ? "POST /doc" : "M-SEARCH /doc"));
        assert_non_null(strstr(head, i == 0 ? "Content-Length: 5" : "Transfer-Encoding: chunked"));
        assert_non_null(strstr(head, i == 0 ? "\r\n\r\nthere" : "\r\n0\r\n\r\n"));
    }
    world_stop(&world);
}

/* A GET stays one, and what comes with a HEAD is not announced to the origin, which would take the
 * next request for it. */
static void test_bodies_change_no_safe_method(void **state)
{
    static const struct {
        const char *method, *fields, *framing, *body;
        bool is_sent;
    } rows[] = {
        {"GET", "Cache-Control: no-store\r\n", "Content-Length: 5\r\n", "there", true},
        {"GET", "If-Match: *\r\n", "Transfer-Encoding: chunked\r\n", "5\r\nthere\r\n0\r\n\r\n",
         true},
        {"GET", "", "Content-Length: 5\r\n", "there", false},
        {"HEAD", "", "Content-Length: 5\r\n", "there", false},
        {"HEAD", "", "Transfer-Encoding: chunked\r\n", "5\r\nthere\r\n0\r\n\r\n", false},
        {"HEAD", "Cache-Control: no-store\r\n", "Content-Length: 5\r\n", "there", false},
    };
    struct world world;
    struct client_reply reply;
    char head[HEAD_BYTES], fields[128], line[32];

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("row %u\n", i);
        world_start(&world, NULL);
        origin_on(world.origin, "/body", ORIGIN_SEND(OK_HELLO));
        snprintf(fields, sizeof fields, "%s%s", rows[i].fields, rows[i].framing);
        pass(&world, rows[i].method, "/body", fields, rows[i].body, &reply);
        assert_int_equal(reply.status, 200);
        client_reply_fini(&reply);
        origin_last_request(world.origin, "/body", head, sizeof head);
        snprintf(line, sizeof line, "%s /body HTTP/1.1\r\n", rows[i].method);
        assert_ptr_equal(strstr(head, line), head);
        assert_int_equal(strstr(head, rows[i].framing) != NULL, rows[i].is_sent);
        assert_int_equal(strstr(head, "there") != NULL, rows[i].is_sent);
        world_stop(&world);
    }
}

/* An answer to a range that only the origin has, or to a condition, is passed on as it is. */
static void test_conditions_that_bypass_are_the_origins(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/etag",
              ORIGIN_SEND("HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n"));
    pass(&world, "PUT", "/etag", "If-Match: \"x\"\r\nContent-Length: 1\r\n", "x", &reply);
    assert_int_equal(reply.status, 412);
    client_reply_fini(&reply);
    world_stop(&world);
}

/* RFC 9110 section 15.2: interim answers go on as they come. */
static void test_interim_answers_are_forwarded(void **state)
{
    struct world world;
    struct client client;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/hints",
              ORIGIN_SEND("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 5\r\n"
                          "\r\n"),
              ORIGIN_GATE, ORIGIN_SEND("HTTP/1.1 102 Processing\r\n\r\n" OK_HELLO));
    world_pass(&world, &client, "GET", "/hints", "", "");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 103);
    assert_string_equal(client_reply_field(&reply, "Link"), "</a>");
    assert_null(client_reply_field(&reply, "Content-Length"));
    client_reply_fini(&reply);
    origin_release(world.origin, "/hints");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 102);
    client_reply_fini(&reply);
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "hello");
    client_reply_fini(&reply);
    client_close(&client);
    world_stop(&world);
}

/* RFC 9110 section 6.5: to a client that takes them, whether the answer is there at once or not;
 * but none that would change what the answer means. */
static void test_trailers_are_forwarded(void **state)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n";
    static const char end[] = "0\r\nX-Sum: 1\r\nCache-Control: max-age=60\r\nX-More: 2\r\n\r\n";
    static const char *const methods[] = {"GET", "POST"};
    static const char *const fields[] = {"TE: trailers\r\n", ""};
    struct world world;
    struct client client;
    struct client_reply reply;
    char head[HEAD_BYTES];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/late", ORIGIN_SEND(answer), ORIGIN_GATE, ORIGIN_SEND(end));
    origin_on(world.origin, "/whole",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                          "\r\n2\r\nab\r\n0\r\nX-Sum: 1\r\n"
                          "X-More: 2\r\n\r\n"));
    for (unsigned i = 0; i < 4; i++) {
        const char *expected = i < 2 ? "X-Sum: 1\r\nX-More: 2\r\n" : "";
        for (unsigned late = 0; late < 2; late++) {
            const char *path = late ? "/late" : "/whole";
            world_pass(&world, &client, methods[i % 2], path, fields[i / 2], "");
            if (late && i == 0)
                origin_wait_gate(world.origin, path, 1);
            if (late)
                origin_release(world.origin, path);
            client_read_reply(&client, false, &reply);
            assert_string_equal(reply.body, "ab");
            if (reply.is_chunked)
                assert_string_equal(reply.trailers, expected);
            assert_true(reply.is_chunked || i >= 2);
            client_reply_fini(&reply);
            client_close(&client);
            origin_last_request(world.origin, path, head, sizeof head);
            assert_int_equal(strstr(head, "\r\nTE: trailers\r\n") != NULL, i < 2);
            assert_int_equal(strstr(head, "\r\nConnection: TE\r\n") != NULL, i < 2);
        }
    }
    world_stop(&world);
}

/* RFC 9111 section 4.4: also what the answer names of the same origin. */
static void case_21_named_locations_are_invalidated(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/list",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 1\r\n"
                          "\r\nl"));
    origin_on(world.origin, "/add",
              ORIGIN_SEND("HTTP/1.1 201 Created\r\nLocation: http://public.example/list\r\n"
                          "Content-Length: 0\r\n\r\n"));
    for (unsigned i = 0; i < 2; i++) {
        check_body(&world, "GET", "/list", "", "l");
        check_body(&world, "GET", "/list", "", "l");
        assert_int_equal(origin_hits(world.origin, "/list"), i + 1);
        pass(&world, "POST", "/add", "Content-Length: 1\r\n", "x", &reply);
        client_reply_fini(&reply);
    }
    world_stop(&world);
}

/* RFC 9110 section 9.3.3: an answer to POST that names its own URL is one to GET. */
static void test_post_that_names_its_url_is_reused(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/form",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n"
                          "Content-Location: /form\r\nContent-Length: 1\r\n\r\nf"));
    pass(&world, "POST", "/form", "Content-Length: 1\r\n", "x", &reply);
    client_reply_fini(&reply);
    check_body(&world, "GET", "/form", "", "f");
    assert_int_equal(origin_hits(world.origin, "/form"), 1);
    world_stop(&world);
}

/* What comes behind the announced length is nobody's, and the connection is not used again. */
static void test_excess_bytes_are_dropped(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/excess",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n"
                          "Content-Length: 3\r\n\r\nbad"));
    check_body(&world, "GET", "/excess", "", "ok");
    check_body(&world, "GET", "/excess", "", "ok");
    assert_int_equal(origin_connections(world.origin), 2);
    world_stop(&world);
}

static void test_origin_is_told_of_the_client(void **state)
{
    struct world world;
    char head[HEAD_BYTES];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/who", ORIGIN_SEND(OK_HELLO));
    check_body(&world, "GET", "/who", "X-Forwarded-For: 9.9.9.9\r\n", "hello");
    origin_last_request(world.origin, "/who", head, sizeof head);
    assert_non_null(strstr(head, "X-Forwarded-For: 127.0.0.1\r\n"));
    assert_non_null(strstr(head, "X-Forwarded-Host: public.example\r\n"));
    assert_null(strstr(head, "9.9.9.9"));
    world_stop(&world);
}

/* An absolute target: the origin gets its path, and Host made of the target. */
static void test_forward_proxy_fetches_what_the_target_names(void **state)
{
    struct world world;
    char target[128], host[64], head[HEAD_BYTES];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/far?q",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 3\r\n"
                          "\r\nfar"));
    snprintf(target, sizeof target, "http://127.0.0.1:%u/far?q", origin_port(world.origin));
    for (unsigned i = 0; i < 2; i++)
        check_body(&world, "GET", target, "", "far");
    assert_int_equal(origin_hits(world.origin, "/far?q"), 1);
    origin_last_request(world.origin, "/far?q", head, sizeof head);
    snprintf(host, sizeof host, "GET /far?q HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n",
             origin_port(world.origin));
    assert_non_null(strstr(head, host));
    world_stop(&world);
}

/* RFC 9112 section 3.2.4: without a path it is about the server behind the proxy, not its root. */
static void test_options_of_another_server_as_a_whole(void **state)
{
    static const char *const ends[] = {"", "/", "?q"};
    static const char *const origin_targets[] = {"*", "/", "/?q"};
    struct world world;
    char target[64], expected[96], head[HEAD_BYTES];

    (void)state;
    world_start(&world, NULL);
    for (unsigned i = 0; i < 3; i++)
        origin_on(world.origin, origin_targets[i], ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < 6; i++) {
        snprintf(target, sizeof target, "http://127.0.0.1:%u%s", origin_port(world.origin),
                 ends[i % 3]);
        check_body(&world, "OPTIONS", target, "", "hello");
        assert_int_equal(origin_hits(world.origin, origin_targets[i % 3]), 1 + i / 3);
        origin_last_request(world.origin, origin_targets[i % 3], head, sizeof head);
        snprintf(expected, sizeof expected, "OPTIONS %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n",
                 origin_targets[i % 3], origin_port(world.origin));
        assert_int_equal(strncmp(head, expected, strlen(expected)), 0);
    }
    world_stop(&world);
}

/* The egress guard has its say. */
static void test_forward_proxy_is_guarded(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    pass(&world, "GET", "http://10.0.0.1/", "", "", &reply);
    assert_int_equal(reply.status, 403);
    client_reply_fini(&reply);
    pass(&world, "CONNECT", "example.com:443", "", "", &reply);
    assert_int_equal(reply.status, 405);
    client_reply_fini(&reply);
    world_stop(&world);
}

static void test_hops_run_out(void **state)
{
    struct world world;
    struct client_reply reply;
    char head[HEAD_BYTES];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/hops", ORIGIN_SEND(OK_HELLO));
    pass(&world, "OPTIONS", "/hops", "Max-Forwards: 0\r\n", "", &reply);
    assert_int_equal(reply.status, 204);
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/hops"), 0);
    check_body(&world, "OPTIONS", "/hops", "Max-Forwards: 3\r\n", "hello");
    origin_last_request(world.origin, "/hops", head, sizeof head);
    assert_non_null(strstr(head, "Max-Forwards: 2\r\n"));
    world_stop(&world);
}

/* RFC 8586: what has been here before goes round in a circle. */
static void test_loops_are_508(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    pass(&world, "POST", "/x", "CDN-Loop: fetchonce\r\nContent-Length: 0\r\n", "", &reply);
    assert_int_equal(reply.status, 508);
    client_reply_fini(&reply);
    world_stop(&world);
}

/* RFC 9112 section 6.3: without chunks its end is that of the connection. */
static void test_unknown_transfer_coding_ends_with_its_connection(void **state)
{
    static const char *const refused[] = {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: odd, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nbody", /* it would have to be undone */
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: odd\r\n\r\nbody"};
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/coded",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: odd\r\n\r\nbody"), ORIGIN_CLOSE);
    pass(&world, "GET", "/coded", "", "", &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "body");
    assert_true(reply.is_whole);
    client_reply_fini(&reply);
    for (unsigned i = 0; i < sizeof refused / sizeof *refused; i++) {
        origin_on(world.origin, "/refused", ORIGIN_SEND(refused[i]), ORIGIN_CLOSE);
        pass(&world, "POST", "/refused", "Content-Length: 0\r\n", "", &reply);
        assert_int_equal(reply.status, 502);
        client_reply_fini(&reply);
    }
    world_stop(&world);
}

/* The origin has ended the connection that was kept, and the body has been taken from the client.
 */
static void test_body_is_not_sent_twice(void **state)
{
    struct world world;
    struct client client;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/warm", ORIGIN_SEND(OK_HELLO));
    origin_on(world.origin, "/put", ORIGIN_RESET);
    world_pass(&world, &client, "GET", "/warm", "", "");
    client_read_reply(&client, false, &reply);
    client_reply_fini(&reply);
    client_send_text(&client,
                     "PUT /put HTTP/1.1\r\nHost: public.example\r\nContent-Length: 1\r\n\r\nx");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 502);
    assert_non_null(strstr(reply.body, "the origin closed the connection"));
    assert_int_equal(origin_hits(world.origin, "/put"), 1);
    client_reply_fini(&reply);
    client_close(&client);
    world_stop(&world);
}

static void test_dead_origin_is_502(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/dead", ORIGIN_CLOSE);
    pass(&world, "POST", "/dead", "Content-Length: 1\r\n", "x", &reply);
    assert_int_equal(reply.status, 502);
    client_reply_fini(&reply);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_pass_both_ways),
        cmocka_unit_test(test_standard_alone_decides_what_is_stored),
        cmocka_unit_test(test_variants_are_chosen_by_what_the_origin_gets),
        cmocka_unit_test(test_redirects_are_the_clients),
        cmocka_unit_test(case_21_unsafe_methods_pass_and_invalidate),
        cmocka_unit_test(test_bodies_change_no_safe_method),
        cmocka_unit_test(test_conditions_that_bypass_are_the_origins),
        cmocka_unit_test(test_interim_answers_are_forwarded),
        cmocka_unit_test(test_trailers_are_forwarded),
        cmocka_unit_test(case_21_named_locations_are_invalidated),
        cmocka_unit_test(test_post_that_names_its_url_is_reused),
        cmocka_unit_test(test_excess_bytes_are_dropped),
        cmocka_unit_test(test_origin_is_told_of_the_client),
        cmocka_unit_test(test_forward_proxy_fetches_what_the_target_names),
        cmocka_unit_test(test_options_of_another_server_as_a_whole),
        cmocka_unit_test(test_forward_proxy_is_guarded),
        cmocka_unit_test(test_hops_run_out),
        cmocka_unit_test(test_loops_are_508),
        cmocka_unit_test(test_unknown_transfer_coding_ends_with_its_connection),
        cmocka_unit_test(test_body_is_not_sent_twice),
        cmocka_unit_test(test_dead_origin_is_502),
    };

    world_prepare();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
