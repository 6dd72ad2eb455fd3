/* SPDX-License-Identifier: MIT */
/*
 * fetcher.c - what all loops share of fetching, and each loop's lane: made, counted, ended.
 *
 * The addresses of this machine are read once at the start, so that a request for one of them on a
 * port of this server is known for what it is.
 */
#include <fetch/fetcher.h>

#include <assert.h>
#include <errno.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "curl_upstream.h"
#include "flight.h"
#include "lane.h"
#include "part.h"
#include "variant.h"

static int read_own_addresses(struct fetcher *fetcher)
{
    struct guard_network *networks;
    struct ifaddrs *interfaces;
    size_t count = 0;

    if (getifaddrs(&interfaces) < 0)
        return -errno;
    for (struct ifaddrs *one = interfaces; one != NULL; one = one->ifa_next)
        count++;
    networks = calloc(count + 1, sizeof *networks);
    if (networks == NULL) {
        freeifaddrs(interfaces);
        return -ENOMEM;
    }
    count = 0;
    for (struct ifaddrs *one = interfaces; one != NULL; one = one->ifa_next) {
        if (one->ifa_addr != NULL && guard_network_of_address(one->ifa_addr, &networks[count]) == 0)
            count++;
    }
    freeifaddrs(interfaces);
    fetcher->own.addresses = networks;
    fetcher->own.address_count = count;
    return 0;
}

int fetcher_new(const struct fetch_settings *settings, struct store *store,
                struct fetcher **ret_fetcher)
{
    struct fetcher *fetcher = aligned_alloc(alignof(struct fetcher), sizeof *fetcher);
    int err;

    if (fetcher == NULL)
        return -ENOMEM;
    *fetcher = (struct fetcher){0};
    fetcher->store = store;
    atomic_init(&fetcher->arriving_bytes, 0);
    atomic_init(&fetcher->waiting, 0);
    atomic_init(&fetcher->held_bytes, 0);
    pthread_mutex_init(&fetcher->lanes_mutex, NULL);
    pthread_mutex_init(&fetcher->policy_mutex, NULL);
    async_list_init(&fetcher->lanes);
    err = read_own_addresses(fetcher);
    if (err < 0)
        goto fail;
    err = fetcher_policy_new(fetcher, settings, &fetcher->first_policy);
    if (err < 0)
        goto fail;
    fetcher->settings = fetcher->first_policy->settings;
    atomic_init(&fetcher->policy, fetch_policy_ref(fetcher->first_policy));
    err = flight_table_new(settings->markers_max, &fetcher->table);
    if (err < 0)
        goto fail;
    err = async_keyed_lock_new(&fetcher->keys);
    if (err < 0)
        goto fail;
    err = curl_upstream_global_init();
    if (err < 0)
        goto fail;
    *ret_fetcher = fetcher;
    return 0;
fail:
    fetcher_free(fetcher);
    return err;
}

void fetcher_free(struct fetcher *fetcher)
{
    if (fetcher == NULL)
        return;
    assert(async_list_is_empty(&fetcher->lanes));
    async_keyed_lock_free(fetcher->keys);
    flight_table_free(fetcher->table);
    fetch_policy_unref(fetcher->policy);
    fetch_policy_unref(fetcher->first_policy);
    pthread_mutex_destroy(&fetcher->policy_mutex);
    pthread_mutex_destroy(&fetcher->lanes_mutex);
    free((void *)fetcher->own.addresses);
    free((void *)fetcher->own.ports);
    free(fetcher);
}

const struct fetch_settings *fetcher_settings(const struct fetcher *fetcher)
{
    return &fetcher->settings;
}

struct store *fetcher_store(const struct fetcher *fetcher)
{
    return fetcher->store;
}

struct fetch_policy *fetcher_policy(const struct fetcher *fetcher)
{
    return atomic_load_explicit(&fetcher->policy, memory_order_acquire);
}

int fetcher_policy_new(const struct fetcher *fetcher, const struct fetch_settings *settings,
                       struct fetch_policy **ret_policy)
{
    struct fetch_settings own = *settings;

    own.guard.own = &fetcher->own;
    return fetch_policy_new(&own, ret_policy);
}

void fetcher_set_policy(struct fetcher *fetcher, struct fetch_policy *policy)
{
    struct fetch_policy *before;

    pthread_mutex_lock(&fetcher->policy_mutex);
    before =
        atomic_exchange_explicit(&fetcher->policy, fetch_policy_ref(policy), memory_order_acq_rel);
    pthread_mutex_unlock(&fetcher->policy_mutex);
    fetch_policy_unref(before);
}

bool fetcher_follow_policy(struct fetcher *fetcher, struct fetch_policy **policy)
{
    struct fetch_policy *before = *policy;

    /* The caller's reference keeps another from being made at the same address. */
    if (atomic_load_explicit(&fetcher->policy, memory_order_relaxed) == before)
        return false;
    pthread_mutex_lock(&fetcher->policy_mutex);
    *policy = fetch_policy_ref(fetcher_policy(fetcher));
    pthread_mutex_unlock(&fetcher->policy_mutex);
    fetch_policy_unref(before);
    return true;
}

int fetcher_set_own_ports(struct fetcher *fetcher, const uint16_t *ports, size_t count)
{
    uint16_t *copy = malloc((count + 1) * sizeof *copy);

    assert(fetcher->own.ports == NULL);
    if (copy == NULL)
        return -ENOMEM;
    memcpy(copy, ports, count * sizeof *copy);
    fetcher->own.ports = copy;
    __atomic_store_n(&fetcher->own.port_count, count, __ATOMIC_RELEASE);
    return 0;
}

void fetcher_read_counters(struct fetcher *fetcher, struct fetch_counters *ret_counters)
{
    struct fetch_counters sums = {0};

    pthread_mutex_lock(&fetcher->lanes_mutex);
    for (struct async_list *node = fetcher->lanes.next; node != &fetcher->lanes;
         node = node->next) {
        struct fetch_lane *lane = async_container_of(node, struct fetch_lane, node);
#define X(name, text)                                                                              \
    sums.name += (int64_t)atomic_load_explicit(&lane->counters.name, memory_order_relaxed);
        FETCH_COUNTERS(X)
#undef X
    }
    pthread_mutex_unlock(&fetcher->lanes_mutex);
    *ret_counters = sums;
}

static int64_t system_clock_s(void *context)
{
    struct timespec now;

    (void)context;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec;
}

/* Marsaglia's xorshift64: for jitter, where nothing depends on it not being guessed. */
static uint64_t system_random(void *context)
{
    struct fetch_lane *lane = context;
    uint64_t state = lane->random_state;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    lane->random_state = state;
    return state;
}

static int use_system_environment(struct fetch_lane *lane)
{
    lane->environment = (struct fetch_environment){
        .wall_clock_s = system_clock_s, .random = system_random, .context = lane};
    if (getrandom(&lane->random_state, sizeof lane->random_state, 0) !=
        (ssize_t)sizeof lane->random_state)
        return errno != 0 ? -errno : -EIO;
    lane->random_state |= 1; /* the generator stands still at 0 */
    return 0;
}

int fetch_lane_new(struct fetcher *fetcher, struct async_loop *loop, struct upstream *upstream,
                   const struct fetch_environment *environment, struct fetch_lane **ret_lane)
{
    struct fetch_lane *lane = aligned_alloc(alignof(struct fetch_lane), sizeof *lane);
    int err = 0;

    if (lane == NULL)
        return -ENOMEM;
    *lane = (struct fetch_lane){0};
    lane->fetcher = fetcher;
    lane->loop = loop;
    lane->network = upstream;
    async_list_init(&lane->flights);
    async_list_init(&lane->refreshes);
    lane_held_init(lane);
    if (environment != NULL)
        lane->environment = *environment;
    else
        err = use_system_environment(lane);
    if (err == 0 && upstream == NULL) {
        err = curl_upstream_new(loop, &fetcher->settings, &lane->network);
        lane->owns_network = err == 0;
    }
    if (err < 0) {
        free(lane);
        return err;
    }
    gate_init(&lane->gate, loop, lane->network, &lane->environment);
    lane->upstream = &lane->gate.upstream;
    pthread_mutex_lock(&fetcher->lanes_mutex);
    async_list_append(&fetcher->lanes, &lane->node);
    pthread_mutex_unlock(&fetcher->lanes_mutex);
    *ret_lane = lane;
    return 0;
}

void fetch_lane_stop(struct fetch_lane *lane)
{
    struct async_list *node;

    async_loop_assert_current(lane->loop);
    lane->is_stopped = true;
    while ((node = async_list_first(&lane->flights)) != NULL)
        flight_abort(async_container_of(node, struct flight, lane_node));
    lane_end_refreshes(lane);
    lane_held_drop_all(lane);
    if (lane->owns_network)
        curl_upstream_close(lane->network);
}

void fetch_lane_free(struct fetch_lane *lane)
{
    if (lane == NULL)
        return;
    assert(async_list_is_empty(&lane->flights) && async_list_is_empty(&lane->refreshes));
    assert(async_list_is_empty(&lane->held));
    assert(lane->tunnels == 0);
    pthread_mutex_lock(&lane->fetcher->lanes_mutex);
    async_list_remove(&lane->node);
    pthread_mutex_unlock(&lane->fetcher->lanes_mutex);
    if (lane->owns_network)
        curl_upstream_free(lane->network);
    free(lane);
}

struct fetcher *fetch_lane_fetcher(const struct fetch_lane *lane)
{
    return lane->fetcher;
}

int64_t fetch_lane_now_s(const struct fetch_lane *lane)
{
    return lane->environment.wall_clock_s(lane->environment.context);
}

uint64_t lane_random(struct fetch_lane *lane)
{
    return lane->environment.random(lane->environment.context);
}

uint64_t lane_random_below(struct fetch_lane *lane, uint64_t limit)
{
    assert(limit > 0);
    return lane_random(lane) % limit;
}

/* Not part of lane_find(), so that a hit of what does not vary needs no room for a key. */
static __attribute__((noinline)) struct entry *find_variant(struct fetch_lane *lane,
                                                            const struct entry *index,
                                                            struct field_view fields, int64_t now_s)
{
    char buffer[KEY_LENGTH_MAX];
    struct key key;

    if (variant_key(lane->fetcher->store, &index->key, index->index, fields, buffer, &key) < 0)
        return NULL;
    return store_lookup(lane->fetcher->store, &key, now_s);
}

struct entry *lane_find(struct fetch_lane *lane, const struct key *own, struct field_view fields,
                        int64_t now_s)
{
    struct entry *entry = store_lookup(lane->fetcher->store, own, now_s);
    struct entry *variant;

    if (entry == NULL || entry->index == NULL)
        return entry;
    variant = find_variant(lane, entry, fields, now_s);
    entry_unref(entry);
    return variant;
}

struct entry *lane_find_index(struct fetch_lane *lane, const struct key *own)
{
    struct entry *entry = store_lookup(lane->fetcher->store, own, 0);

    if (entry != NULL && entry->index == NULL) {
        entry_unref(entry);
        return NULL;
    }
    return entry;
}

enum fetch_miss lane_why_missed(struct fetch_lane *lane, const struct key *own,
                                struct field_view fields, int64_t now_s)
{
    struct entry *entry = lane_find(lane, own, fields, now_s);
    enum fetch_miss miss = FETCH_MISS_URI;

    if (entry != NULL)
        miss = entry_is_fresh(entry, now_s) ? FETCH_MISS_REQUEST : FETCH_MISS_STALE;
    else if ((entry = lane_find_index(lane, own)) != NULL)
        miss = FETCH_MISS_VARY;
    entry_unref(entry);
    return miss;
}
