/* SPDX-License-Identifier: MIT */
/*
 * test_store.c - what the store promises to one thread; see test_store_storm.c for many.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entries.h"

#define KIB (size_t)1024

static void test_impossible_configs_are_refused(void **state)
{
    static const struct store_config configs[] = {
        {.budget_bytes = STORE_BUDGET_BYTES_MIN, .shards_count = 1, .object_share_percent = 50},
        {.budget_bytes = 0, .shards_count = 1, .object_share_percent = 50},
        {.budget_bytes = 1 << 30, .shards_count = 3, .object_share_percent = 50},
        {.budget_bytes = 1 << 30, .shards_count = 2048, .object_share_percent = 50},
        {.budget_bytes = 1 << 30, .shards_count = 1, .object_share_percent = 0},
        {.budget_bytes = 1 << 30, .shards_count = 1, .object_share_percent = 101},
    };
    struct store *store = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++)
        assert_int_equal(store_new(&configs[i], &store), -EINVAL);
    assert_null(store);
    store_free(NULL);
}

static void test_what_went_in_is_found_and_counted(void **state)
{
    struct store *store = test_store(1024 * KIB, 0);
    struct key key = test_key("GET /a");
    struct entry *entry;

    (void)state;
    assert_null(store_lookup(store, &key, ENTRY_RESPONSE_S));
    assert_int_equal(test_insert(store, "GET /a", 100), 0);
    entry = store_lookup(store, &key, ENTRY_RESPONSE_S);
    assert_non_null(entry);
    assert_true(key_equals(&entry->key, &key));
    assert_int_equal(body_length(entry->body), 100);
    entry_unref(entry);
    assert_false(test_has(store, "GET /b"));

    assert_int_equal(test_counters(store).entries, 1);
    assert_int_equal(test_counters(store).hits, 1);
    assert_int_equal(test_counters(store).misses, 2);
    assert_int_equal(test_counters(store).inserts, 1);
    store_free(store);
}

static void test_stale_entry_is_returned_and_counted_as_stale(void **state)
{
    struct store *store = test_store(1024 * KIB, 1);
    struct key key = test_key("GET /a");
    struct entry *entry;

    (void)state;
    assert_int_equal(test_insert(store, "GET /a", 100), 0);
    entry = store_lookup(store, &key, ENTRY_RESPONSE_S + ENTRY_LIFETIME_S);
    assert_non_null(entry);
    assert_false(entry_is_fresh(entry, ENTRY_RESPONSE_S + ENTRY_LIFETIME_S));
    entry_unref(entry);
    assert_int_equal(test_counters(store).hits, 0);
    assert_int_equal(test_counters(store).hits_stale, 1);
    store_free(store);
}

/* Case 37: two keys of one hash. The second is forged to the hash of the first. */
static void test_equal_hash_is_not_an_equal_key(void **state)
{
    struct store *store = test_store(1024 * KIB, 1);
    struct key key = test_key("GET /a");
    struct key forged = {.hash = key.hash, .bytes = "GET /b", .length = key.length};

    (void)state;
    assert_int_equal(test_insert(store, "GET /a", 100), 0);
    assert_null(store_lookup(store, &forged, ENTRY_RESPONSE_S));
    assert_false(store_remove(store, &forged));
    assert_true(test_has(store, "GET /a"));
    store_free(store);
}

static void test_replaced_entry_lives_on_for_its_readers(void **state)
{
    struct store *store = test_store(1024 * KIB, 1);
    struct entry *first = test_entry("GET /a", 1000, '1');
    struct entry *second = test_entry("GET /a", 10, '2');
    struct key key = test_key("GET /a");
    struct entry *reader, *later;
    struct body_cursor cursor;
    struct iovec span;

    (void)state;
    assert_int_equal(store_insert(store, &first), 0);
    reader = store_lookup(store, &key, ENTRY_RESPONSE_S);
    assert_int_equal(store_insert(store, &second), 0);
    later = store_lookup(store, &key, ENTRY_RESPONSE_S);
    assert_ptr_not_equal(reader, later);
    assert_int_equal(body_length(later->body), 10);
    store_free(store);

    body_cursor_init(&cursor, reader->body);
    assert_int_equal(body_cursor_spans(&cursor, &span, 1), 1);
    assert_int_equal(span.iov_len, 1000);
    assert_int_equal(*(char *)span.iov_base, '1');
    entry_unref(reader);
    entry_unref(later);
}

/* What is stored when this is inserted, with a reference. */
static struct entry *stored_of(struct store *store, struct entry *entry)
{
    struct key key;
    char text[32];

    (void)snprintf(text, sizeof(text), "%.*s", (int)entry->key.length, entry->key.bytes);
    assert_int_equal(store_insert(store, &entry), 0);
    key = test_key(text);
    return store_lookup(store, &key, ENTRY_RESPONSE_S);
}

/* Kept references tell by themselves when the store has another entry under the key, or none. */
static void test_entry_is_current_until_it_leaves_the_store(void **state)
{
    struct store *store = test_store(1024 * KIB, 1);
    struct entry *replaced, *removed, *freed;
    struct entry *refused = test_entry("GET /c", store_object_bytes_max(store), '4');
    struct entry *given = entry_ref(refused);

    (void)state;
    replaced = stored_of(store, test_entry("GET /a", 10, '1'));
    assert_true(entry_is_current(replaced));
    removed = stored_of(store, test_entry("GET /a", 10, '2'));
    assert_false(entry_is_current(replaced));
    assert_true(entry_is_current(removed));
    assert_int_equal(store_insert(store, &given), -EFBIG);
    assert_false(entry_is_current(refused));
    freed = stored_of(store, test_entry("GET /b", 30 * KIB, '3'));
    assert_true(store_remove(store, &removed->key));
    assert_false(entry_is_current(removed));
    assert_true(entry_is_current(freed));
    store_free(store);
    assert_false(entry_is_current(freed));
    entry_unref(replaced);
    entry_unref(removed);
    entry_unref(freed);
    entry_unref(refused);
}

/* Two entries are served from kept references only. The one that is marked as used for it stays,
 * as if it had been looked up; the other one goes, and is not current any more. */
static void test_mark_without_a_lookup_spares_the_entry(void **state)
{
    struct store *store = test_store(512 * KIB, 1);
    struct entry *marked = test_entry("GET /marked", 20 * KIB, 'm'); /* not copied */
    struct entry *unmarked = test_entry("GET /unmarked", 20 * KIB, 'u');
    struct entry *stored = entry_ref(marked);

    (void)state;
    assert_int_equal(store_insert(store, &stored), 0);
    stored = entry_ref(unmarked);
    assert_int_equal(store_insert(store, &stored), 0);
    for (int i = 0; i < 1000; i++) {
        entry_mark_used(marked);
        assert_int_equal(test_insert(store, test_numbered(i), 1000), 0);
    }
    assert_true(entry_is_current(marked));
    assert_true(test_has(store, "GET /marked"));
    assert_false(entry_is_current(unmarked));
    assert_false(test_has(store, "GET /unmarked"));
    entry_unref(marked);
    entry_unref(unmarked);
    store_free(store);
}

/* A small entry is stored as a copy, which takes less; its readers and their body are undisturbed.
 */
static void test_small_entry_is_stored_in_one_block(void **state)
{
    struct store *store = test_store(1024 * KIB, 1);
    struct entry *small = test_entry("GET /small", 300, 's');
    struct entry *large = test_entry("GET /large", 100 * KIB, 'l');
    struct entry *stored = stored_of(store, entry_ref(small));
    struct body *body = body_ref(stored->body);
    struct body_cursor cursor;
    struct iovec span;

    (void)state;
    assert_ptr_not_equal(stored, small);
    assert_true(entry_memory_bytes(stored) < entry_memory_bytes(small));
    assert_true(key_equals(&stored->key, &small->key));
    assert_int_equal(stored->status, small->status);
    assert_int_equal(entry_ttl_s(stored, ENTRY_RESPONSE_S + 1),
                     entry_ttl_s(small, ENTRY_RESPONSE_S + 1));
    assert_int_equal(entry_get_head(stored)->length, entry_get_head(small)->length);
    assert_memory_equal(entry_get_head(stored)->bytes, entry_get_head(small)->bytes,
                        entry_get_head(small)->length);
    entry_unref(small);
    entry_unref(stored);
    assert_true(store_remove(store, &stored->key));
    body_cursor_init(&cursor, body); /* the last reference holds all of it */
    assert_int_equal(body_cursor_spans(&cursor, &span, 1), 1);
    assert_int_equal(span.iov_len, 300);
    assert_int_equal(*(char *)span.iov_base, 's');
    body_unref(body);

    stored = stored_of(store, entry_ref(large));
    assert_ptr_equal(stored, large);
    entry_unref(stored);
    entry_unref(large);
    store_free(store);
}

static void test_replacing_gives_the_bytes_of_the_older_back(void **state)
{
    struct store *store = test_store(1024 * KIB, 1);
    size_t bytes_of_one;

    (void)state;
    assert_int_equal(test_insert(store, "GET /a", 1000), 0);
    bytes_of_one = test_counters(store).bytes;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(test_insert(store, "GET /a", 1000), 0);
    assert_int_equal(test_counters(store).bytes, bytes_of_one);
    assert_int_equal(test_counters(store).entries, 1);
    assert_int_equal(test_counters(store).replacements, 1000);
    assert_int_equal(test_counters(store).evictions, 0);
    store_free(store);
}

/* A confirmed answer has the body of the one it replaces: that is counted once, and nothing has to
 * go for it, however full the store is. */
static void test_refreshed_entry_shares_its_body(void **state)
{
    struct store *store = test_store(256 * KIB, 1);
    struct entry *large = test_entry("GET /large", 100 * KIB, 'x');
    struct entry *stored = entry_ref(large);
    uint64_t evictions, bytes;

    (void)state;
    assert_int_equal(store_insert(store, &stored), 0);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(test_insert(store, test_numbered(i), 1000), 0);
        assert_true(test_has(store, "GET /large"));
    }
    evictions = test_counters(store).evictions;
    bytes = test_counters(store).bytes;
    assert_true(evictions > 0 && bytes > 250 * KIB);
    for (int i = 0; i < 10; i++) {
        stored = test_refreshed(large);
        assert_int_equal(store_insert(store, &stored), 0);
    }
    assert_true(test_has(store, "GET /large"));
    assert_int_equal(test_counters(store).replacements, 10);
    assert_in_range(test_counters(store).evictions, evictions, evictions + 1);
    assert_true(test_counters(store).bytes <= bytes);
    entry_unref(large);
    store_free(store);
}

/* The one whose body it has is there no more: then it is counted as any other. */
static void test_refreshed_entry_may_be_all_that_is_left(void **state)
{
    struct store *store = test_store(256 * KIB, 1);
    struct entry *large = test_entry("GET /large", 100 * KIB, 'x');
    struct entry *stored = test_refreshed(large);
    size_t empty_bytes = test_counters(store).bytes;

    (void)state;
    assert_int_equal(store_insert(store, &stored), 0);
    assert_true(test_counters(store).bytes > empty_bytes + 100 * KIB);
    assert_true(store_remove(store, &large->key));
    assert_int_equal(test_counters(store).bytes, empty_bytes);
    entry_unref(large);
    store_free(store);
}

static void test_removed_key_is_gone_and_its_bytes_are_back(void **state)
{
    struct store *store = test_store(1024 * KIB, 4);
    size_t empty_bytes = test_counters(store).bytes;
    struct key key = test_key("GET /a");

    (void)state;
    assert_int_equal(empty_bytes, 4 * STORE_SHARD_BYTES_MIN);
    assert_int_equal(test_insert(store, "GET /a", 1000), 0);
    assert_true(test_counters(store).bytes > empty_bytes + 1000);
    assert_true(store_remove(store, &key));
    assert_false(store_remove(store, &key));
    assert_false(test_has(store, "GET /a"));
    assert_int_equal(test_counters(store).bytes, empty_bytes);
    assert_int_equal(test_counters(store).entries, 0);
    assert_int_equal(test_counters(store).removals, 1);
    store_free(store);
}

/* A long body is freed by and by, and charged until it is; a reader of it notices nothing. */
static void test_long_body_is_freed_in_pieces(void **state)
{
    struct store *store = test_store(16 * 1024 * KIB, 1);
    struct key key = test_key("GET /long");
    size_t before_bytes = test_counters(store).bytes, bytes;
    struct entry *read;

    (void)state;
    assert_int_equal(test_insert(store, "GET /long", 4 * 1024 * KIB), 0);
    assert_true(store_remove(store, &key));
    bytes = test_counters(store).bytes;
    assert_true(bytes > before_bytes + 4 * 1024 * KIB);
    for (int i = 0; i < 40 && test_counters(store).bytes > before_bytes + 64 * KIB; i++) {
        assert_int_equal(test_insert(store, test_numbered(i), 10), 0);
        assert_true(test_counters(store).bytes + 300 * KIB > bytes);
        bytes = test_counters(store).bytes;
    }
    assert_true(bytes < before_bytes + 64 * KIB);

    assert_int_equal(test_insert(store, "GET /long", 4 * 1024 * KIB), 0);
    read = store_lookup(store, &key, ENTRY_RESPONSE_S);
    assert_true(store_remove(store, &key));
    assert_true(test_counters(store).bytes < before_bytes + 64 * KIB); /* the reader's, not ours */
    assert_int_equal(body_length(read->body), 4 * 1024 * KIB);
    entry_unref(read);
    assert_int_equal(test_insert(store, "GET /long", 4 * 1024 * KIB), 0);
    assert_true(store_remove(store, &key));
    store_free(store); /* with what is left of it */
}

/* What is kept for an entry on its way is taken from the others little by little. */
static void test_room_is_made_as_the_body_arrives(void **state)
{
    struct store *store = test_store(1024 * KIB, 2);
    struct store_room room = {0}, other = {0};
    struct entry *entry = test_entry("GET /long", 400 * KIB, 'x');
    uint64_t evictions;

    (void)state;
    for (int i = 0; i < 2000; i++)
        assert_int_equal(test_insert(store, test_numbered(i), 1000), 0);
    for (size_t bytes = 0; bytes <= 400 * KIB; bytes += 16 * KIB) {
        evictions = test_counters(store).evictions;
        assert_int_equal(store_reserve(store, &room, bytes), 0);
        assert_in_range(test_counters(store).evictions, evictions, evictions + 16);
        assert_true(test_counters(store).bytes <= 1024 * KIB);
    }
    assert_int_equal(store_reserve(store, &room, 100), 0); /* there is more already */
    evictions = test_counters(store).evictions;
    assert_int_equal(store_insert_reserved(store, &entry, &room), 0);
    assert_in_range(test_counters(store).evictions, evictions, evictions + 8);
    assert_int_equal(room.bytes, 0);
    assert_true(test_has(store, "GET /long"));

    assert_int_equal(store_reserve(store, &room, 300 * KIB), 0);
    assert_int_equal(store_reserve(store, &other, 1024 * KIB), -ENOSPC);
    assert_true(test_counters(store).bytes <= 1024 * KIB);
    store_release(store, &room);
    store_release(store, &other);
    assert_true(test_counters(store).bytes <= 724 * KIB);
    entry = test_entry("GET /refused", 600 * KIB, 'x');
    assert_int_equal(store_reserve(store, &room, 600 * KIB), 0);
    assert_int_equal(store_insert_reserved(store, &entry, &room), -EFBIG);
    assert_int_equal(room.bytes, 0);
    assert_true(test_counters(store).bytes < 424 * KIB);
    store_free(store);
}

/* Many more entries than fit, of sizes all over the scale: after every insert the budget holds. */
static void test_budget_holds_after_every_insert(void **state)
{
    const size_t budget_bytes = 512 * KIB;
    struct store *store = test_store(budget_bytes, 8);

    (void)state;
    srandom(1);
    for (int i = 0; i < 20000; i++) {
        size_t body_bytes = (size_t)random() % 100 == 0 ? 60 * KIB : (size_t)random() % 2000;

        assert_int_equal(test_insert(store, test_numbered(i), body_bytes), 0);
        assert_true(test_counters(store).bytes <= budget_bytes);
    }
    assert_true(test_counters(store).evictions > 10000);
    assert_int_equal(test_counters(store).entries,
                     test_counters(store).inserts - test_counters(store).evictions);
    /* And it is used: at most one of the largest objects would still fit. */
    assert_true(test_counters(store).bytes > budget_bytes - 2 * 64 * KIB);
    store_free(store);
}

static void test_too_large_object_is_refused_and_evicts_nothing(void **state)
{
    struct store *store = test_store(1024 * KIB, 1);

    (void)state;
    assert_int_equal(test_insert(store, "GET /a", 100), 0);
    assert_int_equal(test_insert(store, "GET /large", store_object_bytes_max(store)), -EFBIG);
    assert_int_equal(test_insert(store, "GET /a", store_object_bytes_max(store)), -EFBIG);
    assert_true(test_has(store, "GET /a"));
    assert_int_equal(test_counters(store).refusals, 2);
    assert_int_equal(test_counters(store).evictions, 0);
    assert_int_equal(test_insert(store, "GET /large", store_object_bytes_max(store) - 2 * KIB), 0);
    assert_true(test_has(store, "GET /a"));
    store_free(store);
}

/* Ten entries are asked for again and again while hundreds pass through once. The ten stay. */
static void test_used_entries_outlive_a_flood_of_others(void **state)
{
    struct store *store = test_store(128 * KIB, 1);

    (void)state;
    for (int i = 0; i < 10; i++)
        assert_int_equal(test_insert(store, test_numbered(i), 1000), 0);
    for (int i = 100; i < 2000; i++) {
        assert_int_equal(test_insert(store, test_numbered(i), 1000), 0);
        for (int hot = 0; hot < 10; hot++)
            assert_true(test_has(store, test_numbered(hot)));
    }
    assert_true(test_counters(store).evictions > 1500);
    store_free(store);
}

/*
 * The order of SIEVE. Entries 0 to n fill the store; 0 and 2 are used. The hand starts at the
 * oldest: it spares 0 and takes 1, spares 2 and takes 3. It never goes back for 0 and 2 before it
 * went round.
 */
static void test_hand_spares_what_was_used_and_goes_on_from_there(void **state)
{
    struct store *store = test_store(128 * KIB, 1);
    int filled = 0;

    (void)state;
    while (test_counters(store).evictions == 0)
        assert_int_equal(test_insert(store, test_numbered(filled++), 4 * KIB), 0);
    store_free(store);

    store = test_store(128 * KIB, 1);
    for (int i = 0; i < filled - 1; i++)
        assert_int_equal(test_insert(store, test_numbered(i), 4 * KIB), 0);
    assert_int_equal(test_counters(store).evictions, 0);
    assert_true(test_has(store, test_numbered(0)));
    assert_true(test_has(store, test_numbered(2)));
    for (int i = 0; i < 2; i++)
        assert_int_equal(test_insert(store, test_numbered(1000 + i), 4 * KIB), 0);
    assert_int_equal(test_counters(store).evictions, 2);
    assert_true(test_has(store, test_numbered(0)));
    assert_false(test_has(store, test_numbered(1)));
    assert_true(test_has(store, test_numbered(2)));
    assert_false(test_has(store, test_numbered(3)));
    assert_true(test_has(store, test_numbered(4)));
    store_free(store);
}

/* With every entry marked as used there is still a victim, within one insert. */
static void test_store_full_of_used_entries_still_takes_new_ones(void **state)
{
    struct store *store = test_store(2048 * KIB, 2);
    int filled = 0;

    (void)state;
    while (test_counters(store).evictions == 0)
        assert_int_equal(test_insert(store, test_numbered(filled++), 0), 0);
    assert_true(filled > 3000);
    for (int i = 0; i < filled; i++)
        (void)test_has(store, test_numbered(i));
    for (int i = 0; i < 100; i++) {
        assert_int_equal(test_insert(store, test_numbered(100000 + i), 0), 0);
        assert_true(test_has(store, test_numbered(100000 + i)));
    }
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_impossible_configs_are_refused),
        cmocka_unit_test(test_what_went_in_is_found_and_counted),
        cmocka_unit_test(test_stale_entry_is_returned_and_counted_as_stale),
        cmocka_unit_test(test_equal_hash_is_not_an_equal_key),
        cmocka_unit_test(test_replaced_entry_lives_on_for_its_readers),
        cmocka_unit_test(test_entry_is_current_until_it_leaves_the_store),
        cmocka_unit_test(test_mark_without_a_lookup_spares_the_entry),
        cmocka_unit_test(test_small_entry_is_stored_in_one_block),
        cmocka_unit_test(test_replacing_gives_the_bytes_of_the_older_back),
        cmocka_unit_test(test_refreshed_entry_shares_its_body),
        cmocka_unit_test(test_refreshed_entry_may_be_all_that_is_left),
        cmocka_unit_test(test_removed_key_is_gone_and_its_bytes_are_back),
        cmocka_unit_test(test_long_body_is_freed_in_pieces),
        cmocka_unit_test(test_room_is_made_as_the_body_arrives),
        cmocka_unit_test(test_budget_holds_after_every_insert),
        cmocka_unit_test(test_too_large_object_is_refused_and_evicts_nothing),
        cmocka_unit_test(test_used_entries_outlive_a_flood_of_others),
        cmocka_unit_test(test_hand_spares_what_was_used_and_goes_on_from_there),
        cmocka_unit_test(test_store_full_of_used_entries_still_takes_new_ones),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
