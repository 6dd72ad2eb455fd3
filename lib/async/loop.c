/* SPDX-License-Identifier: MIT */
/*
 * loop.c - what all kinds of loop have in common: tasks, the mailbox, the clock of a turn.
 *
 * A task is idle, ready (in the list of its loop, touched by the loop's thread alone) or in the
 * mailbox (under its mutex). Only the loop's thread moves it from the mailbox to the ready list,
 * so that thread can take back a task wherever it is. The first post into an empty mailbox wakes
 * the loop; those that follow before the loop has looked cost no wake-up.
 *
 * Timers are in timer.c; sleeping and file descriptors are the backend's.
 */
#include <assert.h>
#include <errno.h>

#include <async/loop_backend.h>

#include "capability.h"

struct async_capability async_waitq_class;
struct async_capability async_inbox_class;
struct async_capability async_on_loop;

enum async_task_place { TASK_IDLE, TASK_READY, TASK_IN_MAILBOX };

/* Changes to and from IN_MAILBOX are made under the mailbox's mutex, the others by the loop's own
 * thread, which may look without it. */
static enum async_task_place place_of(const struct async_task *task)
{
    return atomic_load_explicit(&task->place, memory_order_relaxed);
}

static void set_place(struct async_task *task, enum async_task_place place)
{
    atomic_store_explicit(&task->place, (unsigned char)place, memory_order_relaxed);
}

static void inbox_lock(struct async_loop *loop)
    ASYNC_ACQUIRE(async_inbox_class) ASYNC_UNCHECKED_LOCKING
{
    mutex_lock(&loop->inbox_mutex);
}

static void inbox_unlock(struct async_loop *loop)
    ASYNC_RELEASE(async_inbox_class) ASYNC_UNCHECKED_LOCKING
{
    mutex_unlock(&loop->inbox_mutex);
}

int async_loop_init(struct async_loop *loop,
                    const struct async_loop_ops *ops) ASYNC_UNCHECKED_LOCKING
{
    int err = pthread_mutex_init(&loop->inbox_mutex, NULL);
    if (err != 0)
        return -err;
    loop->ops = ops;
    atomic_init(&loop->owner, pthread_self());
    atomic_init(&loop->is_running, false);
    async_list_init(&loop->ready);
    async_list_init(&loop->inbox);
    loop->is_woken = false;
    loop->timers = NULL;
    loop->timer_sequence = 0;
    atomic_init(&loop->inbox_has_tasks, false);
    atomic_init(&loop->stop_asked, false);
    loop->now_ns = ops->clock_ns(loop);
    return 0;
}

void async_loop_fini(struct async_loop *loop)
{
    pthread_mutex_destroy(&loop->inbox_mutex);
}

void async_loop_free(struct async_loop *loop)
{
    if (loop == NULL)
        return;
    assert(!atomic_load(&loop->is_running));
    loop->ops->free(loop);
}

int async_loop_run(struct async_loop *loop)
{
    int err;

    /* In this order: whoever sees it running also sees whose it is. */
    atomic_store(&loop->owner, pthread_self());
    atomic_store(&loop->is_running, true);
    err = loop->ops->run(loop);
    atomic_store(&loop->is_running, false);
    return err;
}

void async_loop_stop(struct async_loop *loop)
{
    atomic_store(&loop->stop_asked, true);
    inbox_lock(loop);
    if (!loop->is_woken) {
        loop->is_woken = true;
        loop->ops->wake(loop);
    }
    inbox_unlock(loop);
}

int64_t async_loop_now_ns(const struct async_loop *loop)
{
    return loop->now_ns;
}

void async_loop_update_now(struct async_loop *loop)
{
    loop->now_ns = loop->ops->clock_ns(loop);
}

bool async_loop_is_current(const struct async_loop *loop)
{
    pthread_t owner = atomic_load_explicit(&loop->owner, memory_order_relaxed);
    return pthread_equal(owner, pthread_self()) != 0;
}

void async_loop_assert_current(const struct async_loop *loop) ASYNC_UNCHECKED_LOCKING
{
    assert(async_loop_is_current(loop));
}

void async_task_init(struct async_task *task, async_task_fn *run)
{
    async_list_init(&task->node);
    task->run = run;
    atomic_init(&task->place, TASK_IDLE);
}

static void post_to_mailbox(struct async_loop *loop, struct async_task *task)
{
    inbox_lock(loop);
    assert(place_of(task) == TASK_IDLE);
    set_place(task, TASK_IN_MAILBOX);
    async_list_append(&loop->inbox, &task->node);
    atomic_store_explicit(&loop->inbox_has_tasks, true, memory_order_release);
    if (!loop->is_woken) {
        loop->is_woken = true;
        loop->ops->wake(loop);
    }
    inbox_unlock(loop);
}

void async_loop_post(struct async_loop *loop, struct async_task *task)
{
    /* Before it runs a loop may be about to change its thread, so the mailbox takes all posts. */
    if (!atomic_load_explicit(&loop->is_running, memory_order_acquire) ||
        !async_loop_is_current(loop)) {
        post_to_mailbox(loop, task);
        return;
    }
    assert(place_of(task) == TASK_IDLE);
    set_place(task, TASK_READY);
    async_list_append(&loop->ready, &task->node);
}

/*
 * A task that another thread is just posting is not our concern: the caller keeps other threads
 * from posting (a primitive's mutex does), or it cannot know that the task will not run.
 */
bool async_loop_unpost(struct async_loop *loop, struct async_task *task)
{
    bool was_posted;

    async_loop_assert_current(loop);
    /* Only this thread moves a task to the ready list, and out of it. */
    if (place_of(task) == TASK_READY) {
        async_list_remove(&task->node);
        set_place(task, TASK_IDLE);
        return true;
    }
    inbox_lock(loop);
    was_posted = place_of(task) != TASK_IDLE;
    async_list_remove(&task->node);
    set_place(task, TASK_IDLE);
    inbox_unlock(loop);
    return was_posted;
}

bool async_task_is_posted(const struct async_task *task)
{
    return place_of(task) != TASK_IDLE;
}

static void empty_mailbox(struct async_loop *loop)
{
    struct async_list *node;

    if (!atomic_load_explicit(&loop->inbox_has_tasks, memory_order_acquire))
        return;
    inbox_lock(loop);
    for (node = loop->inbox.next; node != &loop->inbox; node = node->next)
        set_place(async_container_of(node, struct async_task, node), TASK_READY);
    async_list_splice(&loop->ready, &loop->inbox);
    atomic_store_explicit(&loop->inbox_has_tasks, false, memory_order_relaxed);
    inbox_unlock(loop);
}

void async_loop_begin_turn(struct async_loop *loop)
{
    async_loop_update_now(loop);
    empty_mailbox(loop);
}

void async_loop_end_sleep(struct async_loop *loop)
{
    inbox_lock(loop);
    loop->is_woken = false;
    inbox_unlock(loop);
}

static void run_task(struct async_list *node)
{
    struct async_task *task = async_container_of(node, struct async_task, node);

    assert(place_of(task) == TASK_READY);
    async_list_remove(node);
    set_place(task, TASK_IDLE);
    task->run(task);
}

void async_loop_run_tasks(struct async_loop *loop)
{
    struct async_list batch;
    struct async_list *node;

    /* What these tasks post goes behind the batch, so that descriptors get their turn. A task of
     * the batch can still be taken back: it leaves whichever list it is in. */
    async_list_init(&batch);
    async_list_splice(&batch, &loop->ready);
    while ((node = async_list_first(&batch)) != NULL) {
        if (atomic_load_explicit(&loop->stop_asked, memory_order_relaxed))
            break;
        run_task(node);
    }
    /* After a stop the rest stays first in line for the next run. */
    assert(batch.next != NULL); /* the analyzer thinks that a task's atomic place may change it */
    async_list_splice(&batch, &loop->ready);
    async_list_splice(&loop->ready, &batch);
}

bool async_loop_run_one_task(struct async_loop *loop)
{
    struct async_list *node = async_list_first(&loop->ready);

    if (node == NULL)
        return false;
    run_task(node);
    return true;
}

bool async_loop_has_work(struct async_loop *loop)
{
    return !async_list_is_empty(&loop->ready) ||
           atomic_load_explicit(&loop->inbox_has_tasks, memory_order_acquire);
}

bool async_loop_take_stop(struct async_loop *loop)
{
    return atomic_exchange(&loop->stop_asked, false);
}
