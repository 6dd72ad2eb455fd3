/* SPDX-License-Identifier: MIT */
/*
 * vary.c - requests with fields of their own, and answers that vary by them (cases 15 to 17).
 *
 * In half of the worlds the policy lets some fields through to the origin. Readers draw what they
 * say in them; an exchange notes what it was asked with, and its head may say by which of them the
 * answer varies. So each answer can be compared with each request that gets it. What a request says
 * is a letter for each name.
 */
#include <string.h>

#include "flight.h"
#include "sim.h"

static const char *const names[SIM_NAMES] = {"X-Kind", "X-Tongue", "Cookie", "Authorization"};
static const unsigned char values_max[SIM_NAMES] = {3, 1, 2, 1};
static const char letters[] = "-abc";

size_t sim_ask_fields(const struct sim_ask *ask, struct field *fields)
{
    size_t count = 0;

    for (unsigned i = 0; i < SIM_NAMES; i++) {
        if (ask->values[i] > 0)
            fields[count++] = (struct field){.name = span_of_string(names[i]),
                                             .value = span_of(&letters[ask->values[i]], 1)};
    }
    return count;
}

bool sim_ask_next(struct sim_ask *ask, unsigned changing)
{
    for (unsigned i = 0; i < SIM_NAMES; i++) {
        if ((changing & 1u << i) == 0)
            continue;
        if (ask->values[i] < values_max[i]) {
            ask->values[i]++;
            return true;
        }
        ask->values[i] = 0;
    }
    return false;
}

bool sim_ask_is_alike(const struct sim_ask *left, const struct sim_ask *right, unsigned among)
{
    for (unsigned i = 0; i < SIM_NAMES; i++) {
        if ((among & 1u << i) != 0 && left->values[i] != right->values[i])
            return false;
    }
    return true;
}

unsigned sim_names_of(const struct vary_names *list)
{
    unsigned found = 0;
    size_t position = 0;
    struct span name;

    while (vary_names_next(list, &position, &name)) {
        for (unsigned i = 0; i < SIM_NAMES; i++) {
            if (span_equals_ignoring_case(name, span_of_string(names[i])))
                found |= 1u << i;
        }
    }
    return found;
}

/* Few say who asks: a crowd that is to meet in one flight has to be alike in that. */
void sim_ask_plan(struct sim_reader *self)
{
    static const unsigned percents[SIM_NAMES] = {70, 30, 25, 8};
    struct sim_random *random = &self->sim->random;

    for (unsigned i = 0; self->sim->is_varied && i < SIM_NAMES; i++) {
        if (sim_chance(random, percents[i]))
            self->ask.values[i] = (unsigned char)(1 + sim_below(random, values_max[i]));
    }
}

struct fetch_request *sim_ask_request(const struct sim_reader *self)
{
    const struct sim_key *key = &self->sim->keys[self->key];
    struct fetch_request *request;
    struct field fields[SIM_NAMES + 1];
    size_t count = sim_ask_fields(&self->ask, fields);
    unsigned shortage;
    char range[SIM_RANGE_BYTES_MAX];
    int err;

    if (self->wants_part)
        fields[count++] = sim_part_field(self, range);
    shortage = sim_memory_fail(0); /* without a request there is nothing to see */
    err = (self->wants_part ? fetch_request_for_part : fetch_request_for)(
        key->request, self->sim->store, field_view_of_lines(fields, count), &request);
    sim_memory_fail(shortage);
    if (err < 0)
        sim_fail(self->sim, "no memory for a request");
    return request;
}

/* What a redirect leads to, what is tried again: asked for with the same fields. But another origin
 * is not told who asks; the answer is one to the whole request all the same. */
void sim_vary_start(struct sim_exchange *exchange)
{
    struct sim *sim = exchange->sim;
    const struct sim_ask *first = &sim->exchanges[exchange->first].ask;
    bool is_elsewhere = strcmp(exchange->call->url->host, "origin.example") != 0;
    const struct fields *fields = exchange->call->fields;
    struct span value;

    for (unsigned i = 0; fields != NULL && i < SIM_NAMES; i++) {
        if (fields_find(fields, names[i], &value) && value.length == 1)
            exchange->ask.values[i] = (unsigned char)(strchr(letters, *value.bytes) - letters);
    }
    if (!sim_ask_is_alike(&exchange->ask, first, is_elsewhere ? ~SIM_CREDENTIALS : SIM_ALL_NAMES))
        sim_fail(sim, "exchange %u: asks with other fields than before", exchange->number);
    for (unsigned i = SIM_COOKIE; is_elsewhere && i <= SIM_AUTHORIZATION; i++) {
        if (exchange->ask.values[i] > 0)
            sim_fail(sim, "exchange %u: tells another origin who asks", exchange->number);
    }
    exchange->ask = *first;
}

static unsigned draw_names(struct sim_exchange *exchange)
{
    struct sim *sim = exchange->sim;
    struct sim_random *random = &sim->random;

    switch (sim->keys[exchange->key].vary_habit) {
    case 0:
        return sim_chance(random, 5) ? 1u << SIM_KIND : 0;
    case 1:
        return 1u << SIM_KIND;
    case 2:
        return sim_chance(random, 50) ? 1u << SIM_KIND : 0;
    case 3:
        return 1u << SIM_KIND | (sim_chance(random, 40) ? 1u << SIM_TONGUE : 0);
    default:
        return sim_chance(random, 60) ? 1u << SIM_COOKIE : 1u << SIM_TONGUE;
    }
}

static void append_names(struct sim_exchange *exchange, struct fields *fields)
{
    struct sim_random *random = &exchange->sim->random;

    for (unsigned i = 0; i < SIM_NAMES; i++) {
        if ((exchange->varies & 1u << i) != 0)
            fields_append(fields, span_of_string("Vary"), span_of_string(names[i]));
    }
    if (sim_chance(random, 10)) /* which the origin never gets */
        fields_append(fields, span_of_string("Vary"), span_of_string("User-Agent"));
}

void sim_vary_fill(struct sim_exchange *exchange, struct fields *fields)
{
    struct sim_random *random = &exchange->sim->random;

    if (exchange->is_not_modified) {
        exchange->varies = exchange->confirmed != NULL ? exchange->confirmed->varies : 0;
        if (exchange->sim->is_varied && sim_chance(random, 15)) {
            exchange->varies |= draw_names(exchange); /* by more than it was known to */
            append_names(exchange, fields);
        } else if (sim_chance(random, 70)) {
            append_names(exchange, fields);
        }
        return;
    }
    exchange->varies = draw_names(exchange);
    append_names(exchange, fields);
    if (!exchange->sim->is_varied)
        exchange->varies = 0; /* no request has such a field */
    if (sim_chance(random, 3)) {
        fields_append(fields, span_of_string("Vary"), span_of_string("*"));
        exchange->is_head_private = true;
        exchange->is_keepable = false;
    }
}

bool sim_vary_suits(const struct sim_exchange *exchange, const struct sim_ask *ask)
{
    return sim_ask_is_alike(&exchange->ask, ask, exchange->varies | exchange->path_varies);
}

void sim_vary_check_answer(const struct sim_reader *self)
{
    const struct sim_exchange *exchange = self->exchange;

    if (!sim_vary_suits(exchange, &self->ask))
        sim_fail(self->sim, "reader %u: an answer to other requests", self->number);
    if (!sim_ask_is_alike(&exchange->ask, &self->ask, SIM_CREDENTIALS) &&
        !(exchange->was_stored && exchange->is_for_all))
        sim_fail(self->sim, "reader %u: an answer to who has other credentials", self->number);
}

/* The first, one more after a failure, two more for want of the right fields; and by itself, once
 * before and once after the failure, and for a part. */
#define FLIGHTS_MAX 7

void sim_vary_check_waiting(struct sim_reader *self)
{
    const struct flight *flight = self->phase == SIM_WAITING ? self->reader.flight : NULL;

    if (flight != NULL && flight != self->waited_for && ++self->flights > FLIGHTS_MAX)
        sim_fail(self->sim, "reader %u: goes from flight to flight", self->number);
    self->waited_for = flight;
}
