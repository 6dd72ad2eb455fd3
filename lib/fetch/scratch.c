/* SPDX-License-Identifier: MIT */
/*
 * scratch.c - lists of free blocks, one for each size, of each thread; see scratch.h.
 *
 * Sizes are rounded up to 64 bytes, and large ones to one of a few. Each block has its class in
 * front. A thread keeps as much of each class as a burst of fetches frees at once; what is beyond
 * goes back to malloc(), as all of it does when the thread ends. The lists are the thread's, and
 * not those of a loop, because libcurl, which allocates the most, does not say for whom.
 */
#include "scratch.h"

#include <assert.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A sanitizer has to see each block end. */
#if defined(__SANITIZE_ADDRESS__)
#define KEEPS_BLOCKS false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEPS_BLOCKS false
#endif
#endif
#ifndef KEEPS_BLOCKS
#define KEEPS_BLOCKS true
#endif

#define STEP_BYTES      64
#define SMALL_BYTES_MAX 2048
#define SMALL_CLASSES   (SMALL_BYTES_MAX / STEP_BYTES)
#define KEPT_BYTES_MAX  (128 * 1024) /* of one class, */
#define KEPT_BLOCKS_MIN 64           /* or so many */

/* With the block's own head; libcurl reads into 16 KiB. */
static const uint32_t large_bytes[] = {4096, 8192, 20480, 40960};

#define LARGE_CLASSES (sizeof large_bytes / sizeof *large_bytes)
#define CLASSES       (SMALL_CLASSES + LARGE_CLASSES) /* as a class: larger than all, never kept */

/* What stands in front of the caller's bytes. */
struct block {
    alignas(max_align_t) size_t class;
    union {
        size_t bytes;       /* in use: how many the caller may have */
        struct block *next; /* free */
    };
};

static_assert(sizeof(struct block) == alignof(max_align_t),
              "aligned as by malloc(), and no larger");

struct scratch {
    struct block *free[CLASSES];
    uint32_t count[CLASSES];
    bool is_registered; /* free_all() will be called */
    bool is_over;       /* has been called */
};

static atomic_bool has_begun;
static _Thread_local struct scratch scratch;
static pthread_key_t end_of_thread;
static pthread_once_t end_of_thread_once = PTHREAD_ONCE_INIT;

void scratch_begin(void)
{
    atomic_store_explicit(&has_begun, true, memory_order_relaxed);
}

static size_t class_of(size_t total_bytes)
{
    if (total_bytes <= SMALL_BYTES_MAX)
        return (total_bytes + STEP_BYTES - 1) / STEP_BYTES - 1;
    for (size_t i = 0; i < LARGE_CLASSES; i++) {
        if (total_bytes <= large_bytes[i])
            return SMALL_CLASSES + i;
    }
    return CLASSES;
}

static size_t bytes_of_class(size_t class)
{
    return class < SMALL_CLASSES ? (class + 1) * STEP_BYTES : large_bytes[class - SMALL_CLASSES];
}

static void free_all(void *context)
{
    struct scratch *own = context;

    own->is_over = true;
    for (size_t class = 0; class < CLASSES; class ++) {
        while (own->free[class] != NULL) {
            struct block *block = own->free[class];
            own->free[class] = block->next;
            free(block);
        }
    }
}

static void make_key(void)
{
    int err = pthread_key_create(&end_of_thread, free_all);

    assert(err == 0);
    (void)err;
}

/* Without memory for it the thread keeps nothing. */
static bool register_end(void)
{
    pthread_once(&end_of_thread_once, make_key);
    scratch.is_registered = pthread_setspecific(end_of_thread, &scratch) == 0;
    return scratch.is_registered;
}

static bool may_keep(size_t class)
{
    uint32_t count_max;

    if (!KEEPS_BLOCKS || class == CLASSES || scratch.is_over ||
        !atomic_load_explicit(&has_begun, memory_order_relaxed))
        return false;
    count_max = (uint32_t)(KEPT_BYTES_MAX / bytes_of_class(class));
    if (scratch.count[class] >= (count_max > KEPT_BLOCKS_MIN ? count_max : KEPT_BLOCKS_MIN))
        return false;
    return scratch.is_registered || register_end();
}

void *scratch_allocate(size_t bytes)
{
    size_t total_bytes = bytes + sizeof(struct block);
    size_t class = class_of(total_bytes);
    struct block *block;

    if (total_bytes < bytes)
        return NULL;
    if (class < CLASSES && scratch.free[class] != NULL) {
        block = scratch.free[class];
        scratch.free[class] = block->next;
        scratch.count[class]--;
    } else {
        if (class < CLASSES && KEEPS_BLOCKS)
            total_bytes = bytes_of_class(class);
        block = malloc(total_bytes);
        if (block == NULL)
            return NULL;
        block->class = class;
    }
    block->bytes = class < CLASSES && KEEPS_BLOCKS ? bytes_of_class(class) - sizeof *block : bytes;
    return block + 1;
}

void *scratch_allocate_zeroed(size_t count, size_t size)
{
    size_t bytes;
    void *memory;

    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    memory = scratch_allocate(bytes);
    return memory != NULL ? memset(memory, 0, bytes) : NULL;
}

void *scratch_resize(void *memory, size_t bytes)
{
    struct block *block = memory;
    void *moved;

    if (block == NULL)
        return scratch_allocate(bytes);
    if (bytes <= block[-1].bytes)
        return block;
    moved = scratch_allocate(bytes);
    if (moved == NULL)
        return NULL;
    memcpy(moved, memory, block[-1].bytes);
    scratch_free(memory);
    return moved;
}

char *scratch_copy_text(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = scratch_allocate(bytes);

    return copy != NULL ? memcpy(copy, text, bytes) : NULL;
}

void scratch_free(void *memory)
{
    struct block *block = memory;

    if (block == NULL)
        return;
    block--;
    if (!may_keep(block->class)) {
        free(block);
        return;
    }
    block->next = scratch.free[block->class];
    scratch.free[block->class] = block;
    scratch.count[block->class]++;
}
