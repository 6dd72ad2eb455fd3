/* SPDX-License-Identifier: MIT */
/*
 * stored.c - what is in the store: whole, storable, of now, and found by those alone whom it suits.
 *
 * Looked through whenever something has been stored, removed or made obsolete. Where the answers to
 * a URL vary, each request that can be is looked up. What was found is noted, so that a second
 * result of one fetch is seen for what it is.
 */
#include "flight.h"
#include "sim.h"

static bool is_noted(struct sim_slot *slots, unsigned count, uint64_t hash,
                     struct sim_slot **ret_slot)
{
    for (unsigned i = 0; i < count; i++) {
        if (slots[i].hash == hash) {
            *ret_slot = &slots[i];
            return true;
        }
    }
    return false;
}

static void check_entry(struct sim *sim, unsigned number, const struct entry *entry,
                        struct sim_slot *ret_slot)
{
    struct sim_key *key = &sim->keys[number];
    struct sim_exchange *exchange = sim_exchange_of_entry(sim, entry);
    int64_t now_s = sim_wall_s(sim);
    struct sim_slot *before;

    if (exchange->generation != key->generation)
        sim_fail(sim, "key %u: stored from before a purge", number);
    if (!exchange->is_keepable || exchange->is_part || exchange->is_path_private)
        sim_fail(sim, "key %u: stored what is not storable", number);
    if (!exchange->is_whole || !sim_content(exchange)->is_whole || body_status(entry->body) != 0 ||
        body_length(entry->body) != exchange->body_bytes)
        sim_fail(sim, "key %u: stored a body that is not whole", number);
    if (is_noted(key->slots, key->slots_count, entry->key.hash, &before) &&
        exchange != before->exchange && before->stale_s > now_s &&
        before->exchange->generation == exchange->generation &&
        before->exchange->lock_place == exchange->lock_place &&
        !sim->exchanges[exchange->first].is_fresh_only)
        sim_fail(sim, "key %u: two stored results of one generation", number);
    exchange->was_stored = true;
    *ret_slot = (struct sim_slot){.hash = entry->key.hash,
                                  .exchange = exchange,
                                  .stale_s = now_s + entry_ttl_s(entry, now_s)};
}

/* What a request with these fields finds; noted once. */
static void look_up(struct sim *sim, unsigned number, const struct sim_ask *ask,
                    struct sim_slot *slots, unsigned *count)
{
    struct sim_key *key = &sim->keys[number];
    struct field fields[SIM_NAMES];
    size_t fields_count = sim_ask_fields(ask, fields);
    struct entry *entry = lane_find(sim->lanes[0].lane, &key->key,
                                    field_view_of_lines(fields, fields_count), sim_wall_s(sim));
    struct sim_slot *slot;

    if (entry == NULL)
        return;
    if (!is_noted(slots, *count, entry->key.hash, &slot)) {
        slot = &slots[(*count)++];
        check_entry(sim, number, entry, slot);
    }
    entry_unref(entry);
    if (!sim_vary_suits(slot->exchange, ask))
        sim_fail(sim, "key %u: found by who asks for another variant", number);
}

static void check_key(struct sim *sim, unsigned number)
{
    struct sim_key *key = &sim->keys[number];
    struct entry *index = lane_find_index(sim->lanes[0].lane, &key->key);
    unsigned names = index != NULL ? sim_names_of(&index->index->names) : 0;
    struct sim_slot slots[SIM_SLOTS_MAX];
    struct sim_ask ask = {0};
    unsigned count = 0;

    do {
        look_up(sim, number, &ask, slots, &count);
    } while (sim_ask_next(&ask, names));
    if (index != NULL && count > sim->settings.variants_max)
        sim_fail(sim, "key %u: %u variants are stored", number, count);
    entry_unref(index);
    for (unsigned i = 0; i < count; i++) {
        if (((slots[i].exchange->varies | slots[i].exchange->path_varies) & ~names) != 0)
            sim_fail(sim, "key %u: found without a look at what it varies by", number);
        key->slots[i] = slots[i];
    }
    key->slots_count = count;
    sim_part_check_stored(sim, number);
}

void sim_check_stored(struct sim *sim)
{
    struct store_counters counters;
    uint64_t changes;

    store_read_counters(sim->store, &counters);
    changes = counters.inserts + counters.removals + counters.evictions;
    if (sim->is_store_looked_through && changes == sim->store_changes)
        return;
    sim->is_store_looked_through = true;
    sim->store_changes = changes;
    for (unsigned i = 0; i < sim->keys_count; i++)
        check_key(sim, i);
}

bool sim_stored_is_fresh(struct sim *sim, const struct flight *flight)
{
    struct entry *entry = lane_find(sim->lanes[0].lane, &flight->request->key,
                                    field_view_of(&flight->request->fields), sim_wall_s(sim));
    bool is_fresh = entry != NULL && entry_is_fresh(entry, sim_wall_s(sim));

    entry_unref(entry);
    return is_fresh;
}

void sim_forget(struct sim *sim, unsigned key)
{
    sim->keys[key].generation++;
    sim->is_store_looked_through = false;
    for (unsigned i = 0; i < sim->places_count; i++) {
        if (sim->places[i].key == key) {
            sim->places[i].spared_until_ns = 0;
            sim->places[i].told_until_ns = 0;
        }
    }
}
