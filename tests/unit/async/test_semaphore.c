/* SPDX-License-Identifier: MIT */
/*
 * test_semaphore.c - the promises of async/semaphore.h, and the bugs asyncio's semaphore had.
 */
#include <errno.h>
#include <limits.h>

#include <async/semaphore.h>

#include "cmocka_all.h"
#include "trio.h"

struct fixture {
    struct trio *trio;
    struct async_semaphore semaphore; /* one unit on hand, plain form */
};

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture.trio = trio_new();
    async_semaphore_init(&fixture.semaphore, 1);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    async_semaphore_fini(&fixture->semaphore);
    trio_free(fixture->trio);
    return 0;
}

static void test_units_are_taken_without_waiting_while_on_hand(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(async_semaphore_release(&f->semaphore), 0);
    assert_int_equal(async_semaphore_value(&f->semaphore), 2);
    assert_true(async_semaphore_try_acquire(&f->semaphore));
    assert_false(async_semaphore_is_locked(&f->semaphore));
    assert_true(async_semaphore_try_acquire(&f->semaphore));
    assert_true(async_semaphore_is_locked(&f->semaphore));
    assert_false(async_semaphore_try_acquire(&f->semaphore));
    assert_int_equal(async_semaphore_value(&f->semaphore), 0);
}

static void test_semaphore_may_begin_with_nothing_on_hand(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;
    struct async_semaphore empty;

    async_semaphore_init(&empty, 0);
    assert_true(async_semaphore_is_locked(&empty));
    async_semaphore_acquire(&empty, &t->a.waiter);
    assert_string_equal(trio_run(t), "");
    assert_int_equal(async_semaphore_release(&empty), 0);
    assert_string_equal(trio_run(t), "A");
    async_semaphore_fini(&empty);
}

static void test_grant_is_never_delivered_inside_acquire(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_semaphore_acquire(&f->semaphore, &t->a.waiter);
    assert_int_equal(t->a.told, 0);
    assert_int_equal(async_semaphore_value(&f->semaphore), 0);
    assert_string_equal(trio_run(t), "A");
}

static void test_no_more_than_the_value_run_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_int_equal(async_semaphore_release(&f->semaphore), 0);
    async_semaphore_acquire(&f->semaphore, &t->a.waiter);
    async_semaphore_acquire(&f->semaphore, &t->b.waiter);
    async_semaphore_acquire(&f->semaphore, &t->c.waiter);
    assert_string_equal(trio_run(t), "A B");
    assert_int_equal(async_semaphore_waiting(&f->semaphore), 1);
    assert_int_equal(async_semaphore_release(&f->semaphore), 0);
    assert_string_equal(trio_run(t), "C");
    assert_int_equal(async_semaphore_waiting(&f->semaphore), 0);
}

/* As A, B and C get their unit they release it and ask again: c1 c2 c3, then again c1 c2 c3. */
static void test_grants_are_first_come_first_served(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;
    struct trio_waiter *order[] = {&t->a, &t->b, &t->c};

    for (int i = 0; i < 3; i++)
        async_semaphore_acquire(&f->semaphore, &order[i]->waiter);
    for (int i = 0; i < 6; i++) {
        const char expected[] = {order[i % 3]->name, '\0'};

        assert_string_equal(trio_run(t), expected);
        assert_int_equal(async_semaphore_release(&f->semaphore), 0);
        if (i < 3)
            async_semaphore_acquire(&f->semaphore, &order[i]->waiter);
    }
    assert_int_equal(async_semaphore_value(&f->semaphore), 1);
}

/* CPython 90155, order: B's unit is on its way. Neither try nor acquire of C comes before B. */
static void test_newcomer_cannot_barge_past_a_woken_waiter(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_semaphore_try_acquire(&f->semaphore));
    async_semaphore_acquire(&f->semaphore, &t->b.waiter);
    assert_int_equal(async_semaphore_release(&f->semaphore), 0);
    assert_true(async_semaphore_is_locked(&f->semaphore));
    assert_false(async_semaphore_try_acquire(&f->semaphore));
    async_semaphore_acquire(&f->semaphore, &t->c.waiter);
    assert_string_equal(trio_run(t), "B");
    assert_int_equal(async_semaphore_release(&f->semaphore), 0);
    assert_string_equal(trio_run(t), "C");
}

/* CPython 90155, hang: B is granted and cancelled before delivery; the unit must not be lost. */
static void test_later_acquire_does_not_hang_after_a_cancelled_grant(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_semaphore_try_acquire(&f->semaphore));
    async_semaphore_acquire(&f->semaphore, &t->b.waiter);
    assert_int_equal(async_semaphore_release(&f->semaphore), 0);
    assert_true(async_waiter_cancel(&t->b.waiter));
    assert_int_equal(async_semaphore_value(&f->semaphore), 1);
    async_semaphore_acquire(&f->semaphore, &t->c.waiter);
    assert_string_equal(trio_run(t), "C");
    assert_int_equal(t->b.told, 0);
}

/* bpo-27585: A's release grants B, B is cancelled before delivery, C waits behind: C must run. */
static void test_grant_of_a_cancelled_waiter_passes_on(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_semaphore_acquire(&f->semaphore, &t->a.waiter);
    async_semaphore_acquire(&f->semaphore, &t->b.waiter);
    async_semaphore_acquire(&f->semaphore, &t->c.waiter);
    assert_string_equal(trio_run(t), "A");
    assert_int_equal(async_semaphore_release(&f->semaphore), 0);
    assert_true(async_waiter_cancel(&t->b.waiter));
    assert_string_equal(trio_run(t), "C");
    assert_int_equal(async_semaphore_value(&f->semaphore), 0);
}

/* A and B are cancelled while parked, in the turn of the release: C gets the unit, D goes on
 * waiting. */
static void test_cancel_before_the_release_leaves_the_queue(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;
    struct trio_waiter d;

    trio_waiter_init(&d, t, 'D');
    assert_true(async_semaphore_try_acquire(&f->semaphore));
    async_semaphore_acquire(&f->semaphore, &t->a.waiter);
    async_semaphore_acquire(&f->semaphore, &t->b.waiter);
    async_semaphore_acquire(&f->semaphore, &t->c.waiter);
    async_semaphore_acquire(&f->semaphore, &d.waiter);
    assert_true(async_waiter_cancel(&t->a.waiter));
    assert_true(async_waiter_cancel(&t->b.waiter));
    assert_int_equal(async_semaphore_release(&f->semaphore), 0);
    assert_string_equal(trio_run(t), "C");
    assert_int_equal(async_semaphore_waiting(&f->semaphore), 1);
    assert_true(async_waiter_cancel(&d.waiter));
}

static void test_deadline_ends_the_wait_and_the_next_is_served(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_semaphore_try_acquire(&f->semaphore));
    t->b.waiter.deadline_ns = 10 * ASYNC_MS;
    async_semaphore_acquire(&f->semaphore, &t->b.waiter);
    async_semaphore_acquire(&f->semaphore, &t->c.waiter);
    assert_string_equal(trio_advance(t, 10), "B(-110)");
    assert_int_equal(async_semaphore_release(&f->semaphore), 0);
    assert_string_equal(trio_run(t), "C");
}

static void test_unit_on_hand_is_granted_although_the_deadline_is_past(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    trio_advance(t, 5);
    t->a.waiter.deadline_ns = 1;
    async_semaphore_acquire(&f->semaphore, &t->a.waiter);
    assert_string_equal(trio_run(t), "A");
}

static void test_bounded_form_refuses_a_release_above_the_bound(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;
    struct async_semaphore bounded;

    async_semaphore_init_bounded(&bounded, 1);
    assert_int_equal(async_semaphore_release(&bounded), -EOVERFLOW);
    assert_int_equal(async_semaphore_value(&bounded), 1);
    async_semaphore_acquire(&bounded, &t->a.waiter);
    assert_string_equal(trio_run(t), "A");
    assert_int_equal(async_semaphore_release(&bounded), 0);
    assert_int_equal(async_semaphore_release(&bounded), -EOVERFLOW);
    async_semaphore_fini(&bounded);
}

static void test_plain_form_takes_further_releases_for_new_units_up_to_its_limit(void **state)
{
    struct async_semaphore full;
    struct fixture *f = *state;

    assert_int_equal(async_semaphore_release(&f->semaphore), 0);
    assert_int_equal(async_semaphore_release(&f->semaphore), 0);
    assert_int_equal(async_semaphore_value(&f->semaphore), 3);
    async_semaphore_init(&full, UINT_MAX);
    assert_int_equal(async_semaphore_release(&full), -EOVERFLOW);
    async_semaphore_fini(&full);
}

/* B's unit is on its way when a stranger releases what it never had; then B is cancelled. */
static void test_cancelled_grant_after_a_strangers_release_keeps_the_bound(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;
    struct async_semaphore bounded;

    async_semaphore_init_bounded(&bounded, 1);
    async_semaphore_acquire(&bounded, &t->b.waiter);
    assert_int_equal(async_semaphore_release(&bounded), 0);
    assert_true(async_waiter_cancel(&t->b.waiter));
    assert_int_equal(async_semaphore_value(&bounded), 1);
    async_semaphore_fini(&bounded);
}

int main(void)
{
#define WITH_SEMAPHORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_SEMAPHORE(test_units_are_taken_without_waiting_while_on_hand),
        WITH_SEMAPHORE(test_semaphore_may_begin_with_nothing_on_hand),
        WITH_SEMAPHORE(test_grant_is_never_delivered_inside_acquire),
        WITH_SEMAPHORE(test_no_more_than_the_value_run_at_a_time),
        WITH_SEMAPHORE(test_grants_are_first_come_first_served),
        WITH_SEMAPHORE(test_newcomer_cannot_barge_past_a_woken_waiter),
        WITH_SEMAPHORE(test_later_acquire_does_not_hang_after_a_cancelled_grant),
        WITH_SEMAPHORE(test_grant_of_a_cancelled_waiter_passes_on),
        WITH_SEMAPHORE(test_cancel_before_the_release_leaves_the_queue),
        WITH_SEMAPHORE(test_deadline_ends_the_wait_and_the_next_is_served),
        WITH_SEMAPHORE(test_unit_on_hand_is_granted_although_the_deadline_is_past),
        WITH_SEMAPHORE(test_bounded_form_refuses_a_release_above_the_bound),
        WITH_SEMAPHORE(test_plain_form_takes_further_releases_for_new_units_up_to_its_limit),
        WITH_SEMAPHORE(test_cancelled_grant_after_a_strangers_release_keeps_the_bound),
    };
    return cmocka_run_group_tests_name("semaphore", tests, NULL, NULL);
}
