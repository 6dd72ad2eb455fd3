/* SPDX-License-Identifier: MIT */
/*
 * lock_cost.c - what the lock costs: alone, handed over within a loop, handed over between loops.
 *
 * Prints one line per case: the median of the rounds in nanoseconds, and the spread. Bounded work;
 * no argument. The cases are measured in turn within each round, so that a noisy neighbour
 * disturbs all of them alike.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <async/lock.h>
#include <async/manual_loop.h>

enum { ROUNDS = 9, UNCONTENDED = 2000000, GRANTED = 500000, HANDED_OVER = 500000, BETWEEN = 20000 };

static int64_t clock_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * ASYNC_S + now.tv_nsec;
}

static void check(int err)
{
    if (err == 0)
        return;
    fprintf(stderr, "lock_cost: %s\n", async_error_text(err));
    exit(1);
}

static void on_nothing(struct async_waiter *waiter, int status)
{
    (void)waiter;
    check(status);
}

/* try_acquire and release of a free lock. */
static double uncontended_ns(void)
{
    struct async_loop *loop;
    struct async_lock lock;
    struct async_waiter waiter;
    int64_t begin_ns;
    int64_t took_ns;

    check(async_manual_loop_new(&loop));
    async_lock_init(&lock);
    async_waiter_init(&waiter, loop, on_nothing);
    begin_ns = clock_now_ns();
    for (int i = 0; i < UNCONTENDED; i++) {
        if (!async_lock_try_acquire(&lock, &waiter))
            exit(1);
        check(async_lock_release(&lock, &waiter));
    }
    took_ns = clock_now_ns() - begin_ns;
    async_lock_fini(&lock);
    async_loop_free(loop);
    return (double)took_ns / UNCONTENDED;
}

struct chain {
    struct async_waiter waiter;
    struct async_lock *lock;
    unsigned *left;
};

static void on_chain(struct async_waiter *waiter, int status)
{
    struct chain *self = async_container_of(waiter, struct chain, waiter);

    check(status);
    check(async_lock_release(self->lock, waiter));
    if (*self->left > 0) {
        (*self->left)--;
        async_lock_acquire(self->lock, waiter);
    } else if (!async_lock_is_locked(self->lock)) {
        async_loop_stop(waiter->loop);
    }
}

/* `waiters` of one loop pass the lock round `grants` times; one alone is granted by the loop. */
static double one_loop_ns(unsigned waiters, unsigned grants)
{
    struct chain chains[8];
    struct async_loop *loop;
    struct async_lock lock;
    unsigned left = grants;
    int64_t begin_ns;
    int64_t took_ns;

    check(async_loop_new(&loop));
    async_lock_init(&lock);
    for (unsigned i = 0; i < waiters; i++) {
        chains[i] = (struct chain){.lock = &lock, .left = &left};
        async_waiter_init(&chains[i].waiter, loop, on_chain);
        async_lock_acquire(&lock, &chains[i].waiter);
    }
    begin_ns = clock_now_ns();
    check(async_loop_run(loop));
    took_ns = clock_now_ns() - begin_ns;
    async_lock_fini(&lock);
    async_loop_free(loop);
    return (double)took_ns / grants;
}

struct player {
    struct async_waiter waiter;
    struct async_lock *lock;
    unsigned left;
};

static void on_player(struct async_waiter *waiter, int status)
{
    struct player *self = async_container_of(waiter, struct player, waiter);

    check(status);
    check(async_lock_release(self->lock, waiter));
    if (--self->left > 0)
        async_lock_acquire(self->lock, waiter);
    else
        async_loop_stop(waiter->loop);
}

static void *play(void *context)
{
    struct player *self = context;
    struct async_loop *loop;

    check(async_loop_new(&loop));
    async_waiter_init(&self->waiter, loop, on_player);
    async_lock_acquire(self->lock, &self->waiter);
    check(async_loop_run(loop));
    async_loop_free(loop);
    return NULL;
}

/* Two loops in two threads hand the lock to and fro. */
static double two_loops_ns(void)
{
    struct player players[2];
    pthread_t threads[2];
    struct async_lock lock;
    int64_t begin_ns = clock_now_ns();

    async_lock_init(&lock);
    for (int i = 0; i < 2; i++) {
        players[i] = (struct player){.lock = &lock, .left = BETWEEN};
        check(-pthread_create(&threads[i], NULL, play, &players[i]));
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    async_lock_fini(&lock);
    return (double)(clock_now_ns() - begin_ns) / (2.0 * BETWEEN);
}

static int compare(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;

    return difference < 0 ? -1 : difference > 0;
}

static void print_row(const char *name, double samples[ROUNDS])
{
    qsort(samples, ROUNDS, sizeof(samples[0]), compare);
    printf("| %s | %.1f | %.1f to %.1f |\n", name, samples[ROUNDS / 2], samples[0],
           samples[ROUNDS - 1]);
}

int main(void)
{
    double alone[ROUNDS];
    double granted[ROUNDS];
    double within[ROUNDS];
    double between[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        alone[round] = uncontended_ns();
        granted[round] = one_loop_ns(1, GRANTED);
        within[round] = one_loop_ns(8, HANDED_OVER);
        between[round] = two_loops_ns();
    }
    printf("| lock | ns, median | spread |\n|---|---:|---:|\n");
    print_row("uncontended try_acquire and release", alone);
    print_row("acquire of a free lock, delivered by the loop, and release", granted);
    print_row("hand-over between eight waiters of one loop", within);
    print_row("hand-over between loops of two threads", between);
    return 0;
}
