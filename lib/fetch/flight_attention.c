/* SPDX-License-Identifier: MIT */
/*
 * flight_attention.c - what others have to tell a flight: nobody is left, a reader has caught up,
 * it has been taken out of the table. They post its task, and it is dealt with on its lane.
 */
#include <assert.h>
#include <errno.h>

#include "fault.h"
#include "flight.h"
#include "origins.h"

#define FINISH_BYTES_MAX (1024 * 1024)
#define RECENT_JOIN_NS   (2 * ASYNC_S)

static bool is_before_head(const struct flight *flight)
{
    return flight->state == FLIGHT_QUEUED || flight->state == FLIGHT_RESOLVING ||
           flight->state == FLIGHT_AWAIT_HEADERS;
}

/* Who came lately is likely to come again, or to have company. */
static bool is_asked_for_lately(const struct flight *flight)
{
    return flight->joins > 1 &&
           flight->last_join_ns + RECENT_JOIN_NS > async_loop_now_ns(flight->lane->loop);
}

/* Flights with readers are bounded by those. The others get no more than half of the connections
 * that the lane may have, in all or to one origin, and of a route's permits, so that they alone
 * never keep anybody waiting for one. */
static bool has_room_for_deserted(const struct flight *flight)
{
    const struct fetch_lane *lane = flight->lane;
    const struct fetch_settings *settings = &lane->fetcher->settings;
    uint32_t connections_max = settings->connections_max < settings->origin_connections_max
                                   ? settings->connections_max
                                   : settings->origin_connections_max;

    return flight->is_deserted || (lane->deserted_count * 2 < connections_max &&
                                   origins_has_room_for_deserted(flight_settings(flight)->origins));
}

/* Case 2: whether what nobody waits for is worth finishing. */
static bool is_worth_finishing(const struct flight *flight)
{
    int64_t got_bytes;

    if (!has_room_for_deserted(flight))
        return false;
    if (is_before_head(flight))
        return is_asked_for_lately(flight) && !FAULT(crowd_forgotten);
    if (flight->state != FLIGHT_STREAMING)
        return false;
    if (flight->is_rest_wanted) /* case 18: the next range of it is a hit */
        return true;
    if (is_asked_for_lately(flight))
        return true;
    if (flight->length_bytes < 0)
        return false;
    got_bytes = (int64_t)body_length(flight->entry->body);
    return got_bytes * 2 >= flight->length_bytes ||
           flight->length_bytes - got_bytes <= FINISH_BYTES_MAX;
}

/*
 * It goes on for nobody. Once the origin has been asked, that is to the end: the times of every
 * fetch bound it. But what still waits, for the key, a permit or an address, is looked at again
 * when the last request is no longer lately: it must not keep others waiting for nothing.
 */
static void go_on_deserted(struct flight *flight, int64_t last_join_ns)
{
    struct fetch_lane *lane = flight->lane;

    if (!flight->is_deserted) {
        flight->is_deserted = true;
        lane->deserted_count++;
        origins_count_deserted(flight_settings(flight)->origins, 1);
        LANE_COUNT(lane, flights_deserted, is_before_head(flight));
    }
    if (is_before_head(flight) && !flight->has_asked && !FAULT(deserted_in_line))
        async_timer_arm(&flight->desertion, lane->loop, last_join_ns + RECENT_JOIN_NS);
}

/* Superseded first, under the mutex that joining takes: nobody may join a flight that is dying.
 * Returns whether it has ended. */
static bool end_if_deserted(struct flight *flight)
{
    struct table_shard *shard = table_lock(flight->lane->fetcher->table, &flight->request->key);
    bool is_deserted, is_over;
    int64_t last_join_ns;

    flight_lock(flight);
    is_deserted = flight->readers == 0 && !flight->is_ended;
    is_over = is_deserted && !is_worth_finishing(flight);
    last_join_ns = flight->last_join_ns;
    flight_unlock(flight);
    if (is_over)
        table_remove_locked(shard, flight);
    table_unlock(shard);
    if (is_over) {
        LANE_COUNT(flight->lane, flights_cancelled, 1);
        flight_finish(flight, -ECANCELED, NULL);
    } else if (is_deserted) {
        go_on_deserted(flight, last_join_ns);
    }
    return is_over;
}

void flight_on_desertion(struct async_timer *timer)
{
    (void)end_if_deserted(async_container_of(timer, struct flight, desertion));
}

/* Case 27, and requests that take nothing from before: the next generation may begin. Returns
 * whether this one need not wait for its turn any more. */
static bool on_purged(struct flight *flight)
{
    bool was_queued = flight->state == FLIGHT_QUEUED;

    if (flight->state == FLIGHT_SPLIT || flight->state == FLIGHT_SUPERSEDED)
        return false;
    flight_enter(flight, FLIGHT_SUPERSEDED);
    flight_lock(flight);
    flight->is_storing = false;
    if (flight->entry != NULL)
        flight_wake_locked(flight); /* who waits for a part of it waits in vain */
    flight_unlock(flight);
    async_timer_disarm(&flight->impatience);
    async_waiter_cancel(&flight->lock.waiter);
    flight_release_key(flight);
    return was_queued;
}

void flight_on_attention(struct async_task *task)
{
    struct flight *flight = async_container_of(task, struct flight, attention);
    bool wants_resume, is_purged, may_start = false;

    flight_lock(flight);
    assert(!flight->is_ended); /* or else the end would have taken this task back */
    flight->is_attention_posted = false;
    wants_resume = flight->wants_resume;
    flight->wants_resume = false;
    is_purged = flight->is_purged;
    flight->is_purged = false;
    flight_unlock(flight);
    if (is_purged)
        may_start = on_purged(flight);
    if (wants_resume) {
        flight_arm_progress(flight, flight_settings(flight)->stall_timeout_ms);
        upstream_resume(&flight->call);
    }
    if (!end_if_deserted(flight) && may_start)
        flight_start_hop(flight);
    flight_unref(flight);
}
