/* SPDX-License-Identifier: MIT */
/*
 * entries.h - entries for a test, made in one line.
 */
#ifndef TEST_ENTRIES_H
#define TEST_ENTRIES_H

#include "cmocka_all.h"
#include <cache/entry.h>
#include <cache/store.h>

#define ENTRY_RESPONSE_S INT64_C(1000) /* when all of them arrived */
#define ENTRY_LIFETIME_S INT64_C(60)

/* One fixed secret, so that every run has the same hashes. */
extern const struct key_secret test_secret;

/* A key that points to `text`. */
struct key test_key(const char *text);

/* Fresh for ENTRY_LIFETIME_S, with a finished body of `body_bytes` times `fill`. One reference. */
struct entry *test_entry(const char *key_text, size_t body_bytes, char fill);

/* Another entry of the same key, with the same body. One reference. */
struct entry *test_refreshed(const struct entry *entry);

/* Put such an entry into the store; what store_insert() says. */
int test_insert(struct store *store, const char *key_text, size_t body_bytes);

/* Whether the store has the key. A lookup, so it marks the entry as used. */
bool test_has(struct store *store, const char *key_text);

/* A store in which an object may take half of the budget. */
struct store *test_store(size_t budget_bytes, unsigned shards_count);

struct store_counters test_counters(const struct store *store);

/* The text of a key; until the next call. */
const char *test_numbered(int number);

#endif
