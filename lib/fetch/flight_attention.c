/* SPDX-License-Identifier: MIT */
/*
 * flight_attention.c - what others have to tell a flight: nobody is left, a reader has caught up,
 * it has been taken out of the table. They post its task, and it is dealt with on its lane.
 */
#include <assert.h>
#include <errno.h>

#include "flight.h"

#define FINISH_BYTES_MAX (1024 * 1024)
#define RECENT_JOIN_NS   (2 * ASYNC_S)

/* Case 2: whether what nobody waits for is worth finishing. */
static bool is_worth_finishing(const struct flight *flight)
{
    int64_t now_ns = async_loop_now_ns(flight->lane->loop);
    int64_t got_bytes;

    if (flight->state != FLIGHT_STREAMING)
        return false;
    if (flight->is_rest_wanted) /* case 18: the next range of it is a hit */
        return true;
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
    struct table_shard *shard = table_lock(flight->lane->fetcher->table, &flight->request->key);
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
    if (flight->entry != NULL)
        flight_wake_locked(flight); /* who waits for a part of it waits in vain */
    flight_unlock(flight);
    async_timer_disarm(&flight->impatience);
    async_waiter_cancel(&flight->lock.waiter);
    flight_release_key(flight);
    if (was_queued)
        flight_start_hop(flight);
}

void flight_on_attention(struct async_task *task)
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
        flight_arm_progress(flight, flight_settings(flight)->stall_timeout_ms);
        upstream_resume(&flight->call);
    }
    if (give_up(flight)) {
        LANE_COUNT(flight->lane, flights_cancelled, 1);
        flight_finish(flight, -ECANCELED, NULL);
    }
    flight_unref(flight);
}
