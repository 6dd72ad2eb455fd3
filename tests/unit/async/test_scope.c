/* SPDX-License-Identifier: MIT */
/*
 * test_scope.c - the promises of async/scope.h. A kind of resource of the test's own counts what
 * is acquired and released, so that each way out can be seen to release exactly once; then every
 * kind of the library goes the same ways.
 */
#include <errno.h>
#include <stdlib.h>

#include <async/scope.h>

#include "cmocka_all.h"
#include "trio.h"

/* A semaphore of one, with each acquire and release counted. */
struct counted {
    struct async_semaphore semaphore;
    unsigned acquired;
    unsigned released;
};

/* Work to be done in a scope: the body ends at once, or when the test says. */
struct job {
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

struct fixture {
    struct trio *trio;
    struct counted counted;
    struct job a, b;
};

static struct job *job_of(struct async_scope *scope)
{
    return async_container_of(scope, struct job, scope);
}

static struct async_waiter *counted_waiter(struct async_scope *scope)
{
    return &job_of(scope)->waiter;
}

static void counted_acquire(struct async_scope *scope)
{
    struct counted *counted = scope->resource;

    async_semaphore_acquire(&counted->semaphore, &job_of(scope)->waiter);
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
    struct job *job = async_container_of(waiter, struct job, waiter);
    struct counted *counted = job->scope.resource;

    if (status == 0)
        counted->acquired++;
    async_scope_granted(&job->scope, status);
}

static void on_work(struct async_timer *timer)
{
    struct job *job = async_container_of(timer, struct job, work);

    async_scope_exit(&job->scope, job->body_status);
}

/* Works for 10 ms, unless told to end at once or to give up. */
static void body(struct async_scope *scope)
{
    struct job *job = job_of(scope);

    job->bodies++;
    assert_true(async_scope_is_held(scope));
    if (job->ends_at_once) {
        async_scope_exit(scope, job->body_status);
    } else {
        async_timer_arm(&job->work, job->trio->loop,
                        async_loop_now_ns(job->trio->loop) + 10 * ASYNC_MS);
        if (job->cancels_itself)
            assert_true(async_scope_cancel(scope));
    }
}

static void on_cancel(struct async_scope *scope)
{
    struct job *job = job_of(scope);

    job->cancels++;
    assert_true(async_scope_is_held(scope));
    async_timer_disarm(&job->work);
}

static void on_end(struct async_scope *scope, int status)
{
    struct job *job = job_of(scope);

    job->ends++;
    assert_false(async_scope_is_running(scope));
    trio_note(job->trio, job->name, status);
}

static void job_init(struct job *job, struct trio *trio, char name)
{
    *job = (struct job){.trio = trio, .name = name};
    async_timer_init(&job->work, on_work);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;

    f->trio = trio_new();
    f->counted.acquired = 0;
    f->counted.released = 0;
    async_semaphore_init_bounded(&f->counted.semaphore, 1);
    job_init(&f->a, f->trio, 'A');
    job_init(&f->b, f->trio, 'B');
    for (int i = 0; i < 2; i++) {
        struct job *job = i == 0 ? &f->a : &f->b;

        async_scope_init(&job->scope, &counted_ops, &f->counted);
        async_waiter_init(&job->waiter, f->trio->loop, on_counted);
        job->scope.on_cancel = on_cancel;
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

static void run(struct job *job)
{
    async_scope_run(&job->scope, body, on_end);
    assert_true(async_scope_is_running(&job->scope));
    assert_false(async_scope_is_held(&job->scope));
}

static void test_body_that_ends_at_once_is_released_and_told(void **state)
{
    struct fixture *f = *state;

    f->a.ends_at_once = true;
    run(&f->a);
    assert_int_equal(f->a.bodies, 0); /* never inside run */
    assert_string_equal(trio_run(f->trio), "A");
    assert_int_equal(f->a.bodies, 1);
    assert_int_equal(f->counted.released, 1);
}

static void test_body_that_ends_later_holds_until_then(void **state)
{
    struct fixture *f = *state;

    run(&f->a);
    run(&f->b);
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
    run(&f->a);
    assert_string_equal(trio_advance(f->trio, 10), "A(-5)");
    assert_int_equal(f->counted.released, 1);
}

static void test_acquire_that_times_out_is_told_without_the_body(void **state)
{
    struct fixture *f = *state;

    f->b.waiter.deadline_ns = 5 * ASYNC_MS;
    run(&f->a);
    run(&f->b);
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

    run(&f->a);
    run(&f->b);
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

    run(&f->a);
    run(&f->b);
    assert_true(async_scope_cancel(&f->a.scope));
    assert_string_equal(trio_advance(f->trio, 10), "B");
    assert_int_equal(f->a.bodies + f->a.cancels + f->a.ends, 0);
    assert_int_equal(f->counted.acquired, 1);
    assert_int_equal(f->counted.released, 1);
}

static void test_cancel_of_a_running_body_runs_its_hook_and_releases(void **state)
{
    struct fixture *f = *state;

    run(&f->a);
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
    run(&f->a);
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
    run(&f->a);
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
    run(&f->a);
    assert_string_equal(trio_run(f->trio), "A");
    assert_false(async_scope_cancel(&f->a.scope));
    assert_int_equal(f->counted.released, 1);
    assert_int_equal(f->a.cancels, 0);
}

static void test_scope_may_run_again(void **state)
{
    struct fixture *f = *state;

    for (unsigned round = 1; round <= 3; round++) {
        run(&f->a);
        assert_string_equal(trio_advance(f->trio, 10), "A");
        assert_int_equal(f->counted.released, round);
    }
}

/* The scope of a job that frees itself when told the end: nothing touches it afterwards. */
static void on_end_free(struct async_scope *scope, int status)
{
    struct job *job = job_of(scope);

    trio_note(job->trio, job->name, status);
    free(job);
}

static void test_scope_may_die_in_on_done(void **state)
{
    struct fixture *f = *state;
    struct async_lock lock;
    struct job *job;

    async_lock_init(&lock);
    for (int ends_at_once = 0; ends_at_once < 2; ends_at_once++) {
        job = malloc(sizeof(*job));
        assert_non_null(job);
        job_init(job, f->trio, 'J');
        job->ends_at_once = ends_at_once != 0;
        async_scope_init_lock(&job->scope, f->trio->loop, &lock);
        async_scope_run(&job->scope, body, on_end_free);
        assert_string_equal(trio_advance(f->trio, 10), "J");
    }
    async_lock_fini(&lock);
}

/* The library's kinds: how to make a scope of each, and whether the resource is free. */
struct resources {
    struct async_loop *loop;
    struct async_lock lock;
    struct async_rwlock rwlock;
    struct async_semaphore semaphore;
    struct async_keyed_lock *keyed;
};

struct kind {
    void (*init)(struct async_scope *scope, struct resources *resources);
    bool (*is_free)(struct resources *resources);
};

static void init_lock(struct async_scope *scope, struct resources *resources)
{
    async_scope_init_lock(scope, resources->loop, &resources->lock);
}

static bool lock_is_free(struct resources *resources)
{
    return !async_lock_is_locked(&resources->lock);
}

static void init_read(struct async_scope *scope, struct resources *resources)
{
    async_scope_init_read(scope, resources->loop, &resources->rwlock);
}

static void init_write(struct async_scope *scope, struct resources *resources)
{
    async_scope_init_write(scope, resources->loop, &resources->rwlock);
}

static bool rwlock_is_free(struct resources *resources)
{
    return async_rwlock_writer(&resources->rwlock) == NULL &&
           async_rwlock_readers(&resources->rwlock) == 0;
}

static void init_semaphore(struct async_scope *scope, struct resources *resources)
{
    async_scope_init_semaphore(scope, resources->loop, &resources->semaphore);
}

static bool semaphore_is_free(struct resources *resources)
{
    return async_semaphore_value(&resources->semaphore) == 1;
}

static void init_keyed(struct async_scope *scope, struct resources *resources)
{
    async_scope_init_keyed(scope, resources->loop, resources->keyed, "key", 3);
}

static bool keyed_is_free(struct resources *resources)
{
    return async_keyed_lock_holder(resources->keyed, "key", 3) == NULL;
}

static const struct kind kinds[] = {
    {init_lock, lock_is_free},           {init_read, rwlock_is_free}, {init_write, rwlock_is_free},
    {init_semaphore, semaphore_is_free}, {init_keyed, keyed_is_free},
};

static void check_kind(struct fixture *f, const struct kind *kind, struct resources *resources)
{
    struct job job;

    job_init(&job, f->trio, 'J');
    kind->init(&job.scope, resources);
    job.scope.on_cancel = on_cancel;
    /* to its end */
    run(&job);
    assert_string_equal(trio_run(f->trio), "");
    assert_false(kind->is_free(resources));
    assert_string_equal(trio_advance(f->trio, 10), "J");
    assert_true(kind->is_free(resources));
    /* cancelled with the grant on its way */
    run(&job);
    assert_true(async_scope_cancel(&job.scope));
    assert_true(kind->is_free(resources));
    /* cancelled in the body */
    run(&job);
    trio_run(f->trio);
    assert_false(kind->is_free(resources));
    assert_true(async_scope_cancel(&job.scope));
    assert_true(kind->is_free(resources));
    assert_string_equal(trio_advance(f->trio, 20), "");
    assert_int_equal(job.bodies, 2);
    assert_int_equal(job.ends, 1);
}

static void test_every_kind_of_resource_is_free_after_every_way_out(void **state)
{
    struct fixture *f = *state;
    struct resources resources = {.loop = f->trio->loop};

    async_lock_init(&resources.lock);
    async_rwlock_init(&resources.rwlock);
    async_semaphore_init_bounded(&resources.semaphore, 1);
    assert_int_equal(async_keyed_lock_new(&resources.keyed), 0);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        check_kind(f, &kinds[i], &resources);
    async_keyed_lock_free(resources.keyed);
    async_semaphore_fini(&resources.semaphore);
    async_rwlock_fini(&resources.rwlock);
    async_lock_fini(&resources.lock);
}

/* Each kind has the deadline of its waiter: a second scope gives up while the first holds. */
static void test_every_kind_that_excludes_has_a_deadline(void **state)
{
    struct fixture *f = *state;
    struct resources resources = {.loop = f->trio->loop};
    const struct kind *excluding[] = {&kinds[0], &kinds[2], &kinds[3], &kinds[4]};

    async_lock_init(&resources.lock);
    async_rwlock_init(&resources.rwlock);
    async_semaphore_init_bounded(&resources.semaphore, 1);
    assert_int_equal(async_keyed_lock_new(&resources.keyed), 0);
    for (size_t i = 0; i < sizeof(excluding) / sizeof(excluding[0]); i++) {
        struct job first;
        struct job second;

        job_init(&first, f->trio, '1');
        job_init(&second, f->trio, '2');
        excluding[i]->init(&first.scope, &resources);
        excluding[i]->init(&second.scope, &resources);
        async_scope_waiter(&second.scope)->deadline_ns =
            async_loop_now_ns(f->trio->loop) + 5 * ASYNC_MS;
        run(&first);
        run(&second);
        assert_string_equal(trio_advance(f->trio, 10), "2(-110) 1");
        assert_int_equal(second.bodies, 0);
        assert_true(excluding[i]->is_free(&resources));
    }
    async_keyed_lock_free(resources.keyed);
    async_semaphore_fini(&resources.semaphore);
    async_rwlock_fini(&resources.rwlock);
    async_lock_fini(&resources.lock);
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
        WITH_SCOPES(test_every_kind_of_resource_is_free_after_every_way_out),
        WITH_SCOPES(test_every_kind_that_excludes_has_a_deadline),
    };
    return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
