/* SPDX-License-Identifier: MIT */
/*
 * test_event.c - the promises of async/event.h.
 */
#include <async/event.h>

#include "cmocka_all.h"
#include "trio.h"

struct fixture {
    struct trio *trio;
    struct async_event event;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture.trio = trio_new();
    async_event_init(&fixture.event);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    async_event_fini(&fixture->event);
    trio_free(fixture->trio);
    return 0;
}

static void test_set_wakes_all_who_wait_in_the_order_they_came(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_event_wait(&f->event, &t->b.waiter);
    async_event_wait(&f->event, &t->a.waiter);
    async_event_wait(&f->event, &t->c.waiter);
    assert_string_equal(trio_run(t), "");
    assert_int_equal(async_event_waiting(&f->event), 3);
    assert_false(async_event_is_set(&f->event));
    async_event_set(&f->event);
    assert_true(async_event_is_set(&f->event));
    assert_int_equal(t->b.told, 0);
    assert_string_equal(trio_run(t), "B A C");
    assert_int_equal(async_event_waiting(&f->event), 0);
}

static void test_wait_on_a_set_event_is_delivered_by_the_loop(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_event_set(&f->event);
    async_event_wait(&f->event, &t->a.waiter);
    assert_int_equal(t->a.told, 0);
    assert_string_equal(trio_run(t), "A");
}

/* Set, and cleared in the same turn: A was parked at the set and is told; B came later. */
static void test_set_and_clear_at_once_still_wakes_those_parked(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_event_wait(&f->event, &t->a.waiter);
    async_event_set(&f->event);
    async_event_clear(&f->event);
    async_event_wait(&f->event, &t->b.waiter);
    assert_string_equal(trio_run(t), "A");
    assert_false(async_event_is_set(&f->event));
    async_event_set(&f->event);
    assert_string_equal(trio_run(t), "B");
}

static void test_cleared_event_makes_waiters_wait_again(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_event_clear(&f->event); /* no-op on one that is not set */
    async_event_set(&f->event);
    async_event_set(&f->event); /* no-op on one that is set */
    async_event_clear(&f->event);
    async_event_wait(&f->event, &t->a.waiter);
    assert_string_equal(trio_run(t), "");
    async_event_set(&f->event);
    assert_string_equal(trio_run(t), "A");
}

static void test_cancel_while_parked_leaves_the_others_waiting(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_event_wait(&f->event, &t->a.waiter);
    async_event_wait(&f->event, &t->b.waiter);
    assert_true(async_waiter_cancel(&t->a.waiter));
    assert_int_equal(async_event_waiting(&f->event), 1);
    async_event_set(&f->event);
    assert_string_equal(trio_run(t), "B");
    assert_int_equal(t->a.told, 0);
}

/* A is cancelled in the turn of the set, its delivery on the way: B is told all the same. */
static void test_cancel_after_the_set_is_not_told(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_event_wait(&f->event, &t->a.waiter);
    async_event_wait(&f->event, &t->b.waiter);
    async_event_set(&f->event);
    assert_true(async_waiter_cancel(&t->a.waiter));
    assert_string_equal(trio_run(t), "B");
    assert_true(async_event_is_set(&f->event));
}

static void test_deadline_ends_the_wait(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    t->a.waiter.deadline_ns = 10 * ASYNC_MS;
    async_event_wait(&f->event, &t->a.waiter);
    async_event_wait(&f->event, &t->b.waiter);
    assert_string_equal(trio_advance(t, 10), "A(-110)");
    async_event_set(&f->event);
    assert_string_equal(trio_run(t), "B");
}

static void test_set_posted_before_the_deadline_is_delivered(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    t->a.waiter.deadline_ns = 10 * ASYNC_MS;
    async_event_wait(&f->event, &t->a.waiter);
    async_event_set(&f->event);
    assert_string_equal(trio_advance(t, 20), "A");
    assert_int_equal(t->a.told, 1);
}

int main(void)
{
#define WITH_EVENT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_EVENT(test_set_wakes_all_who_wait_in_the_order_they_came),
        WITH_EVENT(test_wait_on_a_set_event_is_delivered_by_the_loop),
        WITH_EVENT(test_set_and_clear_at_once_still_wakes_those_parked),
        WITH_EVENT(test_cleared_event_makes_waiters_wait_again),
        WITH_EVENT(test_cancel_while_parked_leaves_the_others_waiting),
        WITH_EVENT(test_cancel_after_the_set_is_not_told),
        WITH_EVENT(test_deadline_ends_the_wait),
        WITH_EVENT(test_set_posted_before_the_deadline_is_delivered),
    };
    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
