/* SPDX-License-Identifier: MIT */
/*
 * pool.h - blocks of one size that go round: a request takes the block that the last one gave back,
 * which is still in the processor's cache, so a kept connection allocates nothing per request.
 * On one loop, without locks.
 */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include <stddef.h>

struct pool_block {
    struct pool_block *next;
};

struct pool {
    struct pool_block *blocks;
    size_t block_bytes;
    unsigned idle;     /* blocks that wait in the pool, */
    unsigned idle_max; /* and how many it keeps */
};

/* pool_init - an empty pool. pool_fini frees what waits in it; what was taken is the taker's. */
void pool_init(struct pool *pool, size_t block_bytes, unsigned idle_max);
void pool_fini(struct pool *pool);

/* pool_take - a block of old bytes, or NULL without memory. pool_give takes it back. */
void *pool_take(struct pool *pool);
void pool_give(struct pool *pool, void *block);

#endif
