/* SPDX-License-Identifier: MIT */
/*
 * origin.c - see origin.h.
 *
 * One loop in one thread. Each connection carries one request: it is read to the empty line, waits
 * for its timer, is answered and closed.
 */
#include "demo/origin.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <async/loop.h>

#define HEAD_BYTES_MAX  4096
#define CONNECTIONS_MAX 64 /* more are closed at once; the demo is content with one */

struct connection {
    struct demo_origin *origin;
    struct async_watch watch;
    struct async_timer delay; /* armed once the request is there */
    int fd;                   /* -1: this place is free */
    size_t head_bytes;
    char head[HEAD_BYTES_MAX];
};

struct demo_origin {
    int listener;
    uint16_t port;
    int64_t delay_ns;
    atomic_uint requests;
    struct async_loop *loop;
    struct async_watch watch;
    pthread_t thread;
    struct connection connections[CONNECTIONS_MAX]; /* on_loop */
};

static void connection_end(struct connection *connection)
{
    async_timer_disarm(&connection->delay);
    async_watch_fini(&connection->watch);
    close(connection->fd);
    connection->fd = -1;
}

static void on_delay_over(struct async_timer *timer)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\n"
                                 "Content-Type: application/json\r\n"
                                 "Content-Length: 17\r\n"
                                 "Connection: close\r\n"
                                 "\r\n"
                                 "{\"title\":\"slow\"}\n";
    struct connection *connection = async_container_of(timer, struct connection, delay);

    /* It fits into any socket's buffer; a client that is gone is not missed. */
    (void)send(connection->fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
    shutdown(connection->fd, SHUT_WR);
    connection_end(connection);
}

static void on_readable(struct async_watch *watch, unsigned events)
{
    struct connection *connection = async_container_of(watch, struct connection, watch);
    struct demo_origin *origin = connection->origin;
    size_t room = sizeof(connection->head) - 1 - connection->head_bytes;
    ssize_t bytes = recv(connection->fd, connection->head + connection->head_bytes, room, 0);

    (void)events;
    if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (bytes <= 0) {
        connection_end(connection);
        return;
    }
    connection->head_bytes += (size_t)bytes;
    connection->head[connection->head_bytes] = '\0';
    if (strstr(connection->head, "\r\n\r\n") == NULL)
        return;
    atomic_fetch_add(&origin->requests, 1);
    if (async_watch_set(watch, 0) < 0) {
        connection_end(connection);
        return;
    }
    async_loop_update_now(origin->loop);
    async_timer_arm(&connection->delay, origin->loop,
                    async_loop_now_ns(origin->loop) + origin->delay_ns);
}

/* A free place for a connection, or NULL. */
static struct connection *connection_place(struct demo_origin *origin)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (origin->connections[i].fd < 0)
            return &origin->connections[i];
    }
    return NULL;
}

static void on_connection(struct async_watch *watch, unsigned events)
{
    struct demo_origin *origin = async_container_of(watch, struct demo_origin, watch);
    struct connection *connection = connection_place(origin);
    int fd = accept4(origin->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    if (fd < 0)
        return;
    if (connection == NULL) {
        close(fd);
        return;
    }
    memset(connection, 0, sizeof(*connection));
    connection->origin = origin;
    connection->fd = fd;
    async_timer_init(&connection->delay, on_delay_over);
    if (async_watch_init(&connection->watch, origin->loop, fd, on_readable) < 0 ||
        async_watch_set(&connection->watch, ASYNC_READ) < 0)
        connection_end(connection);
}

static void *origin_run(void *context)
{
    struct demo_origin *origin = context;
    int err = async_loop_run(origin->loop);

    assert(err == 0);
    (void)err;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (origin->connections[i].fd >= 0)
            connection_end(&origin->connections[i]);
    }
    async_watch_fini(&origin->watch);
    return NULL;
}

static int listener_open(int *ret_listener, uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_bytes = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int err;

    if (listener < 0)
        return -errno;
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(listener, SOMAXCONN) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &address_bytes) < 0) {
        err = -errno;
        close(listener);
        return err;
    }
    *ret_listener = listener;
    *ret_port = ntohs(address.sin_port);
    return 0;
}

int demo_origin_start(unsigned delay_ms, struct demo_origin **ret_origin)
{
    struct demo_origin *origin = calloc(1, sizeof(*origin));
    int err;

    if (origin == NULL)
        return -ENOMEM;
    origin->delay_ns = delay_ms * ASYNC_MS;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        origin->connections[i].fd = -1;
    err = listener_open(&origin->listener, &origin->port);
    if (err < 0)
        goto free_origin;
    err = async_loop_new(&origin->loop);
    if (err < 0)
        goto close_listener;
    err = async_watch_init(&origin->watch, origin->loop, origin->listener, on_connection);
    if (err == 0)
        err = async_watch_set(&origin->watch, ASYNC_READ);
    if (err == 0)
        err = -pthread_create(&origin->thread, NULL, origin_run, origin);
    if (err < 0)
        goto free_loop;
    *ret_origin = origin;
    return 0;

free_loop:
    async_watch_fini(&origin->watch);
    async_loop_free(origin->loop);
close_listener:
    close(origin->listener);
free_origin:
    free(origin);
    return err;
}

uint16_t demo_origin_port(const struct demo_origin *origin)
{
    return origin->port;
}

unsigned demo_origin_requests(const struct demo_origin *origin)
{
    return atomic_load(&origin->requests);
}

void demo_origin_stop(struct demo_origin *origin)
{
    if (origin == NULL)
        return;
    async_loop_stop(origin->loop);
    pthread_join(origin->thread, NULL);
    async_loop_free(origin->loop);
    close(origin->listener);
    free(origin);
}
