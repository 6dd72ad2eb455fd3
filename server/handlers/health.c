/* SPDX-License-Identifier: MIT */
/*
 * health.c - see health.h. Each loop keeps for itself whether it drains.
 */
#include "health.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../problem.h"
#include "../reply.h"

struct health {
    bool is_draining;
};

static int health_start_loop(void *shared, struct async_loop *loop, unsigned loop_index,
                             void **ret_context)
{
    struct health *health = calloc(1, sizeof(*health));

    (void)shared;
    (void)loop;
    (void)loop_index;
    if (health == NULL)
        return -ENOMEM;
    *ret_context = health;
    return 0;
}

static void health_drain_loop(void *context)
{
    struct health *health = context;

    health->is_draining = true;
}

static void health_start(struct request *request, void *context)
{
    static const struct reply_field fields[] = {
        {.name = "Content-Type", .value = "text/plain"},
        {.name = "Cache-Control", .value = "no-store"},
    };
    static const struct reply_head head = {.status = 200, .fields = fields, .field_count = 2};
    const struct health *health = context;

    if (health->is_draining)
        problem_send(request, 503, "The server stops.", NULL, 0);
    else
        reply_copy(request, &head, "ok\n", strlen("ok\n"));
}

struct server_route health_route(void)
{
    return (struct server_route){
        .path = "/healthz",
        .access = SERVER_OPEN,
        .methods = REQUEST_GET | REQUEST_HEAD,
        .start = health_start,
        .start_loop = health_start_loop,
        .drain_loop = health_drain_loop,
        .free_loop = free,
    };
}
