/* SPDX-License-Identifier: MIT */
/*
 * tunnel.c - see fetch/tunnel.h.
 *
 *      RESOLVING --all addresses pass--> CONNECTING --one answers--> OPEN
 *
 * The addresses are tried in their order. Each may use half of the time that is left, the last all
 * of it, so that one that swallows what it is sent does not keep the next from its turn.
 */
#include <fetch/tunnel.h>

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "curl_upstream.h"
#include "failure.h"
#include "lane.h"
#include "resolver.h"

enum tunnel_state {
    TUNNEL_RESOLVING,
    TUNNEL_CONNECTING,
    TUNNEL_OPEN,
    TUNNEL_FAILED, /* told, or about to be */
};

struct fetch_tunnel {
    struct fetch_lane *lane;
    struct fetch_policy *policy; /* a reference */
    struct fetch_url *url;       /* a reference */
    const struct fetch_tunnel_events *events;
    void *context;
    enum tunnel_state state;
    struct resolver_query query;
    struct async_task begin; /* where no lookup is needed, or none can be made */
    int begin_status;
    size_t next_address;
    int fd; /* -1: none */
    struct async_watch watch;
    struct async_timer timer; /* of one address; later of a tunnel that is idle */
    int64_t deadline_ns;      /* for the connection */
    int64_t used_ns;          /* when bytes went last */
};

static int64_t after_ms(const struct fetch_tunnel *tunnel, uint32_t ms)
{
    return async_loop_now_ns(tunnel->lane->loop) + (int64_t)ms * ASYNC_MS;
}

static void close_socket(struct fetch_tunnel *tunnel)
{
    async_watch_fini(&tunnel->watch);
    memset(&tunnel->watch, 0, sizeof tunnel->watch);
    if (tunnel->fd >= 0)
        close(tunnel->fd);
    tunnel->fd = -1;
}

/* The end of opening, either way. */
static void finish_opening(struct fetch_tunnel *tunnel, int status)
{
    assert(tunnel->state == TUNNEL_RESOLVING || tunnel->state == TUNNEL_CONNECTING);
    async_timer_disarm(&tunnel->timer);
    tunnel->state = status < 0 ? TUNNEL_FAILED : TUNNEL_OPEN;
    if (status < 0) {
        close_socket(tunnel);
    } else {
        tunnel->used_ns = async_loop_now_ns(tunnel->lane->loop);
        async_timer_arm(&tunnel->timer, tunnel->lane->loop,
                        after_ms(tunnel, tunnel->policy->settings.tunnel_idle_ms));
    }
    tunnel->events->on_open(tunnel->context, status);
}

static socklen_t address_bytes(const union resolver_address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof address->ipv6 : sizeof address->ipv4;
}

static void on_ready(struct async_watch *watch, unsigned events);

/* Returns 0 while it is on its way. */
static int connect_to(struct fetch_tunnel *tunnel, const union resolver_address *address)
{
    const int yes = 1;
    int err = 0;

    tunnel->fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (tunnel->fd < 0)
        return -errno;
    (void)setsockopt(tunnel->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(tunnel->fd, &address->any, address_bytes(address)) < 0 && errno != EINPROGRESS)
        err = -errno;
    if (err == 0)
        err = async_watch_init(&tunnel->watch, tunnel->lane->loop, tunnel->fd, on_ready);
    if (err == 0)
        err = async_watch_set(&tunnel->watch, ASYNC_WRITE);
    if (err < 0)
        close_socket(tunnel);
    return err;
}

/* On to the next address; `status` is how the last one failed. */
static void connect_next(struct fetch_tunnel *tunnel, int status)
{
    int64_t now_ns = async_loop_now_ns(tunnel->lane->loop);
    int64_t left_ns = tunnel->deadline_ns - now_ns;

    close_socket(tunnel);
    while (tunnel->next_address < tunnel->query.address_count && left_ns > 0) {
        bool is_last = tunnel->next_address + 1 == tunnel->query.address_count;
        int err = connect_to(tunnel, &tunnel->query.addresses[tunnel->next_address++]);
        if (err == 0) {
            async_timer_arm(&tunnel->timer, tunnel->lane->loop,
                            now_ns + (is_last ? left_ns : left_ns / 2));
            return;
        }
        status = err;
    }
    finish_opening(tunnel, status == -ENOMEM || status == -ETIMEDOUT ? status : -ECONNREFUSED);
}

/* The name is known: all of its addresses have to pass. Rule F.9 of docs/internals/egress.md. */
static void on_addresses(struct fetch_tunnel *tunnel)
{
    const struct fetch_settings *settings = &tunnel->policy->settings;

    for (size_t i = 0; i < tunnel->query.address_count; i++) {
        union resolver_address *address = &tunnel->query.addresses[i];
        if (address->any.sa_family == AF_INET6)
            address->ipv6.sin6_port = htons(tunnel->url->port);
        else
            address->ipv4.sin_port = htons(tunnel->url->port);
        if (guard_check_address(&settings->guard, &address->any, sizeof *address) != GUARD_OK) {
            finish_opening(tunnel, -EACCES);
            return;
        }
    }
    tunnel->state = TUNNEL_CONNECTING;
    tunnel->deadline_ns = after_ms(tunnel, settings->connect_timeout_ms);
    connect_next(tunnel, -ENOENT);
}

static void on_resolved(struct resolver_query *query, int status)
{
    struct fetch_tunnel *tunnel = async_container_of(query, struct fetch_tunnel, query);

    assert(tunnel->state == TUNNEL_RESOLVING);
    if (status == -E2BIG || status == -EIO)
        status = -ENOENT;
    if (status < 0)
        finish_opening(tunnel, status);
    else
        on_addresses(tunnel);
}

static void on_begin(struct async_task *task)
{
    struct fetch_tunnel *tunnel = async_container_of(task, struct fetch_tunnel, begin);

    if (tunnel->begin_status < 0)
        finish_opening(tunnel, tunnel->begin_status);
    else
        on_addresses(tunnel);
}

static void on_connected(struct fetch_tunnel *tunnel)
{
    socklen_t bytes = sizeof(int);
    int error = 0;

    if (getsockopt(tunnel->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) < 0)
        error = errno;
    if (error != 0)
        connect_next(tunnel, -error);
    else if (async_watch_set(&tunnel->watch, 0) < 0)
        finish_opening(tunnel, -ENOMEM);
    else
        finish_opening(tunnel, 0);
}

static void on_ready(struct async_watch *watch, unsigned events)
{
    struct fetch_tunnel *tunnel = async_container_of(watch, struct fetch_tunnel, watch);

    (void)events; /* whoever waits tries both ways */
    assert(tunnel->state == TUNNEL_CONNECTING || tunnel->state == TUNNEL_OPEN);
    if (tunnel->state == TUNNEL_CONNECTING)
        on_connected(tunnel);
    else
        tunnel->events->on_ready(tunnel->context, 0);
}

/* Bytes move the time they went last, not the timer: that is looked after when it fires. */
static void on_timer(struct async_timer *timer)
{
    struct fetch_tunnel *tunnel = async_container_of(timer, struct fetch_tunnel, timer);
    int64_t idle_ns = tunnel->policy->settings.tunnel_idle_ms * ASYNC_MS;

    assert(tunnel->state == TUNNEL_CONNECTING || tunnel->state == TUNNEL_OPEN);
    if (tunnel->state == TUNNEL_CONNECTING)
        connect_next(tunnel, -ETIMEDOUT);
    else if (tunnel->used_ns + idle_ns > async_loop_now_ns(tunnel->lane->loop))
        async_timer_arm(timer, tunnel->lane->loop, tunnel->used_ns + idle_ns);
    else
        tunnel->events->on_ready(tunnel->context, -ETIMEDOUT);
}

static void use_literal(struct fetch_tunnel *tunnel)
{
    union resolver_address *address = &tunnel->query.addresses[0];

    memset(address, 0, sizeof *address);
    address->any.sa_family = (sa_family_t)tunnel->url->family;
    inet_pton(tunnel->url->family, tunnel->url->host,
              tunnel->url->family == AF_INET6 ? (void *)&address->ipv6.sin6_addr
                                              : (void *)&address->ipv4.sin_addr);
    tunnel->query.address_count = 1;
}

static void begin(struct fetch_tunnel *tunnel)
{
    struct fetch_lane *lane = tunnel->lane;
    const struct fetch_url *url = tunnel->url;

    if (url->family != AF_UNSPEC)
        use_literal(tunnel);
    else if (guard_check_name(url->host) != GUARD_OK)
        tunnel->begin_status = -EACCES;
    else if (!lane->owns_network)
        tunnel->begin_status = -ENOENT; /* a network of tests has no names */
    if (url->family != AF_UNSPEC || tunnel->begin_status < 0)
        async_loop_post(lane->loop, &tunnel->begin);
    else
        resolver_start(curl_upstream_resolver(lane->network), &tunnel->query, url->host,
                       tunnel->policy->settings.resolve_timeout_ms);
}

int fetch_tunnel_new(struct fetch_lane *lane, struct fetch_policy *policy, struct fetch_url *url,
                     const struct fetch_tunnel_events *events, void *context,
                     struct fetch_tunnel **ret_tunnel)
{
    struct fetch_tunnel *tunnel;

    async_loop_assert_current(lane->loop);
    if (lane->is_stopped)
        return -ESHUTDOWN;
    if (lane->tunnels >= policy->settings.tunnels_max)
        return -EBUSY;
    tunnel = calloc(1, sizeof *tunnel);
    if (tunnel == NULL)
        return -ENOMEM;
    lane->tunnels++;
    tunnel->lane = lane;
    tunnel->policy = fetch_policy_ref(policy);
    tunnel->url = fetch_url_ref(url);
    tunnel->events = events;
    tunnel->context = context;
    tunnel->fd = -1;
    resolver_query_init(&tunnel->query, lane->loop, on_resolved);
    async_task_init(&tunnel->begin, on_begin);
    async_timer_init(&tunnel->timer, on_timer);
    begin(tunnel);
    *ret_tunnel = tunnel;
    return 0;
}

void fetch_tunnel_free(struct fetch_tunnel *tunnel)
{
    if (tunnel == NULL)
        return;
    assert(tunnel->lane->tunnels > 0);
    tunnel->lane->tunnels--;
    resolver_cancel(&tunnel->query);
    async_loop_unpost(tunnel->lane->loop, &tunnel->begin);
    async_timer_disarm(&tunnel->timer);
    close_socket(tunnel);
    fetch_policy_unref(tunnel->policy);
    fetch_url_unref(tunnel->url);
    free(tunnel);
}

struct fetch_failure fetch_tunnel_failure(int status)
{
    return failure_of_status(status);
}

/* What send(2) or recv(2) returned. */
static ssize_t moved(struct fetch_tunnel *tunnel, ssize_t count)
{
    if (count < 0)
        return errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN : -errno;
    tunnel->used_ns = async_loop_now_ns(tunnel->lane->loop);
    return count;
}

ssize_t fetch_tunnel_send(struct fetch_tunnel *tunnel, const char *bytes, size_t length)
{
    assert(tunnel->state == TUNNEL_OPEN && length > 0);
    return moved(tunnel, send(tunnel->fd, bytes, length, MSG_NOSIGNAL));
}

ssize_t fetch_tunnel_receive(struct fetch_tunnel *tunnel, char *bytes, size_t room)
{
    assert(tunnel->state == TUNNEL_OPEN && room > 0);
    return moved(tunnel, recv(tunnel->fd, bytes, room, 0));
}

void fetch_tunnel_end(struct fetch_tunnel *tunnel)
{
    assert(tunnel->state == TUNNEL_OPEN);
    (void)shutdown(tunnel->fd, SHUT_WR);
}

int fetch_tunnel_wait(struct fetch_tunnel *tunnel, bool to_receive, bool to_send)
{
    unsigned events =
        (to_receive ? (unsigned)ASYNC_READ : 0) | (to_send ? (unsigned)ASYNC_WRITE : 0);

    assert(tunnel->state == TUNNEL_OPEN);
    return async_watch_set(&tunnel->watch, events);
}
