/* SPDX-License-Identifier: MIT */
/*
 * worker.c - see worker.h.
 */
#include "worker.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "connection.h"
#include "exchange.h"
#include "listener.h"
#include "log/log.h"
#include "output.h"

/* Blocks that wait for the next burst; more go back to the allocator. */
#define POOL_IDLE_MAX 64

static void on_drain(struct async_task *task);
static void on_stop(struct async_task *task);
static void on_cut(struct async_timer *timer);

int worker_init(struct worker *worker, struct server *server,
                const struct server_settings *settings, unsigned index, const int *fds)
{
    int status;

    memset(worker, 0, sizeof(*worker));
    worker->listeners = calloc(settings->address_count, sizeof(*worker->listeners));
    if (worker->listeners == NULL)
        return -ENOMEM;
    worker->table = server_route_table(server);
    status = router_init(&worker->router, worker->table->routes, worker->table->count);
    if (status < 0) {
        route_table_unref(worker->table);
        free(worker->listeners);
        return status;
    }
    status = http1_known_new(&worker->known);
    if (status < 0) {
        router_fini(&worker->router);
        route_table_unref(worker->table);
        free(worker->listeners);
        return status;
    }
    worker->router.guard = settings->guard.admits != NULL ? &settings->guard : NULL;
    worker->server = server;
    worker->settings = settings;
    worker->index = index;
    worker->cut_ns = ASYNC_NEVER;
    worker->date_s = -1;
    async_list_init(&worker->connections);
    pool_init(&worker->exchanges, exchange_bytes(&settings->limits), POOL_IDLE_MAX);
    pool_init(&worker->outputs, sizeof(struct output), POOL_IDLE_MAX);
    async_task_init(&worker->exchange_task, worker_on_exchange);
    async_task_init(&worker->drain_task, on_drain);
    async_task_init(&worker->stop_task, on_stop);
    async_timer_init(&worker->cut_timer, on_cut);
    for (size_t i = 0; i < settings->address_count; i++)
        listener_init(&worker->listeners[i], worker, fds[i], (unsigned)i);
    worker->listener_count = settings->address_count;
    return 0;
}

void worker_fini(struct worker *worker)
{
    assert(async_list_is_empty(&worker->connections));
    for (size_t i = 0; i < worker->listener_count; i++)
        listener_fini(&worker->listeners[i]);
    async_timer_disarm(&worker->cut_timer);
    async_loop_free(worker->loop);
    pool_fini(&worker->exchanges);
    pool_fini(&worker->outputs);
    http1_known_free(worker->known);
    free(worker->listeners);
    router_fini(&worker->router);
    route_table_unref(worker->table);
}

int worker_begin(struct worker *worker)
{
    int backlog = worker->settings->backlog;
    int status = async_loop_new(&worker->loop);

    if (status < 0)
        return status;
    status = worker_begin_routes(worker);
    for (size_t i = 0; i < worker->listener_count && status == 0; i++)
        status = listener_begin(&worker->listeners[i], backlog > 0 ? backlog : SOMAXCONN);
    return status;
}

void worker_drain(struct worker *worker, uint32_t drain_ms)
{
    atomic_store(&worker->drain_ms, (int64_t)drain_ms);
    if (!atomic_exchange(&worker->is_drain_posted, true))
        async_loop_post(worker->loop, &worker->drain_task);
}

void worker_stop(struct worker *worker)
{
    async_loop_post(worker->loop, &worker->stop_task);
}

static void tell_when_drained(struct worker *worker)
{
    if (!worker->is_draining || worker->is_drained || worker->connection_count > 0)
        return;
    worker->is_drained = true;
    async_timer_disarm(&worker->cut_timer);
    server_worker_drained(worker->server);
}

void worker_connection_closed(struct worker *worker)
{
    assert(worker->connection_count > 0);
    worker->connection_count--;
    worker_count(&worker->counters.closed);
    server_leave_connection(worker->server);
    for (size_t i = 0; i < worker->listener_count; i++)
        listener_resume(&worker->listeners[i]);
    tell_when_drained(worker);
}

const char *worker_date(struct worker *worker)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != worker->date_s) {
        worker->date_s = now.tv_sec;
        date_format(now.tv_sec, worker->date);
    }
    return worker->date;
}

static void begin_drain(struct worker *worker)
{
    worker_drain_routes(worker);
    /* Those that listener_end() accepts are not idle before they have been looked at. */
    for (size_t i = 0; i < worker->listener_count; i++)
        listener_end(&worker->listeners[i]);
    worker->is_draining = true;
    connections_drain(worker);
}

static void on_drain(struct async_task *task)
{
    struct worker *worker = async_container_of(task, struct worker, drain_task);

    atomic_store(&worker->is_drain_posted, false);
    int64_t drain_ms = atomic_load(&worker->drain_ms);
    if (!worker->is_draining)
        begin_drain(worker);
    int64_t cut_ns = async_loop_now_ns(worker->loop) + drain_ms * ASYNC_MS;
    /* The drain itself may have closed the last connection: nothing is left to be cut then. */
    if (!worker->is_drained && cut_ns < worker->cut_ns) {
        worker->cut_ns = cut_ns;
        async_timer_arm(&worker->cut_timer, worker->loop, cut_ns);
    }
    tell_when_drained(worker);
}

static void on_cut(struct async_timer *timer)
{
    struct worker *worker = async_container_of(timer, struct worker, cut_timer);

    connections_cut(worker);
    tell_when_drained(worker);
}

static void on_stop(struct async_task *task)
{
    struct worker *worker = async_container_of(task, struct worker, stop_task);

    assert(worker->is_drained);
    worker_stop_routes(worker);
    server_worker_stopped(worker->server);
}
