/* SPDX-License-Identifier: MIT */
/*
 * flight_upstream.c - what upstream reports to a flight, in the order it comes: connecting, the
 * head, the body, the end. All on the lane's thread, some of it inside libcurl, which is why a
 * callback only returns a verdict and leaves what follows from it to the end of the call.
 */
#include <assert.h>
#include <errno.h>

#include <http/range.h>

#include "answer.h"
#include "fault.h"
#include "flight.h"
#include "flight_vary.h"

#define SWALLOW_BYTES_MAX   16384 /* of a redirect's body, to keep the connection */
#define RETRY_DELAY_MS      50
#define RETRY_DELAY_SPAN_MS 100

static struct flight *flight_from_call(struct upstream_call *call)
{
    return async_container_of(call, struct flight, call);
}

static void on_connecting(struct upstream_call *call)
{
    struct flight *flight = flight_from_call(call);

    flight->has_asked = true;
    async_timer_disarm(&flight->desertion);
    flight_enter_unless_superseded(flight, FLIGHT_AWAIT_HEADERS);
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Case 26: followed inside the flight, never under a second key's lock. Rule H.14. */
static enum upstream_verdict on_redirect(struct flight *flight, const struct upstream_head *head,
                                         struct span location)
{
    const struct fetch_settings *settings = flight_settings(flight);
    int err;

    if (flight->hops >= settings->redirects_max)
        return flight_stop_with(flight, -ELOOP);
    err = flight_vary_add_redirect(flight, head->fields);
    if (err < 0)
        return flight_stop_with(flight, err);
    err = fetch_url_resolve(flight->hop, location.bytes, location.length, settings->url_bytes_max,
                            &flight->next_hop);
    if (err < 0)
        return flight_stop_with(flight, err == -ENOMEM ? -ENOMEM : -EBADMSG);
    if (flight->hop->is_https && !flight->next_hop->is_https) {
        fetch_url_unref(flight->next_hop);
        flight->next_hop = NULL;
        flight->refusal = GUARD_REDIRECT;
        return flight_stop_with(flight, -EACCES);
    }
    answer_path_add(&flight->path, flight->lane, flight->request->policy, flight->request_s, head);
    return head->content_length_bytes > SWALLOW_BYTES_MAX ? UPSTREAM_STOP : UPSTREAM_GO_ON;
}

/* Whether it says of itself which part it is. Source: RFC 9110 section 15.3.7. */
static bool is_part(const struct fields *head)
{
    static const char several[] = "multipart/byteranges";
    struct content_range range;
    struct span value;
    size_t position = 0;

    if (fields_next_named(head, "Content-Range", &position, &value))
        return content_range_parse(value, &range) && range.range.first >= 0 &&
               !fields_next_named(head, "Content-Range", &position, &value);
    return fields_find(head, "Content-Type", &value) && value.length >= sizeof several - 1 &&
           strncasecmp(value.bytes, several, sizeof several - 1) == 0;
}

static enum upstream_verdict on_head(struct upstream_call *call, const struct upstream_head *head)
{
    struct flight *flight = flight_from_call(call);
    struct span location;

    assert(flight->state == FLIGHT_AWAIT_HEADERS || flight->state == FLIGHT_SUPERSEDED);
    assert(flight->entry == NULL);
    if (!flight_settings(flight)->is_transparent && is_redirect(head->status) &&
        fields_find(head->fields, "Location", &location))
        return on_redirect(flight, head, location);
    if (head->status == 304 && flight->is_conditional)
        return flight_take_not_modified(flight, head);
    if (flight->beginning != NULL && (head->status == 206 || head->status == 416))
        return flight_take_rest(flight, head);
    /* Case 25: we did not ask for a part, nor, now, with a condition. */
    if (!flight->request->is_bypass &&
        ((head->status == 206 && !(flight->is_part && is_part(head->fields))) ||
         head->status == 304))
        return flight_stop_with(flight, -EPROTO);
    return flight_take_answer(flight, head);
}

/* From here on it is for those who are there. */
static void stop_storing(struct flight *flight, const struct table_mark *mark)
{
    flight_enter(flight, FLIGHT_SUPERSEDED);
    flight_body_release_room(flight);
    flight_supersede(flight, mark);
    flight_lock(flight);
    flight->is_storing = false;
    flight_wake_locked(flight); /* who waits for a later part of it need not any more */
    if (flight->readers == 0)
        flight_call_lane_locked(flight); /* it was read on for the store alone */
    flight_unlock(flight);
}

/* Case 24: longer than what is stored, and nobody said so before. Or too much is arriving at once,
 * which says nothing of the URL. */
static void store_more(struct flight *flight, size_t total_bytes, size_t count)
{
    bool has_room = flight_body_count_arriving(flight, count);

    if (total_bytes > answer_stored_bytes_max(flight->lane, flight->request->policy)) {
        struct table_mark uncacheable = flight_mark_uncacheable(flight);
        stop_storing(flight, &uncacheable);
    } else if (!has_room) {
        LANE_COUNT(flight->lane, flights_crowded_out, 1);
        stop_storing(flight, NULL);
    }
}

static enum upstream_verdict on_data(struct upstream_call *call, const char *bytes, size_t count)
{
    struct flight *flight = flight_from_call(call);
    const struct fetch_settings *settings = flight_settings(flight);
    size_t total_bytes;

    if (flight->segment == NULL) { /* the body of a redirect; a 304 has none */
        flight->swallowed_bytes += count;
        return flight->swallowed_bytes > SWALLOW_BYTES_MAX ? UPSTREAM_STOP : UPSTREAM_GO_ON;
    }
    if (flight->state != FLIGHT_STREAMING && flight_body_pause_if_ahead(flight)) {
        async_timer_disarm(&flight->progress);
        return UPSTREAM_PAUSE;
    }
    total_bytes = flight_body_bytes(flight) + count;
    if (flight->length_bytes >= 0 && total_bytes > (uint64_t)flight->length_bytes)
        return flight_stop_with(flight, -EPROTO);
    if (total_bytes > settings->streamed_body_bytes_max)
        return flight_stop_with(flight, -EFBIG);
    if (flight->state == FLIGHT_STREAMING)
        store_more(flight, total_bytes, count);
    if (flight_body_append(flight, bytes, count) < 0)
        return flight_stop_with(flight, -ENOMEM);
    flight_arm_progress(flight, settings->stall_timeout_ms);
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

/* The first hop once more, without conditions. */
static void ask_again(struct flight *flight)
{
    flight->is_asking_again = false;
    flight_start_hop(flight);
}

/* Case 4. What the origin may have begun to work on is not asked for again. */
static bool may_retry(const struct flight *flight, int status)
{
    return flight->entry == NULL && flight->call.body == NULL &&
           fetch_request_is_idempotent(flight->request) &&
           flight->retries < flight_settings(flight)->retries_max &&
           (status == -ECONNREFUSED || status == -ECONNRESET || status == -ETIMEDOUT);
}

void flight_retry_later(struct flight *flight)
{
    struct fetch_lane *lane = flight->lane;
    int64_t delay_ms = RETRY_DELAY_MS + (int64_t)lane_random_below(lane, RETRY_DELAY_SPAN_MS);

    /* Origins close what was idle for long: no sign of trouble, and the next connection is new. */
    if (flight->call.was_kept && flight->entry == NULL)
        delay_ms = 0;
    flight->retries++;
    async_timer_disarm(&flight->progress);
    async_timer_arm(&flight->retry, lane->loop,
                    async_loop_now_ns(lane->loop) + delay_ms * ASYNC_MS);
}

/* Clients and the store were told a length: whoever framed the body otherwise, it is that long. */
static bool is_length_right(const struct flight *flight)
{
    return flight->segment == NULL || flight->length_bytes < 0 ||
           fetch_request_is_head(flight->request) || FAULT(store_truncated) ||
           flight_body_bytes(flight) == (uint64_t)flight->length_bytes;
}

static void on_done(struct upstream_call *call, int status)
{
    struct flight *flight = flight_from_call(call);

    if (status == -EACCES)
        flight->refusal = call->refusal;
    LANE_COUNT(flight->lane, flights_cancelled, flight->stop_status == -ECANCELED);
    if (flight->next_hop != NULL)
        follow_redirect(flight);
    else if (flight->is_asking_again)
        ask_again(flight);
    else if (flight->stop_status < 0)
        flight_fail(flight, flight->stop_status);
    else if (status == 0 && !is_length_right(flight))
        flight_fail(flight, -EPROTO);
    else if (status == 0)
        flight_finish(flight, 0, NULL);
    else if (may_retry(flight, status) || flight_may_resume(flight, status))
        flight_retry_later(flight);
    else
        flight_fail(flight, status == -ETIMEDOUT ? -ECONNREFUSED : status);
}

/* The origin need not answer before it has the whole request. */
static void on_sent(struct upstream_call *call)
{
    struct flight *flight = flight_from_call(call);

    if (flight->entry == NULL)
        flight_arm_progress(flight, flight_settings(flight)->head_timeout_ms);
}

/* Some things are for the reader that led alone: it is on this loop. NULL: it has left. */
static struct fetch_reader *leader_of(struct flight *flight)
{
    struct fetch_reader *leader;

    flight_lock(flight);
    leader = flight->leader;
    flight_unlock(flight);
    return leader;
}

static void on_trailers(struct upstream_call *call, const struct fields *trailers)
{
    struct flight *flight = flight_from_call(call);
    struct fetch_reader *leader = leader_of(flight);

    if (leader != NULL && leader->on_trailers != NULL && flight->segment != NULL)
        leader->on_trailers(leader, trailers);
}

static void on_interim(struct upstream_call *call, const struct upstream_head *head)
{
    struct flight *flight = flight_from_call(call);
    struct fetch_reader *leader = leader_of(flight);

    if (leader != NULL && leader->on_interim != NULL && flight->entry == NULL)
        leader->on_interim(leader, head->status, head->fields);
}

const struct upstream_events flight_upstream_events = {
    .on_connecting = on_connecting,
    .on_sent = on_sent,
    .on_interim = on_interim,
    .on_head = on_head,
    .on_data = on_data,
    .on_trailers = on_trailers,
    .on_done = on_done,
};
