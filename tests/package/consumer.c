/* SPDX-License-Identifier: MIT */
/*
 * consumer.c - a program as somebody else would write it, against the installed library alone.
 *
 * Two tasks of one loop ask for a lock; the second has it when the first has released it. Prints
 * who held it, in order. test_package.sh compiles it with nothing but what pkg-config says.
 */
#include <stdio.h>

#include <async/lock.h>
#include <async/loop.h>

struct task {
    struct async_waiter waiter;
    struct async_lock *lock;
    const char *name;
    bool is_last;
};

static void on_locked(struct async_waiter *waiter, int status)
{
    struct task *task = (struct task *)waiter; /* its first member */

    printf("%s: %s\n", task->name, async_error_text(status));
    status = async_lock_release(task->lock, waiter);
    if (status < 0 || task->is_last)
        async_loop_stop(waiter->loop);
}

int main(void)
{
    struct async_loop *loop;
    struct async_lock lock;
    struct task tasks[2] = {{.lock = &lock, .name = "first"},
                            {.lock = &lock, .name = "second", .is_last = true}};
    int status = async_loop_new(&loop);

    if (status < 0)
        return 1;
    async_lock_init(&lock);
    for (int i = 0; i < 2; i++) {
        async_waiter_init(&tasks[i].waiter, loop, on_locked);
        async_lock_acquire(&lock, &tasks[i].waiter);
    }
    status = async_loop_run(loop);
    async_lock_fini(&lock);
    async_loop_free(loop);
    return status < 0 ? 1 : 0;
}
