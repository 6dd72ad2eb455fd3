/* SPDX-License-Identifier: MIT */
/*
 * lane.h - the insides of fetcher and lane, for the files of this folder.
 */
#ifndef FETCH_LANE_H
#define FETCH_LANE_H

#include <stdalign.h>
#include <stdatomic.h>

#include <async/keyed_lock.h>
#include <fetch/fetcher.h>

#include "gate.h"
#include "table.h"

#define LINE_BYTES 64 /* of the processor's cache */

struct fetcher {
    struct fetch_settings settings; /* those it was made with: the first policy's */
    struct fetch_policy *first_policy;
    pthread_mutex_t policy_mutex;
    _Atomic(struct fetch_policy *) policy; /* of requests to come; written under policy_mutex */
    struct store *store;
    struct async_keyed_lock *keys; /* who holds a URL's lock may fetch it */
    struct flight_table *table;
    /* Written now and then by all lanes; what is above, hits read. */
    alignas(LINE_BYTES)
        atomic_size_t arriving_bytes; /* of answers on their way into the store, on all lanes */
    atomic_uint waiting;              /* requests that wait for a head, on all lanes */
    atomic_size_t held_bytes;         /* of entries, on all lanes: see held.h */
    pthread_mutex_t lanes_mutex;
    struct async_list lanes; /* under lanes_mutex */
    struct guard_own own;    /* its arrays are the fetcher's */
};

/* Written by the lane's thread alone, read by any. */
struct lane_counters {
#define X(name, text) atomic_int_fast64_t name;
    FETCH_COUNTERS(X)
#undef X
};

struct fetch_lane {
    alignas(LINE_BYTES) struct fetcher *fetcher; /* lanes share no cache line */
    struct async_loop *loop;
    struct upstream *upstream; /* the gate */
    struct gate_upstream gate;
    struct upstream *network; /* behind it */
    bool owns_network;
    bool is_stopped; /* nothing is fetched here any more */
    struct fetch_environment environment;
    struct async_list flights;   /* those that live here */
    struct async_list refreshes; /* their readers that no client stands behind */
    uint32_t refreshes_count;
    struct async_list held; /* struct fetch_held */
    struct async_timer held_timer;
    uint32_t deserted_count; /* flights that went on when everybody had left them */
    uint32_t tunnels;        /* that are open, or about to be */
    struct async_list node;  /* in fetcher->lanes */
    struct lane_counters counters;
    uint64_t random_state;
};

/* LANE_COUNT - adds to one of this thread's counters. */
#define LANE_COUNT(lane, name, by)                                                                 \
    atomic_store_explicit(&(lane)->counters.name,                                                  \
                          atomic_load_explicit(&(lane)->counters.name, memory_order_relaxed) +     \
                              (by),                                                                \
                          memory_order_relaxed)

/*
 * lane_find - the stored answer, fresh or stale, to a request with this key and these fields; NULL:
 * there is none. The caller gets a reference.
 */
struct entry *lane_find(struct fetch_lane *lane, const struct key *own, struct field_view fields,
                        int64_t now_s);

/* lane_find_index - what the answers to requests of this key vary by, NULL: nothing is known. */
struct entry *lane_find_index(struct fetch_lane *lane, const struct key *own);

/* lane_why_missed - what kept a request from being a hit, or would have. */
enum fetch_miss lane_why_missed(struct fetch_lane *lane, const struct key *own,
                                struct field_view fields, int64_t now_s);

/* lane_end_refreshes - the readers leave; what becomes of their flights is the flights' affair. */
void lane_end_refreshes(struct fetch_lane *lane);

/* lane_held_init, lane_held_drop_all - the lane's part of held.h, and the end of it. */
void lane_held_init(struct fetch_lane *lane);
void lane_held_drop_all(struct fetch_lane *lane);

uint64_t lane_random(struct fetch_lane *lane);

/* lane_random_below - a number from 0 to limit - 1. */
uint64_t lane_random_below(struct fetch_lane *lane, uint64_t limit);

#endif
