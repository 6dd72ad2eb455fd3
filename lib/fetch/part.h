/* SPDX-License-Identifier: MIT */
/*
 * part.h - parts of an answer that a proxy's clients asked for by Range, and that are kept.
 *
 * A part is stored beside the whole, under a key of its own: the request's own key, NUL, 'P'. There
 * is one for each URL, the last; the whole takes its place. It answers ranges that lie in it, and
 * can be completed. A flight for a range has the key: own key, NUL, 'R', the range, NUL, If-Range;
 * so those who want the same range share it. As all keys of a URL begin with its own, a purge finds
 * both.
 */
#ifndef FETCH_PART_H
#define FETCH_PART_H

#include <cache/entry.h>
#include <fetch/request.h>

#include "lane.h"

/*
 * part_key - under which a part of the answer to requests with this own key is stored. `buffer` has
 * KEY_LENGTH_MAX bytes and holds the key's. Errors: -ENOBUFS: too long.
 */
int part_key(const struct store *store, const struct key *own, char *buffer, struct key *ret_key);

/*
 * part_flight_key_make - of a flight for the range of this request.
 * Errors    -ENOBUFS: too long, so it goes alone; -ENOMEM.
 * Owns      as flight_key_make().
 */
int part_flight_key_make(const struct store *store, const struct fetch_request *request,
                         struct flight_key *ret_key);

/* part_is_wanted - whether the origin is asked for the range of such a request, if nothing is
 * stored of what it wants and nothing is on its way. */
bool part_is_wanted(const struct fetch_request *request);

/* part_is_keepable - whether a 206 with these fields says all that is needed to keep it. */
bool part_is_keepable(const struct fields *head);

/*
 * part_find - the stored part, if it is fresh and has all of the range that the request wants.
 * Owns      the caller gets a reference.
 */
struct entry *part_find(struct fetch_lane *lane, const struct fetch_request *request,
                        int64_t now_s);

/* part_find_stored - the stored part, if it is fresh and the request is one for the whole that it
 * may be completed for. Owns: as part_find(). */
struct entry *part_find_stored(struct fetch_lane *lane, const struct fetch_request *request,
                               int64_t now_s);

/* part_forget - whatever part is stored of this URL. Returns whether there was one. */
bool part_forget(struct store *store, const struct key *own);

#endif
