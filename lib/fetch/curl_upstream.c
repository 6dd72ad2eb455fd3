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
 */
#include "curl_upstream.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "curl_fields.h"
#include "curl_transfer.h"

static struct curl_upstream *curl_upstream_from(struct upstream *upstream)
{
    return (struct curl_upstream *)upstream;
}

static void transfer_free(struct transfer *transfer)
{
    transfer->upstream->calls--;
    resolver_cancel(&transfer->query);
    async_loop_unpost(transfer->upstream->loop, &transfer->literal);
    if (transfer->easy != NULL) {
        multi_remove(transfer->upstream->multi, transfer->easy);
        curl_easy_cleanup(transfer->easy);
    }
    curl_share_cleanup(transfer->pins);
    curl_slist_free_all(transfer->pin_list);
    curl_slist_free_all(transfer->fields);
    head_reader_fini(&transfer->head);
    free(transfer);
}

/* The one way out besides cancel(). */
static void transfer_finish(struct transfer *transfer, int status)
{
    struct upstream_call *call = transfer->call;

    assert(call->backend == transfer);
    call->refusal = transfer->refusal;
    call->was_kept = transfer->was_kept;
    call->backend = NULL;
    transfer_free(transfer);
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

/* "host:port:address,address": the transfer's own name cache. Rule F.10. */
static int pin_addresses(struct transfer *transfer)
{
    const struct fetch_url *url = transfer->call->url;
    size_t room = strlen(url->host) + 16 + transfer->query.address_count * (INET6_ADDRSTRLEN + 3);
    char *line = malloc(room);
    char text[INET6_ADDRSTRLEN];
    int used;

    if (line == NULL)
        return -ENOMEM;
    used = snprintf(line, room, "%s:%u:", url->host, url->port);
    for (size_t i = 0; i < transfer->query.address_count; i++) {
        const union resolver_address *address = &transfer->query.addresses[i];
        bool is_ipv6 = address->any.sa_family == AF_INET6;
        const void *bytes = is_ipv6 ? (const void *)&address->ipv6.sin6_addr
                                    : (const void *)&address->ipv4.sin_addr;
        inet_ntop(address->any.sa_family, bytes, text, sizeof text);
        used += snprintf(line + used, room - (size_t)used, is_ipv6 ? "%s[%s]" : "%s%s",
                         i > 0 ? "," : "", text);
    }
    assert((size_t)used < room);
    transfer->pin_list = curl_slist_append(NULL, line);
    free(line);
    transfer->pins = curl_share_init();
    if (transfer->pin_list == NULL || transfer->pins == NULL ||
        curl_share_setopt(transfer->pins, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) != CURLSHE_OK)
        return -ENOMEM;
    curl_easy_setopt(transfer->easy, CURLOPT_SHARE, transfer->pins);
    curl_easy_setopt(transfer->easy, CURLOPT_RESOLVE, transfer->pin_list);
    return 0;
}

/* Whatever libcurl could decide by itself is decided here. Rule G.12. */
static void set_options(struct transfer *transfer, CURL *easy)
{
    const struct fetch_settings *settings = transfer->settings;

    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_ALTSVC_CTRL, 0L);
    curl_easy_setopt(easy, CURLOPT_HSTS_CTRL, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    /* Else an unknown transfer coding would be refused, which head.c decides. */
    curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)settings->connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, settings->user_agent);
    if (settings->ca_bundle_path != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, settings->ca_bundle_path);

    curl_callbacks_set(transfer, easy);
}

static bool is_head(const struct upstream_call *call)
{
    return call->method != NULL && strcmp(call->method, "HEAD") == 0;
}

/* What is asked for. Errors: -ENOMEM. */
static int set_request(struct transfer *transfer, CURL *easy)
{
    const struct upstream_call *call = transfer->call;
    const struct curl_upstream *upstream = transfer->upstream;
    int err = 0;

    assert(!is_head(call) || call->body == NULL); /* libcurl would announce it, and send nothing */
    if (call->fields != NULL || call->is_verbatim || call->host != NULL || call->body != NULL)
        err = curl_fields_make(transfer->settings, call, &transfer->fields);
    if (err < 0)
        return err;
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, call->is_on_new_connection ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER,
                     transfer->fields != NULL ? transfer->fields : upstream->plain_fields);
    if (call->body != NULL) {
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->body->length_bytes);
    }
    /* A body alone would make libcurl say PUT. */
    if (is_head(call))
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if ((call->method != NULL || call->body != NULL) &&
             curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
                              call->method != NULL ? call->method : "GET") != CURLE_OK)
        return -ENOMEM;
    if (call->target != NULL &&
        curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, call->target) != CURLE_OK)
        return -ENOMEM;
    return curl_easy_setopt(easy, CURLOPT_URL, call->url->text) == CURLE_OK ? 0 : -ENOMEM;
}

static int connect_transfer(struct transfer *transfer)
{
    CURL *easy = curl_easy_init();
    int err;

    if (easy == NULL)
        return -ENOMEM;
    set_options(transfer, easy);
    transfer->easy = easy;
    err = set_request(transfer, easy);
    if (err == 0 && transfer->call->url->family == AF_UNSPEC)
        err = pin_addresses(transfer);
    if (err == 0)
        err = multi_add(transfer->upstream->multi, easy);
    if (err < 0) {
        curl_easy_cleanup(easy);
        transfer->easy = NULL;
    }
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

static int start(struct upstream *interface, struct upstream_call *call)
{
    struct curl_upstream *upstream = curl_upstream_from(interface);
    struct transfer *transfer = malloc(sizeof *transfer);

    assert(call->backend == NULL);
    if (transfer == NULL)
        return -ENOMEM;
    transfer->upstream = upstream;
    transfer->call = call;
    transfer->settings = call->settings != NULL ? call->settings : upstream->settings;
    transfer->easy = NULL;
    transfer->pins = NULL;
    transfer->pin_list = NULL;
    transfer->fields = NULL;
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

    assert(!multi_is_inside(transfer->upstream->multi));
    call->backend = NULL;
    transfer_free(transfer);
}

static void resume(struct upstream_call *call)
{
    struct transfer *transfer = call->backend;

    if (transfer->easy != NULL)
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
    upstream->upstream.ops = &curl_ops;
    upstream->loop = loop;
    upstream->settings = settings;
    err = curl_fields_make(settings, &(struct upstream_call){.method = NULL},
                           &upstream->plain_fields);
    if (err < 0)
        goto fail;
    err = multi_new(loop, settings, on_transfer_done, &upstream->multi);
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

void curl_upstream_close(struct upstream *interface)
{
    struct curl_upstream *upstream = curl_upstream_from(interface);

    assert(upstream->calls == 0);
    multi_free(upstream->multi);
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
    multi_free(upstream->multi);
    resolver_free(upstream->resolver);
    connections_fini(&upstream->connections);
    curl_slist_free_all(upstream->plain_fields);
    free(upstream);
}

int curl_upstream_global_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ENOMEM;
}
