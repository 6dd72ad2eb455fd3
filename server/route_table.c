/* SPDX-License-Identifier: MIT */
/* route_table.c - see route_table.h. */
#include "route_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int route_table_new(const struct server_route *routes, size_t count, void (*release)(void *owner),
                    void *owner, struct route_table **ret_table)
{
    struct route_table *table = malloc(sizeof(*table) + count * sizeof(*routes));

    if (table == NULL)
        return -ENOMEM;
    atomic_init(&table->references, 1);
    table->release = release;
    table->owner = owner;
    table->count = count;
    if (count > 0)
        memcpy(table->routes, routes, count * sizeof(*routes));
    *ret_table = table;
    return 0;
}

struct route_table *route_table_ref(struct route_table *table)
{
    atomic_fetch_add_explicit(&table->references, 1, memory_order_relaxed);
    return table;
}

void route_table_unref(struct route_table *table)
{
    if (table == NULL ||
        atomic_fetch_sub_explicit(&table->references, 1, memory_order_acq_rel) != 1)
        return;
    if (table->release != NULL)
        table->release(table->owner);
    free(table);
}
