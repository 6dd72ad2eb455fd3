/* SPDX-License-Identifier: MIT */
/*
 * origin_connection.c - one connection of the origin: from requests to what their scripts send.
 *
 *   reads a head --> exchange --gate, delay--> head --gate--> body --> next head
 *
 * Connections are kept open unless the script ends them. One that has ended is freed at the next
 * resume, so that an event of the same turn cannot meet freed memory.
 */
#include "origin_connection.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "reply.h"

static struct connection *connection_from(struct watch *watch)
{
    return (struct connection *)(void *)watch;
}

/* The exchange, if any, is over; whether it was sent to its end is the caller's word. */
static void exchange_end(struct connection *connection, bool is_whole)
{
    struct exchange *exchange = connection->exchange;

    if (exchange == NULL)
        return;
    connection->exchange = NULL;
    exchange->is_over = true;
    assert(exchange->resource->live > 0);
    exchange->resource->live--;
    if (is_whole && exchange->resource->answered_ns == 0)
        exchange->resource->answered_ns = world_now_ns();
}

void connection_close(struct connection *connection)
{
    connection->origin->events++;
    exchange_end(connection, false);
    world_forget(connection->origin->world, &connection->watch);
}

static struct resource *find_resource(struct origin *origin, const char *head)
{
    for (struct resource *resource = origin->resources; resource != NULL;
         resource = resource->next) {
        const char *found = strstr(head, resource->token);
        if (found != NULL && found < head + strcspn(head, "\r"))
            return resource;
    }
    return NULL;
}

static void exchange_begin(struct connection *connection, struct resource *resource,
                           const char *head, size_t head_bytes)
{
    struct exchange *exchange = calloc(1, sizeof(*exchange));

    if (exchange == NULL) {
        connection_close(connection);
        return;
    }
    exchange->resource = resource;
    exchange->number = ++resource->hits;
    memcpy(exchange->head, head, head_bytes);
    snprintf(exchange->method, sizeof(exchange->method), "%.*s", (int)strcspn(head, " "), head);
    exchange->due_ns = world_now_ns() + (int64_t)resource->answer.delay_ms * 1000000;
    exchange->next = resource->exchanges;
    resource->exchanges = exchange;
    resource->live++;
    if (resource->live > resource->live_max)
        resource->live_max = resource->live;
    connection->exchange = exchange;
}

/* The next whole head among the bytes that came, if no exchange is open, begins one. */
static void take_request(struct connection *connection)
{
    static const char unknown[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    char head[EXCHANGE_HEAD];
    char length[32];
    char *end = memmem(connection->in, connection->in_bytes, "\r\n\r\n", 4);
    size_t head_bytes;
    struct resource *resource;

    if (end == NULL || connection->exchange != NULL || connection->out_from < connection->out_to)
        return;
    head_bytes = (size_t)(end + 4 - connection->in);
    memcpy(head, connection->in, head_bytes - 1);
    head[head_bytes - 1] = '\0';
    connection->in_bytes -= head_bytes;
    memmove(connection->in, connection->in + head_bytes, connection->in_bytes);
    if (http_field(head, "Content-Length", length, sizeof(length)))
        connection->skip_bytes = (size_t)strtoull(length, NULL, 10);
    resource = find_resource(connection->origin, head);
    if (resource != NULL) {
        exchange_begin(connection, resource, head, head_bytes);
        return;
    }
    memcpy(connection->out, unknown, sizeof(unknown) - 1);
    connection->out_from = 0;
    connection->out_to = sizeof(unknown) - 1;
}

static void skip_body(struct connection *connection)
{
    size_t part = connection->skip_bytes < connection->in_bytes ? connection->skip_bytes
                                                                : connection->in_bytes;

    connection->skip_bytes -= part;
    connection->in_bytes -= part;
    memmove(connection->in, connection->in + part, connection->in_bytes);
}

static void put_head(struct connection *connection, const struct exchange *exchange)
{
    const struct answer *answer = &exchange->answer;
    time_t now = time(NULL);
    struct tm tm;
    char date[64];
    char framing[128] = "";
    int length;

    gmtime_r(&now, &tm);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (answer->framing == FRAMING_CHUNKED)
        snprintf(framing, sizeof(framing), "Transfer-Encoding: chunked\r\n");
    else if (answer->status != 304 && answer->status != 204)
        snprintf(framing, sizeof(framing), "Content-Length: %zu\r\n", answer->body_bytes);
    if (answer->whole_bytes > 0)
        snprintf(framing + strlen(framing), sizeof(framing) - strlen(framing),
                 "Content-Range: bytes %zu-%zu/%zu\r\n", answer->from_byte,
                 answer->from_byte + answer->body_bytes - 1, answer->whole_bytes);
    length = snprintf(connection->out, sizeof(connection->out),
                      "HTTP/1.1 %u Scripted\r\nDate: %s\r\nContent-Type: text/plain\r\n%s%s\r\n",
                      answer->status, date, framing, answer->fields != NULL ? answer->fields : "");
    connection->out_from = 0;
    connection->out_to = (size_t)length;
}

static void put_text(struct connection *connection, const char *text)
{
    size_t length = strlen(text);

    assert(length <= sizeof(connection->out));
    memcpy(connection->out, text, length);
    connection->out_from = 0;
    connection->out_to = length;
}

/* Decides the answer, and puts its beginning into `out`. */
static void begin_answer(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    struct answer *answer = &exchange->answer;

    exchange->is_answering = true;
    *answer = exchange->resource->answer;
    if (exchange->resource->adapt != NULL)
        exchange->resource->adapt(exchange, answer);
    if (answer->label == 0)
        answer->label = exchange->number;
    if (answer->raw != NULL) {
        put_text(connection, answer->raw);
        answer->body_bytes = 0;
        answer->framing = FRAMING_LENGTH;
        connection->ends_after_out = answer->raw_is_the_end;
        return;
    }
    if (answer->status == 0) {
        connection->ends_after_out = true;
        return;
    }
    put_head(connection, exchange);
    if (strcmp(exchange->method, "HEAD") == 0 || answer->status == 304) {
        answer->body_bytes = 0;
        answer->framing = FRAMING_LENGTH;
    }
}

/* Puts the next piece of the body into `out`, as far as gate and script let it. */
static void put_body(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    const struct answer *answer = &exchange->answer;
    bool is_cut = answer->cut_at_bytes > 0 && answer->cut_at_bytes < answer->body_bytes;
    size_t end = is_cut ? answer->cut_at_bytes : answer->body_bytes;
    size_t allowed = exchange->resource->body_limit_bytes;
    size_t until = allowed < end ? allowed : end;
    size_t part = exchange->sent_bytes < until ? until - exchange->sent_bytes : 0;
    size_t lead = 0;

    if (part > BLOCK_BYTES)
        part = BLOCK_BYTES;
    if (part > 0) {
        if (answer->framing == FRAMING_CHUNKED)
            lead = (size_t)snprintf(connection->out, 16, "%zx\r\n", part);
        content_fill(connection->out + lead, part, answer->from_byte + exchange->sent_bytes,
                     answer->label);
        if (answer->framing == FRAMING_CHUNKED)
            memcpy(connection->out + lead + part, "\r\n", 2);
        connection->out_from = 0;
        connection->out_to = lead + part + (answer->framing == FRAMING_CHUNKED ? 2 : 0);
        exchange->sent_bytes += part;
    } else if (exchange->sent_bytes == end && is_cut) {
        connection->ends_after_out = true;
    } else if (exchange->sent_bytes == end) {
        if (answer->framing == FRAMING_CHUNKED)
            put_text(connection, "0\r\n\r\n");
        exchange_end(connection, true);
    }
}

/* Sends what is in `out`; false if the rest has to wait, or the connection has ended. */
static bool flush(struct connection *connection)
{
    while (connection->out_from < connection->out_to) {
        ssize_t sent = send(connection->watch.fd, connection->out + connection->out_from,
                            connection->out_to - connection->out_from, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            world_want(connection->origin->world, &connection->watch, EPOLLIN | EPOLLOUT);
            return false;
        }
        if (sent < 0) {
            if (connection->exchange != NULL)
                connection->exchange->resource->abandoned++;
            connection_close(connection);
            return false;
        }
        connection->out_from += (size_t)sent;
        connection->origin->events++;
    }
    world_want(connection->origin->world, &connection->watch, EPOLLIN);
    return true;
}

/* Whether the gate before the head is open for the exchange, and its time has come. */
static bool may_answer(const struct exchange *exchange)
{
    return (exchange->is_free || !exchange->resource->is_held) &&
           exchange->due_ns <= world_now_ns();
}

void connection_progress(struct connection *connection)
{
    size_t sent_before;

    do {
        if (!flush(connection))
            return;
        if (connection->ends_after_out) {
            exchange_end(connection, false);
            connection_close(connection);
            return;
        }
        skip_body(connection);
        if (connection->exchange == NULL && connection->skip_bytes == 0)
            take_request(connection);
        if (connection->exchange == NULL)
            continue;
        sent_before = connection->exchange->sent_bytes;
        if (connection->exchange->is_answering)
            put_body(connection);
        else if (connection->skip_bytes == 0 && may_answer(connection->exchange))
            begin_answer(connection);
        if (connection->exchange != NULL && connection->exchange->is_answering &&
            connection->exchange->sent_bytes == sent_before && !connection->ends_after_out &&
            connection->out_from == connection->out_to)
            return; /* at a gate of the body */
    } while (connection->out_from < connection->out_to || connection->ends_after_out);
}

static void on_connection(struct watch *watch, uint32_t events)
{
    struct connection *connection = connection_from(watch);
    ssize_t got;

    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 &&
        connection->in_bytes < sizeof(connection->in)) {
        got = recv(watch->fd, connection->in + connection->in_bytes,
                   sizeof(connection->in) - connection->in_bytes, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            if (connection->exchange != NULL)
                connection->exchange->resource->abandoned++;
            connection_close(connection);
            return;
        }
        connection->in_bytes += got > 0 ? (size_t)got : 0;
        connection->origin->events++;
    }
    connection_progress(connection);
}

void connection_new(struct origin *origin, int fd)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    int one = 1;

    if (connection == NULL) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    connection->watch = (struct watch){.fd = fd, .wants = EPOLLIN, .on_event = on_connection};
    connection->origin = origin;
    connection->next = origin->connections;
    origin->connections = connection;
    world_watch(origin->world, &connection->watch);
}
