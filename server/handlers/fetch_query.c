/* SPDX-License-Identifier: MIT */
/*
 * fetch_query.c - reads "url=...&select=...", and the memo of queries.
 *
 * The memo is direct-mapped: one place per hash, where the newer query replaces the older. The
 * whole bytes are compared, so a collision costs time and nothing else.
 */
#include "fetch_query.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <http/url.h>

#define MEMO_SLOTS 1024u /* a power of two */

struct memo_slot {
    char *bytes; /* the query as it came; behind it the decoded pointer */
    size_t length;
    struct fetch_query query;
};

struct fetch_query_memo {
    const struct store *store;
    struct fetch_policy *policy;
    struct memo_slot slots[MEMO_SLOTS];
};

int fetch_query_memo_new(const struct store *store, struct fetch_policy *policy,
                         struct fetch_query_memo **ret_memo)
{
    struct fetch_query_memo *memo = calloc(1, sizeof *memo);

    if (memo == NULL)
        return -ENOMEM;
    memo->store = store;
    memo->policy = fetch_policy_ref(policy);
    *ret_memo = memo;
    return 0;
}

static void slot_clear(struct memo_slot *slot)
{
    fetch_request_unref(slot->query.request);
    free(slot->bytes);
    memset(slot, 0, sizeof *slot);
}

static void clear_all(struct fetch_query_memo *memo)
{
    for (unsigned i = 0; i < MEMO_SLOTS; i++)
        slot_clear(&memo->slots[i]);
}

void fetch_query_memo_follow(struct fetch_query_memo *memo, struct fetcher *fetcher)
{
    if (fetcher_follow_policy(fetcher, &memo->policy))
        clear_all(memo);
}

void fetch_query_memo_free(struct fetch_query_memo *memo)
{
    if (memo == NULL)
        return;
    clear_all(memo);
    fetch_policy_unref(memo->policy);
    free(memo);
}

const char *fetch_query_error_text(int status)
{
    switch (status) {
    case -ENOENT:
        return "the parameter url is missing: /fetch?url=https://host/path";
    case -EEXIST:
        return "a parameter is given twice";
    case -EBADMSG:
        return "unknown parameter: an & that belongs to the URL has to be written %26";
    case -EBADR:
        return "a percent-encoding is not valid";
    case -EDOM:
        return "select has to be a JSON pointer: empty, or beginning with /";
    default:
        return fetch_url_error_text(status);
    }
}

/* Eight bytes at a time, multiplied and folded: only its speed and spread matter here. */
static unsigned hash_of(struct span query)
{
    const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = query.length;
    uint64_t word;
    size_t at = 0;

    for (; at + sizeof word <= query.length; at += sizeof word) {
        memcpy(&word, query.bytes + at, sizeof word);
        hash = (hash ^ word) * factor;
        hash ^= hash >> 29;
    }
    word = 0;
    if (at < query.length)
        memcpy(&word, query.bytes + at, query.length - at);
    hash = (hash ^ word) * factor;
    return (unsigned)(hash >> 40);
}

/* Names other than ours: most often the rest of a URL whose '&' was not encoded. */
static int check_names(struct span query)
{
    const char *at = query.bytes;
    const char *end = query.bytes + query.length;

    while (at < end) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        const char *part_end = stop != NULL ? stop : end;
        const char *equals = memchr(at, '=', (size_t)(part_end - at));
        struct span name = span_of(at, (size_t)((equals != NULL ? equals : part_end) - at));
        if (name.length > 0 && !span_equals(name, span_of_string("url")) &&
            !span_equals(name, span_of_string("select")))
            return -EBADMSG;
        at = part_end + 1;
    }
    return 0;
}

/* RFC 6901 section 3: empty, or tokens that begin with '/'; '~' only as ~0 and ~1. */
static bool is_pointer(const char *text)
{
    if (*text != '\0' && *text != '/')
        return false;
    for (; *text != '\0'; text++) {
        if (*text == '~' && text[1] != '0' && text[1] != '1')
            return false;
    }
    return true;
}

static int read_select(struct span query, char *room, size_t room_bytes, const char **ret_select)
{
    struct span value;
    size_t count;
    int err = url_query_find_one(query, "select", &value);

    if (err == -ENOENT) {
        *ret_select = NULL;
        return 0;
    }
    if (err < 0)
        return err == -EINVAL ? -EBADR : err;
    if (url_percent_decode(value, room, room_bytes - 1, &count) < 0)
        return -EBADR;
    room[count] = '\0';
    if (!is_pointer(room))
        return -EDOM;
    *ret_select = room;
    return 0;
}

static int read_url(const struct fetch_query_memo *memo, struct span query,
                    struct fetch_request **ret_request)
{
    struct span value;
    size_t count;
    char *decoded;
    struct fetch_url *url;
    int err = url_query_find_one(query, "url", &value);

    if (err < 0)
        return err == -EINVAL ? -EBADR : err;
    if (value.length == 0)
        return -ENOENT;
    decoded = malloc(value.length);
    if (decoded == NULL)
        return -ENOMEM;
    err = url_percent_decode(value, decoded, value.length, &count);
    err = err < 0 ? -EBADR
                  : fetch_url_parse(decoded, count, memo->policy->settings.url_bytes_max, &url);
    free(decoded);
    if (err < 0)
        return err;
    err = fetch_request_new(memo->policy, memo->store, url, field_view_of_lines(NULL, 0),
                            ret_request);
    fetch_url_unref(url);
    return err;
}

static int slot_fill(struct fetch_query_memo *memo, struct memo_slot *slot, struct span query)
{
    int err;

    slot->bytes = malloc(query.length * 2 + 2);
    if (slot->bytes == NULL)
        return -ENOMEM;
    if (query.length > 0)
        memcpy(slot->bytes, query.bytes, query.length);
    slot->length = query.length;
    err = check_names(query);
    if (err == 0)
        err = read_select(query, slot->bytes + query.length, query.length + 2, &slot->query.select);
    if (err == 0)
        err = read_url(memo, query, &slot->query.request);
    if (err < 0) {
        slot_clear(slot);
        return err;
    }
    return 0;
}

int fetch_query_read(struct fetch_query_memo *memo, struct span query,
                     const struct fetch_query **ret_query)
{
    struct memo_slot *slot;
    int err;

    if (query.bytes == NULL)
        query = span_of("", 0); /* no '?' at all */
    slot = &memo->slots[hash_of(query) % MEMO_SLOTS];
    if (slot->bytes == NULL || slot->length != query.length ||
        memcmp(slot->bytes, query.bytes, query.length) != 0) {
        slot_clear(slot);
        err = slot_fill(memo, slot, query);
        if (err < 0)
            return err;
    }
    *ret_query = &slot->query;
    return 0;
}
