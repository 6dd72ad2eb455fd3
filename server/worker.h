/* SPDX-License-Identifier: MIT */
/*
 * worker.h - one loop with what belongs to it: listeners, connections, handlers' contexts, pools.
 *
 *      STARTING --all workers are--> ACCEPTING --server_stop()--> DRAINING
 *      DRAINING --no connection left, in any worker--> STOPPED --> its thread ends
 *
 * Everything here is for the worker's own thread, but for what says otherwise.
 */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <time.h>

#include <async/loop.h>
#include <http/date.h>

#include "http1_known.h"
#include "pool.h"
#include "route_table.h"
#include "router.h"
#include "server.h"

struct listener;

/* Written by the worker's thread alone, read by any. */
struct worker_counters {
    _Atomic(uint64_t) accepted;
    _Atomic(uint64_t) closed;
    _Atomic(uint64_t) requests;
    _Atomic(uint64_t) refused;
};

struct worker {
    alignas(64) struct server *server;      /* workers share no cache line */
    const struct server_settings *settings; /* the server's copy; does not change */
    unsigned index;
    pthread_t thread;
    struct async_loop *loop; /* made by the thread, freed after it ended */
    struct listener *listeners;
    size_t listener_count;
    struct route_table *table; /* the routes in force here; a reference */
    struct router router;      /* over them */
    size_t routes_begun;       /* whose start_loop has been called with success */
    struct async_list connections;
    unsigned connection_count; /* open; also while some are out of the list to be looked at */
    struct pool exchanges;     /* of struct exchange: a request with its bytes */
    struct pool outputs;
    struct http1_known *known; /* fields that its clients have sent before */
    bool is_draining;
    bool is_drained;
    _Atomic(int64_t) drain_ms;      /* set by any thread before it posts drain_task */
    atomic_bool is_drain_posted;    /* drain_task is on its way */
    atomic_bool is_exchange_posted; /* exchange_task is on its way */
    struct async_task exchange_task;
    struct async_task drain_task;
    struct async_task stop_task;
    struct async_timer cut_timer;
    int64_t cut_ns; /* when what still runs is cut; ASYNC_NEVER before the drain */
    time_t date_s;  /* what `date` says */
    char date[DATE_LENGTH + 1];
    struct worker_counters counters;
};

/*
 * worker_init - prepares a worker whose thread has not begun; takes the listening sockets over.
 * Errors    -ENOMEM; the sockets are still the caller's then.
 */
int worker_init(struct worker *worker, struct server *server,
                const struct server_settings *settings, unsigned index, const int *fds);

/* worker_fini - after the thread has ended. */
void worker_fini(struct worker *worker);

/*
 * worker_begin - on its thread: makes the loop, starts the handlers, listens.
 * Errors    of async_loop_new(), start_loop hooks and listen(2). worker_end() follows in any case.
 */
int worker_begin(struct worker *worker);

/* worker_exchange_routes - asks for the routes that the server has now. Thread: any. */
void worker_exchange_routes(struct worker *worker);

/* worker_begin_routes - calls start_loop of each; worker_on_exchange - of what is new, and
 * free_loop of what is gone; worker_drain_routes, worker_stop_routes - drain_loop, stop_loop. */
int worker_begin_routes(struct worker *worker);
void worker_on_exchange(struct async_task *task);
void worker_drain_routes(struct worker *worker);
void worker_stop_routes(struct worker *worker);

/* worker_free_routes - on the thread of server_wait(): calls free_loop of what began. */
void worker_free_routes(struct worker *worker);

/* worker_drain - asks for the drain, see server_stop(). Thread: any. */
void worker_drain(struct worker *worker, uint32_t drain_ms);

/* worker_stop - asks for the end, once all workers are drained. Thread: any. */
void worker_stop(struct worker *worker);

/* worker_connection_closed - tells of a connection that has just left worker->connections. */
void worker_connection_closed(struct worker *worker);

/* worker_date - the Date field's value for now; made anew once a second. */
const char *worker_date(struct worker *worker);

/* worker_count - adds one to a counter that only this thread writes. */
static inline void worker_count(_Atomic(uint64_t) *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* What server.c keeps for its workers. Thread: any. */

/* server_take_connection - counts a connection in; false if it is beyond the limit, which counts
 * it as well. server_leave_connection counts it out. server_is_crowded: so many are beyond the
 * limit that they are not even refused. */
bool server_take_connection(struct server *server);
void server_leave_connection(struct server *server);
bool server_is_crowded(const struct server *server);

/* server_route_table - the routes that are to be in force; one reference more. */
struct route_table *server_route_table(struct server *server);

/* server_worker_drained, server_worker_stopped - a worker has come so far, once. */
void server_worker_drained(struct server *server);
void server_worker_stopped(struct server *server);

#endif
