/* SPDX-License-Identifier: MIT */
/*
 * test_answers.c - what an origin may answer reaches the client: any status, interim answers,
 * trailers, and an end of the connection that the handler asks for.
 *
 * One handler, /answer, does what the request's query says: a status, then letters.
 *
 *      i: 103 and 102 before it    t: trailers behind it    c: the connection ends after it
 *      s: the whole at once, else a stream of unknown length
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reply.h"
#include "server_fixture.h"

#define HOST "Host: localhost\r\n"

static const struct reply_memory memory_none;

static struct iovec text(const char *string)
{
    return (struct iovec){.iov_base = (void *)string, .iov_len = strlen(string)};
}

static void peer_start(struct request *request, void *context)
{
    static const struct reply_head head = {.status = 200};
    struct sockaddr_storage peer;

    (void)context;
    assert_int_equal(request_peer(request, &peer), 0);
    reply_copy(request, &head, &peer, sizeof(struct sockaddr_in));
}

static void on_gone(struct request *request)
{
    (void)request;
}

static void answer_start(struct request *request, void *context)
{
    char query[64];
    char *letters;
    struct reply_head head = {.prepared = text("x-First: 1\r\nX-SECOND: 2\r\n")};
    struct iovec body = text("body");

    (void)context;
    assert_true(request->query.length < sizeof(query));
    memcpy(query, request->query.bytes, request->query.length);
    query[request->query.length] = '\0';
    head.status = (int)strtol(query, &letters, 10);
    head.closes = strchr(letters, 'c') != NULL;
    if (strchr(letters, 'i') != NULL) {
        reply_interim(request, 103, text("Link: </a>; rel=preload\r\n"));
        reply_interim(request, 102, text(""));
    }
    if (strchr(letters, 's') != NULL) {
        reply_send(request, &head, &body, 1, memory_none);
        return;
    }
    request->on_gone = on_gone;
    reply_start(request, &head, REPLY_LENGTH_UNKNOWN, memory_none);
    (void)reply_write(request, &body, 1, memory_none);
    if (strchr(letters, 't') != NULL)
        reply_end_with_trailers(request, text("X-Sum: 7\r\nX-Other: b\r\n"));
    else
        reply_end(request);
}

static int start(void **state)
{
    static struct fixture fixture;

    fixture_init(&fixture);
    fixture.extra[fixture.extra_count++] = (struct server_route){
        .path = "/answer", .methods = REQUEST_ALL_METHODS, .start = answer_start};
    fixture.extra[fixture.extra_count++] =
        (struct server_route){.path = "/peer", .methods = REQUEST_GET, .start = peer_start};
    fixture_start(&fixture);
    *state = &fixture;
    return 0;
}

static int stop(void **state)
{
    fixture_stop(*state);
    return 0;
}

static void ask(struct client *client, const char *method, const char *query, const char *rest)
{
    client_send_format(client, "%s /answer?%s HTTP/1.1\r\n" HOST "%s\r\n", method, query, rest);
}

static void expect(struct client *client, const char *first_line, const char *body)
{
    struct client_reply reply;

    client_read_reply(client, false, &reply);
    assert_int_equal(strncmp(reply.head, first_line, strlen(first_line)), 0);
    assert_true(reply.is_whole);
    assert_string_equal(reply.body, body);
    client_reply_fini(&reply);
}

static void test_any_status_is_answered_and_the_connection_goes_on(void **state)
{
    static const struct {
        const char *query, *line, *body;
    } rows[] = {
        {"200", "HTTP/1.1 200 OK\r\n", "body"},       {"299", "HTTP/1.1 299 \r\n", "body"},
        {"204", "HTTP/1.1 204 No Content\r\n", ""},   {"205", "HTTP/1.1 205 Reset Content\r\n", ""},
        {"304", "HTTP/1.1 304 Not Modified\r\n", ""}, {"499", "HTTP/1.1 499 \r\n", "body"},
        {"599", "HTTP/1.1 599 \r\n", "body"},         {"999", "HTTP/1.1 999 \r\n", "body"},
    };
    struct fixture *fixture = *state;
    struct client client;
    char query[8];

    client_open(&client, fixture->address);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ask(&client, "GET", rows[i].query, "");
        expect(&client, rows[i].line, rows[i].body);
        snprintf(query, sizeof(query), "%ss", rows[i].query);
        ask(&client, "M-SEARCH", query, "");
        expect(&client, rows[i].line, rows[i].body);
    }
    client_close(&client);
}

/* 205 needs a framing, or a client would wait for the connection's end. */
static void test_205_tells_that_it_has_no_content(void **state)
{
    struct fixture *fixture = *state;
    struct client client;
    struct client_reply reply;

    client_open(&client, fixture->address);
    for (int i = 0; i < 2; i++) {
        ask(&client, "GET", i == 0 ? "205" : "205s", "");
        client_read_reply(&client, false, &reply);
        assert_string_equal(client_reply_field(&reply, "Content-Length"), "0");
        assert_null(client_reply_field(&reply, "Transfer-Encoding"));
        client_reply_fini(&reply);
    }
    client_close(&client);
}

static void test_interim_answers_come_before_the_final_one(void **state)
{
    struct fixture *fixture = *state;
    struct client client;
    struct client_reply reply;

    client_open(&client, fixture->address);
    for (int i = 0; i < 2; i++) {
        ask(&client, "GET", i == 0 ? "200i" : "404is", "");
        client_read_reply(&client, false, &reply);
        assert_string_equal(reply.head,
                            "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n");
        client_reply_fini(&reply);
        client_read_reply(&client, false, &reply);
        assert_string_equal(reply.head, "HTTP/1.1 102 Processing\r\n\r\n");
        client_reply_fini(&reply);
        expect(&client, i == 0 ? "HTTP/1.1 200 OK" : "HTTP/1.1 404 Not Found", "body");
    }
    client_close(&client);
}

static void test_old_clients_get_no_interim_answer_no_chunks_and_no_trailers(void **state)
{
    struct fixture *fixture = *state;
    struct client client;
    struct client_reply reply;

    client_open(&client, fixture->address);
    client_send_text(&client, "GET /answer?200it HTTP/1.0\r\nTE: trailers\r\n"
                              "Connection: keep-alive\r\n\r\n");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 200);
    assert_true(reply.closes);
    assert_false(reply.is_chunked);
    assert_null(client_reply_field(&reply, "Content-Length"));
    assert_true(reply.is_whole);
    assert_string_equal(reply.body, "body");
    client_reply_fini(&reply);
    client_close(&client);
}

static void test_trailers_are_for_those_who_take_them(void **state)
{
    static const struct {
        const char *fields, *trailers;
    } rows[] = {
        {"TE: trailers\r\n", "X-Sum: 7\r\nX-Other: b\r\n"},
        {"TE: deflate;q=0.5, Trailers\r\nConnection: TE\r\n", "X-Sum: 7\r\nX-Other: b\r\n"},
        {"TE: deflate\r\nTE: trailers\r\n", "X-Sum: 7\r\nX-Other: b\r\n"},
        {"TE: deflate\r\n", ""},
        {"TE: xtrailers\r\n", ""},
        {"", ""},
    };
    struct fixture *fixture = *state;
    struct client client;
    struct client_reply reply;

    client_open(&client, fixture->address);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ask(&client, "GET", "200t", rows[i].fields);
        client_read_reply(&client, false, &reply);
        assert_true(reply.is_whole);
        assert_true(reply.is_chunked);
        assert_string_equal(reply.body, "body");
        assert_string_equal(reply.trailers, rows[i].trailers);
        client_reply_fini(&reply);
        /* Where there are no chunks there is no place for them. */
        ask(&client, "HEAD", "200t", rows[i].fields);
        client_read_reply(&client, true, &reply);
        client_reply_fini(&reply);
    }
    client_close(&client);
}

static void test_handler_may_end_the_connection(void **state)
{
    static const char *const queries[] = {"200c", "200cs", "304c", "204cs"};
    struct fixture *fixture = *state;
    struct client client;
    struct client_reply reply;

    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        client_open(&client, fixture->address);
        ask(&client, "GET", queries[i], "");
        ask(&client, "GET", "200", ""); /* is not answered */
        client_read_reply(&client, false, &reply);
        assert_true(reply.is_whole);
        assert_true(reply.closes);
        client_reply_fini(&reply);
        assert_true(client_is_closed_next(&client));
        client_close(&client);
    }
}

static void test_fields_keep_their_order_and_spelling(void **state)
{
    struct fixture *fixture = *state;
    struct client client;
    struct client_reply reply;

    client_open(&client, fixture->address);
    ask(&client, "GET", "200s", "");
    client_read_reply(&client, false, &reply);
    assert_non_null(strstr(reply.head, "\r\nx-First: 1\r\nX-SECOND: 2\r\n"));
    client_reply_fini(&reply);
    client_close(&client);
}

static void test_handler_can_ask_for_the_address_of_its_client(void **state)
{
    struct fixture *fixture = *state;
    struct sockaddr_in own;
    socklen_t length = sizeof(own);
    struct client client;
    struct client_reply reply;

    client_open(&client, fixture->address);
    assert_int_equal(getsockname(client.fd, (struct sockaddr *)&own, &length), 0);
    client_send_text(&client, "GET /peer HTTP/1.1\r\n" HOST "\r\n");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.body_bytes, sizeof(own));
    assert_memory_equal(reply.body, &own, sizeof(own));
    client_reply_fini(&reply);
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_status_is_answered_and_the_connection_goes_on),
        cmocka_unit_test(test_205_tells_that_it_has_no_content),
        cmocka_unit_test(test_interim_answers_come_before_the_final_one),
        cmocka_unit_test(test_old_clients_get_no_interim_answer_no_chunks_and_no_trailers),
        cmocka_unit_test(test_trailers_are_for_those_who_take_them),
        cmocka_unit_test(test_handler_may_end_the_connection),
        cmocka_unit_test(test_handler_can_ask_for_the_address_of_its_client),
        cmocka_unit_test(test_fields_keep_their_order_and_spelling),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
