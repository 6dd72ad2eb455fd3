/* SPDX-License-Identifier: MIT */
/*
 * wire.c - see wire.h.
 *
 *      head of the request --> | answer: response.c --> events
 *                              | after 101: the call's body --> as it is
 *
 * Nothing of the body is looked at before 101, so what a client sent too early stays where it is,
 * and never reaches an origin that goes on with HTTP. What has come and is not taken is kept here,
 * and nothing more is read meanwhile, so each end waits for the other. The connection is closed
 * after the answer, whatever it was.
 *
 * All is read until nothing is there, since TLS may hold bytes that no descriptor tells of.
 */
#include "wire.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "request_head.h"
#include "response.h"

/* One reading of an origin. */
#define PIECE_BYTES_MAX (16 * 1024)

/* And so many in a row, before others of the loop have their turn. */
#define PIECES_MAX 8

struct wire {
    struct transfer *transfer;
    struct async_watch watch;
    struct async_task again; /* posted to go on without waiting for the connection */
    struct response response;
    char *head; /* of the request, until it is sent; then NULL */
    size_t head_bytes, head_sent_bytes;
    char *kept; /* what came and is not taken yet; NULL: nothing */
    size_t kept_bytes;
    bool is_switched; /* 101 has come */
    bool is_paused;   /* the call takes nothing for now */
    bool is_full;     /* the connection takes nothing for now */
    bool is_ended;    /* nothing more is sent */
};

void wire_set_options(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
}

/* Returns how many were taken; 0: none can be now, or none any more, which is noted. What the
 * origin has said before it broke can still be read. */
static size_t send_bytes(struct wire *wire, const char *bytes, size_t count)
{
    size_t sent = 0;

    switch (curl_easy_send(wire->transfer->easy, bytes, count, &sent)) {
    case CURLE_OK:
        return sent;
    case CURLE_AGAIN:
        wire->is_full = true;
        return 0;
    default:
        wire->is_ended = true;
        return 0;
    }
}

static void send_head(struct wire *wire)
{
    while (wire->head != NULL && !wire->is_full && !wire->is_ended) {
        wire->head_sent_bytes += send_bytes(wire, wire->head + wire->head_sent_bytes,
                                            wire->head_bytes - wire->head_sent_bytes);
        if (wire->head_sent_bytes == wire->head_bytes) {
            free(wire->head);
            wire->head = NULL;
        }
    }
}

static void end_sending(struct wire *wire)
{
    (void)shutdown(wire->watch.fd, SHUT_WR);
    wire->is_ended = true;
}

static void send_body(struct wire *wire)
{
    struct upstream_call *call = wire->transfer->call;
    struct span piece;
    size_t sent;

    while (!wire->is_full && !wire->is_ended && call->body != NULL) {
        switch (call->body->look(call->body, &piece)) {
        case UPSTREAM_BODY_LATER:
            return;
        case UPSTREAM_BODY_END:
            end_sending(wire);
            return;
        case UPSTREAM_BODY_PIECE:
            break;
        }
        sent = send_bytes(wire, piece.bytes, piece.length);
        if (sent == 0)
            return;
        call->body->take(call->body, sent);
        if (call->events->on_sent != NULL)
            call->events->on_sent(call);
    }
}

/* What the call makes of one event. Returns -EAGAIN while it goes on; 0 at the end; else why it
 * ends. */
static int tell(struct wire *wire, int event, const char *bytes, size_t count,
                const struct upstream_head *head)
{
    struct upstream_call *call = wire->transfer->call;
    enum upstream_verdict verdict = UPSTREAM_GO_ON;

    if (event < 0)
        return event;
    if (event == RESPONSE_END) {
        if (call->events->on_trailers != NULL && fields_count(&wire->response.head.trailers) > 0)
            call->events->on_trailers(call, &wire->response.head.trailers);
        return 0;
    }
    if (event == RESPONSE_INTERIM && call->events->on_interim != NULL)
        call->events->on_interim(call, head);
    if (event == RESPONSE_HEAD) {
        wire->is_switched = head->status == 101;
        verdict = call->events->on_head(call, head);
    }
    if (event == RESPONSE_DATA)
        verdict = call->events->on_data(call, bytes, count);
    wire->is_paused = verdict == UPSTREAM_PAUSE;
    if (event == RESPONSE_DATA && verdict == UPSTREAM_GO_ON)
        response_take(&wire->response, count);
    return verdict == UPSTREAM_STOP ? -ECANCELED : -EAGAIN;
}

/* Returns as tell(); `ret_used` of the bytes are dealt with. */
static int read_bytes(struct wire *wire, const char *bytes, size_t count, size_t *ret_used)
{
    struct upstream_head head;
    int status = -EAGAIN;
    size_t used = 0;

    while (status == -EAGAIN && !wire->is_paused) {
        size_t step;
        int event = response_read(&wire->response, bytes + used, count - used, &step, &head);
        if (event == RESPONSE_MORE && step == 0)
            break;
        status = tell(wire, event, bytes + used, step, &head);
        if (!wire->is_paused)
            used += step;
    }
    *ret_used = used;
    return status;
}

static int keep(struct wire *wire, const char *bytes, size_t count)
{
    char *longer;

    if (count == 0)
        return 0;
    longer = realloc(wire->kept, wire->kept_bytes + count);
    if (longer == NULL)
        return -ENOMEM;
    memcpy(longer + wire->kept_bytes, bytes, count);
    wire->kept = longer;
    wire->kept_bytes += count;
    return 0;
}

static int read_kept(struct wire *wire)
{
    size_t used;
    int status = read_bytes(wire, wire->kept, wire->kept_bytes, &used);

    wire->kept_bytes -= used;
    memmove(wire->kept, wire->kept + used, wire->kept_bytes);
    if (wire->kept_bytes == 0) {
        free(wire->kept);
        wire->kept = NULL;
    }
    return status;
}

static int take_in(struct wire *wire, const char *bytes, size_t count)
{
    size_t used;
    int status;

    if (wire->kept != NULL)
        return keep(wire, bytes, count) < 0 ? -ENOMEM : read_kept(wire);
    status = read_bytes(wire, bytes, count, &used);
    if (status == -EAGAIN && keep(wire, bytes + used, count - used) < 0)
        return -ENOMEM;
    return status;
}

static void go_on_soon(struct wire *wire)
{
    if (!async_task_is_posted(&wire->again))
        async_loop_post(wire->transfer->upstream->loop, &wire->again);
}

/* Returns as tell(). */
static int receive(struct wire *wire)
{
    char bytes[PIECE_BYTES_MAX];
    int status = wire->kept != NULL ? read_kept(wire) : -EAGAIN;

    for (unsigned i = 0; status == -EAGAIN && !wire->is_paused; i++) {
        size_t count = 0;
        CURLcode result;
        if (i == PIECES_MAX) {
            go_on_soon(wire);
            break;
        }
        result = curl_easy_recv(wire->transfer->easy, bytes, sizeof bytes, &count);
        if (result == CURLE_AGAIN)
            break;
        if (result != CURLE_OK)
            return -ECONNRESET;
        status = count > 0 ? take_in(wire, bytes, count) : response_close(&wire->response);
    }
    return status;
}

/* Moves what can be moved, and waits for the rest. */
static void pump(struct wire *wire)
{
    struct transfer *transfer = wire->transfer;
    int status;

    wire->is_full = false;
    send_head(wire);
    status = receive(wire);
    if (status == -EAGAIN && wire->is_switched)
        send_body(wire);
    if (status == -EAGAIN &&
        async_watch_set(&wire->watch, (wire->is_paused ? 0 : (unsigned)ASYNC_READ) |
                                          (wire->is_full ? (unsigned)ASYNC_WRITE : 0)) < 0)
        status = -ENOMEM;
    if (status != -EAGAIN)
        transfer_finish(transfer, status);
}

static void on_ready(struct async_watch *watch, unsigned events)
{
    (void)events; /* both ways are tried */
    pump(async_container_of(watch, struct wire, watch));
}

static void on_again(struct async_task *task)
{
    pump(async_container_of(task, struct wire, again));
}

static int prepare(struct wire *wire, struct transfer *transfer)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    int err;

    wire->transfer = transfer;
    async_task_init(&wire->again, on_again);
    response_init(&wire->response, transfer->call->upgrade,
                  transfer->settings->response_header_bytes_max, transfer->call->passes_codings);
    transfer->wire = wire;
    err = request_head_make(transfer->settings, transfer->call, &wire->head, &wire->head_bytes);
    if (err < 0)
        return err;
    curl_easy_getinfo(transfer->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (fd == CURL_SOCKET_BAD)
        return -ECONNRESET; /* it has ended meanwhile */
    return async_watch_init(&wire->watch, transfer->upstream->loop, fd, on_ready);
}

void wire_start(struct transfer *transfer)
{
    struct wire *wire = calloc(1, sizeof *wire);
    int err = wire != NULL ? prepare(wire, transfer) : -ENOMEM;

    if (err < 0)
        transfer_finish(transfer, err);
    else
        pump(wire);
}

void wire_resume(struct wire *wire)
{
    wire->is_paused = false;
    go_on_soon(wire);
}

void wire_free(struct wire *wire)
{
    if (wire == NULL)
        return;
    async_loop_unpost(wire->transfer->upstream->loop, &wire->again);
    async_watch_fini(&wire->watch);
    response_fini(&wire->response);
    free(wire->head);
    free(wire->kept);
    free(wire);
}
