/* SPDX-License-Identifier: MIT */
/*
 * curl_upstream.c - a call over the network: name, verdict, connection, head, body.
 *
 *      RESOLVING --all addresses pass--> CONNECTING --blank line--> BODY --> done
 *
 * The addresses that were classified are pinned in a name cache that belongs to this one transfer,
 * so libcurl looks nothing up; and it asks again about the very address before each connect, and
 * before a kept connection is used. What libcurl could do on its own (redirects, proxies, netrc,
 * cookies, Alt-Svc, HSTS, other protocols) is off. Reading the head: see head.c.
 *
 * Bytes beyond an answer's end (case 25) are no part of any answer. libcurl drops those that it
 * read together with the end, and says so only in its log, which is therefore listened to; those
 * that it has not read stay in the connection, which is looked into at the end of an answer and
 * before the next request. Over TLS that look would meet records that are no bytes of the origin's.
 *
 * For an upgrade libcurl makes the connection and nothing else: see wire.c.
 */
#include "curl_upstream.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "curl_fields.h"
#include "curl_transfer.h"
#include "easy_handle.h"
#include "scratch.h"
#include "wire.h"

#define IDLE_MAX 128 /* transfers that are kept for calls to come, some 6 KiB each */

static struct curl_upstream *curl_upstream_from(struct upstream *upstream)
{
    return (struct curl_upstream *)upstream;
}

static void transfer_free(struct transfer *transfer)
{
    easy_handle_drop(transfer);
    free(transfer);
}

static struct multi *multi_of(const struct transfer *transfer)
{
    return transfer->call->upgrade != NULL ? transfer->upstream->own_multi
                                           : transfer->upstream->multi;
}

/* Ready for another call, or gone. */
static void transfer_end(struct transfer *transfer, bool is_fit)
{
    struct curl_upstream *upstream = transfer->upstream;

    upstream->calls--;
    resolver_cancel(&transfer->query);
    async_loop_unpost(upstream->loop, &transfer->literal);
    wire_free(transfer->wire);
    transfer->wire = NULL;
    if (transfer->is_added)
        multi_remove(multi_of(transfer), transfer->easy);
    easy_handle_settle(transfer, is_fit);
    head_reader_fini(&transfer->head);
    if (transfer->easy == NULL || upstream->idle_count == IDLE_MAX) {
        transfer_free(transfer);
        return;
    }
    async_list_prepend(&upstream->idle, &transfer->idle_node);
    upstream->idle_count++;
}

void transfer_finish(struct transfer *transfer, int status)
{
    struct upstream_call *call = transfer->call;

    assert(call->backend == transfer);
    call->refusal = transfer->refusal;
    call->was_kept = transfer->was_kept;
    call->backend = NULL;
    transfer_end(transfer, status == 0);
    call->events->on_done(call, status);
}

static int status_of_result(const struct transfer *transfer, CURLcode result)
{
    bool has_head = head_reader_is_complete(&transfer->head);

    if (transfer->refusal != GUARD_OK)
        return -EACCES;
    if (transfer->is_stopped)
        return -ECANCELED;
    if (transfer->status < 0)
        return transfer->status;
    switch (result) {
    case CURLE_OK:
        return has_head ? 0 : -EPROTO;
    case CURLE_OUT_OF_MEMORY:
        /* So libcurl also calls a line of a head that is longer than its own limit. */
        return transfer->is_asked && !has_head ? -EPROTO : -ENOMEM;
    case CURLE_OPERATION_TIMEDOUT:
        return -ETIMEDOUT;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return -EPROTO;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_FAIL_REWIND: /* over a kept connection, and the body is on its way already */
        return -ECONNRESET;
    default:
        /* A bad chunk is reported as a receive error above; what is left happens before the head:
         * no connection, no TLS. */
        return has_head ? -ECONNRESET : -ECONNREFUSED;
    }
}

/* Case 25. Whether more has come than the answer; such a connection is used no more. */
static bool has_excess(const struct transfer *transfer)
{
    int fd = connections_of_user(&transfer->upstream->connections, transfer);

    if (fd < 0 || !transfer->head.is_http1)
        return transfer->has_excess;
    if (!transfer->has_excess && (transfer->call->url->is_https || !connection_has_unread(fd)))
        return false;
    connection_spoil(fd);
    return true;
}

static void on_transfer_done(CURL *easy, CURLcode result)
{
    char *context = NULL;
    struct transfer *transfer;
    const struct upstream_events *events;
    long connects = 1;
    int status;

    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &context);
    transfer = (struct transfer *)(void *)context;
    assert(transfer != NULL && transfer->easy == easy);
    if (transfer->call->upgrade != NULL && result == CURLE_OK) {
        wire_start(transfer);
        return;
    }
    if (result == CURLE_OK && has_excess(transfer) && !transfer->call->drops_excess)
        transfer->status = -EPROTO;
    status = status_of_result(transfer, result);
    if (status == -ECONNRESET && connects == 0)
        transfer->was_kept = true;
    events = transfer->call->events;
    if (status == 0 && events->on_trailers != NULL && fields_count(&transfer->head.trailers) > 0)
        events->on_trailers(transfer->call, &transfer->head.trailers);
    transfer_finish(transfer, status);
}

static int connect_transfer(struct transfer *transfer)
{
    int err = easy_handle_prepare(transfer);

    if (err == 0)
        err = multi_add(multi_of(transfer), transfer->easy);
    if (err == 0)
        transfer->is_added = true;
    return err;
}

/* The addresses are known: all of them have to pass. Rule F.9. */
static void on_addresses(struct transfer *transfer)
{
    int err;

    for (size_t i = 0; i < transfer->query.address_count; i++) {
        union resolver_address *address = &transfer->query.addresses[i];
        enum guard_reason reason;
        if (address->any.sa_family == AF_INET6)
            address->ipv6.sin6_port = htons(transfer->call->url->port);
        else
            address->ipv4.sin_port = htons(transfer->call->url->port);
        reason = transfer_check_address(transfer, &address->any, sizeof *address);
        if (reason != GUARD_OK) {
            transfer->refusal = reason;
            transfer_finish(transfer, -EACCES);
            return;
        }
    }
    err = connect_transfer(transfer);
    if (err < 0) {
        transfer_finish(transfer, err);
        return;
    }
    transfer->call->events->on_connecting(transfer->call);
}

static void on_resolved(struct resolver_query *query, int status)
{
    struct transfer *transfer = async_container_of(query, struct transfer, query);

    if (status == -E2BIG || status == -EIO)
        status = -ENOENT;
    if (status < 0)
        transfer_finish(transfer, status);
    else
        on_addresses(transfer);
}

static void on_literal(struct async_task *task)
{
    struct transfer *transfer = async_container_of(task, struct transfer, literal);
    const struct fetch_url *url = transfer->call->url;
    union resolver_address *address = &transfer->query.addresses[0];
    void *bytes = url->family == AF_INET6 ? (void *)&address->ipv6.sin6_addr
                                          : (void *)&address->ipv4.sin_addr;

    memset(address, 0, sizeof *address);
    address->any.sa_family = (sa_family_t)url->family;
    inet_pton(url->family, url->host, bytes);
    transfer->query.address_count = 1;
    on_addresses(transfer);
}

/* One that is idle, or a new one; NULL: there is no memory. */
static struct transfer *transfer_take(struct curl_upstream *upstream)
{
    struct transfer *transfer;

    if (async_list_is_empty(&upstream->idle)) {
        transfer = calloc(1, sizeof *transfer);
        if (transfer != NULL)
            transfer->upstream = upstream;
        return transfer;
    }
    transfer = async_container_of(async_list_pop(&upstream->idle), struct transfer, idle_node);
    upstream->idle_count--;
    return transfer;
}

static int start(struct upstream *interface, struct upstream_call *call)
{
    struct curl_upstream *upstream = curl_upstream_from(interface);
    struct transfer *transfer = transfer_take(upstream);

    assert(call->backend == NULL);
    if (transfer == NULL)
        return -ENOMEM;
    transfer->call = call;
    transfer->settings = call->settings != NULL ? call->settings : upstream->settings;
    transfer->body_bytes_left = -1;
    transfer->is_added = false;
    transfer->is_asked = false;
    transfer->was_kept = false;
    transfer->is_stopped = false;
    transfer->has_excess = false;
    transfer->refusal = GUARD_OK;
    transfer->status = 0;
    head_reader_init(&transfer->head, transfer->settings->response_header_bytes_max);
    transfer->head.passes_codings = call->passes_codings;
    resolver_query_init(&transfer->query, upstream->loop, on_resolved);
    async_task_init(&transfer->literal, on_literal);
    call->backend = transfer;
    upstream->calls++;
    if (call->url->family != AF_UNSPEC)
        async_loop_post(upstream->loop, &transfer->literal);
    else
        resolver_start(upstream->resolver, &transfer->query, call->url->host,
                       transfer->settings->resolve_timeout_ms);
    return 0;
}

static void cancel(struct upstream_call *call)
{
    struct transfer *transfer = call->backend;

    assert(!multi_is_inside(multi_of(transfer)));
    call->backend = NULL;
    transfer_end(transfer, false);
}

static void resume(struct upstream_call *call)
{
    struct transfer *transfer = call->backend;

    if (transfer->wire != NULL)
        wire_resume(transfer->wire);
    else if (transfer->is_added && call->upgrade == NULL)
        multi_unpause(transfer->upstream->multi, transfer->easy);
}

static const struct upstream_ops curl_ops = {
    .start = start,
    .cancel = cancel,
    .resume = resume,
};

int curl_upstream_new(struct async_loop *loop, const struct fetch_settings *settings,
                      struct upstream **ret_upstream)
{
    struct curl_upstream *upstream = calloc(1, sizeof *upstream);
    int err;

    if (upstream == NULL)
        return -ENOMEM;
    scratch_begin();
    upstream->upstream.ops = &curl_ops;
    upstream->loop = loop;
    upstream->settings = settings;
    async_list_init(&upstream->idle);
    err = curl_fields_make(settings, &(struct upstream_call){.method = NULL},
                           &upstream->plain_fields);
    if (err < 0)
        goto fail;
    err = multi_new(loop, settings, on_transfer_done, &upstream->multi);
    if (err < 0)
        goto fail;
    err = multi_new(loop, NULL, on_transfer_done, &upstream->own_multi);
    if (err < 0)
        goto fail;
    err = resolver_new(loop, settings, &upstream->resolver);
    if (err < 0)
        goto fail;
    *ret_upstream = &upstream->upstream;
    return 0;
fail:
    curl_upstream_free(&upstream->upstream);
    return err;
}

static void free_idle(struct curl_upstream *upstream)
{
    while (!async_list_is_empty(&upstream->idle))
        transfer_free(
            async_container_of(async_list_pop(&upstream->idle), struct transfer, idle_node));
    upstream->idle_count = 0;
}

void curl_upstream_close(struct upstream *interface)
{
    struct curl_upstream *upstream = curl_upstream_from(interface);

    assert(upstream->calls == 0);
    free_idle(upstream);
    multi_free(upstream->own_multi);
    multi_free(upstream->multi);
    upstream->own_multi = NULL;
    upstream->multi = NULL;
}

struct resolver *curl_upstream_resolver(struct upstream *upstream)
{
    return curl_upstream_from(upstream)->resolver;
}

void curl_upstream_free(struct upstream *interface)
{
    struct curl_upstream *upstream;

    if (interface == NULL)
        return;
    upstream = curl_upstream_from(interface);
    assert(upstream->calls == 0);
    free_idle(upstream);
    multi_free(upstream->own_multi);
    multi_free(upstream->multi);
    resolver_free(upstream->resolver);
    connections_fini(&upstream->connections);
    free(upstream->plain_fields);
    free(upstream);
}

int curl_upstream_global_init(void)
{
    return curl_global_init_mem(CURL_GLOBAL_DEFAULT, scratch_allocate, scratch_free, scratch_resize,
                                scratch_copy_text, scratch_allocate_zeroed) == CURLE_OK
               ? 0
               : -ENOMEM;
}
