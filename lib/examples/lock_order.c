/* SPDX-License-Identifier: MIT */
/*
 * lock_order.c - the deadlock that comes of locking in different orders, and how to rule it out.
 *
 * Two tasks move money between two accounts, one from A to B and one from B to A. If each locks
 * first the account it takes from, both can get their first lock and then wait for the other's,
 * for ever. Deadlines find it: the wait for the second lock times out, the circle can be shown,
 * and by giving up its first lock the task lets the other go on. But then work is lost, or done
 * again. Better that there is no circle: if everybody locks A before B, whoever has A can get B.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <async/lock.h>

enum { ACCOUNTS = 2, TASKS = 2, BALANCE = 100, AMOUNT = 30 };

struct account {
    struct async_lock lock;
    char name;
    int balance;
};

struct task {
    struct bank *bank;
    int number;
    struct account *from, *to;
    struct account *locks_first, *locks_second;
    struct async_waiter first, second;
};

struct bank {
    struct async_loop *loop;
    struct account accounts[ACCOUNTS];
    struct task tasks[TASKS];
    int moved, gave_up;
};

static void finish(struct task *task)
{
    struct bank *bank = task->bank;

    async_lock_release(&task->locks_first->lock, &task->first);
    if (bank->moved + bank->gave_up == TASKS)
        async_loop_stop(bank->loop);
}

static void show_circle(const struct task *task)
{
    const struct async_waiter *holder = async_lock_holder(&task->locks_second->lock);

    for (int i = 0; i < TASKS; i++) {
        const struct task *other = &task->bank->tasks[i];

        if (holder == &other->first)
            printf("  task %d has %c and waits for %c, task %d has %c and waits for %c\n",
                   task->number, task->locks_first->name, task->locks_second->name, other->number,
                   other->locks_first->name, other->locks_second->name);
    }
}

static void on_second(struct async_waiter *waiter, int status)
{
    struct task *task = async_container_of(waiter, struct task, second);

    if (status == -ETIMEDOUT) {
        show_circle(task);
        printf("  task %d gives up\n", task->number);
        task->bank->gave_up++;
        finish(task);
        return;
    }
    task->from->balance -= AMOUNT;
    task->to->balance += AMOUNT;
    printf("  task %d moves %d from %c to %c\n", task->number, AMOUNT, task->from->name,
           task->to->name);
    task->bank->moved++;
    async_lock_release(&task->locks_second->lock, &task->second);
    finish(task);
}

static void on_first(struct async_waiter *waiter, int status)
{
    struct task *task = async_container_of(waiter, struct task, first);

    if (status < 0)
        abort(); /* no deadline, no cancel: it cannot fail */
    task->second.deadline_ns = async_loop_now_ns(task->bank->loop) + 50 * ASYNC_MS;
    async_lock_acquire(&task->locks_second->lock, &task->second);
}

static void start(struct bank *bank, int number, struct account *from, struct account *to,
                  bool is_ordered)
{
    struct task *task = &bank->tasks[number - 1];
    bool swaps = is_ordered && from > to; /* any order will do, if all keep to it */

    *task = (struct task){.bank = bank, .number = number, .from = from, .to = to};
    task->locks_first = swaps ? to : from;
    task->locks_second = swaps ? from : to;
    async_waiter_init(&task->first, bank->loop, on_first);
    async_waiter_init(&task->second, bank->loop, on_second);
    async_lock_acquire(&task->locks_first->lock, &task->first);
}

/* Returns how many transfers were made. */
static int run_bank(bool is_ordered)
{
    struct bank bank = {0};

    if (async_loop_new(&bank.loop) < 0)
        abort();
    for (int i = 0; i < ACCOUNTS; i++) {
        bank.accounts[i] = (struct account){.name = (char)('A' + i), .balance = BALANCE};
        async_lock_init(&bank.accounts[i].lock);
    }
    start(&bank, 1, &bank.accounts[0], &bank.accounts[1], is_ordered);
    start(&bank, 2, &bank.accounts[1], &bank.accounts[0], is_ordered);
    async_loop_run(bank.loop);
    if (bank.accounts[0].balance + bank.accounts[1].balance != ACCOUNTS * BALANCE)
        abort(); /* money was made or lost */
    for (int i = 0; i < ACCOUNTS; i++)
        async_lock_fini(&bank.accounts[i].lock);
    async_loop_free(bank.loop);
    return bank.moved;
}

int main(void)
{
    int unordered, ordered;

    printf("each locks first what it takes from\n");
    unordered = run_bank(false);
    printf("all lock A before B\n");
    ordered = run_bank(true);
    return unordered == TASKS - 1 && ordered == TASKS ? EXIT_SUCCESS : EXIT_FAILURE;
}
