/* SPDX-License-Identifier: MIT */
/*
 * stress_games.c - what each primitive promises, checked from the inside.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "stress.h"

/*
 * First come, first served, as far as one thread can see it: the requests it made for one thing are
 * granted in the order of asking, leaving out those that gave up.
 */
static void line_up(struct player *player, unsigned line)
{
    player->request = ++player->thread->asked[line];
}

static void check_turn(struct player *player, unsigned line)
{
    assert(player->request > player->thread->granted[line]);
    player->thread->granted[line] = player->request;
}

struct async_waiter *player_waiter(struct player *player, int64_t deadline_ns)
{
    player->waiter.deadline_ns = deadline_ns;
    player->waiting = &player->waiter;
    return &player->waiter;
}

/* lock: never two inside. */
static void lock_ask(struct player *player, int64_t deadline_ns)
{
    line_up(player, STRESS_LINE_LOCK);
    async_lock_acquire(&player->thread->world->lock, player_waiter(player, deadline_ns));
}

static enum place lock_enter(struct player *player, int status)
{
    struct world *world = player->thread->world;

    assert(status == 0);
    assert(!world->lock_is_inside);
    world->lock_is_inside = true;
    world->lock_visits++;
    assert(async_lock_holder(&world->lock) == &player->waiter);
    check_turn(player, STRESS_LINE_LOCK);
    return INSIDE;
}

static void lock_leave(struct player *player)
{
    struct world *world = player->thread->world;
    int err;

    world->lock_is_inside = false;
    err = async_lock_release(&world->lock, &player->waiter);
    assert(err == 0);
}

/* rwlock: a writer is alone. */
enum { READS, WRITES };

static void rwlock_ask(struct player *player, int64_t deadline_ns)
{
    struct world *world = player->thread->world;

    player->choice = stress_random(player->thread, 3) == 0 ? WRITES : READS;
    if (player->choice == WRITES)
        async_rwlock_acquire_write(&world->rwlock, player_waiter(player, deadline_ns));
    else
        async_rwlock_acquire_read(&world->rwlock, player_waiter(player, deadline_ns));
}

static enum place rwlock_enter(struct player *player, int status)
{
    struct world *world = player->thread->world;
    int err;

    assert(status == 0);
    if (player->choice == WRITES) {
        assert(atomic_load(&world->rwlock_readers) == 0);
        world->rwlock_writes++;
        if (stress_random(player->thread, 4) > 0)
            return INSIDE;
        err = async_rwlock_downgrade(&world->rwlock, &player->waiter);
        assert(err == 0);
        player->choice = READS;
    }
    atomic_fetch_add(&world->rwlock_readers, 1);
    assert(world->rwlock_writes >= 0); /* read: a writer beside us would be a data race */
    return INSIDE;
}

static void rwlock_leave(struct player *player)
{
    struct world *world = player->thread->world;
    int err;

    if (player->choice == READS)
        atomic_fetch_sub(&world->rwlock_readers, 1);
    err = async_rwlock_release(&world->rwlock, &player->waiter);
    assert(err == 0);
}

/* semaphore: never more inside than there are units. */
static void semaphore_ask(struct player *player, int64_t deadline_ns)
{
    async_semaphore_acquire(&player->thread->world->semaphore, player_waiter(player, deadline_ns));
}

static enum place semaphore_enter(struct player *player, int status)
{
    int inside = atomic_fetch_add(&player->thread->world->semaphore_inside, 1) + 1;

    assert(status == 0);
    assert(inside <= STRESS_UNITS);
    return INSIDE;
}

static void semaphore_leave(struct player *player)
{
    struct world *world = player->thread->world;
    int err;

    atomic_fetch_sub(&world->semaphore_inside, 1);
    err = async_semaphore_release(&world->semaphore);
    assert(err == 0);
}

/* keyed lock: never two with one key. */
static void on_keyed(struct async_waiter *waiter, int status)
{
    player_told(async_container_of(waiter, struct player, keyed.waiter), status);
}

static void keyed_ask(struct player *player, int64_t deadline_ns)
{
    struct world *world = player->thread->world;

    player->choice = stress_random(player->thread, STRESS_KEYS);
    async_keyed_waiter_init(&player->keyed, world->keyed, player->thread->loop, on_keyed,
                            &world->keys[player->choice], 1);
    player->keyed.waiter.deadline_ns = deadline_ns;
    player->waiting = &player->keyed.waiter;
    line_up(player, STRESS_LINE_KEYS + player->choice);
    async_keyed_lock_acquire(world->keyed, &player->keyed);
}

static enum place keyed_enter(struct player *player, int status)
{
    assert(status == 0);
    player->thread->world->key_visits[player->choice]++;
    check_turn(player, STRESS_LINE_KEYS + player->choice);
    return INSIDE;
}

static void keyed_leave(struct player *player)
{
    struct world *world = player->thread->world;
    int err;

    world->key_visits[player->choice]++; /* twice a visit: nobody else came in between */
    assert(world->key_visits[player->choice] % 2 == 0);
    err = async_keyed_lock_release(world->keyed, &player->keyed);
    assert(err == 0);
}

/* queue: what was put is got once. */
enum { PUTS, GETS };

static void parcel_keep(struct stress_thread *thread, struct async_queue_item *item)
{
    struct parcel *parcel = async_container_of(item, struct parcel, item);

    assert(parcel->is_inside);
    parcel->is_inside = false;
    parcel->next = thread->parcels;
    thread->parcels = parcel;
}

static void on_queue(struct async_waiter *waiter, int status)
{
    player_told(async_container_of(waiter, struct player, queue.waiter), status);
}

static void queue_ask(struct player *player, int64_t deadline_ns)
{
    struct world *world = player->thread->world;
    struct parcel *parcel = player->thread->parcels;

    player->queue.waiter.deadline_ns = deadline_ns;
    player->waiting = &player->queue.waiter;
    player->choice = parcel == NULL || stress_random(player->thread, 2) == 0 ? GETS : PUTS;
    if (player->choice == GETS) {
        async_queue_get(&world->queue, &player->queue);
        return;
    }
    player->thread->parcels = parcel->next;
    assert(!parcel->is_inside);
    parcel->is_inside = true;
    async_queue_put(&world->queue, &player->queue, &parcel->item);
}

static enum place queue_enter(struct player *player, int status)
{
    struct world *world = player->thread->world;
    int err;

    assert(status == 0);
    assert(async_queue_size(&world->queue) <= STRESS_QUEUE_CAPACITY);
    if (player->choice == PUTS) {
        atomic_fetch_add(&world->puts, 1);
        return OUTSIDE;
    }
    parcel_keep(player->thread, player->queue.item);
    atomic_fetch_add(&world->gets, 1);
    err = async_queue_task_done(&world->queue);
    assert(err == 0);
    return OUTSIDE;
}

static void queue_give_up(struct player *player, bool is_cancelled)
{
    (void)is_cancelled;
    if (player->choice == PUTS)
        parcel_keep(player->thread, player->queue.item);
    else
        assert(player->queue.item == NULL);
}

/* once: never two leaders; all of them fail. */
static void once_ask(struct player *player, int64_t deadline_ns)
{
    line_up(player, STRESS_LINE_ONCE);
    async_once_enter(&player->thread->world->once, player_waiter(player, deadline_ns));
}

static enum place once_enter(struct player *player, int status)
{
    assert(status == ASYNC_ONCE_LEADER);
    player->thread->world->leads++;
    check_turn(player, STRESS_LINE_ONCE);
    return INSIDE;
}

static void once_leave(struct player *player)
{
    int err = async_once_abandon(&player->thread->world->once, &player->waiter);
    assert(err == 0);
}

/* rate limiter: the sum is checked at the end. */
static void on_rate(struct async_waiter *waiter, int status)
{
    player_told(async_container_of(waiter, struct player, rate.waiter), status);
}

static void rate_ask(struct player *player, int64_t deadline_ns)
{
    player->rate.waiter.deadline_ns = deadline_ns;
    player->waiting = &player->rate.waiter;
    async_rate_limiter_acquire(&player->thread->world->rate, &player->rate);
}

static enum place rate_enter(struct player *player, int status)
{
    assert(status == 0);
    atomic_fetch_add(&player->thread->world->tokens, 1);
    return OUTSIDE;
}

/* condition: coins are added to and taken from a pot; nobody sleeps on while there is one. */
enum { ADDS, WANTS_TO_TAKE, TAKES };

static void on_condition(struct async_waiter *waiter, int status)
{
    player_told(async_container_of(waiter, struct player, condition.waiter), status);
}

static bool pot_has_coins(struct async_condition_waiter *waiter)
{
    struct player *player = async_container_of(waiter, struct player, condition);
    return player->thread->world->pot_coins > 0;
}

static void condition_ask(struct player *player, int64_t deadline_ns)
{
    player->choice = stress_random(player->thread, 2) == 0 ? ADDS : WANTS_TO_TAKE;
    player->condition.waiter.deadline_ns = deadline_ns;
    player->waiting = &player->condition.waiter;
    async_lock_acquire(&player->thread->world->pot_lock, &player->condition.waiter);
}

static enum place condition_enter(struct player *player, int status)
{
    struct world *world = player->thread->world;
    int err = 0;

    assert(status == 0);
    assert(async_lock_holder(&world->pot_lock) == &player->condition.waiter);
    if (player->choice == ADDS) {
        world->pot_coins++;
        world->pot_added++;
        err = async_condition_notify(&world->pot_filled, &player->condition.waiter, 1);
    } else if (player->choice == WANTS_TO_TAKE) {
        player->choice = TAKES;
        player->waiting = &player->condition.waiter;
        err = async_condition_wait_for(&world->pot_filled, &player->condition, pot_has_coins);
    } else {
        assert(world->pot_coins > 0);
        world->pot_coins--;
        world->pot_taken++;
    }
    assert(err == 0);
    return player->waiting != NULL ? WAITING_AGAIN : INSIDE;
}

static void condition_leave(struct player *player)
{
    int err = async_lock_release(&player->thread->world->pot_lock, &player->condition.waiter);
    assert(err == 0);
}

static void condition_give_up(struct player *player, bool is_cancelled)
{
    /* A wait for the condition that timed out has the lock again, and the pot is empty. */
    if (player->choice != TAKES || is_cancelled)
        return;
    assert(player->thread->world->pot_coins == 0);
    condition_leave(player);
}

static const struct game games[] = {
    {"lock", false, lock_ask, lock_enter, NULL, lock_leave},
    {"rwlock", false, rwlock_ask, rwlock_enter, NULL, rwlock_leave},
    {"semaphore", false, semaphore_ask, semaphore_enter, NULL, semaphore_leave},
    {"keyed lock", false, keyed_ask, keyed_enter, NULL, keyed_leave},
    {"queue", true, queue_ask, queue_enter, queue_give_up, NULL},
    {"once", false, once_ask, once_enter, NULL, once_leave},
    {"rate limiter", false, rate_ask, rate_enter, NULL, NULL},
    {"condition", true, condition_ask, condition_enter, condition_give_up, condition_leave},
};

const struct game *const stress_games[] = {
    &games[0], &games[1], &games[2], &games[3],          &games[4],
    &games[5], &games[6], &games[7], &stress_event_game, &stress_barrier_game,
};
const unsigned stress_game_count = sizeof(stress_games) / sizeof(stress_games[0]);

static void on_plain(struct async_waiter *waiter, int status)
{
    player_told(async_container_of(waiter, struct player, waiter), status);
}

void player_init_waiters(struct player *player)
{
    struct async_loop *loop = player->thread->loop;

    async_waiter_init(&player->waiter, loop, on_plain);
    async_queue_waiter_init(&player->queue, loop, on_queue);
    async_rate_waiter_init(&player->rate, loop, on_rate);
    async_waiter_init(&player->condition.waiter, loop, on_condition);
}
