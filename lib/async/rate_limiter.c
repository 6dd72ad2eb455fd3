/* SPDX-License-Identifier: MIT */
/*
 * rate_limiter.c - the arithmetic of the bucket, and who watches the clock for those who wait.
 *
 * The bucket. Taking a token moves the time at which the bucket will be full by one interval, from
 * now or from that time if it is to come. There is a token as long as that time is no more than
 * burst - 1 intervals ahead. An interval need not be whole nanoseconds (3 per second): the
 * remainder is carried along in units of 1/tokens of one, so that the rate is exact.
 *
 * The watch. The first in line arms a timer on its own loop. When it is served or leaves, the next
 * becomes the watcher: on the loop we are on, its timer is armed at once; on another, its nudge is
 * posted to that loop, which arms it. What the watcher has pending is taken back on its own loop,
 * when it leaves or before it is told.
 *
 * Giving back. A token granted to a waiter that is cancelled before delivery makes the bucket full
 * one interval earlier, unless others have taken tokens when the bucket would have been full but
 * for that one: what has overflowed, or would have, cannot be given back, or there would be more
 * than burst and rate allow. So no more is given back than the span from the last grant to the
 * time at which this token's taking left the bucket full; which is a whole token if not much time
 * has passed. Tokens on their way stand in a list, as those behind one that is given back have to
 * know of it.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include <async/rate_limiter.h>

#include "waiter.h"

/* So that neither a time plus a span nor two remainders overflow. */
#define SPAN_MAX_NS (INT64_MAX / 4)
#define TOKENS_MAX  INT64_MAX

static struct async_rate_waiter *rate_waiter_from(struct async_waiter *waiter)
{
    return async_container_of(waiter, struct async_rate_waiter, waiter);
}

static bool is_before(struct async_rate_time a, struct async_rate_time b)
{
    return a.ns != b.ns ? a.ns < b.ns : a.remainder < b.remainder;
}

static struct async_rate_time sum(const struct async_rate_limiter *limiter,
                                  struct async_rate_time a, struct async_rate_time b)
{
    a.ns += b.ns;
    a.remainder += b.remainder;
    if (a.remainder >= limiter->tokens) {
        a.remainder -= limiter->tokens;
        a.ns++;
    }
    return a;
}

static struct async_rate_time difference(const struct async_rate_limiter *limiter,
                                         struct async_rate_time a, struct async_rate_time b)
{
    a.ns -= b.ns;
    if (a.remainder < b.remainder) {
        a.remainder += limiter->tokens;
        a.ns--;
    }
    a.remainder -= b.remainder;
    return a;
}

static int64_t next_token_ns_locked(const struct async_rate_limiter *limiter)
    ASYNC_REQUIRES(async_waitq_class)
{
    struct async_rate_time next = difference(limiter, limiter->full_at, limiter->tolerance);

    /* A part of a nanosecond counts as a whole one: never a token too early. */
    return next.remainder > 0 ? next.ns + 1 : next.ns;
}

/* Takes a token if there is one. */
static bool take_locked(struct async_rate_limiter *limiter, int64_t now_ns)
    ASYNC_REQUIRES(async_waitq_class)
{
    const struct async_rate_time now = {.ns = now_ns};

    if (next_token_ns_locked(limiter) > now_ns)
        return false;
    if (is_before(limiter->full_at, now))
        limiter->full_at = now;
    limiter->full_at = sum(limiter, limiter->full_at, limiter->interval);
    if (limiter->last_grant_ns < now_ns)
        limiter->last_grant_ns = now_ns;
    return true;
}

/* Puts back a token on its way. */
static void put_back_locked(struct async_rate_limiter *limiter, struct async_rate_waiter *giver)
    ASYNC_REQUIRES(async_waitq_class)
{
    const struct async_rate_time last_grant = {.ns = limiter->last_grant_ns};
    struct async_list *node = giver->waiter.node.next;
    struct async_rate_time span = {0};

    async_list_remove(&giver->waiter.node);
    if (is_before(last_grant, giver->full_at))
        span = difference(limiter, giver->full_at, last_grant);
    if (is_before(limiter->interval, span))
        span = limiter->interval;
    limiter->full_at = difference(limiter, limiter->full_at, span);
    for (; node != &limiter->granted; node = node->next) {
        struct async_rate_waiter *later =
            rate_waiter_from(async_container_of(node, struct async_waiter, node));

        later->full_at = difference(limiter, later->full_at, span);
    }
}

/* Sends the waiter the token that was just taken for it. */
static void send_token_locked(struct async_rate_limiter *limiter, struct async_waiter *waiter)
    ASYNC_REQUIRES(async_waitq_class)
{
    rate_waiter_from(waiter)->full_at = limiter->full_at;
    waiter_post_locked(waiter, 0);
    async_list_append(&limiter->granted, &waiter->node);
}

/* Has the first in line watch the clock, anew if it does already; we are on `loop`. */
static void set_watch_locked(struct async_rate_limiter *limiter, const struct async_loop *loop)
    ASYNC_REQUIRES(async_waitq_class)
{
    struct async_waiter *first = waiter_first_locked(&limiter->parked);
    struct async_rate_waiter *watcher;

    if (first == NULL) {
        limiter->watcher = NULL;
        return;
    }
    watcher = rate_waiter_from(first);
    limiter->watcher = watcher;
    if (first->loop == loop) {
        async_timer_arm(&watcher->refill, first->loop, next_token_ns_locked(limiter));
    } else if (!watcher->is_nudged) {
        watcher->is_nudged = true;
        async_loop_post(first->loop, &watcher->nudge);
    }
}

/* Gives the tokens there are to those who wait, in order. */
static void serve_locked(struct async_rate_limiter *limiter, const struct async_loop *loop)
    ASYNC_REQUIRES(async_waitq_class)
{
    struct async_waiter *first;

    while ((first = waiter_first_locked(&limiter->parked)) != NULL &&
           take_locked(limiter, async_loop_now_ns(loop)))
        send_token_locked(limiter, first);
    set_watch_locked(limiter, loop);
}

/* Takes back what a waiter that is no longer parked has pending; on its own loop. */
static void stand_down(struct async_rate_waiter *rate)
{
    async_timer_disarm(&rate->refill);
    if (rate->is_nudged) {
        rate->is_nudged = false;
        async_loop_unpost(rate->waiter.loop, &rate->nudge);
    }
}

static void on_nudge(struct async_task *task)
{
    struct async_rate_waiter *rate = async_container_of(task, struct async_rate_waiter, nudge);
    struct async_rate_limiter *limiter = rate->waiter.primitive;

    waitq_lock(&limiter->mutex);
    rate->is_nudged = false;
    if (limiter->watcher == rate)
        serve_locked(limiter, rate->waiter.loop);
    waitq_unlock(&limiter->mutex);
}

static void on_refill(struct async_timer *timer)
{
    struct async_rate_waiter *rate = async_container_of(timer, struct async_rate_waiter, refill);
    struct async_rate_limiter *limiter = rate->waiter.primitive;

    waitq_lock(&limiter->mutex);
    if (limiter->watcher == rate)
        serve_locked(limiter, rate->waiter.loop);
    waitq_unlock(&limiter->mutex);
}

static void on_leave_locked(struct async_waiter *waiter) ASYNC_REQUIRES(async_waitq_class)
{
    struct async_rate_limiter *limiter = waiter->primitive;

    stand_down(rate_waiter_from(waiter));
    if (limiter->watcher == rate_waiter_from(waiter))
        set_watch_locked(limiter, waiter->loop);
}

static void on_give_back(struct async_waiter *waiter, int status)
{
    struct async_rate_limiter *limiter = waiter->primitive;

    assert(status == 0);
    (void)status;
    stand_down(rate_waiter_from(waiter));
    waitq_lock(&limiter->mutex);
    put_back_locked(limiter, rate_waiter_from(waiter));
    serve_locked(limiter, waiter->loop);
    waitq_unlock(&limiter->mutex);
}

static int on_deliver(struct async_waiter *waiter, int status)
{
    struct async_rate_limiter *limiter = waiter->primitive;

    stand_down(rate_waiter_from(waiter));
    waitq_lock(&limiter->mutex);
    async_list_remove(&waiter->node);
    waitq_unlock(&limiter->mutex);
    return status;
}

static const struct async_waiter_ops rate_ops = {
    .on_leave_locked = on_leave_locked,
    .on_give_back = on_give_back,
    .on_deliver = on_deliver,
};

int async_rate_limiter_init(struct async_rate_limiter *limiter, uint64_t tokens, int64_t period_ns,
                            uint64_t burst) ASYNC_UNCHECKED_LOCKING
{
    unsigned __int128 tolerance; /* in 1/tokens of a nanosecond */
    int err;

    if (tokens == 0 || period_ns <= 0 || burst == 0)
        return -EINVAL;
    tolerance = (unsigned __int128)(burst - 1) * (uint64_t)period_ns;
    if (tokens > TOKENS_MAX || tolerance / tokens + (uint64_t)period_ns / tokens > SPAN_MAX_NS)
        return -ERANGE;
    *limiter = (struct async_rate_limiter){
        .tokens = tokens,
        .interval = {.ns = period_ns / (int64_t)tokens, .remainder = (uint64_t)period_ns % tokens},
        .tolerance = {.ns = (int64_t)(tolerance / tokens),
                      .remainder = (uint64_t)(tolerance % tokens)},
    };
    async_list_init(&limiter->parked);
    async_list_init(&limiter->granted);
    err = pthread_mutex_init(&limiter->mutex, NULL);
    assert(err == 0);
    (void)err;
    return 0;
}

void async_rate_limiter_fini(struct async_rate_limiter *limiter) ASYNC_UNCHECKED_LOCKING
{
    assert(async_list_is_empty(&limiter->parked));
    assert(async_list_is_empty(&limiter->granted));
    pthread_mutex_destroy(&limiter->mutex);
}

void async_rate_waiter_init(struct async_rate_waiter *waiter, struct async_loop *loop,
                            async_waiter_fn *on_done)
{
    async_waiter_init(&waiter->waiter, loop, on_done);
    async_timer_init(&waiter->refill, on_refill);
    async_task_init(&waiter->nudge, on_nudge);
    waiter->is_nudged = false;
    waiter->full_at = (struct async_rate_time){0};
}

bool async_rate_limiter_try_acquire(struct async_rate_limiter *limiter,
                                    const struct async_loop *loop)
{
    bool is_taken;

    waitq_lock(&limiter->mutex);
    is_taken =
        async_list_is_empty(&limiter->parked) && take_locked(limiter, async_loop_now_ns(loop));
    waitq_unlock(&limiter->mutex);
    return is_taken;
}

void async_rate_limiter_acquire(struct async_rate_limiter *limiter,
                                struct async_rate_waiter *waiter)
{
    struct async_loop *loop = waiter->waiter.loop;

    waiter_begin(&waiter->waiter, &rate_ops, limiter, &limiter->mutex);
    waitq_lock(&limiter->mutex);
    if (!async_list_is_empty(&limiter->parked)) {
        waiter_park_locked(&waiter->waiter, &limiter->parked);
    } else if (take_locked(limiter, async_loop_now_ns(loop))) {
        send_token_locked(limiter, &waiter->waiter);
    } else {
        waiter_park_locked(&waiter->waiter, &limiter->parked);
        set_watch_locked(limiter, loop);
    }
    waitq_unlock(&limiter->mutex);
}

int64_t async_rate_limiter_next_ns(struct async_rate_limiter *limiter)
{
    int64_t next_ns;

    waitq_lock(&limiter->mutex);
    next_ns = next_token_ns_locked(limiter);
    waitq_unlock(&limiter->mutex);
    return next_ns;
}

unsigned async_rate_limiter_waiting(struct async_rate_limiter *limiter)
{
    unsigned count;

    waitq_lock(&limiter->mutex);
    count = waiter_count_locked(&limiter->parked);
    waitq_unlock(&limiter->mutex);
    return count;
}
