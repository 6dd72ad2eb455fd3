/* SPDX-License-Identifier: MIT */
/*
 * upgrade.c - see fetch/upgrade.h.
 *
 *      ASKING --101--> OPEN ----------------+--> ENDED
 *        |  \--another head--> ANSWERING ---+
 *        +--no connection, or it broke--> RESTING --a moment--> ASKING, once
 *
 * Which origin, and when: gate.c. What goes over the connection: wire.c. Here are its times, and
 * the second try that a GET may have as long as nothing of an answer has come.
 */
#include <fetch/upgrade.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "failure.h"
#include "lane.h"

#define RETRY_DELAY_MS      50
#define RETRY_DELAY_SPAN_MS 100

enum upgrade_state {
    UPGRADE_ASKING,
    UPGRADE_RESTING,
    UPGRADE_ANSWERING,
    UPGRADE_OPEN,
    UPGRADE_ENDED,
};

struct fetch_upgrade {
    struct fetch_lane *lane;
    struct fetch_request *request; /* a reference */
    const struct fetch_upgrade_events *events;
    void *context;
    enum upgrade_state state;
    struct upstream_call call;
    struct async_timer progress; /* for the head, for the next byte, for any byte, for the retry */
    struct async_timer total;    /* of all but OPEN */
    unsigned retries;
    int stop_status; /* why a verdict was UPSTREAM_STOP; 0: none was */
    int64_t led_ns;
    int64_t used_ns;     /* when bytes went last */
    uint64_t body_bytes; /* of an answer, so far */
};

static const struct fetch_settings *settings_of(const struct fetch_upgrade *upgrade)
{
    return &upgrade->request->policy->settings;
}

static int64_t after_ms(const struct fetch_upgrade *upgrade, int64_t ms)
{
    return async_loop_now_ns(upgrade->lane->loop) + ms * ASYNC_MS;
}

static void arm_progress(struct fetch_upgrade *upgrade, int64_t ms)
{
    async_timer_arm(&upgrade->progress, upgrade->lane->loop, after_ms(upgrade, ms));
}

/* Nothing of it goes on afterwards. */
static void stop(struct fetch_upgrade *upgrade)
{
    async_timer_disarm(&upgrade->progress);
    async_timer_disarm(&upgrade->total);
    upstream_cancel(&upgrade->call);
    if (upgrade->state == UPGRADE_OPEN)
        LANE_COUNT(upgrade->lane, upgrades_live, -1);
    upgrade->state = UPGRADE_ENDED;
}

/* The one way out besides fetch_upgrade_free(). */
static void finish(struct fetch_upgrade *upgrade, int status)
{
    assert(upgrade->state != UPGRADE_ENDED);
    stop(upgrade);
    if (status < 0)
        LANE_COUNT(upgrade->lane, upstream_failures, 1);
    upgrade->events->on_end(upgrade->context, status);
}

static int ask(struct fetch_upgrade *upgrade)
{
    const struct fetch_settings *settings = settings_of(upgrade);

    if (!settings->is_unguarded && upgrade->request->url->family == AF_UNSPEC &&
        guard_check_name(upgrade->request->url->host) != GUARD_OK)
        return -EACCES;
    upgrade->state = UPGRADE_ASKING;
    upgrade->led_ns = async_loop_now_ns(upgrade->lane->loop);
    upgrade->call.is_too_slow = false;
    arm_progress(upgrade, settings->head_timeout_ms);
    LANE_COUNT(upgrade->lane, upstream_requests, 1);
    return upstream_start(upgrade->lane->upstream, &upgrade->call);
}

static void ask_again(struct fetch_upgrade *upgrade)
{
    int err;

    LANE_COUNT(upgrade->lane, upstream_retries, 1);
    err = ask(upgrade);
    if (err < 0)
        finish(upgrade, err);
}

/* Bytes of the protocol move the time they went last, not the timer: that is looked after when it
 * fires. */
static void on_idle(struct fetch_upgrade *upgrade)
{
    int64_t until_ns = upgrade->used_ns + settings_of(upgrade)->tunnel_idle_ms * ASYNC_MS;

    if (until_ns > async_loop_now_ns(upgrade->lane->loop))
        async_timer_arm(&upgrade->progress, upgrade->lane->loop, until_ns);
    else
        finish(upgrade, 0);
}

static void on_progress(struct async_timer *timer)
{
    struct fetch_upgrade *upgrade = async_container_of(timer, struct fetch_upgrade, progress);

    switch (upgrade->state) {
    case UPGRADE_RESTING:
        ask_again(upgrade);
        break;
    case UPGRADE_OPEN:
        on_idle(upgrade);
        break;
    default:
        upgrade->call.is_too_slow = upgrade->state == UPGRADE_ASKING;
        finish(upgrade, -ETIMEDOUT);
    }
}

static void on_total(struct async_timer *timer)
{
    struct fetch_upgrade *upgrade = async_container_of(timer, struct fetch_upgrade, total);

    upgrade->call.is_too_slow = upgrade->state == UPGRADE_ASKING;
    finish(upgrade, -ETIMEDOUT);
}

/* What the call tells. */

static struct fetch_upgrade *upgrade_of(struct upstream_call *call)
{
    return async_container_of(call, struct fetch_upgrade, call);
}

static void on_connecting(struct upstream_call *call)
{
    (void)call; /* the time for the head has begun before */
}

static void on_sent(struct upstream_call *call)
{
    struct fetch_upgrade *upgrade = upgrade_of(call);

    upgrade->used_ns = async_loop_now_ns(upgrade->lane->loop);
}

static void on_interim(struct upstream_call *call, const struct upstream_head *head)
{
    struct fetch_upgrade *upgrade = upgrade_of(call);

    upgrade->events->on_interim(upgrade->context, head);
}

static enum upstream_verdict stop_with(struct fetch_upgrade *upgrade, int status)
{
    upgrade->stop_status = status;
    return UPSTREAM_STOP;
}

static enum upstream_verdict on_head(struct upstream_call *call, const struct upstream_head *head)
{
    struct fetch_upgrade *upgrade = upgrade_of(call);
    const struct fetch_settings *settings = settings_of(upgrade);

    assert(upgrade->state == UPGRADE_ASKING);
    if (head->content_length_bytes > 0 &&
        (uint64_t)head->content_length_bytes > settings->streamed_body_bytes_max)
        return stop_with(upgrade, -EFBIG);
    if (head->status == 101) {
        upgrade->state = UPGRADE_OPEN;
        upgrade->used_ns = async_loop_now_ns(upgrade->lane->loop);
        async_timer_disarm(&upgrade->total);
        arm_progress(upgrade, settings->tunnel_idle_ms);
        LANE_COUNT(upgrade->lane, upgrades, 1);
        LANE_COUNT(upgrade->lane, upgrades_live, 1);
    } else {
        upgrade->state = UPGRADE_ANSWERING;
        arm_progress(upgrade, settings->stall_timeout_ms);
    }
    return upgrade->events->on_head(upgrade->context, head);
}

static enum upstream_verdict on_data(struct upstream_call *call, const char *bytes, size_t count)
{
    struct fetch_upgrade *upgrade = upgrade_of(call);
    const struct fetch_settings *settings = settings_of(upgrade);
    bool is_answer = upgrade->state == UPGRADE_ANSWERING;
    enum upstream_verdict verdict;

    if (is_answer && upgrade->body_bytes + count > settings->streamed_body_bytes_max)
        return stop_with(upgrade, -EFBIG);
    verdict = upgrade->events->on_data(upgrade->context, bytes, count);
    if (verdict == UPSTREAM_PAUSE && is_answer)
        async_timer_disarm(&upgrade->progress); /* it is the client that is slow */
    if (verdict != UPSTREAM_GO_ON)
        return verdict;
    upgrade->used_ns = async_loop_now_ns(upgrade->lane->loop);
    upgrade->body_bytes += is_answer ? count : 0;
    if (is_answer)
        arm_progress(upgrade, settings->stall_timeout_ms);
    return verdict;
}

/* A GET without a body, of which nothing has been answered. */
static bool may_retry(const struct fetch_upgrade *upgrade, int status)
{
    return upgrade->state == UPGRADE_ASKING && upgrade->stop_status == 0 &&
           upgrade->retries < settings_of(upgrade)->retries_max &&
           (status == -ECONNREFUSED || status == -ECONNRESET || status == -ETIMEDOUT);
}

static void on_done(struct upstream_call *call, int status)
{
    struct fetch_upgrade *upgrade = upgrade_of(call);

    if (may_retry(upgrade, status)) {
        upgrade->retries++;
        upgrade->state = UPGRADE_RESTING;
        arm_progress(upgrade, RETRY_DELAY_MS +
                                  (int64_t)lane_random_below(upgrade->lane, RETRY_DELAY_SPAN_MS));
        return;
    }
    if (upgrade->stop_status < 0)
        status = upgrade->stop_status;
    /* Until there is a connection, time is one of the ways to find nobody there. */
    finish(upgrade, status == -ETIMEDOUT ? -ECONNREFUSED : status);
}

static const struct upstream_events call_events = {
    .on_connecting = on_connecting,
    .on_sent = on_sent,
    .on_interim = on_interim,
    .on_head = on_head,
    .on_data = on_data,
    .on_done = on_done,
};

int fetch_upgrade_new(struct fetch_lane *lane, struct fetch_request *request,
                      struct upstream_body *body, const struct fetch_upgrade_events *events,
                      void *context, struct fetch_upgrade **ret_upgrade)
{
    const struct fetch_settings *settings = &request->policy->settings;
    struct fetch_upgrade *upgrade;
    int err;

    async_loop_assert_current(lane->loop);
    assert(request->upgrade != NULL && request->is_bypass && request->method == NULL);
    if (lane->is_stopped)
        return -ESHUTDOWN;
    upgrade = calloc(1, sizeof *upgrade);
    if (upgrade == NULL)
        return -ENOMEM;
    upgrade->lane = lane;
    upgrade->request = fetch_request_ref(request);
    upgrade->events = events;
    upgrade->context = context;
    upgrade->call = (struct upstream_call){
        .events = &call_events,
        .url = request->url,
        .fields = &request->fields,
        .is_verbatim = true,
        .settings = settings,
        .is_unguarded = settings->is_unguarded,
        .passes_codings = settings->is_transparent,
        .drops_excess = true,
        .host = request->host,
        .body = body,
        .upgrade = request->upgrade,
    };
    async_timer_init(&upgrade->progress, on_progress);
    async_timer_init(&upgrade->total, on_total);
    async_timer_arm(&upgrade->total, lane->loop, after_ms(upgrade, settings->total_timeout_ms));
    err = ask(upgrade);
    if (err < 0) {
        fetch_upgrade_free(upgrade);
        return err;
    }
    *ret_upgrade = upgrade;
    return 0;
}

void fetch_upgrade_free(struct fetch_upgrade *upgrade)
{
    if (upgrade == NULL)
        return;
    stop(upgrade);
    fetch_request_unref(upgrade->request);
    free(upgrade);
}

void fetch_upgrade_resume(struct fetch_upgrade *upgrade)
{
    if (upgrade->state == UPGRADE_ANSWERING)
        arm_progress(upgrade, settings_of(upgrade)->stall_timeout_ms);
    upstream_resume(&upgrade->call);
}

int64_t fetch_upgrade_led_ns(const struct fetch_upgrade *upgrade)
{
    return upgrade->led_ns;
}

struct fetch_failure fetch_upgrade_failure(int status)
{
    return failure_of_status(status);
}
