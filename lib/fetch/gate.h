/* SPDX-License-Identifier: MIT */
/*
 * gate.h - an upstream before another: lets the calls of a route through to its origins when it is
 * their turn. A call whose settings name no origins passes untouched.
 *
 *      start() --> a token of the rate --> one of so many permits --> start() of the other
 *
 * What the limits are, and how origins are chosen and rested: <fetch/origins.h>.
 */
#ifndef FETCH_GATE_H
#define FETCH_GATE_H

#include <fetch/fetcher.h>
#include <fetch/upstream.h>

struct gate_upstream {
    struct upstream upstream; /* first */
    struct upstream *next;
    struct async_loop *loop;
    const struct fetch_environment *environment; /* for jitter */
};

/* gate_init - `next` and `environment` stay. Calls start with the errors of `next`, and -EHOSTDOWN:
 * no origin is in reach, -EBUSY: too many wait for it. */
void gate_init(struct gate_upstream *gate, struct async_loop *loop, struct upstream *next,
               const struct fetch_environment *environment);

#endif
