/* SPDX-License-Identifier: MIT */
/*
 * scope_job.c - the work of the scope's tests.
 */
#include <assert.h>

#include "scope_job.h"

struct scope_job *scope_job_of(struct async_scope *scope)
{
    return async_container_of(scope, struct scope_job, scope);
}

static void on_work(struct async_timer *timer)
{
    struct scope_job *job = async_container_of(timer, struct scope_job, work);

    async_scope_exit(&job->scope, job->body_status);
}

/* Works for 10 ms, unless told to end at once or to give up. */
void scope_job_body(struct async_scope *scope)
{
    struct scope_job *job = scope_job_of(scope);

    job->bodies++;
    assert(async_scope_is_held(scope));
    if (job->ends_at_once) {
        async_scope_exit(scope, job->body_status);
    } else {
        async_timer_arm(&job->work, job->trio->loop,
                        async_loop_now_ns(job->trio->loop) + 10 * ASYNC_MS);
        if (job->cancels_itself)
            (void)async_scope_cancel(scope);
    }
}

void scope_job_cancel(struct async_scope *scope)
{
    struct scope_job *job = scope_job_of(scope);

    job->cancels++;
    assert(async_scope_is_held(scope));
    async_timer_disarm(&job->work);
}

static void on_end(struct async_scope *scope, int status)
{
    struct scope_job *job = scope_job_of(scope);

    job->ends++;
    assert(!async_scope_is_running(scope));
    trio_note(job->trio, job->name, status);
}

void scope_job_init(struct scope_job *job, struct trio *trio, char name)
{
    *job = (struct scope_job){.trio = trio, .name = name};
    async_timer_init(&job->work, on_work);
}

void scope_job_run(struct scope_job *job)
{
    async_scope_run(&job->scope, scope_job_body, on_end);
    assert(async_scope_is_running(&job->scope));
    assert(!async_scope_is_held(&job->scope));
}
