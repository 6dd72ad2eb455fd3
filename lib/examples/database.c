/* SPDX-License-Identifier: MIT */
/*
 * database.c - tasks that change a row of an SQLite database, and a database that may block.
 *
 * SQLite answers inside the call, however long the disk takes. So that the loop does not stand
 * still meanwhile, its calls are made on a worker: a thread with a loop of its own, to which tasks
 * are posted, and which posts the answers back.
 *
 * A row is read, a task computes with it, and the result is written. In between, other tasks use
 * the worker; the lock keeps them from computing with what is about to change.
 */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include <async/lock.h>

enum { DEPOSITS = 20, AMOUNT = 5 };

struct bank {
    struct async_loop *loop;
    struct async_loop *worker;
    sqlite3 *database; /* the worker's, while it runs */
    struct async_lock row_lock;
    bool uses_lock;
    int running;
};

struct deposit {
    struct bank *bank;
    struct async_waiter waiter;
    struct async_task step; /* what is to be done next, on the worker or on the loop */
    int balance;
};

static int run_sql(sqlite3 *database, const char *sql, int argument)
{
    sqlite3_stmt *statement;
    int value = 0;

    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK)
        abort();
    sqlite3_bind_int(statement, 1, argument);
    if (sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int(statement, 0);
    if (sqlite3_finalize(statement) != SQLITE_OK)
        abort();
    return value;
}

static void go_on(struct deposit *deposit, struct async_loop *where, async_task_fn *step)
{
    async_task_init(&deposit->step, step);
    async_loop_post(where, &deposit->step);
}

static void on_written(struct async_task *step)
{
    struct deposit *deposit = async_container_of(step, struct deposit, step);
    struct bank *bank = deposit->bank;

    if (bank->uses_lock)
        async_lock_release(&bank->row_lock, &deposit->waiter);
    bank->running--;
    if (bank->running == 0)
        async_loop_stop(bank->loop);
}

static void on_worker_write(struct async_task *step)
{
    struct deposit *deposit = async_container_of(step, struct deposit, step);
    struct bank *bank = deposit->bank;

    run_sql(bank->database, "UPDATE account SET balance = ? WHERE id = 1", deposit->balance);
    go_on(deposit, bank->loop, on_written);
}

static void on_read(struct async_task *step)
{
    struct deposit *deposit = async_container_of(step, struct deposit, step);

    deposit->balance += AMOUNT;
    go_on(deposit, deposit->bank->worker, on_worker_write);
}

static void on_worker_read(struct async_task *step)
{
    struct deposit *deposit = async_container_of(step, struct deposit, step);
    struct bank *bank = deposit->bank;

    deposit->balance = run_sql(bank->database, "SELECT balance FROM account WHERE id = ?", 1);
    go_on(deposit, bank->loop, on_read);
}

static void on_locked(struct async_waiter *waiter, int status)
{
    struct deposit *deposit = async_container_of(waiter, struct deposit, waiter);

    if (status == 0) /* always: there is no deadline and nobody cancels */
        go_on(deposit, deposit->bank->worker, on_worker_read);
}

static void *run_worker(void *loop)
{
    return async_loop_run(loop) < 0 ? loop : NULL;
}

static int run_bank(bool uses_lock)
{
    struct bank bank = {.uses_lock = uses_lock, .running = DEPOSITS};
    struct deposit deposits[DEPOSITS];
    pthread_t worker;
    int balance;

    if (async_loop_new(&bank.loop) < 0 || async_loop_new(&bank.worker) < 0 ||
        sqlite3_open(":memory:", &bank.database) != SQLITE_OK)
        abort();
    run_sql(bank.database, "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER)", 0);
    run_sql(bank.database, "INSERT INTO account VALUES (1, ?)", 0);
    async_lock_init(&bank.row_lock);
    if (pthread_create(&worker, NULL, run_worker, bank.worker) != 0)
        abort();
    for (int i = 0; i < DEPOSITS; i++) {
        deposits[i].bank = &bank;
        async_waiter_init(&deposits[i].waiter, bank.loop, on_locked);
        if (uses_lock)
            async_lock_acquire(&bank.row_lock, &deposits[i].waiter);
        else
            go_on(&deposits[i], bank.worker, on_worker_read);
    }
    async_loop_run(bank.loop);
    async_loop_stop(bank.worker);
    pthread_join(worker, NULL);
    balance = run_sql(bank.database, "SELECT balance FROM account WHERE id = ?", 1);
    async_lock_fini(&bank.row_lock);
    sqlite3_close(bank.database);
    async_loop_free(bank.worker);
    async_loop_free(bank.loop);
    return balance;
}

int main(void)
{
    int without = run_bank(false);
    int with = run_bank(true);

    printf("%d deposits of %d into one account\n", DEPOSITS, AMOUNT);
    printf("without a lock  the balance is %3d\n", without);
    printf("with a lock     the balance is %3d\n", with);
    return without < DEPOSITS * AMOUNT && with == DEPOSITS * AMOUNT ? EXIT_SUCCESS : EXIT_FAILURE;
}
