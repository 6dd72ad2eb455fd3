/* SPDX-License-Identifier: MIT */
/*
 * trio.h - three waiters A, B, C on one manual loop, and a record of what they were told.
 */
#ifndef TRIO_H
#define TRIO_H

#include <async/manual_loop.h>
#include <async/waiter.h>

struct trio_waiter {
    struct async_waiter waiter;
    struct trio *trio;
    char name;
    int status;    /* what on_done said last */
    unsigned told; /* how often on_done ran */
};

struct trio {
    struct async_loop *loop;
    struct trio_waiter a, b, c;
    char record[256]; /* "A B(-110) C": who was told what, in order; a status of 0 is left out */
};

struct trio *trio_new(void);
void trio_free(struct trio *trio);

/* Prepares a further waiter that records into the trio. */
void trio_waiter_init(struct trio_waiter *waiter, struct trio *trio, char name);

/* The same for a waiter that is a member of another struct: on_done for async_waiter_init(). */
void trio_note(struct trio *trio, char name, int status);

/* Runs the loop until it is idle; returns what was told since the last call, "" for nothing. */
const char *trio_run(struct trio *trio);

/* The same, while the clock moves on by `ms`. */
const char *trio_advance(struct trio *trio, int64_t ms);

#endif
