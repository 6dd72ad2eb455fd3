/* SPDX-License-Identifier: MIT */
/*
 * order.c - the rules that need to know what was before: who came first to a key's lock, and what
 * has failed just now.
 *
 * Of each flight there is a note from the step in which it is first seen to the step in which it
 * has ended. What the notes say is compared with what is now. The product's own queue and marks are
 * not looked at: they are what is checked.
 */
#include <string.h>

#include <async/list.h>

#include "flight.h"
#include "sim.h"

unsigned sim_place_of(struct sim *sim, const struct key *key, unsigned own)
{
    unsigned place = 0;

    while (place < sim->places_count && sim->places[place].hash != key->hash)
        place++;
    if (place == SIM_PLACES_MAX)
        sim_fail(sim, "more keys than could be");
    if (place == sim->places_count)
        sim->places[sim->places_count++] = (struct sim_place){.hash = key->hash, .key = own};
    return place;
}

static struct sim_note *note_of(struct sim *sim, const struct flight *flight)
{
    struct sim_note *note;

    for (unsigned i = 0; i < sim->notes_count; i++) {
        if (sim->notes[i].flight == flight)
            return &sim->notes[i];
    }
    if (sim->notes_count == SIM_NOTES_MAX)
        sim_fail(sim, "more flights than could be");
    note = &sim->notes[sim->notes_count++];
    *note = (struct sim_note){.flight = flight};
    while (!key_equals(&sim->keys[note->key].key, &flight->request->key))
        note->key++;
    note->lock_place = sim_place_of(sim, &flight->lock_key.key, note->key);
    return note;
}

/* What is now; `turn` counts those who began to wait, in the order of their steps. */
static void look(struct sim *sim, const struct flight *flight)
{
    struct sim_note *note = note_of(sim, flight);
    bool was_parked = note->is_parked;

    note->is_seen = true;
    note->place = sim_place_of(sim, &flight->key.key, note->key);
    note->is_parked = flight->lock.waiter.is_parked;
    note->is_granted = was_parked && flight->lock.is_holder;
    note->is_in_table = flight->is_in_table;
    if (note->is_parked && !was_parked)
        note->turn = ++sim->turns;
}

static void check_turn(struct sim *sim, const struct sim_note *granted)
{
    for (unsigned i = 0; i < sim->notes_count; i++) {
        const struct sim_note *other = &sim->notes[i];
        if (other->is_seen && other->is_parked && other->lock_place == granted->lock_place &&
            other->turn < granted->turn)
            sim_fail(sim, "key %u: its lock goes to one who came later", granted->key);
    }
}

/* Those whom a flight that has ended has to tell of a failure; they hold a reference to it. */
static const struct flight *failed_flight(const struct sim *sim, const struct sim_note *note)
{
    for (unsigned i = 0; i < sim->readers_count; i++) {
        const struct sim_reader *self = &sim->readers[i];
        if (self->phase == SIM_WAITING && self->reader.flight == note->flight)
            return note->flight;
    }
    return NULL;
}

/* A failure before the head is remembered; one of our own, for want of memory or time to live, is
 * not. Without a reader nobody can say how it ended: then both are right. */
static void on_ended(struct sim *sim, const struct sim_note *note)
{
    struct sim_place *place = &sim->places[note->place];
    const struct flight *flight = failed_flight(sim, note);
    int64_t until_ns = sim->now_ns + sim->settings.negative_lifetime_ms * ASYNC_MS;

    if (!note->is_in_table)
        return; /* it has nothing to say of the key, as it was no longer the key's */
    if (flight == NULL) {
        place->told_until_ns = until_ns;
    } else if (flight->is_ended && flight->entry == NULL && !flight->is_transient &&
               strcmp(flight->failure.reason, "stopping") != 0) {
        sim_trace(sim, "key %u: has failed", note->key);
        place->told_until_ns = until_ns;
        place->spared_until_ns = sim->was_short ? 0 : until_ns; /* there was no room to note it */
    }
}

void sim_check_order(struct sim *sim)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < sim->notes_count; i++)
        sim->notes[i].is_seen = false;
    for (unsigned i = 0; i < sim->lanes_count; i++) {
        struct async_list *flights = &sim->lanes[i].lane->flights;
        for (struct async_list *node = flights->next; node != flights; node = node->next)
            look(sim, async_container_of(node, struct flight, lane_node));
    }
    for (unsigned i = 0; i < sim->notes_count; i++) {
        if (!sim->notes[i].is_seen)
            on_ended(sim, &sim->notes[i]);
        else if (sim->notes[i].is_granted)
            check_turn(sim, &sim->notes[i]);
    }
    for (unsigned i = 0; i < sim->notes_count; i++) {
        if (sim->notes[i].is_seen)
            sim->notes[kept++] = sim->notes[i];
    }
    sim->notes_count = kept;
}

void sim_check_spared(const struct sim_exchange *exchange)
{
    struct sim *sim = exchange->sim;
    const struct flight *flight = exchange->flight;

    if (exchange->first == exchange->number && !flight->is_solo && !flight->fresh_only &&
        flight->state != FLIGHT_SUPERSEDED &&
        sim->places[exchange->place].spared_until_ns > sim->now_ns)
        sim_fail(sim, "key %u is fetched although that failed just now", exchange->key);
}

void sim_check_told(const struct sim_reader *self)
{
    static const char *const others[] = {"too-many-waiters", "out-of-memory", "stopping",
                                         "origin-error"};
    struct sim *sim = self->sim;
    unsigned place = sim_place_of(sim, &self->reader.key.key, self->key);

    if (self->reader.source != FETCH_FROM_STORE || sim->places[place].told_until_ns > sim->now_ns)
        return;
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
        if (strcmp(self->reader.failure.reason, others[i]) == 0)
            return;
    }
    sim_fail(sim, "reader %u: told of a failure that is past, %s", self->number,
             self->reader.failure.reason);
}
