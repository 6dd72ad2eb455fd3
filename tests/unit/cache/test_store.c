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

static bool refuse_malloc;

void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);

/* What a store allocates after it was made: more room for buckets. */
void *__wrap_malloc(size_t bytes)
{
    return refuse_malloc ? NULL : __real_malloc(bytes);
}

static struct store *new_store(size_t budget_bytes, unsigned shards_count)
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

static struct store_counters counters_of(const struct store *store)
{
    struct store_counters counters;

    store_read_counters(store, &counters);
    return counters;
}

static const char *numbered(int number)
{
    static char text[32];

    (void)snprintf(text, sizeof(text), "GET /%d", number);
    return text;
}

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
    struct store *store = new_store(1024 * KIB, 0);
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

    assert_int_equal(counters_of(store).entries, 1);
    assert_int_equal(counters_of(store).hits, 1);
    assert_int_equal(counters_of(store).misses, 2);
    assert_int_equal(counters_of(store).inserts, 1);
    store_free(store);
}

static void test_stale_entry_is_returned_and_counted_as_stale(void **state)
{
    struct store *store = new_store(1024 * KIB, 1);
    struct key key = test_key("GET /a");
    struct entry *entry;

    (void)state;
    assert_int_equal(test_insert(store, "GET /a", 100), 0);
    entry = store_lookup(store, &key, ENTRY_RESPONSE_S + ENTRY_LIFETIME_S);
    assert_non_null(entry);
    assert_false(entry_is_fresh(entry, ENTRY_RESPONSE_S + ENTRY_LIFETIME_S));
    entry_unref(entry);
    assert_int_equal(counters_of(store).hits, 0);
    assert_int_equal(counters_of(store).hits_stale, 1);
    store_free(store);
}

/* Case 37: two keys of one hash. The second is forged to the hash of the first. */
static void test_equal_hash_is_not_an_equal_key(void **state)
{
    struct store *store = new_store(1024 * KIB, 1);
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
    struct store *store = new_store(1024 * KIB, 1);
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

/* Kept references tell by themselves when the store has another entry under the key, or none. */
static void test_entry_is_current_until_it_leaves_the_store(void **state)
{
    struct store *store = new_store(1024 * KIB, 1);
    struct entry *replaced = test_entry("GET /a", 10, '1');
    struct entry *removed = test_entry("GET /a", 10, '2');
    struct entry *freed = test_entry("GET /b", 10, '3');
    struct entry *refused = test_entry("GET /c", store_object_bytes_max(store), '4');
    struct entry *stored = entry_ref(replaced);

    (void)state;
    assert_false(entry_is_current(replaced));
    assert_int_equal(store_insert(store, &stored), 0);
    assert_true(entry_is_current(replaced));
    stored = entry_ref(removed);
    assert_int_equal(store_insert(store, &stored), 0);
    assert_false(entry_is_current(replaced));
    assert_true(entry_is_current(removed));
    stored = entry_ref(refused);
    assert_int_equal(store_insert(store, &stored), -EFBIG);
    assert_false(entry_is_current(refused));
    stored = entry_ref(freed);
    assert_int_equal(store_insert(store, &stored), 0);
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
    struct store *store = new_store(128 * KIB, 1);
    struct entry *marked = test_entry("GET /marked", 1000, 'm');
    struct entry *unmarked = test_entry("GET /unmarked", 1000, 'u');
    struct entry *stored = entry_ref(marked);

    (void)state;
    assert_int_equal(store_insert(store, &stored), 0);
    stored = entry_ref(unmarked);
    assert_int_equal(store_insert(store, &stored), 0);
    for (int i = 0; i < 1000; i++) {
        entry_mark_used(marked);
        assert_int_equal(test_insert(store, numbered(i), 1000), 0);
    }
    assert_true(entry_is_current(marked));
    assert_true(test_has(store, "GET /marked"));
    assert_false(entry_is_current(unmarked));
    assert_false(test_has(store, "GET /unmarked"));
    entry_unref(marked);
    entry_unref(unmarked);
    store_free(store);
}

static void test_replacing_gives_the_bytes_of_the_older_back(void **state)
{
    struct store *store = new_store(1024 * KIB, 1);
    size_t bytes_of_one;

    (void)state;
    assert_int_equal(test_insert(store, "GET /a", 1000), 0);
    bytes_of_one = counters_of(store).bytes;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(test_insert(store, "GET /a", 1000), 0);
    assert_int_equal(counters_of(store).bytes, bytes_of_one);
    assert_int_equal(counters_of(store).entries, 1);
    assert_int_equal(counters_of(store).replacements, 1000);
    assert_int_equal(counters_of(store).evictions, 0);
    store_free(store);
}

/* A confirmed answer has the body of the one it replaces: that is counted once, and nothing has to
 * go for it, however full the store is. */
static void test_refreshed_entry_shares_its_body(void **state)
{
    struct store *store = new_store(256 * KIB, 1);
    struct entry *large = test_entry("GET /large", 100 * KIB, 'x');
    struct entry *stored = entry_ref(large);
    uint64_t evictions, bytes;

    (void)state;
    assert_int_equal(store_insert(store, &stored), 0);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(test_insert(store, numbered(i), 1000), 0);
        assert_true(test_has(store, "GET /large"));
    }
    evictions = counters_of(store).evictions;
    bytes = counters_of(store).bytes;
    assert_true(evictions > 0 && bytes > 250 * KIB);
    for (int i = 0; i < 10; i++) {
        stored = test_refreshed(large);
        assert_int_equal(store_insert(store, &stored), 0);
    }
    assert_true(test_has(store, "GET /large"));
    assert_int_equal(counters_of(store).replacements, 10);
    assert_in_range(counters_of(store).evictions, evictions, evictions + 1);
    assert_true(counters_of(store).bytes <= bytes);
    entry_unref(large);
    store_free(store);
}

/* The one whose body it has is there no more: then it is counted as any other. */
static void test_refreshed_entry_may_be_all_that_is_left(void **state)
{
    struct store *store = new_store(256 * KIB, 1);
    struct entry *large = test_entry("GET /large", 100 * KIB, 'x');
    struct entry *stored = test_refreshed(large);
    size_t empty_bytes = counters_of(store).bytes;

    (void)state;
    assert_int_equal(store_insert(store, &stored), 0);
    assert_true(counters_of(store).bytes > empty_bytes + 100 * KIB);
    assert_true(store_remove(store, &large->key));
    assert_int_equal(counters_of(store).bytes, empty_bytes);
    entry_unref(large);
    store_free(store);
}

static void test_removed_key_is_gone_and_its_bytes_are_back(void **state)
{
    struct store *store = new_store(1024 * KIB, 4);
    size_t empty_bytes = counters_of(store).bytes;
    struct key key = test_key("GET /a");

    (void)state;
    assert_int_equal(empty_bytes, 4 * STORE_SHARD_BYTES_MIN);
    assert_int_equal(test_insert(store, "GET /a", 1000), 0);
    assert_true(counters_of(store).bytes > empty_bytes + 1000);
    assert_true(store_remove(store, &key));
    assert_false(store_remove(store, &key));
    assert_false(test_has(store, "GET /a"));
    assert_int_equal(counters_of(store).bytes, empty_bytes);
    assert_int_equal(counters_of(store).entries, 0);
    assert_int_equal(counters_of(store).removals, 1);
    store_free(store);
}

/* A long body is freed by and by, and charged until it is; a reader of it notices nothing. */
static void test_long_body_is_freed_in_pieces(void **state)
{
    struct store *store = new_store(16 * 1024 * KIB, 1);
    struct key key = test_key("GET /long");
    size_t before_bytes = counters_of(store).bytes, bytes;
    struct entry *read;

    (void)state;
    assert_int_equal(test_insert(store, "GET /long", 4 * 1024 * KIB), 0);
    assert_true(store_remove(store, &key));
    bytes = counters_of(store).bytes;
    assert_true(bytes > before_bytes + 4 * 1024 * KIB);
    for (int i = 0; i < 40 && counters_of(store).bytes > before_bytes + 64 * KIB; i++) {
        assert_int_equal(test_insert(store, numbered(i), 10), 0);
        assert_true(counters_of(store).bytes + 300 * KIB > bytes);
        bytes = counters_of(store).bytes;
    }
    assert_true(bytes < before_bytes + 64 * KIB);

    assert_int_equal(test_insert(store, "GET /long", 4 * 1024 * KIB), 0);
    read = store_lookup(store, &key, ENTRY_RESPONSE_S);
    assert_true(store_remove(store, &key));
    assert_true(counters_of(store).bytes < before_bytes + 64 * KIB); /* the reader's, not ours */
    assert_int_equal(body_length(read->body), 4 * 1024 * KIB);
    entry_unref(read);
    assert_int_equal(test_insert(store, "GET /long", 4 * 1024 * KIB), 0);
    assert_true(store_remove(store, &key));
    store_free(store); /* with what is left of it */
}

/* What is kept for an entry on its way is taken from the others little by little. */
static void test_room_is_made_as_the_body_arrives(void **state)
{
    struct store *store = new_store(1024 * KIB, 2);
    struct store_room room = {0}, other = {0};
    struct entry *entry = test_entry("GET /long", 400 * KIB, 'x');
    uint64_t evictions;

    (void)state;
    for (int i = 0; i < 2000; i++)
        assert_int_equal(test_insert(store, numbered(i), 1000), 0);
    for (size_t bytes = 0; bytes <= 400 * KIB; bytes += 16 * KIB) {
        evictions = counters_of(store).evictions;
        assert_int_equal(store_reserve(store, &room, bytes), 0);
        assert_in_range(counters_of(store).evictions, evictions, evictions + 16);
        assert_true(counters_of(store).bytes <= 1024 * KIB);
    }
    assert_int_equal(store_reserve(store, &room, 100), 0); /* there is more already */
    evictions = counters_of(store).evictions;
    assert_int_equal(store_insert_reserved(store, &entry, &room), 0);
    assert_in_range(counters_of(store).evictions, evictions, evictions + 8);
    assert_int_equal(room.bytes, 0);
    assert_true(test_has(store, "GET /long"));

    assert_int_equal(store_reserve(store, &room, 300 * KIB), 0);
    assert_int_equal(store_reserve(store, &other, 1024 * KIB), -ENOSPC);
    assert_true(counters_of(store).bytes <= 1024 * KIB);
    store_release(store, &room);
    store_release(store, &other);
    assert_true(counters_of(store).bytes <= 724 * KIB);
    entry = test_entry("GET /refused", 600 * KIB, 'x');
    assert_int_equal(store_reserve(store, &room, 600 * KIB), 0);
    assert_int_equal(store_insert_reserved(store, &entry, &room), -EFBIG);
    assert_int_equal(room.bytes, 0);
    assert_true(counters_of(store).bytes < 424 * KIB);
    store_free(store);
}

/* Many more entries than fit, of sizes all over the scale: after every insert the budget holds. */
static void test_budget_holds_after_every_insert(void **state)
{
    const size_t budget_bytes = 512 * KIB;
    struct store *store = new_store(budget_bytes, 8);

    (void)state;
    srandom(1);
    for (int i = 0; i < 20000; i++) {
        size_t body_bytes = (size_t)random() % 100 == 0 ? 60 * KIB : (size_t)random() % 2000;

        assert_int_equal(test_insert(store, numbered(i), body_bytes), 0);
        assert_true(counters_of(store).bytes <= budget_bytes);
    }
    assert_true(counters_of(store).evictions > 10000);
    assert_int_equal(counters_of(store).entries,
                     counters_of(store).inserts - counters_of(store).evictions);
    /* And it is used: at most one of the largest objects would still fit. */
    assert_true(counters_of(store).bytes > budget_bytes - 2 * 64 * KIB);
    store_free(store);
}

static void test_too_large_object_is_refused_and_evicts_nothing(void **state)
{
    struct store *store = new_store(1024 * KIB, 1);

    (void)state;
    assert_int_equal(test_insert(store, "GET /a", 100), 0);
    assert_int_equal(test_insert(store, "GET /large", store_object_bytes_max(store)), -EFBIG);
    assert_int_equal(test_insert(store, "GET /a", store_object_bytes_max(store)), -EFBIG);
    assert_true(test_has(store, "GET /a"));
    assert_int_equal(counters_of(store).refusals, 2);
    assert_int_equal(counters_of(store).evictions, 0);
    assert_int_equal(test_insert(store, "GET /large", store_object_bytes_max(store) - 2 * KIB), 0);
    assert_true(test_has(store, "GET /a"));
    store_free(store);
}

/* Ten entries are asked for again and again while hundreds pass through once. The ten stay. */
static void test_used_entries_outlive_a_flood_of_others(void **state)
{
    struct store *store = new_store(128 * KIB, 1);

    (void)state;
    for (int i = 0; i < 10; i++)
        assert_int_equal(test_insert(store, numbered(i), 1000), 0);
    for (int i = 100; i < 2000; i++) {
        assert_int_equal(test_insert(store, numbered(i), 1000), 0);
        for (int hot = 0; hot < 10; hot++)
            assert_true(test_has(store, numbered(hot)));
    }
    assert_true(counters_of(store).evictions > 1500);
    store_free(store);
}

/*
 * The order of SIEVE. Entries 0 to n fill the store; 0 and 2 are used. The hand starts at the
 * oldest: it spares 0 and takes 1, spares 2 and takes 3. It never goes back for 0 and 2 before it
 * went round.
 */
static void test_hand_spares_what_was_used_and_goes_on_from_there(void **state)
{
    struct store *store = new_store(128 * KIB, 1);
    int filled = 0;

    (void)state;
    while (counters_of(store).evictions == 0)
        assert_int_equal(test_insert(store, numbered(filled++), 4 * KIB), 0);
    store_free(store);

    store = new_store(128 * KIB, 1);
    for (int i = 0; i < filled - 1; i++)
        assert_int_equal(test_insert(store, numbered(i), 4 * KIB), 0);
    assert_int_equal(counters_of(store).evictions, 0);
    assert_true(test_has(store, numbered(0)));
    assert_true(test_has(store, numbered(2)));
    for (int i = 0; i < 2; i++)
        assert_int_equal(test_insert(store, numbered(1000 + i), 4 * KIB), 0);
    assert_int_equal(counters_of(store).evictions, 2);
    assert_true(test_has(store, numbered(0)));
    assert_false(test_has(store, numbered(1)));
    assert_true(test_has(store, numbered(2)));
    assert_false(test_has(store, numbered(3)));
    assert_true(test_has(store, numbered(4)));
    store_free(store);
}

/* With every entry marked as used there is still a victim, within one insert. */
static void test_store_full_of_used_entries_still_takes_new_ones(void **state)
{
    struct store *store = new_store(2048 * KIB, 2);
    int filled = 0;

    (void)state;
    while (counters_of(store).evictions == 0)
        assert_int_equal(test_insert(store, numbered(filled++), 0), 0);
    assert_true(filled > 3000);
    for (int i = 0; i < filled; i++)
        (void)test_has(store, numbered(i));
    for (int i = 0; i < 100; i++) {
        assert_int_equal(test_insert(store, numbered(100000 + i), 0), 0);
        assert_true(test_has(store, numbered(100000 + i)));
    }
    store_free(store);
}

/* Entries come and go at random; a plain array says what has to be there. */
static void test_table_finds_exactly_what_is_in_it(void **state)
{
    static bool expected[2000];
    struct store *store = new_store(64 * 1024 * KIB, 1);
    struct key key;

    (void)state;
    srandom(2);
    for (int i = 0; i < 30000; i++) {
        int number = (int)(random() % 2000);

        if (random() % 2 == 0) {
            assert_int_equal(test_insert(store, numbered(number), 0), 0);
            expected[number] = true;
        } else {
            key = test_key(numbered(number));
            assert_int_equal(store_remove(store, &key), expected[number]);
            expected[number] = false;
        }
    }
    for (int number = 0; number < 2000; number++)
        assert_int_equal(test_has(store, numbered(number)), expected[number]);
    store_free(store);
}

/* How many entries a walk meets, while `more` others come in with each step. */
static size_t walk_through(struct store *store, int more)
{
    struct entry *entries[STORE_WALK_ENTRIES];
    struct store_walk walk = {0};
    static int number = 1000000;
    size_t count, met = 0;
    bool goes_on = true;

    while (goes_on) {
        goes_on = store_walk(store, &walk, entries, &count);
        for (size_t i = 0; i < count; i++) {
            char text[32];

            (void)snprintf(text, sizeof(text), "%.*s", (int)entries[i]->key.length,
                           entries[i]->key.bytes);
            met += strtol(text + strlen("GET /"), NULL, 10) < 1000000;
            entry_unref(entries[i]);
        }
        for (int i = 0; i < more; i++)
            assert_int_equal(test_insert(store, numbered(number++), 0), 0);
    }
    return met;
}

/* Without memory for more buckets the store goes on with those it has, and grows once there is. */
static void test_store_survives_a_table_that_cannot_grow(void **state)
{
    enum { COUNT = 6000 }; /* more in a bucket than one step of a walk can take */
    struct store *store = new_store(64 * 1024 * KIB, 1);
    size_t before_bytes, entry_bytes;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        struct entry *entry = test_entry(numbered(i), 0, 'x');

        refuse_malloc = true;
        assert_int_equal(store_insert(store, &entry), 0);
        refuse_malloc = false;
    }
    for (int i = 0; i < COUNT; i++)
        assert_true(test_has(store, numbered(i)));
    assert_int_equal(counters_of(store).refusals, 0);
    assert_int_equal(walk_through(store, 0), COUNT);
    before_bytes = counters_of(store).bytes;
    for (int i = COUNT; i < 2 * COUNT; i++)
        assert_int_equal(test_insert(store, numbered(i), 0), 0);
    for (int i = 0; i < 2 * COUNT; i++)
        assert_true(test_has(store, numbered(i)));
    entry_bytes = (before_bytes - STORE_SHARD_BYTES_MIN) / COUNT;
    assert_true(counters_of(store).bytes - before_bytes > COUNT * (entry_bytes + sizeof(void *)));
    assert_true(walk_through(store, 100) >= 2 * COUNT);
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
        cmocka_unit_test(test_table_finds_exactly_what_is_in_it),
        cmocka_unit_test(test_store_survives_a_table_that_cannot_grow),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
