/* SPDX-License-Identifier: MIT */
/*
 * loop.h - an event loop: deferred tasks, timers, file descriptors, and a mailbox for other
 * threads.
 *
 * A loop belongs to one thread: the one that made it, until another calls async_loop_run() on it.
 * All calls below are for that thread, but for async_loop_post() and async_loop_stop(), which any
 * thread may make. What waits is a struct inside the caller's own struct, so that arming a timer
 * or posting a task allocates nothing and cannot fail.
 *
 * Two kinds: async_loop_new() makes one that runs on libevent; manual_loop.h has one with a
 * virtual clock, turned by hand, for tests and simulations. loop_backend.h is for making others.
 */
#ifndef ASYNC_LOOP_H
#define ASYNC_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <async/annotations.h>
#include <async/list.h>

/* Times are nanoseconds on the loop's monotonic clock; ASYNC_NEVER is a time that does not come. */
#define ASYNC_NEVER INT64_MAX
#define ASYNC_MS    INT64_C(1000000)
#define ASYNC_S     INT64_C(1000000000)

struct async_loop;
struct async_task;
struct async_timer;
struct async_watch;

typedef void async_task_fn(struct async_task *task);
typedef void async_timer_fn(struct async_timer *timer);
typedef void async_watch_fn(struct async_watch *watch, unsigned events);

/* A call to be made later on a loop's thread. Fields are the library's; see async_task_init(). */
struct async_task {
    struct async_list node;
    async_task_fn *run;
    atomic_uchar place; /* enum async_task_place in loop.c: idle, ready, or in the mailbox */
};

/* A call to be made at a time. Fields are the library's; see async_timer_init(). */
struct async_timer {
    struct async_timer *child;    /* pairing heap: first child, */
    struct async_timer *sibling;  /* next sibling, */
    struct async_timer *previous; /* previous sibling or parent */
    struct async_loop *loop;      /* NULL while not armed */
    int64_t at_ns;
    uint64_t sequence; /* timers of one instant fire in the order of arming */
    async_timer_fn *run;
};

/* Interest in a file descriptor. Fields are the library's; see async_watch_init(). */
struct async_watch {
    struct async_loop *loop;
    async_watch_fn *on_ready;
    void *backend; /* owned by the kind of loop */
    int fd;        /* the caller's; the watch never closes it */
    unsigned events;
};

enum async_watch_events {
    ASYNC_READ = 1,
    ASYNC_WRITE = 2,
};

ASYNC_BEGIN_DECLS

/*
 * async_loop_new - a loop that runs on libevent.
 * Errors    -ENOMEM, -EMFILE, -ENFILE.
 * Owns      the caller frees it with async_loop_free().
 */
int async_loop_new(struct async_loop **ret_loop);

/*
 * async_loop_free - ends a loop that is not running (asserted). NULL is allowed.
 * What is still posted or armed is forgotten, not run; its memory is the caller's again.
 */
void async_loop_free(struct async_loop *loop);

/*
 * async_loop_run - runs tasks, timers and watches on this thread until async_loop_stop().
 * May be called again afterwards; what was left pending goes on.
 * Errors    negative errno of the backend when it cannot go on.
 */
int async_loop_run(struct async_loop *loop);

/*
 * async_loop_stop - makes async_loop_run() return once the callback it is in is over.
 * A stop before the run ends that run at its first turn.
 * Thread    any.
 */
void async_loop_stop(struct async_loop *loop);

/* async_loop_now_ns - the loop's monotonic clock as of this turn of the loop; costs no system call.
 */
int64_t async_loop_now_ns(const struct async_loop *loop);

/* async_loop_update_now - reads the clock anew, after work that took long. */
void async_loop_update_now(struct async_loop *loop);

/* async_loop_is_current - whether the calling thread is the loop's. Thread: any. */
bool async_loop_is_current(const struct async_loop *loop);

/* async_loop_assert_current - ends the program unless the calling thread is the loop's. */
void async_loop_assert_current(const struct async_loop *loop) ASYNC_ASSERTS(async_on_loop);

/* async_task_init - prepares a task that calls run(task); the struct is recovered by container_of.
 */
void async_task_init(struct async_task *task, async_task_fn *run);

/*
 * async_loop_post - has task->run called on the loop's thread, soon, never inside this call.
 * Delivery  once per post, in the order of posting as far as one thread posts; many posts from
 *           other threads cost one wake-up.
 * Owns      the task may not move or die until it ran or async_loop_unpost() returned. A task that
 *           is posted already may not be posted again (asserted).
 * Thread    any. Taking the mailbox's mutex, it may be called under a primitive's mutex.
 */
void async_loop_post(struct async_loop *loop, struct async_task *task);

/*
 * async_loop_unpost - takes a posted task back: afterwards it does not run.
 * Returns   whether it was posted.
 * Thread    the loop's.
 */
bool async_loop_unpost(struct async_loop *loop, struct async_task *task);

/* async_task_is_posted - whether the task waits to be run. Thread: the loop's. */
bool async_task_is_posted(const struct async_task *task);

/* async_timer_init - prepares a timer that calls run(timer); not armed yet. */
void async_timer_init(struct async_timer *timer, async_timer_fn *run);

/*
 * async_timer_arm - has timer->run called once at `at_ns`, or at the next turn if that is past.
 * Armed again, it moves to the new time. ASYNC_NEVER disarms it. Cost: O(1), and amortised
 * O(log n) when it fires or is disarmed. Source: Fredman et al., The Pairing Heap (1986).
 */
void async_timer_arm(struct async_timer *timer, struct async_loop *loop, int64_t at_ns);

/* async_timer_disarm - afterwards the timer does not fire; no-op when it is not armed. */
void async_timer_disarm(struct async_timer *timer);

/* async_timer_is_armed - whether the timer will fire. */
bool async_timer_is_armed(const struct async_timer *timer);

/*
 * async_watch_init - prepares to be told when `fd` can be read or written; nothing is watched yet.
 * Delivery  on_ready(watch, events) as long as it can (level triggered), errors and hang-ups as
 *           both events. It may call any function of the watch, async_watch_fini() included.
 * Errors    -ENOMEM, -ENOSYS on a loop without file descriptors.
 * Owns      the caller keeps watch and fd; async_watch_fini() comes before close(fd).
 */
int async_watch_init(struct async_watch *watch, struct async_loop *loop, int fd,
                     async_watch_fn *on_ready);

/*
 * async_watch_set - what to be told of from now on: ASYNC_READ, ASYNC_WRITE, both, or 0.
 * Setting what is set already costs nothing.
 * Errors    those of epoll_ctl(2); the watch is then unchanged.
 */
int async_watch_set(struct async_watch *watch, unsigned events);

/*
 * async_watch_fini - ends the watch: on_ready will not be called again. No-op on a zeroed watch.
 * Thread    the loop's; any, once the loop will not run again.
 */
void async_watch_fini(struct async_watch *watch);

ASYNC_END_DECLS

#endif
