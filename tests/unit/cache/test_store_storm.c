/* SPDX-License-Identifier: MIT */
/*
 * test_store_storm.c - eight threads look up, insert, remove and read at once. The bodies say to
 * which key they belong, the budget is looked at all the time, and the counters have to add up at
 * the end. Made for the thread and address sanitizers.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "entries.h"

#define THREADS_COUNT 8
#define ROUNDS_COUNT  20000
#define KEYS_COUNT    400
#define BUDGET_BYTES  ((size_t)256 * 1024)

struct storm {
    struct store *store;
    atomic_uint_least64_t wrong_bodies;
    atomic_uint_least64_t wrong_marks;
    atomic_uint_least64_t over_budget;
    atomic_uint_least64_t lookups;
    atomic_uint_least64_t inserts;
    atomic_uint_least64_t removals;
};

struct worker {
    pthread_t thread;
    struct storm *storm;
    uint32_t random;
    struct store_walk walk;
};

static uint32_t next_random(struct worker *worker)
{
    worker->random = worker->random * 1664525 + 1013904223;
    return worker->random >> 8;
}

static char fill_of(unsigned number)
{
    return (char)('!' + number % 90);
}

/* Every byte of the body is that of its key, whoever evicts or replaces the entry meanwhile. */
static bool body_is_right(const struct entry *entry, unsigned number)
{
    struct body_cursor cursor;
    struct iovec spans[4];

    body_cursor_init(&cursor, entry->body);
    while (!body_cursor_is_done(&cursor)) {
        int count = body_cursor_spans(&cursor, spans, 4);

        for (int i = 0; i < count; i++) {
            const char *bytes = spans[i].iov_base;

            for (size_t k = 0; k < spans[i].iov_len; k++) {
                if (bytes[k] != fill_of(number))
                    return false;
            }
            body_cursor_advance(&cursor, spans[i].iov_len);
        }
    }
    return true;
}

static void look_up(struct storm *storm, const struct key *key, unsigned number)
{
    struct entry *entry = store_lookup(storm->store, key, ENTRY_RESPONSE_S);

    atomic_fetch_add(&storm->lookups, 1);
    if (entry == NULL)
        return;
    if (!key_equals(&entry->key, key) || !body_is_right(entry, number))
        atomic_fetch_add(&storm->wrong_bodies, 1);
    entry_unref(entry);
}

/* What was found before a removal is not current after it, whoever else changes the key. */
static void remove_key(struct storm *storm, const struct key *key)
{
    struct entry *entry = store_lookup(storm->store, key, ENTRY_RESPONSE_S);

    atomic_fetch_add(&storm->lookups, 1);
    if (store_remove(storm->store, key))
        atomic_fetch_add(&storm->removals, 1);
    if (entry != NULL && entry_is_current(entry))
        atomic_fetch_add(&storm->wrong_marks, 1);
    entry_unref(entry);
}

/* A step of a walk through the store, which begins anew after its end. */
static void walk_on(struct storm *storm, struct store_walk *walk)
{
    struct entry *entries[STORE_WALK_ENTRIES];
    size_t count;

    if (!store_walk(storm->store, walk, entries, &count))
        *walk = (struct store_walk){0};
    for (size_t i = 0; i < count; i++)
        entry_unref(entries[i]);
}

static void *run_worker(void *context)
{
    struct worker *worker = context;
    struct storm *storm = worker->storm;

    for (int round = 0; round < ROUNDS_COUNT; round++) {
        unsigned number = next_random(worker) % KEYS_COUNT;
        struct store_counters counters;
        struct entry *entry;
        char text[32];
        struct key key;

        (void)snprintf(text, sizeof(text), "GET /%u", number);
        key = test_key(text);
        switch (next_random(worker) % 16) {
        case 0:
            remove_key(storm, &key);
            break;
        case 1:
            store_read_counters(storm->store, &counters);
            if (counters.bytes > BUDGET_BYTES)
                atomic_fetch_add(&storm->over_budget, 1);
            break;
        case 2:
        case 3:
        case 4:
            entry = test_entry(text, next_random(worker) % 3000, fill_of(number));
            if (store_insert(storm->store, &entry) == 0)
                atomic_fetch_add(&storm->inserts, 1);
            break;
        case 5:
            walk_on(storm, &worker->walk);
            break;
        default:
            look_up(storm, &key, number);
            break;
        }
    }
    return NULL;
}

static void test_store_is_right_under_eight_threads(void **state)
{
    const struct store_config config = {
        .budget_bytes = BUDGET_BYTES,
        .shards_count = 4,
        .object_share_percent = 10,
        .secret = test_secret,
    };
    struct worker workers[THREADS_COUNT];
    struct store_counters counters;
    struct storm storm = {0};

    (void)state;
    assert_int_equal(store_new(&config, &storm.store), 0);
    for (unsigned i = 0; i < THREADS_COUNT; i++) {
        workers[i] = (struct worker){.storm = &storm, .random = i + 1};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS_COUNT; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);

    store_read_counters(storm.store, &counters);
    assert_int_equal(storm.wrong_bodies, 0);
    assert_int_equal(storm.wrong_marks, 0);
    assert_int_equal(storm.over_budget, 0);
    assert_int_equal(counters.hits + counters.misses, storm.lookups);
    assert_int_equal(counters.inserts, storm.inserts);
    assert_int_equal(counters.removals, storm.removals);
    assert_int_equal(counters.entries, counters.inserts - counters.replacements -
                                           counters.evictions - counters.removals);
    assert_true(counters.hits > 1000 && counters.evictions > 1000 && counters.removals > 100);
    store_free(storm.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_is_right_under_eight_threads),
    };

    return cmocka_run_group_tests_name("store_storm", tests, NULL, NULL);
}
