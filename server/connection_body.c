/* SPDX-License-Identifier: MIT */
/*
 * connection_body.c - the body of a request, from the connection's buffer to the handler that takes
 * it, and what becomes of a body that nobody takes to its end.
 *
 *      nothing wanted: read ahead until the buffer is full, then the client waits
 *      wanted:         read, and tell the handler as soon as there is a piece or the end
 *      reply complete: drop up to DROPPED_BYTES_MAX more, to keep the connection; else close
 *
 * Pieces are parsed one at a time, when they are looked at, so the bytes of one stay where they are
 * until it has been taken.
 */
#include <assert.h>

#include "connection_private.h"
#include "http1_reply.h"
#include "log/log.h"

/* Reading more than this only to drop it costs more than a new connection. */
#define DROPPED_BYTES_MAX (64 * 1024)

uint64_t connection_body_left(const struct connection *connection)
{
    const struct request *request = &connection->exchange->request;

    if (connection->is_tunnel || request->body_length == REQUEST_LENGTH_UNKNOWN)
        return UINT64_MAX;
    assert(request->body_bytes <= (uint64_t)request->body_length);
    return (uint64_t)request->body_length - request->body_bytes;
}

/* Parses on. Afterwards there is a piece, or the end, or the buffer is empty, or an error is noted.
 */
static void parse_on(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    size_t consumed;
    enum http1_event event = http1_parse(&exchange->parser, exchange->bytes + exchange->parsed,
                                         exchange->used - exchange->parsed, &consumed);

    exchange->parsed += consumed;
    exchange->piece = exchange->parser.piece;
    if (event == HTTP1_DONE)
        connection->is_body_open = false;
    else if (event == HTTP1_MORE)
        exchange_reuse_body(exchange);
}

/* The same without anything to parse: all that has come is a piece. */
static void tunnel_on(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;

    if (connection_has_unparsed(connection)) {
        exchange->piece =
            span_of(exchange->bytes + exchange->parsed, exchange->used - exchange->parsed);
        exchange->parsed = exchange->used;
    } else if (connection->is_input_ended) {
        connection->is_body_open = false;
    } else {
        exchange_reuse_body(exchange);
    }
}

static enum request_body_state look(struct connection *connection, struct span *ret_piece)
{
    struct exchange *exchange = connection->exchange;

    if (connection->is_body_open && exchange->piece.length == 0) {
        if (connection->is_tunnel)
            tunnel_on(connection);
        else if (exchange->parser.error_status == 0)
            parse_on(connection);
    }
    if (exchange->piece.length > 0 && connection->is_body_open) {
        *ret_piece = exchange->piece;
        return REQUEST_BODY_PIECE;
    }
    return connection->is_body_open ? REQUEST_BODY_LATER : REQUEST_BODY_END;
}

/* Tells a client that waits before its body that it is wanted, unless the answer has begun. */
static void invite(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;

    if (!exchange->parser.expects_continue || exchange->request.progress != REPLY_NONE)
        return;
    exchange->parser.expects_continue = false;
    /* One that began its body without waiting needs no invitation. */
    if (exchange->request.body_bytes == 0 && connection_need_output(connection) &&
        http1_reply_interim(connection->output, 100, (struct iovec){NULL, 0}) < 0)
        connection->is_broken = true;
}

enum request_body_state connection_look(struct request *request, struct span *ret_piece)
{
    struct connection *connection = connection_from(request);
    enum request_body_state state = look(connection, ret_piece);

    if (state != REQUEST_BODY_LATER || connection->is_body_wanted)
        return state;
    connection->is_body_wanted = true;
    connection_renew_deadline(connection);
    invite(connection);
    connection_wake(connection);
    return REQUEST_BODY_LATER;
}

void connection_take(struct request *request, size_t length)
{
    struct span *piece = &connection_from(request)->exchange->piece;

    assert(length <= piece->length);
    *piece = span_of(piece->bytes + length, piece->length - length);
}

void connection_break_off(struct connection *connection, int status, const char *detail)
{
    struct request *request = &connection->exchange->request;
    bool has_begun = request->progress != REPLY_NONE;

    connection->is_body_wanted = false;
    connection->is_body_open = false;
    connection->keeps_alive = false;
    if (!has_begun && request->on_refused != NULL) {
        request->on_refused(request, status, detail);
        assert(request->progress == REPLY_DONE);
        return;
    }
    connection_leave_handler(connection);
    if (has_begun) {
        connection->is_broken = true;
        connection->is_aborted = true;
        return;
    }
    request->progress = REPLY_NONE; /* it is ours again, and the client may be told */
    connection_tell_problem(connection, status, detail);
}

void connection_refuse_body(struct connection *connection, int status, const char *detail)
{
    worker_count(&connection->worker->counters.refused);
    log_debug("request broken off", "fd=%d status=%d detail=\"%s\"", connection->transport.fd,
              status, detail);
    connection_break_off(connection, status, detail);
}

bool connection_step_body(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    struct span piece;

    assert(connection->is_body_wanted);
    if (look(connection, &piece) != REQUEST_BODY_LATER) {
        connection->is_body_wanted = false;
        connection_renew_deadline(connection);
        assert(exchange->request.on_body != NULL); /* set before the look that said LATER */
        exchange->request.on_body(&exchange->request);
        return true;
    }
    if (exchange->parser.error_status != 0)
        connection_refuse_body(connection, exchange->parser.error_status,
                               exchange->parser.error_detail);
    else if (connection->is_input_ended)
        connection_refuse_body(connection, 400, "The connection ended in the middle of a request.");
    else
        return false;
    return true;
}

bool connection_may_drop(const struct connection *connection)
{
    const struct exchange *exchange = connection->exchange;
    uint64_t left = connection_body_left(connection);

    /* Whether the body still comes is not known when the client waits for 100 and is told something
     * else. Source: RFC 9110 section 10.1.1. */
    if (exchange->parser.expects_continue && exchange->request.body_bytes == 0 &&
        !connection_has_unparsed(connection))
        return false;
    return left <= DROPPED_BYTES_MAX || left == UINT64_MAX;
}

void connection_begin_dropping(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;

    exchange->piece = span_of(NULL, 0);
    if (exchange->parser.body_bytes_max - exchange->request.body_bytes > DROPPED_BYTES_MAX)
        exchange->parser.body_bytes_max = exchange->request.body_bytes + DROPPED_BYTES_MAX;
    connection->is_body_wanted = false;
    connection_enter(connection, CONNECTION_DROPPING);
}

bool connection_step_dropping(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    struct span piece;

    while (look(connection, &piece) == REQUEST_BODY_PIECE)
        exchange->piece = span_of(NULL, 0);
    if (!connection->is_body_open) {
        connection_enter(connection, CONNECTION_IDLE);
        return true;
    }
    /* Malformed, or too much: nobody is there who would be told, as the answer is complete. */
    if (exchange->parser.error_status == 0 && !connection->is_input_ended)
        return false;
    connection_enter(connection, CONNECTION_CLOSING);
    connection_drop_exchange(connection);
    return true;
}
