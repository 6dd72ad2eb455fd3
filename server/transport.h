/* SPDX-License-Identifier: MIT */
/*
 * transport.h - what carries a connection's bytes: plain TCP today, TLS behind the same calls.
 */
#ifndef SERVER_TRANSPORT_H
#define SERVER_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

struct transport;

struct transport_ops {
    /* Bytes read, 0 at the peer's end, or negative errno; -EAGAIN when nothing is there. */
    ssize_t (*read)(struct transport *transport, void *bytes, size_t length);
    /* Bytes taken, or negative errno; -EAGAIN when there is no room. Takes part or all. */
    ssize_t (*write)(struct transport *transport, const struct iovec *spans, size_t span_count);
    /* The address of the peer; -ENOTCONN if it has gone. */
    int (*peer)(struct transport *transport, struct sockaddr_storage *ret_address);
    /* No more will be written; the peer is told once it has read what was. */
    void (*end)(struct transport *transport);
    /* Closes; with `is_reset` so that the peer cannot take what it got for the whole. */
    void (*close)(struct transport *transport, bool is_reset);
};

struct transport {
    const struct transport_ops *ops;
    int fd; /* what to watch; owned */
};

/* transport_init_tcp - a connected, non-blocking socket, which is the transport's from here. */
void transport_init_tcp(struct transport *transport, int fd);

#endif
