/* SPDX-License-Identifier: MIT */
/*
 * transport.c - bytes over a plain TCP socket; see transport.h.
 */
#include "transport.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t tcp_read(struct transport *transport, void *bytes, size_t length)
{
    ssize_t got;

    do
        got = recv(transport->fd, bytes, length, 0);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

static ssize_t tcp_write(struct transport *transport, const struct iovec *spans, size_t span_count)
{
    /* The kernel does not write to what the spans refer to; iovec has no form that says so. */
    struct msghdr message = {.msg_iov = (struct iovec *)spans, .msg_iovlen = span_count};
    ssize_t sent;

    do
        sent = sendmsg(transport->fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

static int tcp_peer(struct transport *transport, struct sockaddr_storage *ret_address)
{
    socklen_t length = sizeof(*ret_address);

    return getpeername(transport->fd, (struct sockaddr *)ret_address, &length) < 0 ? -errno : 0;
}

static void tcp_end(struct transport *transport)
{
    /* Fails only when the peer is gone already, which the next read tells. */
    (void)shutdown(transport->fd, SHUT_WR);
}

static void tcp_close(struct transport *transport, bool is_reset)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    if (is_reset)
        (void)setsockopt(transport->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(transport->fd);
    transport->fd = -1;
}

static const struct transport_ops tcp_ops = {
    .read = tcp_read,
    .write = tcp_write,
    .peer = tcp_peer,
    .end = tcp_end,
    .close = tcp_close,
};

void transport_init_tcp(struct transport *transport, int fd)
{
    transport->ops = &tcp_ops;
    transport->fd = fd;
}
