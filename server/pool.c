/* SPDX-License-Identifier: MIT */
/*
 * pool.c - see pool.h.
 */
#include "pool.h"

#include <assert.h>
#include <stdlib.h>

void pool_init(struct pool *pool, size_t block_bytes, unsigned idle_max)
{
    assert(block_bytes >= sizeof(struct pool_block));
    pool->blocks = NULL;
    pool->block_bytes = block_bytes;
    pool->idle = 0;
    pool->idle_max = idle_max;
}

void pool_fini(struct pool *pool)
{
    while (pool->blocks != NULL) {
        struct pool_block *block = pool->blocks;
        pool->blocks = block->next;
        free(block);
    }
    pool->idle = 0;
}

void *pool_take(struct pool *pool)
{
    struct pool_block *block = pool->blocks;

    if (block == NULL)
        return malloc(pool->block_bytes);
    pool->blocks = block->next;
    pool->idle--;
    return block;
}

void pool_give(struct pool *pool, void *given)
{
    struct pool_block *block = given;

    if (pool->idle >= pool->idle_max) {
        free(block);
        return;
    }
    block->next = pool->blocks;
    pool->blocks = block;
    pool->idle++;
}
