/* SPDX-License-Identifier: MIT */
/*
 * gate.c - a call before its turn, and on its way; see gate.h.
 *
 *      TOKEN --> PERMIT --> GONE --> done
 *
 * The permit is held from the grant to the end of the call. The other upstream sees a call of our
 * own, whose events are passed on.
 */
#include "gate.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "origins.h"

struct passage {
    struct gate_upstream *gate;
    struct upstream_call *outer;
    struct upstream_call inner;
    struct upstream_body body; /* the outer call's, as far as it is still there */
    struct fetch_origins *origins;
    struct origin *origin;
    struct fetch_url *url; /* NULL: the outer call's */
    struct async_rate_waiter token;
    struct async_waiter permit;
    bool has_permit;
    bool is_counted; /* among those who wait for this origin */
    bool has_head;
    bool lacks_body; /* the next piece of it is still to come from its owner */
};

static async_waiter_fn on_token, on_permit;
static const struct upstream_events gate_events;

static struct passage *passage_of(struct upstream_call *inner)
{
    return async_container_of(inner, struct passage, inner);
}

static void stop_waiting(struct passage *passage)
{
    if (passage->is_counted)
        atomic_fetch_sub_explicit(&passage->origin->waiting, 1, memory_order_relaxed);
    passage->is_counted = false;
}

static void report(struct passage *passage, bool is_alive)
{
    const struct fetch_environment *environment = passage->gate->environment;

    origins_report(passage->origins, passage->origin, is_alive,
                   async_loop_now_ns(passage->gate->loop),
                   environment->random(environment->context));
}

static void end(struct passage *passage)
{
    async_waiter_cancel(&passage->token.waiter);
    async_waiter_cancel(&passage->permit);
    upstream_cancel(&passage->inner);
    stop_waiting(passage);
    if (passage->has_permit)
        async_semaphore_release(&passage->origin->permits);
    fetch_url_unref(passage->url);
    fetch_origins_unref(passage->origins);
    free(passage);
}

/* The one way out besides cancel(). */
static void finish(struct passage *passage, int status)
{
    struct upstream_call *outer = passage->outer;

    outer->refusal = passage->inner.refusal;
    outer->was_kept = passage->inner.was_kept;
    outer->backend = NULL;
    end(passage);
    outer->events->on_done(outer, status);
}

/* Whether the origin was not there, or too slow to be of use. One that waits for the body as we do
 * is not to blame: else a few clients that stall could have it left alone. */
static bool is_out_of_reach(const struct passage *passage, int status)
{
    return status == -ECONNREFUSED || status == -ENOENT ||
           (status == -ETIMEDOUT && !passage->lacks_body);
}

/* The owner of the body may leave before the call is cancelled: then there is nothing to see. */
static enum upstream_body_state look(struct upstream_body *body, struct span *ret_piece)
{
    struct passage *passage = async_container_of(body, struct passage, body);
    struct upstream_body *own = passage->outer->body;
    enum upstream_body_state state = own != NULL ? own->look(own, ret_piece) : UPSTREAM_BODY_LATER;

    /* Nor is it what others wait for to know whether the origin is back. */
    if (state == UPSTREAM_BODY_LATER && !passage->lacks_body && !passage->has_head)
        origins_drop(passage->origins, passage->origin);
    passage->lacks_body = state == UPSTREAM_BODY_LATER;
    return state;
}

static void take(struct upstream_body *body, size_t length)
{
    struct passage *passage = async_container_of(body, struct passage, body);

    passage->outer->body->take(passage->outer->body, length);
}

static int go(struct passage *passage)
{
    stop_waiting(passage);
    passage->inner = *passage->outer;
    passage->inner.events = &gate_events;
    if (passage->url != NULL)
        passage->inner.url = passage->url;
    passage->inner.backend = NULL;
    if (passage->outer->body != NULL) {
        passage->body = (struct upstream_body){
            .length_bytes = passage->outer->body->length_bytes, .look = look, .take = take};
        passage->inner.body = &passage->body;
    }
    return upstream_start(passage->gate->next, &passage->inner);
}

/* Whether one more may wait for this origin. */
static bool start_waiting(struct passage *passage)
{
    struct origin *origin = passage->origin;

    if (passage->is_counted)
        return true;
    if (atomic_fetch_add_explicit(&origin->waiting, 1, memory_order_relaxed) >=
        passage->origins->settings.queue_max) {
        atomic_fetch_sub_explicit(&origin->waiting, 1, memory_order_relaxed);
        return false;
    }
    passage->is_counted = true;
    return true;
}

static int want_permit(struct passage *passage)
{
    struct async_semaphore *permits = &passage->origin->permits;

    if (passage->origins->settings.requests_max == 0)
        return go(passage);
    if (async_semaphore_try_acquire(permits)) {
        passage->has_permit = true;
        return go(passage);
    }
    if (!start_waiting(passage))
        return -EBUSY;
    async_semaphore_acquire(permits, &passage->permit);
    return 0;
}

static int want_token(struct passage *passage)
{
    struct async_rate_limiter *rate = &passage->origin->rate;

    if (passage->origins->settings.rate_per_s == 0 ||
        async_rate_limiter_try_acquire(rate, passage->gate->loop))
        return want_permit(passage);
    if (!start_waiting(passage))
        return -EBUSY;
    async_rate_limiter_acquire(rate, &passage->token);
    return 0;
}

static void on_token(struct async_waiter *waiter, int status)
{
    struct async_rate_waiter *token = async_container_of(waiter, struct async_rate_waiter, waiter);
    struct passage *passage = async_container_of(token, struct passage, token);

    if (status == 0)
        status = want_permit(passage);
    if (status < 0) {
        origins_drop(passage->origins, passage->origin);
        finish(passage, status);
    }
}

static void on_permit(struct async_waiter *waiter, int status)
{
    struct passage *passage = async_container_of(waiter, struct passage, permit);

    if (status == 0) {
        passage->has_permit = true;
        status = go(passage);
    }
    if (status < 0) {
        origins_drop(passage->origins, passage->origin);
        finish(passage, status);
    }
}

static int passage_new(struct gate_upstream *gate, struct upstream_call *call,
                       struct passage **ret_passage)
{
    struct passage *passage = calloc(1, sizeof *passage);
    int err;

    if (passage == NULL)
        return -ENOMEM;
    passage->gate = gate;
    passage->outer = call;
    passage->origins = call->settings->origins;
    async_rate_waiter_init(&passage->token, gate->loop, on_token);
    async_waiter_init(&passage->permit, gate->loop, on_permit);
    err = origins_choose(passage->origins, async_loop_now_ns(gate->loop), &passage->origin);
    if (err == 0) {
        err = origins_url(passage->origins, passage->origin, call->url, &passage->url);
        if (err < 0)
            origins_drop(passage->origins, passage->origin);
    }
    if (err < 0) {
        free(passage);
        return err;
    }
    fetch_origins_ref(passage->origins);
    *ret_passage = passage;
    return 0;
}

static int start(struct upstream *upstream, struct upstream_call *call)
{
    struct gate_upstream *gate = (struct gate_upstream *)upstream;
    struct passage *passage;
    int err;

    if (call->settings == NULL || call->settings->origins == NULL)
        return upstream_start(gate->next, call);
    err = passage_new(gate, call, &passage);
    if (err < 0)
        return err;
    err = want_token(passage);
    if (err < 0) {
        origins_drop(passage->origins, passage->origin);
        end(passage);
        return err;
    }
    call->backend = passage;
    return 0;
}

static void cancel(struct upstream_call *call)
{
    struct passage *passage = call->backend;

    if (!passage->has_head && call->is_too_slow && passage->inner.backend != NULL &&
        is_out_of_reach(passage, -ETIMEDOUT))
        report(passage, false);
    else if (!passage->has_head)
        origins_drop(passage->origins, passage->origin);
    call->backend = NULL;
    end(passage);
}

static void resume(struct upstream_call *call)
{
    struct passage *passage = call->backend;

    upstream_resume(&passage->inner);
}

static const struct upstream_ops gate_ops = {.start = start, .cancel = cancel, .resume = resume};

void gate_init(struct gate_upstream *gate, struct async_loop *loop, struct upstream *next,
               const struct fetch_environment *environment)
{
    *gate = (struct gate_upstream){
        .upstream.ops = &gate_ops, .next = next, .loop = loop, .environment = environment};
}

/* What the other upstream tells. */

static void on_connecting(struct upstream_call *inner)
{
    struct upstream_call *outer = passage_of(inner)->outer;

    outer->events->on_connecting(outer);
}

static void on_sent(struct upstream_call *inner)
{
    struct upstream_call *outer = passage_of(inner)->outer;

    if (outer->events->on_sent != NULL)
        outer->events->on_sent(outer);
}

static void on_interim(struct upstream_call *inner, const struct upstream_head *head)
{
    struct upstream_call *outer = passage_of(inner)->outer;

    if (outer->events->on_interim != NULL)
        outer->events->on_interim(outer, head);
}

static enum upstream_verdict on_head(struct upstream_call *inner, const struct upstream_head *head)
{
    struct passage *passage = passage_of(inner);

    passage->has_head = true;
    report(passage, true);
    return passage->outer->events->on_head(passage->outer, head);
}

static enum upstream_verdict on_data(struct upstream_call *inner, const char *bytes, size_t count)
{
    struct upstream_call *outer = passage_of(inner)->outer;

    return outer->events->on_data(outer, bytes, count);
}

static void on_trailers(struct upstream_call *inner, const struct fields *trailers)
{
    struct upstream_call *outer = passage_of(inner)->outer;

    if (outer->events->on_trailers != NULL)
        outer->events->on_trailers(outer, trailers);
}

static void on_done(struct upstream_call *inner, int status)
{
    struct passage *passage = passage_of(inner);

    if (!passage->has_head && is_out_of_reach(passage, status))
        report(passage, false);
    else if (!passage->has_head)
        origins_drop(passage->origins, passage->origin);
    finish(passage, status);
}

static const struct upstream_events gate_events = {
    .on_connecting = on_connecting,
    .on_sent = on_sent,
    .on_interim = on_interim,
    .on_head = on_head,
    .on_data = on_data,
    .on_trailers = on_trailers,
    .on_done = on_done,
};
