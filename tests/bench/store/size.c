/* SPDX-License-Identifier: MIT */
/*
 * size.c - a store with many entries: memory for each, time for a look-up, and a server on it.
 */
#include "measure.h"

#include <unistd.h>

#include <fetch/fetcher.h>

#include "../clock.h"
#include "config/address.h"
#include "config/config.h"
#include "filler.h"
#include "service.h"

/* An odd number of rounds, the first of which do not count. */
#define ROUNDS         35
#define ROUNDS_WARM    4
#define ROUND_LOOKUPS  30000
#define ROUND_REQUESTS 6400

/* A server, its store, and who asks it. */
struct side {
    struct service *service;
    struct store *store;
    uint64_t entries;
    uint64_t state; /* of what is random */
    struct client client;
};

static size_t resident_bytes(void)
{
    unsigned long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (file == NULL || fscanf(file, "%lu %lu", &pages, &resident) != 2)
        die("/proc/self/statm");
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static struct service *start(void)
{
    static const struct token no_token;
    struct service *service;
    struct problems problems;
    struct config config;

    problems_init(&problems);
    config_init(&config);
    config_set_option(&config, SETTING_ID_listen, "bench", "127.0.0.1:0", &problems);
    config_set_option(&config, SETTING_ID_log_level, "bench", "error", &problems);
    config.cache_bytes_max = UINT64_C(1) << 36;
    config_resolve(&config, 1, UINT64_C(1) << 36);
    config.loops = 1;
    problems_fini(&problems);
    errno = -service_start(&config, &no_token, &service);
    if (errno != 0)
        die("no service");
    return service;
}

static void fill(struct store *store, int64_t now_s, struct size_figures *figures)
{
    struct store_counters before, after;
    size_t resident_before = resident_bytes();
    int64_t longest_ns = 0;
    char url[FILLER_URL_BYTES];

    store_read_counters(store, &before);
    for (uint64_t i = 0; i < figures->entries; i++) {
        struct entry *entry = filler_entry(store, i, FILLER_BODY_BYTES, now_s);
        int64_t begin_ns, took_ns;

        figures->payload += (double)filler_payload_bytes(entry);
        begin_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
        if (store_insert(store, &entry) < 0)
            die("an entry was refused");
        took_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns;
        if (took_ns > longest_ns)
            longest_ns = took_ns;
    }
    store_read_counters(store, &after);
    figures->resident = (double)(resident_bytes() - resident_before) / (double)figures->entries;
    figures->charged = (double)(after.bytes - before.bytes) / (double)figures->entries;
    figures->payload /= (double)figures->entries;
    figures->key_bytes = (double)filler_url(0, url);
    figures->fill_max_us = (double)longest_ns / 1000;
}

/* Reads what a reply would send, so that it has to come from memory. */
static unsigned read_all(const struct entry *entry)
{
    const struct entry_head *head = entry_get_head(entry);
    struct body_cursor cursor;
    struct iovec span;
    unsigned sum = 0;

    for (size_t i = 0; i < head->length; i += 64)
        sum += (unsigned char)head->bytes[i];
    body_cursor_init(&cursor, entry->body);
    if (body_cursor_spans(&cursor, &span, 1) == 1) {
        for (size_t i = 0; i < span.iov_len; i += 64)
            sum += ((unsigned char *)span.iov_base)[i];
    }
    return sum;
}

static double lookup_round_ns(struct side *side, int64_t now_s)
{
    int64_t begin_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
    char url[FILLER_URL_BYTES];
    unsigned sum = 0;

    for (unsigned i = 0; i < ROUND_LOOKUPS; i++) {
        uint64_t number = filler_random(&side->state) % side->entries;
        struct entry *entry;
        struct key key;

        store_key_init(side->store, &key, url, filler_url(number, url));
        entry = store_lookup(side->store, &key, now_s);
        if (entry == NULL)
            die("an entry is missing");
        sum += read_all(entry);
        entry_unref(entry);
    }
    if (sum == 0)
        die("nothing has been read");
    return (double)(clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns) / ROUND_LOOKUPS;
}

static int order(const void *left, const void *right)
{
    double one = *(const double *)left, other = *(const double *)right;

    return (one > other) - (one < other);
}

static double median(double rounds[ROUNDS])
{
    const size_t count = ROUNDS - ROUNDS_WARM;

    qsort(rounds + ROUNDS_WARM, count, sizeof *rounds, order);
    return rounds[ROUNDS_WARM + count / 2];
}

static void start_side(struct side *side, int64_t now_s, struct size_figures *figures)
{
    *side = (struct side){.service = start(), .entries = figures->entries, .state = 42};
    side->store = fetcher_store(service_fetcher(side->service));
    fill(side->store, now_s, figures);
}

/* When both are filled: a server closes connections on which nothing comes. */
static void connect_side(struct side *side)
{
    struct address address;

    service_address(side->service, &address);
    client_init(&side->client, address_port(&address), side->entries);
}

/* The sides in turn, so that neighbours on the machine disturb both alike. */
void measure_size(uint64_t entries, struct size_figures *ret_figures)
{
    struct size_figures small = {.entries = SMALL_ENTRIES};
    double lookups_ns[2][ROUNDS], served_ns[2][ROUNDS];
    int64_t now_s = time(NULL);
    struct side sides[2];

    *ret_figures = (struct size_figures){.entries = entries};
    start_side(&sides[1], now_s, &small);
    start_side(&sides[0], now_s, ret_figures);
    for (int i = 0; i < 2; i++)
        connect_side(&sides[i]);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 2; i++) {
            lookups_ns[i][round] = lookup_round_ns(&sides[i], now_s);
            served_ns[i][round] = client_round_ns(&sides[i].client, ROUND_REQUESTS);
        }
    }
    for (int i = 0; i < 2; i++) {
        ret_figures->lookup_ns[i] = median(lookups_ns[i]);
        ret_figures->served_ns[i] = median(served_ns[i]);
        client_fini(&sides[i].client);
    }
}
