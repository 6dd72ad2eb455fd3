/* SPDX-License-Identifier: MIT */
/*
 * connection_request.c - from the bytes that were read to a request that is handled or refused.
 *
 * Reads nothing and sends nothing: connection.c does, and says when this is called.
 */
#include <assert.h>
#include <errno.h>

#include "connection_private.h"
#include "http1_reply.h"
#include "log/log.h"
#include "problem.h"

static void request_prepare(struct connection *connection)
{
    struct request *request = &connection->exchange->request;

    request->loop = connection->worker->loop;
    request->start_ns = async_loop_now_ns(request->loop);
    request->on_gone = NULL;
    request->on_refused = NULL;
    request->on_body = NULL;
    request->on_writable = NULL;
    request->carrier = &connection_carrier_ops;
    request->progress = REPLY_NONE;
    request->body_left_bytes = 0;
    request->is_body_dropped = false;
    connection->is_writable_wanted = false;
    connection->is_body_open = false;
    connection->is_body_wanted = false;
    connection->is_tunnel = false;
    connection->requests++;
}

void connection_tell_problem(struct connection *connection, int status, const char *detail)
{
    static const struct reply_field retry = {.name = "Retry-After", .value = "1"};

    problem_send(&connection->exchange->request, status, detail, &retry, status == 503 ? 1 : 0);
}

void connection_refuse(struct connection *connection, int status, const char *detail)
{
    request_prepare(connection);
    connection->keeps_alive = false;
    worker_count(&connection->worker->counters.refused);
    log_debug("request refused", "fd=%d status=%d detail=\"%s\"", connection->transport.fd, status,
              detail);
    connection_enter(connection, CONNECTION_HANDLING);
    connection_tell_problem(connection, status, detail);
}

static void handle(struct connection *connection, struct router_choice choice, bool is_body_open,
                   bool keeps_alive)
{
    request_prepare(connection);
    connection->is_body_open = is_body_open;
    connection->keeps_alive = keeps_alive;
    worker_count(&connection->worker->counters.requests);
    connection_enter(connection, CONNECTION_HANDLING);
    router_start(&connection->worker->router, &connection->exchange->request, choice);
}

/* A head with a body behind it: says whether the body is welcome. */
static void on_body_announced(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    struct router_choice choice = router_choose(&connection->worker->router, &exchange->request);
    const struct server_route *route = choice.route;
    uint64_t body_bytes_max = route != NULL && route->body_bytes_max > 0
                                  ? route->body_bytes_max
                                  : connection->worker->settings->limits.body_bytes;

    if (!http1_parser_limit_body(&exchange->parser, body_bytes_max)) {
        connection_refuse(connection, exchange->parser.error_status, exchange->parser.error_detail);
        return;
    }
    exchange_begin_body(exchange);
    if (choice.status == 0 && route != NULL && route->streams_body) {
        handle(connection, choice, true, exchange->parser.keeps_alive);
        return;
    }
    if (!exchange->parser.expects_continue) {
        connection_enter(connection, CONNECTION_BODY);
        return;
    }
    if (choice.status != 0) {
        /* The final answer instead of 100. Whether the body still comes is not known then, so the
         * connection cannot be kept. Source: RFC 9110 section 10.1.1. */
        handle(connection, choice, false, false);
        return;
    }
    connection_enter(connection, CONNECTION_BODY);
    /* A client that began the body without waiting needs no invitation. */
    if (!connection_has_unparsed(connection) && connection_need_output(connection) &&
        http1_reply_interim(connection->output, 100, (struct iovec){NULL, 0}) < 0)
        connection->is_broken = true;
}

/* Whether the request can be handled; else it has been refused. */
static bool settle_path(struct connection *connection)
{
    int err = exchange_settle_path(connection->exchange);

    if (err == -EINVAL)
        connection_refuse(connection, 400,
                          "The path has a % that no two hexadecimal digits follow.");
    else if (err < 0)
        connection_refuse(connection, 503, "This server is out of memory.");
    return err == 0;
}

/* Whether the next request has to wait until some of the answers before it are sent. */
static bool has_to_wait(const struct connection *connection)
{
    return connection_has_unsent(connection) &&
           (!output_has_room(connection->output) ||
            connection->output->replies >= connection->worker->settings->limits.pipelined_replies);
}

/* Reading ahead needs room behind the head. Nothing refers to the bytes yet. */
static void make_room_ahead(struct exchange *exchange)
{
    if (exchange->parsed > 0 && exchange->capacity - exchange->used < EXCHANGE_BODY_BYTES)
        exchange_compact(exchange);
}

/* A request that need not be parsed. Returns whether it was one. */
static bool handle_known(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    struct worker *worker = connection->worker;
    bool keeps_alive;
    size_t length;

    if (has_to_wait(connection))
        return false;
    make_room_ahead(exchange);
    length = http1_known_read(
        worker->known, &connection->known_hint,
        span_of(exchange->bytes + exchange->parsed, exchange->used - exchange->parsed),
        &worker->settings->limits, &exchange->request, exchange->fields, &keeps_alive);
    if (length == 0)
        return false;
    exchange->parsed += length;
    if (settle_path(connection))
        handle(connection, router_choose(&worker->router, &exchange->request), false, keeps_alive);
    return true;
}

void connection_begin_message(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;

    exchange_forget_head(exchange);
    exchange->request.address_index = connection->address_index;
    if (handle_known(connection))
        return;
    exchange->request.is_head = false;
    exchange->request.http_version = 11;
    http1_parser_begin(&exchange->parser, &connection->worker->settings->limits, &exchange->request,
                       exchange->fields);
    connection_enter(connection, CONNECTION_HEAD);
}

bool connection_step_message(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    size_t consumed;

    if (connection->state == CONNECTION_HEAD) {
        connection->is_blocked = has_to_wait(connection);
        if (connection->is_blocked)
            return false;
        make_room_ahead(exchange);
    }
    struct span unparsed =
        span_of(exchange->bytes + exchange->parsed, exchange->used - exchange->parsed);
    enum http1_event event =
        http1_parse(&exchange->parser, unparsed.bytes, unparsed.length, &consumed);
    exchange->parsed += consumed;
    switch (event) {
    case HTTP1_ERROR:
        connection_refuse(connection, exchange->parser.error_status, exchange->parser.error_detail);
        return true;
    case HTTP1_HEAD:
        if (settle_path(connection))
            on_body_announced(connection);
        return true;
    case HTTP1_BODY: /* dropped */
        return true;
    case HTTP1_DONE:
        if (connection->state == CONNECTION_HEAD)
            http1_known_learn(connection->worker->known, unparsed.bytes + consumed,
                              &exchange->request, exchange->parser.keeps_alive);
        /* With a body, that was done when its head had been read. */
        if (exchange->parser.is_in_body || settle_path(connection))
            handle(connection, router_choose(&connection->worker->router, &exchange->request),
                   false, exchange->parser.keeps_alive);
        return true;
    case HTTP1_MORE:
        break;
    }
    if (connection->state == CONNECTION_BODY) {
        exchange_reuse_body(exchange);
    } else if (!connection_has_unparsed(connection)) {
        connection_enter(connection, CONNECTION_IDLE); /* those were empty lines */
        return true;
    }
    if (connection->is_input_ended) {
        connection_refuse(connection, 400, "The connection ended in the middle of a request.");
        return true;
    }
    return false;
}
