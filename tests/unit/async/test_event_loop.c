/* SPDX-License-Identifier: MIT */
/*
 * test_event_loop.c - the loop on libevent: threads, the mailbox, descriptors, timers, stopping.
 */
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <async/event_loop.h>
#include <async/lock.h>

#include "cmocka_all.h"

enum { POSTERS = 4, POSTS = 2000 };

struct counting_task {
    struct async_task task;
    struct async_loop *loop;
    unsigned *count;
    unsigned stop_at;
};

static void on_counting_task(struct async_task *task)
{
    struct counting_task *self = async_container_of(task, struct counting_task, task);

    if (++*self->count == self->stop_at)
        async_loop_stop(self->loop);
}

struct poster {
    pthread_t thread;
    struct async_loop *loop;
    struct counting_task tasks[POSTS];
};

static void *post_all(void *context)
{
    struct poster *poster = context;

    for (int i = 0; i < POSTS; i++)
        async_loop_post(poster->loop, &poster->tasks[i].task);
    return NULL;
}

/* No post is lost, whether it finds the loop asleep, turning, or not running yet. */
static void test_every_post_of_other_threads_runs_once(void **state)
{
    static struct poster posters[POSTERS];
    struct async_loop *loop;
    unsigned count = 0;

    (void)state;
    assert_int_equal(async_loop_new(&loop), 0);
    for (int p = 0; p < POSTERS; p++) {
        posters[p].loop = loop;
        for (int i = 0; i < POSTS; i++) {
            struct counting_task *task = &posters[p].tasks[i];

            *task =
                (struct counting_task){.loop = loop, .count = &count, .stop_at = POSTERS * POSTS};
            async_task_init(&task->task, on_counting_task);
        }
        assert_int_equal(pthread_create(&posters[p].thread, NULL, post_all, &posters[p]), 0);
    }
    assert_int_equal(async_loop_run(loop), 0);
    for (int p = 0; p < POSTERS; p++)
        pthread_join(posters[p].thread, NULL);
    assert_int_equal(count, POSTERS * POSTS);
    async_loop_free(loop);
}

struct pipe_end {
    struct async_watch watch;
    struct async_loop *loop;
    char received[16];
    size_t used;
    bool was_writable;
};

static void on_pipe_end(struct async_watch *watch, unsigned events)
{
    struct pipe_end *self = async_container_of(watch, struct pipe_end, watch);

    if ((events & ASYNC_WRITE) != 0) {
        self->was_writable = true;
        assert_int_equal(async_watch_set(watch, ASYNC_READ), 0);
        return;
    }
    ssize_t length =
        read(watch->fd, self->received + self->used, sizeof(self->received) - self->used);
    assert_true(length >= 0);
    self->used += (size_t)length;
    if (length == 0) { /* the other side closed: the watch may end inside its own callback */
        async_watch_fini(watch);
        async_loop_stop(self->loop);
    }
}

static void test_watch_tells_readable_writable_and_hang_up(void **state)
{
    struct pipe_end end = {0};
    int fds[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(async_loop_new(&end.loop), 0);
    assert_int_equal(async_watch_init(&end.watch, end.loop, fds[0], on_pipe_end), 0);
    assert_int_equal(async_watch_set(&end.watch, ASYNC_READ | ASYNC_WRITE), 0);
    assert_int_equal(write(fds[1], "hello", 5), 5);
    close(fds[1]);
    assert_int_equal(async_loop_run(end.loop), 0);
    assert_true(end.was_writable);
    assert_memory_equal(end.received, "hello", 5);
    assert_int_equal(end.used, 5);
    close(fds[0]);
    async_loop_free(end.loop);
}

/* Wakes the loop through a descriptor after it has slept, and notes when. */
struct late_writer {
    struct async_watch watch;
    struct async_task start;
    struct async_loop *loop;
    pthread_t thread;
    int fds[2];
    int64_t written_ns;
    int64_t seen_ns;
};

static int64_t monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * ASYNC_S + now.tv_nsec;
}

static void *write_late(void *context)
{
    struct late_writer *self = context;
    int64_t begin_ns = monotonic_ns();

    do
        self->written_ns = monotonic_ns();
    while (self->written_ns < begin_ns + 20 * ASYNC_MS);
    assert_int_equal(write(self->fds[1], "!", 1), 1);
    return NULL;
}

static void on_late_start(struct async_task *task)
{
    struct late_writer *self = async_container_of(task, struct late_writer, start);

    assert_int_equal(pthread_create(&self->thread, NULL, write_late, self), 0);
}

static void on_late_byte(struct async_watch *watch, unsigned events)
{
    struct late_writer *self = async_container_of(watch, struct late_writer, watch);

    assert_int_equal(events, ASYNC_READ);
    self->seen_ns = async_loop_now_ns(self->loop);
    async_watch_fini(watch);
    async_loop_stop(self->loop);
}

/* The loop sleeps; a descriptor ends the sleep. A deadline that its callback reckons from the time
 * before the sleep would have passed already. */
static void test_descriptor_sees_the_time_after_the_sleep(void **state)
{
    struct late_writer writer = {0};

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, writer.fds), 0);
    assert_int_equal(async_loop_new(&writer.loop), 0);
    assert_int_equal(async_watch_init(&writer.watch, writer.loop, writer.fds[0], on_late_byte), 0);
    assert_int_equal(async_watch_set(&writer.watch, ASYNC_READ), 0);
    async_task_init(&writer.start, on_late_start);
    async_loop_post(writer.loop, &writer.start);
    assert_int_equal(async_loop_run(writer.loop), 0);
    pthread_join(writer.thread, NULL);
    assert_true(writer.seen_ns >= writer.written_ns);
    close(writer.fds[0]);
    close(writer.fds[1]);
    async_loop_free(writer.loop);
}

struct stopper {
    struct async_timer timer;
    struct async_loop *loop;
    int64_t fired_ns;
};

static void on_stopper(struct async_timer *timer)
{
    struct stopper *self = async_container_of(timer, struct stopper, timer);

    self->fired_ns = async_loop_now_ns(self->loop);
    async_loop_stop(self->loop);
}

/* A far timer is armed first, so that the sleep has to be shortened for the near one. */
static void test_timer_fires_and_not_before_its_time(void **state)
{
    struct stopper far;
    struct stopper near;
    struct async_loop *loop;
    int64_t begin_ns;

    (void)state;
    assert_int_equal(async_loop_new(&loop), 0);
    far.loop = near.loop = loop;
    async_timer_init(&far.timer, on_stopper);
    async_timer_init(&near.timer, on_stopper);
    begin_ns = async_loop_now_ns(loop);
    async_timer_arm(&far.timer, loop, begin_ns + 3600 * ASYNC_S);
    async_timer_arm(&near.timer, loop, begin_ns + 5 * ASYNC_MS);
    assert_int_equal(async_loop_run(loop), 0);
    assert_true(near.fired_ns >= begin_ns + 5 * ASYNC_MS);
    assert_true(async_timer_is_armed(&far.timer));
    async_timer_disarm(&far.timer);
    async_loop_free(loop);
}

struct ping_pong {
    struct async_waiter waiter;
    struct async_lock *lock;
    unsigned *shared; /* guarded by the lock, not by any mutex: the grants order the accesses */
    unsigned left;
};

static void on_granted(struct async_waiter *waiter, int status)
{
    struct ping_pong *self = async_container_of(waiter, struct ping_pong, waiter);

    assert_int_equal(status, 0);
    ++*self->shared;
    assert_int_equal(async_lock_release(self->lock, waiter), 0);
    if (--self->left > 0)
        async_lock_acquire(self->lock, waiter);
    else
        async_loop_stop(waiter->loop);
}

static void *play(void *context)
{
    struct ping_pong *self = context;
    struct async_loop *loop;

    assert_int_equal(async_loop_new(&loop), 0);
    async_waiter_init(&self->waiter, loop, on_granted);
    async_lock_acquire(self->lock, &self->waiter);
    assert_int_equal(async_loop_run(loop), 0);
    async_loop_free(loop);
    return NULL;
}

/* Loops of different threads hand one lock to and fro; no grant and no increment is lost. */
static void test_lock_passes_between_loops_of_different_threads(void **state)
{
    struct ping_pong players[4];
    pthread_t threads[4];
    struct async_lock lock;
    unsigned shared = 0;

    (void)state;
    async_lock_init(&lock);
    for (int i = 0; i < 4; i++) {
        players[i] = (struct ping_pong){.lock = &lock, .shared = &shared, .left = 3000};
        assert_int_equal(pthread_create(&threads[i], NULL, play, &players[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(shared, 4 * 3000);
    async_lock_fini(&lock);
}

enum { FLOOD_MAX = 100000 };

struct flood {
    struct async_watch watch;
    struct async_timer timer;
    unsigned calls;
};

static void on_flood(struct async_watch *watch, unsigned events)
{
    struct flood *flood = async_container_of(watch, struct flood, watch);

    (void)events;
    if (++flood->calls == FLOOD_MAX)
        async_watch_set(watch, 0); /* ends a loop that looks at nothing else */
}

static void on_flood_timer(struct async_timer *timer)
{
    async_loop_stop(async_container_of(timer, struct flood, timer)->watch.loop);
}

/* A descriptor that is always ready, such as a fast origin's, keeps no timer from its time. */
static void test_descriptor_always_ready_does_not_starve_timers(void **state)
{
    struct flood flood = {0};
    struct async_loop *loop;
    int fds[2];

    (void)state;
    assert_int_equal(async_loop_new(&loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(async_watch_init(&flood.watch, loop, fds[0], on_flood), 0);
    assert_int_equal(async_watch_set(&flood.watch, ASYNC_READ), 0);
    async_timer_init(&flood.timer, on_flood_timer);
    async_timer_arm(&flood.timer, loop, async_loop_now_ns(loop));
    assert_int_equal(async_loop_run(loop), 0);
    assert_in_range(flood.calls, 0, FLOOD_MAX - 1);
    async_watch_fini(&flood.watch);
    close(fds[0]);
    close(fds[1]);
    async_loop_free(loop);
}

static void test_event_base_is_there_for_libevent_users(void **state)
{
    struct async_loop *loop;

    (void)state;
    assert_int_equal(async_loop_new(&loop), 0);
    assert_non_null(async_loop_event_base(loop));
    async_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_post_of_other_threads_runs_once),
        cmocka_unit_test(test_watch_tells_readable_writable_and_hang_up),
        cmocka_unit_test(test_descriptor_sees_the_time_after_the_sleep),
        cmocka_unit_test(test_timer_fires_and_not_before_its_time),
        cmocka_unit_test(test_lock_passes_between_loops_of_different_threads),
        cmocka_unit_test(test_descriptor_always_ready_does_not_starve_timers),
        cmocka_unit_test(test_event_base_is_there_for_libevent_users),
    };
    return cmocka_run_group_tests_name("event_loop", tests, NULL, NULL);
}
