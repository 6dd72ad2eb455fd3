/* SPDX-License-Identifier: MIT */
/*
 * memory.c - see memory.h. The processes are those there at the beginning: a cache that is up
 * starts none during a round.
 */
#include "memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "../clock.h"
#include "../processes.h"

enum { LOOK_EVERY_MS = 10 };

struct memory {
    struct processes processes;
    size_t before_bytes, peak_bytes;
    atomic_bool is_over;
    pthread_t thread;
};

static void *look(void *context)
{
    struct memory *memory = context;
    struct timespec pause = {0, LOOK_EVERY_MS * MS_NS};

    while (!atomic_load(&memory->is_over)) {
        size_t bytes = processes_resident_bytes(&memory->processes);

        if (bytes > memory->peak_bytes)
            memory->peak_bytes = bytes;
        nanosleep(&pause, NULL);
    }
    return NULL;
}

struct memory *memory_watch(int pid)
{
    struct memory *memory = calloc(1, sizeof(*memory));

    if (memory == NULL)
        die("memory");
    if (pid > 0)
        processes_add(&memory->processes, pid);
    memory->before_bytes = processes_resident_bytes(&memory->processes);
    memory->peak_bytes = memory->before_bytes;
    if (pthread_create(&memory->thread, NULL, look, memory) != 0)
        die("watching the memory");
    return memory;
}

void memory_stop(struct memory *memory, size_t *ret_before_bytes, size_t *ret_peak_bytes)
{
    atomic_store(&memory->is_over, true);
    pthread_join(memory->thread, NULL);
    *ret_before_bytes = memory->before_bytes;
    *ret_peak_bytes = memory->peak_bytes;
    free(memory);
}
