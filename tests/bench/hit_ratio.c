/* SPDX-License-Identifier: MIT */
/*
 * hit_ratio.c - how many requests the store answers, beside an LRU list of the same length.
 *
 * The streams are Zipf's: the k-th most wanted of all objects is asked for in proportion to
 * 1 / k^alpha (Breslau et al., INFOCOM 1999, found alpha from 0.64 to 0.83 in proxies), without and
 * with a share of requests for what nobody asks for again, as crawlers send them. The objects have
 * one size, the store evicts by its own rules, and the LRU list is as long as the store is full.
 *
 *     hit_ratio [--quick]
 *
 * Nothing is random between runs. Prints one row for each stream; with --quick, for two of them.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cache/store.h>

enum { OBJECTS = 100000, REQUESTS = 2000000, WARM_UP = 500000, BODY_BYTES = 64 };

struct stream {
    double alpha;
    unsigned once_percent; /* of the requests: for objects that come once */
    double part;           /* of the objects that fit into the cache */
};

static void die(const char *what)
{
    fprintf(stderr, "hit_ratio: %s\n", what);
    exit(1);
}

/* Marsaglia's xorshift64*, seeded the same for each stream. */
static double next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (double)((*state * UINT64_C(0x2545f4914f6cdd1d)) >> 11) / (double)(UINT64_C(1) << 53);
}

/* The share of the first k + 1 objects together. */
static double *zipf_sums(double alpha)
{
    double *sums = malloc(OBJECTS * sizeof *sums);
    double sum = 0;

    if (sums == NULL)
        die("no memory");
    for (unsigned i = 0; i < OBJECTS; i++) {
        sum += 1 / pow(i + 1, alpha);
        sums[i] = sum;
    }
    for (unsigned i = 0; i < OBJECTS; i++)
        sums[i] /= sum;
    return sums;
}

static uint32_t draw_object(const double *sums, double random)
{
    uint32_t low = 0, high = OBJECTS - 1;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (sums[middle] < random)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t *draw_stream(const struct stream *stream)
{
    uint32_t *requests = malloc(REQUESTS * sizeof *requests);
    double *sums = zipf_sums(stream->alpha);
    uint64_t state = 42;

    if (requests == NULL)
        die("no memory");
    for (uint32_t i = 0; i < REQUESTS; i++) {
        bool is_once = next_random(&state) * 100 < stream->once_percent;
        requests[i] = is_once ? OBJECTS + i : draw_object(sums, next_random(&state));
    }
    free(sums);
    return requests;
}

static struct entry *make_entry(const struct key *key)
{
    static const char bytes[BODY_BYTES];
    struct freshness freshness = {.status = 200};
    struct fields fields;
    struct entry_draft draft = {
        .key = key, .fields = &fields, .freshness = &freshness, .lifetime.default_s = 1000};
    struct entry *entry;

    fields_init(&fields);
    cache_control_init(&freshness.control);
    if (body_new(BODY_BYTES, &draft.body) < 0 || body_append(draft.body, bytes, sizeof bytes) < 0)
        die("no memory");
    body_finish(draft.body, 0);
    if (entry_new(&draft, &entry) < 0)
        die("no memory");
    body_unref(draft.body);
    return entry;
}

/* Asks the store, and puts in what it has not. Returns whether it had it. */
static bool ask_store(struct store *store, uint32_t object)
{
    char text[16];
    struct key key;
    struct entry *entry;

    snprintf(text, sizeof text, "%u", object);
    store_key_init(store, &key, text, strlen(text));
    entry = store_lookup(store, &key, 0);
    if (entry != NULL) {
        entry_unref(entry);
        return true;
    }
    entry = make_entry(&key);
    if (store_insert(store, &entry) < 0)
        die("an entry was refused");
    return false;
}

static double store_ratio(const struct stream *stream, const uint32_t *requests, size_t entry_bytes,
                          uint64_t *ret_entries)
{
    struct store_config config = {.budget_bytes = (size_t)(stream->part * OBJECTS) * entry_bytes +
                                                  STORE_BUDGET_BYTES_MIN,
                                  .object_share_percent = 25};
    struct store_counters counters;
    struct store *store;
    unsigned hits = 0;

    if (store_new(&config, &store) < 0)
        die("no store");
    for (uint32_t i = 0; i < REQUESTS; i++)
        hits += ask_store(store, requests[i]) && i >= WARM_UP;
    store_read_counters(store, &counters);
    *ret_entries = counters.entries;
    store_free(store);
    return (double)hits / (REQUESTS - WARM_UP);
}

/* A list in the order of use, through an array over all objects. */
struct lru {
    uint32_t *newer, *older; /* by object; `none` beyond the ends */
    bool *is_in;
    uint32_t newest, oldest, count;
};

static const uint32_t none = UINT32_MAX;

static void lru_take_out(struct lru *lru, uint32_t object)
{
    uint32_t newer = lru->newer[object], older = lru->older[object];

    *(newer != none ? &lru->older[newer] : &lru->newest) = older;
    *(older != none ? &lru->newer[older] : &lru->oldest) = newer;
}

static void lru_put_first(struct lru *lru, uint32_t object)
{
    lru->newer[object] = none;
    lru->older[object] = lru->newest;
    *(lru->newest != none ? &lru->newer[lru->newest] : &lru->oldest) = object;
    lru->newest = object;
}

static bool ask_lru(struct lru *lru, uint32_t object, uint64_t room)
{
    if (lru->is_in[object]) {
        lru_take_out(lru, object);
        lru_put_first(lru, object);
        return true;
    }
    if (lru->count == room) {
        uint32_t oldest = lru->oldest;
        lru_take_out(lru, oldest);
        lru->is_in[oldest] = false;
        lru->count--;
    }
    lru_put_first(lru, object);
    lru->is_in[object] = true;
    lru->count++;
    return false;
}

static double lru_ratio(const uint32_t *requests, uint64_t room)
{
    const size_t objects = OBJECTS + REQUESTS;
    struct lru lru = {.newer = malloc(objects * sizeof *lru.newer),
                      .older = malloc(objects * sizeof *lru.older),
                      .is_in = calloc(objects, sizeof *lru.is_in),
                      .newest = none,
                      .oldest = none};
    unsigned hits = 0;

    if (lru.newer == NULL || lru.older == NULL || lru.is_in == NULL)
        die("no memory");
    for (uint32_t i = 0; i < REQUESTS; i++)
        hits += ask_lru(&lru, requests[i], room) && i >= WARM_UP;
    free(lru.newer);
    free(lru.older);
    free(lru.is_in);
    return (double)hits / (REQUESTS - WARM_UP);
}

/* What the store charges for one, its part of the table left out. */
static size_t measure_entry(void)
{
    const struct key_secret secret = {.bytes = "sixteen bytes.."};
    struct key key;
    struct entry *entry;
    size_t bytes;

    key_init(&key, &secret, "12345", 5);
    entry = make_entry(&key);
    bytes = entry_memory_bytes(entry);
    entry_unref(entry);
    return bytes;
}

int main(int count, char **arguments)
{
    static const struct stream streams[] = {
        {0.7, 0, 0.01}, {0.7, 0, 0.1}, {0.8, 0, 0.01},  {0.8, 0, 0.1},
        {1.0, 0, 0.01}, {1.0, 0, 0.1}, {0.8, 30, 0.01}, {0.8, 30, 0.1},
    };
    const size_t stream_count = sizeof streams / sizeof *streams;
    bool is_quick = count == 2 && strcmp(arguments[1], "--quick") == 0;
    size_t entry_bytes = measure_entry();

    printf("| alpha | asked for once | fits | SIEVE | LRU |\n|---:|---:|---:|---:|---:|\n");
    for (size_t i = 0; i < stream_count; i += is_quick ? stream_count - 1 : 1) {
        uint32_t *requests = draw_stream(&streams[i]);
        uint64_t entries;
        double sieve = store_ratio(&streams[i], requests, entry_bytes, &entries);
        double lru = lru_ratio(requests, entries);
        printf("| %.1f | %u %% | %.1f %% | %.1f %% | %.1f %% |\n", streams[i].alpha,
               streams[i].once_percent, 100.0 * (double)entries / OBJECTS, 100 * sieve, 100 * lru);
        free(requests);
    }
    return 0;
}
