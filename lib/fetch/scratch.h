/* SPDX-License-Identifier: MIT */
/*
 * scratch.h - memory for what lives no longer than a fetch.
 *
 * A miss makes some fifty blocks that are gone when it is over, and two that stay: its entry and
 * its body. Taken from one heap, the short-lived ones come to lie between the stored ones, each
 * time where no cache of the processor has been lately. So they are kept apart: a block that is
 * freed here is the next one of its size that this thread gets.
 */
#ifndef FETCH_SCRATCH_H
#define FETCH_SCRATCH_H

#include <stddef.h>

/*
 * scratch_begin - from now on blocks are kept. Before, each goes back to malloc() at once, so that
 * a test which lets the n-th allocation fail always means the same one.
 * Thread    any; called again, it changes nothing.
 */
void scratch_begin(void);

/*
 * scratch_allocate, scratch_allocate_zeroed, scratch_resize, scratch_copy_text, scratch_free - as
 * malloc(), calloc(), realloc(), strdup() and free(), of which they are made.
 * Owns      a block is freed by the functions of this file alone.
 * Thread    any; also another one than that which allocated.
 */
void *scratch_allocate(size_t bytes);
void *scratch_allocate_zeroed(size_t count, size_t size);
void *scratch_resize(void *block, size_t bytes);
char *scratch_copy_text(const char *text);
void scratch_free(void *block);

#endif
