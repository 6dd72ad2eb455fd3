/* SPDX-License-Identifier: MIT */
/*
 * test_purge.c - what is purged is not found, or is stale; and a walk misses nothing that was
 * there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entries.h"

#define NOTES_MAX 16384 /* of each of the store's two tables */

static struct store *new_store(void)
{
    const struct store_config config = {
        .budget_bytes = (size_t)64 << 20,
        .shards_count = 2,
        .object_share_percent = 50,
        .secret = test_secret,
    };
    struct store *store;

    assert_int_equal(store_new(&config, &store), 0);
    return store;
}

static uint64_t tag(const struct store *store, const char *name)
{
    return store_tag(store, name, strlen(name));
}

/* Into the store, asked for after so many purges. */
static void insert_tagged(struct store *store, const char *key_text, uint64_t purges,
                          const uint64_t *tags, size_t tag_count)
{
    struct entry *plain = test_entry(key_text, 10, 'x');
    struct fields fields = entry_fields(plain);
    struct freshness freshness;
    struct entry_draft draft = {
        .key = &plain->key,
        .fields = &fields,
        .body = plain->body,
        .freshness = &freshness,
        .request_s = ENTRY_RESPONSE_S,
        .response_s = ENTRY_RESPONSE_S,
        .lifetime.default_s = ENTRY_LIFETIME_S,
        .tags = tags,
        .tag_count = tag_count,
    };
    struct entry *entry;

    freshness_read(&fields, 200, ENTRY_RESPONSE_S, &freshness);
    assert_int_equal(entry_new(&draft, &entry), 0);
    assert_true(entry_memory_bytes(entry) >= entry_memory_bytes(plain) + sizeof(struct entry_tags) +
                                                 tag_count * sizeof(*tags) - 16);
    entry_set_purges_before(entry, purges);
    assert_int_equal(store_insert(store, &entry), 0);
    entry_unref(plain);
}

static bool is_fresh(struct store *store, const char *key_text, int64_t now_s)
{
    struct key key = test_key(key_text);
    struct entry *entry = store_lookup(store, &key, now_s);
    bool result = entry != NULL && entry_is_fresh(entry, now_s);

    entry_unref(entry);
    return result;
}

static void test_a_tag_takes_all_that_have_it(void **state)
{
    struct store *store = new_store();
    struct store_counters counters;
    uint64_t a = tag(store, "a"), b = tag(store, "b"), both[] = {a, b};

    (void)state;
    insert_tagged(store, "GET /a", 0, &a, 1);
    insert_tagged(store, "GET /b", 0, &b, 1);
    insert_tagged(store, "GET /ab", 0, both, 2);
    assert_int_equal(test_insert(store, "GET /none", 10), 0);
    store_purge_tag(store, b, false, ENTRY_RESPONSE_S);
    for (unsigned i = 0; i < 2; i++) { /* what was found to be current is so the second time */
        assert_true(test_has(store, "GET /a"));
        assert_false(test_has(store, "GET /b"));
        assert_false(test_has(store, "GET /ab"));
        assert_true(test_has(store, "GET /none"));
    }
    store_read_counters(store, &counters);
    assert_int_equal(counters.entries, 2); /* those that were met are gone */
    store_free(store);
}

/* What was on its way during the purge comes into the store as purged already. */
static void test_a_purge_concerns_what_was_asked_for_before(void **state)
{
    struct store *store = new_store();
    uint64_t a = tag(store, "a");

    (void)state;
    store_purge_tag(store, a, false, ENTRY_RESPONSE_S);
    assert_int_equal(store_purges(store), 1);
    insert_tagged(store, "GET /old", 0, &a, 1);
    insert_tagged(store, "GET /new", 1, &a, 1);
    assert_false(test_has(store, "GET /old"));
    assert_true(test_has(store, "GET /new"));
    store_free(store);
}

static void test_a_soft_purge_makes_stale(void **state)
{
    struct store *store = new_store();
    uint64_t a = tag(store, "a");
    int64_t now_s = ENTRY_RESPONSE_S + 10;
    struct key key = test_key("GET /a");
    struct entry *entry;

    (void)state;
    insert_tagged(store, "GET /a", 0, &a, 1);
    assert_true(is_fresh(store, "GET /a", now_s));
    store_purge_tag(store, a, true, now_s);
    assert_false(is_fresh(store, "GET /a", now_s));
    entry = store_lookup(store, &key, now_s + 5);
    assert_non_null(entry);
    assert_int_equal(entry_ttl_s(entry, now_s + 5), -5); /* since the purge, and not longer */
    entry_unref(entry);
    insert_tagged(store, "GET /a", 1, &a, 1); /* as it was refreshed */
    assert_true(is_fresh(store, "GET /a", now_s));
    store_purge_tag(store, a, false, now_s);
    assert_false(test_has(store, "GET /a"));
    store_free(store);
}

/* Purges of more tags than are remembered: nothing old comes back. */
static void test_forgotten_purges_take_too_much_rather_than_too_little(void **state)
{
    struct store *store = new_store();
    uint64_t a = tag(store, "a"), other = tag(store, "other");
    char name[32];

    (void)state;
    insert_tagged(store, "GET /a", 0, &a, 1);
    insert_tagged(store, "GET /other", 0, &other, 1);
    assert_int_equal(test_insert(store, "GET /none", 10), 0);
    store_purge_tag(store, a, false, 0);
    for (int i = 0; i < 2 * NOTES_MAX - 1; i++) {
        snprintf(name, sizeof name, "tag %d", i);
        store_purge_tag(store, tag(store, name), false, 0);
    }
    assert_true(test_has(store, "GET /other"));
    store_purge_tag(store, tag(store, "one more"), false, 0);
    assert_false(test_has(store, "GET /a"));
    assert_false(test_has(store, "GET /other"));
    assert_true(test_has(store, "GET /none"));
    insert_tagged(store, "GET /other", store_purges(store), &other, 1);
    assert_true(test_has(store, "GET /other"));
    store_free(store);
}

#define KEYS 3000

/* Between its steps entries come, go, and make the tables grow: it meets all that stay. */
static void test_a_walk_misses_nothing(void **state)
{
    struct store *store = new_store();
    struct entry *entries[STORE_WALK_ENTRIES];
    struct store_walk walk = {0};
    static bool met[KEYS];
    unsigned random = 1, steps = 0;
    size_t count;
    char text[32];
    bool goes_on;

    (void)state;
    for (int i = 0; i < KEYS; i++) {
        snprintf(text, sizeof text, "GET /%d", i);
        assert_int_equal(test_insert(store, text, 1), 0);
    }
    do {
        goes_on = store_walk(store, &walk, entries, &count);
        for (size_t i = 0; i < count; i++) {
            int number;
            snprintf(text, sizeof text, "%.*s", (int)entries[i]->key.length, entries[i]->key.bytes);
            number = (int)strtol(text + strlen("GET /"), NULL, 10);
            if (number < KEYS)
                met[number] = true;
            entry_unref(entries[i]);
        }
        for (int i = 0; i < 2000; i++) { /* odd ones go and come, new ones come */
            struct key key;
            random = random * 1103515245 + 12345;
            snprintf(text, sizeof text, "GET /%u", (random >> 8) % KEYS | 1);
            key = test_key(text);
            if (!store_remove(store, &key))
                assert_int_equal(test_insert(store, text, 1), 0);
            snprintf(text, sizeof text, "GET /%u", KEYS + random % 5000);
            if (i % 100 == 0)
                assert_int_equal(test_insert(store, text, 1), 0);
        }
    } while (goes_on && ++steps < 10000);
    assert_false(goes_on);
    for (int i = 0; i < KEYS; i += 2)
        assert_true(met[i]);
    assert_false(store_walk(store, &walk, entries, &count));
    assert_int_equal(count, 0);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tag_takes_all_that_have_it),
        cmocka_unit_test(test_a_purge_concerns_what_was_asked_for_before),
        cmocka_unit_test(test_a_soft_purge_makes_stale),
        cmocka_unit_test(test_forgotten_purges_take_too_much_rather_than_too_little),
        cmocka_unit_test(test_a_walk_misses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
