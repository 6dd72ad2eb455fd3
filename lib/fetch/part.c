/* SPDX-License-Identifier: MIT */
/* part.c - stored parts: their keys, and whether they have what is wanted; see part.h. */
#include "part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <http/conditions.h>
#include <http/range.h>
#include <http/vary.h>

int part_key(const struct store *store, const struct key *own, char *buffer, struct key *ret_key)
{
    if (own->length + 2 > KEY_LENGTH_MAX)
        return -ENOBUFS;
    memcpy(buffer, own->bytes, own->length);
    memcpy(buffer + own->length, "\0P", 2);
    store_key_init(store, ret_key, buffer, own->length + 2);
    return 0;
}

int part_flight_key_make(const struct store *store, const struct fetch_request *request,
                         struct flight_key *ret_key)
{
    const struct key *own = &request->key;
    struct span range = {0}, if_range = {0};
    size_t length;
    char *at;

    (void)fields_find(&request->part, "Range", &range);
    (void)fields_find(&request->part, "If-Range", &if_range);
    length = own->length + 3 + range.length + if_range.length;
    if (length > KEY_LENGTH_MAX)
        return -ENOBUFS;
    ret_key->bytes = malloc(length);
    if (ret_key->bytes == NULL)
        return -ENOMEM;
    at = mempcpy(ret_key->bytes, own->bytes, own->length);
    at = mempcpy(at, "\0R", 2);
    at = mempcpy(at, range.bytes, range.length);
    *at++ = '\0';
    if (if_range.length > 0)
        memcpy(at, if_range.bytes, if_range.length);
    store_key_init(store, &ret_key->key, ret_key->bytes, length);
    return 0;
}

bool part_is_wanted(const struct fetch_request *request)
{
    return request->policy->settings.is_transparent && fields_count(&request->part) > 0 &&
           !request->has_credentials;
}

bool part_is_keepable(const struct fields *head)
{
    struct content_range range;
    struct span value;

    return fields_find(head, "Content-Range", &value) && content_range_parse(value, &range) &&
           range.range.first >= 0 && range.complete_bytes >= 0 && !fields_has(head, "Vary");
}

bool fetch_part_of(const struct entry *entry, struct content_range *ret_part)
{
    struct content_range part;
    struct span value;
    int64_t end_bytes;

    if (entry->status != 206 || !entry_find(entry, "Content-Range", &value) ||
        !content_range_parse(value, &part) || part.range.first < 0 || part.complete_bytes < 0)
        return false;
    end_bytes = part.range.first + (int64_t)body_length(entry->body);
    /* An origin that miscounts: what has come is what there is. */
    if (part.range.last + 1 == part.complete_bytes)
        part.complete_bytes = end_bytes;
    part.range.last = end_bytes - 1;
    if (part.range.last < part.range.first || end_bytes > part.complete_bytes)
        return false;
    *ret_part = part;
    return true;
}

static bool has_range(const struct entry *entry, const struct fetch_request *request)
{
    struct content_range stored;
    struct conditions_target target;
    struct fields fields = entry_fields(entry);
    struct ranges asked, parts;
    struct span value;

    if (!fields_find(&request->part, "Range", &value) || !range_parse(value, &asked) ||
        !fetch_part_of(entry, &stored) ||
        range_resolve(&asked, stored.complete_bytes, &parts) != RANGE_PARTS)
        return false;
    conditions_target_read(&fields, entry->status, entry->response_s, &target);
    return parts.count == 1 && parts.items[0].first >= stored.range.first &&
           parts.items[0].last <= stored.range.last &&
           conditions_range_applies(field_view_of(&request->part), &target, entry->response_s);
}

static struct entry *find_fresh(struct fetch_lane *lane, const struct key *own, int64_t now_s)
{
    char buffer[KEY_LENGTH_MAX];
    struct key key;
    struct entry *entry;

    if (part_key(lane->fetcher->store, own, buffer, &key) < 0)
        return NULL;
    entry = store_lookup(lane->fetcher->store, &key, now_s);
    if (entry != NULL && entry_is_fresh(entry, now_s))
        return entry;
    entry_unref(entry);
    return NULL;
}

struct entry *part_find(struct fetch_lane *lane, const struct fetch_request *request, int64_t now_s)
{
    struct entry *entry;

    if (!part_is_wanted(request))
        return NULL;
    entry = find_fresh(lane, &request->key, now_s);
    if (entry != NULL && has_range(entry, request))
        return entry;
    entry_unref(entry);
    return NULL;
}

struct entry *part_find_stored(struct fetch_lane *lane, const struct fetch_request *request,
                               int64_t now_s)
{
    if (!request->policy->settings.is_transparent || request->is_bypass ||
        request->method != NULL || request->has_credentials)
        return NULL;
    return find_fresh(lane, &request->key, now_s);
}

bool part_forget(struct store *store, const struct key *own)
{
    char buffer[KEY_LENGTH_MAX];
    struct key key;

    return part_key(store, own, buffer, &key) == 0 && store_remove(store, &key);
}
