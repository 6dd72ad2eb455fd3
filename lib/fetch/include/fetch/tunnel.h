/* SPDX-License-Identifier: MIT */
/*
 * tunnel.h - a connection to a host that a client names, for bytes that are none of our affair.
 *
 *      fetch_tunnel_new() --> name, verdict, connection --> on_open(0) --> send, receive, wait
 *                                                      \--> on_open(error)
 *      fetch_tunnel_free() at any time: nothing calls back any more
 *
 * The egress guard judges the name, and all addresses before one of them is connected to. Nothing
 * is read ahead and nothing is kept here, so each side waits for the other through the sockets.
 * Everything happens on the thread of the lane's loop.
 */
#ifndef FETCH_TUNNEL_H
#define FETCH_TUNNEL_H

#include <sys/types.h>

#include <fetch/fetcher.h>

struct fetch_tunnel;

struct fetch_tunnel_events {
    /* 0: connected. Else the way that failed: -EACCES by the guard; -ENOENT, -ECONNREFUSED,
     * -ETIMEDOUT or -ENOMEM; the caller frees the tunnel. */
    void (*on_open)(void *context, int status);
    /* 0: what was waited for may be tried. -ETIMEDOUT: nothing has gone either way for too long. */
    void (*on_ready)(void *context, int status);
};

/*
 * fetch_tunnel_new - begins to connect to the host and port of the URL, of which nothing else
 * counts. Times, the number of tunnels, and the guard are those of the policy.
 * Delivery  on_open(context, status) once, never inside this call.
 * Errors    -ENOMEM; -EBUSY: the lane has as many tunnels as it may; -ESHUTDOWN: it has stopped.
 * Owns      references of its own to `policy` and `url`; `events` stay the caller's, who frees the
 *           tunnel before the lane.
 */
int fetch_tunnel_new(struct fetch_lane *lane, struct fetch_policy *policy, struct fetch_url *url,
                     const struct fetch_tunnel_events *events, void *context,
                     struct fetch_tunnel **ret_tunnel);

/* fetch_tunnel_free - closes. NULL is a no-op. May be called inside the events. */
void fetch_tunnel_free(struct fetch_tunnel *tunnel);

/* fetch_tunnel_failure - what a client is told of a status of on_open or of fetch_tunnel_new(). */
struct fetch_failure fetch_tunnel_failure(int status);

/* fetch_tunnel_send - returns how many bytes were taken, one at least; -EAGAIN: none can be now;
 * other errors: nothing can be sent any more. */
ssize_t fetch_tunnel_send(struct fetch_tunnel *tunnel, const char *bytes, size_t length);

/* fetch_tunnel_receive - returns how many bytes came; 0: the host has ended its side; -EAGAIN: none
 * is there; other errors: the connection broke. */
ssize_t fetch_tunnel_receive(struct fetch_tunnel *tunnel, char *bytes, size_t room);

/* fetch_tunnel_end - nothing more will be sent, which the host is told. */
void fetch_tunnel_end(struct fetch_tunnel *tunnel);

/*
 * fetch_tunnel_wait - has on_ready called whenever receiving or sending may get on, until it is
 * told otherwise. Errors: -ENOMEM, those of epoll_ctl(2).
 */
int fetch_tunnel_wait(struct fetch_tunnel *tunnel, bool to_receive, bool to_send);

#endif
