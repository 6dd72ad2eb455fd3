/* SPDX-License-Identifier: MIT */
/*
 * curl_callbacks.c - what libcurl asks and reports during a transfer: sockets, addresses, the lines
 * of the head, the bodies of both ways. A callback says by what it returns how to go on, and notes
 * in the transfer why.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "curl_transfer.h"

enum guard_reason transfer_check_address(const struct transfer *transfer,
                                         const struct sockaddr *address, socklen_t address_bytes)
{
    if (transfer->call->is_unguarded)
        return GUARD_OK;
    return guard_check_address(&transfer->settings->guard, address, address_bytes);
}

/* libcurl's callbacks, in the order they fire. None calls libcurl, but to have its log or not. */

/* The verdict that counts: on the address about to be connected. Rule G.11. */
static curl_socket_t on_open_socket(void *context, curlsocktype purpose,
                                    struct curl_sockaddr *address)
{
    struct transfer *transfer = context;
    enum guard_reason reason;
    int fd;

    if (purpose != CURLSOCKTYPE_IPCXN)
        return CURL_SOCKET_BAD;
    reason = transfer_check_address(transfer, &address->addr, address->addrlen);
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
    multi_forget_socket(upstream->multi, fd);
    return close(fd);
}

/* Whether a kept connection holds bytes that nobody has asked for. */
static bool is_spoilt(struct transfer *transfer, const struct sockaddr *peer, int own_port)
{
    int fd = connections_use(&transfer->upstream->connections, own_port, peer, transfer);

    if (fd < 0)
        return false;
    multi_keep_watched(transfer->upstream->multi, fd);
    return !transfer->call->url->is_https && connection_has_unread(fd);
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
    reason = transfer_check_address(transfer, &address.any, bytes);
    if (reason != GUARD_OK) {
        transfer->refusal = reason;
        return CURL_PREREQFUNC_ABORT;
    }
    /* A spoilt connection is taken for one that was closed. And where one that was kept was closed
     * when it was used, libcurl asks again by itself, over all it has kept in turn, whatever the
     * method: whether to ask again, and over which connection, is for the flight to say (case 4).
     */
    if (transfer->is_asked || is_spoilt(transfer, &address.any, own_port)) {
        transfer->status = -ECONNRESET;
        transfer->was_kept = true;
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

/* Its log costs as much as the rest of what libcurl says, so it is read only while it can tell of
 * excess bytes: between the end of the head and that of the body. */
static void listen_to_log(struct transfer *transfer, bool is_on)
{
    curl_easy_setopt(transfer->easy, CURLOPT_VERBOSE, is_on ? 1L : 0L);
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
    if (result == HEAD_INTERIM && transfer->call->events->on_interim != NULL)
        transfer->call->events->on_interim(transfer->call, &head);
    if (result == HEAD_COMPLETE) {
        listen_to_log(transfer, true);
        transfer->body_bytes_left = head.content_length_bytes;
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
    if (transfer->has_excess && !transfer->call->drops_excess) {
        transfer->status = -EPROTO;
        return 0;
    }
    switch (transfer->call->events->on_data(transfer->call, bytes, size * count)) {
    case UPSTREAM_GO_ON:
        if (transfer->body_bytes_left >= 0)
            transfer->body_bytes_left -= (int64_t)(size * count);
        if (transfer->body_bytes_left == 0)
            listen_to_log(transfer, false);
        return size * count;
    case UPSTREAM_PAUSE:
        return CURL_WRITEFUNC_PAUSE;
    case UPSTREAM_STOP:
        break;
    }
    transfer->is_stopped = true;
    return 0;
}

static size_t on_read(char *room, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    struct upstream_call *call = transfer->call;
    struct span piece;

    if (call->body == NULL)
        return CURL_READFUNC_ABORT;
    switch (call->body->look(call->body, &piece)) {
    case UPSTREAM_BODY_LATER:
        return CURL_READFUNC_PAUSE;
    case UPSTREAM_BODY_END:
        return 0;
    case UPSTREAM_BODY_PIECE:
        break;
    }
    if (piece.length > size * count)
        piece.length = size * count;
    memcpy(room, piece.bytes, piece.length);
    call->body->take(call->body, piece.length);
    if (call->events->on_sent != NULL)
        call->events->on_sent(call);
    return piece.length;
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

void curl_callbacks_set(struct transfer *transfer)
{
    CURL *easy = transfer->easy;

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
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_log);
    curl_easy_setopt(easy, CURLOPT_DEBUGDATA, transfer);
}
