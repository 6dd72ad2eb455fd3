/* SPDX-License-Identifier: MIT */
/*
 * multi.c - glue between libcurl's socket interface and a loop.
 *
 * libcurl says which sockets to watch and when it wants to be called; watches and the timer call
 * curl_multi_socket_action(), the only place where transfers make progress. After it the transfers
 * that ended are reported, when libcurl is off the stack and may be called again.
 *
 * libcurl asks for a socket to be watched at the begin of each transfer, and no more at its end.
 * The watch of a connection that is kept stays as it is in between, which spares two system calls
 * for each transfer. What it tells of meanwhile, an end, or bytes that nobody asked for, is found
 * by who uses the connection next. A socket that never got connected is closed without a word, so
 * its watch ends when libcurl says so.
 */
#include "multi.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct multi {
    CURLM *handle;
    struct async_loop *loop;
    struct async_timer timer;
    struct async_task collect; /* reports transfers that ended inside multi_unpause() */
    multi_done_fn *on_done;
    struct multi_socket **sockets; /* by descriptor; NULL where there is none */
    size_t sockets_room;
    size_t transfers;
    bool is_inside; /* only asserted on */
};

/* The watch of one socket. */
struct multi_socket {
    struct async_watch watch;
    struct multi *multi;
    bool is_connected; /* requests go over it; libcurl tells of its end */
    bool is_idle;      /* libcurl does not */
};

static void report_done(struct multi *multi)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(multi->handle, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE)
            multi->on_done(message->easy_handle, message->data.result);
    }
}

static void act(struct multi *multi, curl_socket_t fd, int events)
{
    int running;

    assert(!multi->is_inside);
    multi->is_inside = true;
    curl_multi_socket_action(multi->handle, fd, events, &running);
    multi->is_inside = false;
    report_done(multi);
}

static void on_ready(struct async_watch *watch, unsigned events)
{
    struct multi_socket *socket = async_container_of(watch, struct multi_socket, watch);
    int bits = 0;

    if (socket->is_idle) {
        async_watch_set(watch, 0);
        return;
    }
    if ((events & ASYNC_READ) != 0)
        bits |= CURL_CSELECT_IN;
    if ((events & ASYNC_WRITE) != 0)
        bits |= CURL_CSELECT_OUT;
    act(socket->multi, watch->fd, bits); /* may free the socket */
}

static void on_timer(struct async_timer *timer)
{
    struct multi *multi = async_container_of(timer, struct multi, timer);

    act(multi, CURL_SOCKET_TIMEOUT, 0);
}

static void on_collect(struct async_task *task)
{
    struct multi *multi = async_container_of(task, struct multi, collect);

    report_done(multi);
}

static int on_curl_timer(CURLM *handle, long timeout_ms, void *context)
{
    struct multi *multi = context;

    (void)handle;
    if (timeout_ms < 0)
        async_timer_disarm(&multi->timer);
    else
        async_timer_arm(&multi->timer, multi->loop,
                        async_loop_now_ns(multi->loop) + timeout_ms * ASYNC_MS);
    return 0;
}

static struct multi_socket *find_socket(const struct multi *multi, int fd)
{
    return (size_t)fd < multi->sockets_room ? multi->sockets[fd] : NULL;
}

void multi_forget_socket(struct multi *multi, int fd)
{
    struct multi_socket *socket = find_socket(multi, fd);

    if (socket == NULL)
        return;
    multi->sockets[fd] = NULL;
    async_watch_fini(&socket->watch);
    free(socket);
}

void multi_keep_watched(struct multi *multi, int fd)
{
    struct multi_socket *socket = find_socket(multi, fd);

    if (socket != NULL)
        socket->is_connected = true;
}

static int reserve_socket(struct multi *multi, int fd)
{
    size_t room = multi->sockets_room;
    struct multi_socket **sockets;

    if ((size_t)fd < room)
        return 0;
    while (room <= (size_t)fd)
        room = room == 0 ? 64 : room * 2;
    sockets = realloc(multi->sockets, room * sizeof(struct multi_socket *));
    if (sockets == NULL)
        return -ENOMEM;
    memset(sockets + multi->sockets_room, 0,
           (room - multi->sockets_room) * sizeof(struct multi_socket *));
    multi->sockets = sockets;
    multi->sockets_room = room;
    return 0;
}

/* NULL: there is no memory. */
static struct multi_socket *add_socket(struct multi *multi, int fd)
{
    struct multi_socket *socket = calloc(1, sizeof *socket);

    if (socket == NULL || reserve_socket(multi, fd) < 0) {
        free(socket);
        return NULL;
    }
    socket->multi = multi;
    if (async_watch_init(&socket->watch, multi->loop, fd, on_ready) < 0) {
        free(socket);
        return NULL;
    }
    multi->sockets[fd] = socket;
    return socket;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socketp)
{
    struct multi *multi = context;
    struct multi_socket *socket = find_socket(multi, fd);
    unsigned wanted = 0;

    (void)easy;
    (void)socketp;
    if (what == CURL_POLL_REMOVE) {
        if (socket != NULL && socket->is_connected)
            socket->is_idle = true;
        else
            multi_forget_socket(multi, fd);
        return 0;
    }
    if (socket == NULL)
        socket = add_socket(multi, fd);
    if (socket == NULL)
        return -1;
    socket->is_idle = false;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        wanted |= ASYNC_READ;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        wanted |= ASYNC_WRITE;
    return async_watch_set(&socket->watch, wanted) < 0 ? -1 : 0;
}

static void set_limits(CURLM *handle, const struct fetch_settings *settings)
{
    curl_multi_setopt(handle, CURLMOPT_MAX_HOST_CONNECTIONS,
                      (long)settings->origin_connections_max);
    curl_multi_setopt(handle, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)settings->connections_max);
    curl_multi_setopt(handle, CURLMOPT_MAXCONNECTS, (long)settings->connections_max);
}

int multi_new(struct async_loop *loop, const struct fetch_settings *settings,
              multi_done_fn *on_done, struct multi **ret_multi)
{
    struct multi *multi = calloc(1, sizeof *multi);

    if (multi == NULL)
        return -ENOMEM;
    multi->handle = curl_multi_init();
    if (multi->handle == NULL) {
        free(multi);
        return -ENOMEM;
    }
    multi->loop = loop;
    multi->on_done = on_done;
    async_timer_init(&multi->timer, on_timer);
    async_task_init(&multi->collect, on_collect);
    curl_multi_setopt(multi->handle, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(multi->handle, CURLMOPT_SOCKETDATA, multi);
    curl_multi_setopt(multi->handle, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(multi->handle, CURLMOPT_TIMERDATA, multi);
    curl_multi_setopt(multi->handle, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    if (settings != NULL)
        set_limits(multi->handle, settings);
    *ret_multi = multi;
    return 0;
}

void multi_free(struct multi *multi)
{
    if (multi == NULL)
        return;
    assert(!multi->is_inside);
    assert(multi->transfers == 0);
    curl_multi_cleanup(multi->handle);
    for (size_t fd = 0; fd < multi->sockets_room; fd++)
        multi_forget_socket(multi, (int)fd);
    free(multi->sockets);
    async_timer_disarm(&multi->timer);
    async_loop_unpost(multi->loop, &multi->collect);
    free(multi);
}

int multi_add(struct multi *multi, CURL *easy)
{
    assert(!multi->is_inside);
    if (curl_multi_add_handle(multi->handle, easy) != CURLM_OK)
        return -ENOMEM;
    multi->transfers++;
    return 0;
}

void multi_remove(struct multi *multi, CURL *easy)
{
    assert(!multi->is_inside);
    assert(multi->transfers > 0);
    curl_multi_remove_handle(multi->handle, easy);
    multi->transfers--;
}

bool multi_is_inside(const struct multi *multi)
{
    return multi->is_inside;
}

void multi_unpause(struct multi *multi, CURL *easy)
{
    assert(!multi->is_inside);
    /* libcurl hands over what it held back inside this call, so it is "inside" meanwhile. */
    multi->is_inside = true;
    curl_easy_pause(easy, CURLPAUSE_CONT);
    multi->is_inside = false;
    if (!async_task_is_posted(&multi->collect))
        async_loop_post(multi->loop, &multi->collect);
}
