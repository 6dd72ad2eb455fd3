/* SPDX-License-Identifier: MIT */
/*
 * test_queue_end.c - how the waits at a queue end otherwise: deadlines, join and task_done, and the
 * two kinds of shutdown.
 */
#include <errno.h>

#include "cmocka_all.h"
#include "queue_rig.h"

static void test_deadlines_end_both_kinds_of_wait(void **state)
{
    struct queue_rig *f = *state;

    f->a.waiter.waiter.deadline_ns = 10 * ASYNC_MS;
    queue_rig_get(f, &f->a);
    assert_string_equal(trio_advance(f->trio, 10), "a(-110)");
    assert_int_equal(queue_rig_got(&f->a), '-');
    queue_rig_put_now(f, &f->x);
    f->b.waiter.waiter.deadline_ns = 20 * ASYNC_MS;
    queue_rig_put(f, &f->b, &f->y);
    queue_rig_put(f, &f->c, &f->z);
    assert_string_equal(trio_advance(f->trio, 10), "b(-110)");
    assert_int_equal(queue_rig_get_now(f), 'x');
    assert_string_equal(trio_run(f->trio), "c");
    assert_int_equal(queue_rig_get_now(f), 'z');
}

static void test_join_waits_until_all_is_done(void **state)
{
    struct queue_rig *f = *state;

    async_queue_join(&f->queue, &f->trio->a.waiter);
    assert_string_equal(trio_run(f->trio), "A"); /* nothing was put yet */
    queue_rig_put_now(f, &f->x);
    queue_rig_put_now(f, &f->y);
    async_queue_join(&f->queue, &f->trio->b.waiter);
    async_queue_join(&f->queue, &f->trio->c.waiter);
    assert_int_equal(queue_rig_get_now(f), 'x');
    assert_int_equal(queue_rig_get_now(f), 'y');
    assert_string_equal(trio_run(f->trio), ""); /* taken is not done */
    assert_int_equal(async_queue_task_done(&f->queue), 0);
    assert_string_equal(trio_run(f->trio), "");
    assert_int_equal(async_queue_task_done(&f->queue), 0);
    assert_string_equal(trio_run(f->trio), "B C");
}

static void test_task_done_more_often_than_put_says_so(void **state)
{
    struct queue_rig *f = *state;

    assert_int_equal(async_queue_task_done(&f->queue), -EINVAL);
    queue_rig_put_now(f, &f->x);
    assert_int_equal(queue_rig_get_now(f), 'x');
    assert_int_equal(async_queue_task_done(&f->queue), 0);
    assert_int_equal(async_queue_task_done(&f->queue), -EINVAL);
}

/* What a get gives back is not done: join must go on waiting for it. */
static void test_join_does_not_count_a_cancelled_get(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_put_now(f, &f->x);
    async_queue_join(&f->queue, &f->trio->a.waiter);
    queue_rig_get(f, &f->a);
    assert_true(queue_rig_cancel(&f->a));
    assert_string_equal(trio_run(f->trio), "");
    assert_int_equal(queue_rig_get_now(f), 'x');
    assert_int_equal(async_queue_task_done(&f->queue), 0);
    assert_string_equal(trio_run(f->trio), "A");
}

static void test_shutdown_refuses_putters_at_once_and_getters_after_the_rest(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_put_now(f, &f->x);
    queue_rig_put(f, &f->b, &f->y);
    async_queue_shutdown(&f->queue, false);
    assert_string_equal(trio_run(f->trio), "b(-108)");
    assert_int_equal(async_queue_put_nowait(&f->queue, &f->z.item), -ESHUTDOWN);
    queue_rig_put(f, &f->c, &f->z);
    queue_rig_get(f, &f->a);
    queue_rig_get(f, &f->d);
    assert_string_equal(trio_run(f->trio), "c(-108) a d(-108)");
    assert_int_equal(queue_rig_got(&f->a), 'x');
    assert_int_equal(async_queue_get_nowait(&f->queue, NULL), -ESHUTDOWN);
    assert_string_equal(f->dropped, "");
}

static void test_shutdown_wakes_the_getters_that_wait(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_get(f, &f->a);
    queue_rig_get(f, &f->b);
    async_queue_shutdown(&f->queue, false);
    assert_string_equal(trio_run(f->trio), "a(-108) b(-108)");
    assert_int_equal(queue_rig_got(&f->a), '-');
}

/* b's place is granted, not delivered, when the queue shuts: y must not enter. */
static void test_put_on_its_way_is_refused_by_shutdown(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_put(f, &f->b, &f->y);
    async_queue_shutdown(&f->queue, false);
    assert_string_equal(trio_run(f->trio), "b(-108)");
    assert_int_equal(queue_rig_get_now(f), '-');
}

static void test_immediate_shutdown_drops_the_rest_and_ends_join(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_put_now(f, &f->x);
    queue_rig_put_now(f, &f->y);
    queue_rig_put_now(f, &f->z);
    assert_int_equal(queue_rig_get_now(f), 'x');
    async_queue_join(&f->queue, &f->trio->a.waiter);
    async_queue_shutdown(&f->queue, true);
    assert_string_equal(f->dropped, "yz");
    assert_string_equal(trio_run(f->trio), ""); /* x is still being worked on */
    assert_int_equal(async_queue_task_done(&f->queue), 0);
    assert_string_equal(trio_run(f->trio), "A");
    assert_int_equal(async_queue_get_nowait(&f->queue, NULL), -ESHUTDOWN);
}

static void test_immediate_shutdown_drops_in_priority_order(void **state)
{
    struct queue_rig *f = *state;

    f->x.item.priority = 2;
    f->y.item.priority = 1;
    queue_rig_put_now(f, &f->x);
    queue_rig_put_now(f, &f->y);
    async_queue_shutdown(&f->queue, false);
    assert_string_equal(f->dropped, "");
    async_queue_shutdown(&f->queue, true); /* what was to be drained is dropped after all */
    assert_string_equal(f->dropped, "yx");
}

/* a was given x before the shutdown and b was given y: a takes it, b cancels, and y is dropped. */
static void test_item_that_comes_back_after_immediate_shutdown_is_dropped(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_get(f, &f->a);
    queue_rig_get(f, &f->b);
    queue_rig_put_now(f, &f->x);
    queue_rig_put_now(f, &f->y);
    async_queue_join(&f->queue, &f->trio->a.waiter);
    async_queue_shutdown(&f->queue, true);
    assert_true(queue_rig_cancel(&f->b));
    assert_string_equal(f->dropped, "y");
    assert_string_equal(trio_run(f->trio), "a");
    assert_int_equal(queue_rig_got(&f->a), 'x');
    assert_int_equal(async_queue_task_done(&f->queue), 0);
    assert_string_equal(trio_run(f->trio), "A");
}

/* Both were refused by the shutdown and are cancelled before they hear: nothing was granted. */
static void test_cancel_of_a_refusal_changes_nothing(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_put_now(f, &f->x);
    queue_rig_put(f, &f->b, &f->y);
    async_queue_shutdown(&f->queue, true);
    queue_rig_get(f, &f->a);
    assert_true(queue_rig_cancel(&f->a));
    assert_true(queue_rig_cancel(&f->b));
    assert_string_equal(trio_run(f->trio), "");
    assert_string_equal(f->dropped, "x");
}

static void test_items_that_need_no_freeing_are_just_forgotten(void **state)
{
    struct queue_rig *f = *state;

    async_queue_fini(&f->queue);
    async_queue_init(&f->queue, ASYNC_QUEUE_FIFO, 0, NULL);
    queue_rig_put_now(f, &f->x);
    async_queue_shutdown(&f->queue, true);
    assert_true(async_queue_is_empty(&f->queue));
}

/* a was given x when the queue shut and is cancelled before delivery: b, who came meanwhile, must
 * get x, for else nobody would be left to. */
static void test_item_that_comes_back_after_shutdown_reaches_a_getter_that_came_later(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_put_now(f, &f->x);
    queue_rig_get(f, &f->a);
    async_queue_shutdown(&f->queue, false);
    queue_rig_get(f, &f->b);
    queue_rig_get(f, &f->c);
    assert_int_equal(async_queue_get_nowait(&f->queue, NULL), -EAGAIN);
    assert_true(queue_rig_cancel(&f->a));
    assert_string_equal(trio_run(f->trio), "b c(-108)");
    assert_int_equal(queue_rig_got(&f->b), 'x');
}

/* The same with the getters waiting before the shutdown, and none cancelled: told after the last
 * item is delivered. */
static void test_getters_that_wait_are_refused_once_the_last_item_is_delivered(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_get(f, &f->a);
    queue_rig_get(f, &f->b);
    queue_rig_put_now(f, &f->x);
    async_queue_shutdown(&f->queue, false);
    assert_string_equal(trio_run(f->trio), "a b(-108)");
    assert_int_equal(queue_rig_got(&f->a), 'x');
    assert_int_equal(queue_rig_got(&f->b), '-');
}
int main(void)
{
#define WITH(set_up, test) cmocka_unit_test_setup_teardown(test, set_up, queue_rig_tear_down)
    const struct CMUnitTest tests[] = {
        WITH(queue_rig_set_up_one_place, test_deadlines_end_both_kinds_of_wait),
        WITH(queue_rig_set_up, test_join_waits_until_all_is_done),
        WITH(queue_rig_set_up, test_task_done_more_often_than_put_says_so),
        WITH(queue_rig_set_up, test_join_does_not_count_a_cancelled_get),
        WITH(queue_rig_set_up_one_place,
             test_shutdown_refuses_putters_at_once_and_getters_after_the_rest),
        WITH(queue_rig_set_up, test_shutdown_wakes_the_getters_that_wait),
        WITH(queue_rig_set_up_one_place, test_put_on_its_way_is_refused_by_shutdown),
        WITH(queue_rig_set_up, test_immediate_shutdown_drops_the_rest_and_ends_join),
        WITH(queue_rig_set_up_priority, test_immediate_shutdown_drops_in_priority_order),
        WITH(queue_rig_set_up, test_item_that_comes_back_after_immediate_shutdown_is_dropped),
        WITH(queue_rig_set_up_one_place, test_cancel_of_a_refusal_changes_nothing),
        WITH(queue_rig_set_up, test_items_that_need_no_freeing_are_just_forgotten),
        WITH(queue_rig_set_up,
             test_item_that_comes_back_after_shutdown_reaches_a_getter_that_came_later),
        WITH(queue_rig_set_up, test_getters_that_wait_are_refused_once_the_last_item_is_delivered),
    };
    return cmocka_run_group_tests_name("queue_end", tests, NULL, NULL);
}
