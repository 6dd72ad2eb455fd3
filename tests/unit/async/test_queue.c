/* SPDX-License-Identifier: MIT */
/*
 * test_queue.c - the promises of async/queue.h, and the races that asyncio's own tests name.
 */
#include <errno.h>
#include <string.h>

#include <async/queue.h>

#include "cmocka_all.h"
#include "trio.h"

struct parcel {
    struct async_queue_item item;
    char name;
};

struct user {
    struct async_queue_waiter waiter;
    struct trio *trio;
    char name;
    int status;
};

struct fixture {
    struct trio *trio; /* its own three waiters join */
    struct async_queue queue;
    struct user a, b, c, d;
    struct parcel x, y, z;
    char dropped[8];
};

static void on_told(struct async_waiter *waiter, int status)
{
    struct user *user = async_container_of(waiter, struct user, waiter.waiter);

    user->status = status;
    trio_note(user->trio, user->name, status);
}

static void on_drop(struct async_queue *queue, struct async_queue_item *item)
{
    struct fixture *f = async_container_of(queue, struct fixture, queue);
    size_t used = strlen(f->dropped);

    /* No mutex is held: the queue may be asked. */
    assert_true(used + 1 < sizeof(f->dropped));
    assert_true(async_queue_is_empty(queue));
    f->dropped[used] = async_container_of(item, struct parcel, item)->name;
}

static void user_init(struct fixture *f, struct user *user, char name)
{
    *user = (struct user){.trio = f->trio, .name = name};
    async_queue_waiter_init(&user->waiter, f->trio->loop, on_told);
}

static struct fixture fixture;

static struct fixture *set_up_queue(enum async_queue_kind kind, size_t capacity)
{
    struct fixture *f = &fixture;

    memset(f, 0x5a, sizeof(*f)); /* whatever was there before init */
    memset(f->dropped, 0, sizeof(f->dropped));
    f->trio = trio_new();
    async_queue_init(&f->queue, kind, capacity, on_drop);
    user_init(f, &f->a, 'a');
    user_init(f, &f->b, 'b');
    user_init(f, &f->c, 'c');
    user_init(f, &f->d, 'd');
    f->x.name = 'x';
    f->y.name = 'y';
    f->z.name = 'z';
    return f;
}

static int set_up(void **state)
{
    *state = set_up_queue(ASYNC_QUEUE_FIFO, 0);
    return 0;
}

static int set_up_one_place(void **state)
{
    *state = set_up_queue(ASYNC_QUEUE_FIFO, 1);
    return 0;
}

static int set_up_lifo(void **state)
{
    *state = set_up_queue(ASYNC_QUEUE_LIFO, 0);
    return 0;
}

static int set_up_priority(void **state)
{
    *state = set_up_queue(ASYNC_QUEUE_PRIORITY, 0);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    async_queue_fini(&f->queue); /* asserts that nothing and nobody is left */
    trio_free(f->trio);
    return 0;
}

static void put(struct fixture *f, struct user *user, struct parcel *parcel)
{
    async_queue_put(&f->queue, &user->waiter, &parcel->item);
}

static void put_now(struct fixture *f, struct parcel *parcel)
{
    assert_int_equal(async_queue_put_nowait(&f->queue, &parcel->item), 0);
}

static void get(struct fixture *f, struct user *user)
{
    async_queue_get(&f->queue, &user->waiter);
}

/* The name of what can be got now, '-' for nothing. */
static char get_now(struct fixture *f)
{
    struct async_queue_item *item = NULL;

    if (async_queue_get_nowait(&f->queue, &item) < 0)
        return '-';
    return async_container_of(item, struct parcel, item)->name;
}

static char got(const struct user *user)
{
    if (user->waiter.item == NULL)
        return '-';
    return async_container_of(user->waiter.item, struct parcel, item)->name;
}

static bool cancel(struct user *user)
{
    return async_waiter_cancel(&user->waiter.waiter);
}

static void test_items_come_out_in_the_order_they_went_in(void **state)
{
    struct fixture *f = *state;

    assert_true(async_queue_is_empty(&f->queue));
    put_now(f, &f->x);
    put_now(f, &f->y);
    put_now(f, &f->z);
    assert_int_equal(async_queue_size(&f->queue), 3);
    assert_int_equal(get_now(f), 'x');
    assert_int_equal(get_now(f), 'y');
    assert_int_equal(get_now(f), 'z');
    assert_int_equal(async_queue_get_nowait(&f->queue, NULL), -EAGAIN);
}

static void test_lifo_gives_the_newest_first(void **state)
{
    struct fixture *f = *state;

    put_now(f, &f->x);
    put_now(f, &f->y);
    assert_int_equal(get_now(f), 'y');
    put_now(f, &f->z);
    assert_int_equal(get_now(f), 'z');
    assert_int_equal(get_now(f), 'x');
}

static void test_priority_gives_the_smallest_first_and_the_oldest_of_equals(void **state)
{
    struct fixture *f = *state;

    f->x.item.priority = 7;
    f->y.item.priority = -3;
    f->z.item.priority = 7;
    put_now(f, &f->x);
    put_now(f, &f->z);
    put_now(f, &f->y);
    assert_int_equal(get_now(f), 'y');
    assert_int_equal(get_now(f), 'x');
    assert_int_equal(get_now(f), 'z');
}

/* Against the obvious model: many items with few priorities come out in stable sorted order. */
static void test_priority_order_holds_for_many_items(void **state)
{
    enum { COUNT = 500, PRIORITIES = 7, ROUNDS = 3 };
    struct fixture *f = *state;
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
    struct fixture *f = *state;

    get(f, &f->a);
    assert_string_equal(trio_run(f->trio), "");
    put_now(f, &f->x);
    assert_true(async_queue_is_empty(&f->queue)); /* it is a's already */
    assert_int_equal(get_now(f), '-');
    assert_string_equal(trio_run(f->trio), "a");
    assert_int_equal(got(&f->a), 'x');
}

static void test_getters_are_served_first_come_first_served(void **state)
{
    struct fixture *f = *state;

    get(f, &f->c);
    get(f, &f->a);
    get(f, &f->b);
    put_now(f, &f->x);
    put_now(f, &f->y);
    put_now(f, &f->z);
    assert_string_equal(trio_run(f->trio), "c a b");
    assert_int_equal(got(&f->c), 'x');
    assert_int_equal(got(&f->a), 'y');
    assert_int_equal(got(&f->b), 'z');
}

static void test_put_waits_for_a_place(void **state)
{
    struct fixture *f = *state;

    put(f, &f->a, &f->x);
    put(f, &f->b, &f->y);
    assert_string_equal(trio_run(f->trio), "a");
    assert_true(async_queue_is_full(&f->queue));
    assert_int_equal(async_queue_put_nowait(&f->queue, &f->z.item), -EAGAIN);
    assert_int_equal(get_now(f), 'x');
    assert_string_equal(trio_run(f->trio), "b");
    assert_int_equal(get_now(f), 'y');
}

static void test_putters_are_served_first_come_first_served(void **state)
{
    struct fixture *f = *state;

    put_now(f, &f->z);
    put(f, &f->c, &f->x);
    put(f, &f->a, &f->y);
    assert_int_equal(get_now(f), 'z');
    assert_string_equal(trio_run(f->trio), "c");
    assert_int_equal(get_now(f), 'x');
    assert_string_equal(trio_run(f->trio), "a");
    assert_int_equal(get_now(f), 'y');
}

/* A place was freed and promised to b: put_nowait must not take it before b is told. */
static void test_newcomer_cannot_barge_past_a_woken_putter(void **state)
{
    struct fixture *f = *state;

    put_now(f, &f->x);
    put(f, &f->b, &f->y);
    assert_int_equal(get_now(f), 'x');
    assert_int_equal(async_queue_put_nowait(&f->queue, &f->z.item), -EAGAIN);
    put(f, &f->c, &f->z);
    assert_string_equal(trio_run(f->trio), "b");
    assert_int_equal(get_now(f), 'y');
    assert_string_equal(trio_run(f->trio), "c");
    assert_int_equal(get_now(f), 'z');
}

/* The bound is strict: an item on its way to a getter keeps its place until it is delivered. */
static void test_no_more_than_the_capacity_is_ever_inside(void **state)
{
    struct fixture *f = *state;

    put_now(f, &f->x);
    get(f, &f->a);
    put(f, &f->b, &f->y);
    assert_true(async_queue_is_full(&f->queue));
    assert_true(cancel(&f->a)); /* x comes back, and its place is still there */
    assert_int_equal(async_queue_size(&f->queue), 1);
    assert_string_equal(trio_run(f->trio), "");
    get(f, &f->a);
    assert_string_equal(trio_run(f->trio), "a b");
    assert_int_equal(got(&f->a), 'x');
    assert_int_equal(get_now(f), 'y');
}

/* asyncio: get cancelled. The next item must go to who still waits. */
static void test_cancelled_getter_leaves_the_queue(void **state)
{
    struct fixture *f = *state;

    get(f, &f->a);
    get(f, &f->b);
    assert_true(cancel(&f->a));
    put_now(f, &f->x);
    assert_string_equal(trio_run(f->trio), "b");
    assert_int_equal(got(&f->b), 'x');
}

/* asyncio: get cancelled race. a was given x and is cancelled before it is told: b gets it. */
static void test_item_of_a_cancelled_get_goes_to_the_next_getter(void **state)
{
    struct fixture *f = *state;

    get(f, &f->a);
    get(f, &f->b);
    put_now(f, &f->x);
    assert_true(cancel(&f->a));
    assert_int_equal(got(&f->a), '-');
    assert_string_equal(trio_run(f->trio), "b");
    assert_int_equal(got(&f->b), 'x');
}

/* a has x and b has y when both are cancelled, in either order: x is before y, and z behind. */
static void test_item_of_a_cancelled_get_goes_back_first_in_line(void **state)
{
    struct fixture *f = *state;

    put_now(f, &f->x);
    put_now(f, &f->y);
    put_now(f, &f->z);
    get(f, &f->a);
    get(f, &f->b);
    assert_true(cancel(&f->a));
    assert_true(cancel(&f->b));
    assert_int_equal(async_queue_size(&f->queue), 3);
    assert_int_equal(get_now(f), 'x');
    assert_int_equal(get_now(f), 'y');
    assert_int_equal(get_now(f), 'z');
    assert_string_equal(trio_run(f->trio), "");
}

/* a takes y, the newest, and z is put on top before a is cancelled: y is under z again. */
static void test_item_of_a_cancelled_get_goes_back_to_its_place_in_a_lifo(void **state)
{
    struct fixture *f = *state;

    put_now(f, &f->x);
    put_now(f, &f->y);
    get(f, &f->a);
    put_now(f, &f->z);
    assert_true(cancel(&f->a));
    assert_int_equal(get_now(f), 'z');
    assert_int_equal(get_now(f), 'y');
    assert_int_equal(get_now(f), 'x');
}

static void test_item_of_a_cancelled_get_keeps_its_age_among_equal_priorities(void **state)
{
    struct fixture *f = *state;

    put_now(f, &f->x);
    put_now(f, &f->y);
    get(f, &f->a);
    assert_true(cancel(&f->a));
    assert_int_equal(get_now(f), 'x');
    assert_int_equal(get_now(f), 'y');
}

/* asyncio: put cancelled race. b was granted the place and is cancelled: c gets it, y stays out. */
static void test_place_of_a_cancelled_put_passes_on(void **state)
{
    struct fixture *f = *state;

    put_now(f, &f->x);
    put(f, &f->b, &f->y);
    put(f, &f->c, &f->z);
    assert_int_equal(get_now(f), 'x');
    assert_true(cancel(&f->b));
    assert_string_equal(trio_run(f->trio), "c");
    assert_int_equal(get_now(f), 'z');
    assert_int_equal(get_now(f), '-');
}

static void test_cancelled_put_has_put_nothing(void **state)
{
    struct fixture *f = *state;

    put(f, &f->a, &f->x);
    assert_true(cancel(&f->a));
    assert_string_equal(trio_run(f->trio), "");
    assert_true(async_queue_is_empty(&f->queue));
    assert_false(async_queue_is_full(&f->queue));
    put_now(f, &f->x);
    put(f, &f->b, &f->y);
    assert_true(cancel(&f->b));
    assert_int_equal(get_now(f), 'x');
    assert_string_equal(trio_run(f->trio), "");
    assert_true(async_queue_is_empty(&f->queue));
}

static void test_deadlines_end_both_kinds_of_wait(void **state)
{
    struct fixture *f = *state;

    f->a.waiter.waiter.deadline_ns = 10 * ASYNC_MS;
    get(f, &f->a);
    assert_string_equal(trio_advance(f->trio, 10), "a(-110)");
    assert_int_equal(got(&f->a), '-');
    put_now(f, &f->x);
    f->b.waiter.waiter.deadline_ns = 20 * ASYNC_MS;
    put(f, &f->b, &f->y);
    put(f, &f->c, &f->z);
    assert_string_equal(trio_advance(f->trio, 10), "b(-110)");
    assert_int_equal(get_now(f), 'x');
    assert_string_equal(trio_run(f->trio), "c");
    assert_int_equal(get_now(f), 'z');
}

static void test_join_waits_until_all_is_done(void **state)
{
    struct fixture *f = *state;

    async_queue_join(&f->queue, &f->trio->a.waiter);
    assert_string_equal(trio_run(f->trio), "A"); /* nothing was put yet */
    put_now(f, &f->x);
    put_now(f, &f->y);
    async_queue_join(&f->queue, &f->trio->b.waiter);
    async_queue_join(&f->queue, &f->trio->c.waiter);
    assert_int_equal(get_now(f), 'x');
    assert_int_equal(get_now(f), 'y');
    assert_string_equal(trio_run(f->trio), ""); /* taken is not done */
    assert_int_equal(async_queue_task_done(&f->queue), 0);
    assert_string_equal(trio_run(f->trio), "");
    assert_int_equal(async_queue_task_done(&f->queue), 0);
    assert_string_equal(trio_run(f->trio), "B C");
}

static void test_task_done_more_often_than_put_says_so(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(async_queue_task_done(&f->queue), -EINVAL);
    put_now(f, &f->x);
    assert_int_equal(get_now(f), 'x');
    assert_int_equal(async_queue_task_done(&f->queue), 0);
    assert_int_equal(async_queue_task_done(&f->queue), -EINVAL);
}

/* What a get gives back is not done: join must go on waiting for it. */
static void test_join_does_not_count_a_cancelled_get(void **state)
{
    struct fixture *f = *state;

    put_now(f, &f->x);
    async_queue_join(&f->queue, &f->trio->a.waiter);
    get(f, &f->a);
    assert_true(cancel(&f->a));
    assert_string_equal(trio_run(f->trio), "");
    assert_int_equal(get_now(f), 'x');
    assert_int_equal(async_queue_task_done(&f->queue), 0);
    assert_string_equal(trio_run(f->trio), "A");
}

static void test_shutdown_refuses_putters_at_once_and_getters_after_the_rest(void **state)
{
    struct fixture *f = *state;

    put_now(f, &f->x);
    put(f, &f->b, &f->y);
    async_queue_shutdown(&f->queue, false);
    assert_string_equal(trio_run(f->trio), "b(-108)");
    assert_int_equal(async_queue_put_nowait(&f->queue, &f->z.item), -ESHUTDOWN);
    put(f, &f->c, &f->z);
    get(f, &f->a);
    get(f, &f->d);
    assert_string_equal(trio_run(f->trio), "c(-108) a d(-108)");
    assert_int_equal(got(&f->a), 'x');
    assert_int_equal(async_queue_get_nowait(&f->queue, NULL), -ESHUTDOWN);
    assert_string_equal(f->dropped, "");
}

static void test_shutdown_wakes_the_getters_that_wait(void **state)
{
    struct fixture *f = *state;

    get(f, &f->a);
    get(f, &f->b);
    async_queue_shutdown(&f->queue, false);
    assert_string_equal(trio_run(f->trio), "a(-108) b(-108)");
    assert_int_equal(got(&f->a), '-');
}

/* b's place is granted, not delivered, when the queue shuts: y must not enter. */
static void test_put_on_its_way_is_refused_by_shutdown(void **state)
{
    struct fixture *f = *state;

    put(f, &f->b, &f->y);
    async_queue_shutdown(&f->queue, false);
    assert_string_equal(trio_run(f->trio), "b(-108)");
    assert_int_equal(get_now(f), '-');
}

static void test_immediate_shutdown_drops_the_rest_and_ends_join(void **state)
{
    struct fixture *f = *state;

    put_now(f, &f->x);
    put_now(f, &f->y);
    put_now(f, &f->z);
    assert_int_equal(get_now(f), 'x');
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
    struct fixture *f = *state;

    f->x.item.priority = 2;
    f->y.item.priority = 1;
    put_now(f, &f->x);
    put_now(f, &f->y);
    async_queue_shutdown(&f->queue, false);
    assert_string_equal(f->dropped, "");
    async_queue_shutdown(&f->queue, true); /* what was to be drained is dropped after all */
    assert_string_equal(f->dropped, "yx");
}

/* a was given x before the shutdown and b was given y: a takes it, b cancels, and y is dropped. */
static void test_item_that_comes_back_after_immediate_shutdown_is_dropped(void **state)
{
    struct fixture *f = *state;

    get(f, &f->a);
    get(f, &f->b);
    put_now(f, &f->x);
    put_now(f, &f->y);
    async_queue_join(&f->queue, &f->trio->a.waiter);
    async_queue_shutdown(&f->queue, true);
    assert_true(cancel(&f->b));
    assert_string_equal(f->dropped, "y");
    assert_string_equal(trio_run(f->trio), "a");
    assert_int_equal(got(&f->a), 'x');
    assert_int_equal(async_queue_task_done(&f->queue), 0);
    assert_string_equal(trio_run(f->trio), "A");
}

/* Both were refused by the shutdown and are cancelled before they hear: nothing was granted. */
static void test_cancel_of_a_refusal_changes_nothing(void **state)
{
    struct fixture *f = *state;

    put_now(f, &f->x);
    put(f, &f->b, &f->y);
    async_queue_shutdown(&f->queue, true);
    get(f, &f->a);
    assert_true(cancel(&f->a));
    assert_true(cancel(&f->b));
    assert_string_equal(trio_run(f->trio), "");
    assert_string_equal(f->dropped, "x");
}

static void test_items_that_need_no_freeing_are_just_forgotten(void **state)
{
    struct fixture *f = *state;

    async_queue_fini(&f->queue);
    async_queue_init(&f->queue, ASYNC_QUEUE_FIFO, 0, NULL);
    put_now(f, &f->x);
    async_queue_shutdown(&f->queue, true);
    assert_true(async_queue_is_empty(&f->queue));
}

/* a was given x when the queue shut and is cancelled before delivery: b, who came meanwhile, must
 * get x, for else nobody would be left to. */
static void test_item_that_comes_back_after_shutdown_reaches_a_getter_that_came_later(void **state)
{
    struct fixture *f = *state;

    put_now(f, &f->x);
    get(f, &f->a);
    async_queue_shutdown(&f->queue, false);
    get(f, &f->b);
    get(f, &f->c);
    assert_int_equal(async_queue_get_nowait(&f->queue, NULL), -EAGAIN);
    assert_true(cancel(&f->a));
    assert_string_equal(trio_run(f->trio), "b c(-108)");
    assert_int_equal(got(&f->b), 'x');
}

/* The same with the getters waiting before the shutdown, and none cancelled: told after the last
 * item is delivered. */
static void test_getters_that_wait_are_refused_once_the_last_item_is_delivered(void **state)
{
    struct fixture *f = *state;

    get(f, &f->a);
    get(f, &f->b);
    put_now(f, &f->x);
    async_queue_shutdown(&f->queue, false);
    assert_string_equal(trio_run(f->trio), "a b(-108)");
    assert_int_equal(got(&f->a), 'x');
    assert_int_equal(got(&f->b), '-');
}

int main(void)
{
#define WITH(set_up, test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(set_up, test_items_come_out_in_the_order_they_went_in),
        WITH(set_up_lifo, test_lifo_gives_the_newest_first),
        WITH(set_up_priority, test_priority_gives_the_smallest_first_and_the_oldest_of_equals),
        WITH(set_up_priority, test_priority_order_holds_for_many_items),
        WITH(set_up, test_get_waits_until_an_item_is_put),
        WITH(set_up, test_getters_are_served_first_come_first_served),
        WITH(set_up_one_place, test_put_waits_for_a_place),
        WITH(set_up_one_place, test_putters_are_served_first_come_first_served),
        WITH(set_up_one_place, test_newcomer_cannot_barge_past_a_woken_putter),
        WITH(set_up_one_place, test_no_more_than_the_capacity_is_ever_inside),
        WITH(set_up, test_cancelled_getter_leaves_the_queue),
        WITH(set_up, test_item_of_a_cancelled_get_goes_to_the_next_getter),
        WITH(set_up, test_item_of_a_cancelled_get_goes_back_first_in_line),
        WITH(set_up_lifo, test_item_of_a_cancelled_get_goes_back_to_its_place_in_a_lifo),
        WITH(set_up_priority, test_item_of_a_cancelled_get_keeps_its_age_among_equal_priorities),
        WITH(set_up_one_place, test_place_of_a_cancelled_put_passes_on),
        WITH(set_up_one_place, test_cancelled_put_has_put_nothing),
        WITH(set_up_one_place, test_deadlines_end_both_kinds_of_wait),
        WITH(set_up, test_join_waits_until_all_is_done),
        WITH(set_up, test_task_done_more_often_than_put_says_so),
        WITH(set_up, test_join_does_not_count_a_cancelled_get),
        WITH(set_up_one_place, test_shutdown_refuses_putters_at_once_and_getters_after_the_rest),
        WITH(set_up, test_shutdown_wakes_the_getters_that_wait),
        WITH(set_up_one_place, test_put_on_its_way_is_refused_by_shutdown),
        WITH(set_up, test_immediate_shutdown_drops_the_rest_and_ends_join),
        WITH(set_up_priority, test_immediate_shutdown_drops_in_priority_order),
        WITH(set_up, test_item_that_comes_back_after_immediate_shutdown_is_dropped),
        WITH(set_up_one_place, test_cancel_of_a_refusal_changes_nothing),
        WITH(set_up, test_items_that_need_no_freeing_are_just_forgotten),
        WITH(set_up, test_item_that_comes_back_after_shutdown_reaches_a_getter_that_came_later),
        WITH(set_up, test_getters_that_wait_are_refused_once_the_last_item_is_delivered),
    };
    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
