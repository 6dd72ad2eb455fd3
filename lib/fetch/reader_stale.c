/* SPDX-License-Identifier: MIT */
/*
 * reader_stale.c - what the store has, for a reader that gets nothing better.
 *
 * Whenever a reader would be told of a failure, of the origin's or of ours, the store is looked up
 * once more: an answer that is stale may be used if it does not forbid that, within its window, and
 * if the client does not mind. So what was purged or evicted meanwhile is not used, and each reader
 * has its own wishes. The rules are those of <http/stale.h>.
 */
#include <http/stale.h>

#include "failure.h"
#include "fault.h"
#include "reader.h"

static bool is_usable(const struct fetch_reader *reader, const struct entry *entry,
                      enum fetch_trouble trouble, int64_t now_s)
{
    const struct stale_windows *windows = &reader->request->policy->settings.stale;
    enum stale_situation situation =
        trouble == FETCH_TROUBLE_ERROR ? STALE_IF_ERROR : STALE_IF_UNREACHABLE;
    const struct reuse_question question = {
        .response = &entry->control,
        .request = &reader->wishes,
        .age_s = entry_age_s(entry, now_s),
        .lifetime_s = entry_age_s(entry, now_s) + entry_ttl_s(entry, now_s),
        .windows = windows,
    };
    int64_t window_s;

    if (FAULT(stale_beyond_window))
        return !reader->wishes.no_cache;
    if (reuse_decide(&question) == REUSE_FRESH) /* stored by another since this reader looked */
        return true;
    window_s = stale_window_s(&entry->control, &reader->wishes, situation, windows);
    return window_s > 0 && -entry_ttl_s(entry, now_s) < window_s;
}

static struct entry *find(const struct fetch_reader *reader, enum fetch_trouble trouble)
{
    struct fetch_lane *lane = reader->lane;
    int64_t now_s = fetch_lane_now_s(lane);
    struct entry *entry;

    if (trouble == FETCH_TROUBLE_FINAL || reader->request->is_bypass ||
        (reader->flags & FETCH_REFRESH) != 0)
        return NULL;
    entry = lane_find(lane, &reader->request->key, field_view_of(&reader->request->fields), now_s);
    if (entry != NULL && !is_usable(reader, entry, trouble, now_s)) {
        entry_unref(entry);
        return NULL;
    }
    return entry;
}

bool reader_must_ask(const struct fetch_reader *reader)
{
    struct fetch_lane *lane = reader->lane;
    struct entry *entry =
        lane_find(lane, &reader->request->key, field_view_of(&reader->request->fields),
                  fetch_lane_now_s(lane));
    bool must_ask = entry != NULL && stale_is_forbidden(&entry->control);

    entry_unref(entry);
    return must_ask;
}

bool reader_has_stale(const struct fetch_reader *reader, enum fetch_trouble trouble)
{
    struct entry *entry = find(reader, trouble);

    entry_unref(entry);
    return entry != NULL;
}

/* Whether it waited for a fetch, and for whose. */
static enum fetch_source source_of(const struct fetch_reader *reader)
{
    struct flight *flight = reader->flight;
    bool is_leader;

    if (flight == NULL)
        return FETCH_FROM_STORE;
    flight_lock(flight);
    is_leader = flight->leader == reader;
    flight_unlock(flight);
    return is_leader ? FETCH_FROM_ORIGIN : FETCH_FROM_COLLAPSED;
}

bool reader_take_stale(struct fetch_reader *reader, enum fetch_trouble trouble)
{
    struct entry *entry = find(reader, trouble);
    enum fetch_source source;

    if (entry == NULL)
        return false;
    source = source_of(reader);
    flight_detach(reader);
    reader->is_stored = false;
    reader->is_stale = !entry_is_fresh(entry, fetch_lane_now_s(reader->lane));
    reader_answer(reader, entry, NULL, (int64_t)body_length(entry->body), source);
    if (reader->is_stale)
        LANE_COUNT(reader->lane, stale, 1);
    return true;
}

bool reader_avoid_error(struct fetch_reader *reader, int status)
{
    if (!stale_status_is_error(status) || !reader_take_stale(reader, FETCH_TROUBLE_ERROR))
        return false;
    reader->forward_status = status;
    reader->failure = failure_of_error();
    return true;
}
