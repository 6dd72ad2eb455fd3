/* SPDX-License-Identifier: MIT */
/*
 * loop_backend.h - for those who make a kind of loop: what it provides, and what it gets.
 *
 * A backend provides a clock, a way to sleep until something happens, and file descriptors. Tasks,
 * timers and the mailbox are common to all kinds and live here, so that a simulated loop runs the
 * same code as the real one. A turn of a backend's run is: sleep until woken, the timer or a
 * descriptor; async_loop_end_sleep() if it was woken; async_loop_begin_turn(); its descriptors'
 * callbacks; async_loop_run_timers(); async_loop_run_tasks().
 */
#ifndef ASYNC_LOOP_BACKEND_H
#define ASYNC_LOOP_BACKEND_H

#include <pthread.h>

#include <async/atomic.h>
#include <async/loop.h>

struct async_loop_ops {
    int (*run)(struct async_loop *loop);
    void (*free)(struct async_loop *loop);
    /* Makes the sleep of this or the next turn return. Called by any thread, the mailbox's mutex
     * held. */
    void (*wake)(struct async_loop *loop);
    int64_t (*clock_ns)(struct async_loop *loop);
    int (*watch_init)(struct async_watch *watch);
    int (*watch_set)(struct async_watch *watch, unsigned events);
    void (*watch_fini)(struct async_watch *watch);
};

struct async_loop {
    const struct async_loop_ops *ops;
    ASYNC_ATOMIC(pthread_t) owner; /* the thread whose loop this is */
    ASYNC_ATOMIC(bool)
    is_running;              /* inside async_loop_run(); until then the mailbox takes all posts */
    int64_t now_ns;          /* on_loop: the clock at the beginning of this turn */
    struct async_list ready; /* on_loop: tasks to run in the next turn */
    struct async_timer *timers; /* on_loop: root of the pairing heap */
    uint64_t timer_sequence;    /* on_loop */
    pthread_mutex_t inbox_mutex;
    struct async_list inbox ASYNC_GUARDED_BY(async_inbox_class); /* tasks posted by other threads */
    bool is_woken ASYNC_GUARDED_BY(async_inbox_class);           /* one wake-up serves many posts */
    ASYNC_ATOMIC(bool) inbox_has_tasks; /* lets a turn skip the mutex of an empty mailbox */
    ASYNC_ATOMIC(bool) stop_asked;
};

ASYNC_BEGIN_DECLS

/* async_loop_init - prepares the common part. Errors: those of pthread_mutex_init(3). */
int async_loop_init(struct async_loop *loop, const struct async_loop_ops *ops);

/* async_loop_fini - ends the common part; forgets what is posted and armed. */
void async_loop_fini(struct async_loop *loop);

/* async_loop_begin_turn - reads the clock and empties the mailbox into the ready tasks. */
void async_loop_begin_turn(struct async_loop *loop);

/* async_loop_run_timers - runs the timers that are due; those armed meanwhile wait for a turn. */
void async_loop_run_timers(struct async_loop *loop);

/*
 * async_loop_run_one_timer - runs the earliest timer if it is due and was armed before the loop's
 * timer_sequence was `before_sequence`. Returns whether it did.
 */
bool async_loop_run_one_timer(struct async_loop *loop, uint64_t before_sequence);

/* async_loop_run_tasks - runs the tasks ready now; those they post wait for the next turn. */
void async_loop_run_tasks(struct async_loop *loop);

/* async_loop_run_one_task - runs the first ready task. Returns whether there was one. */
bool async_loop_run_one_task(struct async_loop *loop);

/* async_loop_next_timer_ns - when the earliest timer is due; ASYNC_NEVER without timers. */
int64_t async_loop_next_timer_ns(const struct async_loop *loop);

/*
 * async_loop_end_sleep - the backend has consumed its wake-up; the next post wakes it again. To be
 * called after the sleep and before async_loop_begin_turn(), so that no post is missed between.
 */
void async_loop_end_sleep(struct async_loop *loop);

/* async_loop_take_stop - whether a stop was asked for; it is consumed by asking. */
bool async_loop_take_stop(struct async_loop *loop);

/* async_loop_has_work - whether a task is ready or in the mailbox: the next turn must not sleep. */
bool async_loop_has_work(struct async_loop *loop);

ASYNC_END_DECLS

#endif
