/* SPDX-License-Identifier: MIT */
/*
 * stress_world.c - what the games are played with, and the sums that must come out at the end.
 */
#include <assert.h>

#include "stress.h"

void world_init(struct world *world)
{
    int err;

    *world = (struct world){0};
    async_lock_init(&world->lock);
    async_rwlock_init(&world->rwlock);
    async_semaphore_init_bounded(&world->semaphore, STRESS_UNITS);
    err = async_keyed_lock_new(&world->keyed);
    assert(err == 0);
    for (unsigned i = 0; i < STRESS_KEYS; i++)
        world->keys[i] = (char)('a' + i);
    async_queue_init(&world->queue, ASYNC_QUEUE_FIFO, STRESS_QUEUE_CAPACITY, NULL);
    async_once_init(&world->once);
    err = async_rate_limiter_init(&world->rate, STRESS_RATE_PER_S, ASYNC_S, STRESS_BURST);
    assert(err == 0);
    async_lock_init(&world->pot_lock);
    async_condition_init(&world->pot_filled, &world->pot_lock);
    async_event_init(&world->event);
    async_barrier_init(&world->barrier, STRESS_PARTIES);
}

void world_check_and_fini(struct world *world, int64_t elapsed_ns)
{
    long left = (long)async_queue_size(&world->queue);
    int64_t tokens_max = STRESS_BURST + elapsed_ns * STRESS_RATE_PER_S / ASYNC_S + 1;

    assert(atomic_load(&world->puts) == atomic_load(&world->gets) + left);
    assert(world->pot_added == world->pot_taken + world->pot_coins);
    assert(atomic_load(&world->tokens) <= tokens_max);
    assert(async_semaphore_value(&world->semaphore) == STRESS_UNITS);
    assert(async_keyed_lock_keys(world->keyed) == 0);
    assert(atomic_load(&world->event_visits) > 0);
    assert(atomic_load(&world->barrier_visits) > 0);
    assert(atomic_load(&world->barrier_visits) <= atomic_load(&world->barrier_arrivals));
    async_barrier_fini(&world->barrier);
    async_event_fini(&world->event);
    async_queue_shutdown(&world->queue, true);
    async_condition_fini(&world->pot_filled);
    async_lock_fini(&world->pot_lock);
    async_rate_limiter_fini(&world->rate);
    async_once_fini(&world->once);
    async_queue_fini(&world->queue);
    async_keyed_lock_free(world->keyed);
    async_semaphore_fini(&world->semaphore);
    async_rwlock_fini(&world->rwlock);
    async_lock_fini(&world->lock);
}
