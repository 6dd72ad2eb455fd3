/* SPDX-License-Identifier: MIT */
/*
 * test_stress.c - eight threads hammer all primitives at once, with cancels and short deadlines.
 *
 * Each thread is a loop with several players; each player plays round after round: choose a game,
 * ask, and either wait, or set a deadline, or be cancelled at once, in the next turn or after some
 * microseconds. What must hold inside is in stress_games.c. Here: every wait settles exactly once,
 * by grant, timeout or cancel, and all players come to their end, so that no grant was lost.
 *
 * The number of rounds is fixed. The seed decides what the players choose; the schedule of the
 * threads is the system's. STRESS_SEED in the environment sets it.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cmocka_all.h"
#include "stress.h"

enum {
    THREADS = 8,
    PLAYERS = 8, /* on each thread */
    ROUNDS = 2000,
    PARCELS = 3, /* each thread has at first */
};

static void start_round(struct player *player);

uint32_t stress_random(struct stress_thread *thread, uint32_t below)
{
    thread->random = thread->random * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)((thread->random >> 33) % below);
}

static int64_t in_microseconds(struct player *player, uint32_t below)
{
    return async_loop_now_ns(player->thread->loop) +
           (int64_t)stress_random(player->thread, below) * 1000;
}

static void do_next_turn(struct player *player, void (*then)(struct player *player))
{
    player->then = then;
    async_loop_post(player->thread->loop, &player->step);
}

static void do_later(struct player *player, void (*then)(struct player *player))
{
    player->then = then;
    async_timer_arm(&player->pause, player->thread->loop, in_microseconds(player, 200));
}

static void on_step(struct async_task *task)
{
    struct player *player = async_container_of(task, struct player, step);
    player->then(player);
}

static void on_pause(struct async_timer *timer)
{
    struct player *player = async_container_of(timer, struct player, pause);
    player->then(player);
}

static void end_round(struct player *player)
{
    struct stress_thread *thread = player->thread;

    assert(player->waiting == NULL);
    player->rounds--;
    if (player->rounds > 0) {
        do_next_turn(player, start_round);
        return;
    }
    thread->players--;
    if (thread->players == 0)
        async_loop_stop(thread->loop);
}

static void leave(struct player *player)
{
    player->game->leave(player);
    end_round(player);
}

static void cancel(struct player *player)
{
    struct async_waiter *waiter = player->waiting;
    bool was_pending;

    player->waiting = NULL;
    was_pending = async_waiter_cancel(waiter);
    assert(was_pending);
    player->thread->cancels++;
    if (player->game->give_up != NULL)
        player->game->give_up(player, true);
    end_round(player);
}

/* A wait has begun: will it be cancelled, and when? */
static void choose_cancel(struct player *player)
{
    switch (stress_random(player->thread, 8)) {
    case 0:
        cancel(player);
        break;
    case 1:
        do_next_turn(player, cancel);
        break;
    case 2:
        do_later(player, cancel);
        break;
    default:
        break;
    }
}

static void choose_leave(struct player *player)
{
    switch (stress_random(player->thread, 8)) {
    case 0:
        do_later(player, leave);
        break;
    case 1:
    case 2:
        do_next_turn(player, leave);
        break;
    default:
        leave(player);
        break;
    }
}

static void start_round(struct player *player)
{
    struct stress_thread *thread = player->thread;
    const struct game *game = stress_games[stress_random(thread, stress_game_count)];
    int64_t deadline_ns = ASYNC_NEVER;

    if (game->needs_deadline || stress_random(thread, 4) == 0)
        deadline_ns = in_microseconds(player, 1000);
    player->game = game;
    game->ask(player, deadline_ns);
    choose_cancel(player);
}

void player_told(struct player *player, int status)
{
    struct stress_thread *thread = player->thread;

    /* Not after a cancel, and not twice. */
    assert(player->waiting != NULL);
    assert(async_loop_is_current(thread->loop));
    player->waiting = NULL;
    async_timer_disarm(&player->pause);
    async_loop_unpost(thread->loop, &player->step);
    if (status < 0) {
        assert(status == -ETIMEDOUT || (status == -EPIPE && player->game == &stress_barrier_game));
        thread->timeouts++; /* or sent away by a reset of the barrier */
        if (player->game->give_up != NULL)
            player->game->give_up(player, false);
        end_round(player);
        return;
    }
    thread->grants++;
    switch (player->game->enter(player, status)) {
    case OUTSIDE:
        end_round(player);
        break;
    case INSIDE:
        choose_leave(player);
        break;
    case WAITING_AGAIN:
        choose_cancel(player);
        break;
    }
}

static void player_init(struct player *player, struct stress_thread *thread)
{
    *player = (struct player){.thread = thread, .rounds = ROUNDS};
    async_task_init(&player->step, on_step);
    async_timer_init(&player->pause, on_pause);
    player_init_waiters(player);
}

static void *run_thread(void *context)
{
    struct stress_thread *thread = context;
    struct player players[PLAYERS];
    struct parcel *parcels;
    int err;

    for (unsigned i = 0; i < PLAYERS; i++) {
        player_init(&players[i], thread);
        do_next_turn(&players[i], start_round);
    }
    thread->players = PLAYERS;
    err = async_loop_run(thread->loop);
    assert(err == 0);
    for (parcels = thread->parcels; parcels != NULL; parcels = parcels->next)
        assert(!parcels->is_inside);
    return NULL;
}

static int64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * ASYNC_S + now.tv_nsec;
}

static uint64_t choose_seed(void)
{
    const char *wanted = getenv("STRESS_SEED");
    return wanted != NULL ? strtoull(wanted, NULL, 0) : (uint64_t)clock_ns();
}

static void test_all_primitives_hold_under_eight_threads(void **state)
{
    static struct world world;
    static struct stress_thread threads[THREADS];
    static struct parcel parcels[THREADS * PARCELS];
    pthread_t ids[THREADS];
    unsigned long grants = 0, timeouts = 0, cancels = 0;
    const uint64_t seed = choose_seed();
    const int64_t begin_ns = clock_ns();

    (void)state;
    printf("STRESS_SEED=%" PRIu64 "\n", seed);
    world_init(&world);
    for (unsigned i = 0; i < THREADS * PARCELS; i++) {
        parcels[i].next = threads[i % THREADS].parcels;
        threads[i % THREADS].parcels = &parcels[i];
    }
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i].world = &world;
        threads[i].random = seed + i * 0x9e3779b97f4a7c15U;
        assert_int_equal(async_loop_new(&threads[i].loop), 0);
        assert_int_equal(pthread_create(&ids[i], NULL, run_thread, &threads[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(ids[i], NULL), 0);
        grants += threads[i].grants;
        timeouts += threads[i].timeouts;
        cancels += threads[i].cancels;
    }
    for (unsigned i = 0; i < THREADS; i++)
        async_loop_free(threads[i].loop);
    world_check_and_fini(&world, clock_ns() - begin_ns);
    printf("%lu grants, %lu timeouts, %lu cancels\n", grants, timeouts, cancels);
    /* A condition's round may have two grants, one for the lock and one for the coin. */
    assert_true(grants + timeouts + cancels >= (unsigned long)THREADS * PLAYERS * ROUNDS);
    assert_true(grants > 0 && timeouts > 0 && cancels > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_primitives_hold_under_eight_threads),
    };
    return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}
