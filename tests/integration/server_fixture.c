/* SPDX-License-Identifier: MIT */
/*
 * server_fixture.c - see server_fixture.h.
 */
#include "server_fixture.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "handlers/health.h"
#include "problem.h"
#include "reply.h"

#define PIECE_BYTES (64 * 1024)
#define ROUTES      10

static char piece[PIECE_BYTES];

static const struct reply_head head_ok = {.status = 200};

struct stream {
    struct fixture *fixture;
    size_t left_bytes;
};

static void on_release(void *context)
{
    struct fixture *fixture = context;

    atomic_fetch_add(&fixture->released, 1);
}

static struct reply_memory memory(struct fixture *fixture)
{
    atomic_fetch_add(&fixture->taken, 1);
    return (struct reply_memory){.release = on_release, .context = fixture};
}

static void big_start(struct request *request, void *context)
{
    static char *all;
    static const char prepared[] = "X-Prepared: yes\r\n";
    struct reply_head head = {
        .status = 200, .prepared = {.iov_base = (char *)prepared, .iov_len = sizeof(prepared) - 1}};
    struct iovec spans[2];

    if (all == NULL) { /* one loop asks for it, in all tests */
        all = calloc(1, FIXTURE_BIG_BYTES);
        assert_non_null(all);
    }
    spans[0] = (struct iovec){.iov_base = all, .iov_len = 1000};
    spans[1] = (struct iovec){.iov_base = all + 1000, .iov_len = FIXTURE_BIG_BYTES - 1000};
    reply_send(request, &head, spans, 2, memory(context));
}

static void stream_on(struct request *request)
{
    struct stream *stream = (struct stream *)(void *)request->state;
    bool goes_on = true;

    while (goes_on && stream->left_bytes > 0) {
        struct iovec span = {.iov_base = piece, .iov_len = sizeof(piece)};
        stream->left_bytes -= sizeof(piece);
        goes_on = reply_write(request, &span, 1, memory(stream->fixture));
    }
    if (goes_on)
        reply_end(request);
}

static void stream_gone(struct request *request)
{
    struct stream *stream = (struct stream *)(void *)request->state;

    atomic_fetch_add(&stream->fixture->gone, 1);
}

static void stream_begin(struct request *request, void *context, int64_t length_bytes)
{
    struct stream *stream = request_state(request, sizeof(*stream));

    stream->fixture = context;
    stream->left_bytes = FIXTURE_BIG_BYTES;
    request->on_gone = stream_gone;
    request->on_writable = stream_on;
    reply_start(request, &head_ok, length_bytes, memory(context));
    stream_on(request);
}

static void stream_start(struct request *request, void *context)
{
    stream_begin(request, context, REPLY_LENGTH_UNKNOWN);
}

static void length_start(struct request *request, void *context)
{
    stream_begin(request, context, FIXTURE_BIG_BYTES);
}

static void write_four(struct request *request, struct fixture *fixture, int64_t length_bytes)
{
    struct iovec span = {.iov_base = (char *)"part", .iov_len = 4};
    struct stream *stream = request_state(request, sizeof(*stream));

    stream->fixture = fixture;
    request->on_gone = stream_gone;
    reply_start(request, &head_ok, length_bytes, memory(fixture));
    (void)reply_write(request, &span, 1, memory(fixture));
}

static void short_start(struct request *request, void *context)
{
    write_four(request, context, 10);
    reply_end(request);
}

static void abort_start(struct request *request, void *context)
{
    write_four(request, context, REPLY_LENGTH_UNKNOWN);
    reply_abort(request);
}

static void half_start(struct request *request, void *context)
{
    struct fixture *fixture = context;

    write_four(request, fixture, REPLY_LENGTH_UNKNOWN);
    atomic_fetch_add(&fixture->begun, 1);
}

static void never_start(struct request *request, void *context)
{
    struct stream *stream = request_state(request, sizeof(*stream));

    stream->fixture = context;
    request->on_gone = stream_gone;
    atomic_fetch_add(&stream->fixture->begun, 1);
}

static void body_start(struct request *request, void *context)
{
    char text[32];
    int length = snprintf(text, sizeof(text), "%llu", (unsigned long long)request->body_bytes);

    (void)context;
    reply_copy(request, &head_ok, text, (size_t)length);
}

void fixture_init(struct fixture *fixture)
{
    struct sockaddr_in loopback = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    memset(fixture, 0, sizeof(*fixture));
    server_settings_init(&fixture->settings);
    memcpy(&fixture->addresses[0], &loopback, sizeof(loopback));
    fixture->settings.addresses = fixture->addresses;
    fixture->settings.address_count = 1;
    fixture->settings.loops = 1;
}

static struct server_route route(const char *path, request_start_fn *start, struct fixture *fixture)
{
    return (struct server_route){
        .path = path, .methods = REQUEST_GET | REQUEST_HEAD, .start = start, .shared = fixture};
}

void fixture_start(struct fixture *fixture)
{
    struct server_route routes[ROUTES + FIXTURE_EXTRA_MAX];

    assert_int_equal(access_new(fixture->access_hold_ms, &fixture->access), 0);
    routes[0] = access_route(fixture->access);
    routes[1] = health_route();
    routes[2] = route("/big", big_start, fixture);
    routes[3] = route("/stream", stream_start, fixture);
    routes[4] = route("/length", length_start, fixture);
    routes[5] = route("/short", short_start, fixture);
    routes[6] = route("/abort", abort_start, fixture);
    routes[7] = route("/never", never_start, fixture);
    routes[8] = route("/half", half_start, fixture);
    routes[9] = route("/body", body_start, fixture);
    routes[9].methods = REQUEST_POST | REQUEST_GET;
    assert_true(fixture->extra_count <= FIXTURE_EXTRA_MAX);
    memcpy(routes + ROUTES, fixture->extra, sizeof(fixture->extra));
    fixture->settings.routes = routes;
    fixture->settings.route_count = ROUTES + fixture->extra_count;
    assert_int_equal(server_start(&fixture->settings, &fixture->server), 0);
    fixture->address = server_address(fixture->server, 0);
}

void fixture_stop(struct fixture *fixture)
{
    server_stop(fixture->server, 0);
    server_wait(fixture->server);
    server_free(fixture->server);
    access_free(fixture->access);
    assert_int_equal(atomic_load(&fixture->taken), atomic_load(&fixture->released));
}

/* What is waited for has no descriptor, so it is looked at; the guard is that of every wait. */
static bool await_again(unsigned *rounds)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    nanosleep(&pause, NULL);
    return ++*rounds < CLIENT_GUARD_MS;
}

void fixture_await(atomic_uint *counter, unsigned value)
{
    unsigned rounds = 0;

    while (atomic_load(counter) != value && await_again(&rounds)) {
    }
    assert_int_equal(atomic_load(counter), value);
}

void fixture_await_requests(struct fixture *fixture, uint64_t value)
{
    struct server_counters counters;
    unsigned rounds = 0;

    do
        server_counters(fixture->server, &counters);
    while (counters.requests != value && await_again(&rounds));
    assert_int_equal(counters.requests, value);
}

void fixture_await_open(struct fixture *fixture, uint64_t value)
{
    struct server_counters counters;
    unsigned rounds = 0;

    do
        server_counters(fixture->server, &counters);
    while (counters.connections_open != value && await_again(&rounds));
    assert_int_equal(counters.connections_open, value);
}

void fixture_expect(struct client *client, int status)
{
    struct client_reply reply;

    client_read_reply(client, false, &reply);
    assert_int_equal(reply.status, status);
    assert_true(reply.is_whole);
    client_reply_fini(&reply);
}

void fixture_expect_refusal(struct client *client, int status)
{
    struct client_reply reply;
    char expected[200];

    client_read_reply(client, false, &reply);
    assert_int_equal(reply.status, status);
    assert_true(reply.is_whole);
    assert_true(reply.closes);
    assert_string_equal(client_reply_field(&reply, "Content-Type"), "application/problem+json");
    snprintf(expected, sizeof(expected),
             "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"",
             problem_title(status), status);
    assert_int_equal(strncmp(reply.body, expected, strlen(expected)), 0);
    client_reply_fini(&reply);
    assert_true(client_is_closed_next(client));
}
