/* SPDX-License-Identifier: MIT */
/*
 * test_timer.c - timers fire once, in the order of their times, and disarmed ones never.
 */
#include <async/manual_loop.h>

#include "cmocka_all.h"

enum { TIMERS = 500, ROUNDS = 20000 };

struct probe {
    struct async_timer timer;
    unsigned fired;
    int64_t *last_ns;
};

static void on_probe(struct async_timer *timer)
{
    struct probe *probe = async_container_of(timer, struct probe, timer);

    assert_true(timer->at_ns >= *probe->last_ns);
    *probe->last_ns = timer->at_ns;
    probe->fired++;
}

/* A small generator of its own, so that a failure repeats. Source: Marsaglia, Xorshift RNGs (2003).
 */
static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Arms, moves and disarms at random; then all that are armed must fire, once, in order. */
static void test_random_arming_keeps_the_order(void **state)
{
    static struct probe probes[TIMERS];
    struct async_loop *loop;
    int64_t last_ns = 0;
    uint32_t seed = 2463534242U;

    (void)state;
    assert_int_equal(async_manual_loop_new(&loop), 0);
    for (int i = 0; i < TIMERS; i++) {
        probes[i].last_ns = &last_ns;
        async_timer_init(&probes[i].timer, on_probe);
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct probe *probe = &probes[next_random(&seed) % TIMERS];

        if (next_random(&seed) % 4 == 0)
            async_timer_disarm(&probe->timer);
        else
            async_timer_arm(&probe->timer, loop, 1 + next_random(&seed) % 1000);
    }
    unsigned armed = 0;
    for (int i = 0; i < TIMERS; i++)
        armed += async_timer_is_armed(&probes[i].timer);
    assert_true(armed > TIMERS / 4);
    assert_int_equal(async_manual_loop_advance(loop, 1000), armed);
    unsigned fired = 0;
    for (int i = 0; i < TIMERS; i++) {
        assert_true(probes[i].fired <= 1);
        assert_false(async_timer_is_armed(&probes[i].timer));
        fired += probes[i].fired;
    }
    assert_int_equal(fired, armed);
    assert_int_equal(async_manual_loop_next_ns(loop), ASYNC_NEVER);
    async_loop_free(loop);
}

struct ordered {
    struct async_timer timer;
    char name;
    char *record;
    struct ordered *disarms;
};

static void on_ordered(struct async_timer *timer)
{
    struct ordered *self = async_container_of(timer, struct ordered, timer);
    size_t length = 0;

    while (self->record[length] != '\0')
        length++;
    self->record[length] = self->name;
    self->record[length + 1] = '\0';
    if (self->disarms != NULL)
        async_timer_disarm(&self->disarms->timer);
}

static void test_timers_of_one_instant_fire_in_the_order_of_arming(void **state)
{
    char record[16] = "";
    struct ordered timers[5];
    struct async_loop *loop;

    (void)state;
    assert_int_equal(async_manual_loop_new(&loop), 0);
    for (int i = 0; i < 5; i++) {
        timers[i] = (struct ordered){.name = (char)('a' + i), .record = record};
        async_timer_init(&timers[i].timer, on_ordered);
        async_timer_arm(&timers[i].timer, loop, 7);
    }
    async_manual_loop_advance(loop, 7);
    assert_string_equal(record, "abcde");
    async_loop_free(loop);
}

static void test_timer_disarmed_by_another_of_the_same_instant_stays_silent(void **state)
{
    char record[16] = "";
    struct ordered first = {.name = 'a', .record = record};
    struct ordered second = {.name = 'b', .record = record};
    struct async_loop *loop;

    (void)state;
    first.disarms = &second;
    assert_int_equal(async_manual_loop_new(&loop), 0);
    async_timer_init(&first.timer, on_ordered);
    async_timer_init(&second.timer, on_ordered);
    async_timer_arm(&first.timer, loop, 3);
    async_timer_arm(&second.timer, loop, 3);
    async_manual_loop_advance(loop, 10);
    assert_string_equal(record, "a");
    async_loop_free(loop);
}

static void test_never_disarms(void **state)
{
    char record[16] = "";
    struct ordered only = {.name = 'a', .record = record};
    struct async_loop *loop;

    (void)state;
    assert_int_equal(async_manual_loop_new(&loop), 0);
    async_timer_init(&only.timer, on_ordered);
    async_timer_arm(&only.timer, loop, 3);
    async_timer_arm(&only.timer, loop, ASYNC_NEVER);
    assert_false(async_timer_is_armed(&only.timer));
    async_manual_loop_advance(loop, ASYNC_S);
    assert_string_equal(record, "");
    async_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_arming_keeps_the_order),
        cmocka_unit_test(test_timers_of_one_instant_fire_in_the_order_of_arming),
        cmocka_unit_test(test_timer_disarmed_by_another_of_the_same_instant_stays_silent),
        cmocka_unit_test(test_never_disarms),
    };
    return cmocka_run_group_tests_name("timer", tests, NULL, NULL);
}
