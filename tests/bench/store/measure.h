/* SPDX-License-Identifier: MIT */
/*
 * measure.h - what is measured of the store, each by a function that prints nothing.
 */
#ifndef BENCH_STORE_MEASURE_H
#define BENCH_STORE_MEASURE_H

#include <cache/store.h>

/* Of a store with so many small entries in it. */
struct size_figures {
    uint64_t entries;
    /* Medians of rounds, in turn with rounds of a store with SMALL_ENTRIES, the second of each. */
    double lookup_ns[2]; /* key hashed, looked up, head and body read, given back */
    double served_ns[2]; /* the server's processor time for one hit on /fetch over HTTP */
    double resident;     /* bytes of each entry by the growth of the process, key and payload too */
    double charged;      /* the same as the budget counts it */
    double key_bytes;    /* of each */
    double payload;      /* of each: head and body */
    double fill_max_us;  /* the longest insert, by its thread's processor time */
};

#define SMALL_ENTRIES 1000

/* Starts servers within this process, fills their stores, and asks. For a process of its own. */
void measure_size(uint64_t entries, struct size_figures *ret_figures);

#define CLIENT_CONNECTIONS 64

/* Clients of a server within this process. */
struct client {
    int fds[CLIENT_CONNECTIONS];
    uint64_t entries; /* that there are to ask for */
    uint64_t state;   /* of what is random */
};

void client_init(struct client *client, uint16_t port, uint64_t entries);
void client_fini(struct client *client);

/* The processor time, per request, that the other threads of this process take to answer. */
double client_round_ns(struct client *client, unsigned requests);

/* How long single calls took: by the thread's processor time, and by the clock on the wall. */
struct pause_figures {
    const char *what;
    size_t calls;
    double cpu_us[3]; /* half, 99.9 of 100, all of them took no longer */
    double wall_us[3];
};

#define PAUSE_CASES 4

/* In a store of that budget which is full, for a process of its own. */
void measure_pauses(size_t budget_bytes, struct pause_figures ret_figures[PAUSE_CASES]);

#endif
