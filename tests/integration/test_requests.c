/* SPDX-License-Identifier: MIT */
/*
 * test_requests.c - requests over a real socket: taken, kept apart, or refused with their status.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "server_fixture.h"

#define HOST "Host: localhost\r\n"

static int start(void **state)
{
    static struct fixture fixture;

    fixture_init(&fixture);
    fixture_start(&fixture);
    *state = &fixture;
    return 0;
}

static int stop(void **state)
{
    fixture_stop(*state);
    return 0;
}

static void exchange(struct client *client, const char *text, int status)
{
    client_send_text(client, text);
    fixture_expect(client, status);
}

static void expect_body(struct client *client, const char *body)
{
    struct client_reply reply;

    client_read_reply(client, false, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, body);
    client_reply_fini(&reply);
}

struct refusal {
    int status;
    const char *text;
};

static const struct refusal refusals[] = {
    {400, "GET / HTTP/1.1\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" HOST HOST "\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {400, "GET /\r\n"},
    {400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"},
    {400, "GET / HTTP/1.1\n" HOST "\n"},
    {400, "GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n"},
    {400, "POST /body HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {400, "POST /body HTTP/1.1\r\n" HOST "Content-Length: x\r\n\r\n"},
    {400, "POST /body HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nz\r\n"},
    {413, "POST /body HTTP/1.1\r\n" HOST "Content-Length: 9999999999\r\n\r\n"},
    {417, "POST /body HTTP/1.1\r\n" HOST "Content-Length: 1\r\nExpect: more\r\n\r\n"},
    {501, "POST /body HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n"},
    {505, "GET / HTTP/3.0\r\n" HOST "\r\n"},
    {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
};

static void test_malformed_input_gets_its_status_a_problem_and_the_end(void **state)
{
    struct fixture *fixture = *state;
    struct client client;

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        client_open(&client, fixture->address);
        client_send_text(&client, refusals[i].text);
        fixture_expect_refusal(&client, refusals[i].status);
        client_close(&client);
    }
}

/* The bytes behind the fault are unread when the server closes; that must not destroy the reply. */
static void test_problem_reaches_a_client_that_goes_on_sending(void **state)
{
    static char more[256 * 1024];
    struct fixture *fixture = *state;
    struct client client;

    memset(more, 'x', sizeof(more));
    client_open(&client, fixture->address);
    client_send_text(&client, "GET / HTTP/1.1\r\nbad\r\n\r\n");
    client_send(&client, more, sizeof(more));
    fixture_expect_refusal(&client, 400);
    client_close(&client);
}

static void test_request_cut_off_in_the_middle_is_told(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"GET /acc", "GET /access HTTP/1.1\r\n" HOST,
                                        "POST /body HTTP/1.1\r\n" HOST
                                        "Content-Length: 5\r\n\r\nab"};
    struct client client;

    for (size_t i = 0; i < 3; i++) {
        client_open(&client, fixture->address);
        client_send_text(&client, texts[i]);
        client_end(&client);
        fixture_expect_refusal(&client, 400);
        client_close(&client);
    }
}

static void test_connection_is_kept_over_requests_and_errors_of_paths_and_methods(void **state)
{
    struct fixture *fixture = *state;
    struct client client;
    struct client_reply reply;

    client_open(&client, fixture->address);
    exchange(&client, "GET /healthz HTTP/1.1\r\n" HOST "\r\n", 200);
    exchange(&client, "GET /nothing HTTP/1.1\r\n" HOST "\r\n", 404);
    client_send_text(&client, "POST /healthz HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 405);
    assert_string_equal(client_reply_field(&reply, "Allow"), "GET, HEAD");
    assert_false(reply.closes);
    client_reply_fini(&reply);
    exchange(&client, "BREW /healthz HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", 501);
    client_send_text(&client, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 204);
    assert_string_equal(client_reply_field(&reply, "Allow"), "GET, HEAD, POST, OPTIONS");
    client_reply_fini(&reply);
    exchange(&client, "GET http://localhost/healthz HTTP/1.1\r\n" HOST "\r\n", 200);
    client_send_text(&client, "CONNECT h:1 HTTP/1.1\r\n" HOST "\r\n");
    fixture_expect_refusal(&client, 405);
    client_close(&client);
}

static void test_versions_and_connection_fields_decide_about_keeping(void **state)
{
    static const struct {
        const char *text;
        bool closes;
    } rows[] = {
        {"GET /healthz HTTP/1.1\r\n" HOST "\r\n", false},
        {"GET /healthz HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", true},
        {"GET /healthz HTTP/1.0\r\n\r\n", true},
        {"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false},
    };
    struct fixture *fixture = *state;
    struct client client;
    struct client_reply reply;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        client_open(&client, fixture->address);
        client_send_text(&client, rows[i].text);
        client_read_reply(&client, false, &reply);
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.closes, rows[i].closes);
        client_reply_fini(&reply);
        if (rows[i].closes)
            assert_true(client_is_closed_next(&client));
        else
            exchange(&client, rows[i].text, 200);
        client_close(&client);
    }
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct client client;

    client_open(&client, fixture->address);
    client_send_text(&client, "POST /body HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"
                              "GET /nothing HTTP/1.1\r\n" HOST "\r\n"
                              "POST /body HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                              "2\r\nab\r\n3;x=y\r\ncde\r\n0\r\nT: t\r\n\r\n"
                              "\r\nGET /healthz HTTP/1.1\r\n" HOST "\r\n");
    expect_body(&client, "3");
    fixture_expect(&client, 404);
    expect_body(&client, "5");
    expect_body(&client, "ok\n");
    client_close(&client);
}

/* More than one buffer, and more than the replies that are gathered into one send. */
static void test_a_thousand_pipelined_requests_are_all_answered(void **state)
{
    struct fixture *fixture = *state;
    struct client client;

    client_open(&client, fixture->address);
    for (int i = 0; i < 1000; i++)
        client_send_text(&client, "GET /healthz HTTP/1.1\r\n" HOST "\r\n");
    for (int i = 0; i < 1000; i++)
        expect_body(&client, "ok\n");
    assert_false(client_has_bytes(&client, 0));
    client_close(&client);
}

static void test_request_may_come_byte_by_byte(void **state)
{
    static const char text[] =
        "POST /body HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    struct fixture *fixture = *state;
    struct client client;

    client_open(&client, fixture->address);
    for (size_t i = 0; i < strlen(text); i++)
        client_send(&client, text + i, 1);
    expect_body(&client, "3");
    client_close(&client);
}

static void test_long_bodies_and_heads_beyond_one_buffer_are_read(void **state)
{
    static char body[300 * 1024];
    static char pad[20000];
    struct fixture *fixture = *state;
    struct client client;

    memset(body, 'b', sizeof(body));
    memset(pad, 'p', sizeof(pad) - 1);
    client_open(&client, fixture->address);
    for (int i = 0; i < 3; i++) {
        client_send_format(&client,
                           "POST /body HTTP/1.1\r\n" HOST "Pad: %s\r\nContent-Length: %zu\r\n\r\n",
                           pad, sizeof(body));
        client_send(&client, body, sizeof(body));
        expect_body(&client, "307200");
    }
    client_close(&client);
}

static void test_client_that_waits_is_told_to_continue(void **state)
{
    struct fixture *fixture = *state;
    struct client client;
    struct client_reply reply;

    client_open(&client, fixture->address);
    client_send_text(&client, "POST /body HTTP/1.1\r\n" HOST
                              "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 100);
    client_reply_fini(&reply);
    client_send_text(&client, "body");
    expect_body(&client, "4");
    /* One that sends its body at once needs no invitation. */
    client_send_text(&client, "POST /body HTTP/1.1\r\n" HOST
                              "Content-Length: 4\r\nExpect: 100-continue\r\n\r\nbody");
    expect_body(&client, "4");
    client_close(&client);
}

static void test_client_that_waits_in_vain_gets_the_final_answer(void **state)
{
    struct fixture *fixture = *state;
    struct client client;

    client_open(&client, fixture->address);
    client_send_text(&client, "POST /nothing HTTP/1.1\r\n" HOST
                              "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    fixture_expect_refusal(&client, 404);
    client_close(&client);
}

static void test_head_gets_the_head_of_get(void **state)
{
    struct fixture *fixture = *state;
    struct client client;
    struct client_reply reply;

    client_open(&client, fixture->address);
    client_send_text(&client, "HEAD /big HTTP/1.1\r\n" HOST "\r\n"
                              "HEAD /stream HTTP/1.1\r\n" HOST "\r\n"
                              "HEAD /length HTTP/1.1\r\n" HOST "\r\n"
                              "HEAD /nothing HTTP/1.1\r\n" HOST "\r\n");
    client_read_reply(&client, true, &reply);
    assert_string_equal(client_reply_field(&reply, "Content-Length"), "8388608");
    assert_string_equal(client_reply_field(&reply, "X-Prepared"), "yes");
    client_reply_fini(&reply);
    client_read_reply(&client, true, &reply);
    assert_int_equal(reply.status, 200);
    assert_null(client_reply_field(&reply, "Content-Length"));
    client_reply_fini(&reply);
    client_read_reply(&client, true, &reply);
    assert_string_equal(client_reply_field(&reply, "Content-Length"), "8388608");
    client_reply_fini(&reply);
    client_read_reply(&client, true, &reply);
    assert_int_equal(reply.status, 404);
    client_reply_fini(&reply);
    exchange(&client, "GET /healthz HTTP/1.1\r\n" HOST "\r\n", 200);
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed_input_gets_its_status_a_problem_and_the_end),
        cmocka_unit_test(test_problem_reaches_a_client_that_goes_on_sending),
        cmocka_unit_test(test_request_cut_off_in_the_middle_is_told),
        cmocka_unit_test(test_connection_is_kept_over_requests_and_errors_of_paths_and_methods),
        cmocka_unit_test(test_versions_and_connection_fields_decide_about_keeping),
        cmocka_unit_test(test_pipelined_requests_are_answered_in_order),
        cmocka_unit_test(test_a_thousand_pipelined_requests_are_all_answered),
        cmocka_unit_test(test_request_may_come_byte_by_byte),
        cmocka_unit_test(test_long_bodies_and_heads_beyond_one_buffer_are_read),
        cmocka_unit_test(test_client_that_waits_is_told_to_continue),
        cmocka_unit_test(test_client_that_waits_in_vain_gets_the_final_answer),
        cmocka_unit_test(test_head_gets_the_head_of_get),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
