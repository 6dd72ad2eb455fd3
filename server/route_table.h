/* SPDX-License-Identifier: MIT */
/*
 * route_table.h - the routes of the server at one time: constant, and counted, as each loop goes
 * over to the next ones when it comes to that.
 */
#ifndef SERVER_ROUTE_TABLE_H
#define SERVER_ROUTE_TABLE_H

#include <stdatomic.h>
#include <stddef.h>

#include "server.h"

struct route_table {
    atomic_uint references;
    void (*release)(void *owner); /* of what the routes point to; NULL: nobody waits for that */
    void *owner;
    size_t count;
    struct server_route routes[];
};

/*
 * route_table_new - copies the routes; one reference. The last one to go calls release(owner).
 * Errors    -ENOMEM; then nothing is released.
 */
int route_table_new(const struct server_route *routes, size_t count, void (*release)(void *owner),
                    void *owner, struct route_table **ret_table);

struct route_table *route_table_ref(struct route_table *table);

/* route_table_unref - NULL is allowed. Thread: any, as that of the release. */
void route_table_unref(struct route_table *table);

#endif
