/* SPDX-License-Identifier: MIT */
/*
 * machine.h - how many cores and how much memory this process may use.
 *
 * In a container both are often less than the machine's: the control groups say so, and a cache
 * sized by the machine would be killed there.
 */
#ifndef CONFIG_MACHINE_H
#define CONFIG_MACHINE_H

#include <stdint.h>

/*
 * machine_memory_bytes - the machine's memory, or the least limit that the control groups put on
 * this process, version 2 or 1. `root` is put before the paths under /proc and /sys; "" in earnest.
 */
uint64_t machine_memory_bytes(const char *root);

/*
 * machine_cores - the cores that the process may run on, at least 1; a quota of CPU time counts as
 * the cores that it amounts to, rounded up.
 */
unsigned machine_cores(const char *root);

#endif
