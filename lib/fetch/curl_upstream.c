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
#include <unistd.h>

#include "connections.h"
#include "curl_fields.h"
#include "head.h"
#include "multi.h"
#include "resolver.h"

struct curl_upstream {
    struct upstream upstream; /* first */
    struct async_loop *loop;
    const struct fetch_settings *settings;
    struct resolver *resolver;
    struct multi *multi;
    struct connections connections;
    struct curl_slist *plain_fields; /* of all calls that have none of their own */
    size_t calls;
};

struct transfer {
    struct curl_upstream *upstream;
    struct upstream_call *call;
    struct resolver_query query;
    struct async_task
        literal; /* the host is an address: no lookup, but not inside start() either */
    CURL *easy;  /* NULL until added to the multi handle */
    CURLSH *pins;
    struct curl_slist *pin_list;
    struct curl_slist *fields; /* NULL: the plain ones */
    struct head_reader head;
    bool is_asked;   /* the request is on its way */
    bool is_stopped; /* by a verdict */
    bool has_excess; /* the origin has sent more than its answer */
    enum guard_reason refusal;
    int status; /* decided inside a callback; 0: ask libcurl's result */
};

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

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &context);
    transfer = (struct transfer *)(void *)context;
    assert(transfer != NULL && transfer->easy == easy);
    if (result == CURLE_OK && has_excess(transfer))
        transfer->status = -EPROTO;
    transfer_finish(transfer, status_of_result(transfer, result));
}

/* libcurl's callbacks, in the order they fire. None calls libcurl. */

/* The verdict that counts: on the address about to be connected. Rule G.11. */
static curl_socket_t on_open_socket(void *context, curlsocktype purpose,
                                    struct curl_sockaddr *address)
{
    struct transfer *transfer = context;
    enum guard_reason reason;
    int fd;

    if (purpose != CURLSOCKTYPE_IPCXN)
        return CURL_SOCKET_BAD;
    reason =
        guard_check_address(&transfer->upstream->settings->guard, &address->addr, address->addrlen);
    if (reason != GUARD_OK) {
        transfer->refusal = reason;
        return CURL_SOCKET_BAD;
    }
    fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd >= 0 && connections_add(&transfer->upstream->connections, fd) < 0) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    return fd;
}

/* The upstream's, since a connection outlives the transfer that opened it. */
static int on_close_socket(void *context, curl_socket_t fd)
{
    struct curl_upstream *upstream = context;

    connections_remove(&upstream->connections, fd);
    return close(fd);
}

/* Whether a kept connection holds bytes that nobody has asked for. */
static bool is_spoilt(struct transfer *transfer, const char *peer, int peer_port, int own_port)
{
    int fd = connections_use(&transfer->upstream->connections, own_port, peer, peer_port, transfer);

    return fd >= 0 && !transfer->call->url->is_https && connection_has_unread(fd);
}

/* Before each request, on new and on kept connections. */
static int on_before_request(void *context, char *peer, char *own, int peer_port, int own_port)
{
    struct transfer *transfer = context;
    union resolver_address address = {0};
    socklen_t bytes = sizeof address.ipv4;
    enum guard_reason reason;

    (void)own;
    if (inet_pton(AF_INET, peer, &address.ipv4.sin_addr) == 1) {
        address.ipv4.sin_family = AF_INET;
        address.ipv4.sin_port = htons((uint16_t)peer_port);
    } else if (inet_pton(AF_INET6, peer, &address.ipv6.sin6_addr) == 1) {
        address.ipv6.sin6_family = AF_INET6;
        address.ipv6.sin6_port = htons((uint16_t)peer_port);
        bytes = sizeof address.ipv6;
    }
    reason = guard_check_address(&transfer->upstream->settings->guard, &address.any, bytes);
    if (reason != GUARD_OK) {
        transfer->refusal = reason;
        return CURL_PREREQFUNC_ABORT;
    }
    if (is_spoilt(transfer, peer, peer_port, own_port)) {
        transfer->status = -ECONNRESET; /* as if it had been closed: tried again over another */
        return CURL_PREREQFUNC_ABORT;
    }
    transfer->is_asked = true;
    return CURL_PREREQFUNC_OK;
}

/* A name that is not pinned would be looked up by libcurl: it may not. Rule F.10. */
static int on_lookup(void *resolver_state, void *reserved, void *context)
{
    struct transfer *transfer = context;

    (void)resolver_state;
    (void)reserved;
    return transfer->call->url->family == AF_UNSPEC ? 1 : 0;
}

static size_t on_head_line(char *line, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t bytes = size * count;
    struct upstream_head head;
    int result;

    result = head_reader_take(&transfer->head, line, bytes, &head);
    if (result < 0) {
        transfer->status = result;
        return 0;
    }
    if (result == HEAD_COMPLETE &&
        transfer->call->events->on_head(transfer->call, &head) == UPSTREAM_STOP) {
        transfer->is_stopped = true;
        return 0;
    }
    return bytes;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;

    if (size * count == 0)
        return 0;
    if (transfer->has_excess) {
        transfer->status = -EPROTO;
        return 0;
    }
    switch (transfer->call->events->on_data(transfer->call, bytes, size * count)) {
    case UPSTREAM_GO_ON:
        return size * count;
    case UPSTREAM_PAUSE:
        return CURL_WRITEFUNC_PAUSE;
    case UPSTREAM_STOP:
        break;
    }
    transfer->is_stopped = true;
    return 0;
}

/* libcurl's log. It tells of excess bytes before it hands over the last that are not, if there are
 * any; the words are those of its infof() calls, and a test sees to it that they are still said. */
static int on_log(CURL *easy, curl_infotype type, char *text, size_t bytes, void *context)
{
    static const char *const words[] = {"Excess found", "Leftovers after chunking"};
    struct transfer *transfer = context;

    (void)easy;
    for (size_t i = 0; type == CURLINFO_TEXT && i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i]);
        if (bytes >= length && memcmp(text, words[i], length) == 0)
            transfer->has_excess = true;
    }
    return 0;
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
    const struct curl_upstream *upstream = transfer->upstream;
    const struct fetch_settings *settings = upstream->settings;

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
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)settings->connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, settings->user_agent);
    if (settings->ca_bundle_path != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, settings->ca_bundle_path);

    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transfer->upstream);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_before_request);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, on_lookup);
    curl_easy_setopt(easy, CURLOPT_RESOLVER_START_DATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_log);
    curl_easy_setopt(easy, CURLOPT_DEBUGDATA, transfer);
}

/* What is asked for. Errors: -ENOMEM. */
static int set_request(struct transfer *transfer, CURL *easy)
{
    const struct upstream_call *call = transfer->call;
    const struct curl_upstream *upstream = transfer->upstream;
    int err = 0;

    if (call->fields != NULL || call->is_verbatim)
        err = curl_fields_make(upstream->settings, call->fields, call->is_verbatim,
                               &transfer->fields);
    if (err < 0)
        return err;
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER,
                     transfer->fields != NULL ? transfer->fields : upstream->plain_fields);
    if (call->method != NULL && strcmp(call->method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (call->method != NULL &&
             curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method) != CURLE_OK)
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
    const struct guard_policy *policy = &transfer->upstream->settings->guard;
    int err;

    for (size_t i = 0; i < transfer->query.address_count; i++) {
        union resolver_address *address = &transfer->query.addresses[i];
        enum guard_reason reason;
        if (address->any.sa_family == AF_INET6)
            address->ipv6.sin6_port = htons(transfer->call->url->port);
        else
            address->ipv4.sin_port = htons(transfer->call->url->port);
        reason = guard_check_address(policy, &address->any, sizeof *address);
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
    transfer->easy = NULL;
    transfer->pins = NULL;
    transfer->pin_list = NULL;
    transfer->fields = NULL;
    transfer->is_asked = false;
    transfer->is_stopped = false;
    transfer->has_excess = false;
    transfer->refusal = GUARD_OK;
    transfer->status = 0;
    head_reader_init(&transfer->head, upstream->settings->response_header_bytes_max);
    resolver_query_init(&transfer->query, upstream->loop, on_resolved);
    async_task_init(&transfer->literal, on_literal);
    call->backend = transfer;
    upstream->calls++;
    if (call->url->family != AF_UNSPEC)
        async_loop_post(upstream->loop, &transfer->literal);
    else
        resolver_start(upstream->resolver, &transfer->query, call->url->host);
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
    err = curl_fields_make(settings, NULL, false, &upstream->plain_fields);
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
