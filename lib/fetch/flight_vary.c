/* SPDX-License-Identifier: MIT */
/*
 * flight_vary.c - answers that vary: the index in the store, the flight's key, and who it suits.
 *
 * A flight of a URL of which nothing is known yet is joined by all who want it. When its head says
 * that the answer varies, an index is stored; the flight goes on under the key of its variant, and
 * readers with other values begin anew: they find the index, so each group of them has one flight.
 */
#include "flight_vary.h"

#include <assert.h>
#include <errno.h>

#include "fault.h"
#include "variant.h"

/* Names that say nothing about this request: the origin never sees the field. */
static int keep_forwarded(const struct fetch_policy *policy, struct vary_names *names)
{
    struct vary_names kept;
    struct fields fields;
    struct span name;
    size_t position = 0;
    int err = 0;

    if (names->count == 0)
        return 0;
    fields_init(&fields);
    while (err == 0 && vary_names_next(names, &position, &name)) {
        if (fetch_policy_forwards(policy, name))
            err = fields_append(&fields, span_of_string("Vary"), name);
    }
    if (err == 0)
        err = vary_names_read(&fields, &kept);
    fields_fini(&fields);
    if (err < 0)
        return err;
    vary_names_fini(names);
    *names = kept;
    return 0;
}

/* Those of the head and of the redirects before it. */
static int join_names(const struct flight *flight, const struct fields *head,
                      struct vary_names *ret_names)
{
    struct vary_names own;
    int err = vary_names_read(head, &own);

    if (err < 0)
        return err;
    err = vary_names_union(&own, &flight->path_vary, ret_names);
    vary_names_fini(&own);
    return err;
}

static int read_names(const struct flight *flight, const struct fields *head,
                      struct vary_names *ret_names)
{
    int err = join_names(flight, head, ret_names);

    if (err < 0)
        return err;
    err = keep_forwarded(flight->request->policy, ret_names);
    if (err < 0)
        vary_names_fini(ret_names);
    return err;
}

int flight_vary_add_redirect(struct flight *flight, const struct fields *head)
{
    struct vary_names both;
    int err = join_names(flight, head, &both);

    if (err < 0)
        return err;
    vary_names_fini(&flight->path_vary);
    flight->path_vary = both;
    return 0;
}

/* The index of now, if it tells apart what has to be; else a new one, that tells more. */
static int find_index(const struct flight *flight, const struct vary_names *names,
                      struct flight_vary *vary)
{
    struct fetch_lane *lane = flight->lane;
    const struct key *own = &flight->request->key;
    struct entry *current = lane_find_index(lane, own);
    struct vary_names all;
    int err = 0;

    if (current == NULL && names->count == 0)
        return 0;
    if (current != NULL)
        err = vary_names_union(names, &current->index->names, &all);
    else
        err = vary_names_union(names, names, &all);
    if (err == 0 && all.is_any) { /* together too many: what is known by now counts */
        vary_names_fini(&all);
        err = vary_names_union(names, names, &all);
    }
    if (err < 0) {
        entry_unref(current);
        return err;
    }
    if (current != NULL && vary_names_equal(&all, &current->index->names)) {
        vary->index = current;
    } else {
        entry_unref(current);
        vary->is_new = true;
        err = entry_new_index(own, &all, FAULT(generation_kept) ? 1 : lane_random(lane),
                              &vary->index);
    }
    vary_names_fini(&all);
    return err;
}

int flight_vary_read(const struct flight *flight, const struct fields *head,
                     struct flight_vary *ret_vary)
{
    const struct store *store = flight->lane->fetcher->store;
    struct vary_names names;
    int err = read_names(flight, head, &names);

    ret_vary->index = NULL;
    ret_vary->is_new = false;
    if (err < 0)
        return err;
    ret_vary->tells_apart = names.count > 0;
    /* Any, or too many together with those of redirects: no request can be compared with this. */
    err = names.is_any ? -ENOBUFS : find_index(flight, &names, ret_vary);
    vary_names_fini(&names);
    if (err == 0)
        err = variant_key(
            store, &flight->request->key, ret_vary->index != NULL ? ret_vary->index->index : NULL,
            field_view_of(&flight->request->fields), ret_vary->buffer, &ret_vary->key);
    if (err < 0) {
        flight_vary_fini(ret_vary);
        ret_vary->tells_apart = false;
        ret_vary->key = flight->request->key;
    }
    return err;
}

void flight_vary_fini(struct flight_vary *vary)
{
    entry_unref(vary->index);
    vary->index = NULL;
}

int flight_vary_check_place(const struct flight *flight, const struct entry *updated)
{
    struct fields fields = entry_fields(updated);
    struct flight_vary vary;
    bool is_same;
    int err = flight_vary_read(flight, &fields, &vary);

    if (err < 0)
        return err == -ENOMEM ? err : -EAGAIN;
    is_same = key_equals(&vary.key, &updated->key);
    flight_vary_fini(&vary);
    return is_same ? 0 : -EAGAIN;
}

/* Under its new key, unless another has come there first: then nobody joins this one any more. */
static bool move_locked(struct table_shard *shard, struct flight *flight,
                        struct flight_key *take_key) ASYNC_REQUIRES(flight_table_class)
{
    bool is_free;

    table_remove_locked(shard, flight);
    is_free = table_find_locked(shard, &take_key->key) == NULL;
    flight_lock(flight);
    flight_key_fini(&flight->key);
    flight->key = *take_key;
    flight_unlock(flight);
    if (is_free)
        table_insert_locked(shard, flight);
    return is_free;
}

bool flight_vary_settle(struct flight *flight, struct flight_vary *vary)
{
    struct fetcher *fetcher = flight->lane->fetcher;
    struct flight_key key = {0};
    struct table_shard *shard;
    bool is_settled = true;

    if (vary->index == NULL)
        return true;
    if (flight_key_make(fetcher->store, flight->request, vary->index->index, &key) < 0)
        return false;
    shard = table_lock(fetcher->table, &flight->request->key);
    if (!flight->is_in_table && !FAULT(settle_purged)) {
        is_settled = false; /* purged just now */
    } else if (vary->is_new) {
        struct entry *index = entry_ref(vary->index);
        is_settled = store_insert(fetcher->store, &index) == 0;
    }
    if (is_settled && !key_equals(&flight->key.key, &key.key)) {
        is_settled = move_locked(shard, flight, &key);
        key.bytes = NULL; /* the flight's now */
    }
    table_unlock(shard);
    flight_key_fini(&key);
    return is_settled;
}

bool flight_suits_locked(const struct flight *flight, const struct fetch_reader *reader)
{
    const struct fetch_request *request = reader->request;
    char buffer[KEY_LENGTH_MAX];
    struct key key;

    if (flight->index == NULL || flight->leader == reader)
        return true;
    return variant_key(flight->lane->fetcher->store, &request->key, flight->index->index,
                       field_view_of(&request->fields), buffer, &key) == 0 &&
           key_equals(&key, &flight->entry->key);
}

/* In the place of one with too many variants, which nobody finds any more. */
static int begin_generation(struct flight *flight, const struct entry *index)
{
    struct vary_names names;
    struct entry *next;
    int err = vary_names_union(&index->index->names, &index->index->names, &names);

    if (err < 0)
        return err;
    err = entry_new_index(&index->key, &names, lane_random(flight->lane), &next);
    vary_names_fini(&names);
    return err < 0 ? err : store_insert(flight->lane->fetcher->store, &next);
}

void flight_vary_count_locked(struct table_shard *shard, struct flight *flight)
{
    struct entry *index = lane_find_index(flight->lane, &flight->request->key);

    (void)shard;
    if (index == NULL || FAULT(variants_unbounded))
        return;
    if (atomic_fetch_add_explicit(&index->index->variants, 1, memory_order_relaxed) >=
            flight_settings(flight)->variants_max &&
        begin_generation(flight, index) < 0)
        store_remove(flight->lane->fetcher->store, &index->key); /* no room to remember it anew */
    entry_unref(index);
}
