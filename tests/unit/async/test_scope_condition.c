/* SPDX-License-Identifier: MIT */
/*
 * test_scope_condition.c - a scope whose body waits on a condition of the lock it holds, as in
 * asyncio's `async with condition: await condition.wait_for(...)`.
 */
#include <errno.h>

#include <async/scope.h>

#include "cmocka_all.h"
#include "trio.h"

struct fixture {
    struct trio *trio;
    struct async_lock lock;
    struct async_condition condition;
    struct async_scope consumer; /* waits for `is_ready` in its body */
    bool is_ready;               /* under the lock */
    unsigned told;               /* how often the body's wait ended */
    unsigned ended;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.trio = trio_new()};
    async_lock_init(&fixture.lock);
    async_condition_init(&fixture.condition, &fixture.lock);
    async_scope_init_lock(&fixture.consumer, fixture.trio->loop, &fixture.lock);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    assert_false(async_scope_is_running(&f->consumer));
    async_condition_fini(&f->condition);
    async_lock_fini(&f->lock); /* asserts that it is free */
    trio_free(f->trio);
    return 0;
}

static struct fixture *fixture_of(struct async_scope *scope)
{
    return async_container_of(scope, struct fixture, consumer);
}

static bool is_ready(struct async_condition_waiter *waiter)
{
    return fixture_of(async_scope_from_waiter(&waiter->waiter))->is_ready;
}

static void on_ready(struct async_waiter *waiter, int status)
{
    struct async_scope *scope = async_scope_from_waiter(waiter);
    struct fixture *f = fixture_of(scope);

    f->told++;
    assert_ptr_equal(async_lock_holder(&f->lock), waiter);
    async_scope_exit(scope, status);
}

static void body(struct async_scope *scope)
{
    struct fixture *f = fixture_of(scope);
    struct async_condition_waiter *waiter = async_scope_condition_waiter(scope);

    waiter->waiter.on_done = on_ready;
    waiter->waiter.deadline_ns = async_loop_now_ns(f->trio->loop) + 100 * ASYNC_MS;
    assert_int_equal(async_condition_wait_for(&f->condition, waiter, is_ready), 0);
}

static void on_end(struct async_scope *scope, int status)
{
    struct fixture *f = fixture_of(scope);

    f->ended++;
    assert_false(async_lock_is_locked(&f->lock));
    trio_note(f->trio, 'S', status);
}

/* Runs the consumer until it waits on the condition. */
static void consume(struct fixture *f)
{
    async_scope_run(&f->consumer, body, on_end);
    assert_string_equal(trio_run(f->trio), "");
    assert_int_equal(async_condition_waiting(&f->condition), 1);
    assert_false(async_lock_is_locked(&f->lock));
}

static void produce(struct fixture *f)
{
    struct async_waiter *producer = &f->trio->a.waiter;

    assert_true(async_lock_try_acquire(&f->lock, producer));
    f->is_ready = true;
    assert_int_equal(async_condition_notify(&f->condition, producer, 1), 0);
    assert_int_equal(async_lock_release(&f->lock, producer), 0);
}

static void test_body_may_wait_on_a_condition_and_run_again(void **state)
{
    struct fixture *f = *state;

    for (unsigned round = 1; round <= 2; round++) {
        f->is_ready = false;
        consume(f);
        produce(f);
        assert_string_equal(trio_run(f->trio), "S");
        assert_int_equal(f->told, round);
        assert_int_equal(f->ended, round);
    }
}

static void test_deadline_of_the_condition_comes_to_the_body_with_the_lock_held(void **state)
{
    struct fixture *f = *state;

    consume(f);
    assert_string_equal(trio_advance(f->trio, 100), "S(-110)");
    assert_int_equal(f->told, 1);
}

/* Cancelled while the body waits to be notified: the lock is not held, so it is not released. */
static void test_cancel_while_the_body_waits_to_be_notified(void **state)
{
    struct fixture *f = *state;

    consume(f);
    assert_true(async_lock_try_acquire(&f->lock, &f->trio->b.waiter));
    assert_true(async_scope_cancel(&f->consumer));
    assert_ptr_equal(async_lock_holder(&f->lock), &f->trio->b.waiter);
    assert_int_equal(async_lock_release(&f->lock, &f->trio->b.waiter), 0);
    assert_string_equal(trio_advance(f->trio, 200), "");
    assert_int_equal(f->told, 0);
}

/* Cancelled when the lock has come back but was not told: it is given up, once. */
static void test_cancel_when_the_lock_is_on_its_way_back(void **state)
{
    struct fixture *f = *state;

    consume(f);
    produce(f);
    assert_ptr_equal(async_lock_holder(&f->lock), async_scope_waiter(&f->consumer));
    assert_true(async_scope_cancel(&f->consumer));
    assert_false(async_lock_is_locked(&f->lock));
    assert_string_equal(trio_run(f->trio), "");
    assert_int_equal(f->told + f->ended, 0);
}

int main(void)
{
#define WITH_SCOPE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_SCOPE(test_body_may_wait_on_a_condition_and_run_again),
        WITH_SCOPE(test_deadline_of_the_condition_comes_to_the_body_with_the_lock_held),
        WITH_SCOPE(test_cancel_while_the_body_waits_to_be_notified),
        WITH_SCOPE(test_cancel_when_the_lock_is_on_its_way_back),
    };
    return cmocka_run_group_tests_name("scope_condition", tests, NULL, NULL);
}
