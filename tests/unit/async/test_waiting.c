/* SPDX-License-Identifier: MIT */
/*
 * test_waiting.c - what holds for a wait whatever it is for: nobody polls, no callback runs under a
 * primitive's mutex, and a grant that came before the deadline counts.
 *
 * Each primitive is a row of a table: how a guest comes to wait while a host is in the way, how the
 * host lets him in, and what is to be given back at the end.
 */
#include <errno.h>

#include <async/barrier.h>
#include <async/condition.h>
#include <async/event.h>
#include <async/keyed_lock.h>
#include <async/manual_loop.h>
#include <async/once.h>
#include <async/queue.h>
#include <async/rate_limiter.h>
#include <async/rwlock.h>
#include <async/semaphore.h>

#include "cmocka_all.h"

struct party {
    struct async_condition_waiter plain;
    struct async_keyed_waiter keyed;
    struct async_queue_waiter queue;
    struct async_rate_waiter rate;
};

struct house {
    struct async_loop *loop;
    struct async_lock lock;
    struct async_rwlock rwlock;
    struct async_semaphore semaphore;
    struct async_event event;
    struct async_condition condition;
    struct async_barrier barrier;
    struct async_once once;
    struct async_keyed_lock *keyed;
    struct async_queue queue;
    struct async_queue_item item;
    struct async_rate_limiter rate;
    struct party host, guest;
    bool is_true;        /* what the condition's predicate says */
    unsigned told;       /* how often the guest was */
    int status;          /* what he was told last */
    int64_t deadline_ns; /* of his next wait */
};

static struct house house;

static struct async_waiter *guest_with_deadline(struct async_waiter *waiter)
{
    waiter->deadline_ns = house.deadline_ns;
    return waiter;
}

static struct async_waiter *plain_host(void)
{
    return &house.host.plain.waiter;
}

static struct async_waiter *plain_guest(void)
{
    return guest_with_deadline(&house.guest.plain.waiter);
}

/* Fails when the mutex of what was waited for is held: by this thread, as there is no other. */
static void assert_mutex_is_free(struct async_waiter *waiter)
{
    assert_int_equal(pthread_mutex_trylock(waiter->mutex), 0);
    assert_int_equal(pthread_mutex_unlock(waiter->mutex), 0);
}

static void on_host(struct async_waiter *waiter, int status)
{
    assert_mutex_is_free(waiter);
    assert_true(status >= 0);
}

static void on_guest(struct async_waiter *waiter, int status)
{
    assert_mutex_is_free(waiter);
    house.told++;
    house.status = status;
}

static void wait_for_lock(void)
{
    assert_true(async_lock_try_acquire(&house.lock, plain_host()));
    async_lock_acquire(&house.lock, plain_guest());
}

static void let_into_lock(void)
{
    assert_int_equal(async_lock_release(&house.lock, plain_host()), 0);
}

static void leave_lock(void)
{
    assert_int_equal(async_lock_release(&house.lock, plain_guest()), 0);
}

static void wait_for_rwlock(void)
{
    assert_true(async_rwlock_try_acquire_write(&house.rwlock, plain_host()));
    async_rwlock_acquire_read(&house.rwlock, plain_guest());
}

static void let_into_rwlock(void)
{
    assert_int_equal(async_rwlock_release(&house.rwlock, plain_host()), 0);
}

static void leave_rwlock(void)
{
    assert_int_equal(async_rwlock_release(&house.rwlock, plain_guest()), 0);
}

static void wait_for_semaphore(void)
{
    async_semaphore_acquire(&house.semaphore, plain_guest());
}

static void let_into_semaphore(void)
{
    assert_int_equal(async_semaphore_release(&house.semaphore), 0);
}

static void wait_for_event(void)
{
    async_event_clear(&house.event);
    async_event_wait(&house.event, plain_guest());
}

static void let_into_event(void)
{
    async_event_set(&house.event);
}

/* The guest gives up the lock, the host takes it. */
static void wait_for_notify(void)
{
    assert_true(async_lock_try_acquire(&house.lock, plain_guest()));
    assert_int_equal(async_condition_wait(&house.condition, plain_guest()), 0);
    assert_true(async_lock_try_acquire(&house.lock, plain_host()));
}

static bool is_true(struct async_condition_waiter *waiter)
{
    if (waiter->waiter.mutex != NULL) /* NULL: asked at once, before its first wait */
        assert_mutex_is_free(&waiter->waiter);
    return house.is_true;
}

static void wait_for_state(void)
{
    house.is_true = false;
    assert_true(async_lock_try_acquire(&house.lock, plain_guest()));
    assert_int_equal(async_condition_wait_for(&house.condition, &house.guest.plain, is_true), 0);
    assert_true(async_lock_try_acquire(&house.lock, plain_host()));
}

static void notify_guest(void)
{
    house.is_true = true;
    assert_int_equal(async_condition_notify(&house.condition, plain_host(), 1), 0);
    assert_int_equal(async_lock_release(&house.lock, plain_host()), 0);
}

static void wait_for_barrier(void)
{
    async_barrier_wait(&house.barrier, plain_guest());
}

static void let_into_barrier(void)
{
    async_barrier_wait(&house.barrier, plain_host());
}

static void wait_for_once(void)
{
    async_once_enter(&house.once, plain_host());
    async_manual_loop_settle(house.loop);
    async_once_enter(&house.once, plain_guest());
}

static void let_into_once(void)
{
    assert_int_equal(async_once_abandon(&house.once, plain_host()), 0);
}

static void leave_once(void)
{
    assert_int_equal(async_once_abandon(&house.once, plain_guest()), 0);
}

static void wait_for_key(void)
{
    assert_true(async_keyed_lock_try_acquire(house.keyed, &house.host.keyed));
    guest_with_deadline(&house.guest.keyed.waiter);
    async_keyed_lock_acquire(house.keyed, &house.guest.keyed);
}

static void let_into_key(void)
{
    assert_int_equal(async_keyed_lock_release(house.keyed, &house.host.keyed), 0);
}

static void leave_key(void)
{
    assert_int_equal(async_keyed_lock_release(house.keyed, &house.guest.keyed), 0);
}

static void wait_for_item(void)
{
    guest_with_deadline(&house.guest.queue.waiter);
    async_queue_get(&house.queue, &house.guest.queue);
}

static void let_into_queue(void)
{
    assert_int_equal(async_queue_put_nowait(&house.queue, &house.item), 0);
}

static void leave_queue(void)
{
    assert_int_equal(async_queue_task_done(&house.queue), 0);
}

static const struct row {
    const char *name;
    void (*wait)(void);
    void (*let_in)(void);
    void (*leave)(void); /* NULL: there is nothing to give back */
} rows[] = {
    {"lock", wait_for_lock, let_into_lock, leave_lock},
    {"rwlock", wait_for_rwlock, let_into_rwlock, leave_rwlock},
    {"semaphore", wait_for_semaphore, let_into_semaphore, NULL},
    {"event", wait_for_event, let_into_event, NULL},
    {"condition", wait_for_notify, notify_guest, leave_lock},
    {"condition, with a predicate", wait_for_state, notify_guest, leave_lock},
    {"barrier", wait_for_barrier, let_into_barrier, NULL},
    {"once", wait_for_once, let_into_once, leave_once},
    {"keyed lock", wait_for_key, let_into_key, leave_key},
    {"queue", wait_for_item, let_into_queue, leave_queue},
};

static void begin(const struct row *row, int64_t deadline_ns)
{
    print_message("  %s\n", row->name);
    house.told = 0;
    house.deadline_ns = deadline_ns;
    row->wait();
    async_manual_loop_settle(house.loop);
    assert_int_equal(house.told, 0);
}

static void end(const struct row *row)
{
    async_manual_loop_settle(house.loop);
    assert_int_equal(house.told, 1);
    assert_true(house.status >= 0);
    if (row->leave != NULL)
        row->leave();
}

/* Another library's waiters asked again and again, and so kept the holder from its release. */
static void test_one_who_waits_costs_no_turn_of_the_loop(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(&rows[i], ASYNC_NEVER);
        assert_false(async_manual_loop_step(house.loop));
        assert_true(async_manual_loop_next_ns(house.loop) == ASYNC_NEVER);
        rows[i].let_in();
        end(&rows[i]);
    }
}

/* on_guest, on_host and the predicate look at the mutex: after a grant, and after a deadline. */
static void test_no_callback_runs_under_the_mutex(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(&rows[i], async_loop_now_ns(house.loop) + ASYNC_MS);
        rows[i].let_in();
        end(&rows[i]);
    }
    begin(&rows[0], async_loop_now_ns(house.loop) + ASYNC_MS);
    async_manual_loop_advance(house.loop, ASYNC_MS);
    assert_int_equal(house.told, 1);
    assert_int_equal(house.status, -ETIMEDOUT);
    let_into_lock();
}

/* The grant is posted; then the deadline passes, and the loop looks at its timers first. */
static void test_grant_before_the_deadline_counts_although_the_timer_fires_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t deadline_ns = async_loop_now_ns(house.loop) + ASYNC_MS;

        begin(&rows[i], deadline_ns);
        rows[i].let_in();
        async_manual_loop_set_clock(house.loop, deadline_ns);
        assert_true(async_manual_loop_step_timer(house.loop));
        assert_int_equal(house.told, 0);
        end(&rows[i]);
    }
}

/* Only the first in line at a rate limiter has a timer, and needs it. */
static void test_token_is_told_without_the_mutex(void **state)
{
    (void)state;
    house.told = 0;
    assert_true(async_rate_limiter_try_acquire(&house.rate, house.loop));
    async_rate_limiter_acquire(&house.rate, &house.guest.rate);
    assert_false(async_manual_loop_step(house.loop));
    async_manual_loop_advance(house.loop, ASYNC_S);
    assert_int_equal(house.told, 1);
}

static void party_init(struct party *party, async_waiter_fn *on_done)
{
    async_waiter_init(&party->plain.waiter, house.loop, on_done);
    async_keyed_waiter_init(&party->keyed, house.keyed, house.loop, on_done, "key", 3);
    async_queue_waiter_init(&party->queue, house.loop, on_done);
    async_rate_waiter_init(&party->rate, house.loop, on_done);
}

static int set_up(void **state)
{
    (void)state;
    house = (struct house){0};
    assert_int_equal(async_manual_loop_new(&house.loop), 0);
    async_lock_init(&house.lock);
    async_rwlock_init(&house.rwlock);
    async_semaphore_init(&house.semaphore, 0);
    async_event_init(&house.event);
    async_condition_init(&house.condition, &house.lock);
    async_barrier_init(&house.barrier, 2);
    async_once_init(&house.once);
    assert_int_equal(async_keyed_lock_new(&house.keyed), 0);
    async_queue_init(&house.queue, ASYNC_QUEUE_FIFO, 0, NULL);
    assert_int_equal(async_rate_limiter_init(&house.rate, 1, ASYNC_S, 1), 0);
    party_init(&house.host, on_host);
    party_init(&house.guest, on_guest);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    async_rate_limiter_fini(&house.rate);
    async_queue_fini(&house.queue);
    async_keyed_lock_free(house.keyed);
    async_once_fini(&house.once);
    async_barrier_fini(&house.barrier);
    async_condition_fini(&house.condition);
    async_event_fini(&house.event);
    async_semaphore_fini(&house.semaphore);
    async_rwlock_fini(&house.rwlock);
    async_lock_fini(&house.lock);
    async_loop_free(house.loop);
    return 0;
}

int main(void)
{
#define WITH_HOUSE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_HOUSE(test_one_who_waits_costs_no_turn_of_the_loop),
        WITH_HOUSE(test_no_callback_runs_under_the_mutex),
        WITH_HOUSE(test_grant_before_the_deadline_counts_although_the_timer_fires_first),
        WITH_HOUSE(test_token_is_told_without_the_mutex),
    };
    return cmocka_run_group_tests_name("waiting", tests, NULL, NULL);
}
