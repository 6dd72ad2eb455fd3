/* SPDX-License-Identifier: MIT */
/*
 * test_upgrade_answers.c - wishes for another protocol that are not granted: by the route, by the
 * origin, or because something is wrong with it.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "upgrade_fixture.h"

static void test_what_is_not_allowed_goes_on_as_http(void **state)
{
    static const struct {
        const char *method;
        const char *target;
        const char *fields;
        const char *body;
    } cases[] = {
        {"GET", "/closed/a", WISH, ""},
        {"GET", "/a", "Connection: upgrade\r\nUpgrade: echo, h2c\r\nHTTP2-Settings: x\r\n", ""},
        {"GET", "/b", "Upgrade: websocket\r\n", ""},
        {"POST", "/c", WISH "Content-Length: 2\r\n", "ab"},
        {"POST", "/d", WISH "Content-Length: 0\r\n", ""},
        {"GET", "/e", WISH "Content-Length: 2\r\n", "ab"},
        {"GET", "/f", WISH "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"},
        {"HEAD", "/g", WISH, ""},
    };
    struct client client, host;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *head;
        program_send(&program, &client, cases[i].method, cases[i].target, cases[i].fields);
        client_send_text(&client, cases[i].body);
        take(&host);
        head = read_request(&host);
        assert_has(head, cases[i].target);
        assert_has_not(head, "Upgrade:");
        assert_has_not(head, "Connection: upgrade");
        /* Who switches then without having been asked is no HTTP. */
        client_send_text(&host, GRANTED "\r\n");
        expect_head(&client, 502);
        client_close(&client);
        client_close(&host);
    }
}

/* HTTP/1.0 has no Upgrade. */
static void test_an_old_client_is_passed_over(void **state)
{
    struct client client, host;

    (void)state;
    client_open(&client, &program.address);
    client_send_text(&client, "GET /a HTTP/1.0\r\n" WISH "\r\n");
    take(&host);
    assert_has_not(read_request(&host), "Upgrade:");
    client_send_text(&host, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    expect_head(&client, 200);
    client_close(&client);
    client_close(&host);
}

/* However the origin frames it; and nothing of it is stored. What came with the request too early
 * is neither sent to the origin nor taken for another request. */
static void test_another_answer_is_passed_on_and_ends_the_connection(void **state)
{
    static const struct {
        const char *answer;
        int status;
        const char *body;
        bool ends;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\n\r\nhello", 200,
         "hello", false},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x\r\nlo\r\n0\r\n"
         "A: b\r\n\r\n",
         200, "hello", false},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, "", false},
        {"HTTP/1.0 403 Forbidden\r\n\r\nno", 403, "no", true},
        {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", false},
        {"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", 304, "", false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n", 200, "ok", false},
    };
    struct client client, host;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(&client, "/kept", WISH "\r\nGET /closed/ HTTP/1.1\r\nHost: a\r\n");
        take(&host);
        read_request(&host);
        client_send_text(&host, cases[i].answer);
        if (cases[i].ends)
            client_end(&host);
        expect_last(&client, cases[i].status, cases[i].body);
        assert_true(client_is_closed_next(&host)); /* with nothing that was sent too early */
        client_close(&host);
    }
    ask(&client, "/kept", "");
    take(&host);
    read_request(&host);
    client_send_text(&host, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew");
    program_expect(&client, 200, "new");
    client_close(&host);
}

static void test_a_long_answer_waits_for_its_client(void **state)
{
    struct client client, host;
    char head[128];
    pthread_t thread;

    (void)state;
    ask(&client, "/", WISH);
    take(&host);
    read_request(&host);
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", LONG);
    client_send_text(&host, head);
    assert_int_equal(pthread_create(&thread, NULL, send_long, &host), 0);
    assert_has(expect_head(&client, 200), "Content-Length: 4194304\r\n");
    expect_long(&client);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(client_is_closed_next(&client));
    client_close(&client);
    client_close(&host);
}

static void test_a_malformed_answer_is_502(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nPRI *",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
        "HTTP/1.1 200 OK\r\nA\r\n\r\n",
        "\x81\x05hello\r\n",
    };
    struct client client, host;

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        ask(&client, "/", WISH);
        take(&host);
        read_request(&host);
        client_send_text(&host, answers[i]);
        expect_last(&client, 502, NULL);
        assert_true(client_is_closed_next(&host));
        client_close(&host);
    }
    process_wait_error(&program.process, "\"upgrade failed\" status=502 reason=not-http");
}

/* Once the client has a head, it is cut off instead. */
static void test_an_answer_that_breaks_off_is_cut(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n",
    };
    struct client client, host;

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        ask(&client, "/", WISH);
        take(&host);
        read_request(&host);
        client_send_text(&host, answers[i]);
        client_end(&host);
        assert_true(client_is_reset_next(&client));
        client_close(&client);
        client_close(&host);
    }
}

/* The first connection ends without a word: it is asked again, once, over another. */
static void test_an_origin_that_ends_at_once_is_asked_again(void **state)
{
    struct client client, host;

    (void)state;
    ask(&client, "/", WISH);
    take(&host);
    read_request(&host);
    client_close(&host);
    take(&host);
    read_request(&host);
    client_send_text(&host, GRANTED "\r\n");
    expect_head(&client, 101);
    client_close(&host);
    client_close(&client);

    ask(&client, "/", WISH);
    for (unsigned i = 0; i < 2; i++) {
        take(&host);
        read_request(&host);
        client_close(&host);
    }
    expect_last(&client, 502, NULL);
}

static void test_a_dead_origin_is_502_and_then_left_alone(void **state)
{
    struct client client;

    (void)state;
    start_with(",\"failures_max\":2,\"rest_ms\":60000,\"rest_max_ms\":60000,\"retries_max\":0", 0);
    deafen();
    for (unsigned i = 0; i < 2; i++) {
        ask(&client, "/", WISH);
        expect_last(&client, 502, NULL);
    }
    ask(&client, "/", WISH);
    assert_has(expect_head(&client, 503), "detail=left-alone");
    client_close(&client);
}

static void test_a_slow_origin_is_504(void **state)
{
    struct client client, host;

    (void)state;
    start_with(",\"timeouts\":{\"header_ms\":300,\"connect_ms\":300,\"resolve_ms\":300}", 0);
    ask(&client, "/", WISH);
    take(&host);
    read_request(&host);
    expect_last(&client, 504, NULL);
    assert_true(client_is_closed_next(&host));
    client_close(&host);
}

static void test_a_request_that_came_through_here_is_508(void **state)
{
    struct client client, host;
    char fields[512];
    const char *loop;

    (void)state;
    ask(&client, "/", WISH);
    take(&host);
    loop = strstr(read_request(&host), "CDN-Loop: ");
    assert_non_null(loop);
    snprintf(fields, sizeof fields, WISH "%.*s\r\n", (int)strcspn(loop, "\r"), loop);
    client_close(&client);
    client_close(&host);
    ask(&client, "/", fields);
    expect_last(&client, 508, NULL);
    ask(&client, "/", WISH "Cache-Control: only-if-cached\r\n");
    expect_last(&client, 504, NULL);
}

#define SERVED(test)  cmocka_unit_test_setup_teardown(test, start, stop)
#define STARTED(test) cmocka_unit_test_teardown(test, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_what_is_not_allowed_goes_on_as_http),
        SERVED(test_an_old_client_is_passed_over),
        SERVED(test_another_answer_is_passed_on_and_ends_the_connection),
        SERVED(test_a_long_answer_waits_for_its_client),
        SERVED(test_a_malformed_answer_is_502),
        SERVED(test_an_answer_that_breaks_off_is_cut),
        SERVED(test_an_origin_that_ends_at_once_is_asked_again),
        STARTED(test_a_dead_origin_is_502_and_then_left_alone),
        STARTED(test_a_slow_origin_is_504),
        SERVED(test_a_request_that_came_through_here_is_508),
    };

    return cmocka_run_group_tests_name("upgrade_answers", tests, NULL, NULL);
}
