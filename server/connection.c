/* SPDX-License-Identifier: MIT */
/*
 * connection.c - the life of one connection: reads, has requests parsed and handled one after the
 * other, sends, keeps deadlines, and ends in one place.
 *
 *   IDLE --bytes--> HEAD --has a body--> BODY --its end--> HANDLING --reply complete--> IDLE
 *                     \------ has none -------------------^   |
 *     malformed, too large, too late: HEAD, BODY -> HANDLING  |  (the reply is the problem)
 *                                                             +--last reply--> CLOSING
 *   CLOSING --all is sent--> LINGERING --the client ended, or time is up--> CLOSED
 *   any --client gone, reply aborted, stalled, no memory--> CLOSED
 *
 * Pipelined requests are handled in order, each after the reply before it is complete; replies that
 * are complete at once go out together. While a handler works, the connection reads ahead as far as
 * its buffer goes, so that it sees the client leave.
 *
 * Everything happens in advance(), which the three events (descriptor, deadline, wake) end in, and
 * which may free the connection. Replies made by handlers meanwhile only post the wake task.
 */
#include "connection.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connection_private.h"
#include "log/log.h"
#include "problem.h"

/* How often in one turn a connection may send and go on before others get their turn. */
#define ROUNDS_MAX 16

/* What one read drops while lingering. */
#define LINGER_READ_BYTES 8192

static const unsigned moves[] = {
    [CONNECTION_IDLE] = 1u << CONNECTION_HEAD | 1u << CONNECTION_HANDLING |
                        1u << CONNECTION_CLOSING | 1u << CONNECTION_CLOSED,
    [CONNECTION_HEAD] = 1u << CONNECTION_IDLE | 1u << CONNECTION_BODY | 1u << CONNECTION_HANDLING |
                        1u << CONNECTION_CLOSED,
    [CONNECTION_BODY] = 1u << CONNECTION_HANDLING | 1u << CONNECTION_CLOSED,
    [CONNECTION_HANDLING] =
        1u << CONNECTION_IDLE | 1u << CONNECTION_CLOSING | 1u << CONNECTION_CLOSED,
    [CONNECTION_CLOSING] = 1u << CONNECTION_LINGERING | 1u << CONNECTION_CLOSED,
    [CONNECTION_LINGERING] = 1u << CONNECTION_CLOSED,
    [CONNECTION_CLOSED] = 0,
};

static const char *const state_names[] = {
    [CONNECTION_IDLE] = "IDLE",       [CONNECTION_HEAD] = "HEAD",
    [CONNECTION_BODY] = "BODY",       [CONNECTION_HANDLING] = "HANDLING",
    [CONNECTION_CLOSING] = "CLOSING", [CONNECTION_LINGERING] = "LINGERING",
    [CONNECTION_CLOSED] = "CLOSED",
};

static void advance(struct connection *connection);

static int64_t after_ms(const struct connection *connection, uint32_t ms)
{
    return async_loop_now_ns(connection->worker->loop) + (int64_t)ms * ASYNC_MS;
}

static int64_t state_deadline(const struct connection *connection, enum connection_state state)
{
    const struct server_timeouts *timeouts = &connection->worker->settings->timeouts;

    switch (state) {
    case CONNECTION_IDLE:
        return after_ms(connection, timeouts->idle_ms);
    case CONNECTION_HEAD:
        return after_ms(connection, timeouts->header_ms);
    case CONNECTION_BODY:
        return after_ms(connection, timeouts->body_ms);
    case CONNECTION_LINGERING:
        return after_ms(connection, timeouts->linger_ms);
    default:
        /* A handler's time is its own, but see step_handling(); sending has write_deadline_ns. */
        return ASYNC_NEVER;
    }
}

void connection_enter(struct connection *connection, enum connection_state next)
{
    assert((moves[connection->state] & 1u << next) != 0);
    log_trace("connection", "fd=%d from=%s to=%s", connection->transport.fd,
              state_names[connection->state], state_names[next]);
    connection->state = next;
    connection->state_deadline_ns = state_deadline(connection, next);
}

/* Gives the bytes back; what a handler was given of them is gone with that. */
static void drop_exchange(struct connection *connection)
{
    if (connection->exchange != NULL)
        exchange_give(&connection->worker->exchanges, connection->exchange);
    connection->exchange = NULL;
}

static void drop_output(struct connection *connection)
{
    if (connection->output == NULL)
        return;
    output_drop(connection->output);
    pool_give(&connection->worker->outputs, connection->output);
    connection->output = NULL;
}

/* Tells a handler that has not completed its answer that nobody waits for it. */
static void leave_handler(struct connection *connection)
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

/* The only way out. */
static void finish(struct connection *connection)
{
    struct worker *worker = connection->worker;

    /* A reply that is not sent whole must not look whole. */
    if (connection_has_unsent(connection))
        connection->is_aborted = true;
    if (connection->state == CONNECTION_HANDLING) {
        if (connection->exchange->request.progress == REPLY_STARTED)
            connection->is_aborted = true;
        leave_handler(connection);
    }
    connection_enter(connection, CONNECTION_CLOSED);
    async_timer_disarm(&connection->timer);
    async_loop_unpost(worker->loop, &connection->wake);
    async_watch_fini(&connection->watch);
    drop_output(connection);
    drop_exchange(connection);
    connection->transport.ops->close(&connection->transport, connection->is_aborted);
    async_list_remove(&connection->node);
    free(connection);
    worker_connection_closed(worker);
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
        /* Who ended before anything was answered may have left, or only sends no more requests:
         * that looks the same, so the answer is given some time. Once it has begun, sending it
         * tells. */
        if (exchange->request.progress != REPLY_NONE)
            connection->state_deadline_ns = ASYNC_NEVER;
        else if (connection->is_input_ended && connection->state_deadline_ns == ASYNC_NEVER)
            connection->state_deadline_ns =
                after_ms(connection, connection->worker->settings->timeouts.half_close_ms);
        return false;
    }
    if (connection->is_broken)
        return false;
    connection_enter(connection, connection->keeps_alive ? CONNECTION_IDLE : CONNECTION_CLOSING);
    if (connection->state == CONNECTION_CLOSING)
        drop_exchange(connection);
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
    default:
        return false;
    }
}

/* Sends what the client takes now. */
static void flush(struct connection *connection)
{
    struct iovec spans[OUTPUT_ENTRIES];

    if (!connection_has_unsent(connection))
        return;
    size_t wanted = connection->output->unsent_bytes;
    ssize_t sent = connection->transport.ops->write(&connection->transport, spans,
                                                    output_gather(connection->output, spans));
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
            after_ms(connection, connection->worker->settings->timeouts.write_ms);
    output_sent(connection->output, (size_t)sent);
    if ((size_t)sent < wanted)
        return;
    connection->write_deadline_ns = ASYNC_NEVER;
    /* The time for the next request begins when the client has taken its answers. */
    if (was_waiting && (connection->state == CONNECTION_IDLE || connection->is_blocked))
        connection->state_deadline_ns = state_deadline(connection, connection->state);
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

static unsigned wanted_events(const struct connection *connection)
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
        drop_exchange(connection);
    if (!connection_has_unsent(connection))
        drop_output(connection);
    if (async_watch_set(&connection->watch, wanted_events(connection)) < 0) {
        finish(connection);
        return;
    }
    if (deadline_ns == ASYNC_NEVER ||
        (async_timer_is_armed(&connection->timer) && connection->timer_ns <= deadline_ns))
        return;
    connection->timer_ns = deadline_ns;
    async_timer_arm(&connection->timer, connection->worker->loop, deadline_ns);
}

static void advance(struct connection *connection)
{
    unsigned rounds = 0;
    bool goes_on;

    async_loop_unpost(connection->worker->loop, &connection->wake);
    do {
        while (step(connection)) {
        }
        if (!connection->is_broken)
            flush(connection);
        goes_on = !connection->is_broken &&
                  (tell_writable(connection) ||
                   (connection->is_blocked && !connection_has_unsent(connection)));
    } while (goes_on && ++rounds < ROUNDS_MAX);
    close_when_sent(connection);
    if (connection->is_broken) {
        finish(connection);
        return;
    }
    if (!goes_on)
        async_loop_unpost(connection->worker->loop, &connection->wake); /* all of it is done */
    else if (!async_task_is_posted(&connection->wake))
        async_loop_post(connection->worker->loop, &connection->wake);
    settle(connection);
}

/* Drops what a client says to a connection that is over. */
static void receive_last(struct connection *connection)
{
    char dropped[LINGER_READ_BYTES];
    ssize_t got = connection->transport.ops->read(&connection->transport, dropped, sizeof(dropped));

    if (got == 0 || (got < 0 && got != -EAGAIN && got != -EWOULDBLOCK))
        connection->is_broken = true;
}

/* One read: after a short one the descriptor would say that nothing more is there. */
static void receive(struct connection *connection)
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
        connection->state_deadline_ns = state_deadline(connection, CONNECTION_BODY);
}

static void on_ready(struct async_watch *watch, unsigned events)
{
    struct connection *connection = async_container_of(watch, struct connection, watch);

    /* Errors come as both events, also while only one is watched for. */
    if ((events & ASYNC_READ & wanted_events(connection)) != 0) {
        if (connection->state == CONNECTION_LINGERING)
            receive_last(connection);
        else
            receive(connection);
    }
    advance(connection);
}

static void on_wake(struct async_task *task)
{
    advance(async_container_of(task, struct connection, wake));
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
    if (!connection_has_unsent(connection) && connection->state == CONNECTION_HEAD)
        connection_refuse(connection, 408, "The request's head did not come in time.");
    else if (!connection_has_unsent(connection) && connection->state == CONNECTION_BODY)
        connection_refuse(connection, 408, "The request's body did not come in time.");
    else
        connection->is_broken = true;
    advance(connection);
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

void connection_open(struct worker *worker, int fd)
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
    transport_init_tcp(&connection->transport, fd);
    async_timer_init(&connection->timer, on_deadline);
    async_task_init(&connection->wake, on_wake);
    connection->state = CONNECTION_IDLE;
    connection->state_deadline_ns = state_deadline(connection, CONNECTION_IDLE);
    connection->write_deadline_ns = ASYNC_NEVER;
    async_list_append(&worker->connections, &connection->node);
    worker->connection_count++;
    if (!is_welcome)
        refuse_crowd(connection);
    advance(connection);
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
            receive(connection); /* a request that is there already is answered */
        advance(connection);
    }
}

/* Gives the last word to who waits, and closes. */
static void cut(struct connection *connection)
{
    if (connection->state == CONNECTION_HANDLING &&
        connection->exchange->request.progress == REPLY_NONE) {
        leave_handler(connection);
        connection->exchange->request.progress = REPLY_NONE;
        connection->keeps_alive = false;
        problem_send(&connection->exchange->request, 503, "The server stops.", NULL, 0);
        flush(connection);
    } else if (connection->state == CONNECTION_HEAD || connection->state == CONNECTION_BODY) {
        connection_refuse(connection, 503, "The server stops.");
        flush(connection);
    }
    finish(connection);
}

void connections_cut(struct worker *worker)
{
    struct async_list *node;

    while ((node = async_list_first(&worker->connections)) != NULL)
        cut(async_container_of(node, struct connection, node));
}
