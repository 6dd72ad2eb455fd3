/* SPDX-License-Identifier: MIT */
/*
 * test_scope_kinds.c - every kind of resource the library has a scope for goes the scope's ways.
 */
#include "cmocka_all.h"
#include "scope_job.h"

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

static void check_kind(struct trio *trio, const struct kind *kind, struct resources *resources)
{
    struct scope_job job;

    scope_job_init(&job, trio, 'J');
    kind->init(&job.scope, resources);
    job.scope.on_cancel = scope_job_cancel;
    /* to its end */
    scope_job_run(&job);
    assert_string_equal(trio_run(trio), "");
    assert_false(kind->is_free(resources));
    assert_string_equal(trio_advance(trio, 10), "J");
    assert_true(kind->is_free(resources));
    /* cancelled with the grant on its way */
    scope_job_run(&job);
    assert_true(async_scope_cancel(&job.scope));
    assert_true(kind->is_free(resources));
    /* cancelled in the body */
    scope_job_run(&job);
    trio_run(trio);
    assert_false(kind->is_free(resources));
    assert_true(async_scope_cancel(&job.scope));
    assert_true(kind->is_free(resources));
    assert_string_equal(trio_advance(trio, 20), "");
    assert_int_equal(job.bodies, 2);
    assert_int_equal(job.ends, 1);
}

static void test_every_kind_of_resource_is_free_after_every_way_out(void **state)
{
    struct trio *trio = trio_new();
    struct resources resources = {.loop = trio->loop};

    (void)state;
    async_lock_init(&resources.lock);
    async_rwlock_init(&resources.rwlock);
    async_semaphore_init_bounded(&resources.semaphore, 1);
    assert_int_equal(async_keyed_lock_new(&resources.keyed), 0);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        check_kind(trio, &kinds[i], &resources);
    async_keyed_lock_free(resources.keyed);
    async_semaphore_fini(&resources.semaphore);
    async_rwlock_fini(&resources.rwlock);
    async_lock_fini(&resources.lock);
    trio_free(trio);
}

/* Each kind has the deadline of its waiter: a second scope gives up while the first holds. */
static void test_every_kind_that_excludes_has_a_deadline(void **state)
{
    struct trio *trio = trio_new();
    struct resources resources = {.loop = trio->loop};
    const struct kind *excluding[] = {&kinds[0], &kinds[2], &kinds[3], &kinds[4]};

    (void)state;
    async_lock_init(&resources.lock);
    async_rwlock_init(&resources.rwlock);
    async_semaphore_init_bounded(&resources.semaphore, 1);
    assert_int_equal(async_keyed_lock_new(&resources.keyed), 0);
    for (size_t i = 0; i < sizeof(excluding) / sizeof(excluding[0]); i++) {
        struct scope_job first;
        struct scope_job second;

        scope_job_init(&first, trio, '1');
        scope_job_init(&second, trio, '2');
        excluding[i]->init(&first.scope, &resources);
        excluding[i]->init(&second.scope, &resources);
        async_scope_waiter(&second.scope)->deadline_ns =
            async_loop_now_ns(trio->loop) + 5 * ASYNC_MS;
        scope_job_run(&first);
        scope_job_run(&second);
        assert_string_equal(trio_advance(trio, 10), "2(-110) 1");
        assert_int_equal(second.bodies, 0);
        assert_true(excluding[i]->is_free(&resources));
    }
    async_keyed_lock_free(resources.keyed);
    async_semaphore_fini(&resources.semaphore);
    async_rwlock_fini(&resources.rwlock);
    async_lock_fini(&resources.lock);
    trio_free(trio);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_resource_is_free_after_every_way_out),
        cmocka_unit_test(test_every_kind_that_excludes_has_a_deadline),
    };
    return cmocka_run_group_tests_name("scope_kinds", tests, NULL, NULL);
}
