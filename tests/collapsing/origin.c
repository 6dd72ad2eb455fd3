/* SPDX-License-Identifier: MIT */
/* origin.c - see origin.h: the listener and the resources. Connections: origin_connection.c. */
#include "origin.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "origin_connection.h"

static struct origin *origin_from(struct watch *watch)
{
    return (struct origin *)(void *)watch;
}

static void on_listener(struct watch *watch, uint32_t events)
{
    struct origin *origin = origin_from(watch);
    int fd;

    (void)events;
    while ((fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
        connection_new(origin, fd);
}

void origin_resume(struct origin *origin)
{
    struct connection **link = &origin->connections;

    while (*link != NULL) {
        struct connection *connection = *link;
        if (connection->watch.fd >= 0)
            connection_progress(connection);
        if (connection->watch.fd < 0) {
            *link = connection->next;
            free(connection);
        } else {
            link = &connection->next;
        }
    }
}

static int listen_on(struct origin *origin, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    origin->port = ntohs(address.sin_port);
    origin->watch = (struct watch){.fd = fd, .wants = EPOLLIN, .on_event = on_listener};
    world_watch(origin->world, &origin->watch);
    return 0;
}

int origin_new(struct world *world, uint16_t port, struct origin **ret_origin)
{
    struct origin *origin = calloc(1, sizeof(*origin));
    int err;

    if (origin == NULL)
        return -ENOMEM;
    origin->world = world;
    if (getrandom(&origin->run, sizeof(origin->run), 0) != sizeof(origin->run))
        origin->run = (unsigned)world_now_ns();
    err = listen_on(origin, port);
    if (err < 0) {
        free(origin);
        return err;
    }
    *ret_origin = origin;
    return 0;
}

void origin_close(struct origin *origin)
{
    world_forget(origin->world, &origin->watch);
    for (struct connection *connection = origin->connections; connection != NULL;
         connection = connection->next)
        connection_close(connection);
    origin_resume(origin);
}

int origin_reopen(struct origin *origin)
{
    return listen_on(origin, origin->port);
}

void origin_free(struct origin *origin)
{
    if (origin == NULL)
        return;
    origin_close(origin);
    origin_remove_all(origin);
    free(origin);
}

uint16_t origin_port(const struct origin *origin)
{
    return origin->port;
}

struct resource *origin_add(struct origin *origin, const struct answer *answer)
{
    struct resource *resource = calloc(1, sizeof(*resource));

    if (resource == NULL) {
        fprintf(stderr, "collapsing: no memory\n");
        exit(2);
    }
    snprintf(resource->token, sizeof(resource->token), "c%08x-%04u", origin->run, ++origin->count);
    resource->answer = *answer;
    resource->body_limit_bytes = ORIGIN_ALL;
    resource->next = origin->resources;
    origin->resources = resource;
    return resource;
}

void origin_remove_all(struct origin *origin)
{
    for (struct connection *connection = origin->connections; connection != NULL;
         connection = connection->next) {
        if (connection->exchange != NULL)
            connection_close(connection);
    }
    origin_resume(origin);
    while (origin->resources != NULL) {
        struct resource *resource = origin->resources;
        origin->resources = resource->next;
        while (resource->exchanges != NULL) {
            struct exchange *exchange = resource->exchanges;
            resource->exchanges = exchange->next;
            free(exchange);
        }
        free(resource);
    }
}

size_t origin_events(const struct origin *origin)
{
    return origin->events;
}
