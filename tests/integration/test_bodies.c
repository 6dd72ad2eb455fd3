/* SPDX-License-Identifier: MIT */
/*
 * test_bodies.c - bodies of requests that a handler takes as they come, to their end.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "body_fixture.h"

/* A body with a content that tells where in it one is. */
static char *pattern(size_t length)
{
    char *bytes = malloc(length);

    assert_non_null(bytes);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)(i * 2654435761u >> 13);
    return bytes;
}

static void test_body_reaches_the_handler_as_it_comes(void **state)
{
    struct client client;

    (void)state;
    client_open(&client, body_fixture.server.address);
    client_send_text(&client, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\n");
    body_fixture_interim(&client, 102); /* so it has begun, though no byte of the body is there */
    client_send_text(&client, "abc");
    fixture_await(&body_fixture.started, 1);
    client_send_text(&client, "def" NEXT);
    body_fixture_expect(&client, "abcdef");
    body_fixture_expect(&client, "ok\n");
    client_close(&client);
}

static void test_request_without_a_body_has_its_end_at_once(void **state)
{
    static const char *const texts[] = {
        "GET /count HTTP/1.1\r\n" HOST "\r\n",
        "POST /count HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n",
        "FOO /count HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "POST /count HTTP/1.1\r\n" HOST CHUNKED "\r\n0\r\n\r\n",
        "GET /count HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n",
    };
    struct client client;

    (void)state;
    client_open(&client, body_fixture.server.address);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        client_send_text(&client, texts[i]);
        body_fixture_expect(&client, "0");
    }
    client_close(&client);
}

/* Each cut of the stream means the same; the handler is told of each piece. */
static void test_body_may_be_cut_anywhere(void **state)
{
    static const char text[] = "POST /count HTTP/1.1\r\n" HOST CHUNKED
                               "\r\n3;x=\"y\"\r\nabc\r\nb\r\n0123456789a\r\n0\r\nT: t\r\n\r\n"
                               "POST /count HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nabcd"
                               "POST /count HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n" NEXT;
    struct client client;

    (void)state;
    client_open(&client, body_fixture.server.address);
    for (size_t step = 1; step < sizeof(text); step += step < 3 ? 1 : 37) {
        for (size_t at = 0; at < strlen(text); at += step)
            client_send(&client, text + at, strlen(text) - at < step ? strlen(text) - at : step);
        body_fixture_expect(&client, "14");
        body_fixture_expect(&client, "4");
        body_fixture_expect(&client, "0");
        body_fixture_expect(&client, "ok\n");
    }
    client_close(&client);
}

struct sender {
    struct client *client;
    const char *bytes;
    bool is_chunked;
};

static void *send_long(void *context)
{
    const struct sender *sender = context;
    const size_t part = LONG / 64;

    for (size_t at = 0; at < LONG; at += part) {
        if (sender->is_chunked)
            client_send_format(sender->client, "%zx\r\n", part);
        client_send(sender->client, sender->bytes + at, part);
        if (sender->is_chunked)
            client_send_text(sender->client, "\r\n");
    }
    if (sender->is_chunked)
        client_send_text(sender->client, "0\r\n\r\n");
    client_send_text(sender->client, NEXT);
    return NULL;
}

/* Longer than all buffers on the way, so that both directions have to wait for each other. */
static void echo_long(const char *framing, bool is_chunked)
{
    char *bytes = pattern(LONG);
    struct client client;
    struct client_reply reply;
    struct sender sender = {.client = &client, .bytes = bytes, .is_chunked = is_chunked};
    pthread_t thread;

    client_open(&client, body_fixture.server.address);
    client_send_format(&client, "POST /echo HTTP/1.1\r\n" HOST "%s\r\n", framing);
    body_fixture_interim(&client, 102);
    assert_int_equal(pthread_create(&thread, NULL, send_long, &sender), 0);
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.is_chunked, is_chunked);
    assert_true(reply.is_whole);
    assert_int_equal(reply.body_bytes, LONG);
    assert_memory_equal(reply.body, bytes, LONG);
    /* A long body might have had to be dropped, which was to be told in the head. */
    assert_int_equal(reply.closes, !is_chunked);
    client_reply_fini(&reply);
    if (is_chunked)
        body_fixture_expect(&client, "ok\n");
    assert_int_equal(pthread_join(thread, NULL), 0);
    client_close(&client);
    free(bytes);
}

static void test_long_bodies_arrive_byte_for_byte(void **state)
{
    char framing[64];

    (void)state;
    echo_long(CHUNKED, true);
    snprintf(framing, sizeof(framing), "Content-Length: %d\r\n", LONG);
    echo_long(framing, false);
}

/* Sends zeros until the server takes no more; returns how many it took. */
static size_t send_until_full(struct client *client, size_t length)
{
    static const char zeros[65536];
    struct pollfd writable = {.fd = client->fd, .events = POLLOUT};
    size_t sent_bytes = 0;

    while (sent_bytes < length && poll(&writable, 1, 200) == 1) {
        size_t wanted = length - sent_bytes < sizeof(zeros) ? length - sent_bytes : sizeof(zeros);
        ssize_t sent = send(client->fd, zeros, wanted, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0)
            sent_bytes += (size_t)sent;
        else
            assert_int_equal(errno, EAGAIN);
    }
    return sent_bytes;
}

static void test_client_waits_while_the_handler_does_not_look(void **state)
{
    const size_t length = 256 * 1024 * 1024;
    static const char zeros[65536];
    char expected[32];
    struct client client;

    (void)state;
    client_open(&client, body_fixture.server.address);
    client_send_format(&client, "POST /hold HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n",
                       length);
    fixture_await(&body_fixture.started, 1);
    size_t sent = send_until_full(&client, length);
    assert_true(sent < length / 4); /* what sockets hold */
    body_fixture_release();
    for (; sent < length; sent += length - sent < sizeof(zeros) ? length - sent : sizeof(zeros))
        client_send(&client, zeros, length - sent < sizeof(zeros) ? length - sent : sizeof(zeros));
    snprintf(expected, sizeof(expected), "%zu", length);
    body_fixture_expect(&client, expected);
    client_send_text(&client, NEXT);
    body_fixture_expect(&client, "ok\n");
    client_close(&client);
}

/* What lies behind a long body in its buffer is the next request, whatever that needs. */
static void test_requests_behind_a_long_body_are_answered(void **state)
{
    const size_t length = 100000;
    char *bytes = pattern(length);
    char *pad = calloc(1, 20001);
    struct client client;

    (void)state;
    assert_non_null(pad);
    memset(pad, 'p', 20000);
    client_open(&client, body_fixture.server.address);
    for (int i = 0; i < 3; i++) {
        client_send_format(&client, "POST /count HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n",
                           length);
        client_send(&client, bytes, length);
        client_send_format(&client, "GET /healthz HTTP/1.1\r\n" HOST "Pad: %s\r\n\r\n", pad);
        client_send_format(
            &client, "POST /count HTTP/1.1\r\n" HOST CHUNKED "Pad: %s\r\n\r\n%zx\r\n", pad, length);
        client_send(&client, bytes, length);
        client_send_text(&client, "\r\n0\r\n\r\n" NEXT NEXT);
    }
    for (int i = 0; i < 3; i++) {
        body_fixture_expect(&client, "100000");
        body_fixture_expect(&client, "ok\n");
        body_fixture_expect(&client, "100000");
        body_fixture_expect(&client, "ok\n");
        body_fixture_expect(&client, "ok\n");
    }
    client_close(&client);
    free(pad);
    free(bytes);
}

/* A mix of requests as one string of bytes, and what each is to be answered with. */
#define MIX 40

struct mix {
    uint64_t random;
    struct client client;
    char *bytes;
    size_t length;
    size_t capacity;
    char answers[MIX][16];
};

static size_t below(struct mix *mix, size_t limit)
{
    mix->random = mix->random * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(mix->random >> 33) % limit;
}

static void add(struct mix *mix, const void *bytes, size_t length)
{
    if (mix->capacity - mix->length < length) {
        mix->capacity = mix->capacity * 2 + length;
        mix->bytes = realloc(mix->bytes, mix->capacity);
    }
    if (mix->bytes == NULL)
        exit(1); /* no memory */
    memcpy(mix->bytes + mix->length, bytes, length);
    mix->length += length;
}

static void add_body(struct mix *mix, size_t length, bool is_chunked)
{
    static const char body[70000];
    char line[64];

    if (!is_chunked) {
        add(mix, line, (size_t)snprintf(line, sizeof(line), "Content-Length: %zu\r\n\r\n", length));
        add(mix, body, length);
        return;
    }
    add(mix, CHUNKED "\r\n", strlen(CHUNKED "\r\n"));
    while (length > 0) {
        size_t part = 1 + below(mix, length);
        add(mix, line, (size_t)snprintf(line, sizeof(line), "%zx;a=b\r\n", part));
        add(mix, body, part);
        add(mix, "\r\n", 2);
        length -= part;
    }
    add(mix, "0\r\nA: b\r\n\r\n", strlen("0\r\nA: b\r\n\r\n"));
}

static void make_mix(struct mix *mix, uint64_t seed)
{
    static const char *const paths[] = {"/count", "/early",   "/some",
                                        "/body",  "/nothing", "/healthz"};
    char line[128];

    *mix = (struct mix){.random = seed};
    for (int i = 0; i < MIX; i++) {
        size_t path = below(mix, 6);
        size_t length = 1 + below(mix, below(mix, 2) == 0 ? 10 : 60000);
        const char *method = path < 4 ? "POST" : "GET";
        add(mix, line,
            (size_t)snprintf(line, sizeof(line), "%s %s HTTP/1.1\r\n" HOST, method, paths[path]));
        if (path == 5)
            add(mix, "\r\n", 2);
        else
            add_body(mix, length, below(mix, 2) == 0);
        if (path == 0 || path == 3)
            snprintf(mix->answers[i], sizeof(mix->answers[i]), "%zu", length);
        else if (path != 4)
            snprintf(mix->answers[i], sizeof(mix->answers[i]), "%s",
                     path == 1   ? "early"
                     : path == 2 ? "some"
                                 : "ok\n");
    }
}

static void *send_mix(void *context)
{
    struct mix *mix = context;

    for (size_t at = 0; at < mix->length;) {
        size_t part = 1 + below(mix, below(mix, 4) == 0 ? 100 : 20000);
        if (part > mix->length - at)
            part = mix->length - at;
        client_send(&mix->client, mix->bytes + at, part);
        at += part;
    }
    return NULL;
}

/* Taken, left, dropped, in chunks or not, cut anywhere: the next request begins where it does. */
static void test_any_mix_of_requests_is_answered_in_order(void **state)
{
    struct mix mix;
    pthread_t thread;

    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        make_mix(&mix, seed);
        client_open(&mix.client, body_fixture.server.address);
        assert_int_equal(pthread_create(&thread, NULL, send_mix, &mix), 0);
        for (int i = 0; i < MIX; i++) {
            if (mix.answers[i][0] == '\0')
                fixture_expect(&mix.client, 404);
            else
                body_fixture_expect(&mix.client, mix.answers[i]);
        }
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_false(client_has_bytes(&mix.client, 0));
        client_close(&mix.client);
        free(mix.bytes);
    }
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, body_fixture_start, body_fixture_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_body_reaches_the_handler_as_it_comes),
        SERVED(test_request_without_a_body_has_its_end_at_once),
        SERVED(test_body_may_be_cut_anywhere),
        SERVED(test_long_bodies_arrive_byte_for_byte),
        SERVED(test_client_waits_while_the_handler_does_not_look),
        SERVED(test_any_mix_of_requests_is_answered_in_order),
        SERVED(test_requests_behind_a_long_body_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
