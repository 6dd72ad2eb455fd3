/* SPDX-License-Identifier: MIT */
/*
 * main.c - the simulator's command line: sim [--trace] [--fault NAME] SEED COUNT.
 *
 * Runs COUNT schedules from SEED on. Ends with 1 at the first that breaks a rule or an assertion,
 * after a line that begins with its seed; `sim --trace SEED 1` replays it and tells each event.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "sim.h"

static struct sim sim;

#ifdef FETCHONCE_FAULTS
enum planted_fault planted_fault;

static bool plant(const char *name)
{
    static const char *const names[] = {"none",
#define X(fault) #fault,
                                        FAULTS(X)
#undef X
    };

    for (unsigned i = 0; i < FAULTS_COUNT; i++) {
        if (strcmp(names[i], name) == 0) {
            planted_fault = (enum planted_fault)i;
            return true;
        }
    }
    return false;
}
#else
static bool plant(const char *name)
{
    (void)name;
    return false;
}
#endif

/* Written before each schedule, since a signal handler can format nothing. */
static char seed_line[64];
static size_t seed_line_bytes;

static void run(uint64_t seed, bool is_traced)
{
    seed_line_bytes = (size_t)snprintf(seed_line, sizeof seed_line, "seed %llu: aborted\n",
                                       (unsigned long long)seed);
    sim_run(&sim, seed, is_traced);
}

/* The assertion has said what; this says which seed. */
static void on_abort(int number)
{
    (void)number;
    if (write(STDOUT_FILENO, seed_line, seed_line_bytes) < 0)
        _Exit(2);
    _Exit(1);
}

static int usage(void)
{
    fprintf(stderr, "usage: sim [--trace] [--fault NAME] SEED COUNT\n");
    return 2;
}

int main(int argc, char **argv)
{
    bool is_traced = false;
    unsigned long long first, count, steps = 0, exchanges = 0;
    int at = 1;

    for (; at < argc && argv[at][0] == '-'; at++) {
        if (strcmp(argv[at], "--trace") == 0)
            is_traced = true;
        else if (strcmp(argv[at], "--fault") != 0 || at + 1 == argc || !plant(argv[++at]))
            return usage();
    }
    if (argc - at != 2)
        return usage();
    first = strtoull(argv[at], NULL, 10);
    count = strtoull(argv[at + 1], NULL, 10);
    signal(SIGABRT, on_abort);
    signal(SIGSEGV, on_abort);
    for (unsigned long long seed = first; seed - first < count; seed++) {
        run(seed, is_traced);
        steps += sim.steps;
        exchanges += sim.exchanges_count;
    }
    printf("%llu seeds, %llu steps, %llu requests to the origin: no rule broken\n", count, steps,
           exchanges);
    return 0;
}
