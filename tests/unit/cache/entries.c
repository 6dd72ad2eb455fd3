/* SPDX-License-Identifier: MIT */
/*
 * entries.c - entries for a test, made in one line.
 */
#include "entries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct key_secret test_secret = {.bytes = "sixteen bytes.."};

struct key test_key(const char *text)
{
    struct key key;

    key_init(&key, &test_secret, text, strlen(text));
    return key;
}

static struct entry *entry_of_body(const struct key *key, struct body *body)
{
    struct freshness freshness;
    struct entry_draft draft;
    struct fields fields;
    struct entry *entry;

    fields_init(&fields);
    assert_int_equal(
        fields_append(&fields, span_of_string("Content-Type"), span_of_string("text/plain")), 0);
    freshness_read(&fields, 200, ENTRY_RESPONSE_S, &freshness);
    draft = (struct entry_draft){
        .key = key,
        .fields = &fields,
        .body = body,
        .freshness = &freshness,
        .request_s = ENTRY_RESPONSE_S,
        .response_s = ENTRY_RESPONSE_S,
        .lifetime.default_s = ENTRY_LIFETIME_S,
    };
    assert_int_equal(entry_new(&draft, &entry), 0);
    fields_fini(&fields);
    return entry;
}

struct entry *test_entry(const char *key_text, size_t body_bytes, char fill)
{
    struct key key = test_key(key_text);
    struct entry *entry;
    struct body *body;
    char *bytes = malloc(body_bytes + 1);

    assert_non_null(bytes);
    memset(bytes, fill, body_bytes);
    assert_int_equal(body_new((int64_t)body_bytes, &body), 0);
    assert_int_equal(body_append(body, bytes, body_bytes), 0);
    body_finish(body, 0);
    free(bytes);
    entry = entry_of_body(&key, body);
    body_unref(body);
    return entry;
}

struct entry *test_refreshed(const struct entry *entry)
{
    return entry_of_body(&entry->key, entry->body);
}

int test_insert(struct store *store, const char *key_text, size_t body_bytes)
{
    struct entry *entry = test_entry(key_text, body_bytes, 'x');
    int err = store_insert(store, &entry);

    assert_null(entry);
    return err;
}

bool test_has(struct store *store, const char *key_text)
{
    struct key key = test_key(key_text);
    struct entry *entry = store_lookup(store, &key, ENTRY_RESPONSE_S);

    entry_unref(entry);
    return entry != NULL;
}

struct store *test_store(size_t budget_bytes, unsigned shards_count)
{
    struct store_config config = {
        .budget_bytes = budget_bytes,
        .shards_count = shards_count,
        .object_share_percent = 50,
        .secret = test_secret,
    };
    struct store *store;

    assert_int_equal(store_new(&config, &store), 0);
    return store;
}

struct store_counters test_counters(const struct store *store)
{
    struct store_counters counters;

    store_read_counters(store, &counters);
    return counters;
}

const char *test_numbered(int number)
{
    static char text[32];

    (void)snprintf(text, sizeof(text), "GET /%d", number);
    return text;
}
