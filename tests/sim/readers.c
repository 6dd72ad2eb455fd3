/* SPDX-License-Identifier: MIT */
/*
 * readers.c - the clients: they come, wait, read fast or slowly, leave early or linger.
 *
 * A reader that looks first does what the server does: it looks into the store, and asks a moment
 * later, when what it saw may no longer be true. A settled reader often lingers before it leaves,
 * so that being told twice does not go unnoticed.
 */
#include <stdio.h>

#include <async/list.h>

#include "sim.h"

static void draw_wishes(struct sim_reader *self)
{
    static const char *const wishes[] = {"max-stale=1", "max-stale",        "max-age=1",
                                         "min-fresh=1", "stale-if-error=2", "no-store"};
    struct sim_random *random = &self->sim->random;

    cache_control_init(&self->wishes);
    if (self->flags == 0 && sim_chance(random, 20))
        cache_control_add(&self->wishes, span_of_string(wishes[sim_below(random, 6)]));
}

void sim_reader_plan(struct sim *sim, unsigned number)
{
    struct sim_random *random = &sim->random;
    struct sim_reader *self = &sim->readers[number];

    *self = (struct sim_reader){.sim = sim, .number = number};
    self->lane = sim_below(random, sim->lanes_count);
    self->key = sim_below(random, sim->keys_count);
    self->flags = sim_chance(random, sim->fresh_percent) ? FETCH_FRESH_ONLY : 0;
    self->looks_first = self->flags == 0 && sim_chance(random, 40);
    draw_wishes(self);
    if (sim_chance(random, 40)) {
        self->pace_bytes = 1 + sim_below(random, 1000);
        self->pace_ms = sim_below(random, 100);
    }
    sim_part_plan(self);
    sim_ask_plan(self);
    sim_change_plan(self);
    /* Crowds that come together are where the races are. */
    self->next_ns =
        (int64_t)sim_below(random, 3) * sim->crowds_apart_ms * ASYNC_MS + sim_delay_ns(sim);
    self->leave_ns = ASYNC_NEVER;
    if (sim_chance(random, 25))
        self->leave_ns = self->next_ns + sim_delay_ns(sim);
}

static void leave(struct sim_reader *self)
{
    sim_trace(self->sim, "reader %u: leaves", self->number);
    if (self->phase > SIM_LOOKED)
        fetch_reader_leave(&self->reader);
    self->phase = SIM_LEFT;
    self->next_ns = ASYNC_NEVER;
    self->leave_ns = ASYNC_NEVER;
}

static void settle(struct sim_reader *self)
{
    struct sim *sim = self->sim;

    self->phase = SIM_SETTLED;
    self->next_ns = ASYNC_NEVER;
    self->leave_ns = sim->now_ns;
    if (sim_chance(&sim->random, 50))
        self->leave_ns += sim_delay_ns(sim);
}

static void settle_with_end(struct sim_reader *self, int status)
{
    const struct sim_exchange *exchange = sim_content(self->exchange);

    sim_trace(self->sim, "reader %u: end %d after %zu bytes", self->number, status,
              self->got_bytes);
    if (status == 0 && (!exchange->is_whole || self->got_bytes != exchange->body_bytes))
        sim_fail(self->sim, "reader %u: a clean end after %zu of %zu bytes", self->number,
                 self->got_bytes, exchange->body_bytes);
    settle(self);
}

static size_t take(struct sim_reader *self, size_t at_most)
{
    struct iovec spans[4];
    size_t taken = 0;
    int count;

    while (taken < at_most && (count = fetch_reader_spans(&self->reader, spans, 4)) > 0) {
        for (int i = 0; i < count && taken < at_most; i++) {
            size_t bytes = spans[i].iov_len;
            if (bytes > at_most - taken)
                bytes = at_most - taken;
            sim_check_bytes(self, spans[i].iov_base, bytes);
            self->got_bytes += bytes;
            taken += bytes;
            body_cursor_advance(&self->reader.cursor, bytes);
        }
    }
    return taken;
}

static void ask_for_more(struct sim_reader *self)
{
    self->has_taken_all = false;
    self->phase = SIM_ASKED;
    self->next_ns = ASYNC_NEVER;
    fetch_reader_wait(&self->reader);
}

/* Status first: when it is not open, what can be read then is the last. */
static void read_on(struct sim_reader *self)
{
    struct sim *sim = self->sim;
    size_t at_most = self->pace_bytes > 0 ? self->pace_bytes : SIZE_MAX;
    int status = fetch_reader_status(&self->reader);
    size_t taken;

    if (self->exchange->body_bytes > SIM_STORED_MAX * 4) /* or it would take all day */
        at_most = at_most == SIZE_MAX ? at_most : at_most * 256;
    taken = take(self, at_most);
    if (taken == at_most) {
        self->phase = SIM_READING;
        self->next_ns = sim->now_ns + self->pace_ms * ASYNC_MS;
    } else if (sim_part_is_read(self)) {
        settle(self);
    } else if (status != BODY_OPEN) {
        settle_with_end(self, status);
    } else if (sim_chance(&sim->random, 50)) {
        ask_for_more(self);
    } else { /* what comes before it asks, it has to be told all the same */
        self->has_taken_all = true;
        self->phase = SIM_READING;
        self->next_ns = sim->now_ns + self->pace_ms * ASYNC_MS;
    }
}

static void take_state(struct sim_reader *self);

static void begin_reading(struct sim_reader *self)
{
    struct sim *sim = self->sim;

    switch (sim_part_begin(self)) {
    case SIM_PART_WAIT:
        self->phase = SIM_COVERED;
        self->next_ns = ASYNC_NEVER;
        return;
    case SIM_PART_ALONE:
        take_state(self);
        return;
    case SIM_PART_READ:
        break;
    }
    if (sim_chance(&sim->random, 50)) {
        read_on(self);
    } else {
        self->phase = SIM_READING;
        self->next_ns = sim->now_ns + self->pace_ms * ASYNC_MS;
    }
}

/* What the reader's state says, after a start or when it was told. */
static void take_state(struct sim_reader *self)
{
    struct sim *sim = self->sim;

    switch (self->reader.state) {
    case FETCH_WAITING:
        self->phase = SIM_WAITING;
        self->next_ns = ASYNC_NEVER;
        return;
    case FETCH_FAILED:
        sim_trace(sim, "reader %u: told %d", self->number, self->reader.failure.status);
        if (self->reader.failure.status < 400)
            sim_fail(sim, "reader %u: failed without a status", self->number);
        sim_check_told(self);
        settle(self);
        return;
    case FETCH_ANSWERED:
        if (self->exchange == NULL)
            sim_check_answer(self);
        begin_reading(self);
        return;
    }
}

static void on_progress(struct fetch_reader *reader)
{
    struct sim_reader *self = async_container_of(reader, struct sim_reader, reader);

    if (self->phase != SIM_WAITING && self->phase != SIM_ASKED && self->phase != SIM_COVERED)
        sim_fail(self->sim, "reader %u: told what it did not ask for, in phase %d", self->number,
                 self->phase);
    if (self->phase == SIM_WAITING && reader->state == FETCH_WAITING)
        sim_fail(self->sim, "reader %u: told that nothing has changed", self->number);
    if (self->phase == SIM_COVERED && !sim_part_is_decided(self))
        sim_fail(self->sim, "reader %u: told before its part is there", self->number);
    take_state(self);
}

static void ask(struct sim_reader *self)
{
    struct sim *sim = self->sim;
    struct sim_key *key = &sim->keys[self->key];
    struct fetch_request *request;
    unsigned flags = self->flags | (self->phase == SIM_LOOKED ? FETCH_NOT_STORED : 0u);

    self->start_ns = sim->now_ns;
    self->generation = key->generation;
    self->exchanges_before = sim->exchanges_count;
    sim_trace(sim, "reader %u: asks for key %u on lane %u, flags %u, method %d, fields %u %u %u %u",
              self->number, self->key, self->lane, flags, self->method, self->ask.values[0],
              self->ask.values[1], self->ask.values[2], self->ask.values[3]);
    if (self->method != SIM_GET) {
        sim_change_start(self, on_progress);
    } else {
        request = sim_ask_request(self);
        fetch_reader_start(&self->reader, sim->lanes[self->lane].lane, request, &self->wishes,
                           flags, on_progress);
        fetch_request_unref(request);
    }
    take_state(self);
}

static void look(struct sim_reader *self)
{
    struct sim *sim = self->sim;
    struct sim_key *key = &sim->keys[self->key];
    struct fetch_lane *lane = sim->lanes[self->lane].lane;
    struct fetch_request *request = sim_ask_request(self);
    struct field fields[SIM_NAMES];
    size_t count = sim_ask_fields(&self->ask, fields);
    bool is_refresh_due;
    struct entry *entry = fetch_lane_reuse(lane, key->request, field_view_of_lines(fields, count),
                                           &self->wishes, fetch_lane_now_s(lane), &is_refresh_due);

    if (is_refresh_due)
        fetch_lane_refresh(lane, request);
    fetch_request_unref(request);
    if (entry == NULL) {
        self->phase = SIM_LOOKED;
        self->next_ns = sim->now_ns + (sim_chance(&sim->random, 50) ? 0 : sim_delay_ns(sim));
        return;
    }
    self->start_ns = sim->now_ns;
    self->generation = key->generation;
    sim_trace(sim, "reader %u: a hit of key %u", self->number, self->key);
    fetch_reader_start_hit(&self->reader, lane, key->request, &entry, on_progress);
    take_state(self);
}

void sim_reader_act(struct sim_reader *self)
{
    if (self->leave_ns <= self->sim->now_ns) {
        leave(self);
        return;
    }
    switch (self->phase) {
    case SIM_TO_COME:
        if (self->looks_first)
            look(self);
        else
            ask(self);
        return;
    case SIM_LOOKED:
        ask(self);
        return;
    case SIM_READING:
        if (self->has_taken_all)
            ask_for_more(self);
        else
            read_on(self);
        return;
    default:
        sim_fail(self->sim, "reader %u: nothing to do in phase %d", self->number, self->phase);
    }
}
