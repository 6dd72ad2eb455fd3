/* SPDX-License-Identifier: MIT */
/*
 * filler.h - small entries for a store, numbered, as /fetch would have stored them: a key of some
 * 60 bytes, fields of some 200, the lines that the server adds, and a body of any length.
 */
#ifndef BENCH_STORE_FILLER_H
#define BENCH_STORE_FILLER_H

#include <cache/store.h>

#define FILLER_BODY_BYTES 100
#define FILLER_URL_BYTES  128

/* The URL of a number, which is the key under which /fetch looks for it. Returns its length. */
size_t filler_url(uint64_t number, char ret_url[FILLER_URL_BYTES]);

/* Fresh for a day from `now_s` on. */
struct entry *filler_entry(const struct store *store, uint64_t number, size_t body_bytes,
                           int64_t now_s);

/* What of an entry is not overhead: body, and fields and lines as they go out. */
size_t filler_payload_bytes(const struct entry *entry);

/* Marsaglia's xorshift64*: the same numbers in each run. */
uint64_t filler_random(uint64_t *state);

#endif
