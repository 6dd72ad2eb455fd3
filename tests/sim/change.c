/* SPDX-License-Identifier: MIT */
/*
 * change.c - requests with other methods than GET, which go to the origin by themselves (case 21).
 *
 * A good answer to a method that may change something makes all obsolete that is known of the URL,
 * as a purge does; an error, or the answer to a method that changes nothing, leaves all as it is.
 */
#include <string.h>

#include <async/list.h>

#include "flight.h"
#include "sim.h"

static const char *const methods[] = {"GET", "POST", "PUT", "OPTIONS"};

void sim_change_plan(struct sim_reader *self)
{
    struct sim_random *random = &self->sim->random;

    if (!self->sim->has_changes || !sim_chance(random, 20))
        return;
    self->method = (enum sim_method)(SIM_POST + sim_below(random, SIM_OPTIONS));
    self->flags = 0;
    self->looks_first = false;
    self->wants_part = false;
    cache_control_init(&self->wishes);
}

void sim_change_start(struct sim_reader *self, fetch_progress_fn *on_progress)
{
    struct sim *sim = self->sim;
    struct field fields[SIM_NAMES];
    size_t count = sim_ask_fields(&self->ask, fields);
    const struct fetch_request_draft draft = {
        .policy = sim->proxy_policy,
        .store = sim->store,
        .url = sim->keys[self->key].request->url,
        .client = field_view_of_lines(fields, count),
        .method = span_of_string(methods[self->method]),
    };
    struct fetch_request *request;
    unsigned shortage = sim_memory_fail(0); /* without a request there is nothing to see */

    if (fetch_request_make(&draft, &request) < 0)
        sim_fail(sim, "no memory for a request");
    sim_memory_fail(shortage);
    fetch_reader_start_bypass(&self->reader, sim->lanes[self->lane].lane, request, NULL, NULL,
                              on_progress);
    fetch_request_unref(request);
}

void sim_change_draw(struct sim_exchange *exchange)
{
    const struct flight *flight = exchange->flight;

    if (!flight->request->is_bypass)
        return;
    while (strcmp(methods[exchange->method], flight->request->method) != 0)
        exchange->method++;
    if (exchange->answer == SIM_UNASKED)
        exchange->answer = SIM_STORABLE;
    if (flight->retries > 0 && exchange->method == SIM_POST)
        sim_fail(exchange->sim, "exchange %u: a POST is sent again", exchange->number);
    if (flight->entry != NULL)
        sim_fail(exchange->sim, "exchange %u: the rest of what is no GET's answer",
                 exchange->number);
}

/* How many flights can be joined, and how much has been taken out of the store. */
static uint64_t count_all(struct sim *sim)
{
    struct store_counters counters;
    uint64_t joinable = 0;

    for (unsigned i = 0; i < sim->lanes_count; i++) {
        struct async_list *flights = &sim->lanes[i].lane->flights;
        for (struct async_list *node = flights->next; node != flights; node = node->next)
            joinable += async_container_of(node, struct flight, lane_node)->is_in_table;
    }
    store_read_counters(sim->store, &counters);
    return joinable + (counters.removals << 32);
}

/* It makes obsolete what is known of its own URL, and of that which its Location names. The latter
 * is only allowed, and left out where memory fails, so here none does. RFC 9111 section 4.4. */
static void forget_all(struct sim_exchange *exchange, const struct fields *fields)
{
    static const char *const paths[] = {"/k0", "/k1"};
    struct sim *sim = exchange->sim;
    struct span location;

    sim_trace(sim, "exchange %u: changes key %u", exchange->number, exchange->key);
    sim_forget(sim, exchange->key);
    if (!fields_find(fields, "Location", &location))
        return;
    for (unsigned i = 0; i < 2 && i < sim->keys_count; i++) {
        if (span_equals(location, span_of_string(paths[i])) && i != exchange->key) {
            sim_trace(sim, "exchange %u: and key %u", exchange->number, i);
            sim_forget(sim, i);
            sim_memory_fail(0);
        }
    }
}

enum upstream_verdict sim_change_tell_head(struct sim_exchange *exchange,
                                           const struct upstream_head *head)
{
    struct sim *sim = exchange->sim;
    struct upstream_call *call = exchange->call;
    bool may_change = exchange->method == SIM_POST || exchange->method == SIM_PUT;
    enum upstream_verdict verdict;
    uint64_t before;

    if (may_change && head->status < 400) {
        forget_all(exchange, head->fields);
        return call->events->on_head(call, head);
    }
    before = count_all(sim);
    verdict = call->events->on_head(call, head);
    if (exchange->method != SIM_GET && count_all(sim) != before)
        sim_fail(sim, "exchange %u: invalidates, and changes nothing", exchange->number);
    return verdict;
}

void sim_change_check_answer(const struct sim_reader *self)
{
    const struct sim_exchange *exchange = self->exchange;

    if (exchange->method != self->method)
        sim_fail(self->sim, "reader %u: the answer to another method", self->number);
    if (self->method != SIM_GET && exchange->readers > 1)
        sim_fail(self->sim, "reader %u: the answer to another's %s", self->number,
                 methods[self->method]);
}
