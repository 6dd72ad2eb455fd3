/* SPDX-License-Identifier: MIT */
/*
 * at_most_three.c - nine jobs, and never more than three at a time.
 *
 * A semaphore is a stock of units. Each job takes one before it begins and gives it back when it is
 * over; whoever finds none waits in line. The bounded form refuses to be given more than it began
 * with, which finds the release that is one too many.
 *
 * The clock of the loop here is virtual, so that the jobs take exactly as long as they say.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <async/manual_loop.h>
#include <async/semaphore.h>

enum { JOBS = 9, AT_MOST = 3 };

struct program {
    struct async_loop *loop;
    struct async_semaphore places;
    int running, running_most, finished;
};

struct job {
    struct program *program;
    struct async_waiter waiter;
    struct async_timer work;
    int number;
    int takes_ms;
};

static void show(const struct job *job, const char *what)
{
    printf("%3d ms  job %d %-6s |", (int)(async_loop_now_ns(job->program->loop) / ASYNC_MS),
           job->number, what);
    for (int i = 0; i < job->program->running; i++)
        printf("#");
    printf("\n");
}

static void on_place(struct async_waiter *waiter, int status)
{
    struct job *job = async_container_of(waiter, struct job, waiter);
    struct program *program = job->program;

    if (status < 0)
        abort(); /* no deadline, no cancel: it cannot fail */
    program->running++;
    if (program->running > program->running_most)
        program->running_most = program->running;
    show(job, "begins");
    async_timer_arm(&job->work, program->loop,
                    async_loop_now_ns(program->loop) + job->takes_ms * ASYNC_MS);
}

static void on_work_done(struct async_timer *timer)
{
    struct job *job = async_container_of(timer, struct job, work);
    struct program *program = job->program;

    program->running--;
    program->finished++;
    show(job, "ends");
    async_semaphore_release(&program->places); /* the next in line begins */
}

int main(void)
{
    struct program program = {0};
    struct job jobs[JOBS];
    int one_too_many;

    if (async_manual_loop_new(&program.loop) < 0)
        return EXIT_FAILURE;
    async_semaphore_init_bounded(&program.places, AT_MOST);
    for (int i = 0; i < JOBS; i++) {
        jobs[i].program = &program;
        jobs[i].number = i + 1;
        jobs[i].takes_ms = 20 + 30 * (i % 3);
        async_waiter_init(&jobs[i].waiter, program.loop, on_place);
        async_timer_init(&jobs[i].work, on_work_done);
        async_semaphore_acquire(&program.places, &jobs[i].waiter);
    }
    async_manual_loop_advance(program.loop, ASYNC_S);
    one_too_many = async_semaphore_release(&program.places);
    printf("%d jobs, at most %d at a time; one release too many: %s\n", program.finished,
           program.running_most, async_error_text(one_too_many));
    async_semaphore_fini(&program.places);
    async_loop_free(program.loop);
    return program.finished == JOBS && program.running_most == AT_MOST && one_too_many == -EOVERFLOW
               ? EXIT_SUCCESS
               : EXIT_FAILURE;
}
