/* SPDX-License-Identifier: MIT */
/*
 * client.c - see client.h. Replies are taken apart with plain string functions, on purpose not with
 * the server's own parser, so that both cannot be wrong in the same way.
 */
#include "client.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum fill_result {
    FILL_MORE,  /* bytes were added */
    FILL_END,   /* the peer ended */
    FILL_RESET, /* the peer reset the connection */
};

static void fail(const char *what)
{
    fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
    abort();
}

static void connect_to(struct client *client, const struct sockaddr_storage *address,
                       int receive_bytes)
{
    socklen_t length = address->ss_family == AF_INET6 ? (socklen_t)sizeof(struct sockaddr_in6)
                                                      : (socklen_t)sizeof(struct sockaddr_in);

    memset(client, 0, sizeof(*client));
    client->fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        fail("socket");
    if (receive_bytes > 0 &&
        setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes)) < 0)
        fail("SO_RCVBUF");
    if (connect(client->fd, (const struct sockaddr *)address, length) < 0)
        fail("connect");
}

void client_open(struct client *client, const struct sockaddr_storage *address)
{
    connect_to(client, address, 0);
}

void client_open_small(struct client *client, const struct sockaddr_storage *address,
                       int receive_bytes)
{
    connect_to(client, address, receive_bytes);
}

void client_close(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    free(client->bytes);
    memset(client, 0, sizeof(*client));
    client->fd = -1;
}

void client_reset(struct client *client)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    if (setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) < 0)
        fail("SO_LINGER");
    client_close(client);
}

void client_end(struct client *client)
{
    if (shutdown(client->fd, SHUT_WR) < 0 && errno != ENOTCONN)
        fail("shutdown");
}

void client_send(struct client *client, const void *bytes, size_t length)
{
    const char *at = bytes;

    while (length > 0) {
        struct pollfd writable = {.fd = client->fd, .events = POLLOUT};
        if (poll(&writable, 1, CLIENT_GUARD_MS) != 1) {
            errno = ETIMEDOUT;
            fail("send");
        }
        ssize_t sent = send(client->fd, at, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
            return; /* the server closed meanwhile; the reply is what tests look at */
        if (sent < 0 && errno != EAGAIN)
            fail("send");
        if (sent > 0) {
            at += sent;
            length -= (size_t)sent;
        }
    }
}

void client_send_text(struct client *client, const char *text)
{
    client_send(client, text, strlen(text));
}

void client_send_format(struct client *client, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        fail("format");
    client_send(client, text, (size_t)length);
    free(text);
}

bool client_has_bytes(struct client *client, int within_ms)
{
    struct pollfd readable = {.fd = client->fd, .events = POLLIN};

    return client->length > 0 || poll(&readable, 1, within_ms) == 1;
}

static enum fill_result fill(struct client *client)
{
    if (client->capacity - client->length < 4096) {
        size_t capacity = client->capacity * 2 + 16384;
        char *bytes = realloc(client->bytes, capacity);
        if (bytes == NULL)
            fail("memory");
        client->bytes = bytes;
        client->capacity = capacity;
    }
    struct pollfd readable = {.fd = client->fd, .events = POLLIN};
    if (poll(&readable, 1, CLIENT_GUARD_MS) != 1) {
        errno = ETIMEDOUT;
        fail("nothing came");
    }
    ssize_t got =
        recv(client->fd, client->bytes + client->length, client->capacity - client->length, 0);
    if (got < 0 && errno != ECONNRESET)
        fail("recv");
    if (got < 0)
        return FILL_RESET;
    client->length += (size_t)got;
    return got == 0 ? FILL_END : FILL_MORE;
}

void client_wait_bytes(struct client *client, size_t bytes)
{
    while (client->length < bytes) {
        if (fill(client) != FILL_MORE) {
            errno = ECONNRESET;
            fail("the connection ended");
        }
    }
}

/* Takes `length` bytes off the front; the copy has a zero behind it. */
static char *take(struct client *client, size_t length)
{
    char *copy = malloc(length + 1);

    if (copy == NULL)
        fail("memory");
    if (length > 0) /* before the first byte came there is no memory to copy from */
        memcpy(copy, client->bytes, length);
    copy[length] = '\0';
    if (client->length > length)
        memmove(client->bytes, client->bytes + length, client->length - length);
    client->length -= length;
    return copy;
}

/* Bytes up to and with `mark`, filling until it is there; NULL if the connection ends first. */
static char *take_to(struct client *client, const char *mark)
{
    for (;;) {
        char *found =
            client->length == 0 ? NULL : memmem(client->bytes, client->length, mark, strlen(mark));
        if (found != NULL)
            return take(client, (size_t)(found - client->bytes) + strlen(mark));
        if (fill(client) != FILL_MORE)
            return NULL;
    }
}

static void append_body(struct client_reply *reply, char *piece, size_t length)
{
    char *body = realloc(reply->body, reply->body_bytes + length + 1);

    if (body == NULL)
        fail("memory");
    memcpy(body + reply->body_bytes, piece, length);
    reply->body_bytes += length;
    body[reply->body_bytes] = '\0';
    reply->body = body;
    free(piece);
}

/* Moves `length` bytes into the body; what is there if the connection ends before. */
static bool take_body(struct client *client, struct client_reply *reply, size_t length)
{
    while (client->length < length) {
        if (fill(client) != FILL_MORE) {
            size_t there = client->length;
            append_body(reply, take(client, there), there);
            return false;
        }
    }
    append_body(reply, take(client, length), length);
    return true;
}

/* The lines up to the empty one. */
static bool take_trailers(struct client *client, struct client_reply *reply)
{
    size_t length = 0;

    reply->trailers = calloc(1, 1);
    for (;;) {
        char *line = take_to(client, "\r\n");
        if (line == NULL)
            return false;
        if (reply->trailers == NULL)
            fail("memory");
        bool is_last = strcmp(line, "\r\n") == 0;
        if (!is_last) {
            reply->trailers = realloc(reply->trailers, length + strlen(line) + 1);
            if (reply->trailers == NULL)
                fail("memory");
            memcpy(reply->trailers + length, line, strlen(line) + 1);
            length += strlen(line);
        }
        free(line);
        if (is_last)
            return true;
    }
}

static bool take_chunks(struct client *client, struct client_reply *reply)
{
    for (;;) {
        char *line = take_to(client, "\r\n");
        if (line == NULL)
            return false;
        size_t length = (size_t)strtoull(line, NULL, 16);
        free(line);
        if (length > 0 && !take_body(client, reply, length))
            return false;
        if (length == 0)
            return take_trailers(client, reply);
        char *end = take_to(client, "\r\n");
        if (end == NULL)
            return false;
        bool is_clean = strcmp(end, "\r\n") == 0;
        free(end);
        if (!is_clean)
            return false;
    }
}

/* Everything to the end of the connection, which a reset does not make whole. */
static bool take_rest(struct client *client, struct client_reply *reply)
{
    enum fill_result result;

    do
        result = fill(client);
    while (result == FILL_MORE);
    size_t there = client->length;
    append_body(reply, take(client, there), there);
    return result == FILL_END;
}

/* How many lines "name: ..." there are whose value has this text in it. */
static unsigned count_lines(const char *head, const char *name, const char *text)
{
    size_t name_length = strlen(name);
    unsigned count = 0;

    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        const char *found = strstr(line, text);
        count += strncasecmp(line, name, name_length) == 0 && line[name_length] == ':' &&
                 found != NULL && found < line + strcspn(line, "\r\n");
    }
    return count;
}

/* Whatever answered, a handler, a proxy, the parser: its answer says what became of the request.
 * Servers behind may have said so before; but then some cache had a part in it. */
static void check_account(const struct client_reply *reply)
{
    unsigned count = count_lines(reply->head, "Cache-Status", "fetchonce");

    if (reply->status / 100 == 1 && reply->status != 101)
        return;
    if (count == 0 || count_lines(reply->head, "Server-Timing", "wait;dur=") == 0 ||
        (count > 1 && count_lines(reply->head, "Cache-Status", "detail=local") > 0)) {
        fprintf(stderr, "client: an answer without Cache-Status or Server-Timing:\n%s\n",
                reply->head);
        abort();
    }
}

void client_read_reply(struct client *client, bool to_head, struct client_reply *ret_reply)
{
    struct client_reply *reply = ret_reply;

    memset(reply, 0, sizeof(*reply));
    append_body(reply, take(client, 0), 0);
    reply->head = take_to(client, "\r\n\r\n");
    if (reply->head == NULL)
        return;
    reply->status = (int)strtol(reply->head + strlen("HTTP/1.x "), NULL, 10);
    check_account(reply);
    const char *connection = client_reply_field(reply, "Connection");
    reply->closes = connection != NULL && strcasecmp(connection, "close") == 0;
    const char *coding = client_reply_field(reply, "Transfer-Encoding");
    reply->is_chunked = coding != NULL && strcasecmp(coding, "chunked") == 0;
    const char *length = client_reply_field(reply, "Content-Length");
    if (to_head || reply->status / 100 == 1 || reply->status == 204 || reply->status == 304)
        reply->is_whole = true;
    else if (reply->is_chunked)
        reply->is_whole = take_chunks(client, reply);
    else if (length != NULL)
        reply->is_whole = take_body(client, reply, (size_t)strtoull(length, NULL, 10));
    else
        reply->is_whole = take_rest(client, reply);
}

void client_reply_fini(struct client_reply *reply)
{
    free(reply->head);
    free(reply->body);
    free(reply->trailers);
    memset(reply, 0, sizeof(*reply));
}

const char *client_reply_field(const struct client_reply *reply, const char *name)
{
    static _Thread_local char value[8192];
    size_t name_length = strlen(name);

    for (const char *line = strstr(reply->head, "\r\n"); line != NULL;
         line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, name_length) != 0 || line[name_length] != ':')
            continue;
        const char *from = line + name_length + 1;
        from += strspn(from, " \t");
        size_t length = strcspn(from, "\r\n");
        if (length >= sizeof(value))
            length = sizeof(value) - 1;
        memcpy(value, from, length);
        value[length] = '\0';
        return value;
    }
    return NULL;
}

size_t client_read(struct client *client, void *bytes, size_t length)
{
    while (client->length < length && fill(client) == FILL_MORE) {
    }
    size_t there = client->length < length ? client->length : length;
    char *taken = take(client, there);
    memcpy(bytes, taken, there);
    free(taken);
    return there;
}

bool client_is_closed_next(struct client *client)
{
    return client->length == 0 && fill(client) != FILL_MORE;
}

bool client_is_reset_next(struct client *client)
{
    enum fill_result result;

    do {
        client->length = 0;
        result = fill(client);
    } while (result == FILL_MORE);
    return result == FILL_RESET;
}

void client_get(const struct sockaddr_storage *address, const char *path,
                struct client_reply *ret_reply)
{
    struct client client;

    client_open(&client, address);
    client_send_format(&client, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                       path);
    client_read_reply(&client, false, ret_reply);
    client_close(&client);
}
