/* SPDX-License-Identifier: MIT */
/*
 * parts.c - readers that want a part of the body, and the origin that is asked for one alone.
 *
 * Such a reader waits until the body covers its part without reading, reads on from the beginning
 * as far as the part goes, and leaves the rest to be fetched. Or it gives up an answer that is not
 * stored, and asks for its part alone, as all do whose URL is marked as uncacheable.
 */
#include <stdio.h>

#include "flight.h"
#include "part.h"
#include "sim.h"

void sim_part_plan(struct sim_reader *self)
{
    const struct sim *sim = self->sim;
    struct sim_random *random = &self->sim->random;

    self->wants_part = sim_chance(random, sim->settings.is_transparent ? 45 : 25);
    if (sim_chance(random, sim->is_parted ? 10 : 60)) /* else a beginning, which can be completed */
        self->part_first = sim_below(random, SIM_STORED_MAX);
    self->part_last = self->part_first + sim_below(random, SIM_STORED_MAX / 4);
}

struct field sim_part_field(const struct sim_reader *self, char *text)
{
    snprintf(text, SIM_RANGE_BYTES_MAX, "bytes=%zu-%zu", self->part_first, self->part_last);
    return (struct field){span_of_string("Range"), span_of_string(text)};
}

/* What is worth telling a reader that waits for its part. */
bool sim_part_is_decided(const struct sim_reader *self)
{
    const struct fetch_reader *reader = &self->reader;

    return fetch_reader_status(reader) != BODY_OPEN || !reader->flight->is_storing ||
           body_length(reader->cursor.body) > self->part_last;
}

/* Gives the whole up, sometimes, if nobody is going to have it. */
static bool ask_alone(struct sim_reader *self)
{
    if (self->reader.is_stored || !sim_chance(&self->sim->random, 30) ||
        !fetch_reader_ask_part(&self->reader))
        return false;
    sim_trace(self->sim, "reader %u: asks for its part alone", self->number);
    self->exchange = NULL;
    self->start_ns = self->sim->now_ns;
    return true;
}

enum sim_part sim_part_begin(struct sim_reader *self)
{
    if (!self->wants_part || self->is_part_begun)
        return SIM_PART_READ;
    if (self->reader.entry->status == 206)
        self->got_bytes = self->exchange->skipped_bytes;
    else if (ask_alone(self))
        return SIM_PART_ALONE;
    else if (fetch_reader_wait_for(&self->reader, self->part_last + 1))
        return SIM_PART_WAIT;
    self->is_part_begun = true;
    return SIM_PART_READ;
}

bool sim_part_is_read(struct sim_reader *self)
{
    if (!self->wants_part || self->reader.entry->status == 206 ||
        self->got_bytes <= self->part_last)
        return false;
    self->reader.wants_rest = true;
    return true;
}

void sim_part_check_answer(const struct sim_reader *self)
{
    const struct sim_exchange *exchange = self->exchange;

    if (self->reader.entry->status != 206)
        return;
    if (!self->wants_part || exchange->skipped_bytes > self->part_first ||
        (exchange->body_bytes <= self->part_last && exchange->body_bytes < exchange->whole_bytes))
        sim_fail(self->sim, "reader %u: a part that it did not ask for", self->number);
    if (!self->sim->settings.is_transparent && exchange->readers > 1)
        sim_fail(self->sim, "reader %u: a part shared", self->number);
    if (self->reader.source != FETCH_FROM_STORE && exchange->skipped_bytes != self->part_first)
        sim_fail(self->sim, "reader %u: the part of another", self->number);
}

/* Whether the origin is asked for a part, rather than for the rest of a body. */
static bool read_range(const struct sim_exchange *exchange, size_t *ret_first, size_t *ret_last)
{
    const struct upstream_call *call = exchange->call;
    struct span value;
    char text[64];

    if (call->fields == NULL || !fields_find(call->fields, "Range", &value))
        return false;
    snprintf(text, sizeof text, "%.*s", (int)value.length, value.bytes);
    return sscanf(text, "bytes=%zu-%zu", ret_first, ret_last) == 2;
}

/* Asked for what follows a stored part: sometimes it gets just that, but of an answer of its own.
 */
static void draw_rest_of_another(struct sim_exchange *exchange)
{
    struct sim *sim = exchange->sim;
    const struct sim_exchange *stored = sim_exchange_of_entry(sim, exchange->flight->beginning);

    /* A flight that was purged, and tries again, may find what is newer than itself. */
    if (stored->generation < exchange->generation || !stored->is_whole)
        sim_fail(sim, "exchange %u: is to complete what is not stored", exchange->number);
    if (exchange->answer > SIM_PRIVATE || sim_chance(&sim->random, 40))
        return;
    exchange->is_part = true;
    exchange->body_bytes = exchange->whole_bytes = stored->whole_bytes;
    exchange->skipped_bytes = exchange->sent_bytes = stored->body_bytes;
    if (exchange->length_bytes >= 0)
        exchange->length_bytes = (int64_t)(exchange->body_bytes - exchange->skipped_bytes);
}

void sim_part_draw(struct sim_exchange *exchange)
{
    struct sim *sim = exchange->sim;
    size_t first, last;

    if (exchange->flight->beginning != NULL)
        draw_rest_of_another(exchange);
    if (!read_range(exchange, &first, &last))
        return;
    exchange->is_asked_part = true;
    if (!exchange->flight->is_solo && !sim->settings.is_transparent)
        sim_fail(sim, "exchange %u: many wait, and a part is asked for", exchange->number);
    if (exchange->is_not_modified || exchange->answer > SIM_PRIVATE ||
        first >= exchange->body_bytes || sim_chance(&sim->random, 25))
        return; /* the whole in its place */
    exchange->is_part = true;
    exchange->whole_bytes = exchange->body_bytes;
    if (last + 1 < exchange->body_bytes)
        exchange->body_bytes = last + 1;
    exchange->skipped_bytes = exchange->sent_bytes = first;
    if (exchange->length_bytes >= 0)
        exchange->length_bytes = (int64_t)(exchange->body_bytes - first);
}

/* The last that came whole, and is of now. */
void sim_part_check_stored(struct sim *sim, unsigned number)
{
    const struct sim_key *key = &sim->keys[number];
    const struct sim_exchange *exchange;
    char buffer[64];
    struct key part;
    struct entry *entry;

    if (part_key(sim->store, &key->key, buffer, &part) < 0 ||
        (entry = store_lookup(sim->store, &part, sim_wall_s(sim))) == NULL)
        return;
    exchange = sim_exchange_of_entry(sim, entry);
    if (exchange->generation != key->generation)
        sim_fail(sim, "key %u: a part stored from before a purge", number);
    if (!exchange->is_part || exchange->answer != SIM_STORABLE || exchange->key != number ||
        exchange->varies != 0)
        sim_fail(sim, "key %u: stored as a part what is none", number);
    if (!exchange->is_whole || body_status(entry->body) != 0 ||
        body_length(entry->body) != exchange->body_bytes - exchange->skipped_bytes)
        sim_fail(sim, "key %u: stored a part that is not whole", number);
    entry_unref(entry);
}

void sim_part_fill(struct sim_exchange *exchange, struct fields *fields)
{
    char text[64];

    exchange->status = 206;
    exchange->is_keepable = exchange->is_resumable = false;
    snprintf(text, sizeof text, "bytes %zu-%zu/%zu", exchange->skipped_bytes,
             exchange->body_bytes - 1, exchange->whole_bytes);
    fields_append(fields, span_of_string("Content-Range"), span_of_string(text));
}
