/* SPDX-License-Identifier: MIT */
/*
 * connection_end.c - how a connection ends: by itself through connection_finish(), or because the
 * server stops.
 */
#include <assert.h>
#include <stdlib.h>

#include "connection_private.h"

void connection_drop_exchange(struct connection *connection)
{
    if (connection->exchange != NULL)
        exchange_give(&connection->worker->exchanges, connection->exchange);
    connection->exchange = NULL;
}

void connection_drop_output(struct connection *connection)
{
    if (connection->output == NULL)
        return;
    output_drop(connection->output);
    pool_give(&connection->worker->outputs, connection->output);
    connection->output = NULL;
}

void connection_leave_handler(struct connection *connection)
{
    struct request *request = &connection->exchange->request;
    request_fn *on_gone = request->on_gone;

    assert(connection->state == CONNECTION_HANDLING);
    if (request->progress == REPLY_DONE)
        return;
    request->progress = REPLY_DONE;
    assert(on_gone != NULL); /* who does not answer in start() says how to be told */
    on_gone(request);
}

void connection_finish(struct connection *connection)
{
    struct worker *worker = connection->worker;

    /* A reply that is not sent whole must not look whole. */
    if (connection_has_unsent(connection))
        connection->is_aborted = true;
    if (connection->state == CONNECTION_HANDLING) {
        if (connection->exchange->request.progress == REPLY_STARTED)
            connection->is_aborted = true;
        connection_leave_handler(connection);
    }
    connection_enter(connection, CONNECTION_CLOSED);
    async_timer_disarm(&connection->timer);
    async_loop_unpost(worker->loop, &connection->wake);
    async_watch_fini(&connection->watch);
    connection_drop_output(connection);
    connection_drop_exchange(connection);
    connection->transport.ops->close(&connection->transport, connection->is_aborted);
    async_list_remove(&connection->node);
    free(connection);
    worker_connection_closed(worker);
}

void connections_drain(struct worker *worker)
{
    struct async_list all;
    struct async_list *node;

    /* Each goes back before it is looked at, as it may close and leave the list. */
    async_list_init(&all);
    async_list_splice(&all, &worker->connections);
    while ((node = async_list_pop(&all)) != NULL) {
        struct connection *connection = async_container_of(node, struct connection, node);
        async_list_append(&worker->connections, node);
        if (connection->state == CONNECTION_IDLE && !connection->is_input_ended)
            connection_receive(connection); /* a request that is there already is answered */
        connection_advance(connection);
    }
}

/* Gives the last word to who waits, and closes. */
static void cut(struct connection *connection)
{
    size_t turn_bytes = CONNECTION_TURN_BYTES;

    if (connection->state == CONNECTION_HANDLING &&
        connection->exchange->request.progress == REPLY_NONE) {
        connection_break_off(connection, 503, "The server stops.");
        connection_flush(connection, &turn_bytes);
    } else if (connection->state == CONNECTION_HEAD || connection->state == CONNECTION_BODY) {
        connection_refuse(connection, 503, "The server stops.");
        connection_flush(connection, &turn_bytes);
    }
    connection_finish(connection);
}

void connections_cut(struct worker *worker)
{
    struct async_list *node;

    while ((node = async_list_first(&worker->connections)) != NULL)
        cut(async_container_of(node, struct connection, node));
}
