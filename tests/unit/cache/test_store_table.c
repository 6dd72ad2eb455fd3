/* SPDX-License-Identifier: MIT */
/*
 * test_store_table.c - the table of the store: it finds what is in it, however it has grown.
 */
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

/* Entries come and go at random; a plain array says what has to be there. */
static void test_table_finds_exactly_what_is_in_it(void **state)
{
    static bool expected[2000];
    struct store *store = test_store(64 * 1024 * KIB, 1);
    struct key key;

    (void)state;
    srandom(2);
    for (int i = 0; i < 30000; i++) {
        int number = (int)(random() % 2000);

        if (random() % 2 == 0) {
            assert_int_equal(test_insert(store, test_numbered(number), 0), 0);
            expected[number] = true;
        } else {
            key = test_key(test_numbered(number));
            assert_int_equal(store_remove(store, &key), expected[number]);
            expected[number] = false;
        }
    }
    for (int number = 0; number < 2000; number++)
        assert_int_equal(test_has(store, test_numbered(number)), expected[number]);
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
            assert_int_equal(test_insert(store, test_numbered(number++), 0), 0);
    }
    return met;
}

/* Without memory for more buckets the store goes on with those it has, and grows once there is. */
static void test_store_survives_a_table_that_cannot_grow(void **state)
{
    enum { COUNT = 6000 }; /* more in a bucket than one step of a walk can take */
    struct store *store = test_store(64 * 1024 * KIB, 1);
    struct key key = test_key("GET /6000");
    struct entry *packed;
    size_t before_bytes;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        struct entry *entry = test_entry(test_numbered(i), 0, 'x');

        refuse_malloc = true;
        assert_int_equal(store_insert(store, &entry), 0);
        refuse_malloc = false;
    }
    for (int i = 0; i < COUNT; i++)
        assert_true(test_has(store, test_numbered(i)));
    assert_int_equal(test_counters(store).refusals, 0);
    assert_int_equal(walk_through(store, 0), COUNT);
    before_bytes = test_counters(store).bytes;
    for (int i = COUNT; i < 2 * COUNT; i++)
        assert_int_equal(test_insert(store, test_numbered(i), 0), 0);
    for (int i = 0; i < 2 * COUNT; i++)
        assert_true(test_has(store, test_numbered(i)));
    packed = store_lookup(store, &key, ENTRY_RESPONSE_S);
    assert_true(test_counters(store).bytes - before_bytes >
                COUNT * (entry_memory_bytes(packed) + sizeof(void *)));
    entry_unref(packed);
    assert_true(walk_through(store, 100) >= 2 * COUNT);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_finds_exactly_what_is_in_it),
        cmocka_unit_test(test_store_survives_a_table_that_cannot_grow),
    };

    return cmocka_run_group_tests_name("store_table", tests, NULL, NULL);
}
