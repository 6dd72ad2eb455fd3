/* SPDX-License-Identifier: MIT */
/*
 * test_scope.c - the promises of async/scope.h. A kind of resource of the test's own counts what
 * is acquired and released, so that each way out can be seen to release exactly once. The
 * library's kinds are in test_scope_kinds.c.
 */
#include <errno.h>
#include <stdlib.h>

#include <async/scope.h>

#include "cmocka_all.h"
#include "scope_job.h"

/* A semaphore of one, with each acquire and release counted. */
struct counted {
    struct async_semaphore semaphore;
    unsigned acquired;
    unsigned released;
};

struct fixture {
    struct trio *trio;
    struct counted counted;
    struct scope_job a, b;
};

static struct async_waiter *counted_waiter(struct async_scope *scope)
{
    return &scope_job_of(scope)->waiter;
}

static void counted_acquire(struct async_scope *scope)
{
    struct counted *counted = scope->resource;

    async_semaphore_acquire(&counted->semaphore, &scope_job_of(scope)->waiter);
}

static int counted_release(struct async_scope *scope)
{
    struct counted *counted = scope->resource;

    counted->released++;
    return async_semaphore_release(&counted->semaphore);
}

static const struct async_scope_ops counted_ops = {
    .waiter = counted_waiter,
    .acquire = counted_acquire,
    .release = counted_release,
};

static void on_counted(struct async_waiter *waiter, int status)
{
    struct scope_job *job = async_container_of(waiter, struct scope_job, waiter);
    struct counted *counted = job->scope.resource;

    if (status == 0)
        counted->acquired++;
    async_scope_granted(&job->scope, status);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;

    f->trio = trio_new();
    f->counted.acquired = 0;
    f->counted.released = 0;
    async_semaphore_init_bounded(&f->counted.semaphore, 1);
    scope_job_init(&f->a, f->trio, 'A');
    scope_job_init(&f->b, f->trio, 'B');
    for (int i = 0; i < 2; i++) {
        struct scope_job *job = i == 0 ? &f->a : &f->b;

        async_scope_init(&job->scope, &counted_ops, &f->counted);
        async_waiter_init(&job->waiter, f->trio->loop, on_counted);
        job->scope.on_cancel = scope_job_cancel;
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    /* On whichever way the test went: what was acquired was released, once each. */
    assert_int_equal(f->counted.acquired, f->counted.released);
    assert_int_equal(async_semaphore_value(&f->counted.semaphore), 1);
    assert_false(async_scope_is_running(&f->a.scope));
    assert_false(async_scope_is_running(&f->b.scope));
    async_semaphore_fini(&f->counted.semaphore);
    trio_free(f->trio);
    return 0;
}

static void test_body_that_ends_at_once_is_released_and_told(void **state)
{
    struct fixture *f = *state;

    f->a.ends_at_once = true;
    scope_job_run(&f->a);
    assert_int_equal(f->a.bodies, 0); /* never inside run */
    assert_string_equal(trio_run(f->trio), "A");
    assert_int_equal(f->a.bodies, 1);
    assert_int_equal(f->counted.released, 1);
}

static void test_body_that_ends_later_holds_until_then(void **state)
{
    struct fixture *f = *state;

    scope_job_run(&f->a);
    scope_job_run(&f->b);
    assert_string_equal(trio_advance(f->trio, 9), "");
    assert_true(async_scope_is_held(&f->a.scope));
    assert_int_equal(f->b.bodies, 0);
    assert_int_equal(f->counted.released, 0);
    assert_string_equal(trio_advance(f->trio, 1), "A");
    assert_int_equal(f->counted.released, 1);
    assert_true(async_scope_is_held(&f->b.scope));
    assert_string_equal(trio_advance(f->trio, 10), "B");
    assert_int_equal(f->counted.released, 2);
}

static void test_failed_body_is_released_and_its_status_told(void **state)
{
    struct fixture *f = *state;

    f->a.body_status = -EIO;
    scope_job_run(&f->a);
    assert_string_equal(trio_advance(f->trio, 10), "A(-5)");
    assert_int_equal(f->counted.released, 1);
}

static void test_acquire_that_times_out_is_told_without_the_body(void **state)
{
    struct fixture *f = *state;

    f->b.waiter.deadline_ns = 5 * ASYNC_MS;
    scope_job_run(&f->a);
    scope_job_run(&f->b);
    assert_string_equal(trio_advance(f->trio, 5), "B(-110)");
    assert_int_equal(f->b.bodies, 0);
    assert_int_equal(f->counted.released, 0);
    assert_string_equal(trio_advance(f->trio, 5), "A");
    assert_int_equal(f->counted.released, 1);
}

/* B waits behind A and is cancelled: nothing of B is called, and nothing released for it. */
static void test_cancel_while_waiting_calls_nobody(void **state)
{
    struct fixture *f = *state;

    scope_job_run(&f->a);
    scope_job_run(&f->b);
    trio_run(f->trio);
    assert_true(async_scope_cancel(&f->b.scope));
    assert_false(async_scope_cancel(&f->b.scope));
    assert_string_equal(trio_advance(f->trio, 20), "A");
    assert_int_equal(f->b.bodies + f->b.cancels + f->b.ends, 0);
    assert_int_equal(f->counted.released, 1);
}

/* A is granted but its body has not begun: cancelled then, the grant goes on to B. */
static void test_cancel_with_the_grant_on_its_way_passes_it_on(void **state)
{
    struct fixture *f = *state;

    scope_job_run(&f->a);
    scope_job_run(&f->b);
    assert_true(async_scope_cancel(&f->a.scope));
    assert_string_equal(trio_advance(f->trio, 10), "B");
    assert_int_equal(f->a.bodies + f->a.cancels + f->a.ends, 0);
    assert_int_equal(f->counted.acquired, 1);
    assert_int_equal(f->counted.released, 1);
}

static void test_cancel_of_a_running_body_runs_its_hook_and_releases(void **state)
{
    struct fixture *f = *state;

    scope_job_run(&f->a);
    trio_run(f->trio);
    assert_true(async_scope_cancel(&f->a.scope));
    assert_int_equal(f->a.cancels, 1);
    assert_int_equal(f->counted.released, 1);
    assert_false(async_timer_is_armed(&f->a.work));
    assert_string_equal(trio_advance(f->trio, 20), "");
    assert_int_equal(f->a.ends, 0);
}

static void test_cancel_of_a_body_without_a_hook_releases(void **state)
{
    struct fixture *f = *state;

    f->a.scope.on_cancel = NULL;
    scope_job_run(&f->a);
    trio_run(f->trio);
    async_timer_disarm(&f->a.work);
    assert_true(async_scope_cancel(&f->a.scope));
    assert_int_equal(f->counted.released, 1);
    assert_int_equal(f->a.ends, 0);
}

static void test_body_may_cancel_its_own_scope(void **state)
{
    struct fixture *f = *state;

    f->a.cancels_itself = true;
    scope_job_run(&f->a);
    assert_string_equal(trio_advance(f->trio, 20), "");
    assert_int_equal(f->a.bodies, 1);
    assert_int_equal(f->a.cancels, 1);
    assert_int_equal(f->counted.released, 1);
}

static void test_cancel_after_the_end_finds_nothing(void **state)
{
    struct fixture *f = *state;

    assert_false(async_scope_cancel(&f->a.scope));
    f->a.ends_at_once = true;
    scope_job_run(&f->a);
    assert_string_equal(trio_run(f->trio), "A");
    assert_false(async_scope_cancel(&f->a.scope));
    assert_int_equal(f->counted.released, 1);
    assert_int_equal(f->a.cancels, 0);
}

static void test_scope_may_run_again(void **state)
{
    struct fixture *f = *state;

    for (unsigned round = 1; round <= 3; round++) {
        scope_job_run(&f->a);
        assert_string_equal(trio_advance(f->trio, 10), "A");
        assert_int_equal(f->counted.released, round);
    }
}

/* The scope of a job that frees itself when told the end: nothing touches it afterwards. */
static void on_end_free(struct async_scope *scope, int status)
{
    struct scope_job *job = scope_job_of(scope);

    trio_note(job->trio, job->name, status);
    free(job);
}

static void test_scope_may_die_in_on_done(void **state)
{
    struct fixture *f = *state;
    struct async_lock lock;
    struct scope_job *job;

    async_lock_init(&lock);
    for (int ends_at_once = 0; ends_at_once < 2; ends_at_once++) {
        job = malloc(sizeof(*job));
        assert_non_null(job);
        scope_job_init(job, f->trio, 'J');
        job->ends_at_once = ends_at_once != 0;
        async_scope_init_lock(&job->scope, f->trio->loop, &lock);
        async_scope_run(&job->scope, scope_job_body, on_end_free);
        assert_string_equal(trio_advance(f->trio, 10), "J");
    }
    async_lock_fini(&lock);
}

int main(void)
{
#define WITH_SCOPES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_SCOPES(test_body_that_ends_at_once_is_released_and_told),
        WITH_SCOPES(test_body_that_ends_later_holds_until_then),
        WITH_SCOPES(test_failed_body_is_released_and_its_status_told),
        WITH_SCOPES(test_acquire_that_times_out_is_told_without_the_body),
        WITH_SCOPES(test_cancel_while_waiting_calls_nobody),
        WITH_SCOPES(test_cancel_with_the_grant_on_its_way_passes_it_on),
        WITH_SCOPES(test_cancel_of_a_running_body_runs_its_hook_and_releases),
        WITH_SCOPES(test_cancel_of_a_body_without_a_hook_releases),
        WITH_SCOPES(test_body_may_cancel_its_own_scope),
        WITH_SCOPES(test_cancel_after_the_end_finds_nothing),
        WITH_SCOPES(test_scope_may_run_again),
        WITH_SCOPES(test_scope_may_die_in_on_done),
    };
    return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
