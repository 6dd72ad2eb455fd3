/* SPDX-License-Identifier: MIT */
/*
 * tunnel.c - see tunnel.h. The two ends, and who waits for whom:
 *
 *      client --request_body_look--> the piece stays in the client's buffer until the host takes it
 *      host   --receive--> a copy --reply_write--> not read on while the client takes no more
 *
 * A client that has ended its side may still read what the host has to say. A host that has ended
 * its own ends the tunnel, as soon as the client has got all that it sent.
 */
#include "tunnel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fetch/tunnel.h>

#include "../log/log.h"
#include "../reply.h"
#include "fetch_fields.h"

/* One reading of a host. */
#define PIECE_BYTES_MAX (16 * 1024)

/* And so many in a row, before others of the loop have their turn. */
#define PIECES_MAX 8

/* "https://" + authority + "/". */
#define URL_BYTES_MAX 1024

struct tunnel {
    struct request *request;
    struct fetch_tunnel *host;
    bool is_ended;     /* nothing more goes to the host */
    bool is_host_full; /* it takes no more for now */
    bool is_client_full;
};

static struct tunnel *tunnel_from(struct request *request)
{
    return (struct tunnel *)(void *)request->state;
}

/* The one way out of an open tunnel: status 0 for a good end. */
static void finish(struct tunnel *self, ssize_t status)
{
    struct request *request = self->request;

    fetch_tunnel_free(self->host);
    if (status == 0)
        reply_end(request);
    else
        reply_abort(request);
}

static void send_to_host(struct tunnel *self)
{
    struct span piece;
    ssize_t count;

    self->is_host_full = false;
    while (!self->is_ended && !self->is_host_full) {
        switch (request_body_look(self->request, &piece)) {
        case REQUEST_BODY_LATER:
            return;
        case REQUEST_BODY_END:
            fetch_tunnel_end(self->host);
            self->is_ended = true;
            return;
        case REQUEST_BODY_PIECE:
            break;
        }
        count = fetch_tunnel_send(self->host, piece.bytes, piece.length);
        if (count >= 0)
            request_body_take(self->request, (size_t)count);
        else if (count == -EAGAIN)
            self->is_host_full = true;
        else
            self->is_ended = true; /* what it said before can still be read */
    }
}

/* Returns -EAGAIN while it goes on; 0 at the end, or why it broke. */
static ssize_t send_to_client(struct tunnel *self)
{
    char bytes[PIECE_BYTES_MAX];

    for (unsigned i = 0; i < PIECES_MAX && !self->is_client_full; i++) {
        struct reply_memory memory = {.release = free};
        struct iovec span;
        ssize_t count = fetch_tunnel_receive(self->host, bytes, sizeof bytes);
        if (count <= 0)
            return count;
        span = (struct iovec){.iov_base = malloc((size_t)count), .iov_len = (size_t)count};
        if (span.iov_base == NULL)
            return -ENOMEM;
        memcpy(span.iov_base, bytes, (size_t)count);
        memory.context = span.iov_base;
        self->is_client_full = !reply_write(self->request, &span, 1, memory);
    }
    return -EAGAIN;
}

/* Moves what can be moved, and waits for the rest. */
static void pump(struct tunnel *self)
{
    ssize_t status;

    send_to_host(self);
    status = send_to_client(self);
    if (status == -EAGAIN &&
        fetch_tunnel_wait(self->host, !self->is_client_full, self->is_host_full) < 0)
        status = -ENOMEM;
    if (status != -EAGAIN)
        finish(self, status);
}

static void on_body(struct request *request)
{
    pump(tunnel_from(request));
}

static void on_writable(struct request *request)
{
    struct tunnel *self = tunnel_from(request);

    self->is_client_full = false;
    pump(self);
}

static void on_gone(struct request *request)
{
    fetch_tunnel_free(tunnel_from(request)->host);
}

static void on_ready(void *context, int status)
{
    struct tunnel *self = context;

    if (status == 0)
        pump(self);
    else
        finish(self, 0); /* idle for too long: closed in good order */
}

static void refuse(struct request *request, int status)
{
    struct fetch_failure failure = fetch_tunnel_failure(status);
    char target[256];

    log_info("tunnel failed", "status=%d reason=%s target=%s", failure.status, failure.reason,
             log_quote(target, sizeof target, request->target.bytes, request->target.length));
    fetch_refuse(request, failure.status, failure.detail, "tunnel");
}

static void on_open(void *context, int status)
{
    static const struct cache_status account = {.forward = CACHE_FORWARD_METHOD};
    static const struct reply_memory memory_none;
    struct tunnel *self = context;
    struct request *request = self->request;
    char cache_status[CACHE_STATUS_BYTES];
    char timing[SERVER_TIMING_BYTES];
    const struct reply_field fields[] = {{"Cache-Status", cache_status}, {"Server-Timing", timing}};
    const struct reply_head head = {
        .status = 200, .fields = fields, .field_count = 2, .has_account = true};

    if (status < 0) {
        fetch_tunnel_free(self->host);
        refuse(request, status);
        return;
    }
    cache_status_write(&account, cache_status);
    server_timing_write(0, async_loop_now_ns(request->loop) - request->start_ns, timing);
    reply_tunnel(request, &head, memory_none);
    pump(self);
}

/* The target is host:port, or it would not have come so far; the host may be no good one. */
static int read_target(const struct request *request, struct fetch_url **ret_url)
{
    char text[URL_BYTES_MAX];
    int length = snprintf(text, sizeof text, "https://%.*s/", (int)request->authority.length,
                          request->authority.bytes);

    if (length < 0 || (size_t)length >= sizeof text)
        return -ENAMETOOLONG;
    return fetch_url_parse(text, (size_t)length, sizeof text, ret_url);
}

static bool is_port_open(const struct tunnel_rules *rules, uint16_t port)
{
    for (size_t i = 0; i < rules->port_count; i++) {
        if (rules->ports[i] == port)
            return true;
    }
    return false;
}

void tunnel_start(struct request *request, struct fetch_lane *lane,
                  const struct tunnel_rules *rules)
{
    static const struct fetch_tunnel_events events = {.on_open = on_open, .on_ready = on_ready};
    struct tunnel *self = request_state(request, sizeof *self);
    struct fetch_url *url;
    int err = read_target(request, &url);

    if (err < 0 && err != -ENOMEM) {
        fetch_refuse(request, 400, fetch_url_error_text(err), "bad-target");
        return;
    }
    if (err == 0 && !is_port_open(rules, url->port)) {
        fetch_url_unref(url);
        refuse(request, -EACCES);
        return;
    }
    self->request = request;
    if (err == 0) {
        err = fetch_tunnel_new(lane, rules->policy, url, &events, self, &self->host);
        fetch_url_unref(url);
    }
    if (err < 0) {
        refuse(request, err);
        return;
    }
    request->on_gone = on_gone;
    request->on_body = on_body;
    request->on_writable = on_writable;
}
