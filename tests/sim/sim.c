/* SPDX-License-Identifier: MIT */
/*
 * sim.c - one schedule: the world is made, turned step by step, and taken down.
 *
 * In one step one loop runs one task or timer, or one actor does one act. All that could be next is
 * at the same moment of the clock, so any order of it is one that could come about on real threads;
 * time goes on when nothing is left to do.
 */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <async/manual_loop.h>

#define TEXT_BYTES 256
#define START_S    1000000000 /* on the wall clock */
#define STEPS_MAX  200000
#define ACTORS_MAX (SIM_LANES_MAX + SIM_READERS_MAX + SIM_PURGES_MAX + SIM_EXCHANGES_MAX + 1)

void sim_fail(const struct sim *sim, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;

    va_start(arguments, format);
    /* clang-tidy 14 overlooks the va_start() above. */
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    printf("seed %llu: step %u, %lld us: %s\n", (unsigned long long)sim->seed, sim->steps,
           (long long)(sim->now_ns / 1000), text);
    fflush(stdout);
    _Exit(1);
}

void sim_trace(const struct sim *sim, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;

    if (!sim->is_traced)
        return;
    va_start(arguments, format);
    /* clang-tidy 14 overlooks the va_start() above. */
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    printf("%5u %9lld us  %s\n", sim->steps, (long long)(sim->now_ns / 1000), text);
    fflush(stdout);
}

int64_t sim_moment_ns(struct sim *sim, unsigned span_ms)
{
    unsigned at_ms = sim_below(&sim->random, span_ms);

    return (at_ms - at_ms % sim->grain_ms) * ASYNC_MS;
}

int64_t sim_delay_ns(struct sim *sim)
{
    static const unsigned spans_ms[] = {1, 1, 5, 20, 20, 100, 400, 1500};

    return sim_moment_ns(sim, spans_ms[sim_below(&sim->random, 8)]);
}

int64_t sim_wall_s(const struct sim *sim)
{
    return START_S + sim->now_ns / ASYNC_S;
}

static int64_t wall_clock_s(void *context)
{
    return sim_wall_s(context);
}

static uint64_t random_number(void *context)
{
    return sim_random_next(&((struct sim *)context)->random);
}

static void require(struct sim *sim, int err)
{
    if (err < 0)
        sim_fail(sim, "the world cannot be made: error %d", err);
}

static void choose_settings(struct sim *sim)
{
    static const char *const forwarded[] = {"X-Kind", "X-Tongue", "Cookie", "Authorization"};
    struct fetch_settings *settings = &sim->settings;

    fetch_settings_default(settings);
    settings->head_timeout_ms = sim_chance(&sim->random, 75) ? 1000 : 4000;
    settings->stall_timeout_ms = 500;
    settings->total_timeout_ms = 20000;
    settings->wait_timeout_ms = sim_chance(&sim->random, 50) ? 300 : 3000;
    settings->uncacheable_marker_s = 1 + sim_below(&sim->random, 2);
    settings->negative_lifetime_ms = sim_below(&sim->random, 2) * 200;
    settings->stale.while_revalidating_s = sim_below(&sim->random, 2);
    settings->stale.if_error_s = sim_below(&sim->random, 3);
    settings->stale.if_unreachable_s = sim_below(&sim->random, 5);
    settings->retry_after_max_s = sim_below(&sim->random, 3);
    settings->stored_body_bytes_max = SIM_STORED_MAX;
    settings->reader_lag_bytes_max = 500 + sim_below(&sim->random, 5000);
    settings->select_bytes_max = 4096;
    settings->redirects_max = sim_below(&sim->random, 4);
    settings->retries_max = sim_below(&sim->random, 2);
    settings->is_transparent = sim->is_parted || sim_chance(&sim->random, 30);
    if (sim->is_varied) {
        settings->forwarded = forwarded;
        settings->forwarded_count = sizeof forwarded / sizeof *forwarded;
    }
    if (sim_chance(&sim->random, 50))
        settings->variants_max = 1 + sim_below(&sim->random, 4);
    if (sim_chance(&sim->random, 20))
        settings->waiters_per_key_max = 1 + sim_below(&sim->random, 3);
    if (sim_chance(&sim->random, 20))
        settings->waiters_max = 1 + sim_below(&sim->random, 5);
}

static void make_proxy_policy(struct sim *sim)
{
    struct fetch_settings settings = sim->settings;

    settings.is_transparent = true;
    require(sim, fetcher_policy_new(sim->fetcher, &settings, &sim->proxy_policy));
}

static void make_keys(struct sim *sim)
{
    for (unsigned i = 0; i < sim->keys_count; i++) {
        struct sim_key *key = &sim->keys[i];
        struct fetch_url *url;
        char text[32];
        int length = snprintf(text, sizeof text, "http://origin.example/k%u", i);

        *key = (struct sim_key){.habit = sim->is_parted ? 0 : sim_below(&sim->random, 4),
                                .vary_habit = sim->is_varied ? sim_below(&sim->random, 5) : 0};
        require(sim, fetch_url_parse(text, (size_t)length, 8192, &url));
        require(sim, fetch_request_new(fetcher_policy(sim->fetcher), sim->store, url,
                                       field_view_of_lines(NULL, 0), &key->request));
        fetch_url_unref(url);
        key->key = key->request->key;
    }
}

static void make_world(struct sim *sim)
{
    struct store_config config = {
        .budget_bytes = 128 * 1024, .shards_count = 1, .object_share_percent = 50};
    struct fetch_environment environment = {
        .wall_clock_s = wall_clock_s, .random = random_number, .context = sim};
    static const unsigned grains_ms[] = {1, 20, 100};
    struct sim_random *random = &sim->random;
    bool is_queue; /* for the lock of one key */

    sim->grain_ms = grains_ms[sim_below(random, 3)];
    is_queue = sim_chance(random, 20);
    sim->fresh_percent = is_queue ? 50 : 10;
    sim->crowds_apart_ms = sim_chance(random, 50) ? 400 : 1700; /* what was stored gets stale */
    sim->is_parted = !is_queue && sim_chance(random, 15);
    sim->is_varied = !is_queue && !sim->is_parted && sim_chance(random, 60);
    sim->has_changes = sim_chance(random, 50);
    choose_settings(sim);
    sim->lanes_count = 1 + sim_below(random, SIM_LANES_MAX);
    sim->keys_count = is_queue || sim->is_parted ? 1 : 1 + sim_below(random, SIM_KEYS_MAX);
    sim->readers_count = 1 + sim_below(random, SIM_READERS_MAX);
    sim->purges_count = is_queue ? SIM_PURGES_MAX : sim_below(random, SIM_PURGES_MAX + 1);
    sim->stop_ns = sim_chance(random, 10) ? sim_moment_ns(sim, 2000) : ASYNC_NEVER;
    require(sim, store_new(&config, &sim->store));
    require(sim, fetcher_new(&sim->settings, sim->store, &sim->fetcher));
    make_proxy_policy(sim);
    for (unsigned i = 0; i < sim->lanes_count; i++) {
        struct sim_lane *lane = &sim->lanes[i];
        *lane = (struct sim_lane){.upstream.ops = &sim_origin_ops, .sim = sim};
        require(sim, async_manual_loop_new(&lane->loop));
        require(sim, fetch_lane_new(sim->fetcher, lane->loop, &lane->upstream, &environment,
                                    &lane->lane));
    }
    make_keys(sim);
    for (unsigned i = 0; i < sim->readers_count; i++)
        sim_reader_plan(sim, i);
    for (unsigned i = 0; i < sim->purges_count; i++)
        sim->purges[i] =
            (struct sim_purge){.key = sim_below(random, sim->keys_count),
                               .next_ns = sim_moment_ns(sim, 3 * sim->crowds_apart_ms)};
}

static void free_world(struct sim *sim)
{
    for (unsigned i = 0; i < sim->lanes_count; i++) {
        fetch_lane_free(sim->lanes[i].lane);
        async_loop_free(sim->lanes[i].loop);
    }
    for (unsigned i = 0; i < sim->keys_count; i++)
        fetch_request_unref(sim->keys[i].request);
    fetch_policy_unref(sim->proxy_policy);
    fetcher_free(sim->fetcher);
    store_free(sim->store);
}

/* One of those who could act now: a lane, or an actor whose time has come. */
struct choice {
    enum { CHOOSE_LANE, CHOOSE_READER, CHOOSE_EXCHANGE, CHOOSE_PURGE, CHOOSE_STOP } kind;
    unsigned index;
};

static int64_t earliest(int64_t left_ns, int64_t right_ns)
{
    return left_ns < right_ns ? left_ns : right_ns;
}

static int64_t reader_next_ns(const struct sim_reader *reader)
{
    return earliest(reader->next_ns, reader->leave_ns);
}

/* All who are due, or with `ret_next_ns` set, when the next actor is. */
static unsigned list_choices(struct sim *sim, struct choice *choices, int64_t *ret_next_ns)
{
    unsigned count = 0;
    int64_t next_ns = ASYNC_NEVER;

#define CONSIDER(choice_kind, choice_index, at_ns)                                                 \
    do {                                                                                           \
        next_ns = earliest(next_ns, (at_ns));                                                      \
        if ((at_ns) <= sim->now_ns)                                                                \
            choices[count++] = (struct choice){choice_kind, choice_index};                         \
    } while (0)

    for (unsigned i = 0; i < sim->lanes_count; i++)
        choices[count++] = (struct choice){CHOOSE_LANE, i};
    for (unsigned i = 0; i < sim->readers_count; i++)
        CONSIDER(CHOOSE_READER, i, reader_next_ns(&sim->readers[i]));
    for (unsigned i = 0; i < sim->exchanges_count; i++)
        CONSIDER(CHOOSE_EXCHANGE, i, sim->exchanges[i].next_ns);
    for (unsigned i = 0; i < sim->purges_count; i++)
        CONSIDER(CHOOSE_PURGE, i, sim->purges[i].next_ns);
    CONSIDER(CHOOSE_STOP, 0, sim->stop_ns);
#undef CONSIDER
    *ret_next_ns = next_ns;
    return count;
}

static void purge(struct sim *sim, struct sim_purge *self)
{
    self->next_ns = ASYNC_NEVER;
    sim_forget(sim, self->key);
    sim_trace(sim, "purge of key %u", self->key);
    fetcher_purge(sim->fetcher, &sim->keys[self->key].key);
}

static void stop_next_lane(struct sim *sim)
{
    unsigned index = sim->stopped_count++;

    sim_trace(sim, "lane %u stops", index);
    sim->stop_ns =
        sim->stopped_count < sim->lanes_count ? sim->now_ns + sim_delay_ns(sim) : ASYNC_NEVER;
    fetch_lane_stop(sim->lanes[index].lane);
}

static bool act_of_choice(struct sim *sim, struct choice choice)
{
    switch (choice.kind) {
    case CHOOSE_LANE:
        return sim_chance(&sim->random, 25)
                   ? async_manual_loop_step_timer(sim->lanes[choice.index].loop) ||
                         async_manual_loop_step(sim->lanes[choice.index].loop)
                   : async_manual_loop_step(sim->lanes[choice.index].loop);
    case CHOOSE_READER:
        sim_reader_act(&sim->readers[choice.index]);
        return true;
    case CHOOSE_EXCHANGE:
        sim_origin_act(&sim->exchanges[choice.index]);
        return true;
    case CHOOSE_PURGE:
        purge(sim, &sim->purges[choice.index]);
        return true;
    case CHOOSE_STOP:
        stop_next_lane(sim);
        return true;
    }
    return false;
}

/* Returns false if there was nothing to do after all. Now and then an allocation fails in it. */
static bool act(struct sim *sim, struct choice choice)
{
    unsigned nth = sim_chance(&sim->random, 5) ? 1 + sim_below(&sim->random, 8) : 0;
    bool was_something;

    sim_memory_fail(nth);
    was_something = act_of_choice(sim, choice);
    sim->was_short = sim_memory_fail(0) == 0 && nth > 0;
    if (sim->was_short)
        sim_trace(sim, "out of memory at allocation %u of the step", nth);
    return was_something;
}

/* One step of one of those who can; else time goes on. False at the end of the schedule. */
static bool step(struct sim *sim)
{
    static struct choice choices[ACTORS_MAX];
    int64_t next_ns;
    unsigned count = list_choices(sim, choices, &next_ns);

    while (count > 0) {
        unsigned index = sim_below(&sim->random, count);
        if (act(sim, choices[index]))
            return true;
        choices[index] = choices[--count];
    }
    sim_check_quiet(sim);
    for (unsigned i = 0; i < sim->lanes_count; i++)
        next_ns = earliest(next_ns, async_manual_loop_next_ns(sim->lanes[i].loop));
    if (next_ns == ASYNC_NEVER)
        return false;
    sim->now_ns = next_ns;
    for (unsigned i = 0; i < sim->lanes_count; i++)
        async_manual_loop_set_clock(sim->lanes[i].loop, next_ns);
    return true;
}

static void turn(struct sim *sim)
{
    while (step(sim)) {
        if (++sim->steps > STEPS_MAX)
            sim_fail(sim, "no end in sight");
        sim_check_step(sim);
        sim_check_order(sim);
    }
}

void sim_run(struct sim *sim, uint64_t seed, bool is_traced)
{
    sim->seed = seed;
    sim->random.state = seed;
    sim->is_traced = is_traced;
    sim->now_ns = 0;
    sim->steps = 0;
    sim->stopped_count = 0;
    sim->exchanges_count = 0;
    sim->notes_count = 0;
    sim->turns = 0;
    sim->places_count = 0;
    sim->is_store_looked_through = false;
    make_world(sim);
    turn(sim);
    while (sim->stopped_count < sim->lanes_count)
        stop_next_lane(sim);
    sim->stop_ns = ASYNC_NEVER;
    turn(sim);
    sim_check_end(sim);
    free_world(sim);
}
