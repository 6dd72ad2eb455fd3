/* SPDX-License-Identifier: MIT */
/*
 * flight_learn.c - what the answer to a HEAD says of the stored answer to a GET: if it agrees with
 * it, its fields are those of the stored one from now on; if not, the stored one is out of date,
 * and is forgotten. Only an answer of the URL itself is compared, not one behind a redirect.
 *
 * The stored answer may be replaced or purged meanwhile, so it is looked at again with the table
 * locked, as a purge does it (case 27).
 */
#include <http/update.h>

#include "answer.h"
#include "flight.h"
#include "flight_vary.h"
#include "variant.h"

static bool is_comparable(const struct entry *entry)
{
    return entry->index == NULL && entry->status == 200 && !entry->is_redirected;
}

/* What a GET with the fields of this request would be answered from, or NULL. */
static struct entry *find_stored(const struct flight *flight)
{
    const struct fetch_request *request = flight->request;
    struct store *store = flight->lane->fetcher->store;
    struct entry *index = lane_find_index(flight->lane, &request->key), *entry = NULL;
    char buffer[KEY_LENGTH_MAX];
    struct key key;

    if (variant_key(store, &request->key, index != NULL ? index->index : NULL,
                    field_view_of(&request->fields), buffer, &key) == 0)
        entry = store_lookup(store, &key, flight->request_s);
    entry_unref(index);
    if (entry != NULL && !is_comparable(entry)) {
        entry_unref(entry);
        return NULL;
    }
    return entry;
}

/*
 * Whether an answer that agrees also confirms. What was purged softly may have changed without
 * another length, and an answer that names nothing says no more than that: a GET has to ask.
 */
static bool is_confirmed(const struct entry *stored, const struct fields *fields)
{
    return !entry_is_expired(stored) || fields_has(fields, "ETag") ||
           fields_has(fields, "Last-Modified");
}

/* `take_newer`: NULL in it: just forget the stored one. */
static void replace(const struct flight *flight, const struct entry *stored,
                    struct entry **take_newer)
{
    struct fetcher *fetcher = flight->lane->fetcher;
    struct table_shard *shard = table_lock(fetcher->table, &flight->request->key);
    struct entry *current = store_lookup(fetcher->store, &stored->key, flight->request_s);

    if (current == stored && *take_newer != NULL)
        (void)store_insert(fetcher->store, take_newer);
    else if (current == stored)
        (void)store_remove(fetcher->store, &stored->key);
    table_unlock(shard);
    entry_unref(*take_newer);
    *take_newer = NULL;
    entry_unref(current);
}

void flight_learn(const struct flight *flight, const struct upstream_head *head)
{
    struct answer answer = {.entry = NULL};
    struct fields fields;
    struct entry *stored;

    if (!fetch_request_is_head(flight->request) || head->status != 200 || flight->hops > 0)
        return;
    stored = find_stored(flight);
    if (stored == NULL)
        return;
    fields = entry_fields(stored);
    if (!update_head_matches(&fields, (int64_t)body_length(stored->body), head->fields)) {
        replace(flight, stored, &answer.entry);
    } else if (is_confirmed(stored, head->fields) &&
               answer_refresh(flight->lane, flight->request, stored, flight->request_s, head,
                              &answer) == 0) {
        bool is_kept = answer.sharing == ANSWER_STORE || answer.sharing == ANSWER_KEEP;

        entry_set_purges_before(answer.entry, flight->tag_purges);
        if (is_kept && flight_vary_check_place(flight, answer.entry) < 0) {
            entry_unref(answer.entry);
            answer.entry = NULL;
        }
        if (is_kept)
            replace(flight, stored, &answer.entry);
        entry_unref(answer.entry); /* it says itself that it is not to be kept */
    }
    entry_unref(stored);
}
