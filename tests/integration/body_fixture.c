/* SPDX-License-Identifier: MIT */
/*
 * body_fixture.c - see body_fixture.h.
 */
#include "body_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reply.h"

struct body_fixture body_fixture;

/* Of /hold, which is asked by one client at a time. */
static struct async_loop *loop;
static struct request *held;
static struct async_task release;

struct count {
    uint64_t bytes;
};

static const struct reply_memory memory_none;

static void on_gone(struct request *request)
{
    (void)request;
    atomic_fetch_add(&body_fixture.gone, 1);
}

static void answer(struct request *request, const char *text)
{
    static const struct reply_head head = {.status = 200};

    reply_copy(request, &head, text, strlen(text));
}

static void count_on(struct request *request)
{
    struct count *count = (struct count *)(void *)request->state;
    enum request_body_state state;
    struct span piece;
    char text[32];

    while ((state = request_body_look(request, &piece)) == REQUEST_BODY_PIECE) {
        struct span again;
        size_t part = piece.length / 2 + 1; /* not all at once, as a slow server behind would */
        request_body_take(request, part);
        count->bytes += part;
        if (part < piece.length) {
            assert_int_equal(request_body_look(request, &again), REQUEST_BODY_PIECE);
            assert_ptr_equal(again.bytes, piece.bytes + part);
            assert_int_equal(again.length, piece.length - part);
        }
    }
    if (state == REQUEST_BODY_LATER)
        return;
    assert_int_equal(count->bytes, request->body_bytes);
    /* However long the body was, the request is where it was. */
    assert_true(span_equals(request->path, span_of_string("/count")) ||
                span_equals(request->path, span_of_string("/hold")));
    assert_true(request->http_version < 11 ||
                span_equals(*request_field(request, "Host"), span_of_string("localhost")));
    atomic_fetch_add(&body_fixture.ended, 1);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)count->bytes);
    answer(request, text);
}

static void count_start(struct request *request, void *context)
{
    (void)context;
    request_state(request, sizeof(struct count));
    request->on_gone = on_gone;
    request->on_body = count_on;
    atomic_fetch_add(&body_fixture.started, 1);
    count_on(request);
}

static void echo_on(struct request *request)
{
    enum request_body_state state;
    struct span piece;
    bool goes_on = true;

    while (goes_on && (state = request_body_look(request, &piece)) == REQUEST_BODY_PIECE) {
        char *copy = malloc(piece.length);
        struct reply_memory memory = {.release = free, .context = copy};
        struct iovec span = {.iov_base = copy, .iov_len = piece.length};
        assert_non_null(copy);
        memcpy(copy, piece.bytes, piece.length);
        request_body_take(request, piece.length);
        goes_on = reply_write(request, &span, 1, memory);
    }
    if (goes_on && state == REQUEST_BODY_END)
        reply_end(request);
}

static void echo_start(struct request *request, void *context)
{
    static const struct reply_head head = {.status = 200};
    static const struct iovec none;

    (void)context;
    request->on_gone = on_gone;
    request->on_body = echo_on;
    request->on_writable = echo_on;
    atomic_fetch_add(&body_fixture.started, 1);
    if (request_field(request, "Expect") != NULL) { /* wants it first, so that 100 is sent */
        struct span piece;
        (void)request_body_look(request, &piece);
    }
    reply_interim(request, 102, none);
    reply_start(request, &head, request->body_length, memory_none);
    echo_on(request);
}

static void early_start(struct request *request, void *context)
{
    (void)context;
    atomic_fetch_add(&body_fixture.started, 1);
    answer(request, "early");
}

static void some_on(struct request *request)
{
    struct span piece;

    assert_int_equal(request_body_look(request, &piece), REQUEST_BODY_PIECE);
    answer(request, "some");
}

static void some_start(struct request *request, void *context)
{
    struct span piece;

    (void)context;
    request->on_gone = on_gone;
    request->on_body = some_on;
    if (request_body_look(request, &piece) == REQUEST_BODY_PIECE)
        answer(request, "some");
}

static void on_release(struct async_task *task)
{
    (void)task;
    count_on(held);
}

static void hold_start(struct request *request, void *context)
{
    (void)context;
    request_state(request, sizeof(struct count));
    request->on_gone = on_gone;
    request->on_body = count_on;
    loop = request->loop;
    held = request;
    atomic_fetch_add(&body_fixture.started, 1);
}

static struct server_route route(const char *path, request_start_fn *start, uint64_t body_bytes_max)
{
    return (struct server_route){.path = path,
                                 .methods = REQUEST_ALL_METHODS,
                                 .start = start,
                                 .streams_body = true,
                                 .body_bytes_max = body_bytes_max};
}

void body_fixture_init(void)
{
    fixture_init(&body_fixture.server);
    body_fixture.server.extra[body_fixture.server.extra_count++] =
        route("/echo", echo_start, 2 * LONG);
    body_fixture.server.extra[body_fixture.server.extra_count++] =
        route("/count", count_start, COUNT_MAX);
    body_fixture.server.extra[body_fixture.server.extra_count++] =
        route("/early", early_start, 2 * LONG);
    body_fixture.server.extra[body_fixture.server.extra_count++] =
        route("/some", some_start, 2 * LONG);
    body_fixture.server.extra[body_fixture.server.extra_count++] =
        route("/hold", hold_start, UINT64_MAX);
    atomic_store(&body_fixture.started, 0);
    atomic_store(&body_fixture.gone, 0);
    atomic_store(&body_fixture.ended, 0);
    async_task_init(&release, on_release);
}

int body_fixture_start(void **state)
{
    (void)state;
    body_fixture_init();
    fixture_start(&body_fixture.server);
    return 0;
}

int body_fixture_stop(void **state)
{
    (void)state;
    fixture_stop(&body_fixture.server);
    return 0;
}

void body_fixture_release(void)
{
    async_loop_post(loop, &release);
}

void body_fixture_expect(struct client *client, const char *body)
{
    struct client_reply reply;

    client_read_reply(client, false, &reply);
    assert_int_equal(reply.status, 200);
    assert_true(reply.is_whole);
    assert_string_equal(reply.body, body);
    client_reply_fini(&reply);
}

void body_fixture_interim(struct client *client, int status)
{
    struct client_reply reply;

    client_read_reply(client, false, &reply);
    assert_int_equal(reply.status, status);
    client_reply_fini(&reply);
}
