/* SPDX-License-Identifier: MIT */
/*
 * listener.c - see listener.h.
 *
 * Each loop has a socket of its own for each address (SO_REUSEPORT), so the kernel spreads the
 * connections and no loop wakes for another's. Accepting pauses when the process has no descriptor
 * left, or too many connections are open to even refuse more: level-triggered, the socket would
 * wake the loop for nothing. It goes on when a connection of this loop closes, or after a while.
 */
#include "listener.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection.h"
#include "log/log.h"
#include "worker.h"

/* How many connections one turn takes, so that those there are get their turn. */
#define ACCEPT_BATCH 64

/* How many of those who connected before the stop are still taken, of each address and loop. */
#define LAST_BATCH 4096

#define PAUSE_NS (100 * ASYNC_MS)
#define QUIET_NS (1 * ASYNC_S)

enum accept_result {
    ACCEPT_TAKEN,
    ACCEPT_NONE,   /* nobody waits */
    ACCEPT_FAILED, /* for now it cannot be done */
};

static void on_ready(struct async_watch *watch, unsigned events);
static void on_resume(struct async_timer *timer);

void listener_init(struct listener *listener, struct worker *worker, int fd, unsigned address_index)
{
    memset(listener, 0, sizeof(*listener));
    listener->worker = worker;
    listener->fd = fd;
    listener->address_index = address_index;
    async_timer_init(&listener->resume, on_resume);
}

int listener_begin(struct listener *listener, int backlog)
{
    int status;

    if (listen(listener->fd, backlog) < 0)
        return -errno;
    status = async_watch_init(&listener->watch, listener->worker->loop, listener->fd, on_ready);
    if (status < 0)
        return status;
    return async_watch_set(&listener->watch, ASYNC_READ);
}

void listener_fini(struct listener *listener)
{
    if (listener->fd < 0)
        return;
    async_timer_disarm(&listener->resume);
    async_watch_fini(&listener->watch);
    close(listener->fd);
    listener->fd = -1;
}

void listener_resume(struct listener *listener)
{
    if (!async_timer_is_armed(&listener->resume))
        return;
    async_timer_disarm(&listener->resume);
    on_resume(&listener->resume);
}

static void pause_accepting(struct listener *listener, const char *why)
{
    int64_t now_ns = async_loop_now_ns(listener->worker->loop);

    (void)async_watch_set(&listener->watch, 0); /* if that fails, it will be tried again soon */
    async_timer_arm(&listener->resume, listener->worker->loop, now_ns + PAUSE_NS);
    if (now_ns < listener->quiet_until_ns)
        return;
    listener->quiet_until_ns = now_ns + QUIET_NS;
    log_warn("accepting pauses", "reason=\"%s\" loop=%u", why, listener->worker->index);
}

/* Of the connection being accepted, not of the socket: the next one may be fine. */
static bool is_passing(int error)
{
    return error == ECONNABORTED || error == EINTR || error == EPROTO || error == ENETDOWN ||
           error == ENOPROTOOPT || error == EHOSTDOWN || error == ENONET || error == EHOSTUNREACH ||
           error == EOPNOTSUPP || error == ENETUNREACH;
}

static enum accept_result accept_one(struct listener *listener)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        connection_open(listener->worker, fd, listener->address_index);
        return ACCEPT_TAKEN;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return ACCEPT_NONE;
    if (is_passing(errno))
        return ACCEPT_TAKEN;
    pause_accepting(listener, strerror(errno));
    return ACCEPT_FAILED;
}

void listener_end(struct listener *listener)
{
    /* Who connected before the stop is served: closing the socket would reset them. */
    for (unsigned i = 0; i < LAST_BATCH && !server_is_crowded(listener->worker->server); i++) {
        if (accept_one(listener) != ACCEPT_TAKEN)
            break;
    }
    listener_fini(listener);
}

static void on_ready(struct async_watch *watch, unsigned events)
{
    struct listener *listener = async_container_of(watch, struct listener, watch);

    (void)events;
    for (unsigned i = 0; i < ACCEPT_BATCH; i++) {
        if (server_is_crowded(listener->worker->server)) {
            pause_accepting(listener, "too many connections");
            return;
        }
        if (accept_one(listener) != ACCEPT_TAKEN)
            return;
    }
}

static void on_resume(struct async_timer *timer)
{
    struct listener *listener = async_container_of(timer, struct listener, resume);

    if (async_watch_set(&listener->watch, ASYNC_READ) < 0)
        async_timer_arm(timer, listener->worker->loop,
                        async_loop_now_ns(listener->worker->loop) + PAUSE_NS);
}
