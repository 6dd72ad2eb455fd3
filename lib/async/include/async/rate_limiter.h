/* SPDX-License-Identifier: MIT */
/*
 * rate_limiter.h - so many per second, and no more: a token bucket that is waited for in order.
 *
 * The bucket holds at most `burst` tokens and is full at the beginning; tokens come at an even
 * rate. Each acquire takes one, or waits for its turn and for a token. Nothing polls: only the
 * first in line has a timer, on its own loop.
 *
 * Over any span of time t, at most burst + t * rate tokens are given out. Times are those of the
 * turns of the waiters' loops, so all loops must have the same clock; those of async_loop_new()
 * have CLOCK_MONOTONIC, manual loops have to be advanced together.
 *
 * Source    the generic cell rate algorithm, virtual scheduling: ITU-T I.371 annex A. The state is
 *           one time, that at which the bucket will be full; no tokens are counted up.
 */
#ifndef ASYNC_RATE_LIMITER_H
#define ASYNC_RATE_LIMITER_H

#include <stdint.h>

#include <async/waiter.h>

struct async_rate_waiter;

/* A time or a span, exactly: nanoseconds and what is left, in 1/tokens of one. */
struct async_rate_time {
    int64_t ns;
    uint64_t remainder;
};

struct async_rate_limiter {
    pthread_mutex_t mutex;
    uint64_t tokens;                  /* the rate is `tokens` per period */
    struct async_rate_time interval;  /* from token to token: period / tokens */
    struct async_rate_time tolerance; /* how long before it is full the bucket has a token */
    struct async_rate_time full_at ASYNC_GUARDED_BY(async_waitq_class); /* when it will be full */
    int64_t last_grant_ns ASYNC_GUARDED_BY(async_waitq_class);
    struct async_list parked ASYNC_GUARDED_BY(async_waitq_class);
    struct async_list granted ASYNC_GUARDED_BY(async_waitq_class); /* tokens on the way, in order */
    struct async_rate_waiter *watcher ASYNC_GUARDED_BY(async_waitq_class); /* who has the timer */
};

/* One who waits for a token: init with async_rate_waiter_init(). */
struct async_rate_waiter {
    struct async_waiter waiter;
    struct async_timer refill;      /* armed while this one is the first in line */
    struct async_task nudge;        /* tells the waiter's loop that it is the first now */
    bool is_nudged;                 /* the nudge is posted; under the mutex while parked */
    struct async_rate_time full_at; /* of the bucket, after the token granted was taken */
};

ASYNC_BEGIN_DECLS

/*
 * async_rate_limiter_init - `tokens` per `period_ns`, and at most `burst` of them saved up.
 * 10 per second with no saving up: (&limiter, 10, ASYNC_S, 1).
 * Errors    -EINVAL: an argument is 0 or negative. -ERANGE: burst tokens take longer than the clock
 *           can tell.
 */
int async_rate_limiter_init(struct async_rate_limiter *limiter, uint64_t tokens, int64_t period_ns,
                            uint64_t burst);

/* async_rate_limiter_fini - asserts that nobody waits and no token is on its way. */
void async_rate_limiter_fini(struct async_rate_limiter *limiter);

/* async_rate_waiter_init - prepares a waiter for tokens on `loop`, with no deadline. */
void async_rate_waiter_init(struct async_rate_waiter *waiter, struct async_loop *loop,
                            async_waiter_fn *on_done);

/*
 * async_rate_limiter_try_acquire - takes a token if there is one and nobody waits; never waits.
 * Thread    that of `loop`, whose time it is.
 */
bool async_rate_limiter_try_acquire(struct async_rate_limiter *limiter,
                                    const struct async_loop *loop)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_rate_limiter_acquire - takes a token as soon as there is one; nothing is to be released.
 * Delivery  on_done(&waiter->waiter, 0) on the waiter's loop, never inside this call. First come,
 *           first served.
 * Errors    through on_done: -ETIMEDOUT after waiter.deadline_ns. A wait that is cancelled or timed
 *           out has taken no token; one granted but not delivered is the next in line's.
 * Thread    the waiter's loop.
 */
void async_rate_limiter_acquire(struct async_rate_limiter *limiter,
                                struct async_rate_waiter *waiter) ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_rate_limiter_next_ns - when there is or was the first token that nobody has taken; those
 * who wait already come before. Thread: any.
 */
int64_t async_rate_limiter_next_ns(struct async_rate_limiter *limiter)
    ASYNC_EXCLUDES(async_waitq_class);

/* async_rate_limiter_waiting - how many are parked; walks the queue. Thread: any. */
unsigned async_rate_limiter_waiting(struct async_rate_limiter *limiter)
    ASYNC_EXCLUDES(async_waitq_class);

ASYNC_END_DECLS

#endif
