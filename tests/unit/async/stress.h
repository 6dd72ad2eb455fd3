/* SPDX-License-Identifier: MIT */
/*
 * stress.h - players on eight loops, and the games they play: one game for each primitive.
 *
 * A player asks for something, waits, and is granted it, times out or is cancelled; granted, it
 * enters, stays a while and leaves. The games check what must hold inside, with plain variables, so
 * that the thread sanitizer sees when two are inside at once. stress_games.c has the games,
 * stress_meetings.c those at which many are told at once, test_stress.c the threads, and the choice
 * of who does what when.
 */
#ifndef STRESS_H
#define STRESS_H

#include <stdatomic.h>

#include <async/barrier.h>
#include <async/condition.h>
#include <async/event.h>
#include <async/keyed_lock.h>
#include <async/lock.h>
#include <async/once.h>
#include <async/queue.h>
#include <async/rate_limiter.h>
#include <async/rwlock.h>
#include <async/semaphore.h>

enum {
    STRESS_KEYS = 5,
    STRESS_UNITS = 3,
    STRESS_QUEUE_CAPACITY = 4,
    STRESS_RATE_PER_S = 20000,
    STRESS_BURST = 5,
    STRESS_PARTIES = 3,
    /* Where the order of grants can be seen, as only one is inside at a time. */
    STRESS_LINE_LOCK = 0,
    STRESS_LINE_ONCE = 1,
    STRESS_LINE_KEYS = 2, /* and those after it, one for each key */
    STRESS_LINES = STRESS_LINE_KEYS + STRESS_KEYS,
};

struct game;

struct parcel {
    struct async_queue_item item;
    bool is_inside; /* plain: whoever has the parcel may touch it */
    struct parcel *next;
};

/* One thread: its loop, its dice, and what only it touches. */
struct stress_thread {
    struct async_loop *loop;
    struct world *world;
    uint64_t random;
    unsigned players;
    struct parcel *parcels; /* those not in the queue */
    uint64_t asked[STRESS_LINES];
    uint64_t granted[STRESS_LINES];
    unsigned long grants, timeouts, cancels;
};

struct player {
    struct stress_thread *thread;
    const struct game *game;
    struct async_waiter *waiting; /* NULL while not waiting */
    struct async_waiter waiter;
    struct async_keyed_waiter keyed;
    struct async_queue_waiter queue;
    struct async_rate_waiter rate;
    struct async_condition_waiter condition;
    struct async_task step;   /* the next round, or the cancel or the leave that is due in a turn */
    struct async_timer pause; /* the same after some time */
    void (*then)(struct player *player);
    unsigned rounds;
    unsigned choice;  /* the game's: which key, read or write, put or get */
    uint64_t request; /* number of the request among those of this thread for the same thing */
};

struct world {
    struct async_lock lock;
    long lock_visits; /* plain, guarded by the lock under test; and so on below */
    bool lock_is_inside;

    struct async_rwlock rwlock;
    long rwlock_writes;
    atomic_int rwlock_readers;

    struct async_semaphore semaphore;
    atomic_int semaphore_inside;

    struct async_keyed_lock *keyed;
    char keys[STRESS_KEYS];
    long key_visits[STRESS_KEYS];

    struct async_queue queue;
    atomic_long puts, gets;

    struct async_once once;
    long leads;

    struct async_rate_limiter rate;
    atomic_long tokens;

    struct async_lock pot_lock;
    struct async_condition pot_filled;
    long pot_coins, pot_added, pot_taken;

    struct async_event event;
    atomic_long event_sets, event_visits;

    struct async_barrier barrier;
    atomic_long barrier_visits, barrier_arrivals;
};

/* Where a player is after a grant. */
enum place { OUTSIDE, INSIDE, WAITING_AGAIN };

/* All of a game's functions are called on the player's loop. */
struct game {
    const char *name;
    bool needs_deadline; /* its waits would not end by themselves */
    /* Sets `waiting` and begins the wait. */
    void (*ask)(struct player *player, int64_t deadline_ns);
    /* The wait ended with a grant. */
    enum place (*enter)(struct player *player, int status);
    /* The wait ended without; NULL if there is nothing to do then. */
    void (*give_up)(struct player *player, bool is_cancelled);
    void (*leave)(struct player *player);
};

extern const struct game *const stress_games[];
extern const unsigned stress_game_count;
extern const struct game stress_event_game, stress_barrier_game;

/* test_stress.c: the result of a wait, whichever of the player's waiters it was. */
void player_told(struct player *player, int status);

/* The player's plain waiter, about to wait until `deadline_ns`. */
struct async_waiter *player_waiter(struct player *player, int64_t deadline_ns);

/* The players' waiters, for waits that end in player_told(). */
void player_init_waiters(struct player *player);

/* stress_world.c: everything free and empty. */
void world_init(struct world *world);

/* What must hold when all have left: everything is free, and the sums are right. */
void world_check_and_fini(struct world *world, int64_t elapsed_ns);

/* A number below `below`, from the thread's dice. */
uint32_t stress_random(struct stress_thread *thread, uint32_t below);

#endif
