/* SPDX-License-Identifier: MIT */
/*
 * test_rate_limiter.c - the promises of async/rate_limiter.h, on the virtual clock.
 */
#include <errno.h>
#include <string.h>

#include <async/manual_loop.h>
#include <async/rate_limiter.h>

#include "cmocka_all.h"
#include "trio.h"

struct user {
    struct async_rate_waiter rate;
    struct trio *trio;
    char name;
};

struct fixture {
    struct trio *trio;
    struct async_loop *other; /* a second loop, whose clock is advanced along */
    struct async_rate_limiter limiter;
    struct user a, b, c, d;
};

static void on_told(struct async_waiter *waiter, int status)
{
    struct user *user = async_container_of(waiter, struct user, rate.waiter);

    trio_note(user->trio, user->name, status);
}

static void user_init(struct fixture *f, struct user *user, char name, struct async_loop *loop)
{
    *user = (struct user){.trio = f->trio, .name = name};
    async_rate_waiter_init(&user->rate, loop, on_told);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;

    f->trio = trio_new();
    assert_int_equal(async_manual_loop_new(&f->other), 0);
    user_init(f, &f->a, 'a', f->trio->loop);
    user_init(f, &f->b, 'b', f->trio->loop);
    user_init(f, &f->c, 'c', f->trio->loop);
    user_init(f, &f->d, 'd', f->other);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    /* No timer is left behind on any loop. */
    assert_int_equal(async_manual_loop_next_ns(f->trio->loop), ASYNC_NEVER);
    assert_int_equal(async_manual_loop_next_ns(f->other), ASYNC_NEVER);
    async_rate_limiter_fini(&f->limiter);
    async_loop_free(f->other);
    trio_free(f->trio);
    return 0;
}

static void limit(struct fixture *f, uint64_t tokens, int64_t period_ns, uint64_t burst)
{
    assert_int_equal(async_rate_limiter_init(&f->limiter, tokens, period_ns, burst), 0);
}

static void acquire(struct fixture *f, struct user *user)
{
    async_rate_limiter_acquire(&f->limiter, &user->rate);
}

static bool try_now(struct fixture *f)
{
    return async_rate_limiter_try_acquire(&f->limiter, f->trio->loop);
}

static void test_impossible_rates_are_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(async_rate_limiter_init(&f->limiter, 0, ASYNC_S, 1), -EINVAL);
    assert_int_equal(async_rate_limiter_init(&f->limiter, 1, 0, 1), -EINVAL);
    assert_int_equal(async_rate_limiter_init(&f->limiter, 1, ASYNC_S, 0), -EINVAL);
    assert_int_equal(async_rate_limiter_init(&f->limiter, 1, INT64_MAX, 1), -ERANGE);
    assert_int_equal(async_rate_limiter_init(&f->limiter, 1, ASYNC_S, UINT64_MAX), -ERANGE);
    assert_int_equal(async_rate_limiter_init(&f->limiter, UINT64_MAX, ASYNC_S, 1), -ERANGE);
    limit(f, 1, ASYNC_S, 1);
}

static void test_a_full_bucket_gives_its_burst_and_then_one_per_interval(void **state)
{
    struct fixture *f = *state;

    limit(f, 10, ASYNC_S, 3);
    for (int i = 0; i < 3; i++)
        assert_true(try_now(f));
    assert_false(try_now(f));
    assert_int_equal(async_rate_limiter_next_ns(&f->limiter), 100 * ASYNC_MS);
    trio_advance(f->trio, 99);
    assert_false(try_now(f));
    trio_advance(f->trio, 1);
    assert_true(try_now(f));
    assert_false(try_now(f));
}

static void test_idle_time_saves_up_no_more_than_the_burst(void **state)
{
    struct fixture *f = *state;

    limit(f, 10, ASYNC_S, 3);
    trio_advance(f->trio, 3600000);
    for (int i = 0; i < 3; i++)
        assert_true(try_now(f));
    assert_false(try_now(f));
}

/* A third of a second is no whole number of nanoseconds; after 3000 of them it is 1000 s still. */
static void test_rate_is_exact_although_the_interval_is_not_whole(void **state)
{
    struct fixture *f = *state;

    limit(f, 3, ASYNC_S, 3);
    for (int i = 0; i < 3; i++)
        assert_true(try_now(f)); /* the burst is whole at once */
    for (int i = 0; i < 3000; i++) {
        int64_t now_ns = async_loop_now_ns(f->trio->loop);
        int64_t next_ns = async_rate_limiter_next_ns(&f->limiter);

        assert_false(try_now(f));
        async_manual_loop_advance(f->trio->loop, next_ns - now_ns);
        assert_true(try_now(f));
    }
    assert_int_equal(async_loop_now_ns(f->trio->loop), 1000 * ASYNC_S);
}

static void test_waiters_are_served_in_order_one_per_interval(void **state)
{
    struct fixture *f = *state;

    limit(f, 10, ASYNC_S, 1);
    acquire(f, &f->c);
    acquire(f, &f->a);
    acquire(f, &f->b);
    assert_int_equal(async_rate_limiter_waiting(&f->limiter), 2);
    assert_string_equal(trio_run(f->trio), "c");
    assert_string_equal(trio_advance(f->trio, 99), "");
    assert_string_equal(trio_advance(f->trio, 1), "a");
    assert_string_equal(trio_advance(f->trio, 99), "");
    assert_string_equal(trio_advance(f->trio, 1), "b");
}

static void test_newcomer_cannot_barge_past_those_who_wait(void **state)
{
    struct fixture *f = *state;

    limit(f, 10, ASYNC_S, 1);
    assert_true(try_now(f));
    acquire(f, &f->a);
    assert_false(try_now(f));
    assert_string_equal(trio_advance(f->trio, 100), "a");
    assert_false(try_now(f)); /* the token of this moment was a's */
}

/* One timer, whoever waits: the first in line watches the clock for all. */
static void test_only_the_first_in_line_has_a_timer(void **state)
{
    struct fixture *f = *state;

    limit(f, 10, ASYNC_S, 1);
    assert_true(try_now(f));
    acquire(f, &f->d);
    acquire(f, &f->a);
    acquire(f, &f->b);
    async_manual_loop_settle(f->other);
    assert_string_equal(trio_run(f->trio), "");
    assert_int_equal(async_manual_loop_next_ns(f->other), 100 * ASYNC_MS);
    assert_int_equal(async_manual_loop_next_ns(f->trio->loop), ASYNC_NEVER);
    async_waiter_cancel(&f->d.rate.waiter);
    async_waiter_cancel(&f->a.rate.waiter);
    async_waiter_cancel(&f->b.rate.waiter);
}

/* d, on the other loop, becomes the first when a has its token: its loop is told by mailbox. */
static void test_new_first_on_another_loop_is_told(void **state)
{
    struct fixture *f = *state;

    limit(f, 10, ASYNC_S, 1);
    assert_true(try_now(f));
    acquire(f, &f->a);
    acquire(f, &f->d);
    async_manual_loop_settle(f->other);
    assert_int_equal(async_manual_loop_next_ns(f->other), ASYNC_NEVER);
    assert_string_equal(trio_advance(f->trio, 100), "a");
    assert_int_equal(async_manual_loop_next_ns(f->other), ASYNC_NEVER); /* not from this thread */
    async_manual_loop_advance(f->other, 100 * ASYNC_MS);
    assert_int_equal(async_manual_loop_next_ns(f->other), 200 * ASYNC_MS);
    async_manual_loop_advance(f->other, 100 * ASYNC_MS);
    assert_string_equal(trio_advance(f->trio, 100), "d");
    /* And so again, for the same waiter. */
    acquire(f, &f->a);
    acquire(f, &f->d);
    assert_string_equal(trio_advance(f->trio, 100), "a");
    async_manual_loop_advance(f->other, 200 * ASYNC_MS);
    assert_string_equal(trio_advance(f->trio, 100), "d");
}

/* The token is there, and d, the first, has not turned its loop yet: a must not take it. */
static void test_newcomer_cannot_barge_past_a_first_that_is_late(void **state)
{
    struct fixture *f = *state;

    limit(f, 10, ASYNC_S, 1);
    assert_true(try_now(f));
    acquire(f, &f->d);
    assert_string_equal(trio_advance(f->trio, 100), "");
    acquire(f, &f->a);
    assert_false(try_now(f));
    assert_string_equal(trio_run(f->trio), "");
    async_manual_loop_advance(f->other, 100 * ASYNC_MS);
    assert_string_equal(trio_advance(f->trio, 100), "d a");
}

/* d was nudged and is cancelled before its loop ran: the nudge must not run on dead memory. */
static void test_cancel_takes_the_nudge_back(void **state)
{
    struct fixture *f = *state;

    limit(f, 10, ASYNC_S, 1);
    assert_true(try_now(f));
    acquire(f, &f->a);
    acquire(f, &f->d);
    acquire(f, &f->b);
    assert_string_equal(trio_advance(f->trio, 100), "a");
    async_manual_loop_advance(f->other, 0);
    assert_true(async_waiter_cancel(&f->d.rate.waiter));
    memset(&f->d, 0x5a, sizeof(f->d));
    async_manual_loop_advance(f->other, 500 * ASYNC_MS);
    assert_string_equal(trio_advance(f->trio, 100), "b");
}

/* As before, but d is the first because a leaves, and is cancelled with the nudge in the mailbox.
 */
static void test_cancel_takes_an_undelivered_nudge_back(void **state)
{
    struct fixture *f = *state;

    limit(f, 10, ASYNC_S, 1);
    assert_true(try_now(f));
    acquire(f, &f->a);
    acquire(f, &f->d);
    acquire(f, &f->b);
    assert_true(async_waiter_cancel(&f->a.rate.waiter));
    assert_true(async_waiter_cancel(&f->d.rate.waiter));
    memset(&f->d, 0x5a, sizeof(f->d));
    assert_int_equal(async_manual_loop_settle(f->other), 0);
    assert_string_equal(trio_advance(f->trio, 100), "b");
}

/* d is cancelled with the nudge in the mailbox and asks again: it is nudged again. */
static void test_waiter_whose_nudge_was_taken_back_is_nudged_again(void **state)
{
    struct fixture *f = *state;

    limit(f, 10, ASYNC_S, 1);
    assert_true(try_now(f));
    for (int i = 0; i < 2; i++) {
        acquire(f, &f->a);
        acquire(f, &f->d);
        assert_true(async_waiter_cancel(&f->a.rate.waiter));
        if (i == 0)
            assert_true(async_waiter_cancel(&f->d.rate.waiter));
    }
    async_manual_loop_advance(f->other, 100 * ASYNC_MS);
    assert_string_equal(trio_advance(f->trio, 100), "d");
}

/* a waits with its timer armed, gets b's token, and is cancelled before it hears: no timer stays.
 */
static void test_token_that_came_early_leaves_no_timer(void **state)
{
    struct fixture *f = *state;

    limit(f, 10, ASYNC_S, 1);
    acquire(f, &f->b);
    acquire(f, &f->a);
    assert_true(async_waiter_cancel(&f->b.rate.waiter));
    assert_true(async_waiter_cancel(&f->a.rate.waiter));
    assert_int_equal(async_manual_loop_next_ns(f->trio->loop), ASYNC_NEVER);
    acquire(f, &f->b);
    acquire(f, &f->a);
    assert_true(async_waiter_cancel(&f->b.rate.waiter));
    assert_string_equal(trio_run(f->trio), "a");
    assert_int_equal(async_manual_loop_next_ns(f->trio->loop), ASYNC_NEVER);
}

static void test_first_in_line_that_is_cancelled_leaves_the_watch_to_the_next(void **state)
{
    struct fixture *f = *state;

    limit(f, 10, ASYNC_S, 1);
    assert_true(try_now(f));
    acquire(f, &f->a);
    acquire(f, &f->b);
    assert_true(async_waiter_cancel(&f->a.rate.waiter));
    assert_string_equal(trio_advance(f->trio, 100), "b");
}

static void test_deadline_ends_the_wait_and_the_next_is_served_in_time(void **state)
{
    struct fixture *f = *state;

    limit(f, 10, ASYNC_S, 1);
    assert_true(try_now(f));
    f->a.rate.waiter.deadline_ns = 50 * ASYNC_MS;
    acquire(f, &f->a);
    acquire(f, &f->b);
    assert_string_equal(trio_advance(f->trio, 50), "a(-110)");
    assert_string_equal(trio_advance(f->trio, 49), "");
    assert_string_equal(trio_advance(f->trio, 1), "b");
}

/* a's token is granted and a is cancelled before it is told: b has the token, at once. */
static void test_token_of_a_cancelled_waiter_passes_on(void **state)
{
    struct fixture *f = *state;

    limit(f, 10, ASYNC_S, 1);
    acquire(f, &f->a);
    acquire(f, &f->b);
    assert_true(async_waiter_cancel(&f->a.rate.waiter));
    assert_string_equal(trio_run(f->trio), "b");
    assert_false(try_now(f));
}

/* The same where d on another loop is the next: it gets the token through its mailbox. */
static void test_token_of_a_cancelled_waiter_passes_on_to_another_loop(void **state)
{
    struct fixture *f = *state;

    limit(f, 10, ASYNC_S, 1);
    acquire(f, &f->a);
    acquire(f, &f->d);
    assert_true(async_waiter_cancel(&f->a.rate.waiter));
    async_manual_loop_settle(f->other);
    assert_string_equal(trio_run(f->trio), "d");
}

/* Whole, although the interval is not whole nanoseconds, and others took theirs in between. */
static void test_token_of_a_cancelled_waiter_can_be_taken_by_who_comes_later(void **state)
{
    struct fixture *f = *state;

    limit(f, 3, ASYNC_S, 3);
    acquire(f, &f->a);
    assert_true(try_now(f));
    assert_true(try_now(f));
    assert_false(try_now(f));
    assert_true(async_waiter_cancel(&f->a.rate.waiter));
    assert_true(try_now(f));
    assert_false(try_now(f));
}

/*
 * a's token is granted, and a's loop does not turn while the bucket fills up and b takes the first
 * of the two in it. a's token is worthless now: giving it back must not let a third one through.
 */
static void test_token_given_back_after_the_bucket_was_full_overflows(void **state)
{
    struct fixture *f = *state;

    limit(f, 10, ASYNC_S, 2);
    acquire(f, &f->d);
    trio_advance(f->trio, 1000);
    assert_true(try_now(f));
    assert_true(async_waiter_cancel(&f->d.rate.waiter));
    assert_true(try_now(f));
    assert_false(try_now(f));
}

/* Has a token granted to the user, or takes the user back before its own loop has told it. */
static void lend_or_give_back(struct fixture *f, struct user *user)
{
    struct async_loop *loop = user->rate.waiter.loop;

    if (async_waiter_cancel(&user->rate.waiter))
        return;
    async_manual_loop_advance(loop, async_loop_now_ns(f->trio->loop) - async_loop_now_ns(loop));
    acquire(f, user);
}

/*
 * Over any span of time, at most burst + span * rate, whatever the moments at which tokens are
 * taken, and although others have some granted for a while and give them back undelivered.
 */
static void test_never_more_than_burst_plus_rate_over_any_span(void **state)
{
    enum { TAKEN = 2000, BURST = 5, RATE = 7 };
    struct fixture *f = *state;
    static int64_t taken_ns[TAKEN];
    struct user lenders[3];
    uint64_t random = 99;
    int count = 0;

    limit(f, RATE, ASYNC_S, BURST);
    for (int i = 0; i < 3; i++) {
        struct async_loop *loop;

        assert_int_equal(async_manual_loop_new(&loop), 0);
        user_init(f, &lenders[i], 'l', loop);
    }
    while (count < TAKEN) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        async_manual_loop_advance(f->trio->loop, (int64_t)(random >> 40) * 15);
        lend_or_give_back(f, &lenders[(random >> 33) % 3]);
        for (uint64_t tries = (random >> 35) % 7; tries > 0 && count < TAKEN; tries--) {
            if (try_now(f))
                taken_ns[count++] = async_loop_now_ns(f->trio->loop);
        }
    }
    for (int i = 0; i < 3; i++) {
        async_waiter_cancel(&lenders[i].rate.waiter);
        async_loop_free(lenders[i].rate.waiter.loop);
    }
    for (int i = 0; i < TAKEN; i++) {
        for (int j = i + BURST; j < TAKEN; j++) {
            int64_t span_ns = taken_ns[j] - taken_ns[i];

            assert_true(span_ns * RATE >= (j - i + 1 - BURST) * ASYNC_S);
        }
    }
}

int main(void)
{
#define WITH_LOOPS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_LOOPS(test_impossible_rates_are_refused),
        WITH_LOOPS(test_a_full_bucket_gives_its_burst_and_then_one_per_interval),
        WITH_LOOPS(test_idle_time_saves_up_no_more_than_the_burst),
        WITH_LOOPS(test_rate_is_exact_although_the_interval_is_not_whole),
        WITH_LOOPS(test_waiters_are_served_in_order_one_per_interval),
        WITH_LOOPS(test_newcomer_cannot_barge_past_those_who_wait),
        WITH_LOOPS(test_only_the_first_in_line_has_a_timer),
        WITH_LOOPS(test_new_first_on_another_loop_is_told),
        WITH_LOOPS(test_newcomer_cannot_barge_past_a_first_that_is_late),
        WITH_LOOPS(test_cancel_takes_the_nudge_back),
        WITH_LOOPS(test_cancel_takes_an_undelivered_nudge_back),
        WITH_LOOPS(test_waiter_whose_nudge_was_taken_back_is_nudged_again),
        WITH_LOOPS(test_token_that_came_early_leaves_no_timer),
        WITH_LOOPS(test_first_in_line_that_is_cancelled_leaves_the_watch_to_the_next),
        WITH_LOOPS(test_deadline_ends_the_wait_and_the_next_is_served_in_time),
        WITH_LOOPS(test_token_of_a_cancelled_waiter_passes_on),
        WITH_LOOPS(test_token_of_a_cancelled_waiter_passes_on_to_another_loop),
        WITH_LOOPS(test_token_of_a_cancelled_waiter_can_be_taken_by_who_comes_later),
        WITH_LOOPS(test_token_given_back_after_the_bucket_was_full_overflows),
        WITH_LOOPS(test_never_more_than_burst_plus_rate_over_any_span),
    };
    return cmocka_run_group_tests_name("rate_limiter", tests, NULL, NULL);
}
