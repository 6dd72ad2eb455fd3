/* SPDX-License-Identifier: MIT */
/* client.c - see client.h. */
#include "client.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Small, so that a client that does not read is soon felt. */
#define UNREAD_BUFFER_BYTES 16384
#define READ_BYTES          65536

static struct client *client_from(struct watch *watch)
{
    return (struct client *)(void *)watch;
}

static void die(const char *what)
{
    fprintf(stderr, "collapsing: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* Percent-encodes all that is not unreserved (RFC 3986, section 2.3). */
static void write_encoded(FILE *stream, const char *text)
{
    for (; *text != '\0'; text++) {
        if (isalnum((unsigned char)*text) || strchr("-._~", *text) != NULL)
            fputc(*text, stream);
        else
            fprintf(stream, "%%%02X", (unsigned char)*text);
    }
}

static void write_target(FILE *stream, const struct target *target, const char *path)
{
    char url[1024];

    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", target->origin_port, path);
    if (target->is_fetch) {
        fputs("/fetch?url=", stream);
        write_encoded(stream, url);
    } else if (target->is_proxy) {
        fputs(url, stream);
    } else {
        fprintf(stream, "%s%s", target->prefix, path);
    }
}

static void write_request(struct client *client, const struct target *target,
                          const struct request *request)
{
    FILE *stream = fmemopen(client->request, sizeof(client->request), "w");
    char origin[32];
    long length;

    if (stream == NULL)
        die("memory");
    snprintf(origin, sizeof(origin), "127.0.0.1:%u", target->origin_port);
    fprintf(stream, "%s ", request->method != NULL ? request->method : "GET");
    write_target(stream, target, request->path);
    fprintf(stream, " HTTP/1.1\r\nHost: %s\r\nUser-Agent: collapsing\r\nAccept: */*\r\n%s",
            target->is_proxy ? origin : target->host,
            request->fields != NULL ? request->fields : "");
    if (request->body != NULL)
        fprintf(stream, "Content-Type: text/plain\r\nContent-Length: %zu\r\n",
                strlen(request->body));
    fprintf(stream, "\r\n%s", request->body != NULL ? request->body : "");
    fflush(stream);
    length = ftell(stream);
    fclose(stream);
    assert(length > 0 && (size_t)length < sizeof(client->request));
    client->request_bytes = (size_t)length;
}

/* The end of the client's part: no more events. */
static void finish(struct client *client)
{
    client->end_ns = world_now_ns();
    world_forget(client->world, &client->watch);
}

static void read_reply(struct client *client)
{
    static char bytes[READ_BYTES];
    ssize_t got;

    do {
        got = recv(client->watch.fd, bytes, sizeof(bytes), 0);
        if (got > 0) {
            reply_add(&client->reply, bytes, (size_t)got);
            if (client->first_ns == 0 && client->reply.body_bytes > 0)
                client->first_ns = world_now_ns();
        } else if (got == 0 || errno != EAGAIN) {
            reply_end(&client->reply, got < 0);
        }
    } while (got > 0 && !reply_is_over(&client->reply));
    if (reply_is_over(&client->reply))
        finish(client);
}

static void send_request(struct client *client)
{
    ssize_t sent = send(client->watch.fd, client->request + client->sent_bytes,
                        client->request_bytes - client->sent_bytes, MSG_NOSIGNAL);

    if (sent < 0 && (errno == EAGAIN || errno == ENOTCONN))
        return;
    if (sent < 0) {
        reply_end(&client->reply, true);
        finish(client);
        return;
    }
    client->sent_bytes += (size_t)sent;
    if (client->sent_bytes == client->request_bytes) {
        client->sent_ns = world_now_ns();
        world_want(client->world, &client->watch, client->is_unread ? 0 : EPOLLIN);
    }
}

static void on_client(struct watch *watch, uint32_t events)
{
    struct client *client = client_from(watch);

    if (client->sent_bytes < client->request_bytes)
        send_request(client);
    else if (!client->is_unread || (events & (EPOLLERR | EPOLLHUP)) != 0)
        read_reply(client);
}

struct client *client_new(struct world *world, const struct target *target,
                          const struct request *request)
{
    struct client *client = calloc(1, sizeof(*client));
    int buffer_bytes = UNREAD_BUFFER_BYTES;
    int one = 1;
    int fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (client == NULL || fd < 0)
        die("a client's socket");
    client->world = world;
    client->is_unread = request->is_unread;
    client->reply.to_head = request->method != NULL && strcmp(request->method, "HEAD") == 0;
    write_request(client, target, request);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (request->is_unread)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes));
    client->watch = (struct watch){.fd = fd, .wants = EPOLLOUT, .on_event = on_client};
    if (connect(fd, (const struct sockaddr *)&target->address, target->address_bytes) < 0 &&
        errno != EINPROGRESS)
        die("connecting to the cache");
    world_watch(world, &client->watch);
    return client;
}

void client_free(struct client *client)
{
    if (client == NULL)
        return;
    world_forget(client->world, &client->watch);
    free(client);
}

void client_leave(struct client *client)
{
    if (client_is_over(client))
        return;
    client->has_left = true;
    finish(client);
}

void client_read(struct client *client)
{
    client->is_unread = false;
    if (client->watch.fd >= 0 && client->sent_bytes == client->request_bytes)
        world_want(client->world, &client->watch, EPOLLIN);
}

bool client_is_over(const struct client *client)
{
    return client->has_left || reply_is_over(&client->reply);
}

bool client_is_good(const struct client *client, int status)
{
    return client->reply.state == REPLY_WHOLE && client->reply.status == status &&
           (client->reply.to_head || status == 304 ||
            content_reader_is_right(&client->reply.content));
}

bool client_is_error(const struct client *client)
{
    return client->reply.state == REPLY_WHOLE && client->reply.status >= 502 &&
           client->reply.status <= 504;
}

bool client_is_cut(const struct client *client)
{
    return client->reply.state == REPLY_CUT && client->reply.status != 0;
}

const char *client_describe(const struct client *client)
{
    static char text[64];
    const char *how = "unfinished";

    if (client->has_left)
        return "left";
    if (client->reply.status == 0)
        return client->reply.state == REPLY_CUT ? "closed without an answer" : "no answer";
    if (client->reply.state == REPLY_WHOLE)
        how = client->reply.status / 100 == 2 && !client->reply.to_head &&
                      !content_reader_is_right(&client->reply.content)
                  ? "with wrong bytes"
                  : "whole";
    else if (client->reply.state == REPLY_CUT)
        how = "cut";
    else if (client->reply.state == REPLY_MALFORMED)
        how = "malformed";
    snprintf(text, sizeof(text), "%d %s", client->reply.status, how);
    return text;
}
