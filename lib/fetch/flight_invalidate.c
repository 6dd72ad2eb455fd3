/* SPDX-License-Identifier: MIT */
/*
 * flight_invalidate.c - what an answer to an unsafe method makes obsolete (case 21): what is stored
 * for its URL, and for those of the same origin that its Location and Content-Location name.
 */
#include <stdlib.h>
#include <string.h>

#include <http/invalidation.h>

#include "fault.h"
#include "flight.h"

static struct span method_of(const struct fetch_request *request)
{
    return span_of_string(request->method != NULL ? request->method : "GET");
}

static void purge_path(const struct flight *flight, const char *path, size_t bytes)
{
    struct fetcher *fetcher = flight->lane->fetcher;
    struct flight_key key;

    if (fetch_request_key_of_path(flight->request, fetcher->store, path, bytes, &key) < 0)
        return;
    fetcher_purge(fetcher, &key.key);
    free(key.bytes);
}

static void purge_named(const struct flight *flight, const struct url_base *base,
                        const struct fields *answer)
{
    struct invalidation_walk walk;
    char path[KEY_LENGTH_MAX];
    size_t bytes;

    invalidation_init(&walk, base, answer);
    while (invalidation_next(&walk, path, sizeof path, &bytes))
        purge_path(flight, path, bytes);
}

void flight_invalidate(const struct flight *flight, const struct upstream_head *head)
{
    const struct fetch_request *request = flight->request;
    struct url_base bases[FETCH_REQUEST_BASES_MAX];
    size_t count;

    if (!invalidation_is_due(method_of(request), head->status))
        return;
    if (FAULT(change_half_done)) {
        store_remove(flight->lane->fetcher->store, &request->key);
        return;
    }
    fetcher_purge(flight->lane->fetcher, &request->key);
    count = fetch_request_bases(request, bases);
    for (size_t i = 0; i < count; i++)
        purge_named(flight, &bases[i], head->fields);
}
