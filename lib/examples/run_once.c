/* SPDX-License-Identifier: MIT */
/*
 * run_once.c - settings that many need and one loads.
 *
 * Five tasks need the settings at once. The first to ask becomes the leader and loads them, which
 * takes a while; the others wait. Here the first attempt fails: then exactly one of those who wait
 * becomes the leader and tries again, not all of them. When it has succeeded, everybody is told,
 * and who asks later is told at once.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <async/once.h>

enum { TASKS = 5 };

struct program {
    struct async_loop *loop;
    struct async_once settings_loaded;
    const char *settings; /* written by the leader before it finishes, read by all after */
    int attempts, served;
};

struct task {
    struct program *program;
    struct async_waiter waiter;
    struct async_timer loading;
    int number;
};

static void use_settings(const struct task *task)
{
    struct program *program = task->program;

    printf("task %d  has the settings: %s\n", task->number, program->settings);
    program->served++;
    if (program->served == TASKS)
        async_loop_stop(program->loop);
}

static void on_once(struct async_waiter *waiter, int status)
{
    struct task *task = async_container_of(waiter, struct task, waiter);
    struct async_loop *loop = task->program->loop;

    if (status == ASYNC_ONCE_LEADER) {
        printf("task %d  leads and loads the settings\n", task->number);
        async_timer_arm(&task->loading, loop, async_loop_now_ns(loop) + 10 * ASYNC_MS);
    } else if (status == 0) {
        use_settings(task);
    }
}

static void on_loaded(struct async_timer *timer)
{
    struct task *task = async_container_of(timer, struct task, loading);
    struct program *program = task->program;

    program->attempts++;
    if (program->attempts == 1) {
        printf("task %d  fails; one other is to try\n", task->number);
        async_once_finish(&program->settings_loaded, &task->waiter, -EIO);
        async_once_enter(&program->settings_loaded, &task->waiter); /* waits behind the others */
        return;
    }
    program->settings = "colour=blue";
    async_once_finish(&program->settings_loaded, &task->waiter, 0);
    use_settings(task);
}

int main(void)
{
    struct program program = {0};
    struct task tasks[TASKS];

    if (async_loop_new(&program.loop) < 0)
        return EXIT_FAILURE;
    async_once_init(&program.settings_loaded);
    for (int i = 0; i < TASKS; i++) {
        tasks[i].program = &program;
        tasks[i].number = i + 1;
        async_waiter_init(&tasks[i].waiter, program.loop, on_once);
        async_timer_init(&tasks[i].loading, on_loaded);
        async_once_enter(&program.settings_loaded, &tasks[i].waiter);
    }
    async_loop_run(program.loop);
    printf("%d tasks served by %d attempts\n", program.served, program.attempts);
    async_once_fini(&program.settings_loaded);
    async_loop_free(program.loop);
    return program.served == TASKS && program.attempts == 2 ? EXIT_SUCCESS : EXIT_FAILURE;
}
