/* SPDX-License-Identifier: MIT */
/*
 * processes.h - the processes of a server that is measured: it and all that it started, as nginx's
 * workers or Varnish's child. Their processor time and their memory, added up.
 */
#ifndef BENCH_PROCESSES_H
#define BENCH_PROCESSES_H

#include <stddef.h>
#include <stdint.h>

enum { PROCESSES_MAX = 64 };

struct processes {
    int pids[PROCESSES_MAX];
    int count;
};

/* Adds the process and those that descend from it now. What they start later is not counted. */
void processes_add(struct processes *processes, int pid);

/*
 * The processor time used so far. Asked through each process's own clock, which the kernel brings
 * up to date when asked; the files under /proc may lag behind for a thread that has not stopped
 * running.
 */
int64_t processes_used_ns(const struct processes *processes);

size_t processes_resident_bytes(const struct processes *processes);

#endif
