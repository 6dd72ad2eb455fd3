/* SPDX-License-Identifier: MIT */
/*
 * memory.h - the resident memory of a cache while it is measured: looked at every ten milliseconds
 * by a thread of its own, of the process given and all that it has started, added up.
 */
#ifndef BENCH_CROWD_MEMORY_H
#define BENCH_CROWD_MEMORY_H

#include <stddef.h>

struct memory;

/* memory_watch - begins to look; what was there before is `before`. 0 as `pid` watches nothing. */
struct memory *memory_watch(int pid);

/* memory_stop - ends it, and frees it: bytes at the beginning, and at most. */
void memory_stop(struct memory *memory, size_t *ret_before_bytes, size_t *ret_peak_bytes);

#endif
