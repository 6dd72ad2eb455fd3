/* SPDX-License-Identifier: MIT */
/*
 * variant.h - the keys that are made of a request: where its answer is stored, and with whom it
 * shares a flight.
 *
 * A request's own key names its URL. Where the answers vary, the store has an index under that key
 * (entry.h), and an answer is stored under
 *
 *      own key, NUL, 'V', generation of the index, what the request says under its names
 *
 * A flight has that key too, and behind it, if the request carries credentials,
 *
 *      NUL, 'C', their lines
 *
 * so that requests with different credentials never share a flight (COALESCING cases 15 to 17). A
 * URL has no NUL in it, so no key of one kind is one of another.
 */
#ifndef FETCH_VARIANT_H
#define FETCH_VARIANT_H

#include <cache/entry.h>
#include <cache/store.h>
#include <fetch/request.h>
#include <http/field_view.h>

/*
 * variant_key - under which the answer to such a request is stored. `buffer` has KEY_LENGTH_MAX
 * bytes and holds the key's; with `index` NULL the key is `own` itself.
 * Errors    -ENOBUFS: too long.
 */
int variant_key(const struct store *store, const struct key *own, const struct entry_index *index,
                struct field_view fields, char *buffer, struct key *ret_key);

/*
 * flight_key_make - with whom the request shares a flight.
 * Errors    -ENOMEM; -ENOBUFS: too long, so it goes alone.
 * Owns      the caller ends it with flight_key_fini(), before it gives the request up.
 */
int flight_key_make(const struct store *store, const struct fetch_request *request,
                    const struct entry_index *index, struct flight_key *ret_key);

/* flight_key_fini - frees the bytes; no-op on a zeroed one. */
void flight_key_fini(struct flight_key *key);

/* flight_key_copy - the same, with bytes of its own where they are not the request's. */
int flight_key_copy(const struct flight_key *key, struct flight_key *ret_copy);

#endif
