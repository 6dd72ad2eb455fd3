/* SPDX-License-Identifier: MIT */
/*
 * trio.c - the waiters of the unit tests and their record.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trio.h"

static void on_told(struct async_waiter *waiter, int status)
{
    struct trio_waiter *self = async_container_of(waiter, struct trio_waiter, waiter);

    self->status = status;
    self->told++;
    trio_note(self->trio, self->name, status);
}

void trio_note(struct trio *trio, char name, int status)
{
    size_t used = strlen(trio->record);
    const char *gap = used > 0 ? " " : "";
    int length;

    if (status == 0)
        length = snprintf(trio->record + used, sizeof(trio->record) - used, "%s%c", gap, name);
    else
        length = snprintf(trio->record + used, sizeof(trio->record) - used, "%s%c(%d)", gap, name,
                          status);
    assert(length > 0 && (size_t)length < sizeof(trio->record) - used);
    (void)length;
}

void trio_waiter_init(struct trio_waiter *waiter, struct trio *trio, char name)
{
    *waiter = (struct trio_waiter){.trio = trio, .name = name};
    async_waiter_init(&waiter->waiter, trio->loop, on_told);
}

struct trio *trio_new(void)
{
    struct trio *trio = calloc(1, sizeof(*trio));
    int err;

    assert(trio != NULL);
    err = async_manual_loop_new(&trio->loop);
    assert(err == 0);
    (void)err;
    trio_waiter_init(&trio->a, trio, 'A');
    trio_waiter_init(&trio->b, trio, 'B');
    trio_waiter_init(&trio->c, trio, 'C');
    return trio;
}

void trio_free(struct trio *trio)
{
    async_loop_free(trio->loop);
    free(trio);
}

static const char *take_record(struct trio *trio)
{
    static char taken[sizeof(trio->record)];

    memcpy(taken, trio->record, sizeof(taken));
    trio->record[0] = '\0';
    return taken;
}

const char *trio_run(struct trio *trio)
{
    async_manual_loop_settle(trio->loop);
    return take_record(trio);
}

const char *trio_advance(struct trio *trio, int64_t ms)
{
    async_manual_loop_advance(trio->loop, ms * ASYNC_MS);
    return take_record(trio);
}
