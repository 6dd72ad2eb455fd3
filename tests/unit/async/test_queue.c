/* SPDX-License-Identifier: MIT */
/*
 * test_queue.c - who gets which item and which place: the promises of async/queue.h for puts and
 * gets, and the races that asyncio's own tests name. How waits end otherwise is in
 * test_queue_end.c.
 */
#include <errno.h>
#include <string.h>

#include "cmocka_all.h"
#include "queue_rig.h"

static void test_items_come_out_in_the_order_they_went_in(void **state)
{
    struct queue_rig *f = *state;

    assert_true(async_queue_is_empty(&f->queue));
    queue_rig_put_now(f, &f->x);
    queue_rig_put_now(f, &f->y);
    queue_rig_put_now(f, &f->z);
    assert_int_equal(async_queue_size(&f->queue), 3);
    assert_int_equal(queue_rig_get_now(f), 'x');
    assert_int_equal(queue_rig_get_now(f), 'y');
    assert_int_equal(queue_rig_get_now(f), 'z');
    assert_int_equal(async_queue_get_nowait(&f->queue, NULL), -EAGAIN);
}

static void test_lifo_gives_the_newest_first(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_put_now(f, &f->x);
    queue_rig_put_now(f, &f->y);
    assert_int_equal(queue_rig_get_now(f), 'y');
    queue_rig_put_now(f, &f->z);
    assert_int_equal(queue_rig_get_now(f), 'z');
    assert_int_equal(queue_rig_get_now(f), 'x');
}

static void test_priority_gives_the_smallest_first_and_the_oldest_of_equals(void **state)
{
    struct queue_rig *f = *state;

    f->x.item.priority = 7;
    f->y.item.priority = -3;
    f->z.item.priority = 7;
    queue_rig_put_now(f, &f->x);
    queue_rig_put_now(f, &f->z);
    queue_rig_put_now(f, &f->y);
    assert_int_equal(queue_rig_get_now(f), 'y');
    assert_int_equal(queue_rig_get_now(f), 'x');
    assert_int_equal(queue_rig_get_now(f), 'z');
}

/* Against the obvious model: many items with few priorities come out in stable sorted order. */
static void test_priority_order_holds_for_many_items(void **state)
{
    enum { COUNT = 500, PRIORITIES = 7, ROUNDS = 3 };
    struct queue_rig *f = *state;
    static struct async_queue_item items[COUNT];
    unsigned random = 12345;

    memset(items, 0x5a, sizeof(items));
    for (int i = 0; i < COUNT * ROUNDS; i++) {
        struct async_queue_item *item = &items[i % COUNT];
        const struct async_queue_item *last = NULL;

        random = random * 1103515245U + 12345U;
        item->priority = (int64_t)(random >> 16) % PRIORITIES;
        assert_int_equal(async_queue_put_nowait(&f->queue, item), 0);
        if (i % COUNT < COUNT - 1)
            continue;
        for (int taken = 0; taken < COUNT; taken++) {
            assert_int_equal(async_queue_get_nowait(&f->queue, &item), 0);
            if (last != NULL)
                assert_true(last->priority < item->priority ||
                            (last->priority == item->priority && last < item));
            last = item;
        }
        assert_true(async_queue_is_empty(&f->queue));
    }
}

static void test_get_waits_until_an_item_is_put(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_get(f, &f->a);
    assert_string_equal(trio_run(f->trio), "");
    queue_rig_put_now(f, &f->x);
    assert_true(async_queue_is_empty(&f->queue)); /* it is a's already */
    assert_int_equal(queue_rig_get_now(f), '-');
    assert_string_equal(trio_run(f->trio), "a");
    assert_int_equal(queue_rig_got(&f->a), 'x');
}

static void test_getters_are_served_first_come_first_served(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_get(f, &f->c);
    queue_rig_get(f, &f->a);
    queue_rig_get(f, &f->b);
    queue_rig_put_now(f, &f->x);
    queue_rig_put_now(f, &f->y);
    queue_rig_put_now(f, &f->z);
    assert_string_equal(trio_run(f->trio), "c a b");
    assert_int_equal(queue_rig_got(&f->c), 'x');
    assert_int_equal(queue_rig_got(&f->a), 'y');
    assert_int_equal(queue_rig_got(&f->b), 'z');
}

static void test_put_waits_for_a_place(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_put(f, &f->a, &f->x);
    queue_rig_put(f, &f->b, &f->y);
    assert_string_equal(trio_run(f->trio), "a");
    assert_true(async_queue_is_full(&f->queue));
    assert_int_equal(async_queue_put_nowait(&f->queue, &f->z.item), -EAGAIN);
    assert_int_equal(queue_rig_get_now(f), 'x');
    assert_string_equal(trio_run(f->trio), "b");
    assert_int_equal(queue_rig_get_now(f), 'y');
}

static void test_putters_are_served_first_come_first_served(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_put_now(f, &f->z);
    queue_rig_put(f, &f->c, &f->x);
    queue_rig_put(f, &f->a, &f->y);
    assert_int_equal(queue_rig_get_now(f), 'z');
    assert_string_equal(trio_run(f->trio), "c");
    assert_int_equal(queue_rig_get_now(f), 'x');
    assert_string_equal(trio_run(f->trio), "a");
    assert_int_equal(queue_rig_get_now(f), 'y');
}

/* A place was freed and promised to b: put_nowait must not take it before b is told. */
static void test_newcomer_cannot_barge_past_a_woken_putter(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_put_now(f, &f->x);
    queue_rig_put(f, &f->b, &f->y);
    assert_int_equal(queue_rig_get_now(f), 'x');
    assert_int_equal(async_queue_put_nowait(&f->queue, &f->z.item), -EAGAIN);
    queue_rig_put(f, &f->c, &f->z);
    assert_string_equal(trio_run(f->trio), "b");
    assert_int_equal(queue_rig_get_now(f), 'y');
    assert_string_equal(trio_run(f->trio), "c");
    assert_int_equal(queue_rig_get_now(f), 'z');
}

/* The bound is strict: an item on its way to a getter keeps its place until it is delivered. */
static void test_no_more_than_the_capacity_is_ever_inside(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_put_now(f, &f->x);
    queue_rig_get(f, &f->a);
    queue_rig_put(f, &f->b, &f->y);
    assert_true(async_queue_is_full(&f->queue));
    assert_true(queue_rig_cancel(&f->a)); /* x comes back, and its place is still there */
    assert_int_equal(async_queue_size(&f->queue), 1);
    assert_string_equal(trio_run(f->trio), "");
    queue_rig_get(f, &f->a);
    assert_string_equal(trio_run(f->trio), "a b");
    assert_int_equal(queue_rig_got(&f->a), 'x');
    assert_int_equal(queue_rig_get_now(f), 'y');
}

/* asyncio: get cancelled. The next item must go to who still waits. */
static void test_cancelled_getter_leaves_the_queue(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_get(f, &f->a);
    queue_rig_get(f, &f->b);
    assert_true(queue_rig_cancel(&f->a));
    queue_rig_put_now(f, &f->x);
    assert_string_equal(trio_run(f->trio), "b");
    assert_int_equal(queue_rig_got(&f->b), 'x');
}

/* asyncio: get cancelled race. a was given x and is cancelled before it is told: b gets it. */
static void test_item_of_a_cancelled_get_goes_to_the_next_getter(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_get(f, &f->a);
    queue_rig_get(f, &f->b);
    queue_rig_put_now(f, &f->x);
    assert_true(queue_rig_cancel(&f->a));
    assert_int_equal(queue_rig_got(&f->a), '-');
    assert_string_equal(trio_run(f->trio), "b");
    assert_int_equal(queue_rig_got(&f->b), 'x');
}

/* a has x and b has y when both are cancelled, in either order: x is before y, and z behind. */
static void test_item_of_a_cancelled_get_goes_back_first_in_line(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_put_now(f, &f->x);
    queue_rig_put_now(f, &f->y);
    queue_rig_put_now(f, &f->z);
    queue_rig_get(f, &f->a);
    queue_rig_get(f, &f->b);
    assert_true(queue_rig_cancel(&f->a));
    assert_true(queue_rig_cancel(&f->b));
    assert_int_equal(async_queue_size(&f->queue), 3);
    assert_int_equal(queue_rig_get_now(f), 'x');
    assert_int_equal(queue_rig_get_now(f), 'y');
    assert_int_equal(queue_rig_get_now(f), 'z');
    assert_string_equal(trio_run(f->trio), "");
}

/* a takes y, the newest, and z is put on top before a is cancelled: y is under z again. */
static void test_item_of_a_cancelled_get_goes_back_to_its_place_in_a_lifo(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_put_now(f, &f->x);
    queue_rig_put_now(f, &f->y);
    queue_rig_get(f, &f->a);
    queue_rig_put_now(f, &f->z);
    assert_true(queue_rig_cancel(&f->a));
    assert_int_equal(queue_rig_get_now(f), 'z');
    assert_int_equal(queue_rig_get_now(f), 'y');
    assert_int_equal(queue_rig_get_now(f), 'x');
}

static void test_item_of_a_cancelled_get_keeps_its_age_among_equal_priorities(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_put_now(f, &f->x);
    queue_rig_put_now(f, &f->y);
    queue_rig_get(f, &f->a);
    assert_true(queue_rig_cancel(&f->a));
    assert_int_equal(queue_rig_get_now(f), 'x');
    assert_int_equal(queue_rig_get_now(f), 'y');
}

/* asyncio: put cancelled race. b was granted the place and is cancelled: c gets it, y stays out. */
static void test_place_of_a_cancelled_put_passes_on(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_put_now(f, &f->x);
    queue_rig_put(f, &f->b, &f->y);
    queue_rig_put(f, &f->c, &f->z);
    assert_int_equal(queue_rig_get_now(f), 'x');
    assert_true(queue_rig_cancel(&f->b));
    assert_string_equal(trio_run(f->trio), "c");
    assert_int_equal(queue_rig_get_now(f), 'z');
    assert_int_equal(queue_rig_get_now(f), '-');
}

static void test_cancelled_put_has_put_nothing(void **state)
{
    struct queue_rig *f = *state;

    queue_rig_put(f, &f->a, &f->x);
    assert_true(queue_rig_cancel(&f->a));
    assert_string_equal(trio_run(f->trio), "");
    assert_true(async_queue_is_empty(&f->queue));
    assert_false(async_queue_is_full(&f->queue));
    queue_rig_put_now(f, &f->x);
    queue_rig_put(f, &f->b, &f->y);
    assert_true(queue_rig_cancel(&f->b));
    assert_int_equal(queue_rig_get_now(f), 'x');
    assert_string_equal(trio_run(f->trio), "");
    assert_true(async_queue_is_empty(&f->queue));
}

int main(void)
{
#define WITH(set_up, test) cmocka_unit_test_setup_teardown(test, set_up, queue_rig_tear_down)
    const struct CMUnitTest tests[] = {
        WITH(queue_rig_set_up, test_items_come_out_in_the_order_they_went_in),
        WITH(queue_rig_set_up_lifo, test_lifo_gives_the_newest_first),
        WITH(queue_rig_set_up_priority,
             test_priority_gives_the_smallest_first_and_the_oldest_of_equals),
        WITH(queue_rig_set_up_priority, test_priority_order_holds_for_many_items),
        WITH(queue_rig_set_up, test_get_waits_until_an_item_is_put),
        WITH(queue_rig_set_up, test_getters_are_served_first_come_first_served),
        WITH(queue_rig_set_up_one_place, test_put_waits_for_a_place),
        WITH(queue_rig_set_up_one_place, test_putters_are_served_first_come_first_served),
        WITH(queue_rig_set_up_one_place, test_newcomer_cannot_barge_past_a_woken_putter),
        WITH(queue_rig_set_up_one_place, test_no_more_than_the_capacity_is_ever_inside),
        WITH(queue_rig_set_up, test_cancelled_getter_leaves_the_queue),
        WITH(queue_rig_set_up, test_item_of_a_cancelled_get_goes_to_the_next_getter),
        WITH(queue_rig_set_up, test_item_of_a_cancelled_get_goes_back_first_in_line),
        WITH(queue_rig_set_up_lifo, test_item_of_a_cancelled_get_goes_back_to_its_place_in_a_lifo),
        WITH(queue_rig_set_up_priority,
             test_item_of_a_cancelled_get_keeps_its_age_among_equal_priorities),
        WITH(queue_rig_set_up_one_place, test_place_of_a_cancelled_put_passes_on),
        WITH(queue_rig_set_up_one_place, test_cancelled_put_has_put_nothing),
    };
    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
