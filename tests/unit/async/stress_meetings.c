/* SPDX-License-Identifier: MIT */
/*
 * stress_meetings.c - the games at which one call tells many: event and barrier.
 *
 * Nobody is inside anything here. What is checked is that a wait ends only for a reason, and, by
 * the players themselves, that each ends once.
 */
#include <assert.h>

#include "stress.h"

/* event: nobody is told before the first set, however many set and clear at once. */
static void event_ask(struct player *player, int64_t deadline_ns)
{
    struct world *world = player->thread->world;

    if (stress_random(player->thread, 4) == 0) {
        atomic_fetch_add(&world->event_sets, 1);
        async_event_set(&world->event);
    }
    if (stress_random(player->thread, 2) == 0)
        async_event_clear(&world->event);
    async_event_wait(&world->event, player_waiter(player, deadline_ns));
}

static enum place event_enter(struct player *player, int status)
{
    struct world *world = player->thread->world;

    assert(status == 0);
    assert(atomic_load(&world->event_sets) > 0);
    atomic_fetch_add(&world->event_visits, 1);
    return OUTSIDE;
}

const struct game stress_event_game = {"event", true, event_ask, event_enter, NULL, NULL};

/* barrier: a trip takes all its parties, though some leave, and some reset or break it. */
static void barrier_ask(struct player *player, int64_t deadline_ns)
{
    struct world *world = player->thread->world;

    switch (stress_random(player->thread, 16)) {
    case 0:
        async_barrier_abort(&world->barrier);
        break;
    case 1:
    case 2:
        async_barrier_reset(&world->barrier);
        break;
    default:
        break;
    }
    atomic_fetch_add(&world->barrier_arrivals, 1);
    async_barrier_wait(&world->barrier, player_waiter(player, deadline_ns));
}

static enum place barrier_enter(struct player *player, int status)
{
    struct world *world = player->thread->world;

    assert(status < STRESS_PARTIES);
    assert(async_barrier_waiting(&world->barrier) < STRESS_PARTIES);
    atomic_fetch_add(&world->barrier_visits, 1);
    return OUTSIDE;
}

const struct game stress_barrier_game = {"barrier", true, barrier_ask, barrier_enter, NULL, NULL};
