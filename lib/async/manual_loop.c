/* SPDX-License-Identifier: MIT */
/*
 * manual_loop.c - the loop that stands still until a test turns it.
 *
 * Its clock is a number. Posts from other threads are taken in at every step, but nothing sleeps,
 * so waking is nothing to do.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <async/loop_backend.h>
#include <async/manual_loop.h>

struct manual_loop {
    struct async_loop loop; /* first, so that a pointer to it is a pointer to this */
    int64_t clock_ns;
};

static struct manual_loop *manual_loop_from(const struct async_loop *loop);

static void on_wake(struct async_loop *loop)
{
    (void)loop;
}

static int64_t read_clock(struct async_loop *loop)
{
    return manual_loop_from(loop)->clock_ns;
}

static int run_until_idle(struct async_loop *loop)
{
    while (!async_loop_take_stop(loop) && async_manual_loop_step(loop))
        continue;
    return 0;
}

static void free_loop(struct async_loop *loop)
{
    async_loop_fini(loop);
    free(manual_loop_from(loop));
}

static int refuse_watch(struct async_watch *watch)
{
    (void)watch;
    return -ENOSYS;
}

static int refuse_watch_set(struct async_watch *watch, unsigned events)
{
    (void)watch;
    (void)events;
    return -ENOSYS;
}

static void ignore_watch(struct async_watch *watch)
{
    (void)watch;
}

static const struct async_loop_ops manual_ops = {
    .run = run_until_idle,
    .free = free_loop,
    .wake = on_wake,
    .clock_ns = read_clock,
    .watch_init = refuse_watch,
    .watch_set = refuse_watch_set,
    .watch_fini = ignore_watch,
};

static struct manual_loop *manual_loop_from(const struct async_loop *loop)
{
    assert(loop->ops == &manual_ops);
    return (struct manual_loop *)loop;
}

int async_manual_loop_new(struct async_loop **ret_loop)
{
    struct manual_loop *manual = calloc(1, sizeof(*manual));
    int err;

    if (manual == NULL)
        return -ENOMEM;
    err = async_loop_init(&manual->loop, &manual_ops);
    if (err < 0) {
        free(manual);
        return err;
    }
    *ret_loop = &manual->loop;
    return 0;
}

bool async_manual_loop_step(struct async_loop *loop)
{
    async_loop_end_sleep(loop);
    async_loop_begin_turn(loop);
    return async_loop_run_one_task(loop) || async_loop_run_one_timer(loop, UINT64_MAX);
}

bool async_manual_loop_step_timer(struct async_loop *loop)
{
    async_loop_end_sleep(loop);
    async_loop_begin_turn(loop);
    return async_loop_run_one_timer(loop, UINT64_MAX);
}

unsigned async_manual_loop_settle(struct async_loop *loop)
{
    unsigned steps = 0;

    while (async_manual_loop_step(loop))
        steps++;
    return steps;
}

unsigned async_manual_loop_advance(struct async_loop *loop, int64_t by_ns)
{
    struct manual_loop *manual = manual_loop_from(loop);
    int64_t until_ns = manual->clock_ns + by_ns;
    unsigned steps = async_manual_loop_settle(loop);

    while (async_loop_next_timer_ns(loop) <= until_ns) {
        async_manual_loop_set_clock(loop, async_loop_next_timer_ns(loop));
        steps += async_manual_loop_settle(loop);
    }
    async_manual_loop_set_clock(loop, until_ns);
    return steps;
}

void async_manual_loop_set_clock(struct async_loop *loop, int64_t at_ns)
{
    struct manual_loop *manual = manual_loop_from(loop);

    assert(at_ns >= manual->clock_ns);
    manual->clock_ns = at_ns;
    async_loop_update_now(loop);
}

int64_t async_manual_loop_next_ns(const struct async_loop *loop)
{
    return async_loop_next_timer_ns(loop);
}
