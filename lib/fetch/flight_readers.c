/* SPDX-License-Identifier: MIT */
/*
 * flight_readers.c - the readers of a flight: attached, told, detached; and the flight's own life,
 * which ends with the last reference.
 *
 * Everything here is under the flight's mutex, on whichever loop. A reader is in one of two lists:
 * parked readers are told of the next progress, and are awake then until they ask to wait again. So
 * progress costs the lane what is new to somebody, and many steps of it cost a reader one wake-up.
 */
#include <assert.h>
#include <stdlib.h>

#include "fault.h"
#include "flight.h"
#include "scratch.h"
#include "variant.h"

struct async_capability flight_class;

ASYNC_UNCHECKED_LOCKING void flight_lock(struct flight *flight)
{
    pthread_mutex_lock(&flight->mutex);
}

ASYNC_UNCHECKED_LOCKING void flight_unlock(struct flight *flight)
{
    pthread_mutex_unlock(&flight->mutex);
}

void flight_lead(struct flight *flight, struct fetch_reader *reader)
{
    flight_lock(flight);
    assert(flight->joins == 0);
    flight->leader = reader;
    flight->call.body = reader->body;
    reader->led_ns = async_loop_now_ns(reader->lane->loop);
    flight_attach_locked(flight, reader);
    flight_unlock(flight);
}

struct flight *flight_ref(struct flight *flight)
{
    atomic_fetch_add_explicit(&flight->references, 1, memory_order_relaxed);
    return flight;
}

void flight_unref(struct flight *flight)
{
    if (atomic_fetch_sub_explicit(&flight->references, 1, memory_order_acq_rel) != 1)
        return;
    assert(flight->readers == 0);
    assert(!flight->is_in_table && !flight->has_lock && flight->call.backend == NULL);
    segment_unref(flight->segment);
    entry_unref(flight->entry);
    fields_fini(&flight->call_fields);
    entry_unref(flight->beginning);
    entry_unref(flight->stored);
    fetch_url_unref(flight->next_hop);
    fetch_url_unref(flight->hop);
    entry_unref(flight->index);
    vary_names_fini(&flight->path_vary);
    flight_key_fini(&flight->key);
    flight_key_fini(&flight->lock_key);
    fetch_request_unref(flight->request);
    pthread_mutex_destroy(&flight->mutex);
    scratch_free(flight);
}

void flight_attach_locked(struct flight *flight, struct fetch_reader *reader)
{
    assert(reader->flight == NULL && !flight->is_ended);
    reader->flight = flight_ref(flight);
    reader->waited_bytes = 0;
    flight->readers++;
    flight->joins++;
    flight->last_join_ns = async_loop_now_ns(reader->lane->loop);
    if (flight->entry == NULL) {
        reader->is_unanswered = true;
        flight->unanswered++;
    }
    async_list_append(flight->entry == NULL ? &flight->parked : &flight->awake, &reader->node);
}

void flight_answered_locked(struct flight *flight, struct fetch_reader *reader)
{
    if (reader->is_unanswered) {
        reader->is_unanswered = false;
        flight->unanswered--;
    }
}

void flight_detach(struct fetch_reader *reader)
{
    struct flight *flight = reader->flight;

    if (flight == NULL)
        return;
    flight_lock(flight);
    async_list_remove(&reader->node);
    assert(flight->readers > 0);
    flight->readers--;
    flight->is_rest_wanted |= reader->wants_rest;
    flight_answered_locked(flight, reader);
    if (flight->leader == reader) {
        flight->leader = NULL;
        if (reader->body != NULL)
            flight->call.body = NULL; /* on the same loop: such a flight has one reader */
    }
    if (flight->readers == 0 && !flight->is_ended && !FAULT(deserted_forgotten))
        flight_call_lane_locked(flight);
    flight_resume_locked(flight);
    flight_unlock(flight);
    /* Out of both lists, so nobody posts the wake-up any more: now it can be taken back. */
    async_loop_unpost(reader->lane->loop, &reader->wake);
    reader->flight = NULL;
    flight_unref(flight);
}

void flight_wake_locked(struct flight *flight)
{
    struct async_list *node;

    while ((node = async_list_pop(&flight->parked)) != NULL) {
        struct fetch_reader *reader = async_container_of(node, struct fetch_reader, node);
        async_list_append(&flight->awake, node);
        async_loop_post(reader->lane->loop, &reader->wake);
    }
}

void flight_resume_locked(struct flight *flight)
{
    if (!flight->is_paused || flight->is_ended)
        return;
    flight->is_paused = false;
    flight->wants_resume = true;
    flight_call_lane_locked(flight);
}

void flight_call_lane_locked(struct flight *flight)
{
    if (flight->is_attention_posted)
        return;
    flight->is_attention_posted = true;
    flight_ref(flight); /* the task's */
    async_loop_post(flight->lane->loop, &flight->attention);
}

bool flight_purge_locked(struct table_shard *shard, struct flight *flight)
{
    if (!table_remove_locked(shard, flight))
        return false;
    flight_lock(flight);
    flight->is_purged = true;
    if (!flight->is_ended)
        flight_call_lane_locked(flight);
    flight_unlock(flight);
    return true;
}
