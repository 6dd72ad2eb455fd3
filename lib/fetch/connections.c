/* SPDX-License-Identifier: MIT */
/* connections.c - a list of sockets, as few as the limit on connections allows; connections.h. */
#include "connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

union address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

void connections_fini(struct connections *connections)
{
    free(connections->list);
    *connections = (struct connections){0};
}

static struct connection *find(struct connections *connections, int fd)
{
    for (size_t i = 0; i < connections->count; i++) {
        if (connections->list[i].fd == fd)
            return &connections->list[i];
    }
    return NULL;
}

void connections_remove(struct connections *connections, int fd)
{
    struct connection *connection = find(connections, fd);

    if (connection != NULL)
        *connection = connections->list[--connections->count];
}

int connections_add(struct connections *connections, int fd)
{
    connections_remove(connections, fd); /* closed by a way of libcurl that does not tell */
    if (connections->count == connections->room) {
        size_t room = connections->room == 0 ? 16 : connections->room * 2;
        struct connection *list = realloc(connections->list, room * sizeof *list);
        if (list == NULL)
            return -ENOMEM;
        connections->list = list;
        connections->room = room;
    }
    connections->list[connections->count++] = (struct connection){.fd = fd};
    return 0;
}

static int port_of(const union address *address)
{
    return ntohs(address->any.sa_family == AF_INET6 ? address->ipv6.sin6_port
                                                    : address->ipv4.sin_port);
}

/* What getsockname(2) says does not change once the socket is connected. */
static int own_port_of(struct connection *connection)
{
    union address own = {0};
    socklen_t bytes = sizeof own;

    if (connection->own_port == 0 && getsockname(connection->fd, &own.any, &bytes) == 0)
        connection->own_port = port_of(&own);
    return connection->own_port;
}

static bool is_same_address(const union address *one, const union address *other)
{
    if (one->any.sa_family != other->any.sa_family || port_of(one) != port_of(other))
        return false;
    if (one->any.sa_family == AF_INET6)
        return memcmp(&one->ipv6.sin6_addr, &other->ipv6.sin6_addr, sizeof(struct in6_addr)) == 0;
    return one->ipv4.sin_addr.s_addr == other->ipv4.sin_addr.s_addr;
}

static bool is_connected_to(const struct connection *connection, const struct sockaddr *peer)
{
    union address address = {0};
    socklen_t bytes = sizeof address;

    return getpeername(connection->fd, &address.any, &bytes) == 0 &&
           is_same_address(&address, (const union address *)(const void *)peer);
}

int connections_use(struct connections *connections, int own_port, const struct sockaddr *peer,
                    const void *user)
{
    int fd = -1;

    for (size_t i = 0; i < connections->count; i++) {
        struct connection *connection = &connections->list[i];
        if (own_port_of(connection) == own_port && is_connected_to(connection, peer)) {
            connection->user = user;
            fd = connection->fd;
        } else if (connection->user == user) {
            connection->user = NULL; /* the one of its call before */
        }
    }
    return fd;
}

int connections_of_user(const struct connections *connections, const void *user)
{
    for (size_t i = 0; i < connections->count; i++) {
        if (connections->list[i].user == user)
            return connections->list[i].fd;
    }
    return -1;
}

bool connection_has_unread(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void connection_spoil(int fd)
{
    char waste[4096];

    /* What is unread would hide the end that libcurl looks for. */
    shutdown(fd, SHUT_RDWR);
    while (recv(fd, waste, sizeof waste, MSG_DONTWAIT) > 0)
        ;
}
