/* SPDX-License-Identifier: MIT */
/*
 * test_once.c - the promises of async/once.h; case 31 of the coalescing table is among them.
 */
#include <errno.h>
#include <string.h>

#include <async/once.h>

#include "cmocka_all.h"
#include "trio.h"

struct fixture {
    struct trio *trio;
    struct async_once once;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    memset(&fixture, 0x5a, sizeof(fixture)); /* whatever was there before init */
    fixture.trio = trio_new();
    async_once_init(&fixture.once);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    async_once_fini(&fixture->once);
    trio_free(fixture->trio);
    return 0;
}

/* In the records below, (1) is ASYNC_ONCE_LEADER. */
static void test_the_first_leads_and_the_others_wait_for_the_result(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_once_enter(&f->once, &t->a.waiter);
    async_once_enter(&f->once, &t->b.waiter);
    async_once_enter(&f->once, &t->c.waiter);
    assert_string_equal(trio_run(t), "A(1)");
    assert_ptr_equal(async_once_leader(&f->once), &t->a.waiter);
    assert_false(async_once_is_done(&f->once));
    assert_int_equal(async_once_finish(&f->once, &t->a.waiter, 0), 0);
    assert_true(async_once_is_done(&f->once));
    assert_null(async_once_leader(&f->once));
    assert_string_equal(trio_run(t), "B C");
}

static void test_who_asks_later_is_told_that_it_is_done(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_once_enter(&f->once, &t->a.waiter);
    assert_string_equal(trio_run(t), "A(1)");
    assert_int_equal(async_once_finish(&f->once, &t->a.waiter, 0), 0);
    async_once_enter(&f->once, &t->b.waiter);
    async_once_enter(&f->once, &t->a.waiter);
    assert_int_equal(t->b.told, 0);
    assert_string_equal(trio_run(t), "B A");
}

/* Case 31: the leading code fails. Exactly one successor is chosen, the longest waiting. */
static void test_failure_chooses_exactly_one_successor(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_once_enter(&f->once, &t->a.waiter);
    async_once_enter(&f->once, &t->b.waiter);
    async_once_enter(&f->once, &t->c.waiter);
    assert_string_equal(trio_run(t), "A(1)");
    assert_int_equal(async_once_finish(&f->once, &t->a.waiter, -ENOMEM), 0);
    assert_string_equal(trio_run(t), "B(1)");
    assert_int_equal(async_once_abandon(&f->once, &t->b.waiter), 0);
    assert_string_equal(trio_run(t), "C(1)");
    assert_int_equal(async_once_finish(&f->once, &t->c.waiter, 0), 0);
    assert_string_equal(trio_run(t), "");
}

static void test_after_a_failure_without_waiters_the_next_to_ask_leads(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_once_enter(&f->once, &t->a.waiter);
    assert_string_equal(trio_run(t), "A(1)");
    assert_int_equal(async_once_abandon(&f->once, &t->a.waiter), 0);
    assert_null(async_once_leader(&f->once));
    assert_false(async_once_is_done(&f->once));
    async_once_enter(&f->once, &t->b.waiter);
    assert_string_equal(trio_run(t), "B(1)");
    assert_int_equal(async_once_finish(&f->once, &t->b.waiter, 0), 0);
}

/* A is cancelled before it knows that it leads; so is B, its successor: C leads. */
static void test_lead_of_a_cancelled_waiter_passes_on(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_once_enter(&f->once, &t->a.waiter);
    async_once_enter(&f->once, &t->b.waiter);
    async_once_enter(&f->once, &t->c.waiter);
    assert_true(async_waiter_cancel(&t->a.waiter));
    assert_ptr_equal(async_once_leader(&f->once), &t->b.waiter);
    assert_true(async_waiter_cancel(&t->b.waiter));
    assert_string_equal(trio_run(t), "C(1)");
    assert_int_equal(async_once_finish(&f->once, &t->c.waiter, 0), 0);
}

/* B is told of the success and cancelled before it hears: nothing is to be passed on. */
static void test_cancel_after_success_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_once_enter(&f->once, &t->a.waiter);
    async_once_enter(&f->once, &t->b.waiter);
    async_once_enter(&f->once, &t->c.waiter);
    assert_string_equal(trio_run(t), "A(1)");
    assert_int_equal(async_once_finish(&f->once, &t->a.waiter, 0), 0);
    assert_true(async_waiter_cancel(&t->b.waiter));
    assert_string_equal(trio_run(t), "C");
    assert_true(async_once_is_done(&f->once));
}

static void test_finish_by_who_does_not_lead_is_refused(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_int_equal(async_once_finish(&f->once, &t->a.waiter, 0), -EINVAL);
    async_once_enter(&f->once, &t->a.waiter);
    async_once_enter(&f->once, &t->b.waiter);
    assert_string_equal(trio_run(t), "A(1)");
    assert_int_equal(async_once_finish(&f->once, &t->b.waiter, 0), -EPERM);
    assert_int_equal(async_once_abandon(&f->once, &t->b.waiter), -EPERM);
    assert_false(async_once_is_done(&f->once));
    assert_int_equal(async_once_finish(&f->once, &t->a.waiter, 0), 0);
    assert_int_equal(async_once_finish(&f->once, &t->a.waiter, 0), -EINVAL);
    assert_string_equal(trio_run(t), "B");
}

static void test_leader_that_asks_again_would_wait_for_itself(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_once_enter(&f->once, &t->a.waiter);
    assert_string_equal(trio_run(t), "A(1)");
    async_once_enter(&f->once, &t->a.waiter);
    assert_string_equal(trio_run(t), "A(-35)"); /* -EDEADLK */
    assert_ptr_equal(async_once_leader(&f->once), &t->a.waiter);
    assert_int_equal(async_once_finish(&f->once, &t->a.waiter, 0), 0);
}

static void test_deadline_ends_the_wait_but_not_the_work(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_once_enter(&f->once, &t->a.waiter);
    t->b.waiter.deadline_ns = 5 * ASYNC_MS;
    async_once_enter(&f->once, &t->b.waiter);
    async_once_enter(&f->once, &t->c.waiter);
    assert_string_equal(trio_advance(t, 5), "A(1) B(-110)");
    assert_int_equal(async_once_abandon(&f->once, &t->a.waiter), 0);
    assert_string_equal(trio_run(t), "C(1)");
    assert_int_equal(async_once_finish(&f->once, &t->c.waiter, 0), 0);
}

int main(void)
{
#define WITH_ONCE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_ONCE(test_the_first_leads_and_the_others_wait_for_the_result),
        WITH_ONCE(test_who_asks_later_is_told_that_it_is_done),
        WITH_ONCE(test_failure_chooses_exactly_one_successor),
        WITH_ONCE(test_after_a_failure_without_waiters_the_next_to_ask_leads),
        WITH_ONCE(test_lead_of_a_cancelled_waiter_passes_on),
        WITH_ONCE(test_cancel_after_success_changes_nothing),
        WITH_ONCE(test_finish_by_who_does_not_lead_is_refused),
        WITH_ONCE(test_leader_that_asks_again_would_wait_for_itself),
        WITH_ONCE(test_deadline_ends_the_wait_but_not_the_work),
    };
    return cmocka_run_group_tests_name("once", tests, NULL, NULL);
}
