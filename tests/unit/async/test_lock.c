/* SPDX-License-Identifier: MIT */
/*
 * test_lock.c - the promises of async/lock.h, and the bugs other lock libraries had.
 */
#include <errno.h>

#include <async/lock.h>

#include "cmocka_all.h"
#include "trio.h"

struct fixture {
    struct trio *trio;
    struct async_lock lock;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture.trio = trio_new();
    async_lock_init(&fixture.lock);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    async_lock_fini(&fixture->lock);
    trio_free(fixture->trio);
    return 0;
}

static void test_free_lock_is_taken_without_waiting(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_false(async_lock_is_locked(&f->lock));
    assert_true(async_lock_try_acquire(&f->lock, &t->a.waiter));
    assert_ptr_equal(async_lock_holder(&f->lock), &t->a.waiter);
    assert_false(async_lock_try_acquire(&f->lock, &t->b.waiter));
    assert_int_equal(async_lock_release(&f->lock, &t->a.waiter), 0);
    assert_null(async_lock_holder(&f->lock));
    assert_string_equal(trio_run(t), "");
}

/* Even a free lock is delivered by the loop, so that callers see one order of events only. */
static void test_grant_is_never_delivered_inside_acquire(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_lock_acquire(&f->lock, &t->a.waiter);
    assert_int_equal(t->a.told, 0);
    assert_true(async_waiter_is_pending(&t->a.waiter));
    assert_string_equal(trio_run(t), "A");
    assert_false(async_waiter_is_pending(&t->a.waiter));
    assert_int_equal(async_lock_release(&f->lock, &t->a.waiter), 0);
}

static void test_grants_are_first_come_first_served(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_lock_acquire(&f->lock, &t->b.waiter);
    async_lock_acquire(&f->lock, &t->c.waiter);
    async_lock_acquire(&f->lock, &t->a.waiter);
    assert_int_equal(async_lock_waiting(&f->lock), 2);
    assert_string_equal(trio_run(t), "B");
    assert_int_equal(async_lock_release(&f->lock, &t->b.waiter), 0);
    assert_string_equal(trio_run(t), "C");
    assert_int_equal(async_lock_release(&f->lock, &t->c.waiter), 0);
    assert_string_equal(trio_run(t), "A");
    assert_int_equal(async_lock_release(&f->lock, &t->a.waiter), 0);
    assert_int_equal(async_lock_waiting(&f->lock), 0);
}

static void test_release_of_a_free_lock_says_so(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(async_lock_release(&f->lock, &f->trio->a.waiter), -EINVAL);
}

static void test_release_by_another_is_refused_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_lock_try_acquire(&f->lock, &t->a.waiter));
    assert_int_equal(async_lock_release(&f->lock, &t->b.waiter), -EPERM);
    assert_ptr_equal(async_lock_holder(&f->lock), &t->a.waiter);
    /* The same while contended, which is another path. */
    async_lock_acquire(&f->lock, &t->c.waiter);
    assert_int_equal(async_lock_release(&f->lock, &t->c.waiter), -EPERM);
    assert_string_equal(trio_run(t), "");
    assert_int_equal(async_lock_release(&f->lock, &t->a.waiter), 0);
    assert_string_equal(trio_run(t), "C");
    assert_int_equal(async_lock_release(&f->lock, &t->c.waiter), 0);
}

static void test_acquiring_twice_is_a_deadlock_and_says_so(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_lock_try_acquire(&f->lock, &t->a.waiter));
    async_lock_acquire(&f->lock, &t->a.waiter);
    trio_run(t);
    assert_int_equal(t->a.status, -EDEADLK);
    assert_ptr_equal(async_lock_holder(&f->lock), &t->a.waiter);
    assert_int_equal(async_lock_release(&f->lock, &t->a.waiter), 0);
}

/* A holds and releases with B waiting. C tries before B's grant is delivered: B owns it already. */
static void test_newcomer_cannot_barge_past_a_woken_waiter(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_lock_try_acquire(&f->lock, &t->a.waiter));
    async_lock_acquire(&f->lock, &t->b.waiter);
    assert_int_equal(async_lock_release(&f->lock, &t->a.waiter), 0);
    assert_false(async_lock_try_acquire(&f->lock, &t->c.waiter));
    async_lock_acquire(&f->lock, &t->c.waiter);
    assert_string_equal(trio_run(t), "B");
    assert_int_equal(async_lock_release(&f->lock, &t->b.waiter), 0);
    assert_string_equal(trio_run(t), "C");
    assert_int_equal(async_lock_release(&f->lock, &t->c.waiter), 0);
}

/* A holds; B then C wait. B is cancelled while parked: A's release must reach C. */
static void test_cancel_while_parked_leaves_the_queue(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_lock_try_acquire(&f->lock, &t->a.waiter));
    async_lock_acquire(&f->lock, &t->b.waiter);
    async_lock_acquire(&f->lock, &t->c.waiter);
    assert_true(async_waiter_cancel(&t->b.waiter));
    assert_false(async_waiter_cancel(&t->b.waiter));
    assert_int_equal(async_lock_release(&f->lock, &t->a.waiter), 0);
    assert_string_equal(trio_run(t), "C");
    assert_int_equal(t->b.told, 0);
    assert_int_equal(async_lock_release(&f->lock, &t->c.waiter), 0);
}

/* bpo-27585: A releases, and B is cancelled after the grant but before delivery: C must get it. */
static void test_grant_of_a_cancelled_waiter_passes_on(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_lock_try_acquire(&f->lock, &t->a.waiter));
    async_lock_acquire(&f->lock, &t->b.waiter);
    async_lock_acquire(&f->lock, &t->c.waiter);
    assert_int_equal(async_lock_release(&f->lock, &t->a.waiter), 0);
    assert_true(async_waiter_cancel(&t->b.waiter));
    assert_string_equal(trio_run(t), "C");
    assert_int_equal(t->b.told, 0);
    assert_int_equal(async_lock_release(&f->lock, &t->c.waiter), 0);
}

/* CPython 76915: cancel, release and a new acquire in one turn must not make two owners. */
static void test_one_owner_after_cancel_and_release_in_one_turn(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_lock_try_acquire(&f->lock, &t->a.waiter));
    async_lock_acquire(&f->lock, &t->b.waiter);
    assert_true(async_waiter_cancel(&t->b.waiter));
    assert_int_equal(async_lock_release(&f->lock, &t->a.waiter), 0);
    async_lock_acquire(&f->lock, &t->c.waiter);
    async_lock_acquire(&f->lock, &t->b.waiter);
    assert_string_equal(trio_run(t), "C");
    assert_ptr_equal(async_lock_holder(&f->lock), &t->c.waiter);
    assert_int_equal(async_lock_release(&f->lock, &t->c.waiter), 0);
    assert_string_equal(trio_run(t), "B");
    assert_int_equal(async_lock_release(&f->lock, &t->b.waiter), 0);
}

/* The only waiter leaves with the grant posted: the lock must be free, not held by a ghost. */
static void test_grant_of_the_last_waiter_cancelled_frees_the_lock(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_lock_acquire(&f->lock, &t->a.waiter);
    assert_true(async_waiter_cancel(&t->a.waiter));
    assert_false(async_lock_is_locked(&f->lock));
    assert_string_equal(trio_run(t), "");
}

static void test_deadline_ends_the_wait_and_the_next_is_served(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_lock_try_acquire(&f->lock, &t->a.waiter));
    t->b.waiter.deadline_ns = 10 * ASYNC_MS;
    async_lock_acquire(&f->lock, &t->b.waiter);
    async_lock_acquire(&f->lock, &t->c.waiter);
    assert_string_equal(trio_advance(t, 9), "");
    assert_string_equal(trio_advance(t, 1), "B(-110)");
    assert_int_equal(async_lock_release(&f->lock, &t->a.waiter), 0);
    assert_string_equal(trio_run(t), "C");
    assert_int_equal(async_lock_release(&f->lock, &t->c.waiter), 0);
}

static void test_free_lock_is_granted_although_the_deadline_is_past(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    trio_advance(t, 5);
    t->a.waiter.deadline_ns = 1;
    async_lock_acquire(&f->lock, &t->a.waiter);
    assert_string_equal(trio_run(t), "A");
    assert_int_equal(async_lock_release(&f->lock, &t->a.waiter), 0);
}

/* The grant is posted in the very instant of the deadline: it counts, exactly once. */
static void test_grant_posted_before_the_deadline_is_delivered(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_lock_try_acquire(&f->lock, &t->a.waiter));
    t->b.waiter.deadline_ns = 10 * ASYNC_MS;
    async_lock_acquire(&f->lock, &t->b.waiter);
    assert_int_equal(async_lock_release(&f->lock, &t->a.waiter), 0);
    assert_string_equal(trio_advance(t, 20), "B");
    assert_int_equal(t->b.told, 1);
    assert_int_equal(async_lock_release(&f->lock, &t->b.waiter), 0);
}

static void test_waiter_may_be_used_again_at_once(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    for (int round = 0; round < 3; round++) {
        async_lock_acquire(&f->lock, &t->a.waiter);
        assert_string_equal(trio_run(t), "A");
        assert_int_equal(async_lock_release(&f->lock, &t->a.waiter), 0);
    }
}

int main(void)
{
#define WITH_LOCK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_LOCK(test_free_lock_is_taken_without_waiting),
        WITH_LOCK(test_grant_is_never_delivered_inside_acquire),
        WITH_LOCK(test_grants_are_first_come_first_served),
        WITH_LOCK(test_release_of_a_free_lock_says_so),
        WITH_LOCK(test_release_by_another_is_refused_and_changes_nothing),
        WITH_LOCK(test_acquiring_twice_is_a_deadlock_and_says_so),
        WITH_LOCK(test_newcomer_cannot_barge_past_a_woken_waiter),
        WITH_LOCK(test_cancel_while_parked_leaves_the_queue),
        WITH_LOCK(test_grant_of_a_cancelled_waiter_passes_on),
        WITH_LOCK(test_one_owner_after_cancel_and_release_in_one_turn),
        WITH_LOCK(test_grant_of_the_last_waiter_cancelled_frees_the_lock),
        WITH_LOCK(test_deadline_ends_the_wait_and_the_next_is_served),
        WITH_LOCK(test_free_lock_is_granted_although_the_deadline_is_past),
        WITH_LOCK(test_grant_posted_before_the_deadline_is_delivered),
        WITH_LOCK(test_waiter_may_be_used_again_at_once),
    };
    return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
