/* SPDX-License-Identifier: MIT */
/*
 * test_rwlock.c - the promises of async/rwlock.h.
 */
#include <errno.h>

#include <async/rwlock.h>

#include "cmocka_all.h"
#include "trio.h"

struct fixture {
    struct trio *trio;
    struct trio_waiter d, e;
    struct async_rwlock rwlock;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture.trio = trio_new();
    trio_waiter_init(&fixture.d, fixture.trio, 'D');
    trio_waiter_init(&fixture.e, fixture.trio, 'E');
    async_rwlock_init(&fixture.rwlock);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    async_rwlock_fini(&fixture->rwlock);
    trio_free(fixture->trio);
    return 0;
}

static void release(struct fixture *f, struct trio_waiter *holder)
{
    assert_int_equal(async_rwlock_release(&f->rwlock, &holder->waiter), 0);
}

static void test_many_may_read_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    async_rwlock_acquire_read(&f->rwlock, &t->a.waiter);
    assert_int_equal(t->a.told, 0);
    async_rwlock_acquire_read(&f->rwlock, &t->b.waiter);
    assert_true(async_rwlock_try_acquire_read(&f->rwlock, &t->c.waiter));
    assert_string_equal(trio_run(t), "A B");
    assert_int_equal(async_rwlock_readers(&f->rwlock), 3);
    assert_null(async_rwlock_writer(&f->rwlock));
    assert_false(async_rwlock_try_acquire_write(&f->rwlock, &f->d.waiter));
    release(f, &t->b);
    assert_false(async_rwlock_is_holder(&f->rwlock, &t->b.waiter));
    assert_true(async_rwlock_is_holder(&f->rwlock, &t->a.waiter));
    release(f, &t->a);
    release(f, &t->c);
    assert_int_equal(async_rwlock_readers(&f->rwlock), 0);
}

static void test_writer_is_alone(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_rwlock_try_acquire_write(&f->rwlock, &t->a.waiter));
    assert_ptr_equal(async_rwlock_writer(&f->rwlock), &t->a.waiter);
    assert_false(async_rwlock_try_acquire_read(&f->rwlock, &t->b.waiter));
    assert_false(async_rwlock_try_acquire_write(&f->rwlock, &t->b.waiter));
    async_rwlock_acquire_write(&f->rwlock, &t->b.waiter);
    async_rwlock_acquire_read(&f->rwlock, &t->c.waiter);
    assert_string_equal(trio_run(t), "");
    release(f, &t->a);
    assert_string_equal(trio_run(t), "B");
    assert_int_equal(async_rwlock_readers(&f->rwlock), 0);
    release(f, &t->b);
    assert_string_equal(trio_run(t), "C");
    release(f, &t->c);
}

/* A reads, B waits to write, C comes to read: C queues behind B, or B might never get its turn. */
static void test_readers_do_not_pass_a_waiting_writer(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_rwlock_try_acquire_read(&f->rwlock, &t->a.waiter));
    async_rwlock_acquire_write(&f->rwlock, &t->b.waiter);
    assert_false(async_rwlock_try_acquire_read(&f->rwlock, &t->c.waiter));
    async_rwlock_acquire_read(&f->rwlock, &t->c.waiter);
    assert_string_equal(trio_run(t), "");
    assert_int_equal(async_rwlock_waiting(&f->rwlock), 2);
    release(f, &t->a);
    assert_string_equal(trio_run(t), "B");
    release(f, &t->b);
    assert_string_equal(trio_run(t), "C");
    release(f, &t->c);
}

/* A writes; B and C read, D writes, E reads, in this order: B and C together, then D, then E. */
static void test_neighbouring_readers_are_admitted_together_and_in_order(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_rwlock_try_acquire_write(&f->rwlock, &t->a.waiter));
    async_rwlock_acquire_read(&f->rwlock, &t->b.waiter);
    async_rwlock_acquire_read(&f->rwlock, &t->c.waiter);
    async_rwlock_acquire_write(&f->rwlock, &f->d.waiter);
    async_rwlock_acquire_read(&f->rwlock, &f->e.waiter);
    release(f, &t->a);
    assert_string_equal(trio_run(t), "B C");
    release(f, &t->b);
    assert_string_equal(trio_run(t), "");
    release(f, &t->c);
    assert_string_equal(trio_run(t), "D");
    release(f, &f->d);
    assert_string_equal(trio_run(t), "E");
    release(f, &f->e);
}

static void test_release_of_a_free_lock_says_so(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(async_rwlock_release(&f->rwlock, &f->trio->a.waiter), -EINVAL);
    assert_int_equal(async_rwlock_downgrade(&f->rwlock, &f->trio->a.waiter), -EINVAL);
}

/* A reads; B never did, C waits to write, D had read and released: none of them may release. */
static void test_release_by_another_is_refused_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_rwlock_try_acquire_read(&f->rwlock, &t->a.waiter));
    assert_true(async_rwlock_try_acquire_read(&f->rwlock, &f->d.waiter));
    release(f, &f->d);
    async_rwlock_acquire_write(&f->rwlock, &t->c.waiter);
    assert_int_equal(async_rwlock_release(&f->rwlock, &t->b.waiter), -EPERM);
    assert_int_equal(async_rwlock_release(&f->rwlock, &t->c.waiter), -EPERM);
    assert_int_equal(async_rwlock_release(&f->rwlock, &f->d.waiter), -EPERM);
    assert_int_equal(async_rwlock_readers(&f->rwlock), 1);
    release(f, &t->a);
    assert_string_equal(trio_run(t), "C");
    assert_int_equal(async_rwlock_release(&f->rwlock, &t->a.waiter), -EPERM);
    release(f, &t->c);
    assert_int_equal(async_rwlock_release(&f->rwlock, &t->c.waiter), -EINVAL);
}

/* A reads one lock and writes another: neither takes it for a reader of its own. */
static void test_holding_one_lock_is_not_holding_another(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;
    struct async_rwlock other;

    async_rwlock_init(&other);
    assert_true(async_rwlock_try_acquire_read(&f->rwlock, &t->a.waiter));
    assert_true(async_rwlock_try_acquire_read(&other, &t->b.waiter));
    assert_int_equal(async_rwlock_release(&other, &t->a.waiter), -EPERM);
    assert_int_equal(async_rwlock_release(&f->rwlock, &t->b.waiter), -EPERM);
    release(f, &t->a);
    assert_int_equal(async_rwlock_release(&other, &t->b.waiter), 0);
    async_rwlock_fini(&other);
}

static void test_acquiring_twice_is_a_deadlock_and_keeps_what_is_held(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_rwlock_try_acquire_read(&f->rwlock, &t->a.waiter));
    assert_false(async_rwlock_try_acquire_read(&f->rwlock, &t->a.waiter));
    async_rwlock_acquire_read(&f->rwlock, &t->a.waiter);
    trio_run(t);
    assert_int_equal(t->a.status, -EDEADLK);
    async_rwlock_acquire_write(&f->rwlock, &t->a.waiter);
    trio_run(t);
    assert_int_equal(t->a.status, -EDEADLK);
    assert_int_equal(async_rwlock_readers(&f->rwlock), 1);
    async_rwlock_acquire_read(&f->rwlock, &t->a.waiter);
    assert_true(async_waiter_cancel(&t->a.waiter)); /* the refusal, not what it holds */
    assert_true(async_rwlock_is_holder(&f->rwlock, &t->a.waiter));
    release(f, &t->a);

    assert_true(async_rwlock_try_acquire_write(&f->rwlock, &t->b.waiter));
    async_rwlock_acquire_read(&f->rwlock, &t->b.waiter);
    trio_run(t);
    assert_int_equal(t->b.status, -EDEADLK);
    assert_ptr_equal(async_rwlock_writer(&f->rwlock), &t->b.waiter);
    release(f, &t->b);
}

/* A writes; B and C wait to read, D to write, E to read. A downgrades: B and C read beside A, D
 * goes on waiting, and E behind it. */
static void test_downgrade_admits_the_readers_at_the_head_of_the_queue(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_rwlock_try_acquire_write(&f->rwlock, &t->a.waiter));
    async_rwlock_acquire_read(&f->rwlock, &t->b.waiter);
    async_rwlock_acquire_read(&f->rwlock, &t->c.waiter);
    async_rwlock_acquire_write(&f->rwlock, &f->d.waiter);
    async_rwlock_acquire_read(&f->rwlock, &f->e.waiter);
    assert_int_equal(async_rwlock_downgrade(&f->rwlock, &t->b.waiter), -EPERM);
    assert_int_equal(async_rwlock_downgrade(&f->rwlock, &t->a.waiter), 0);
    assert_string_equal(trio_run(t), "B C");
    assert_int_equal(async_rwlock_readers(&f->rwlock), 3);
    assert_null(async_rwlock_writer(&f->rwlock));
    assert_int_equal(async_rwlock_downgrade(&f->rwlock, &t->a.waiter), -EPERM);
    release(f, &t->a);
    release(f, &t->b);
    release(f, &t->c);
    assert_string_equal(trio_run(t), "D");
    release(f, &f->d);
    assert_string_equal(trio_run(t), "E");
    release(f, &f->e);
}

/* A writes, B waits to write. A downgrades: nobody may write before A has finished reading. */
static void test_no_writer_comes_between_downgrade_and_release(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_rwlock_try_acquire_write(&f->rwlock, &t->a.waiter));
    async_rwlock_acquire_write(&f->rwlock, &t->b.waiter);
    assert_int_equal(async_rwlock_downgrade(&f->rwlock, &t->a.waiter), 0);
    assert_string_equal(trio_run(t), "");
    release(f, &t->a);
    assert_string_equal(trio_run(t), "B");
    release(f, &t->b);
}

/* A reads, B waits to write, C and D to read behind it. B is cancelled: C and D may read at once.
 */
static void test_cancel_of_a_parked_writer_lets_the_readers_behind_it_in(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_rwlock_try_acquire_read(&f->rwlock, &t->a.waiter));
    async_rwlock_acquire_write(&f->rwlock, &t->b.waiter);
    async_rwlock_acquire_read(&f->rwlock, &t->c.waiter);
    async_rwlock_acquire_read(&f->rwlock, &f->d.waiter);
    assert_true(async_waiter_cancel(&t->b.waiter));
    assert_string_equal(trio_run(t), "C D");
    assert_int_equal(async_rwlock_readers(&f->rwlock), 3);
    release(f, &t->a);
    release(f, &t->c);
    release(f, &f->d);
}

/* The same by B's deadline; E waits to write behind the readers and stays. */
static void test_deadline_of_a_parked_writer_lets_the_readers_behind_it_in(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_rwlock_try_acquire_read(&f->rwlock, &t->a.waiter));
    t->b.waiter.deadline_ns = 10 * ASYNC_MS;
    async_rwlock_acquire_write(&f->rwlock, &t->b.waiter);
    async_rwlock_acquire_read(&f->rwlock, &t->c.waiter);
    async_rwlock_acquire_write(&f->rwlock, &f->e.waiter);
    assert_string_equal(trio_advance(t, 10), "B(-110) C");
    assert_int_equal(async_rwlock_waiting(&f->rwlock), 1);
    release(f, &t->a);
    release(f, &t->c);
    assert_string_equal(trio_run(t), "E");
    release(f, &f->e);
}

/* A releases and B is to write, but is cancelled before delivery: C, behind it, must read. */
static void test_grant_of_a_cancelled_writer_passes_on(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_rwlock_try_acquire_write(&f->rwlock, &t->a.waiter));
    async_rwlock_acquire_write(&f->rwlock, &t->b.waiter);
    async_rwlock_acquire_read(&f->rwlock, &t->c.waiter);
    release(f, &t->a);
    assert_true(async_waiter_cancel(&t->b.waiter));
    assert_string_equal(trio_run(t), "C");
    assert_int_equal(t->b.told, 0);
    assert_null(async_rwlock_writer(&f->rwlock));
    release(f, &t->c);
}

/* B and C are admitted together and C is cancelled before delivery: when B leaves, D may write. */
static void test_grant_of_a_cancelled_reader_is_not_left_behind(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_rwlock_try_acquire_write(&f->rwlock, &t->a.waiter));
    async_rwlock_acquire_read(&f->rwlock, &t->b.waiter);
    async_rwlock_acquire_read(&f->rwlock, &t->c.waiter);
    async_rwlock_acquire_write(&f->rwlock, &f->d.waiter);
    release(f, &t->a);
    assert_true(async_waiter_cancel(&t->c.waiter));
    assert_int_equal(async_rwlock_readers(&f->rwlock), 1);
    assert_string_equal(trio_run(t), "B");
    release(f, &t->b);
    assert_string_equal(trio_run(t), "D");
    release(f, &f->d);
}

/* B's wait is cancelled in the turn of A's release, before it: the lock is free, with no ghost. */
static void test_cancel_and_release_in_one_turn_leave_the_lock_free(void **state)
{
    struct fixture *f = *state;
    struct trio *t = f->trio;

    assert_true(async_rwlock_try_acquire_write(&f->rwlock, &t->a.waiter));
    async_rwlock_acquire_read(&f->rwlock, &t->b.waiter);
    assert_true(async_waiter_cancel(&t->b.waiter));
    release(f, &t->a);
    assert_string_equal(trio_run(t), "");
    assert_int_equal(async_rwlock_readers(&f->rwlock), 0);
    assert_true(async_rwlock_try_acquire_write(&f->rwlock, &t->b.waiter));
    release(f, &t->b);
}

int main(void)
{
#define WITH_RWLOCK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_RWLOCK(test_many_may_read_at_a_time),
        WITH_RWLOCK(test_writer_is_alone),
        WITH_RWLOCK(test_readers_do_not_pass_a_waiting_writer),
        WITH_RWLOCK(test_neighbouring_readers_are_admitted_together_and_in_order),
        WITH_RWLOCK(test_release_of_a_free_lock_says_so),
        WITH_RWLOCK(test_release_by_another_is_refused_and_changes_nothing),
        WITH_RWLOCK(test_holding_one_lock_is_not_holding_another),
        WITH_RWLOCK(test_acquiring_twice_is_a_deadlock_and_keeps_what_is_held),
        WITH_RWLOCK(test_downgrade_admits_the_readers_at_the_head_of_the_queue),
        WITH_RWLOCK(test_no_writer_comes_between_downgrade_and_release),
        WITH_RWLOCK(test_cancel_of_a_parked_writer_lets_the_readers_behind_it_in),
        WITH_RWLOCK(test_deadline_of_a_parked_writer_lets_the_readers_behind_it_in),
        WITH_RWLOCK(test_grant_of_a_cancelled_writer_passes_on),
        WITH_RWLOCK(test_grant_of_a_cancelled_reader_is_not_left_behind),
        WITH_RWLOCK(test_cancel_and_release_in_one_turn_leave_the_lock_free),
    };
    return cmocka_run_group_tests_name("rwlock", tests, NULL, NULL);
}
