/* SPDX-License-Identifier: MIT */
/*
 * flight.c - at most one upstream fetch of a key at a time: its life from the lock to the store.
 *
 *   QUEUED --lock--> RESOLVING --connecting--> AWAIT_HEADERS --storable--> STREAMING --> COMPLETE
 *     |                ^                         |   |   |                     |
 *     | found in       +---- redirect, retry ----+   |   +-- not storable --> SPLIT --> COMPLETE
 *     | the store                                    |                         |
 *     +------> COMPLETE                              +-- not to be kept --> SUPERSEDED --> COMPLETE
 *
 *   any --purged, nobody left, too long to store--> SUPERSEDED      any --error--> FAILED
 *   SUPERSEDED --purged, then not storable--> SPLIT
 *
 * SPLIT: only the reader that led gets the answer; the others go on by themselves. SUPERSEDED:
 * those who are there get it, nobody joins any more, and nothing is stored. Both have given the
 * key's lock up, so that a newcomer may start the next flight.
 *
 * The lock is held from the grant until the flight is COMPLETE, FAILED, SPLIT or SUPERSEDED. A
 * flight is put into the table before it asks for the lock, so newcomers join it even while it
 * waits for another to end, and at most one waits per key. Case numbers: docs/internals/flight.md.
 */
#include "flight.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "answer.h"
#include "failure.h"

#define SWALLOW_BYTES_MAX   16384 /* of a redirect's body, to keep the connection */
#define FINISH_BYTES_MAX    (1024 * 1024)
#define RECENT_JOIN_NS      (2 * ASYNC_S)
#define RETRY_DELAY_MS      50
#define RETRY_DELAY_SPAN_MS 100

#define BIT(state) (1u << FLIGHT_##state)

/* Which states may follow which. */
static const unsigned flight_moves[FLIGHT_STATES] = {
    [FLIGHT_QUEUED] = BIT(RESOLVING) | BIT(COMPLETE) | BIT(SUPERSEDED) | BIT(FAILED),
    [FLIGHT_RESOLVING] = BIT(AWAIT_HEADERS) | BIT(SUPERSEDED) | BIT(FAILED),
    [FLIGHT_AWAIT_HEADERS] =
        BIT(RESOLVING) | BIT(STREAMING) | BIT(SPLIT) | BIT(SUPERSEDED) | BIT(FAILED),
    [FLIGHT_STREAMING] = BIT(COMPLETE) | BIT(SUPERSEDED) | BIT(FAILED),
    [FLIGHT_SPLIT] = BIT(COMPLETE) | BIT(FAILED),
    [FLIGHT_SUPERSEDED] = BIT(SPLIT) | BIT(COMPLETE) | BIT(FAILED),
};

static void flight_enter(struct flight *flight, enum flight_state next)
{
    assert((flight_moves[flight->state] & (1u << next)) != 0);
    flight->state = next;
}

static void flight_start_hop(struct flight *flight);
static const struct upstream_events upstream_events;
static async_waiter_fn on_key_lock;
static async_timer_fn on_no_progress, on_total_timeout, on_retry;
static async_task_fn on_attention;

int flight_new(const struct fetch_reader *leader, bool is_solo, struct flight **ret_flight)
{
    struct fetch_lane *lane = leader->lane;
    struct flight *flight = calloc(1, sizeof *flight);

    if (flight == NULL)
        return -ENOMEM;
    atomic_init(&flight->references, 1);
    flight->lane = lane;
    flight->url = fetch_url_ref(leader->url);
    flight->hop = fetch_url_ref(leader->url);
    flight->key = leader->key;
    flight->key.bytes = flight->url->text;
    flight->is_solo = is_solo;
    flight->fresh_only = (leader->flags & FETCH_FRESH_ONLY) != 0;
    flight->state = FLIGHT_QUEUED;
    flight->length_bytes = -1;
    async_list_init(&flight->lane_node);
    async_keyed_waiter_init(&flight->lock, lane->fetcher->keys, lane->loop, on_key_lock,
                            flight->key.bytes, flight->key.length);
    flight->call.events = &upstream_events;
    async_timer_init(&flight->progress, on_no_progress);
    async_timer_init(&flight->total, on_total_timeout);
    async_timer_init(&flight->retry, on_retry);
    pthread_mutex_init(&flight->mutex, NULL);
    async_list_init(&flight->parked);
    async_list_init(&flight->awake);
    async_task_init(&flight->attention, on_attention);
    *ret_flight = flight;
    return 0;
}

/*
 * The one way out. status 0: complete, else why not; `failure` is what readers are told who have
 * no answer yet, and with a status of HTTP in it, for a while, those who come now.
 */
static void flight_finish(struct flight *flight, int status, const struct fetch_failure *failure)
{
    struct fetch_lane *lane = flight->lane;
    bool was_called;

    async_timer_disarm(&flight->progress);
    async_timer_disarm(&flight->total);
    async_timer_disarm(&flight->retry);
    upstream_cancel(&flight->call);
    async_waiter_cancel(&flight->lock.waiter);
    flight_body_finish(flight, status);
    if (status == 0 && flight->state == FLIGHT_STREAMING) {
        flight_publish(flight);
    } else if (status < 0 && failure != NULL && flight->entry == NULL && status != -ENOMEM &&
               status != -ECANCELED) {
        struct table_mark mark = {
            .kind = MARK_FAILURE,
            .until_ns = async_loop_now_ns(lane->loop) +
                        lane->fetcher->settings.negative_lifetime_ms * ASYNC_MS,
            .failure = *failure,
        };
        flight_leave_table(flight, &mark);
    } else {
        flight_leave_table(flight, NULL);
    }
    flight_enter(flight, status == 0 ? FLIGHT_COMPLETE : FLIGHT_FAILED);

    flight_lock(flight);
    flight->is_ended = true;
    flight->is_transient = status == -ENOMEM;
    if (failure != NULL)
        flight->failure = *failure;
    flight_wake_locked(flight);
    was_called = flight->is_attention_posted && async_loop_unpost(lane->loop, &flight->attention);
    flight_unlock(flight);
    if (was_called)
        flight_unref(flight); /* the task's */

    flight_release_key(flight);
    async_list_remove(&flight->lane_node);
    LANE_COUNT(lane, flights_live, -1);
    if (status < 0 && status != -ECANCELED)
        LANE_COUNT(lane, upstream_failures, 1);
    flight_unref(flight);
}

static void flight_fail(struct flight *flight, int status)
{
    struct fetch_failure failure = failure_of_status(status);

    if (status == -EACCES) {
        LANE_COUNT(flight->lane, refused_guard, 1);
        failure.reason = guard_reason_name(flight->refusal);
    }
    flight_finish(flight, status, &failure);
}

/* Nobody may join any more and nothing will be stored; those who are here stay. */
static void flight_supersede(struct flight *flight, bool is_uncacheable)
{
    struct fetch_lane *lane = flight->lane;
    const int64_t marker_s = lane->fetcher->settings.uncacheable_marker_s;
    struct table_mark mark = {.kind = MARK_UNCACHEABLE};

    /* Jittered by a quarter, so that URLs found uncacheable together are not tried again so. */
    mark.until_ns = async_loop_now_ns(lane->loop) + marker_s * ASYNC_S * 7 / 8 +
                    (int64_t)lane_random_below(lane, (uint64_t)(marker_s * 250 + 1)) * ASYNC_MS;
    flight_leave_table(flight, is_uncacheable ? &mark : NULL);
    flight_release_key(flight);
}

void flight_begin(struct flight *flight)
{
    struct fetch_lane *lane = flight->lane;

    async_list_append(&lane->flights, &flight->lane_node);
    LANE_COUNT(lane, flights, 1);
    LANE_COUNT(lane, flights_live, 1);
    if (flight->is_solo) {
        LANE_COUNT(lane, flights_uncoalesced, 1);
        flight_start_hop(flight);
    } else if (async_keyed_lock_try_acquire(lane->fetcher->keys, &flight->lock)) {
        on_key_lock(&flight->lock.waiter, 0);
    } else {
        async_keyed_lock_acquire(lane->fetcher->keys, &flight->lock);
    }
}

/*
 * Look again (case 30): another flight may have stored the answer after this one's reader missed it
 * and before this one got the lock; then the origin has nothing to do with it.
 */
static void on_key_lock(struct async_waiter *waiter, int status)
{
    struct async_keyed_waiter *keyed =
        async_container_of(waiter, struct async_keyed_waiter, waiter);
    struct flight *flight = async_container_of(keyed, struct flight, lock);
    struct entry *entry = NULL;

    assert(flight->state == FLIGHT_QUEUED);
    if (status < 0) {
        flight_fail(flight, status);
        return;
    }
    flight->has_lock = true;
    if (!flight->fresh_only)
        entry = lane_lookup(flight->lane, &flight->key, fetch_lane_now_s(flight->lane));
    if (entry == NULL) {
        flight_start_hop(flight);
        return;
    }
    flight_lock(flight);
    flight->entry = entry;
    flight->length_bytes = (int64_t)body_length(entry->body);
    flight->is_storing = true;
    flight_unlock(flight);
    flight_finish(flight, 0, NULL);
}

static void arm_progress(struct flight *flight, uint32_t timeout_ms)
{
    struct async_loop *loop = flight->lane->loop;

    async_timer_arm(&flight->progress, loop, async_loop_now_ns(loop) + timeout_ms * ASYNC_MS);
}

/* A superseded flight stays so; it only has no other name for where it is. */
static void enter_unless_superseded(struct flight *flight, enum flight_state next)
{
    if (flight->state != FLIGHT_SUPERSEDED && flight->state != next)
        flight_enter(flight, next);
}

static void flight_start_hop(struct flight *flight)
{
    struct fetch_lane *lane = flight->lane;
    const struct fetch_settings *settings = &lane->fetcher->settings;
    int err;

    enter_unless_superseded(flight, FLIGHT_RESOLVING);
    if (!async_timer_is_armed(&flight->total))
        async_timer_arm(&flight->total, lane->loop,
                        async_loop_now_ns(lane->loop) + settings->total_timeout_ms * ASYNC_MS);
    arm_progress(flight, settings->head_timeout_ms);
    flight->request_s = fetch_lane_now_s(lane);
    flight->swallowed_bytes = 0;
    flight->refusal =
        flight->hop->family == AF_UNSPEC ? guard_check_name(flight->hop->host) : GUARD_OK;
    if (flight->refusal != GUARD_OK) {
        flight_fail(flight, -EACCES);
        return;
    }
    flight->call.url = flight->hop;
    LANE_COUNT(lane, upstream_requests, 1);
    err = upstream_start(lane->upstream, &flight->call);
    if (err < 0)
        flight_fail(flight, err);
}

/* Upstream's events, in the order they fire. */

static struct flight *flight_from_call(struct upstream_call *call)
{
    return async_container_of(call, struct flight, call);
}

static void on_connecting(struct upstream_call *call)
{
    enter_unless_superseded(flight_from_call(call), FLIGHT_AWAIT_HEADERS);
}

/* The verdict "stop", with what is to be made of it once the upstream reports its end. */
static enum upstream_verdict stop_with(struct flight *flight, int status)
{
    flight->stop_status = status;
    return UPSTREAM_STOP;
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Case 26: followed inside the flight, never under a second key's lock. Rule H.14. */
static enum upstream_verdict on_redirect(struct flight *flight, const struct upstream_head *head,
                                         struct span location)
{
    const struct fetch_settings *settings = &flight->lane->fetcher->settings;
    int err;

    if (flight->hops >= settings->redirects_max)
        return stop_with(flight, -ELOOP);
    err = fetch_url_resolve(flight->hop, location.bytes, location.length, settings->url_bytes_max,
                            &flight->next_hop);
    if (err < 0)
        return stop_with(flight, err == -ENOMEM ? -ENOMEM : -EBADMSG);
    if (flight->hop->is_https && !flight->next_hop->is_https) {
        fetch_url_unref(flight->next_hop);
        flight->next_hop = NULL;
        flight->refusal = GUARD_REDIRECT;
        return stop_with(flight, -EACCES);
    }
    return head->content_length_bytes > SWALLOW_BYTES_MAX ? UPSTREAM_STOP : UPSTREAM_GO_ON;
}

/* Cases 5, 13, 14 and 23: what the head says about sharing. */
static void flight_decide(struct flight *flight, enum answer_sharing sharing)
{
    if (flight->state == FLIGHT_SUPERSEDED) {
        if (sharing == ANSWER_PRIVATE) /* purged before: it is the leader's alone all the same */
            flight_enter(flight, FLIGHT_SPLIT);
        return;
    }
    if (flight->is_solo) {
        flight_enter(flight, FLIGHT_SPLIT);
        if (sharing == ANSWER_STORE)
            flight_clear_mark(flight);
    } else if (sharing == ANSWER_STORE) {
        flight_enter(flight, FLIGHT_STREAMING);
    } else if (sharing == ANSWER_SHARE) {
        flight_enter(flight, FLIGHT_SUPERSEDED);
        flight_supersede(flight, false);
    } else {
        flight_enter(flight, FLIGHT_SPLIT);
        flight_supersede(flight, true);
    }
}

/* The entry made of the head. */
static enum upstream_verdict on_answer(struct flight *flight, const struct upstream_head *head)
{
    struct fetch_lane *lane = flight->lane;
    struct answer answer;
    struct fetch_segment *segment;
    int err = answer_judge(lane, &flight->key, flight->request_s, head, &answer);

    if (err < 0)
        return stop_with(flight, err);
    err = segment_new(answer.entry->body, &segment);
    if (err < 0) {
        entry_unref(answer.entry);
        return stop_with(flight, err);
    }
    flight_decide(flight, answer.sharing);
    arm_progress(flight, lane->fetcher->settings.stall_timeout_ms);

    flight_lock(flight);
    flight->length_bytes = head->content_length_bytes;
    flight->is_split = flight->state == FLIGHT_SPLIT;
    flight->is_storing = flight->state == FLIGHT_STREAMING;
    if (!flight->is_split || flight->leader != NULL) {
        flight->entry = answer.entry;
        flight->segment = segment;
    }
    flight_wake_locked(flight);
    flight_unlock(flight);
    if (flight->entry != NULL)
        return UPSTREAM_GO_ON;
    /* The one whose answer this is has left; it is nobody's. */
    segment_unref(segment);
    entry_unref(answer.entry);
    return stop_with(flight, -ECANCELED);
}

static enum upstream_verdict on_head(struct upstream_call *call, const struct upstream_head *head)
{
    struct flight *flight = flight_from_call(call);
    struct span location;

    assert(flight->state == FLIGHT_AWAIT_HEADERS || flight->state == FLIGHT_SUPERSEDED);
    assert(flight->entry == NULL);
    if (is_redirect(head->status) && fields_find(head->fields, "Location", &location))
        return on_redirect(flight, head, location);
    /* Case 25: we asked neither for a part nor with a condition. */
    if (head->status == 206 || head->status == 304)
        return stop_with(flight, -EPROTO);
    return on_answer(flight, head);
}

/* Case 24: longer than what is stored, and nobody said so before. */
static void stop_storing(struct flight *flight)
{
    flight_enter(flight, FLIGHT_SUPERSEDED);
    flight_supersede(flight, true);
    flight_lock(flight);
    flight->is_storing = false;
    if (flight->readers == 0)
        flight_call_lane_locked(flight); /* it was read on for the store alone */
    flight_unlock(flight);
}

static enum upstream_verdict on_data(struct upstream_call *call, const char *bytes, size_t count)
{
    struct flight *flight = flight_from_call(call);
    const struct fetch_settings *settings = &flight->lane->fetcher->settings;
    size_t total_bytes;

    if (flight->entry == NULL) { /* the body of a redirect */
        flight->swallowed_bytes += count;
        return flight->swallowed_bytes > SWALLOW_BYTES_MAX ? UPSTREAM_STOP : UPSTREAM_GO_ON;
    }
    if (flight->state != FLIGHT_STREAMING && flight_body_pause_if_ahead(flight)) {
        async_timer_disarm(&flight->progress);
        return UPSTREAM_PAUSE;
    }
    total_bytes = flight_body_bytes(flight) + count;
    if (flight->length_bytes >= 0 && total_bytes > (uint64_t)flight->length_bytes)
        return stop_with(flight, -EPROTO);
    if (total_bytes > settings->streamed_body_bytes_max)
        return stop_with(flight, -EFBIG);
    if (flight->state == FLIGHT_STREAMING && total_bytes > answer_stored_bytes_max(flight->lane))
        stop_storing(flight);
    if (flight_body_append(flight, bytes, count) < 0)
        return stop_with(flight, -ENOMEM);
    arm_progress(flight, settings->stall_timeout_ms);
    return UPSTREAM_GO_ON;
}

static void follow_redirect(struct flight *flight)
{
    fetch_url_unref(flight->hop);
    flight->hop = flight->next_hop;
    flight->next_hop = NULL;
    flight->hops++;
    LANE_COUNT(flight->lane, upstream_redirects, 1);
    flight_start_hop(flight);
}

/* Case 4. What the origin may have begun to work on is not asked for again. */
static bool may_retry(const struct flight *flight, int status)
{
    return flight->entry == NULL && flight->retries < flight->lane->fetcher->settings.retries_max &&
           (status == -ECONNREFUSED || status == -ECONNRESET || status == -ETIMEDOUT);
}

static void retry_later(struct flight *flight)
{
    struct fetch_lane *lane = flight->lane;
    int64_t delay_ms = RETRY_DELAY_MS + (int64_t)lane_random_below(lane, RETRY_DELAY_SPAN_MS);

    flight->retries++;
    async_timer_disarm(&flight->progress);
    async_timer_arm(&flight->retry, lane->loop,
                    async_loop_now_ns(lane->loop) + delay_ms * ASYNC_MS);
}

static void on_retry(struct async_timer *timer)
{
    struct flight *flight = async_container_of(timer, struct flight, retry);

    LANE_COUNT(flight->lane, upstream_retries, 1);
    flight_start_hop(flight);
}

/* Clients and the store were told a length: whoever framed the body otherwise, it is that long. */
static bool is_length_right(const struct flight *flight)
{
    return flight->entry == NULL || flight->length_bytes < 0 ||
           flight_body_bytes(flight) == (uint64_t)flight->length_bytes;
}

static void on_done(struct upstream_call *call, int status)
{
    struct flight *flight = flight_from_call(call);

    if (status == -EACCES)
        flight->refusal = call->refusal;
    if (flight->next_hop != NULL)
        follow_redirect(flight);
    else if (flight->stop_status < 0)
        flight_fail(flight, flight->stop_status);
    else if (status == 0 && !is_length_right(flight))
        flight_fail(flight, -EPROTO);
    else if (status == 0)
        flight_finish(flight, 0, NULL);
    else if (may_retry(flight, status))
        retry_later(flight);
    else
        flight_fail(flight, status == -ETIMEDOUT ? -ECONNREFUSED : status);
}

static const struct upstream_events upstream_events = {
    .on_connecting = on_connecting,
    .on_head = on_head,
    .on_data = on_data,
    .on_done = on_done,
};

/* Cases 4 and 8: no head, or no byte, for too long. */
static void on_no_progress(struct async_timer *timer)
{
    struct flight *flight = async_container_of(timer, struct flight, progress);

    flight_fail(flight, -ETIMEDOUT);
}

static void on_total_timeout(struct async_timer *timer)
{
    struct flight *flight = async_container_of(timer, struct flight, total);

    flight_fail(flight, -ETIMEDOUT);
}

/* Case 2: whether what nobody waits for is worth finishing. */
static bool is_worth_finishing(const struct flight *flight)
{
    int64_t now_ns = async_loop_now_ns(flight->lane->loop);
    int64_t got_bytes;

    if (flight->state != FLIGHT_STREAMING)
        return false;
    if (flight->joins > 1 && flight->last_join_ns + RECENT_JOIN_NS > now_ns)
        return true;
    if (flight->length_bytes < 0)
        return false;
    got_bytes = (int64_t)body_length(flight->entry->body);
    return got_bytes * 2 >= flight->length_bytes ||
           flight->length_bytes - got_bytes <= FINISH_BYTES_MAX;
}

/* Superseded first, under the mutex that joining takes: nobody may join a flight that is dying. */
static bool give_up(struct flight *flight)
{
    struct table_shard *shard = table_lock(flight->lane->fetcher->table, &flight->key);
    bool is_deserted;

    flight_lock(flight);
    is_deserted = flight->readers == 0 && !flight->is_ended && !is_worth_finishing(flight);
    flight_unlock(flight);
    if (is_deserted)
        table_remove_locked(shard, flight);
    table_unlock(shard);
    return is_deserted;
}

/* Case 27, and requests that take nothing from before: the next generation may begin. */
static void on_purged(struct flight *flight)
{
    bool was_queued = flight->state == FLIGHT_QUEUED;

    if (flight->state == FLIGHT_SPLIT || flight->state == FLIGHT_SUPERSEDED)
        return;
    flight_enter(flight, FLIGHT_SUPERSEDED);
    flight_lock(flight);
    flight->is_storing = false;
    flight_unlock(flight);
    async_waiter_cancel(&flight->lock.waiter);
    flight_release_key(flight);
    if (was_queued)
        flight_start_hop(flight);
}

static void on_attention(struct async_task *task)
{
    struct flight *flight = async_container_of(task, struct flight, attention);
    bool wants_resume, is_purged;

    flight_lock(flight);
    assert(!flight->is_ended); /* or else the end would have taken this task back */
    flight->is_attention_posted = false;
    wants_resume = flight->wants_resume;
    flight->wants_resume = false;
    is_purged = flight->is_purged;
    flight->is_purged = false;
    flight_unlock(flight);
    if (is_purged)
        on_purged(flight);
    if (wants_resume) {
        arm_progress(flight, flight->lane->fetcher->settings.stall_timeout_ms);
        upstream_resume(&flight->call);
    }
    if (give_up(flight)) {
        LANE_COUNT(flight->lane, flights_cancelled, 1);
        flight_finish(flight, -ECANCELED, NULL);
    }
    flight_unref(flight);
}

void flight_abort(struct flight *flight)
{
    struct fetch_failure failure = failure_of_status(-ESHUTDOWN);

    flight_finish(flight, -ECANCELED, &failure);
}
