/* SPDX-License-Identifier: MIT */
/*
 * machine.c - see machine.h.
 *
 * Version 2 of the control groups: /proc/self/cgroup names the group of the process ("0::/a/b"),
 * and memory.max and cpu.max in it and in each group above it all bind. In a container with a
 * namespace of its own the name is "/". Version 1 is read where containers mount it.
 */
#include "config/machine.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GROUP_BYTES_MAX 2048

/* Reads the first line of a file, without its newline. */
static bool line_read(const char *root, const char *path, const char *name, char *ret_line,
                      int line_bytes)
{
    char full[PATH_MAX];
    FILE *file;
    bool is_read;
    int bytes = snprintf(full, sizeof(full), "%s%s%s", root, path, name);

    if (bytes < 0 || (size_t)bytes >= sizeof(full))
        return false;
    file = fopen(full, "re");
    if (file == NULL)
        return false;
    is_read = fgets(ret_line, line_bytes, file) != NULL;
    fclose(file);
    if (is_read)
        ret_line[strcspn(ret_line, "\n")] = '\0';
    return is_read;
}

/* The group of version 2 that the process is in, as a folder: "/sys/fs/cgroup/a/b". */
static bool group_find(const char *root, char ret_group[GROUP_BYTES_MAX])
{
    char line[GROUP_BYTES_MAX - 16];
    size_t bytes;

    /* The line of version 2 is the only one, or, beside version 1, not a limiting one. */
    if (!line_read(root, "/proc/self/cgroup", "", line, sizeof(line)) ||
        strncmp(line, "0::/", 4) != 0)
        return false;
    snprintf(ret_group, GROUP_BYTES_MAX, "/sys/fs/cgroup%s", line + 3);
    bytes = strlen(ret_group);
    if (ret_group[bytes - 1] == '/')
        ret_group[bytes - 1] = '\0';
    return true;
}

/* Goes one group up; false at the top. */
static bool group_ascend(char *group)
{
    char *slash = strrchr(group, '/');
    assert(slash != NULL);
    if (strcmp(group, "/sys/fs/cgroup") == 0)
        return false;
    *slash = '\0';
    return true;
}

static uint64_t limit_of(const char *root, const char *folder, const char *name, uint64_t otherwise)
{
    char line[64];
    uint64_t limit;
    if (line_read(root, folder, name, line, sizeof(line)) &&
        sscanf(line, "%" SCNu64, &limit) == 1 && limit < otherwise)
        return limit;
    return otherwise; /* no such file, or the word "max" */
}

uint64_t machine_memory_bytes(const char *root)
{
    uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    char group[GROUP_BYTES_MAX];
    bool has_group = group_find(root, group);

    while (has_group) {
        bytes = limit_of(root, group, "/memory.max", bytes);
        has_group = group_ascend(group);
    }
    return limit_of(root, "/sys/fs/cgroup/memory", "/memory.limit_in_bytes", bytes);
}

/* The cores that a quota amounts to, rounded up; `cores` if it is none or more. */
static unsigned cores_within(long long quota_us, long long period_us, unsigned cores)
{
    long long whole;
    if (quota_us <= 0 || period_us <= 0)
        return cores;
    whole = quota_us / period_us + (quota_us % period_us != 0 ? 1 : 0);
    return whole < (long long)cores ? (unsigned)whole : cores;
}

unsigned machine_cores(const char *root)
{
    char group[GROUP_BYTES_MAX];
    char line[64];
    cpu_set_t set;
    unsigned cores = 1;
    long long quota_us;
    long long period_us;
    bool has_group = group_find(root, group);

    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        cores = (unsigned)CPU_COUNT(&set);
    while (has_group) {
        if (line_read(root, group, "/cpu.max", line, sizeof(line)) &&
            sscanf(line, "%lld %lld", &quota_us, &period_us) == 2)
            cores = cores_within(quota_us, period_us, cores);
        has_group = group_ascend(group);
    }
    if (line_read(root, "/sys/fs/cgroup/cpu", "/cpu.cfs_quota_us", line, sizeof(line)) &&
        sscanf(line, "%lld", &quota_us) == 1 &&
        line_read(root, "/sys/fs/cgroup/cpu", "/cpu.cfs_period_us", line, sizeof(line)) &&
        sscanf(line, "%lld", &period_us) == 1)
        cores = cores_within(quota_us, period_us, cores);
    return cores > 0 ? cores : 1;
}
