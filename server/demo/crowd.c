/* SPDX-License-Identifier: MIT */
/*
 * crowd.c - see crowd.h.
 *
 * A client asks for its connection to be closed, so the answer ends where the connection does, and
 * only its beginning is kept.
 *
 *      WAITING --delay--> CONNECTING --writable--> READING --end, error--> DONE
 */
#include "demo/crowd.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <async/loop.h>

#define ANSWER_BYTES_MAX 2048

struct crowd {
    struct async_loop *loop;
    const struct address *server;
    int64_t begin_ns;
    size_t left; /* clients not done */
    struct async_timer timeout;
};

struct client {
    struct crowd *crowd;
    struct crowd_request *request;
    struct async_timer delay;
    struct async_watch watch;
    int fd; /* -1: not open */
    size_t answer_bytes;
    char answer[ANSWER_BYTES_MAX];
};

static int64_t crowd_elapsed_ns(struct crowd *crowd)
{
    async_loop_update_now(crowd->loop);
    return async_loop_now_ns(crowd->loop) - crowd->begin_ns;
}

/* Takes what is wanted of the answer. */
static void answer_read(struct client *client)
{
    struct crowd_request *request = client->request;
    const char *field;
    const char *body;

    client->answer[client->answer_bytes] = '\0';
    if (sscanf(client->answer, "HTTP/1.1 %d", &request->status) != 1)
        return;
    body = strstr(client->answer, "\r\n\r\n");
    if (body == NULL) {
        request->status = 0;
        return;
    }
    snprintf(request->body, sizeof(request->body), "%s", body + 4);
    field = strcasestr(client->answer, "\r\nCache-Status: ");
    if (field != NULL && field < body) {
        field += strlen("\r\nCache-Status: ");
        snprintf(request->cache_status, sizeof(request->cache_status), "%.*s",
                 (int)strcspn(field, "\r\n"), field);
    }
}

static void client_finish(struct client *client)
{
    struct crowd *crowd = client->crowd;

    client->request->end_ns = crowd_elapsed_ns(crowd);
    answer_read(client);
    async_watch_fini(&client->watch);
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    assert(crowd->left > 0);
    if (--crowd->left == 0)
        async_loop_stop(crowd->loop);
}

static void client_send(struct client *client)
{
    char text[1024];
    int bytes = snprintf(text, sizeof(text),
                         "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                         client->request->target);

    assert(bytes > 0 && (size_t)bytes < sizeof(text));
    /* A new connection's buffer has room for it; otherwise the connection is broken. */
    if (send(client->fd, text, (size_t)bytes, MSG_NOSIGNAL) != bytes ||
        async_watch_set(&client->watch, ASYNC_READ) < 0)
        client_finish(client);
}

static void client_receive(struct client *client)
{
    char rest[ANSWER_BYTES_MAX];
    size_t room = sizeof(client->answer) - 1 - client->answer_bytes;
    ssize_t bytes;

    if (room > 0)
        bytes = recv(client->fd, client->answer + client->answer_bytes, room, 0);
    else
        bytes = recv(client->fd, rest, sizeof(rest), 0);
    if (bytes > 0)
        client->answer_bytes += room > 0 ? (size_t)bytes : 0;
    else if (bytes == 0 || (errno != EAGAIN && errno != EINTR))
        client_finish(client);
}

static void on_ready(struct async_watch *watch, unsigned events)
{
    struct client *client = async_container_of(watch, struct client, watch);
    if ((watch->events & ASYNC_WRITE) != 0 && (events & ASYNC_WRITE) != 0)
        client_send(client);
    else
        client_receive(client);
}

static void on_begin(struct async_timer *timer)
{
    struct client *client = async_container_of(timer, struct client, delay);
    struct crowd *crowd = client->crowd;
    const struct sockaddr *address = (const struct sockaddr *)(const void *)&crowd->server->socket;

    client->request->begin_ns = crowd_elapsed_ns(crowd);
    client->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0 ||
        (connect(client->fd, address, crowd->server->socket_bytes) < 0 && errno != EINPROGRESS) ||
        async_watch_init(&client->watch, crowd->loop, client->fd, on_ready) < 0 ||
        async_watch_set(&client->watch, ASYNC_WRITE) < 0)
        client_finish(client);
}

static void on_timeout(struct async_timer *timer)
{
    struct crowd *crowd = async_container_of(timer, struct crowd, timeout);
    async_loop_stop(crowd->loop);
}

int crowd_run(const struct address *server, unsigned timeout_ms, struct crowd_request *requests,
              size_t count)
{
    struct crowd crowd = {.server = server, .left = count};
    struct client *clients = calloc(count, sizeof(*clients));
    int err;

    if (clients == NULL)
        return -ENOMEM;
    err = async_loop_new(&crowd.loop);
    if (err < 0) {
        free(clients);
        return err;
    }
    crowd.begin_ns = async_loop_now_ns(crowd.loop);
    async_timer_init(&crowd.timeout, on_timeout);
    async_timer_arm(&crowd.timeout, crowd.loop, crowd.begin_ns + timeout_ms * ASYNC_MS);
    for (size_t i = 0; i < count; i++) {
        clients[i].crowd = &crowd;
        clients[i].request = &requests[i];
        clients[i].fd = -1;
        async_timer_init(&clients[i].delay, on_begin);
        async_timer_arm(&clients[i].delay, crowd.loop, crowd.begin_ns + requests[i].delay_ns);
    }
    err = count > 0 ? async_loop_run(crowd.loop) : 0;
    for (size_t i = 0; i < count; i++) { /* those that the timeout has left */
        async_timer_disarm(&clients[i].delay);
        async_watch_fini(&clients[i].watch);
        if (clients[i].fd >= 0)
            close(clients[i].fd);
    }
    async_timer_disarm(&crowd.timeout);
    async_loop_free(crowd.loop);
    free(clients);
    return err;
}
