/* SPDX-License-Identifier: MIT */
/*
 * test_end_of_primitive.c - who is told may end what he waited for, even if another thread told
 * him.
 *
 * One loop sends errands to the loop of a second thread. Each errand has an event of its own, which
 * is ended and freed as soon as the first loop is told that it was set. The sanitizers see it when
 * the second thread is still inside that event.
 */
#include <pthread.h>
#include <stdlib.h>

#include <async/event.h>

#include "cmocka_all.h"

enum { ERRANDS = 3000 };

/* Something to be done by the other thread, which goes away as soon as it is known to be done. */
struct errand {
    struct async_task task; /* on the other loop: sets `is_done` */
    struct async_event is_done;
    struct async_waiter waiter;
    struct async_loop *other;
    unsigned left;
};

static void run_errand(struct async_task *task)
{
    struct errand *errand = async_container_of(task, struct errand, task);

    async_event_set(&errand->is_done);
}

static void start_errand(struct async_loop *loop, struct async_loop *other, unsigned left);

static void on_errand_done(struct async_waiter *waiter, int status)
{
    struct errand *errand = async_container_of(waiter, struct errand, waiter);
    struct async_loop *loop = waiter->loop;
    struct async_loop *other = errand->other;
    unsigned left = errand->left;

    assert_int_equal(status, 0);
    async_event_fini(&errand->is_done);
    free(errand);
    if (left > 0)
        start_errand(loop, other, left - 1);
    else
        async_loop_stop(loop);
}

static void start_errand(struct async_loop *loop, struct async_loop *other, unsigned left)
{
    struct errand *errand = malloc(sizeof(*errand));

    assert_non_null(errand);
    errand->other = other;
    errand->left = left;
    async_event_init(&errand->is_done);
    async_waiter_init(&errand->waiter, loop, on_errand_done);
    async_event_wait(&errand->is_done, &errand->waiter);
    async_task_init(&errand->task, run_errand);
    async_loop_post(other, &errand->task);
}

static void *run_other_loop(void *context)
{
    assert_int_equal(async_loop_run(context), 0);
    return NULL;
}

/* The event is freed in on_done, while the thread that set it may hardly be out of its mutex. */
static void test_who_is_told_may_end_the_primitive(void **state)
{
    struct async_loop *loop;
    struct async_loop *other;
    pthread_t thread;

    (void)state;
    assert_int_equal(async_loop_new(&loop), 0);
    assert_int_equal(async_loop_new(&other), 0);
    assert_int_equal(pthread_create(&thread, NULL, run_other_loop, other), 0);
    start_errand(loop, other, ERRANDS);
    assert_int_equal(async_loop_run(loop), 0);
    async_loop_stop(other);
    assert_int_equal(pthread_join(thread, NULL), 0);
    async_loop_free(other);
    async_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_told_may_end_the_primitive),
    };
    return cmocka_run_group_tests_name("end_of_primitive", tests, NULL, NULL);
}
