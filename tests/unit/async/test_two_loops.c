/* SPDX-License-Identifier: MIT */
/*
 * test_two_loops.c - the primitives between real loops in two threads.
 *
 * Each side has a loop and two workers that do their rounds through the primitive under test. What
 * the primitive guards is plain memory, so that the thread sanitizer sees when a grant does not
 * order the accesses; and now and then a worker cancels its sibling's wait and has it begin anew,
 * so that cancels meet grants from the other thread. A lost grant shows as a test that hangs.
 */
#include <pthread.h>

#include <async/barrier.h>
#include <async/condition.h>
#include <async/event.h>
#include <async/rwlock.h>
#include <async/semaphore.h>

#include "cmocka_all.h"

enum { SIDES = 2, WORKERS = 2, ROUNDS = 2000, CANCEL_EVERY = 3 };

struct rig;
struct worker;

typedef void worker_begin_fn(struct worker *worker);

struct worker {
    struct async_condition_waiter wait;
    struct rig *rig;
    struct side *side;
    unsigned number; /* 0 to 3 */
    unsigned left;   /* rounds */
    unsigned slot;   /* for the barrier: what the others look at */
    bool is_second_half;
};

struct side {
    pthread_t thread;
    struct rig *rig;
    struct async_loop *loop;
    struct worker workers[WORKERS];
    unsigned unfinished;
};

struct rig {
    struct side sides[SIDES];
    worker_begin_fn *begin; /* starts a round, or again one that was cancelled */
    async_waiter_fn *on_done;
    unsigned inside; /* plain memory, guarded by the primitive under test */
    unsigned count;
    unsigned copy;

    struct async_semaphore semaphore;
    struct async_rwlock rwlock;
    struct async_lock lock;
    struct async_condition not_empty, not_full;
    struct async_event turns[SIDES];
    struct async_barrier barrier;
};

static struct worker *worker_of(struct async_waiter *waiter)
{
    struct async_condition_waiter *wait =
        async_container_of(waiter, struct async_condition_waiter, waiter);

    return async_container_of(wait, struct worker, wait);
}

static void *run_side(void *context)
{
    struct side *side = context;

    assert_int_equal(async_loop_new(&side->loop), 0);
    side->unfinished = WORKERS;
    for (unsigned i = 0; i < WORKERS; i++)
        async_waiter_init(&side->workers[i].wait.waiter, side->loop, side->rig->on_done);
    for (unsigned i = 0; i < WORKERS; i++)
        side->rig->begin(&side->workers[i]);
    assert_int_equal(async_loop_run(side->loop), 0);
    async_loop_free(side->loop);
    return NULL;
}

static void run_rig(struct rig *rig, worker_begin_fn *begin, async_waiter_fn *on_done)
{
    rig->begin = begin;
    rig->on_done = on_done;
    for (unsigned s = 0; s < SIDES; s++) {
        rig->sides[s].rig = rig;
        for (unsigned i = 0; i < WORKERS; i++)
            rig->sides[s].workers[i] = (struct worker){
                .rig = rig, .side = &rig->sides[s], .number = s * WORKERS + i, .left = ROUNDS};
    }
    for (unsigned s = 0; s < SIDES; s++)
        assert_int_equal(pthread_create(&rig->sides[s].thread, NULL, run_side, &rig->sides[s]), 0);
    for (unsigned s = 0; s < SIDES; s++)
        pthread_join(rig->sides[s].thread, NULL);
}

/* A round is over: the next, or the end of the side's loop. */
static void finish_round(struct worker *worker)
{
    struct side *side = worker->side;

    worker->left--;
    if (worker->left > 0)
        worker->rig->begin(worker);
    else if (--side->unfinished == 0)
        async_loop_stop(side->loop);
}

/* Takes the sibling out of whatever it waits for, and lets it begin its round again. */
static void disturb_sibling(struct worker *worker)
{
    struct worker *sibling = &worker->side->workers[(worker->number + 1) % WORKERS];

    if (worker->left % CANCEL_EVERY == 0 && async_waiter_cancel(&sibling->wait.waiter))
        worker->rig->begin(sibling);
}

static void begin_unit(struct worker *worker)
{
    async_semaphore_acquire(&worker->rig->semaphore, &worker->wait.waiter);
}

static void on_unit(struct async_waiter *waiter, int status)
{
    struct worker *worker = worker_of(waiter);
    struct rig *rig = worker->rig;

    assert_int_equal(status, 0);
    assert_int_equal(rig->inside++, 0);
    rig->count++;
    disturb_sibling(worker);
    rig->inside--;
    assert_int_equal(async_semaphore_release(&rig->semaphore), 0);
    finish_round(worker);
}

static void test_unit_of_a_semaphore_is_had_by_one_at_a_time(void **state)
{
    static struct rig rig;

    (void)state;
    async_semaphore_init_bounded(&rig.semaphore, 1);
    run_rig(&rig, begin_unit, on_unit);
    assert_int_equal(rig.count, SIDES * WORKERS * ROUNDS);
    assert_int_equal(async_semaphore_value(&rig.semaphore), 1);
    async_semaphore_fini(&rig.semaphore);
}

/* Every fourth round writes, and reads on after a downgrade; the others only read. */
static bool is_writing(const struct worker *worker)
{
    return (worker->left + worker->number) % 4 == 0;
}

static void begin_rwlock(struct worker *worker)
{
    if (is_writing(worker))
        async_rwlock_acquire_write(&worker->rig->rwlock, &worker->wait.waiter);
    else
        async_rwlock_acquire_read(&worker->rig->rwlock, &worker->wait.waiter);
}

static void on_rwlock(struct async_waiter *waiter, int status)
{
    struct worker *worker = worker_of(waiter);
    struct rig *rig = worker->rig;

    assert_int_equal(status, 0);
    if (is_writing(worker)) {
        rig->count++;
        disturb_sibling(worker);
        rig->copy++;
        assert_int_equal(async_rwlock_downgrade(&rig->rwlock, waiter), 0);
    }
    assert_int_equal(rig->count, rig->copy);
    disturb_sibling(worker);
    assert_int_equal(async_rwlock_release(&rig->rwlock, waiter), 0);
    finish_round(worker);
}

static void test_reader_never_sees_half_a_write(void **state)
{
    static struct rig rig;

    (void)state;
    async_rwlock_init(&rig.rwlock);
    run_rig(&rig, begin_rwlock, on_rwlock);
    assert_int_equal(rig.count, SIDES * WORKERS * ROUNDS / 4);
    async_rwlock_fini(&rig.rwlock);
}

/* Side 0 produces, side 1 consumes; there is room for one item. */
static bool is_producer(const struct worker *worker)
{
    return worker->side == &worker->rig->sides[0];
}

static bool may_go_on(struct async_condition_waiter *wait)
{
    struct worker *worker = async_container_of(wait, struct worker, wait);

    return is_producer(worker) == (worker->rig->inside == 0);
}

static void on_item(struct async_waiter *waiter, int status)
{
    struct worker *worker = worker_of(waiter);
    struct rig *rig = worker->rig;

    assert_int_equal(status, 0);
    assert_true(may_go_on(&worker->wait));
    if (is_producer(worker)) {
        rig->inside++;
        assert_int_equal(async_condition_notify(&rig->not_empty, waiter, 1), 0);
    } else {
        rig->inside--;
        rig->count++;
        assert_int_equal(async_condition_notify(&rig->not_full, waiter, 1), 0);
    }
    disturb_sibling(worker);
    assert_int_equal(async_lock_release(&rig->lock, waiter), 0);
    finish_round(worker);
}

static void on_locked(struct async_waiter *waiter, int status)
{
    struct worker *worker = worker_of(waiter);
    struct rig *rig = worker->rig;
    struct async_condition *condition = is_producer(worker) ? &rig->not_full : &rig->not_empty;

    assert_int_equal(status, 0);
    waiter->on_done = on_item;
    assert_int_equal(async_condition_wait_for(condition, &worker->wait, may_go_on), 0);
}

static void begin_locked(struct worker *worker)
{
    worker->wait.waiter.on_done = on_locked;
    async_lock_acquire(&worker->rig->lock, &worker->wait.waiter);
}

/* One notify for each item, and cancels all the time: a lost notify would leave both sides parked.
 */
static void test_notify_between_threads_is_not_lost(void **state)
{
    static struct rig rig;

    (void)state;
    async_lock_init(&rig.lock);
    async_condition_init(&rig.not_empty, &rig.lock);
    async_condition_init(&rig.not_full, &rig.lock);
    run_rig(&rig, begin_locked, on_locked);
    assert_int_equal(rig.count, WORKERS * ROUNDS);
    assert_int_equal(rig.inside, 0);
    async_condition_fini(&rig.not_full);
    async_condition_fini(&rig.not_empty);
    async_lock_fini(&rig.lock);
}

/* The sides take turns, each round handing on to the other side; the second worker only watches. */
static void begin_turn(struct worker *worker)
{
    async_event_wait(&worker->rig->turns[worker->number / WORKERS], &worker->wait.waiter);
}

static void on_turn(struct async_waiter *waiter, int status)
{
    struct worker *worker = worker_of(waiter);
    struct rig *rig = worker->rig;
    unsigned side = worker->number / WORKERS;

    assert_int_equal(status, 0);
    if (worker->number % WORKERS == 0) {
        rig->count++;
        disturb_sibling(worker);
        async_event_clear(&rig->turns[side]);
        async_event_set(&rig->turns[(side + 1) % SIDES]);
    } else {
        worker->left = 1;
    }
    finish_round(worker);
}

static void test_event_hands_the_turn_to_the_other_thread(void **state)
{
    static struct rig rig;

    (void)state;
    async_event_init(&rig.turns[0]);
    async_event_init(&rig.turns[1]);
    async_event_set(&rig.turns[0]);
    run_rig(&rig, begin_turn, on_turn);
    assert_int_equal(rig.count, SIDES * ROUNDS);
    async_event_fini(&rig.turns[1]);
    async_event_fini(&rig.turns[0]);
}

/* A round has two halves: all write their slot, then all look at the slots of all. */
static void begin_half(struct worker *worker)
{
    if (!worker->is_second_half)
        worker->slot = worker->left;
    async_barrier_wait(&worker->rig->barrier, &worker->wait.waiter);
}

static void on_barrier(struct async_waiter *waiter, int index)
{
    struct worker *worker = worker_of(waiter);
    struct rig *rig = worker->rig;

    assert_true(index >= 0 && index < SIDES * WORKERS);
    if (worker->is_second_half) {
        if (index == 0)
            rig->count++; /* one of them, once a round */
        worker->is_second_half = false;
        finish_round(worker);
        return;
    }
    for (unsigned i = 0; i < SIDES * WORKERS; i++)
        assert_int_equal(rig->sides[i / WORKERS].workers[i % WORKERS].slot, worker->left);
    worker->is_second_half = true;
    begin_half(worker);
}

static void test_barrier_holds_all_until_all_have_come(void **state)
{
    static struct rig rig;

    (void)state;
    async_barrier_init(&rig.barrier, SIDES * WORKERS);
    run_rig(&rig, begin_half, on_barrier);
    assert_int_equal(rig.count, ROUNDS);
    async_barrier_fini(&rig.barrier);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unit_of_a_semaphore_is_had_by_one_at_a_time),
        cmocka_unit_test(test_reader_never_sees_half_a_write),
        cmocka_unit_test(test_notify_between_threads_is_not_lost),
        cmocka_unit_test(test_event_hands_the_turn_to_the_other_thread),
        cmocka_unit_test(test_barrier_holds_all_until_all_have_come),
    };
    return cmocka_run_group_tests_name("two_loops", tests, NULL, NULL);
}
