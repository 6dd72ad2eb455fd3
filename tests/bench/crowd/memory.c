/* SPDX-License-Identifier: MIT */
/*
 * memory.c - see memory.h. The processes are those there at the beginning: a cache that is up
 * starts none during a round.
 */
#include "memory.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "clock.h"

enum { PROCESSES_MAX = 64, LOOK_EVERY_MS = 10 };

struct memory {
    int pids[PROCESSES_MAX];
    int count;
    size_t before_bytes, peak_bytes;
    atomic_bool is_over;
    pthread_t thread;
};

/* The number behind `name` in /proc/PID/status; 0 if the process or the line is gone. */
static long status_number(int pid, const char *name)
{
    char path[64];
    char line[256];
    long number = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    file = fopen(path, "r");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            number = strtol(line + strlen(name), NULL, 10);
            break;
        }
    }
    fclose(file);
    return number;
}

static bool is_known(const struct memory *memory, long pid)
{
    for (int i = 0; i < memory->count; i++) {
        if (memory->pids[i] == pid)
            return true;
    }
    return false;
}

/* Adds the children of those that are known. Returns whether there were any. */
static bool add_children(struct memory *memory)
{
    DIR *folder = opendir("/proc");
    bool has_added = false;
    struct dirent *file;

    if (folder == NULL)
        die("/proc");
    while ((file = readdir(folder)) != NULL && memory->count < PROCESSES_MAX) {
        int pid = (int)strtol(file->d_name, NULL, 10);

        if (pid > 0 && !is_known(memory, pid) && is_known(memory, status_number(pid, "PPid:"))) {
            memory->pids[memory->count++] = pid;
            has_added = true;
        }
    }
    closedir(folder);
    return has_added;
}

static size_t resident_bytes(const struct memory *memory)
{
    size_t bytes = 0;

    for (int i = 0; i < memory->count; i++)
        bytes += (size_t)status_number(memory->pids[i], "VmRSS:") * 1024;
    return bytes;
}

static void *look(void *context)
{
    struct memory *memory = context;
    struct timespec pause = {0, LOOK_EVERY_MS * MS_NS};

    while (!atomic_load(&memory->is_over)) {
        size_t bytes = resident_bytes(memory);

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
    if (pid > 0) {
        memory->pids[memory->count++] = pid;
        while (add_children(memory)) {
        }
    }
    memory->before_bytes = resident_bytes(memory);
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
