/* SPDX-License-Identifier: MIT */
/*
 * memory.c - memory that runs out where the schedule says.
 *
 * The program is linked so that the product's allocations come here first. The one that is to fail
 * is counted down, and then the next are served again: what a single failure does is easier to see,
 * and a product that survives one at any place survives more.
 */
#include <stddef.h>

#include "sim.h"

/* The linker's names for the real ones, and for those that are called instead. */
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);

/* One for the program: a wrapped function has no context. 0: none fails. */
static unsigned countdown;

unsigned sim_memory_fail(unsigned nth)
{
    unsigned before = countdown;

    countdown = nth;
    return before;
}

static bool is_short(void)
{
    return countdown > 0 && --countdown == 0;
}

void *__wrap_malloc(size_t bytes)
{
    return is_short() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return is_short() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *memory, size_t bytes)
{
    return is_short() ? NULL : __real_realloc(memory, bytes);
}
