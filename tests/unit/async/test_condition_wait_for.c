/* SPDX-License-Identifier: MIT */
/*
 * test_condition_wait_for.c - the promises of async_condition_wait_for(): consumers take from a
 * stock that a producer fills, under the lock.
 */
#include <errno.h>

#include <async/condition.h>

#include "cmocka_all.h"
#include "trio.h"

struct consumer {
    struct async_condition_waiter wait;
    struct fixture *fixture;
    char name;
};

struct fixture {
    struct trio *trio;
    struct trio_waiter producer;
    struct consumer a, b;
    struct async_lock lock;
    struct async_condition condition;
    unsigned stock; /* under the lock */
    unsigned asked; /* how often a predicate ran */
    bool keeps;     /* consumers leave with the lock held */
};

static bool has_stock(struct async_condition_waiter *waiter)
{
    struct consumer *self = async_container_of(waiter, struct consumer, wait);

    assert_ptr_equal(async_lock_holder(&self->fixture->lock), &waiter->waiter);
    self->fixture->asked++;
    return self->fixture->stock > 0;
}

/* Takes one from the stock if told 0, and releases the lock. */
static void on_consumer(struct async_waiter *waiter, int status)
{
    struct async_condition_waiter *wait =
        async_container_of(waiter, struct async_condition_waiter, waiter);
    struct consumer *self = async_container_of(wait, struct consumer, wait);

    assert_ptr_equal(async_lock_holder(&self->fixture->lock), waiter);
    trio_note(self->fixture->trio, self->name, status);
    if (status == 0)
        self->fixture->stock--;
    if (!self->fixture->keeps)
        assert_int_equal(async_lock_release(&self->fixture->lock, waiter), 0);
}

static void consumer_init(struct consumer *consumer, struct fixture *fixture, char name)
{
    consumer->fixture = fixture;
    consumer->name = name;
    async_waiter_init(&consumer->wait.waiter, fixture->trio->loop, on_consumer);
}

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.trio = trio_new()};
    trio_waiter_init(&fixture.producer, fixture.trio, 'P');
    consumer_init(&fixture.a, &fixture, 'A');
    consumer_init(&fixture.b, &fixture, 'B');
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

static void consume(struct fixture *f, struct consumer *consumer)
{
    assert_true(async_lock_try_acquire(&f->lock, &consumer->wait.waiter));
    assert_int_equal(async_condition_wait_for(&f->condition, &consumer->wait, has_stock), 0);
}

/* Puts `more` into the stock and notifies `count`, the lock kept until release_producer(). */
static void produce(struct fixture *f, unsigned more, unsigned count)
{
    struct async_waiter *producer = &f->producer.waiter;

    assert_true(async_lock_try_acquire(&f->lock, producer));
    f->stock += more;
    assert_int_equal(async_condition_notify(&f->condition, producer, count), 0);
}

static void release_producer(struct fixture *f)
{
    assert_int_equal(async_lock_release(&f->lock, &f->producer.waiter), 0);
}

static void test_predicate_that_holds_is_told_without_releasing_the_lock(void **state)
{
    struct fixture *f = *state;

    f->stock = 1;
    consume(f, &f->a);
    assert_ptr_equal(async_lock_holder(&f->lock), &f->a.wait.waiter);
    assert_int_equal(f->asked, 1);
    assert_string_equal(trio_run(f->trio), "A");
    assert_int_equal(f->asked, 1);
    assert_int_equal(f->stock, 0);
}

/* Notified while the stock is still empty: nobody is told, and both go on waiting, in order. */
static void test_notify_with_a_false_predicate_tells_nobody(void **state)
{
    struct fixture *f = *state;

    consume(f, &f->a);
    consume(f, &f->b);
    produce(f, 0, 2);
    release_producer(f);
    assert_string_equal(trio_run(f->trio), "");
    assert_int_equal(f->asked, 4);
    assert_false(async_lock_is_locked(&f->lock));
    assert_int_equal(async_condition_waiting(&f->condition), 2);
    produce(f, 1, 1);
    release_producer(f);
    assert_string_equal(trio_run(f->trio), "A");
    produce(f, 1, 1);
    release_producer(f);
    assert_string_equal(trio_run(f->trio), "B");
}

/* One item, both notified: A takes it, and B, who then finds nothing, is not told. */
static void test_state_used_up_by_the_first_is_not_told_to_the_second(void **state)
{
    struct fixture *f = *state;

    consume(f, &f->a);
    consume(f, &f->b);
    produce(f, 1, 2);
    release_producer(f);
    assert_string_equal(trio_run(f->trio), "A");
    assert_int_equal(async_condition_waiting(&f->condition), 1);
    produce(f, 1, 1);
    release_producer(f);
    assert_string_equal(trio_run(f->trio), "B");
}

static void test_wait_for_without_the_lock_is_refused_and_does_not_ask(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(async_condition_wait_for(&f->condition, &f->a.wait, has_stock), -EINVAL);
    produce(f, 1, 1);
    assert_int_equal(async_condition_wait_for(&f->condition, &f->a.wait, has_stock), -EPERM);
    assert_int_equal(f->asked, 0);
    release_producer(f);
}

/* CPython 112202: one item, one notify, taken by A; A is cancelled queueing for the lock, or with
 * the lock already its own: the item must reach B. */
static void test_item_of_a_cancelled_consumer_reaches_the_next(void **state)
{
    struct fixture *f = *state;

    consume(f, &f->a);
    consume(f, &f->b);
    produce(f, 1, 1);
    assert_true(async_waiter_cancel(&f->a.wait.waiter));
    release_producer(f);
    assert_string_equal(trio_run(f->trio), "B");
    assert_int_equal(f->stock, 0);

    consume(f, &f->a);
    consume(f, &f->b);
    produce(f, 1, 1);
    release_producer(f);
    assert_true(async_waiter_cancel(&f->a.wait.waiter));
    assert_string_equal(trio_run(f->trio), "B");
    assert_int_equal(f->stock, 0);
    assert_false(async_lock_is_locked(&f->lock));
}

/* The predicate held at once and A is cancelled before it was told: the lock is not held then. */
static void test_cancel_of_a_wait_that_was_satisfied_at_once_releases_the_lock(void **state)
{
    struct fixture *f = *state;

    f->stock = 1;
    consume(f, &f->a);
    assert_true(async_waiter_cancel(&f->a.wait.waiter));
    assert_false(async_lock_is_locked(&f->lock));
    assert_string_equal(trio_run(f->trio), "");
    assert_int_equal(f->stock, 1);
}

static void test_deadline_is_told_with_the_predicate_false(void **state)
{
    struct fixture *f = *state;

    f->a.wait.waiter.deadline_ns = 10 * ASYNC_MS;
    consume(f, &f->a);
    assert_string_equal(trio_advance(f->trio, 10), "A(-110)");
    assert_false(async_lock_is_locked(&f->lock));
}

/* The stock was filled without a notify: at the deadline the predicate is asked and found true. */
static void test_predicate_is_asked_a_last_time_at_the_deadline(void **state)
{
    struct fixture *f = *state;

    f->a.wait.waiter.deadline_ns = 10 * ASYNC_MS;
    consume(f, &f->a);
    produce(f, 1, 0);
    release_producer(f);
    assert_string_equal(trio_run(f->trio), "");
    assert_string_equal(trio_advance(f->trio, 10), "A");
}

/* Notified before the deadline, but the lock comes after it and the predicate is false: parked
 * anew, the deadline ends the wait at the next turn. */
static void test_deadline_over_while_queueing_ends_a_wait_whose_predicate_is_false(void **state)
{
    struct fixture *f = *state;

    f->a.wait.waiter.deadline_ns = 10 * ASYNC_MS;
    consume(f, &f->a);
    produce(f, 0, 1);
    assert_string_equal(trio_advance(f->trio, 20), "");
    release_producer(f);
    assert_string_equal(trio_run(f->trio), "A(-110)");
}

static void test_consumer_may_keep_the_lock_it_was_told_with(void **state)
{
    struct fixture *f = *state;

    f->keeps = true;
    consume(f, &f->a);
    produce(f, 1, 1);
    release_producer(f);
    assert_string_equal(trio_run(f->trio), "A");
    assert_ptr_equal(async_lock_holder(&f->lock), &f->a.wait.waiter);
    assert_int_equal(async_lock_release(&f->lock, &f->a.wait.waiter), 0);
}

int main(void)
{
#define WITH_STOCK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_STOCK(test_predicate_that_holds_is_told_without_releasing_the_lock),
        WITH_STOCK(test_notify_with_a_false_predicate_tells_nobody),
        WITH_STOCK(test_state_used_up_by_the_first_is_not_told_to_the_second),
        WITH_STOCK(test_wait_for_without_the_lock_is_refused_and_does_not_ask),
        WITH_STOCK(test_item_of_a_cancelled_consumer_reaches_the_next),
        WITH_STOCK(test_cancel_of_a_wait_that_was_satisfied_at_once_releases_the_lock),
        WITH_STOCK(test_deadline_is_told_with_the_predicate_false),
        WITH_STOCK(test_predicate_is_asked_a_last_time_at_the_deadline),
        WITH_STOCK(test_deadline_over_while_queueing_ends_a_wait_whose_predicate_is_false),
        WITH_STOCK(test_consumer_may_keep_the_lock_it_was_told_with),
    };
    return cmocka_run_group_tests_name("condition_wait_for", tests, NULL, NULL);
}
