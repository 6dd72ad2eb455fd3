/* SPDX-License-Identifier: MIT */
/*
 * watch.c - interest in a file descriptor; the work is the backend's.
 */
#include <assert.h>
#include <stddef.h>

#include <async/loop_backend.h>

int async_watch_init(struct async_watch *watch, struct async_loop *loop, int fd,
                     async_watch_fn *on_ready)
{
    struct async_watch fresh = {.loop = loop, .on_ready = on_ready, .fd = fd};
    int err;

    async_loop_assert_current(loop);
    *watch = fresh;
    err = loop->ops->watch_init(watch);
    if (err < 0)
        watch->loop = NULL; /* so that async_watch_fini() has nothing to do */
    return err;
}

int async_watch_set(struct async_watch *watch, unsigned events)
{
    int err;

    async_loop_assert_current(watch->loop);
    assert((events & ~(unsigned)(ASYNC_READ | ASYNC_WRITE)) == 0);
    if (events == watch->events)
        return 0;
    err = watch->loop->ops->watch_set(watch, events);
    if (err == 0)
        watch->events = events;
    return err;
}

void async_watch_fini(struct async_watch *watch)
{
    if (watch->loop == NULL)
        return;
    watch->loop->ops->watch_fini(watch);
    watch->loop = NULL;
    watch->backend = NULL;
    watch->events = 0;
}
