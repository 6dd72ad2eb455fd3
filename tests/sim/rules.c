/* SPDX-License-Identifier: MIT */
/*
 * rules.c - what must be true: after each step, of each answer and each byte, and at the end.
 *
 * The rules look at the product from both sides: at what readers and the origin saw, and into the
 * flights, the key lock and the store. They change nothing but the store's marks of use.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <async/list.h>

#include "flight.h"
#include "sim.h"

struct sim_exchange *sim_exchange_of_entry(struct sim *sim, const struct entry *entry)
{
    struct span value;
    unsigned number = 0;

    if (!entry_find(entry, "X-Exchange", &value))
        sim_fail(sim, "an answer that the origin never gave");
    for (size_t i = 0; i < value.length; i++)
        number = number * 10 + (unsigned)(value.bytes[i] - '0');
    return &sim->exchanges[number];
}

/* What the trouble was is not always known here: the longest window counts. */
static void check_stale(const struct sim_reader *self, const struct entry *entry)
{
    const struct stale_windows *windows = &self->sim->settings.stale;
    int64_t longest_s = 0;

    for (int situation = STALE_WHILE_REVALIDATING; situation <= STALE_IF_UNREACHABLE; situation++) {
        int64_t window_s = stale_window_s(&entry->control, &self->wishes,
                                          (enum stale_situation)situation, windows);
        if ((situation == STALE_WHILE_REVALIDATING && self->reader.source != FETCH_FROM_STORE) ||
            (situation == STALE_IF_UNREACHABLE && self->reader.forward_status != 0))
            continue;
        if (window_s > longest_s)
            longest_s = window_s;
    }
    if (self->exchange->is_stale_forbidden ||
        -entry_ttl_s(entry, sim_wall_s(self->sim)) >= longest_s)
        sim_fail(self->sim, "reader %u: answered with what may not be used stale", self->number);
    if ((self->flags & FETCH_FRESH_ONLY) != 0)
        sim_fail(self->sim, "reader %u: wants nothing stale", self->number);
}

void sim_check_answer(struct sim_reader *self)
{
    struct sim *sim = self->sim;
    struct entry *entry = self->reader.entry;
    struct sim_exchange *exchange = sim_exchange_of_entry(sim, entry);

    self->exchange = exchange;
    exchange->readers++;
    sim_trace(sim, "reader %u: answered with exchange %u", self->number, exchange->number);
    if (exchange->is_not_modified && exchange->confirmed == NULL)
        sim_fail(sim, "reader %u: what another answer's 304 is not about", self->number);
    if (sim_content(exchange)->generation < self->generation)
        sim_fail(sim, "reader %u: a body from before the purge", self->number);
    if (exchange->key != self->key)
        sim_fail(sim, "reader %u: the answer of another key", self->number);
    if (exchange->generation < self->generation)
        sim_fail(sim, "reader %u: an answer from before the purge", self->number);
    if ((self->flags & FETCH_FRESH_ONLY) != 0 && exchange->first < self->exchanges_before)
        sim_fail(sim, "reader %u: wants no fetch that began before it came", self->number);
    if ((exchange->is_path_private || exchange->is_head_private ||
         exchange->answer == SIM_TOO_LONG) &&
        exchange->readers > 1)
        sim_fail(sim, "reader %u: a private answer shared", self->number);
    sim_part_check_answer(self);
    sim_vary_check_answer(self);
    sim_change_check_answer(self);
    if ((self->reader.is_stale || self->reader.source == FETCH_FROM_STORE) &&
        !entry_is_fresh(entry, sim_wall_s(sim)))
        check_stale(self, entry);
    if (self->reader.length_bytes >= 0 && exchange->length_bytes >= 0 &&
        self->reader.length_bytes != exchange->length_bytes)
        sim_fail(sim, "reader %u: a wrong length", self->number);
}

void sim_check_bytes(struct sim_reader *self, const unsigned char *bytes, size_t count)
{
    const struct sim_exchange *exchange = sim_content(self->exchange);

    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != sim_content_byte(exchange->number, exchange->key, self->got_bytes + i))
            sim_fail(self->sim, "reader %u: a wrong byte at %zu", self->number,
                     self->got_bytes + i);
    }
}

static bool is_fetching(const struct flight *flight)
{
    return !flight->is_solo &&
           (flight->state == FLIGHT_RESOLVING || flight->state == FLIGHT_AWAIT_HEADERS ||
            flight->state == FLIGHT_STREAMING);
}

/* Case 2: two or more have asked for it just now, so it goes on without them; but if the origin has
 * not been asked by the time that is over, that time is all it gets. */
#define LATELY_NS (2 * ASYNC_S)

static bool may_go_on_for_nobody(const struct sim *sim, const struct flight *flight)
{
    if (flight->state == FLIGHT_STREAMING || flight->is_attention_posted || flight->stop_status < 0)
        return true;
    if (flight->state == FLIGHT_SPLIT || flight->state == FLIGHT_SUPERSEDED || flight->joins < 2)
        return false;
    return flight->has_asked || sim->now_ns <= flight->last_join_ns + LATELY_NS;
}

void sim_check_cancelled(const struct sim_exchange *exchange)
{
    const struct sim *sim = exchange->sim;
    const struct flight *flight = exchange->flight;
    const struct fetch_lane *lane = flight->lane;

    if (flight->entry == NULL && flight->readers == 0 && flight->joins >= 2 &&
        sim->now_ns < flight->last_join_ns + LATELY_NS && !flight->call.is_too_slow &&
        (flight->state == FLIGHT_RESOLVING || flight->state == FLIGHT_AWAIT_HEADERS) &&
        exchange->lane >= sim->stopped_count &&
        lane->deserted_count * 2 < lane->fetcher->settings.connections_max &&
        lane->deserted_count * 2 < lane->fetcher->settings.origin_connections_max)
        sim_fail(sim, "exchange %u: given up, though others have just asked", exchange->number);
}

/* What the rules gather about one key while they go through the flights. */
struct place_look {
    const struct async_keyed_waiter *holder;
    bool is_wanted; /* some flight holds its lock or waits for it */
    bool is_holder_alive;
    unsigned locked_fetches; /* under its lock */
    unsigned fetches;        /* that can be found under it */
    unsigned refreshes;
};

static void check_flight(struct sim *sim, struct flight *flight, struct place_look *looks)
{
    unsigned own = sim_key_of(sim, flight);
    struct place_look *lock = &looks[sim_place_of(sim, &flight->lock_key.key, own)];
    unsigned place = sim_place_of(sim, &flight->key.key, own);
    struct place_look *look = &looks[place];

    lock->holder = async_keyed_lock_holder(sim->fetcher->keys, flight->lock_key.key.bytes,
                                           flight->lock_key.key.length);
    lock->is_wanted |= flight->has_lock || flight->lock.waiter.is_parked || flight->lock.is_holder;
    lock->is_holder_alive |= lock->holder == &flight->lock;
    if (flight->call.backend != NULL)
        ((struct sim_exchange *)flight->call.backend)->place = place;
    if (flight->is_in_table && flight->leader != NULL &&
        (flight->leader->flags & FETCH_REFRESH) != 0 && look->refreshes++ > 0)
        sim_fail(sim, "two refreshes of one key");
    if (is_fetching(flight)) {
        if (lock->locked_fetches++ > 0)
            sim_fail(sim, "two live fetches under one lock");
        if (flight->is_in_table && look->fetches++ > 0)
            sim_fail(sim, "two live fetches of one generation");
        if (!flight->has_lock || lock->holder != &flight->lock)
            sim_fail(sim, "a fetch without the key's lock");
    } else if (flight->has_lock) {
        sim_fail(sim, "the key's lock is held by a flight that does not need it");
    }
    if (flight->is_in_table && flight->state != FLIGHT_QUEUED && !is_fetching(flight))
        sim_fail(sim, "a flight in state %d can be joined", flight->state);
    if (flight->readers == 0 && !may_go_on_for_nobody(sim, flight))
        sim_fail(sim, "a flight in state %d goes on for nobody", flight->state);
}

/* Nobody waits for a head longer than it was promised, when every timer has had its turn. */
static void check_waiting(struct sim *sim, struct sim_reader *self)
{
    sim_vary_check_waiting(self);
    if (self->phase == SIM_WAITING && self->method == SIM_GET &&
        sim->now_ns > self->start_ns + sim->settings.wait_timeout_ms * ASYNC_MS)
        sim_fail(sim, "reader %u: waits beyond its deadline", self->number);
}

void sim_check_step(struct sim *sim)
{
    struct place_look looks[SIM_PLACES_MAX];
    unsigned waiting = 0, keys = 0;

    sim_check_stored(sim);
    memset(looks, 0, sizeof looks);
    for (unsigned i = 0; i < sim->lanes_count; i++) {
        struct async_list *flights = &sim->lanes[i].lane->flights;
        for (struct async_list *node = flights->next; node != flights; node = node->next)
            check_flight(sim, async_container_of(node, struct flight, lane_node), looks);
    }
    for (unsigned i = 0; i < sim->places_count; i++) {
        if (looks[i].holder != NULL && !looks[i].is_holder_alive)
            sim_fail(sim, "key %u: its lock is held by a flight that is gone", sim->places[i].key);
        keys += looks[i].is_wanted;
    }
    if (async_keyed_lock_keys(sim->fetcher->keys) != keys)
        sim_fail(sim, "the locks of %zu keys are held, of %u they are needed",
                 async_keyed_lock_keys(sim->fetcher->keys), keys);
    for (unsigned i = 0; i < sim->readers_count; i++) {
        check_waiting(sim, &sim->readers[i]);
        waiting += sim->readers[i].phase == SIM_WAITING;
    }
    if (atomic_load(&sim->fetcher->waiting) != waiting)
        sim_fail(sim, "%u readers wait, %u are counted", waiting,
                 atomic_load(&sim->fetcher->waiting));
}

static void check_quiet_reader(struct sim *sim, struct sim_reader *self)
{
    const struct flight *flight = self->reader.flight;

    if (self->phase == SIM_ASKED && (body_cursor_available(&self->reader.cursor) > 0 ||
                                     fetch_reader_status(&self->reader) != BODY_OPEN))
        sim_fail(sim, "reader %u: is not told that there is more", self->number);
    if (self->phase == SIM_COVERED && sim_part_is_decided(self))
        sim_fail(sim, "reader %u: is not told that its part is there", self->number);
    if (self->phase == SIM_WAITING && (flight == NULL || flight->is_ended || flight->entry != NULL))
        sim_fail(sim, "reader %u: is not told what became of its fetch", self->number);
}

void sim_check_quiet(struct sim *sim)
{
    for (unsigned i = 0; i < sim->readers_count; i++)
        check_quiet_reader(sim, &sim->readers[i]);
    for (unsigned i = 0; i < sim->exchanges_count; i++) {
        struct sim_exchange *exchange = &sim->exchanges[i];
        if (exchange->is_paused && exchange->call != NULL &&
            async_list_is_empty(&exchange->flight->awake))
            sim_fail(sim, "exchange %u: waits for readers who wait for it", i);
    }
}

void sim_check_end(struct sim *sim)
{
    struct fetch_counters counters;

    fetcher_read_counters(sim->fetcher, &counters);
    for (unsigned i = 0; i < sim->readers_count; i++) {
        if (sim->readers[i].phase != SIM_LEFT)
            sim_fail(sim, "reader %u: never settled, phase %d", i, sim->readers[i].phase);
    }
    for (unsigned i = 0; i < sim->exchanges_count; i++) {
        if (sim->exchanges[i].call != NULL)
            sim_fail(sim, "exchange %u: outlives its flight", i);
    }
    if (async_keyed_lock_keys(sim->fetcher->keys) != 0)
        sim_fail(sim, "a key outlives its use");
    if (counters.flights_live != 0 || counters.readers_waiting != 0)
        sim_fail(sim, "%lld flights live, %lld readers wait", (long long)counters.flights_live,
                 (long long)counters.readers_waiting);
    if (counters.upstream_requests < sim->exchanges_count)
        sim_fail(sim, "a request to the origin that was not counted");
}
