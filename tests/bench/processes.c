/* SPDX-License-Identifier: MIT */
/*
 * processes.c - see processes.h. A process that has ended counts as one that uses nothing.
 */
#include "processes.h"

#include <dirent.h>
#include <stdbool.h>

#include "clock.h"

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

static bool is_known(const struct processes *processes, long pid)
{
    for (int i = 0; i < processes->count; i++) {
        if (processes->pids[i] == pid)
            return true;
    }
    return false;
}

/* Adds the children of those that are known. Returns whether there were any. */
static bool add_children(struct processes *processes)
{
    DIR *folder = opendir("/proc");
    bool has_added = false;
    struct dirent *file;

    if (folder == NULL)
        die("/proc");
    while ((file = readdir(folder)) != NULL && processes->count < PROCESSES_MAX) {
        int pid = (int)strtol(file->d_name, NULL, 10);

        if (pid > 0 && !is_known(processes, pid) &&
            is_known(processes, status_number(pid, "PPid:"))) {
            processes->pids[processes->count++] = pid;
            has_added = true;
        }
    }
    closedir(folder);
    return has_added;
}

void processes_add(struct processes *processes, int pid)
{
    if (processes->count == PROCESSES_MAX)
        return;
    processes->pids[processes->count++] = pid;
    while (add_children(processes)) {
    }
}

int64_t processes_used_ns(const struct processes *processes)
{
    int64_t used_ns = 0;

    for (int i = 0; i < processes->count; i++) {
        clockid_t clock;

        if (clock_getcpuclockid(processes->pids[i], &clock) == 0)
            used_ns += clock_read_ns(clock);
    }
    return used_ns;
}

size_t processes_resident_bytes(const struct processes *processes)
{
    size_t bytes = 0;

    for (int i = 0; i < processes->count; i++)
        bytes += (size_t)status_number(processes->pids[i], "VmRSS:") * 1024;
    return bytes;
}
