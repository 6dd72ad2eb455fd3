/* SPDX-License-Identifier: MIT */
/*
 * test_condition.c - the promises of async/condition.h: plain waits, notifies, deadlines, cancels.
 * Waits for a predicate are in test_condition_wait_for.c.
 */
#include <errno.h>

#include <async/condition.h>

#include "cmocka_all.h"
#include "trio.h"

struct fixture {
    struct trio *trio;
    struct trio_waiter holder; /* H, for whoever notifies */
    struct async_lock lock;
    struct async_condition condition;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture.trio = trio_new();
    trio_waiter_init(&fixture.holder, fixture.trio, 'H');
    async_lock_init(&fixture.lock);
    async_condition_init(&fixture.condition, &fixture.lock);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    async_condition_fini(&fixture->condition);
    async_lock_fini(&fixture->lock);
    trio_free(fixture->trio);
    return 0;
}

/* Takes the lock and waits, as each waiter of the tests begins. */
static void begin_wait(struct fixture *f, struct trio_waiter *waiter)
{
    assert_true(async_lock_try_acquire(&f->lock, &waiter->waiter));
    assert_int_equal(async_condition_wait(&f->condition, &waiter->waiter), 0);
}

static void take(struct fixture *f)
{
    assert_true(async_lock_try_acquire(&f->lock, &f->holder.waiter));
}

static void notify(struct fixture *f, unsigned count)
{
    assert_int_equal(async_condition_notify(&f->condition, &f->holder.waiter, count), 0);
}

static void release(struct fixture *f, struct trio_waiter *holder)
{
    assert_int_equal(async_lock_release(&f->lock, &holder->waiter), 0);
}

static void test_wait_releases_the_lock_and_ends_with_it_held(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    begin_wait(f, &t->a);
    assert_false(async_lock_is_locked(&f->lock));
    assert_int_equal(async_condition_waiting(&f->condition), 1);
    take(f);
    notify(f, 1);
    assert_int_equal(async_condition_waiting(&f->condition), 0);
    assert_string_equal(trio_run(t), ""); /* notified, but H has the lock */
    release(f, &f->holder);
    assert_string_equal(trio_run(t), "A");
    assert_ptr_equal(async_lock_holder(&f->lock), &t->a.waiter);
    release(f, &t->a);
}

/* A holds with B queued for the lock: A's wait hands the lock to B in the same step. */
static void test_wait_hands_the_lock_to_the_next_in_its_queue(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_lock_try_acquire(&f->lock, &t->a.waiter));
    async_lock_acquire(&f->lock, &t->b.waiter);
    assert_int_equal(async_condition_wait(&f->condition, &t->a.waiter), 0);
    assert_ptr_equal(async_lock_holder(&f->lock), &t->b.waiter);
    assert_string_equal(trio_run(t), "B");
    assert_int_equal(async_condition_notify_all(&f->condition, &t->b.waiter), 0);
    release(f, &t->b);
    assert_string_equal(trio_run(t), "A");
    release(f, &t->a);
}

static void test_wait_without_the_lock_is_refused(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_int_equal(async_condition_wait(&f->condition, &t->a.waiter), -EINVAL);
    take(f);
    assert_int_equal(async_condition_wait(&f->condition, &t->a.waiter), -EPERM);
    assert_false(async_waiter_is_pending(&t->a.waiter));
    assert_ptr_equal(async_lock_holder(&f->lock), &f->holder.waiter);
    release(f, &f->holder);
}

static void test_notify_without_the_lock_is_refused(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    begin_wait(f, &t->a);
    assert_int_equal(async_condition_notify(&f->condition, &f->holder.waiter, 1), -EINVAL);
    assert_int_equal(async_condition_notify_all(&f->condition, &f->holder.waiter), -EINVAL);
    take(f);
    assert_int_equal(async_condition_notify(&f->condition, &t->b.waiter, 1), -EPERM);
    assert_int_equal(async_condition_notify_all(&f->condition, &t->b.waiter), -EPERM);
    assert_int_equal(async_condition_waiting(&f->condition), 1);
    release(f, &f->holder);
    assert_string_equal(trio_run(t), "");
    assert_true(async_waiter_cancel(&t->a.waiter));
}

/* A, B, C wait. One notify wakes A alone; a notify of two wakes B and C, one after the other. */
static void test_notify_wakes_so_many_in_the_order_they_came(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    begin_wait(f, &t->a);
    begin_wait(f, &t->b);
    begin_wait(f, &t->c);
    take(f);
    notify(f, 0);
    notify(f, 1);
    release(f, &f->holder);
    assert_string_equal(trio_run(t), "A");
    assert_int_equal(async_condition_notify(&f->condition, &t->a.waiter, 2048), 0);
    assert_string_equal(trio_run(t), "");
    release(f, &t->a);
    assert_string_equal(trio_run(t), "B");
    release(f, &t->b);
    assert_string_equal(trio_run(t), "C");
    release(f, &t->c);
}

/* D queued for the lock before H notified A and B: D goes first, then A, then B. */
static void test_notified_waiters_queue_behind_those_who_want_the_lock(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    begin_wait(f, &t->a);
    begin_wait(f, &t->b);
    take(f);
    async_lock_acquire(&f->lock, &t->c.waiter);
    assert_int_equal(async_condition_notify_all(&f->condition, &f->holder.waiter), 0);
    release(f, &f->holder);
    assert_string_equal(trio_run(t), "C");
    release(f, &t->c);
    assert_string_equal(trio_run(t), "A");
    release(f, &t->a);
    assert_string_equal(trio_run(t), "B");
    release(f, &t->b);
}

static void test_cancel_while_waiting_leaves_the_lock_alone(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    begin_wait(f, &t->a);
    assert_true(async_waiter_cancel(&t->a.waiter));
    assert_false(async_lock_is_locked(&f->lock));
    assert_int_equal(async_condition_waiting(&f->condition), 0);
    /* The same while contested: H has the lock. */
    begin_wait(f, &t->a);
    take(f);
    assert_true(async_waiter_cancel(&t->a.waiter));
    assert_ptr_equal(async_lock_holder(&f->lock), &f->holder.waiter);
    notify(f, 1); /* nobody there to take it */
    release(f, &f->holder);
    assert_string_equal(trio_run(t), "");
    assert_int_equal(t->a.told, 0);
}

/* CPython 112202: A takes the notify, and is cancelled while it queues for the lock: B must wake.
 */
static void test_notify_of_a_waiter_cancelled_before_it_got_the_lock_goes_on(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    begin_wait(f, &t->a);
    begin_wait(f, &t->b);
    begin_wait(f, &t->c);
    take(f);
    notify(f, 1);
    assert_true(async_waiter_cancel(&t->a.waiter));
    release(f, &f->holder);
    assert_string_equal(trio_run(t), "B");
    assert_int_equal(async_condition_waiting(&f->condition), 1);
    release(f, &t->b);
    assert_true(async_waiter_cancel(&t->c.waiter));
}

/* CPython 112202 too: A has the lock as well, its delivery on the way, when it is cancelled. */
static void test_notify_of_a_waiter_cancelled_before_delivery_goes_on(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    begin_wait(f, &t->a);
    begin_wait(f, &t->b);
    take(f);
    notify(f, 1);
    release(f, &f->holder);
    assert_ptr_equal(async_lock_holder(&f->lock), &t->a.waiter);
    assert_true(async_waiter_cancel(&t->a.waiter));
    assert_string_equal(trio_run(t), "B");
    assert_ptr_equal(async_lock_holder(&f->lock), &t->b.waiter);
    release(f, &t->b);
    assert_int_equal(t->a.told, 0);
}

/* The only waiter is cancelled with the lock on its way: the lock is free, held by no ghost. */
static void test_cancel_of_the_last_before_delivery_frees_the_lock(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    begin_wait(f, &t->a);
    take(f);
    notify(f, 1);
    release(f, &f->holder);
    assert_true(async_waiter_cancel(&t->a.waiter));
    assert_false(async_lock_is_locked(&f->lock));
    assert_string_equal(trio_run(t), "");
}

static void test_deadline_is_told_with_the_lock_held_again(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    t->a.waiter.deadline_ns = 10 * ASYNC_MS;
    begin_wait(f, &t->a);
    assert_string_equal(trio_advance(t, 9), "");
    assert_string_equal(trio_advance(t, 1), "A(-110)");
    assert_ptr_equal(async_lock_holder(&f->lock), &t->a.waiter);
    release(f, &t->a);
}

/* H has the lock when A's deadline passes: A is told when H releases, and not before. A notify in
 * between does not go to A, who does not wait for it any more, but to B. */
static void test_deadline_while_contested_waits_for_the_lock(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    t->a.waiter.deadline_ns = 10 * ASYNC_MS;
    begin_wait(f, &t->a);
    begin_wait(f, &t->b);
    take(f);
    assert_string_equal(trio_advance(t, 20), "");
    notify(f, 1);
    release(f, &f->holder);
    assert_string_equal(trio_run(t), "A(-110)");
    release(f, &t->a);
    assert_string_equal(trio_run(t), "B");
    release(f, &t->b);
}

/* A is notified at 5 ms and gets the lock at 20 ms, its deadline was at 10 ms: the notify counts.
 */
static void test_notify_before_the_deadline_counts_when_the_lock_comes_later(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    t->a.waiter.deadline_ns = 10 * ASYNC_MS;
    begin_wait(f, &t->a);
    take(f);
    trio_advance(t, 5);
    notify(f, 1);
    assert_string_equal(trio_advance(t, 15), "");
    release(f, &f->holder);
    assert_string_equal(trio_run(t), "A");
    release(f, &t->a);
}

/* A's deadline has passed; it is cancelled queueing for the lock, then once more holding it. */
static void test_cancel_after_the_deadline_leaves_the_lock_to_others(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    t->a.waiter.deadline_ns = 10 * ASYNC_MS;
    begin_wait(f, &t->a);
    take(f);
    trio_advance(t, 10);
    assert_true(async_waiter_cancel(&t->a.waiter));
    release(f, &f->holder);
    assert_false(async_lock_is_locked(&f->lock));

    t->a.waiter.deadline_ns = 20 * ASYNC_MS;
    begin_wait(f, &t->a);
    take(f);
    trio_advance(t, 10);
    release(f, &f->holder); /* A holds, its delivery is posted */
    async_lock_acquire(&f->lock, &t->b.waiter);
    assert_true(async_waiter_cancel(&t->a.waiter));
    assert_string_equal(trio_run(t), "B");
    release(f, &t->b);
}

/* Two conditions of one lock: notifying the one leaves those who wait for the other alone. */
static void test_two_conditions_may_share_a_lock(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;
    struct async_condition other;

    async_condition_init(&other, &f->lock);
    begin_wait(f, &t->a);
    assert_true(async_lock_try_acquire(&f->lock, &t->b.waiter));
    assert_int_equal(async_condition_wait(&other, &t->b.waiter), 0);
    take(f);
    assert_int_equal(async_condition_notify_all(&other, &f->holder.waiter), 0);
    release(f, &f->holder);
    assert_string_equal(trio_run(t), "B");
    assert_int_equal(async_condition_notify_all(&f->condition, &t->b.waiter), 0);
    release(f, &t->b);
    assert_string_equal(trio_run(t), "A");
    release(f, &t->a);
    async_condition_fini(&other);
}

int main(void)
{
#define WITH_CONDITION(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_CONDITION(test_wait_releases_the_lock_and_ends_with_it_held),
        WITH_CONDITION(test_wait_hands_the_lock_to_the_next_in_its_queue),
        WITH_CONDITION(test_wait_without_the_lock_is_refused),
        WITH_CONDITION(test_notify_without_the_lock_is_refused),
        WITH_CONDITION(test_notify_wakes_so_many_in_the_order_they_came),
        WITH_CONDITION(test_notified_waiters_queue_behind_those_who_want_the_lock),
        WITH_CONDITION(test_cancel_while_waiting_leaves_the_lock_alone),
        WITH_CONDITION(test_notify_of_a_waiter_cancelled_before_it_got_the_lock_goes_on),
        WITH_CONDITION(test_notify_of_a_waiter_cancelled_before_delivery_goes_on),
        WITH_CONDITION(test_cancel_of_the_last_before_delivery_frees_the_lock),
        WITH_CONDITION(test_deadline_is_told_with_the_lock_held_again),
        WITH_CONDITION(test_deadline_while_contested_waits_for_the_lock),
        WITH_CONDITION(test_notify_before_the_deadline_counts_when_the_lock_comes_later),
        WITH_CONDITION(test_cancel_after_the_deadline_leaves_the_lock_to_others),
        WITH_CONDITION(test_two_conditions_may_share_a_lock),
    };
    return cmocka_run_group_tests_name("condition", tests, NULL, NULL);
}
