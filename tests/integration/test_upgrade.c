/* SPDX-License-Identifier: MIT */
/*
 * test_upgrade.c - other protocols through a route of the program: what goes each way, and how
 * long. Wishes that are not granted: test_upgrade_answers.c.
 */
#include <pthread.h>
#include <signal.h>

#include "cmocka_all.h"
#include "upgrade_fixture.h"

static void test_what_goes_each_way_is_what_was_asked_for(void **state)
{
    struct client client, host;
    const char *head;

    (void)state;
    ask(&client, "/chat?a=b",
        WISH "Sec-WebSocket-Key: key\r\nRange: bytes=0-1\r\nTE: trailers\r\nCookie: c=d\r\n");
    take(&host);
    head = read_request(&host);
    assert_has(head, "GET /chat?a=b HTTP/1.1\r\nHost: 127.0.0.1:");
    assert_has(head, "\r\nSec-WebSocket-Key: key\r\nRange: bytes=0-1\r\nCookie: c=d\r\n");
    assert_has(head, "\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n");
    assert_has(head, "\r\nX-Forwarded-For: 127.0.0.1\r\n");
    assert_has(head, "\r\nVia: 1.1 ");
    assert_has(head, "\r\nCDN-Loop: ");
    assert_has_not(head, "h2c");
    assert_has_not(head, "TE: trailers");
    client_send_text(&host, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" GRANTED
                            "Content-Length: 0\r\nSec-WebSocket-Accept: yes\r\n\r\n");
    assert_has(expect_head(&client, 103), "Link: </a>\r\n");
    head = expect_head(&client, 101);
    assert_has(head, "HTTP/1.1 101 Switching Protocols\r\n");
    assert_has(head, "\r\nConnection: upgrade\r\nUpgrade: websocket\r\n");
    assert_has(head, "\r\nSec-WebSocket-Accept: yes\r\n");
    assert_has(head, "\r\nVia: 1.1 ");
    assert_has(head, "\r\nCache-Status: fetchonce; fwd=bypass\r\n");
    assert_has_not(head, "Content-Length");
    client_close(&client);
    assert_true(client_is_closed_next(&host));
    client_close(&host);
}

/* Either side may speak with its head, and bytes that look like HTTP are none. */
static void test_bytes_go_both_ways_until_the_origin_ends(void **state)
{
    struct client client, host;

    (void)state;
    ask(&client, "/", WISH "\r\nearly GET / HTTP/1.1\r\n");
    take(&host);
    read_request(&host);
    assert_false(client_has_bytes(&host, 50)); /* not before 101 */
    client_send_text(&host, GRANTED "\r\nHTTP/1.1 200 OK\r\n\r\n");
    expect_head(&client, 101);
    expect_bytes(&client, "HTTP/1.1 200 OK\r\n\r\n");
    expect_bytes(&host, "early GET / HTTP/1.1\r\n\r\n");
    for (unsigned i = 0; i < 3; i++) {
        client_send(&client, "\0one", 4);
        expect_raw(&host, "\0one", 4);
        client_send_text(&host, "two\n");
        expect_bytes(&client, "two\n");
    }
    client_send_text(&host, "last");
    client_close(&host);
    expect_bytes(&client, "last");
    assert_true(client_is_closed_next(&client));
    client_close(&client);
}

static void test_a_client_that_has_ended_still_gets_the_rest(void **state)
{
    struct client client, host;

    (void)state;
    open_both(&client, &host);
    client_send_text(&client, "bye");
    client_end(&client);
    expect_bytes(&host, "bye");
    assert_true(client_is_closed_next(&host));
    client_send_text(&host, "rest");
    expect_bytes(&client, "rest");
    client_close(&host);
    assert_true(client_is_closed_next(&client));
    client_close(&client);
}

static void test_a_break_at_one_end_is_one_at_the_other(void **state)
{
    struct client client, host;

    (void)state;
    open_both(&client, &host);
    client_reset(&host);
    assert_true(client_is_reset_next(&client));
    client_close(&client);
    open_both(&client, &host);
    client_reset(&client);
    assert_true(client_is_closed_next(&host));
    client_close(&host);
    /* And one that leaves before the answer. */
    ask(&client, "/", WISH);
    take(&host);
    read_request(&host);
    client_reset(&client);
    assert_true(client_is_closed_next(&host));
    client_close(&host);
}

/* In both directions at once, while nobody reads at first. */
static void test_both_ways_wait_for_each_other(void **state)
{
    struct client client, host;
    pthread_t threads[2];

    (void)state;
    open_both(&client, &host);
    assert_int_equal(pthread_create(&threads[0], NULL, send_long, &client), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, send_long, &host), 0);
    assert_true(client_has_bytes(&client, CLIENT_GUARD_MS));
    assert_true(client_has_bytes(&host, CLIENT_GUARD_MS));
    expect_long(&client);
    expect_long(&host);
    assert_int_equal(pthread_join(threads[0], NULL), 0);
    assert_int_equal(pthread_join(threads[1], NULL), 0);
    client_close(&host);
    client_close(&client);
}

/* One that does not read makes the other wait, and the server keeps next to nothing in between. */
static void test_nobody_is_sent_more_than_is_taken(void **state)
{
    const size_t enough = 64 * 1024 * 1024; /* more than the system holds by itself */
    struct client client, host;

    (void)state;
    open_both(&client, &host);
    assert_true(send_until_full(&host, enough) < enough);
    assert_true(send_until_full(&client, enough) < enough);
    client_reset(&client);
    client_close(&host);
}

static void test_a_connection_that_is_idle_is_closed(void **state)
{
    struct client client, host;

    (void)state;
    start_with(",\"timeouts\":{\"upgrade_idle_ms\":200}", 0);
    open_both(&client, &host);
    client_send_text(&client, "a");
    expect_bytes(&host, "a");
    assert_true(client_is_closed_next(&client));
    assert_true(client_is_closed_next(&host));
    client_close(&client);
    client_close(&host);
}

/* It holds its permit to the end, and the next waits for that. */
static void test_it_counts_for_the_limit_on_requests(void **state)
{
    struct client client, host, second, third;

    (void)state;
    start_with(",\"requests_max\":1,\"queue_max\":1", 0);
    open_both(&client, &host);
    ask(&second, "/plain", "");
    program_sync(&program);
    ask(&third, "/", WISH);
    expect_last(&third, 503, NULL);
    client_close(&host);
    assert_true(client_is_closed_next(&client));
    client_close(&client);
    take(&host);
    assert_has(read_request(&host), "GET /plain ");
    client_send_text(&host, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    program_expect(&second, 200, "ok");
    client_close(&host);
}

/* A plain GET is answered and stored as ever, while the same URL has its connection. */
static void test_plain_requests_go_on_beside_it(void **state)
{
    struct client client, host, plain, other;

    (void)state;
    ask(&client, "/same", WISH);
    take(&host);
    read_request(&host);
    client_send_text(&host, GRANTED "Cache-Control: max-age=60\r\n\r\n");
    expect_head(&client, 101);
    ask(&plain, "/same", "");
    take(&other);
    assert_has_not(read_request(&other), "Upgrade:");
    client_send_text(&other, "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n"
                             "Content-Length: 5\r\n\r\nplain");
    program_expect(&plain, 200, "plain");
    ask(&plain, "/same", "");
    assert_has(program_expect(&plain, 200, "plain"), "fetchonce; hit");
    client_close(&other);
    client_send_text(&client, "still");
    expect_bytes(&host, "still");
    client_close(&client);
    client_close(&host);
    /* What is stored is no answer to such a request. */
    ask(&client, "/same", WISH);
    take(&host);
    read_request(&host);
    client_send_text(&host, GRANTED "\r\n");
    expect_head(&client, 101);
    client_close(&client);
    client_close(&host);
}

/* The server stops: connections have the time of the drain, and are cut at its end, which is now
 * when the operator asks again. */
static void test_a_drain_leaves_connections_their_time(void **state)
{
    struct client client, host;

    (void)state;
    start_with("", 60000);
    open_both(&client, &host);
    process_signal(&program.process, SIGTERM);
    process_wait_error(&program.process, "stopping");
    client_send_text(&client, "a");
    expect_bytes(&host, "a");
    client_send_text(&host, "b");
    expect_bytes(&client, "b");
    process_signal(&program.process, SIGTERM);
    assert_true(client_is_reset_next(&client));
    assert_true(client_is_closed_next(&host));
    client_close(&client);
    client_close(&host);
    assert_int_equal(process_wait(&program.process), 0);
    forget();
}

#define SERVED(test)  cmocka_unit_test_setup_teardown(test, start, stop)
#define STARTED(test) cmocka_unit_test_teardown(test, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_what_goes_each_way_is_what_was_asked_for),
        SERVED(test_bytes_go_both_ways_until_the_origin_ends),
        SERVED(test_a_client_that_has_ended_still_gets_the_rest),
        SERVED(test_a_break_at_one_end_is_one_at_the_other),
        SERVED(test_both_ways_wait_for_each_other),
        SERVED(test_nobody_is_sent_more_than_is_taken),
        STARTED(test_a_connection_that_is_idle_is_closed),
        STARTED(test_it_counts_for_the_limit_on_requests),
        SERVED(test_plain_requests_go_on_beside_it),
        cmocka_unit_test(test_a_drain_leaves_connections_their_time),
    };

    return cmocka_run_group_tests_name("upgrade", tests, NULL, NULL);
}
