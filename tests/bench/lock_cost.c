/* SPDX-License-Identifier: MIT */
/*
 * lock_cost.c - what the locks cost: alone, handed over within a loop, handed over between loops,
 * and by the million.
 *
 *     lock_cost [ROUNDS]
 *
 * Prints one line per case: its name, the median of the rounds and the spread, in nanoseconds
 * unless the name says otherwise. Bounded work. The cases are measured in turn within each round,
 * so that a noisy neighbour disturbs all of them alike. asyncio_lock_cost.py measures the same.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <async/keyed_lock.h>
#include <async/lock.h>
#include <async/manual_loop.h>

#include "clock.h"

enum {
    ROUNDS_MAX = 99,
    UNCONTENDED = 2000000,
    GRANTED = 500000,
    HANDED_OVER = 500000,
    BETWEEN = 20000,
    KEYS = 1000000,
    KEY_BYTES = 16,
};

/* For what one thread does alone, its processor time: what others run meanwhile does not count. */
static int64_t spent_ns(void)
{
    return clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
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
    begin_ns = spent_ns();
    for (int i = 0; i < UNCONTENDED; i++) {
        if (!async_lock_try_acquire(&lock, &waiter))
            exit(1);
        check(async_lock_release(&lock, &waiter));
    }
    took_ns = spent_ns() - begin_ns;
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
    begin_ns = spent_ns();
    check(async_loop_run(loop));
    took_ns = spent_ns() - begin_ns;
    async_lock_fini(&lock);
    async_loop_free(loop);
    return (double)took_ns / grants;
}

struct player {
    struct async_waiter waiter;
    struct async_lock *lock;
    pthread_barrier_t *all_wait;
    unsigned nth;
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

/* On the nth processor, where there are so many: on one, no loop ever has to be woken. */
static void pin(unsigned nth)
{
    cpu_set_t allowed, one;

    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        die("asking for the processors");
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &allowed) && nth-- == 0)
            CPU_SET(cpu, &one);
    }
    if (CPU_COUNT(&one) == 1 && sched_setaffinity(0, sizeof(one), &one) != 0)
        die("choosing a processor");
}

struct waker {
    int own_fd, other_fd;
    unsigned nth;
};

static void *wake_each_other(void *context)
{
    struct waker *self = context;
    uint64_t one = 1;

    pin(self->nth);
    for (unsigned i = 0; i < BETWEEN; i++) {
        if ((self->nth == 1 && read(self->own_fd, &one, sizeof(one)) < 0) ||
            write(self->other_fd, &one, sizeof(one)) < 0 ||
            (self->nth == 0 && read(self->own_fd, &one, sizeof(one)) < 0))
            die("waking the other");
    }
    return NULL;
}

/* The base: two threads that do nothing but wake each other, as loops are woken. */
static double wake_ns(void)
{
    int fds[2] = {eventfd(0, 0), eventfd(0, 0)};
    struct waker wakers[2];
    pthread_t threads[2];
    int64_t begin_ns = clock_now_ns();

    for (unsigned i = 0; i < 2; i++) {
        wakers[i] = (struct waker){.own_fd = fds[i], .other_fd = fds[1 - i], .nth = i};
        check(-pthread_create(&threads[i], NULL, wake_each_other, &wakers[i]));
    }
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    close(fds[0]);
    close(fds[1]);
    return (double)(clock_now_ns() - begin_ns) / (2.0 * BETWEEN);
}

static void *play(void *context)
{
    struct player *self = context;
    struct async_loop *loop;

    pin(self->nth);
    check(async_loop_new(&loop));
    async_waiter_init(&self->waiter, loop, on_player);
    async_lock_acquire(self->lock, &self->waiter);
    pthread_barrier_wait(self->all_wait);
    check(async_loop_run(loop));
    async_loop_free(loop);
    return NULL;
}

/* Two loops in two threads hand the lock to and fro, once both of them wait for it. */
static double two_loops_ns(void)
{
    struct player players[2];
    pthread_t threads[2];
    struct async_lock lock;
    struct async_loop *loop;
    struct async_waiter first;
    pthread_barrier_t all_wait;
    int64_t begin_ns;
    int64_t took_ns;

    check(async_manual_loop_new(&loop));
    async_lock_init(&lock);
    async_waiter_init(&first, loop, on_nothing);
    if (!async_lock_try_acquire(&lock, &first))
        die("a free lock");
    check(-pthread_barrier_init(&all_wait, NULL, 3));
    for (unsigned i = 0; i < 2; i++) {
        players[i] =
            (struct player){.lock = &lock, .all_wait = &all_wait, .nth = i, .left = BETWEEN};
        check(-pthread_create(&threads[i], NULL, play, &players[i]));
    }
    pthread_barrier_wait(&all_wait);
    begin_ns = clock_now_ns();
    check(async_lock_release(&lock, &first));
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    took_ns = clock_now_ns() - begin_ns;
    pthread_barrier_destroy(&all_wait);
    async_lock_fini(&lock);
    async_loop_free(loop);
    return (double)took_ns / (2.0 * BETWEEN);
}

static void *allocate(size_t count, size_t bytes)
{
    void *memory = calloc(count, bytes);

    if (memory == NULL)
        die("memory");
    return memory;
}

static long resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;

    if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1)
        die("/proc/self/statm");
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

struct keyed_cost {
    double acquire_ns, longest_us, release_ns, bytes;
};

/* A million keys held at once by as many waiters, which are part of the cost; the keys' own bytes
 * are the caller's, as everywhere. */
static struct keyed_cost keyed_cost(char (*keys)[KEY_BYTES])
{
    struct keyed_cost cost = {.longest_us = 0};
    struct async_keyed_waiter *waiters;
    struct async_keyed_lock *lock;
    struct async_loop *loop;
    long before_bytes = resident_bytes();
    int64_t begin_ns = spent_ns();
    int64_t last_ns;

    waiters = allocate(KEYS, sizeof(*waiters));
    memset(waiters, 1, KEYS * sizeof(*waiters)); /* or the longest acquire is that of a page */
    check(async_manual_loop_new(&loop));
    check(async_keyed_lock_new(&lock));
    last_ns = clock_now_ns();
    for (int i = 0; i < KEYS; i++) {
        int64_t now_ns;

        async_keyed_waiter_init(&waiters[i], lock, loop, on_nothing, keys[i], KEY_BYTES);
        if (!async_keyed_lock_try_acquire(lock, &waiters[i]))
            die("a free key");
        now_ns = clock_now_ns();
        cost.longest_us = now_ns - last_ns > (int64_t)(cost.longest_us * 1000)
                              ? (double)(now_ns - last_ns) / 1000
                              : cost.longest_us;
        last_ns = now_ns;
    }
    cost.acquire_ns = (double)(spent_ns() - begin_ns) / KEYS;
    cost.bytes = (double)(resident_bytes() - before_bytes) / KEYS;
    begin_ns = spent_ns();
    for (int i = 0; i < KEYS; i++)
        check(async_keyed_lock_release(lock, &waiters[i]));
    cost.release_ns = (double)(spent_ns() - begin_ns) / KEYS;
    async_keyed_lock_free(lock);
    async_loop_free(loop);
    free(waiters);
    return cost;
}

static int compare(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;

    return difference < 0 ? -1 : difference > 0;
}

enum { CASES = 9 };

/* The cases, in the order of their samples. */
static const char *const names[CASES] = {
    "uncontended",   "granted",       "handed_over",      "between_loops", "wake",
    "keyed_acquire", "keyed_release", "keyed_longest_us", "keyed_bytes",
};

static void measure_round(double samples[CASES][ROUNDS_MAX], int round, char (*keys)[KEY_BYTES])
{
    struct keyed_cost keyed;

    samples[0][round] = uncontended_ns();
    samples[1][round] = one_loop_ns(1, GRANTED);
    samples[2][round] = one_loop_ns(8, HANDED_OVER);
    samples[3][round] = two_loops_ns();
    samples[4][round] = wake_ns();
    keyed = keyed_cost(keys);
    samples[5][round] = keyed.acquire_ns;
    samples[6][round] = keyed.release_ns;
    samples[7][round] = keyed.longest_us;
    samples[8][round] = keyed.bytes;
}

int main(int count, char **arguments)
{
    static double samples[CASES][ROUNDS_MAX];
    int rounds = count > 1 ? (int)strtol(arguments[1], NULL, 10) : 9;
    char(*keys)[KEY_BYTES];

    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: lock_cost [ROUNDS]\n");
        return 2;
    }
    keys = allocate(KEYS, KEY_BYTES);
    for (int i = 0; i < KEYS; i++)
        snprintf(keys[i], KEY_BYTES, "/path/%09d", i);
    for (int round = 0; round < rounds; round++)
        measure_round(samples, round, keys);
    for (int i = 0; i < CASES; i++) {
        qsort(samples[i], (size_t)rounds, sizeof(samples[i][0]), compare);
        printf("%s %.1f %.1f %.1f\n", names[i], samples[i][(rounds - 1) / 2], samples[i][0],
               samples[i][rounds - 1]);
    }
    free(keys);
    return 0;
}
