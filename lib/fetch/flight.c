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
 * waits for another to end, and at most one waits per key. What upstream reports:
 * flight_upstream.c. Case numbers: docs/internals/flight.md.
 */
#include "flight.h"
#include "origins.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "failure.h"
#include "fault.h"
#include "flight_revalidate.h"
#include "reader.h"
#include "scratch.h"
#include "variant.h"

#define PATIENCE_NS ASYNC_S /* with a flight that has its head */

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

void flight_enter(struct flight *flight, enum flight_state next)
{
    assert((flight_moves[flight->state] & (1u << next)) != 0);
    flight->state = next;
}

static async_waiter_fn on_key_lock;
static async_timer_fn on_impatience, on_no_progress, on_total_timeout, on_retry;

int flight_new(const struct fetch_reader *leader, bool is_solo, struct flight **ret_flight)
{
    struct fetch_lane *lane = leader->lane;
    struct flight *flight = scratch_allocate_zeroed(1, sizeof *flight);

    if (flight == NULL)
        return -ENOMEM;
    if (flight_key_copy(&leader->key, &flight->lock_key) < 0) {
        scratch_free(flight);
        return -ENOMEM;
    }
    atomic_init(&flight->references, 1);
    flight->lane = lane;
    flight->request = fetch_request_ref(leader->request);
    flight->hop = fetch_url_ref(leader->request->url);
    flight->key.key = flight->lock_key.key;
    flight->is_solo = is_solo;
    flight->is_part = (is_solo || leader->is_for_part || FAULT(part_for_all)) &&
                      fields_count(&leader->request->part) > 0;
    flight->fresh_only = reader_wants_younger(leader);
    flight->tag_purges = store_purges(lane->fetcher->store);
    flight->state = FLIGHT_QUEUED;
    flight->length_bytes = -1;
    answer_path_init(&flight->path);
    vary_names_init(&flight->path_vary);
    async_list_init(&flight->lane_node);
    async_keyed_waiter_init(&flight->lock, lane->fetcher->keys, lane->loop, on_key_lock,
                            flight->lock_key.key.bytes, flight->lock_key.key.length);
    flight->call.events = &flight_upstream_events;
    async_timer_init(&flight->impatience, on_impatience);
    async_timer_init(&flight->progress, on_no_progress);
    async_timer_init(&flight->total, on_total_timeout);
    async_timer_init(&flight->retry, on_retry);
    async_timer_init(&flight->desertion, flight_on_desertion);
    pthread_mutex_init(&flight->mutex, NULL);
    async_list_init(&flight->parked);
    async_list_init(&flight->awake);
    async_task_init(&flight->attention, flight_on_attention);
    *ret_flight = flight;
    return 0;
}

void flight_finish(struct flight *flight, int status, const struct fetch_failure *failure)
{
    struct fetch_lane *lane = flight->lane;
    bool was_called;

    async_timer_disarm(&flight->impatience);
    async_timer_disarm(&flight->progress);
    async_timer_disarm(&flight->total);
    async_timer_disarm(&flight->retry);
    async_timer_disarm(&flight->desertion);
    upstream_cancel(&flight->call);
    async_waiter_cancel(&flight->lock.waiter);
    flight_body_finish(flight, status);
    flight_body_uncount_arriving(flight);
    if (status == 0 && flight->is_kept_alone)
        flight_store_alone(flight);
    if (status == 0 && flight->state == FLIGHT_STREAMING) {
        flight_publish(flight);
    } else if (status < 0 && failure != NULL && flight->entry == NULL && status != -ENOMEM &&
               status != -ECANCELED) {
        struct table_mark mark = flight_mark_failure(flight, failure);

        flight_leave_table(flight, &mark);
    } else {
        flight_leave_table(flight, NULL);
    }
    flight_body_release_room(flight);
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
    if (flight->is_deserted) {
        lane->deserted_count--;
        origins_count_deserted(flight_settings(flight)->origins, -1);
    }
    LANE_COUNT(lane, flights_live, -1);
    if (status < 0 && status != -ECANCELED)
        LANE_COUNT(lane, upstream_failures, 1);
    flight_unref(flight);
}

void flight_fail(struct flight *flight, int status)
{
    struct fetch_failure failure = failure_of_status(status);

    if (status == -EACCES) {
        LANE_COUNT(flight->lane, refused_guard, 1);
        failure.reason = guard_reason_name(flight->refusal);
    }
    flight_finish(flight, status, &failure);
}

void flight_supersede(struct flight *flight, const struct table_mark *mark)
{
    if (!FAULT(join_superseded))
        flight_leave_table(flight, mark);
    flight_release_key(flight);
}

/* It waits for a flight whose answer it cannot use, because that began, or has its head, before. */
static void be_patient(struct flight *flight)
{
    struct async_loop *loop = flight->lane->loop;

    async_timer_arm(&flight->impatience, loop, async_loop_now_ns(loop) + PATIENCE_NS);
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
        be_patient(flight);
        async_keyed_lock_acquire(lane->fetcher->keys, &flight->lock);
    }
}

static void on_impatience(struct async_timer *timer)
{
    struct flight *flight = async_container_of(timer, struct flight, impatience);

    be_patient(flight);
    flight_overtake(flight);
}

/*
 * Look again (case 30): another flight may have stored the answer after this one's reader missed it
 * and before this one got the lock; then the origin has nothing to do with it. What may not be used
 * as it is, the origin may confirm.
 */
static struct entry *look_again(struct flight *flight)
{
    struct fetch_lane *lane = flight->lane;
    int64_t now_s = fetch_lane_now_s(lane);
    struct entry *entry =
        lane_find(lane, &flight->request->key, field_view_of(&flight->request->fields), now_s);

    if (entry == NULL ||
        (!flight->fresh_only && entry_is_fresh(entry, now_s) && !FAULT(no_second_look)))
        return entry;
    flight->stored = entry;
    return NULL;
}

static void on_key_lock(struct async_waiter *waiter, int status)
{
    struct async_keyed_waiter *keyed =
        async_container_of(waiter, struct async_keyed_waiter, waiter);
    struct flight *flight = async_container_of(keyed, struct flight, lock);
    struct table_mark mark;
    struct entry *entry;

    assert(flight->state == FLIGHT_QUEUED);
    async_timer_disarm(&flight->impatience);
    if (status < 0) {
        flight_fail(flight, status);
        return;
    }
    flight->has_lock = true;
    flight_set_begun(flight, &mark);
    entry = look_again(flight);
    if (entry != NULL) {
        flight_lock(flight);
        flight->entry = entry;
        flight->length_bytes = (int64_t)body_length(entry->body);
        flight->is_storing = true;
        flight_unlock(flight);
        flight_finish(flight, 0, NULL);
    } else if (mark.kind == MARK_LEFT_ALONE) {
        flight_finish(flight, -ECANCELED, &mark.failure); /* no failure of its own: no mark */
    } else {
        flight_start_hop(flight);
    }
}

void flight_arm_progress(struct flight *flight, uint32_t timeout_ms)
{
    struct async_loop *loop = flight->lane->loop;

    async_timer_arm(&flight->progress, loop, async_loop_now_ns(loop) + timeout_ms * ASYNC_MS);
}

void flight_enter_unless_superseded(struct flight *flight, enum flight_state next)
{
    if (flight->state != FLIGHT_SUPERSEDED && flight->state != next)
        flight_enter(flight, next);
}

void flight_start_hop(struct flight *flight)
{
    struct fetch_lane *lane = flight->lane;
    const struct fetch_settings *settings = flight_settings(flight);
    int err;

    flight_enter_unless_superseded(flight, FLIGHT_RESOLVING);
    if (!async_timer_is_armed(&flight->total))
        async_timer_arm(&flight->total, lane->loop,
                        async_loop_now_ns(lane->loop) + settings->total_timeout_ms * ASYNC_MS);
    flight_arm_progress(flight, settings->head_timeout_ms);
    flight->request_s = fetch_lane_now_s(lane);
    flight->swallowed_bytes = 0;
    flight->refusal = !settings->is_unguarded && flight->hop->family == AF_UNSPEC
                          ? guard_check_name(flight->hop->host)
                          : GUARD_OK;
    if (flight->refusal != GUARD_OK) {
        flight_fail(flight, -EACCES);
        return;
    }
    flight->call.url = flight->hop;
    flight->call.method = flight->request->method;
    flight->call.target = flight->request->is_of_server ? "*" : NULL;
    flight->call.host = flight->request->host;
    flight->call.is_verbatim = settings->is_transparent;
    flight->call.settings = settings;
    flight->call.is_unguarded = settings->is_unguarded;
    flight->call.drops_excess = settings->is_transparent;
    flight->call.passes_codings = settings->is_transparent;
    flight->call.is_too_slow = false;
    flight->call.is_on_new_connection = flight->retries > 0;
    err = flight_choose_fields(flight);
    if (err == 0) {
        LANE_COUNT(lane, upstream_requests, 1);
        LANE_COUNT(lane, upstream_parts, flight->is_part);
        LANE_COUNT(lane, revalidations, flight->is_conditional);
        err = upstream_start(lane->upstream, &flight->call);
    }
    if (err < 0)
        flight_fail(flight, err);
}

static void on_retry(struct async_timer *timer)
{
    struct flight *flight = async_container_of(timer, struct flight, retry);

    if (flight->entry != NULL) {
        flight_resume(flight);
        return;
    }
    LANE_COUNT(flight->lane, upstream_retries, 1);
    flight_start_hop(flight);
}

/* Cases 4 and 8: no head, or no byte, for too long. */
static void on_no_progress(struct async_timer *timer)
{
    struct flight *flight = async_container_of(timer, struct flight, progress);

    flight->call.is_too_slow = flight->entry == NULL;
    if (!flight_may_resume(flight, -ETIMEDOUT)) {
        flight_fail(flight, -ETIMEDOUT);
        return;
    }
    upstream_cancel(&flight->call);
    flight_retry_later(flight);
}

static void on_total_timeout(struct async_timer *timer)
{
    struct flight *flight = async_container_of(timer, struct flight, total);

    flight->call.is_too_slow = flight->entry == NULL;
    flight_fail(flight, -ETIMEDOUT);
}

void flight_abort(struct flight *flight)
{
    struct fetch_failure failure = failure_of_status(-ESHUTDOWN);

    flight_finish(flight, -ECANCELED, &failure);
}
