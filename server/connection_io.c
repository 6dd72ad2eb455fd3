/* SPDX-License-Identifier: MIT */
/*
 * connection_io.c - what a connection does with its socket: one read, one send, and which of the
 * two it waits for. Decides nothing else; connection.c says when.
 */
#include <assert.h>
#include <errno.h>

#include "connection_private.h"

/* What one read drops while lingering. */
#define LINGER_READ_BYTES 8192

void connection_flush(struct connection *connection, size_t *turn_bytes)
{
    struct iovec spans[OUTPUT_ENTRIES];

    if (!connection_has_unsent(connection))
        return;
    size_t unsent = connection->output->unsent_bytes;
    size_t offered = unsent < *turn_bytes ? unsent : *turn_bytes;
    ssize_t sent = connection->transport.ops->write(
        &connection->transport, spans, output_gather(connection->output, offered, spans));
    if (sent == -EAGAIN || sent == -EWOULDBLOCK) {
        sent = 0;
    } else if (sent < 0) {
        connection->is_broken = true;
        return;
    }
    bool was_waiting = connection->write_deadline_ns != ASYNC_NEVER;
    /* The deadline runs from the last byte taken, or from when there was something to take. */
    if (sent > 0 || connection->write_deadline_ns == ASYNC_NEVER)
        connection->write_deadline_ns =
            connection_after_ms(connection, connection->worker->settings->timeouts.write_ms);
    output_sent(connection->output, (size_t)sent);
    *turn_bytes -= (size_t)sent;
    if ((size_t)sent < unsent)
        return;
    connection->write_deadline_ns = ASYNC_NEVER;
    /* The time for the next request begins when the client has taken its answers. */
    if (was_waiting && (connection->state == CONNECTION_IDLE || connection->is_blocked))
        connection_renew_deadline(connection);
}

unsigned connection_wanted_events(const struct connection *connection)
{
    unsigned events = connection_has_unsent(connection) ? ASYNC_WRITE : 0;

    if (connection->is_input_ended)
        return events;
    switch (connection->state) {
    case CONNECTION_HANDLING:
        if (connection->exchange->used == connection->exchange->capacity)
            return events;
        break;
    case CONNECTION_HEAD:
        if (connection->is_blocked)
            return events;
        break;
    case CONNECTION_CLOSING:
        return events;
    default:
        break;
    }
    return events | ASYNC_READ;
}

void connection_receive_last(struct connection *connection)
{
    char dropped[LINGER_READ_BYTES];
    ssize_t got = connection->transport.ops->read(&connection->transport, dropped, sizeof(dropped));

    if (got == 0 || (got < 0 && got != -EAGAIN && got != -EWOULDBLOCK))
        connection->is_broken = true;
}

void connection_receive(struct connection *connection)
{
    struct exchange *exchange;
    size_t room;

    if (connection->exchange == NULL)
        connection->exchange = exchange_take(&connection->worker->exchanges, connection);
    exchange = connection->exchange;
    if (exchange == NULL) {
        connection->is_broken = true;
        return;
    }
    if (connection->state == CONNECTION_IDLE || connection->state == CONNECTION_HEAD) {
        if (exchange_room_head(exchange, &connection->worker->settings->limits) < 0) {
            connection->is_broken = true;
            return;
        }
        room = exchange->capacity - EXCHANGE_BODY_BYTES - exchange->used;
    } else {
        if (connection->is_body_wanted || connection->state == CONNECTION_DROPPING)
            exchange_room_body(exchange, connection_body_left(connection));
        room = exchange->capacity - exchange->used;
    }
    assert(room > 0); /* or reading would not be watched for */
    ssize_t got = connection->transport.ops->read(&connection->transport,
                                                  exchange->bytes + exchange->used, room);
    if (got == -EAGAIN || got == -EWOULDBLOCK)
        return;
    if (got < 0) {
        connection->is_broken = true;
        return;
    }
    if (got == 0)
        connection->is_input_ended = true;
    exchange->used += (size_t)got;
    if (connection->state == CONNECTION_BODY)
        connection_renew_deadline(connection);
}
