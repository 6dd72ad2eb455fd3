/* SPDX-License-Identifier: MIT */
/*
 * connection_reply.c - the HTTP/1 carrier: puts what handlers reply into the connection's output.
 *
 * Nothing is sent here. The connection's wake task is posted, and sends once the caller is done; if
 * the reply came while the connection itself ran the handler, it sends without the task.
 */
#include <assert.h>

#include "connection_private.h"
#include "http1_reply.h"

struct connection *connection_from(struct request *request)
{
    struct exchange *exchange = async_container_of(request, struct exchange, request);
    struct connection *connection = exchange->connection;

    assert(connection->exchange == exchange);
    assert(connection->state == CONNECTION_HANDLING);
    return connection;
}

void connection_wake(struct connection *connection)
{
    if (!async_task_is_posted(&connection->wake))
        async_loop_post(connection->worker->loop, &connection->wake);
}

static void release(struct reply_memory memory)
{
    if (memory.release != NULL)
        memory.release(memory.context);
}

/* Whether the connection may go on after this reply, and what its head says about that. */
static enum http1_persistence persistence(struct connection *connection)
{
    const struct worker *worker = connection->worker;

    if (worker->is_draining ||
        (connection->is_input_ended && !connection_has_unparsed(connection)) ||
        connection->requests >= worker->settings->limits.requests_per_connection)
        connection->keeps_alive = false;
    if (connection->is_body_open && !connection_may_drop(connection))
        connection->keeps_alive = false;
    if (!connection->keeps_alive)
        return HTTP1_CLOSE;
    return connection->exchange->request.http_version < 11 ? HTTP1_KEEP_ALIVE : HTTP1_UNSAID;
}

static int on_peer(struct request *request, struct sockaddr_storage *ret_address)
{
    struct transport *transport = &connection_from(request)->transport;

    return transport->ops->peer(transport, ret_address);
}

static void on_interim(struct request *request, int status, struct iovec prepared)
{
    struct connection *connection = connection_from(request);

    connection_wake(connection);
    if (connection->is_broken || !connection_need_output(connection))
        return;
    if (!output_has_room_beside(connection->output, HTTP1_INTERIM_ENTRIES))
        return; /* it is not worth waiting for */
    if (http1_reply_interim(connection->output, status, prepared) < 0)
        connection->is_broken = true;
}

static void on_head(struct request *request, const struct reply_head *head, int64_t length_bytes,
                    bool has_body, struct reply_memory memory)
{
    struct connection *connection = connection_from(request);
    struct http1_framing framing = {.length_bytes = length_bytes};

    connection_wake(connection);
    if (connection->is_broken || !connection_need_output(connection)) {
        release(memory);
        return;
    }
    connection->is_reply_chunked = false;
    if (head->closes)
        connection->keeps_alive = false;
    if (has_body && length_bytes < 0) {
        /* An HTTP/1.0 client knows no chunks: the end of the connection ends the body. */
        connection->is_reply_chunked = request->http_version >= 11;
        if (!connection->is_reply_chunked)
            connection->keeps_alive = false;
    }
    framing.is_chunked = connection->is_reply_chunked;
    framing.persistence = persistence(connection);
    if (!head->has_date)
        framing.date = worker_date(connection->worker);
    if (http1_reply_head(connection->output, head, &framing, memory) < 0)
        connection->is_broken = true;
}

static void on_tunnel(struct request *request, const struct reply_head *head,
                      struct reply_memory memory)
{
    struct connection *connection = connection_from(request);
    const struct http1_framing framing = {
        .length_bytes = -1, .persistence = HTTP1_UNSAID, .date = worker_date(connection->worker)};

    connection_wake(connection);
    assert(!connection->is_body_open); /* where the tunnel's bytes begin */
    connection->is_tunnel = true;
    connection->is_body_open = true;
    connection->is_reply_chunked = false;
    connection->keeps_alive = false;
    exchange_begin_body(connection->exchange);
    if (connection->is_broken || !connection_need_output(connection))
        release(memory);
    else if (http1_reply_head(connection->output, head, &framing, memory) < 0)
        connection->is_broken = true;
}

static bool on_body(struct request *request, const struct iovec *spans, size_t span_count,
                    struct reply_memory memory)
{
    struct connection *connection = connection_from(request);

    connection_wake(connection);
    if (connection->is_broken || !connection_need_output(connection)) {
        release(memory);
        return true;
    }
    if (http1_reply_body(connection->output, connection->is_reply_chunked, spans, span_count,
                         memory) < 0)
        connection->is_broken = true;
    connection->is_writable_wanted = !output_has_room(connection->output);
    return !connection->is_writable_wanted;
}

static void on_copy(struct request *request, const void *bytes, size_t length)
{
    struct connection *connection = connection_from(request);

    if (!connection->is_broken && output_copy(connection->output, bytes, length) < 0)
        connection->is_broken = true;
}

static void on_end(struct request *request, struct iovec trailers)
{
    struct connection *connection = connection_from(request);

    connection_wake(connection);
    connection->is_writable_wanted = false;
    if (connection->is_broken || !connection_need_output(connection))
        return;
    if (http1_reply_end(connection->output, connection->is_reply_chunked, trailers) < 0)
        connection->is_broken = true;
    connection->output->replies++;
}

static void on_abort(struct request *request)
{
    struct connection *connection = connection_from(request);

    connection_wake(connection);
    connection->is_broken = true;
    connection->is_aborted = true;
}

const struct carrier_ops connection_carrier_ops = {
    .peer = on_peer,
    .look = connection_look,
    .take = connection_take,
    .interim = on_interim,
    .head = on_head,
    .tunnel = on_tunnel,
    .body = on_body,
    .copy = on_copy,
    .end = on_end,
    .abort = on_abort,
};

bool connection_need_output(struct connection *connection)
{
    if (connection->output != NULL)
        return true;
    connection->output = pool_take(&connection->worker->outputs);
    if (connection->output == NULL) {
        connection->is_broken = true;
        return false;
    }
    output_init(connection->output);
    return true;
}
