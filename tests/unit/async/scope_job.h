/* SPDX-License-Identifier: MIT */
/*
 * scope_job.h - work done in a scope: a body that ends at once, after 10 ms, or cancels itself.
 */
#ifndef SCOPE_JOB_H
#define SCOPE_JOB_H

#include <async/scope.h>

#include "trio.h"

struct scope_job {
    struct async_scope scope;
    struct async_waiter waiter; /* of the counted kind */
    struct async_timer work;    /* what the body has pending */
    struct trio *trio;
    char name;
    bool ends_at_once;
    bool cancels_itself;
    int body_status;
    unsigned bodies, cancels, ends; /* how often each callback ran */
};

/* Prepares the job; its scope is for the test to init. */
void scope_job_init(struct scope_job *job, struct trio *trio, char name);

/* Runs the job's scope; what it was told at the end is noted in the trio. */
void scope_job_run(struct scope_job *job);

/* The job of a scope, and what async_scope_run() and on_cancel get for it. */
struct scope_job *scope_job_of(struct async_scope *scope);
void scope_job_body(struct async_scope *scope);
void scope_job_cancel(struct async_scope *scope);

#endif
