/* SPDX-License-Identifier: MIT */
/*
 * test_barrier.c - the promises of async/barrier.h; the record shows each party's index.
 */
#include <errno.h>

#include <async/barrier.h>

#include "cmocka_all.h"
#include "trio.h"

struct fixture {
    struct trio *trio;
    struct trio_waiter d;
    struct async_barrier barrier; /* of three */
};

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture.trio = trio_new();
    trio_waiter_init(&fixture.d, fixture.trio, 'D');
    async_barrier_init(&fixture.barrier, 3);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    async_barrier_fini(&fixture->barrier);
    trio_free(fixture->trio);
    return 0;
}

static void wait_for(struct fixture *f, struct trio_waiter *party)
{
    async_barrier_wait(&f->barrier, &party->waiter);
}

static void test_last_party_releases_all_each_with_its_own_index(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_int_equal(async_barrier_parties(&f->barrier), 3);
    wait_for(f, &t->b);
    wait_for(f, &t->a);
    assert_string_equal(trio_run(t), "");
    assert_int_equal(async_barrier_waiting(&f->barrier), 2);
    wait_for(f, &t->c);
    assert_int_equal(t->c.told, 0); /* not inside the call, even for the one who trips it */
    assert_int_equal(async_barrier_waiting(&f->barrier), 0);
    assert_string_equal(trio_run(t), "B A(1) C(2)");
    assert_false(async_barrier_is_broken(&f->barrier));
}

static void test_barrier_of_one_does_not_hold_anybody_up(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;
    struct async_barrier alone;

    async_barrier_init(&alone, 1);
    async_barrier_wait(&alone, &t->a.waiter);
    assert_string_equal(trio_run(t), "A");
    async_barrier_wait(&alone, &t->a.waiter);
    assert_string_equal(trio_run(t), "A");
    async_barrier_fini(&alone);
}

static void test_barrier_serves_round_after_round(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    for (int round = 0; round < 3; round++) {
        wait_for(f, &t->a);
        wait_for(f, &t->b);
        wait_for(f, &t->c);
        assert_string_equal(trio_run(t), "A B(1) C(2)");
    }
}

/* asyncio's draining: A, B, C trip it and are not told yet when D comes: D belongs to the next
 * round, and waits for two more. */
static void test_one_who_comes_after_the_trip_waits_for_the_next_round(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    wait_for(f, &t->a);
    wait_for(f, &t->b);
    wait_for(f, &t->c);
    wait_for(f, &f->d);
    assert_int_equal(async_barrier_waiting(&f->barrier), 1);
    assert_string_equal(trio_run(t), "A B(1) C(2)");
    wait_for(f, &t->c);
    wait_for(f, &t->a);
    assert_string_equal(trio_run(t), "D C(1) A(2)");
}

/* A, B wait, A is cancelled: the barrier is not broken, and takes two more beside B. The indexes
 * are still 0, 1, 2. */
static void test_cancelled_party_leaves_and_the_others_wait_for_another(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    wait_for(f, &t->a);
    wait_for(f, &t->b);
    assert_true(async_waiter_cancel(&t->a.waiter));
    assert_int_equal(async_barrier_waiting(&f->barrier), 1);
    assert_false(async_barrier_is_broken(&f->barrier));
    wait_for(f, &t->c);
    assert_string_equal(trio_run(t), "");
    wait_for(f, &f->d);
    assert_string_equal(trio_run(t), "B C(1) D(2)");
    assert_int_equal(t->a.told, 0);
}

/* A is cancelled after the trip, its delivery on the way: it counted, B and C go on. */
static void test_party_cancelled_after_the_trip_has_counted(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    wait_for(f, &t->a);
    wait_for(f, &t->b);
    wait_for(f, &t->c);
    assert_true(async_waiter_cancel(&t->a.waiter));
    assert_string_equal(trio_run(t), "B(1) C(2)");
    assert_int_equal(async_barrier_waiting(&f->barrier), 0);
}

static void test_deadline_makes_a_party_leave(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    t->a.waiter.deadline_ns = 10 * ASYNC_MS;
    wait_for(f, &t->a);
    wait_for(f, &t->b);
    assert_string_equal(trio_advance(t, 10), "A(-110)");
    wait_for(f, &t->c);
    assert_string_equal(trio_run(t), "");
    wait_for(f, &f->d);
    assert_string_equal(trio_run(t), "B C(1) D(2)");
}

static void test_reset_sends_the_waiting_away_and_the_barrier_serves_again(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_barrier_reset(&f->barrier); /* nobody there: nothing happens */
    wait_for(f, &t->a);
    wait_for(f, &t->b);
    async_barrier_reset(&f->barrier);
    assert_int_equal(async_barrier_waiting(&f->barrier), 0);
    assert_false(async_barrier_is_broken(&f->barrier));
    wait_for(f, &t->c); /* a new round, in the turn of the reset */
    assert_string_equal(trio_run(t), "A(-32) B(-32)");
    wait_for(f, &t->a);
    wait_for(f, &t->b);
    assert_string_equal(trio_run(t), "C A(1) B(2)");
}

/* Tripped and then reset in one turn: those who met stay met; only D, who came later, is sent away.
 */
static void test_reset_after_the_trip_does_not_undo_it(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    wait_for(f, &t->a);
    wait_for(f, &t->b);
    wait_for(f, &t->c);
    wait_for(f, &f->d);
    async_barrier_reset(&f->barrier);
    assert_string_equal(trio_run(t), "A B(1) C(2) D(-32)");
}

static void test_abort_breaks_the_barrier_for_the_waiting_and_for_newcomers(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    wait_for(f, &t->a);
    wait_for(f, &t->b);
    async_barrier_abort(&f->barrier);
    assert_true(async_barrier_is_broken(&f->barrier));
    assert_int_equal(async_barrier_waiting(&f->barrier), 0);
    wait_for(f, &t->c);
    assert_int_equal(t->c.told, 0);
    assert_string_equal(trio_run(t), "A(-32) B(-32) C(-32)");
    async_barrier_abort(&f->barrier);
    assert_true(async_barrier_is_broken(&f->barrier));
}

static void test_reset_mends_a_broken_barrier(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_barrier_abort(&f->barrier);
    async_barrier_reset(&f->barrier);
    assert_false(async_barrier_is_broken(&f->barrier));
    wait_for(f, &t->a);
    wait_for(f, &t->b);
    wait_for(f, &t->c);
    assert_string_equal(trio_run(t), "A B(1) C(2)");
}

/* A's -EPIPE is on its way when A is cancelled: it is told nothing. */
static void test_cancel_after_an_abort_is_not_told(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    wait_for(f, &t->a);
    async_barrier_abort(&f->barrier);
    assert_true(async_waiter_cancel(&t->a.waiter));
    assert_string_equal(trio_run(t), "");
}

int main(void)
{
#define WITH_BARRIER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_BARRIER(test_last_party_releases_all_each_with_its_own_index),
        WITH_BARRIER(test_barrier_of_one_does_not_hold_anybody_up),
        WITH_BARRIER(test_barrier_serves_round_after_round),
        WITH_BARRIER(test_one_who_comes_after_the_trip_waits_for_the_next_round),
        WITH_BARRIER(test_cancelled_party_leaves_and_the_others_wait_for_another),
        WITH_BARRIER(test_party_cancelled_after_the_trip_has_counted),
        WITH_BARRIER(test_deadline_makes_a_party_leave),
        WITH_BARRIER(test_reset_sends_the_waiting_away_and_the_barrier_serves_again),
        WITH_BARRIER(test_reset_after_the_trip_does_not_undo_it),
        WITH_BARRIER(test_abort_breaks_the_barrier_for_the_waiting_and_for_newcomers),
        WITH_BARRIER(test_reset_mends_a_broken_barrier),
        WITH_BARRIER(test_cancel_after_an_abort_is_not_told),
    };
    return cmocka_run_group_tests_name("barrier", tests, NULL, NULL);
}
