/* SPDX-License-Identifier: MIT */
/*
 * purge.c - what the operator, or an unsafe request, has forgotten: by key, by tag, by pattern.
 *
 * A key: under the mutex of its shard of the table, so that no flight stores it meanwhile. A tag:
 * one note in the store; flights that began before are looked at when somebody wants to join them
 * (reader_begin.c), and what they store is purged already. A pattern: first all flights that match,
 * so that none of them stores anything any more, then the entries, step by step.
 */
#include <fetch/purge.h>

#include <stdlib.h>
#include <string.h>

#include "flight.h"
#include "lane.h"
#include "part.h"

/* A flight serves those who are there; what it brings is older than the purge, so never stored. */
static bool forget(struct fetcher *fetcher, const struct key *key, bool is_stored)
{
    struct table_shard *shard = table_lock(fetcher->table, key);
    struct flight *flight;
    bool was_there = is_stored;

    if (!is_stored)
        was_there = store_remove(fetcher->store, key);
    was_there |= part_forget(fetcher->store, key);
    while ((flight = table_find_variant_locked(shard, key)) != NULL)
        was_there |= flight_purge_locked(shard, flight);
    table_marks_clear_locked(shard, key);
    table_count_purge_locked(shard);
    table_unlock(shard);
    return was_there;
}

bool fetcher_purge(struct fetcher *fetcher, const struct key *key)
{
    return forget(fetcher, key, false);
}

/* Where answers vary, each of them has the hash of the own key for a tag. */
bool fetcher_expire(struct fetcher *fetcher, const struct key *key, int64_t now_s)
{
    struct entry *entry = store_lookup(fetcher->store, key, now_s);

    if (entry == NULL)
        return forget(fetcher, key, false);
    if (entry->index != NULL)
        store_purge_tag(fetcher->store, key->hash, true, now_s);
    (void)forget(fetcher, key, true);
    entry_unref(entry);
    /* What a flight has stored until then is not newer than the purge. */
    entry = store_lookup(fetcher->store, key, now_s);
    if (entry != NULL && entry->index == NULL)
        entry_expire(entry, now_s);
    entry_unref(entry);
    return true;
}

void fetcher_purge_tag(struct fetcher *fetcher, const char *name, size_t length, bool is_soft,
                       int64_t now_s)
{
    store_purge_tag(fetcher->store, store_tag(fetcher->store, name, length), is_soft, now_s);
}

/* Whether the text is of the pattern, in which each '*' stands for any bytes. */
static bool is_like(const char *pattern, size_t pattern_bytes, struct span text)
{
    const char *at = text.bytes, *end = text.bytes + text.length;
    const char *pattern_end = pattern + pattern_bytes;
    const char *star = NULL, *star_at = NULL;

    while (at < end) {
        if (pattern < pattern_end && *pattern == '*') {
            star = pattern++;
            star_at = at;
        } else if (pattern < pattern_end && *pattern == *at) {
            pattern++;
            at++;
        } else if (star != NULL) {
            pattern = star + 1;
            at = ++star_at;
        } else {
            return false;
        }
    }
    while (pattern < pattern_end && *pattern == '*')
        pattern++;
    return pattern == pattern_end;
}

/* The second line of a proxy's key: Host as clients sent it, if the origin gets that. */
static struct span host_of(const struct key *own, const char *url)
{
    const char *host = memchr(own->bytes, '\n', own->length);
    const char *end;

    if (host == NULL)
        return span_of(NULL, 0);
    host++;
    end = memchr(host, '\n', (size_t)(url - host));
    return span_of(host, end != NULL ? (size_t)(end - host) : 0);
}

/* With the origin's name in it, or with that of the clients. */
static bool matches(const void *context, const struct key *own)
{
    const struct fetch_purge *purge = context;
    const char *line = memrchr(own->bytes, '\n', own->length);
    const char *url = line != NULL ? line + 1 : own->bytes;
    struct span text = span_of(url, (size_t)(own->bytes + own->length - url));
    struct span host = host_of(own, url);
    const char *authority = memmem(text.bytes, text.length, "://", 3);
    const char *path;
    char buffer[KEY_LENGTH_MAX + 8], *end;

    if (is_like(purge->pattern, purge->pattern_bytes, text))
        return true;
    path = authority == NULL
               ? NULL
               : memchr(authority + 3, '/', (size_t)(text.bytes + text.length - authority) - 3);
    if (host.length == 0 || path == NULL)
        return false;
    end = mempcpy(buffer, "http://", 7);
    end = mempcpy(end, host.bytes, host.length);
    end = mempcpy(end, path, (size_t)(text.bytes + text.length - path));
    return is_like(purge->pattern, purge->pattern_bytes, span_of(buffer, (size_t)(end - buffer)));
}

static void purge_flights(const struct fetch_purge *purge)
{
    for (unsigned i = 0; i < TABLE_SHARDS; i++) {
        struct table_shard *shard = table_lock_next(purge->fetcher->table, i);
        struct flight *flight;

        while ((flight = table_find_match_locked(shard, matches, purge)) != NULL)
            flight_purge_locked(shard, flight);
        table_marks_clear_matching_locked(shard, matches, purge);
        table_count_purge_locked(shard);
        table_unlock(shard);
    }
}

void fetch_purge_init(struct fetch_purge *purge, struct fetcher *fetcher, const char *pattern,
                      size_t pattern_bytes, bool is_soft, int64_t now_s)
{
    *purge = (struct fetch_purge){
        .fetcher = fetcher,
        .pattern = pattern,
        .pattern_bytes = pattern_bytes,
        .is_soft = is_soft,
        .now_s = now_s,
    };
    purge_flights(purge);
}

/* Under the mutex of its URL's shard, as whoever replaces an entry by one made of it holds that. */
static void purge_entry(struct fetch_purge *purge, struct entry *entry)
{
    struct store *store = purge->fetcher->store;
    struct table_shard *shard;
    struct entry *current;
    struct key own;

    store_key_init(store, &own, entry->key.bytes, strnlen(entry->key.bytes, entry->key.length));
    if (!matches(purge, &own))
        return;
    shard = table_lock(purge->fetcher->table, &own);
    current = store_lookup(store, &entry->key, purge->now_s);
    if (current != NULL)
        purge->count += current->index == NULL;
    if (current != NULL && !purge->is_soft)
        (void)store_remove(store, &entry->key);
    else if (current != NULL && current->index == NULL)
        entry_expire(current, purge->now_s);
    table_unlock(shard);
    entry_unref(current);
}

bool fetch_purge_step(struct fetch_purge *purge)
{
    struct entry *entries[STORE_WALK_ENTRIES];
    size_t count;
    bool goes_on = store_walk(purge->fetcher->store, &purge->walk, entries, &count);

    for (size_t i = 0; i < count; i++) {
        purge_entry(purge, entries[i]);
        entry_unref(entries[i]);
    }
    return goes_on;
}
