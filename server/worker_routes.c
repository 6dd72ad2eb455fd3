/* SPDX-License-Identifier: MIT */
/*
 * worker_routes.c - the routes of one loop: begun with it, exchanged while it runs, ended with it.
 *
 * An exchange happens between two requests: no handler is being called then, and what handlers have
 * begun does not come back to the context of its route (server.h, is_replaceable). A route that is
 * in both tables keeps its context, so nothing of it is interrupted.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "log/log.h"
#include "worker.h"

/* Which route of the table in force this is; its count: none. */
static size_t find_same(const struct route_table *table, const struct server_route *route)
{
    size_t i = 0;

    while (i < table->count &&
           (table->routes[i].start != route->start || table->routes[i].shared != route->shared))
        i++;
    return i;
}

static int begin_one(struct worker *worker, const struct server_route *route, void **ret_context)
{
    int status = 0;

    *ret_context = route->shared;
    if (route->start_loop != NULL)
        status = route->start_loop(route->shared, worker->loop, worker->index, ret_context);
    if (status < 0)
        log_error("handler did not start", "path=%s error=\"%s\"",
                  route->path != NULL ? route->path : "*", strerror(-status));
    return status;
}

static void free_one(const struct server_route *route, void *context)
{
    if (route->free_loop != NULL)
        route->free_loop(context);
}

int worker_begin_routes(struct worker *worker)
{
    int status = 0;

    while (status == 0 && worker->routes_begun < worker->table->count) {
        size_t i = worker->routes_begun;
        status = begin_one(worker, &worker->table->routes[i], &worker->router.contexts[i]);
        if (status == 0)
            worker->routes_begun++;
    }
    return status;
}

/* The contexts of a router for the table: those that are there already, and new ones. */
static int fill_contexts(struct worker *worker, const struct route_table *table,
                         struct router *router)
{
    int status = 0;
    size_t done = 0;

    for (; done < table->count; done++) {
        size_t same = find_same(worker->table, &table->routes[done]);
        if (same < worker->table->count)
            router->contexts[done] = worker->router.contexts[same];
        else
            status = begin_one(worker, &table->routes[done], &router->contexts[done]);
        if (status < 0)
            break;
    }
    while (status < 0 && done-- > 0) {
        if (find_same(worker->table, &table->routes[done]) == worker->table->count)
            free_one(&table->routes[done], router->contexts[done]);
    }
    return status;
}

static int exchange_routes(struct worker *worker, struct route_table *table)
{
    struct router router;
    int status = router_init(&router, table->routes, table->count);

    if (status < 0)
        return status;
    status = fill_contexts(worker, table, &router);
    if (status < 0) {
        router_fini(&router);
        return status;
    }
    for (size_t i = 0; i < worker->table->count; i++) {
        const struct server_route *route = &worker->table->routes[i];
        if (find_same(table, route) < table->count)
            continue;
        assert(route->is_replaceable);
        free_one(route, worker->router.contexts[i]);
    }
    router.guard = worker->router.guard;
    router_fini(&worker->router);
    worker->router = router;
    worker->routes_begun = table->count;
    route_table_unref(worker->table);
    worker->table = route_table_ref(table);
    return 0;
}

void worker_exchange_routes(struct worker *worker)
{
    if (!atomic_exchange(&worker->is_exchange_posted, true))
        async_loop_post(worker->loop, &worker->exchange_task);
}

void worker_on_exchange(struct async_task *task)
{
    struct worker *worker = async_container_of(task, struct worker, exchange_task);
    struct route_table *table;
    int status = 0;

    atomic_store(&worker->is_exchange_posted, false); /* what is set from now on posts again */
    table = server_route_table(worker->server);
    if (table != worker->table && !worker->is_draining)
        status = exchange_routes(worker, table);
    if (status < 0)
        log_error("a loop keeps the routes that it had", "loop=%u error=\"%s\"", worker->index,
                  strerror(-status));
    route_table_unref(table);
}

void worker_drain_routes(struct worker *worker)
{
    for (size_t i = 0; i < worker->routes_begun; i++) {
        const struct server_route *route = &worker->table->routes[i];
        if (route->drain_loop != NULL)
            route->drain_loop(worker->router.contexts[i]);
    }
}

void worker_stop_routes(struct worker *worker)
{
    for (size_t i = worker->routes_begun; i > 0; i--) {
        const struct server_route *route = &worker->table->routes[i - 1];
        if (route->stop_loop != NULL)
            route->stop_loop(worker->router.contexts[i - 1]);
    }
}

void worker_free_routes(struct worker *worker)
{
    for (size_t i = worker->routes_begun; i > 0; i--)
        free_one(&worker->table->routes[i - 1], worker->router.contexts[i - 1]);
    worker->routes_begun = 0;
}
