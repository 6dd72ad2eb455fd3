/* SPDX-License-Identifier: MIT */
/*
 * refresh.c - which stored answer suits a client, and fetches that no client waits for (case 29).
 *
 * An answer within its window for being used while it is refreshed goes to the client at once. The
 * fetch behind it is a flight like any other: it is in the table, newcomers who want a fresh answer
 * join it, and it ends with its lane. Its first reader is one of ours, which wants nothing but that
 * it comes to its end; it leaves at the head, as the body is of interest only to the store. So a
 * fetch whose answer is not stored is for those who joined it, or given up.
 *
 * While a flight of the key is under way there is no second one, nor while a mark says that the
 * last one went wrong. And a lane has no more of them than it may have connections: those beyond
 * would only wait for one.
 */
#include <stdlib.h>

#include <http/forwarding.h>
#include <http/stale.h>

#include "flight.h"
#include "lane.h"

/* Whether what the answer varies by reaches the origin as the client sent it. The fields of the
 * others have to be made first, so that nobody names the variant of somebody else. */
static bool varies_by_sent(struct fetch_lane *lane, const struct fetch_request *plain,
                           const struct entry *entry, struct field_view fields)
{
    struct entry *index;
    struct span name;
    size_t position = 0;
    bool is_sent = true;

    if (!plain->policy->settings.is_transparent || fields_count(&plain->fields) > 0 ||
        key_equals(&entry->key, &plain->key))
        return true;
    index = lane_find_index(lane, &plain->key);
    while (is_sent && index != NULL && vary_names_next(&index->index->names, &position, &name))
        is_sent = !forwarding_changes(fields, name);
    entry_unref(index);
    return is_sent;
}

struct entry *fetch_lane_reuse(struct fetch_lane *lane, const struct fetch_request *plain,
                               struct field_view fields, const struct cache_control *wishes,
                               int64_t now_s, bool *ret_is_refresh_due)
{
    struct entry *entry = lane_find(lane, &plain->key, fields, now_s);
    struct reuse_question question;
    enum reuse reuse;

    *ret_is_refresh_due = false;
    if (entry != NULL && !varies_by_sent(lane, plain, entry, fields)) {
        entry_unref(entry);
        entry = NULL;
    }
    if (entry == NULL)
        return NULL;
    if (wishes != NULL && !plain->policy->settings.obeys_clients)
        wishes = NULL;
    if (wishes == NULL && entry_is_fresh(entry, now_s)) {
        LANE_COUNT(lane, hits, 1);
        return entry;
    }
    question = (struct reuse_question){
        .response = &entry->control,
        .request = wishes,
        .age_s = entry_age_s(entry, now_s),
        .lifetime_s = entry_age_s(entry, now_s) + entry_ttl_s(entry, now_s),
        .windows = &plain->policy->settings.stale,
    };
    reuse = reuse_decide(&question);
    if (reuse == REUSE_UNWANTED || reuse == REUSE_TOO_STALE) {
        entry_unref(entry);
        return NULL;
    }
    LANE_COUNT(lane, hits, 1);
    LANE_COUNT(lane, stale, reuse != REUSE_FRESH);
    *ret_is_refresh_due = reuse == REUSE_REFRESH;
    return entry;
}

/* One that is under way. */
struct refresh {
    struct fetch_reader reader;
    struct async_list node; /* in lane->refreshes */
};

static void end(struct refresh *refresh)
{
    struct fetch_reader *reader = &refresh->reader;

    reader->wants_rest = reader->state == FETCH_ANSWERED && reader->is_stored;
    fetch_reader_leave(reader);
    async_list_remove(&refresh->node);
    reader->lane->refreshes_count--;
    free(refresh);
}

static void on_progress(struct fetch_reader *reader)
{
    end(async_container_of(reader, struct refresh, reader));
}

void fetch_lane_refresh(struct fetch_lane *lane, struct fetch_request *request)
{
    struct refresh *refresh;

    /* The next request for it tries again. */
    if (lane->refreshes_count >= lane->fetcher->settings.connections_max)
        return;
    refresh = malloc(sizeof *refresh);
    if (refresh == NULL)
        return;
    lane->refreshes_count++;
    async_list_init(&refresh->node);
    async_list_append(&lane->refreshes, &refresh->node);
    fetch_reader_start(&refresh->reader, lane, request, NULL, FETCH_REFRESH | FETCH_NOT_STORED,
                       on_progress);
    if (refresh->reader.state != FETCH_WAITING)
        end(refresh);
}

void lane_end_refreshes(struct fetch_lane *lane)
{
    struct async_list *node;

    while ((node = async_list_first(&lane->refreshes)) != NULL)
        end(async_container_of(node, struct refresh, node));
}
