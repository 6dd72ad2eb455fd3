/* SPDX-License-Identifier: MIT */
/*
 * counter.c - see counter.h.
 *
 * The number itself is atomic, so that reading and writing it from two threads is defined; the
 * increment as a whole is not, and that is the point.
 */
#include "demo/counter.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <async/lock.h>
#include <async/loop.h>

#define COUNTER_LOOPS 2

struct counter {
    struct async_lock lock;
    atomic_uint number;
    bool with_lock;
};

struct counter_loop {
    struct async_loop *loop;
    pthread_t thread;
    bool is_running;     /* the main thread's: `thread` is to be joined */
    unsigned tasks_left; /* on_loop */
};

struct counter_task {
    struct counter *counter;
    struct counter_loop *loop;
    struct async_waiter waiter;
    struct async_task begin;
    struct async_task write;
    unsigned rounds_left;
    unsigned read; /* what the counter was when this increment began */
};

static void increment_begin(struct counter_task *task)
{
    task->read = atomic_load_explicit(&task->counter->number, memory_order_relaxed);
    async_loop_post(task->loop->loop, &task->write); /* others run before the write */
}

static void on_locked(struct async_waiter *waiter, int status)
{
    struct counter_task *task = async_container_of(waiter, struct counter_task, waiter);
    assert(status == 0); /* no deadline, never cancelled */
    (void)status;
    increment_begin(task);
}

static void on_begin(struct async_task *begin)
{
    struct counter_task *task = async_container_of(begin, struct counter_task, begin);
    if (task->counter->with_lock)
        async_lock_acquire(&task->counter->lock, &task->waiter);
    else
        increment_begin(task);
}

static void on_write(struct async_task *write)
{
    struct counter_task *task = async_container_of(write, struct counter_task, write);
    struct counter *counter = task->counter;

    atomic_store_explicit(&counter->number, task->read + 1, memory_order_relaxed);
    if (counter->with_lock) {
        int err = async_lock_release(&counter->lock, &task->waiter);
        assert(err == 0); /* we hold it */
        (void)err;
    }
    if (--task->rounds_left > 0)
        async_loop_post(task->loop->loop, &task->begin);
    else if (--task->loop->tasks_left == 0)
        async_loop_stop(task->loop->loop);
}

static void *counter_loop_run(void *context)
{
    struct counter_loop *loop = context;
    int err = async_loop_run(loop->loop);
    assert(err == 0);
    (void)err;
    return NULL;
}

/* Starts the threads; on failure, those that run come to their end by themselves. */
static int loops_start(struct counter_loop *loops)
{
    for (unsigned i = 0; i < COUNTER_LOOPS; i++) {
        int err;
        if (loops[i].tasks_left == 0)
            continue; /* nobody would stop it */
        err = -pthread_create(&loops[i].thread, NULL, counter_loop_run, &loops[i]);
        if (err < 0)
            return err;
        loops[i].is_running = true;
    }
    return 0;
}

int counter_run(unsigned tasks, unsigned rounds, bool with_lock, unsigned *ret_count)
{
    struct counter counter = {.with_lock = with_lock};
    struct counter_loop loops[COUNTER_LOOPS] = {0};
    struct counter_task *all = calloc(tasks, sizeof(*all));
    int err = all == NULL ? -ENOMEM : 0;

    assert(tasks > 0 && rounds > 0);
    async_lock_init(&counter.lock);
    for (unsigned i = 0; err == 0 && i < COUNTER_LOOPS; i++)
        err = async_loop_new(&loops[i].loop);
    for (unsigned i = 0; err == 0 && i < tasks; i++) {
        struct counter_task *task = &all[i];
        task->counter = &counter;
        task->loop = &loops[i % COUNTER_LOOPS];
        task->loop->tasks_left++;
        task->rounds_left = rounds;
        async_waiter_init(&task->waiter, task->loop->loop, on_locked);
        async_task_init(&task->begin, on_begin);
        async_task_init(&task->write, on_write);
        async_loop_post(task->loop->loop, &task->begin);
    }
    if (err == 0)
        err = loops_start(loops);
    for (unsigned i = 0; i < COUNTER_LOOPS; i++) {
        if (loops[i].is_running)
            pthread_join(loops[i].thread, NULL);
    }
    for (unsigned i = 0; i < COUNTER_LOOPS; i++)
        async_loop_free(loops[i].loop);
    if (err == 0)
        *ret_count = atomic_load(&counter.number);
    async_lock_fini(&counter.lock);
    free(all);
    return err;
}
