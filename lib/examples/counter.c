/* SPDX-License-Identifier: MIT */
/*
 * counter.c - why shared state needs a lock although nothing runs at the same time.
 *
 * On one event loop only one task runs at any moment. Yet ten tasks that read a counter, do
 * something that takes a turn of the loop (ask a database, say) and then write the counter plus one
 * overwrite each other: between the read and the write the others have run. With a lock around
 * the three steps, the others wait, and the loop stays free for everybody else.
 */
#include <stdio.h>
#include <stdlib.h>

#include <async/lock.h>

enum { TASKS = 10, INCREMENTS = 100 };

struct program {
    struct async_loop *loop;
    struct async_lock lock;
    bool uses_lock;
    int counter; /* the shared state */
    int running; /* tasks that have not finished */
};

struct task {
    struct program *program;
    struct async_waiter waiter; /* waits for the lock, and is its holder */
    struct async_task later;    /* the second half of an increment */
    int seen;
    int left;
};

static void read_counter(struct task *task)
{
    task->seen = task->program->counter;
    async_loop_post(task->program->loop, &task->later); /* others run before write_counter() */
}

static void on_locked(struct async_waiter *waiter, int status)
{
    struct task *task = async_container_of(waiter, struct task, waiter);

    if (status < 0)
        abort(); /* there is no deadline and nobody cancels: it cannot fail */
    read_counter(task);
}

static void increment(struct task *task)
{
    if (task->program->uses_lock)
        async_lock_acquire(&task->program->lock, &task->waiter); /* goes on in on_locked() */
    else
        read_counter(task);
}

static void write_counter(struct async_task *later)
{
    struct task *task = async_container_of(later, struct task, later);
    struct program *program = task->program;

    program->counter = task->seen + 1;
    if (program->uses_lock)
        async_lock_release(&program->lock, &task->waiter); /* the next in line is told */
    task->left--;
    if (task->left > 0) {
        increment(task);
        return;
    }
    program->running--;
    if (program->running == 0)
        async_loop_stop(program->loop);
}

static int count(bool uses_lock)
{
    struct program program = {.uses_lock = uses_lock, .running = TASKS};
    struct task tasks[TASKS];

    if (async_loop_new(&program.loop) < 0)
        abort();
    async_lock_init(&program.lock);
    for (int i = 0; i < TASKS; i++) {
        tasks[i] = (struct task){.program = &program, .left = INCREMENTS};
        async_waiter_init(&tasks[i].waiter, program.loop, on_locked);
        async_task_init(&tasks[i].later, write_counter);
        increment(&tasks[i]);
    }
    async_loop_run(program.loop);
    async_lock_fini(&program.lock);
    async_loop_free(program.loop);
    return program.counter;
}

int main(void)
{
    const int wanted = TASKS * INCREMENTS;
    const int without = count(false);
    const int with = count(true);

    printf("%d tasks increment a counter %d times each\n", TASKS, INCREMENTS);
    printf("without a lock  %4d   %d updates lost\n", without, wanted - without);
    printf("with a lock     %4d   %d updates lost\n", with, wanted - with);
    return without < wanted && with == wanted ? EXIT_SUCCESS : EXIT_FAILURE;
}
