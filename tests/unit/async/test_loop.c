/* SPDX-License-Identifier: MIT */
/*
 * test_loop.c - tasks of a loop, seen on the hand-cranked one.
 */
#include <errno.h>

#include <async/manual_loop.h>

#include "cmocka_all.h"

struct step {
    struct async_task task;
    struct async_loop *loop;
    char name;
    char *record;
    struct step *posts;   /* what this one posts when it runs */
    struct step *unposts; /* what this one takes back when it runs */
};

static void on_step(struct async_task *task)
{
    struct step *self = async_container_of(task, struct step, task);
    size_t length = 0;

    while (self->record[length] != '\0')
        length++;
    self->record[length] = self->name;
    self->record[length + 1] = '\0';
    if (self->posts != NULL)
        async_loop_post(self->loop, &self->posts->task);
    if (self->unposts != NULL)
        assert_true(async_loop_unpost(self->loop, &self->unposts->task));
}

struct fixture {
    struct async_loop *loop;
    char record[32];
    struct step a, b, c;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct step *steps[] = {&fixture.a, &fixture.b, &fixture.c};

    assert_int_equal(async_manual_loop_new(&fixture.loop), 0);
    fixture.record[0] = '\0';
    for (int i = 0; i < 3; i++) {
        *steps[i] =
            (struct step){.loop = fixture.loop, .name = (char)('a' + i), .record = fixture.record};
        async_task_init(&steps[i]->task, on_step);
    }
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    async_loop_free(fixture->loop);
    return 0;
}

/* A timer that says when it fired, and then posts to another, which arms its own for 2 ns later. */
struct tick {
    struct async_timer timer;
    struct async_task task;
    struct async_loop *loop;
    struct tick *other;
    int64_t fired_at_ns, posted_at_ns;
};

static void on_tick(struct async_timer *timer)
{
    struct tick *tick = async_container_of(timer, struct tick, timer);

    tick->fired_at_ns = async_loop_now_ns(tick->loop);
    if (tick->other != NULL)
        async_loop_post(tick->other->loop, &tick->other->task);
}

static void on_tick_posted(struct async_task *task)
{
    struct tick *tick = async_container_of(task, struct tick, task);

    tick->posted_at_ns = async_loop_now_ns(tick->loop);
    async_timer_arm(&tick->timer, tick->loop, tick->posted_at_ns + 2);
}

static void tick_init(struct tick *tick, struct async_loop *loop, struct tick *other)
{
    *tick = (struct tick){.loop = loop, .other = other, .fired_at_ns = -1, .posted_at_ns = -1};
    async_timer_init(&tick->timer, on_tick);
    async_task_init(&tick->task, on_tick_posted);
}

static void test_tasks_run_in_the_order_of_posting(void **state)
{
    struct fixture *f = *state;

    async_loop_post(f->loop, &f->b.task);
    async_loop_post(f->loop, &f->a.task);
    async_loop_post(f->loop, &f->c.task);
    assert_string_equal(f->record, "");
    assert_int_equal(async_manual_loop_settle(f->loop), 3);
    assert_string_equal(f->record, "bac");
}

static void test_task_may_post_itself_again(void **state)
{
    struct fixture *f = *state;

    f->a.posts = &f->a;
    async_loop_post(f->loop, &f->a.task);
    assert_true(async_manual_loop_step(f->loop));
    assert_true(async_manual_loop_step(f->loop));
    f->a.posts = NULL;
    assert_true(async_manual_loop_step(f->loop));
    assert_false(async_manual_loop_step(f->loop));
    assert_string_equal(f->record, "aaa");
}

static void test_unposted_task_does_not_run(void **state)
{
    struct fixture *f = *state;

    async_loop_post(f->loop, &f->a.task);
    async_loop_post(f->loop, &f->b.task);
    assert_true(async_task_is_posted(&f->a.task));
    assert_true(async_loop_unpost(f->loop, &f->a.task));
    assert_false(async_task_is_posted(&f->a.task));
    assert_false(async_loop_unpost(f->loop, &f->a.task));
    async_manual_loop_settle(f->loop);
    assert_string_equal(f->record, "b");
}

static void test_task_taken_back_by_the_one_before_it_does_not_run(void **state)
{
    struct fixture *f = *state;

    f->a.unposts = &f->b;
    async_loop_post(f->loop, &f->a.task);
    async_loop_post(f->loop, &f->b.task);
    async_loop_post(f->loop, &f->c.task);
    async_manual_loop_settle(f->loop);
    assert_string_equal(f->record, "ac");
}

static void test_stop_leaves_the_rest_for_the_next_run(void **state)
{
    struct fixture *f = *state;

    async_loop_post(f->loop, &f->a.task);
    async_loop_stop(f->loop);
    assert_int_equal(async_loop_run(f->loop), 0);
    assert_string_equal(f->record, "");
    assert_int_equal(async_loop_run(f->loop), 0);
    assert_string_equal(f->record, "a");
}

static void test_clock_moves_only_when_advanced(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(async_loop_now_ns(f->loop), 0);
    async_manual_loop_settle(f->loop);
    assert_int_equal(async_loop_now_ns(f->loop), 0);
    async_manual_loop_advance(f->loop, 42);
    assert_int_equal(async_loop_now_ns(f->loop), 42);
}

static void test_clock_that_is_set_runs_nothing_until_the_next_step(void **state)
{
    struct fixture *f = *state;
    struct tick tick;

    tick_init(&tick, f->loop, NULL);
    async_timer_arm(&tick.timer, f->loop, 5);
    async_loop_post(f->loop, &f->a.task);
    async_manual_loop_set_clock(f->loop, 7);
    assert_int_equal(async_loop_now_ns(f->loop), 7);
    assert_int_equal(tick.fired_at_ns, -1);
    assert_string_equal(f->record, "");
    assert_true(async_manual_loop_step_timer(f->loop)); /* although a task is ready */
    assert_int_equal(tick.fired_at_ns, 7);
    assert_string_equal(f->record, "");
    assert_false(async_manual_loop_step_timer(f->loop));
    assert_true(async_manual_loop_step(f->loop));
    assert_string_equal(f->record, "a");
}

/* Two loops, one clock: what one posts to the other at some time arrives at that time. */
static void test_several_loops_can_share_a_clock(void **state)
{
    struct fixture *f = *state;
    struct async_loop *loops[] = {f->loop, NULL};
    struct tick ping, pong;
    int64_t next_ns;

    assert_int_equal(async_manual_loop_new(&loops[1]), 0);
    tick_init(&pong, loops[1], NULL);
    tick_init(&ping, loops[0], &pong);
    async_timer_arm(&ping.timer, loops[0], 40);
    do {
        while (async_manual_loop_step(loops[1]) || async_manual_loop_step(loops[0]))
            continue;
        next_ns = async_manual_loop_next_ns(loops[0]);
        if (async_manual_loop_next_ns(loops[1]) < next_ns)
            next_ns = async_manual_loop_next_ns(loops[1]);
        for (int i = 0; i < 2 && next_ns != ASYNC_NEVER; i++)
            async_manual_loop_set_clock(loops[i], next_ns);
    } while (next_ns != ASYNC_NEVER);
    assert_int_equal(ping.fired_at_ns, 40);
    assert_int_equal(pong.posted_at_ns, 40);
    assert_int_equal(pong.fired_at_ns, 42);
    async_loop_free(loops[1]);
}

static void test_manual_loop_has_no_descriptors(void **state)
{
    struct fixture *f = *state;
    struct async_watch watch;

    assert_int_equal(async_watch_init(&watch, f->loop, 0, NULL), -ENOSYS);
    async_watch_fini(&watch);
}

int main(void)
{
#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_LOOP(test_tasks_run_in_the_order_of_posting),
        WITH_LOOP(test_task_may_post_itself_again),
        WITH_LOOP(test_unposted_task_does_not_run),
        WITH_LOOP(test_task_taken_back_by_the_one_before_it_does_not_run),
        WITH_LOOP(test_stop_leaves_the_rest_for_the_next_run),
        WITH_LOOP(test_clock_moves_only_when_advanced),
        WITH_LOOP(test_clock_that_is_set_runs_nothing_until_the_next_step),
        WITH_LOOP(test_several_loops_can_share_a_clock),
        WITH_LOOP(test_manual_loop_has_no_descriptors),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
