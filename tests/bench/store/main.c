/* SPDX-License-Identifier: MIT */
/*
 * main.c - whether the store stays fast when it is large.
 *
 * usage: bench_store_size [--quick]
 *
 * Prints two tables in Markdown. The first: a store within a running server, with many small
 * entries, and one with a thousand, asked in turn; what a look-up costs, what a hit on /fetch costs
 * the server, and what memory each entry takes. The second: the longest calls to a store whose
 * budget is used up. Processor times are those of the thread, or of the server's threads, so that
 * neighbours on the machine do not count. Each row is a process of its own.
 *
 * Without --quick: up to ten million entries, 8 GiB of memory, two minutes. With it: up to one
 * million, 0.8 GiB, half a minute.
 */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cache/body.h>

#include "../clock.h"
#include "measure.h"

#define SIZES      3
#define PAUSE_RUNS 3

/* Where the processes of the rows leave their figures. */
struct results {
    struct size_figures sizes[SIZES];
    struct pause_figures pauses[PAUSE_RUNS][PAUSE_CASES];
};

static void wait_for(pid_t pid)
{
    int status;

    if (waitpid(pid, &status, 0) < 0)
        die("waitpid");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        exit(1); /* it has said why */
}

static void print_sizes(const struct size_figures sizes[SIZES])
{
    printf(
        "| entries | look-up, ns | among %d | hit on /fetch, us of the server | among %d | ratio "
        "| resident bytes each | of them head and body | key | overhead | overhead as charged | "
        "longest insert, us |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
        SMALL_ENTRIES, SMALL_ENTRIES);
    for (int i = 0; i < SIZES; i++) {
        const struct size_figures *size = &sizes[i];
        double beside = size->payload + size->key_bytes;

        printf("| %llu | %.0f | %.0f | %.2f | %.2f | %.2f | %.0f | %.0f | %.0f | %.0f | %.0f "
               "| %.0f |\n",
               (unsigned long long)size->entries, size->lookup_ns[0], size->lookup_ns[1],
               size->served_ns[0] / 1000, size->served_ns[1] / 1000,
               size->served_ns[0] / size->served_ns[1], size->resident, size->payload,
               size->key_bytes, size->resident - beside, size->charged - beside, size->fill_max_us);
    }
}

/* All runs do the same: what takes long by itself does so in each, and what does not was a
 * neighbour or the host. */
static void keep_least(struct pause_figures least[PAUSE_CASES],
                       const struct pause_figures run[PAUSE_CASES])
{
    for (int i = 0; i < PAUSE_CASES; i++) {
        for (int k = 0; k < 3; k++) {
            if (run[i].cpu_us[k] < least[i].cpu_us[k])
                least[i].cpu_us[k] = run[i].cpu_us[k];
            if (run[i].wall_us[k] < least[i].wall_us[k])
                least[i].wall_us[k] = run[i].wall_us[k];
        }
    }
}

static void print_pauses(const struct pause_figures pauses[PAUSE_CASES])
{
    printf(
        "| inserts | calls | us of the thread: half | 99.9 %% | longest | us on the wall: half | "
        "99.9 %% | longest |\n|---|---:|---:|---:|---:|---:|---:|---:|\n");
    for (int i = 0; i < PAUSE_CASES; i++) {
        const struct pause_figures *pause = &pauses[i];

        printf("| %s | %zu | %.1f | %.1f | %.0f | %.1f | %.1f | %.0f |\n", pause->what,
               pause->calls, pause->cpu_us[0], pause->cpu_us[1], pause->cpu_us[2],
               pause->wall_us[0], pause->wall_us[1], pause->wall_us[2]);
    }
}

int main(int argc, char **argv)
{
    bool is_quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
    const uint64_t entries[SIZES] = {10000, 100000, is_quick ? 1000000 : 10000000};
    struct results *results;
    pid_t pid;

    if (argc > 1 && !is_quick) {
        fprintf(stderr, "usage: bench_store_size [--quick]\n");
        return 2;
    }
    body_return_memory(); /* as the server's main() does */
    results =
        mmap(NULL, sizeof *results, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (results == MAP_FAILED)
        die("mmap");
    for (int i = 0; i < SIZES; i++) {
        pid = fork();
        if (pid == 0) {
            measure_size(entries[i], &results->sizes[i]);
            _exit(0); /* the entries need not be freed one by one */
        }
        wait_for(pid);
    }
    for (int run = 0; run < PAUSE_RUNS; run++) {
        pid = fork();
        if (pid == 0) {
            measure_pauses((size_t)(is_quick ? 256 : 1024) << 20, results->pauses[run]);
            _exit(0);
        }
        wait_for(pid);
        keep_least(results->pauses[0], results->pauses[run]);
    }
    print_sizes(results->sizes);
    printf("\n");
    print_pauses(results->pauses[0]);
    return 0;
}
