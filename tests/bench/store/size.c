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

#define LOOKUPS  1000000
#define REQUESTS 200000

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

static double lookup_ns(struct store *store, uint64_t entries, int64_t now_s)
{
    uint64_t state = 42;
    unsigned sum = 0;
    char url[FILLER_URL_BYTES];
    int64_t took_ns = 0;

    for (int round = 0; round < 2; round++) { /* the first is to warm up */
        int64_t begin_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);

        for (unsigned i = 0; i < LOOKUPS; i++) {
            struct entry *entry;
            struct key key;

            store_key_init(store, &key, url, filler_url(filler_random(&state) % entries, url));
            entry = store_lookup(store, &key, now_s);
            if (entry == NULL)
                die("an entry is missing");
            sum += read_all(entry);
            entry_unref(entry);
        }
        took_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns;
    }
    if (sum == 0)
        die("nothing has been read");
    return (double)took_ns / LOOKUPS;
}

void measure_size(uint64_t entries, struct size_figures *ret_figures)
{
    struct service *service = start();
    struct store *store = fetcher_store(service_fetcher(service));
    int64_t now_s = time(NULL);
    struct address address;

    *ret_figures = (struct size_figures){.entries = entries};
    fill(store, now_s, ret_figures);
    ret_figures->lookup_ns = lookup_ns(store, entries, now_s);
    service_address(service, &address);
    ret_figures->served_ns = measure_served_ns(address_port(&address), entries, REQUESTS);
}
