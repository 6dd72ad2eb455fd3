/* SPDX-License-Identifier: MIT */
/*
 * pauses.c - how long one call to a full store takes at the worst.
 *
 * The cases: small entries fill it; small ones and some larger come in and drive others out; a long
 * body comes, in pieces, into a store full of small ones, and its entry is put in; and small ones
 * come, for which long bodies have to go.
 */
#include "measure.h"

#include "../clock.h"
#include "filler.h"

#define LONG_BYTES  ((size_t)64 * 1024 * 1024)
#define PIECE_BYTES ((size_t)64 * 1024)
#define INSERTS_MAX 2000000

struct times {
    const char *what;
    int64_t *cpu_ns;
    int64_t *wall_ns;
    size_t count;
};

static void times_init(struct times *times, const char *what)
{
    *times = (struct times){.what = what,
                            .cpu_ns = calloc(INSERTS_MAX, sizeof *times->cpu_ns),
                            .wall_ns = calloc(INSERTS_MAX, sizeof *times->wall_ns)};
    if (times->cpu_ns == NULL || times->wall_ns == NULL)
        die("no memory");
    for (size_t i = 0; i < INSERTS_MAX; i++) /* not while a call is measured */
        times->cpu_ns[i] = times->wall_ns[i] = 1;
}

static int order(const void *left, const void *right)
{
    int64_t one = *(const int64_t *)left, other = *(const int64_t *)right;

    return (one > other) - (one < other);
}

static void sum_up(int64_t *times_ns, size_t count, double ret_us[3])
{
    size_t middle = count / 2, one_of_thousand = count - 1 - count / 1000;

    qsort(times_ns, count, sizeof *times_ns, order);
    ret_us[0] = (double)times_ns[middle] / 1000;
    ret_us[1] = (double)times_ns[one_of_thousand] / 1000;
    ret_us[2] = (double)times_ns[count - 1] / 1000;
}

static void times_end(struct times *times, struct pause_figures *ret_figures)
{
    *ret_figures = (struct pause_figures){.what = times->what, .calls = times->count};
    sum_up(times->cpu_ns, times->count, ret_figures->cpu_us);
    sum_up(times->wall_ns, times->count, ret_figures->wall_us);
    free(times->cpu_ns);
    free(times->wall_ns);
}

static void insert(struct store *store, struct entry *entry, struct times *times)
{
    int64_t wall_ns = clock_now_ns(), cpu_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);

    if (store_insert(store, &entry) < 0)
        die("an entry was refused");
    if (times == NULL)
        return;
    times->cpu_ns[times->count] = clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
    times->wall_ns[times->count] = clock_now_ns() - wall_ns;
    times->count++;
}

/* As a flight does: room is made as the body arrives. Each step is a call. */
static void insert_long(struct store *store, struct entry *entry, struct times *times)
{
    struct store_room room = {0};

    for (size_t bytes = PIECE_BYTES; bytes <= LONG_BYTES + PIECE_BYTES; bytes += PIECE_BYTES) {
        int64_t wall_ns = clock_now_ns(), cpu_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
        int err = bytes <= LONG_BYTES ? store_reserve(store, &room, bytes)
                                      : store_insert_reserved(store, &entry, &room);

        if (err < 0)
            die("no room");
        times->cpu_ns[times->count] = clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
        times->wall_ns[times->count] = clock_now_ns() - wall_ns;
        times->count++;
    }
}

/* Most are small, one of a hundred is up to 60 KiB. */
static size_t mixed_bytes(uint64_t *state)
{
    uint64_t random = filler_random(state) >> 8;

    return random % 100 == 0 ? random / 100 % 60000 : random / 100 % 400;
}

static uint64_t evictions(const struct store *store)
{
    struct store_counters counters;

    store_read_counters(store, &counters);
    return counters.evictions;
}

void measure_pauses(size_t budget_bytes, struct pause_figures ret_figures[PAUSE_CASES])
{
    struct store_config config = {.budget_bytes = budget_bytes, .object_share_percent = 50};
    size_t turnover = budget_bytes / 1024 < INSERTS_MAX ? budget_bytes / 1024 : INSERTS_MAX;
    uint64_t number = 0, state = 42;
    struct store *store;
    struct times times;

    if (store_new(&config, &store) < 0)
        die("no store");
    times_init(&times, "small, while the store fills");
    while (evictions(store) == 0)
        insert(store, filler_entry(store, number++, FILLER_BODY_BYTES, 0),
               times.count < INSERTS_MAX ? &times : NULL);
    times_end(&times, &ret_figures[0]);

    times_init(&times, "mixed, when it is full");
    for (size_t i = 0; i < turnover; i++)
        insert(store, filler_entry(store, number++, mixed_bytes(&state), 0), &times);
    times_end(&times, &ret_figures[1]);

    times_init(&times, "64 MiB, in pieces of 64 KiB");
    for (int i = 0; i < 4; i++)
        insert_long(store, filler_entry(store, number++, LONG_BYTES, 0), &times);
    times_end(&times, &ret_figures[2]);

    times_init(&times, "small, where 64 MiB have to go");
    for (size_t i = 0; i < turnover; i++)
        insert(store, filler_entry(store, number++, FILLER_BODY_BYTES, 0), &times);
    times_end(&times, &ret_figures[3]);
}
