/* SPDX-License-Identifier: MIT */
/*
 * connections.h - the sockets that libcurl has open, and what lies in them unread.
 *
 * libcurl keeps a connection without a look at what comes over it between two requests, and would
 * take it for the answer to the next one. It tells which sockets it opens and closes, and before
 * each request the addresses of both ends: so the socket is known, and can be looked into.
 */
#ifndef FETCH_CONNECTIONS_H
#define FETCH_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct connection {
    int fd;
    int own_port;     /* 0: not asked yet */
    const void *user; /* the last whose request went over it; only compared */
};

/* All of one loop; its thread's alone. Zero-initialized: none. */
struct connections {
    struct connection *list;
    size_t count, room;
};

void connections_fini(struct connections *connections);

/* connections_add - a socket that was opened. Errors: -ENOMEM. */
int connections_add(struct connections *connections, int fd);

/* connections_remove - it is about to be closed. */
void connections_remove(struct connections *connections, int fd);

/*
 * connections_use - a request of `user` is about to go from this port of ours to `peer`.
 * Returns   the socket; -1 if it is not known.
 */
int connections_use(struct connections *connections, int own_port, const struct sockaddr *peer,
                    const void *user);

/* connections_of_user - the open socket whose last request was this user's, or -1. */
int connections_of_user(const struct connections *connections, const void *user);

/* connection_has_unread - whether there are bytes that nobody has read. */
bool connection_has_unread(int fd);

/* connection_spoil - nobody sends another request over it: libcurl finds it closed. */
void connection_spoil(int fd);

#endif
