/* SPDX-License-Identifier: MIT */
/*
 * connection.c - the life of one connection: reads, has requests parsed and handled one after the
 * other, sends, keeps deadlines, and ends in one place.
 *
 *   IDLE --bytes--> HEAD --has a body--> BODY --its end--> HANDLING --reply complete--> IDLE
 *                     \-- has none, or one to stream -----^   |  |
 *     malformed, too large, too late: HEAD, BODY -> HANDLING  |  |  (the reply is the problem)
 *                          body not at its end: DROPPING <----+  +--last reply--> CLOSING
 *   DROPPING --its end--> IDLE;  --too much, too late, malformed--> CLOSING
 *   CLOSING --all is sent--> LINGERING --the client ended, or time is up--> CLOSED
 *   any --client gone, reply aborted, stalled, no memory--> CLOSED
 *
 * Pipelined requests are handled in order, each after the reply before it is complete; replies that
 * are complete at once go out together. While a handler works, the connection reads ahead as far as
 * its buffer goes, so that it sees the client leave.
 *
 * Everything happens in connection_advance(), which the three events (descriptor, deadline, wake)
 * end in, and which may free the connection. Replies made by handlers meanwhile only post the wake
 * task.
 */
#include "connection.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "connection_private.h"
#include "log/log.h"

/* How often in one turn a connection may send and go on before others get their turn. */
#define ROUNDS_MAX 16

static const unsigned moves[] = {
    [CONNECTION_IDLE] = 1u << CONNECTION_HEAD | 1u << CONNECTION_HANDLING |
                        1u << CONNECTION_CLOSING | 1u << CONNECTION_CLOSED,
    [CONNECTION_HEAD] = 1u << CONNECTION_IDLE | 1u << CONNECTION_BODY | 1u << CONNECTION_HANDLING |
                        1u << CONNECTION_CLOSED,
    [CONNECTION_BODY] = 1u << CONNECTION_HANDLING | 1u << CONNECTION_CLOSED,
    [CONNECTION_HANDLING] = 1u << CONNECTION_IDLE | 1u << CONNECTION_DROPPING |
                            1u << CONNECTION_CLOSING | 1u << CONNECTION_CLOSED,
    [CONNECTION_DROPPING] =
        1u << CONNECTION_IDLE | 1u << CONNECTION_CLOSING | 1u << CONNECTION_CLOSED,
    [CONNECTION_CLOSING] = 1u << CONNECTION_LINGERING | 1u << CONNECTION_CLOSED,
    [CONNECTION_LINGERING] = 1u << CONNECTION_CLOSED,
    [CONNECTION_CLOSED] = 0,
};

static const char *const state_names[] = {
    [CONNECTION_IDLE] = "IDLE",           [CONNECTION_HEAD] = "HEAD",
    [CONNECTION_BODY] = "BODY",           [CONNECTION_HANDLING] = "HANDLING",
    [CONNECTION_DROPPING] = "DROPPING",   [CONNECTION_CLOSING] = "CLOSING",
    [CONNECTION_LINGERING] = "LINGERING", [CONNECTION_CLOSED] = "CLOSED",
};

static int64_t state_deadline(const struct connection *connection, enum connection_state state)
{
    const struct server_timeouts *timeouts = &connection->worker->settings->timeouts;

    switch (state) {
    case CONNECTION_IDLE:
        return connection_after_ms(connection, timeouts->idle_ms);
    case CONNECTION_HEAD:
        return connection_after_ms(connection, timeouts->header_ms);
    case CONNECTION_BODY:
    case CONNECTION_DROPPING:
        return connection_after_ms(connection, timeouts->body_ms);
    case CONNECTION_HANDLING:
        /* A handler's time is its own, but see step_handling(). */
        return connection->is_body_wanted && !connection->is_tunnel
                   ? connection_after_ms(connection, timeouts->body_ms)
                   : ASYNC_NEVER;
    case CONNECTION_LINGERING:
        return connection_after_ms(connection, timeouts->linger_ms);
    default:
        /* Sending has write_deadline_ns. */
        return ASYNC_NEVER;
    }
}

void connection_renew_deadline(struct connection *connection)
{
    connection->state_deadline_ns = state_deadline(connection, connection->state);
}

void connection_enter(struct connection *connection, enum connection_state next)
{
    assert((moves[connection->state] & 1u << next) != 0);
    log_trace("connection", "fd=%d from=%s to=%s", connection->transport.fd,
              state_names[connection->state], state_names[next]);
    connection->state = next;
    connection_renew_deadline(connection);
}

/* Each step_* does the next thing its state allows, and returns whether there may be more. */

static bool step_idle(struct connection *connection)
{
    if (connection_has_unparsed(connection)) {
        connection_begin_message(connection);
        return true;
    }
    if (!connection->is_input_ended && !connection->worker->is_draining)
        return false;
    if (connection_has_unsent(connection))
        connection_enter(connection, CONNECTION_CLOSING);
    else
        connection->is_broken = true;
    return false;
}

static bool step_handling(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;

    if (exchange->request.progress != REPLY_DONE) {
        if (connection->is_body_wanted)
            return connection_step_body(connection);
        /* Who ended before anything was answered may have left, or only sends no more requests:
         * that looks the same, so the answer is given some time. Once it has begun, sending it
         * tells. */
        if (exchange->request.progress != REPLY_NONE)
            connection->state_deadline_ns = ASYNC_NEVER;
        else if (connection->is_input_ended && connection->state_deadline_ns == ASYNC_NEVER)
            connection->state_deadline_ns = connection_after_ms(
                connection, connection->worker->settings->timeouts.half_close_ms);
        return false;
    }
    if (connection->is_broken)
        return false;
    if (connection->is_body_open && connection->keeps_alive) {
        connection_begin_dropping(connection);
        return true;
    }
    connection_enter(connection, connection->keeps_alive ? CONNECTION_IDLE : CONNECTION_CLOSING);
    if (connection->state == CONNECTION_CLOSING)
        connection_drop_exchange(connection);
    return true;
}

static bool step(struct connection *connection)
{
    if (connection->is_broken)
        return false;
    switch (connection->state) {
    case CONNECTION_IDLE:
        return step_idle(connection);
    case CONNECTION_HEAD:
    case CONNECTION_BODY:
        return connection_step_message(connection);
    case CONNECTION_HANDLING:
        return step_handling(connection);
    case CONNECTION_DROPPING:
        return connection_step_dropping(connection);
    default:
        return false;
    }
}

/* Lets a handler that waits for room write on. Returns whether it was told. */
static bool tell_writable(struct connection *connection)
{
    if (connection->state != CONNECTION_HANDLING || !connection->is_writable_wanted ||
        (connection->output != NULL && !output_has_room(connection->output)))
        return false;
    struct request *request = &connection->exchange->request;
    assert(request->on_writable != NULL); /* set before the reply_write() that returned false */
    connection->is_writable_wanted = false;
    request->on_writable(request);
    return true;
}

/* Ends our side once all is sent. */
static void close_when_sent(struct connection *connection)
{
    if (connection->state != CONNECTION_CLOSING || connection_has_unsent(connection))
        return;
    if (connection->is_input_ended) {
        connection->is_broken = true; /* nothing unread that would reset what was sent */
        return;
    }
    connection->transport.ops->end(&connection->transport);
    connection_enter(connection, CONNECTION_LINGERING);
}

/*
 * Prepares for waiting: gives back what is not needed, says what to wait for, and sees to the
 * deadline. The timer is armed anew only when it would fire too late: one that fires too early
 * looks at the deadline and is armed for it, once per timeout instead of once per request.
 */
static void settle(struct connection *connection)
{
    int64_t deadline_ns = connection_has_unsent(connection) ? connection->write_deadline_ns
                                                            : connection->state_deadline_ns;

    if (connection->state == CONNECTION_IDLE)
        connection_drop_exchange(connection);
    if (!connection_has_unsent(connection))
        connection_drop_output(connection);
    if (async_watch_set(&connection->watch, connection_wanted_events(connection)) < 0) {
        connection_finish(connection);
        return;
    }
    if (deadline_ns == ASYNC_NEVER ||
        (async_timer_is_armed(&connection->timer) && connection->timer_ns <= deadline_ns))
        return;
    connection->timer_ns = deadline_ns;
    async_timer_arm(&connection->timer, connection->worker->loop, deadline_ns);
}

void connection_advance(struct connection *connection)
{
    unsigned rounds = 0;
    size_t turn_bytes = CONNECTION_TURN_BYTES;
    bool goes_on;

    if (async_task_is_posted(&connection->wake))
        async_loop_unpost(connection->worker->loop, &connection->wake);
    do {
        while (step(connection)) {
        }
        if (!connection->is_broken)
            connection_flush(connection, &turn_bytes);
        goes_on = !connection->is_broken &&
                  (tell_writable(connection) ||
                   (connection->is_blocked && !connection_has_unsent(connection)));
    } while (goes_on && ++rounds < ROUNDS_MAX && turn_bytes > 0);
    close_when_sent(connection);
    if (connection->is_broken) {
        connection_finish(connection);
        return;
    }
    bool is_posted = async_task_is_posted(&connection->wake);
    /* What is unsent goes on when the descriptor has its turn again, which others have before. */
    goes_on = goes_on && !connection_has_unsent(connection);
    if (!goes_on && is_posted)
        async_loop_unpost(connection->worker->loop, &connection->wake); /* all of it is done */
    else if (goes_on && !is_posted)
        async_loop_post(connection->worker->loop, &connection->wake);
    settle(connection);
}

static void on_ready(struct async_watch *watch, unsigned events)
{
    struct connection *connection = async_container_of(watch, struct connection, watch);

    /* Errors come as both events, also while only one is watched for. */
    if ((events & ASYNC_READ & connection_wanted_events(connection)) != 0) {
        if (connection->state == CONNECTION_LINGERING)
            connection_receive_last(connection);
        else
            connection_receive(connection);
    }
    connection_advance(connection);
}

static void on_wake(struct async_task *task)
{
    connection_advance(async_container_of(task, struct connection, wake));
}

/* The state's deadline has come. Returns whether there is something to say or do instead of just
 * breaking the connection. */
static bool end_wait(struct connection *connection)
{
    static const char late_body[] = "The request's body did not come in time.";

    switch (connection->state) {
    case CONNECTION_HEAD:
        connection_refuse(connection, 408, "The request's head did not come in time.");
        return true;
    case CONNECTION_BODY:
        connection_refuse(connection, 408, late_body);
        return true;
    case CONNECTION_HANDLING:
        if (!connection->is_body_wanted)
            return false;
        connection_refuse_body(connection, 408, late_body);
        return true;
    case CONNECTION_DROPPING:
        connection_enter(connection, CONNECTION_CLOSING);
        connection_drop_exchange(connection);
        return true;
    default:
        return false;
    }
}

static void on_deadline(struct async_timer *timer)
{
    struct connection *connection = async_container_of(timer, struct connection, timer);
    int64_t deadline_ns = connection_has_unsent(connection) ? connection->write_deadline_ns
                                                            : connection->state_deadline_ns;

    if (async_loop_now_ns(connection->worker->loop) < deadline_ns) {
        settle(connection);
        return;
    }
    if (connection_has_unsent(connection) || !end_wait(connection))
        connection->is_broken = true;
    connection_advance(connection);
}

/* A connection beyond the limit exists only to be told so. */
static void refuse_crowd(struct connection *connection)
{
    connection->exchange = exchange_take(&connection->worker->exchanges, connection);
    if (connection->exchange == NULL) {
        connection->is_broken = true;
        return;
    }
    connection->exchange->request.is_head = false;
    connection->exchange->request.http_version = 11;
    connection_refuse(connection, 503, "Too many connections are open.");
}

void connection_open(struct worker *worker, int fd, unsigned address_index)
{
    bool is_welcome = server_take_connection(worker->server);
    struct connection *connection = calloc(1, sizeof(*connection));

    worker_count(&worker->counters.accepted);
    if (connection == NULL ||
        async_watch_init(&connection->watch, worker->loop, fd, on_ready) < 0) {
        log_warn("connection dropped", "reason=\"out of memory\"");
        free(connection);
        close(fd);
        worker_count(&worker->counters.closed);
        server_leave_connection(worker->server);
        return;
    }
    connection->worker = worker;
    connection->address_index = address_index;
    transport_init_tcp(&connection->transport, fd);
    async_timer_init(&connection->timer, on_deadline);
    async_task_init(&connection->wake, on_wake);
    connection->state = CONNECTION_IDLE;
    connection_renew_deadline(connection);
    connection->write_deadline_ns = ASYNC_NEVER;
    async_list_append(&worker->connections, &connection->node);
    worker->connection_count++;
    if (!is_welcome)
        refuse_crowd(connection);
    connection_advance(connection);
}
