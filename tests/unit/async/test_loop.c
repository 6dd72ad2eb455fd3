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
        WITH_LOOP(test_manual_loop_has_no_descriptors),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
