/* SPDX-License-Identifier: MIT */
/*
 * random.h - the one source of chance of a schedule: the same seed, the same numbers. SplitMix64.
 */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct sim_random {
    uint64_t state;
};

static inline uint64_t sim_random_next(struct sim_random *random)
{
    uint64_t mixed = (random->state += 0x9e3779b97f4a7c15u);

    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

/* sim_below - from 0 to limit - 1. */
static inline unsigned sim_below(struct sim_random *random, unsigned limit)
{
    return (unsigned)(sim_random_next(random) % limit);
}

static inline bool sim_chance(struct sim_random *random, unsigned percent)
{
    return sim_below(random, 100) < percent;
}

#endif
