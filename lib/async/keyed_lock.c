/* SPDX-License-Identifier: MIT */
/*
 * keyed_lock.c - a hash table whose entries are the holders themselves.
 *
 *     shard: buckets[i] -> holder of "a" -> holder of "f"       chained by next_in_bucket
 *                             |
 *                           queue: waiter, waiter                all for "a", first come first
 *
 * To acquire a free key puts the waiter's struct into its bucket; to acquire a held one parks it in
 * the holder's queue. A release with waiters puts the first of them where the holder stood and
 * moves the rest of the queue to it; without, it takes the holder out, and nothing is left.
 *
 * A shard begins with buckets inside its own struct. It doubles them when it has more keys than
 * buckets; if memory for that is refused, chains get longer and the next new key tries again. A
 * shard that becomes empty goes back to its own buckets. As that many keys have to come before it
 * grows again, growing stays O(1) for each key, and a storm of keys leaves no memory behind.
 *
 * The hash is SipHash-2-4 (Aumasson, Bernstein, 2012): its low bits choose the shard, the next
 * ones the bucket.
 */
#include <assert.h>
#include <errno.h>
#include <sodium/crypto_shorthash_siphash24.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <async/keyed_lock.h>

#include "fault.h"
#include "waiter.h"

enum {
    SHARD_BITS = 8,
    SHARDS = 1 << SHARD_BITS,
    OWN_BUCKETS = 8,
    CACHE_LINE_BYTES = 64,
};

struct shard {
    /* Shards do not share cache lines, or threads with different keys would slow each other. */
    _Alignas(CACHE_LINE_BYTES) pthread_mutex_t mutex;
    struct async_keyed_waiter **buckets ASYNC_GUARDED_BY(async_waitq_class);
    size_t bucket_count ASYNC_GUARDED_BY(async_waitq_class); /* a power of two */
    size_t keys ASYNC_GUARDED_BY(async_waitq_class);         /* held now */
    struct async_keyed_waiter *own_buckets[OWN_BUCKETS] ASYNC_GUARDED_BY(async_waitq_class);
};

struct async_keyed_lock {
    struct shard shards[SHARDS];
    unsigned char secret[crypto_shorthash_siphash24_KEYBYTES];
};

static_assert((OWN_BUCKETS & (OWN_BUCKETS - 1)) == 0, "buckets are chosen by masking");
static_assert(crypto_shorthash_siphash24_BYTES == sizeof(uint64_t), "the hash is 64 bits");

static uint64_t hash_of(const struct async_keyed_lock *lock, const void *key, size_t key_bytes)
{
    unsigned char bytes[crypto_shorthash_siphash24_BYTES];
    uint64_t hash;

    crypto_shorthash_siphash24(bytes, key, key_bytes, lock->secret);
    memcpy(&hash, bytes, sizeof(hash));
    return hash;
}

static struct shard *shard_of(struct async_keyed_lock *lock, uint64_t hash)
{
    return &lock->shards[hash & (SHARDS - 1)];
}

static struct shard *shard_of_waiter(struct async_keyed_lock *lock,
                                     const struct async_keyed_waiter *keyed)
{
    assert(keyed->lock == lock); /* in another table its hash would find its key free */
    return shard_of(lock, keyed->hash);
}

static struct async_keyed_waiter **bucket_of(struct async_keyed_waiter **buckets,
                                             size_t bucket_count, uint64_t hash)
{
    return &buckets[(hash >> SHARD_BITS) & (bucket_count - 1)];
}

static bool is_key_of(const struct async_keyed_waiter *holder, uint64_t hash, const void *key,
                      size_t key_bytes)
{
    return holder->hash == hash && holder->key_bytes == key_bytes &&
           (key_bytes == 0 || memcmp(holder->key, key, key_bytes) == 0);
}

/* Where the pointer to the key's holder is, or where it would be appended. */
static struct async_keyed_waiter **find_locked(struct shard *shard, uint64_t hash, const void *key,
                                               size_t key_bytes) ASYNC_REQUIRES(async_waitq_class)
{
    struct async_keyed_waiter **link = bucket_of(shard->buckets, shard->bucket_count, hash);

    while (*link != NULL && !is_key_of(*link, hash, key, key_bytes))
        link = &(*link)->next_in_bucket;
    return link;
}

static void free_buckets_locked(struct shard *shard) ASYNC_REQUIRES(async_waitq_class)
{
    if (shard->buckets != shard->own_buckets)
        free(shard->buckets);
}

static void grow_locked(struct shard *shard) ASYNC_REQUIRES(async_waitq_class)
{
    size_t count = shard->bucket_count * 2;
    struct async_keyed_waiter **buckets = calloc(count, sizeof(struct async_keyed_waiter *));

    if (buckets == NULL)
        return;
    for (size_t i = 0; i < shard->bucket_count; i++) {
        struct async_keyed_waiter *holder = shard->buckets[i];

        while (holder != NULL) {
            struct async_keyed_waiter *next = holder->next_in_bucket;
            struct async_keyed_waiter **bucket = bucket_of(buckets, count, holder->hash);

            holder->next_in_bucket = *bucket;
            *bucket = holder;
            holder = next;
        }
    }
    free_buckets_locked(shard);
    shard->buckets = buckets;
    shard->bucket_count = count;
}

static void use_own_buckets_locked(struct shard *shard) ASYNC_REQUIRES(async_waitq_class)
{
    if (shard->buckets == shard->own_buckets)
        return;
    free_buckets_locked(shard);
    memset(shard->own_buckets, 0, sizeof(shard->own_buckets));
    shard->buckets = shard->own_buckets;
    shard->bucket_count = OWN_BUCKETS;
}

/* Makes the waiter the holder of its key if the key is free. Returns who holds it now. */
static struct async_keyed_waiter *take_locked(struct shard *shard, struct async_keyed_waiter *keyed)
    ASYNC_REQUIRES(async_waitq_class)
{
    struct async_keyed_waiter **link =
        find_locked(shard, keyed->hash, keyed->key, keyed->key_bytes);

    if (*link != NULL)
        return *link;
    keyed->next_in_bucket = NULL;
    keyed->is_holder = true;
    async_list_init(&keyed->queue);
    *link = keyed;
    shard->keys++;
    if (shard->keys > shard->bucket_count)
        grow_locked(shard);
    return keyed;
}

/* The holder gives the key up: the first in its queue takes its place, or the key is gone. */
static void hand_over_locked(struct shard *shard, struct async_keyed_waiter *holder)
    ASYNC_REQUIRES(async_waitq_class)
{
    struct async_keyed_waiter **link =
        find_locked(shard, holder->hash, holder->key, holder->key_bytes);
    struct async_waiter *first = waiter_first_locked(&holder->queue);
    struct async_keyed_waiter *next;

    assert(*link == holder);
    if (FAULT(grant_out_of_turn) && first != NULL)
        first = async_container_of(holder->queue.previous, struct async_waiter, node);
    holder->is_holder = false;
    if (first == NULL) {
        *link = holder->next_in_bucket;
        shard->keys--;
        if (shard->keys == 0)
            use_own_buckets_locked(shard);
        return;
    }
    next = async_container_of(first, struct async_keyed_waiter, waiter);
    next->next_in_bucket = holder->next_in_bucket;
    next->is_holder = true;
    *link = next;
    async_list_remove(&first->node);
    async_list_init(&next->queue);
    async_list_splice(&next->queue, &holder->queue);
    waiter_post_locked(first, 0);
}

static void on_give_back(struct async_waiter *waiter, int status)
{
    struct async_keyed_waiter *keyed =
        async_container_of(waiter, struct async_keyed_waiter, waiter);
    int err;

    if (status != 0 || FAULT(lost_grant))
        return;
    err = async_keyed_lock_release(waiter->primitive, keyed);
    assert(err == 0);
    (void)err;
}

static const struct async_waiter_ops keyed_waiter_ops = {
    .on_give_back = on_give_back,
};

static int draw_secret(unsigned char *secret, size_t secret_bytes)
{
    ssize_t drawn;

    /* Up to 256 bytes come as a whole or not at all: getrandom(2). */
    do
        drawn = getrandom(secret, secret_bytes, 0);
    while (drawn < 0 && errno == EINTR);
    return drawn < 0 ? -errno : 0;
}

int async_keyed_lock_new(struct async_keyed_lock **ret_lock) ASYNC_UNCHECKED_LOCKING
{
    struct async_keyed_lock *lock = aligned_alloc(CACHE_LINE_BYTES, sizeof(*lock));
    int err;

    if (lock == NULL)
        return -ENOMEM;
    memset(lock, 0, sizeof(*lock));
    err = draw_secret(lock->secret, sizeof(lock->secret));
    if (err < 0) {
        free(lock);
        return err;
    }
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &lock->shards[i];

        err = pthread_mutex_init(&shard->mutex, NULL);
        assert(err == 0);
        shard->buckets = shard->own_buckets;
        shard->bucket_count = OWN_BUCKETS;
    }
    *ret_lock = lock;
    return 0;
}

void async_keyed_lock_free(struct async_keyed_lock *lock) ASYNC_UNCHECKED_LOCKING
{
    if (lock == NULL)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &lock->shards[i];

        assert(shard->keys == 0);
        assert(shard->buckets == shard->own_buckets);
        pthread_mutex_destroy(&shard->mutex);
    }
    free(lock);
}

void async_keyed_waiter_init(struct async_keyed_waiter *keyed, struct async_keyed_lock *lock,
                             struct async_loop *loop, async_waiter_fn *on_done, const void *key,
                             size_t key_bytes)
{
    async_waiter_init(&keyed->waiter, loop, on_done);
    keyed->lock = lock;
    keyed->key = key;
    keyed->key_bytes = key_bytes;
    keyed->hash = hash_of(lock, key, key_bytes);
    keyed->next_in_bucket = NULL;
    async_list_init(&keyed->queue);
    keyed->is_holder = false;
}

bool async_keyed_lock_try_acquire(struct async_keyed_lock *lock, struct async_keyed_waiter *keyed)
{
    struct shard *shard = shard_of_waiter(lock, keyed);
    bool is_taken;

    waitq_lock(&shard->mutex);
    is_taken = !keyed->is_holder && take_locked(shard, keyed) == keyed;
    waitq_unlock(&shard->mutex);
    return is_taken;
}

void async_keyed_lock_acquire(struct async_keyed_lock *lock, struct async_keyed_waiter *keyed)
{
    struct shard *shard = shard_of_waiter(lock, keyed);
    struct async_waiter *waiter = &keyed->waiter;

    waiter_begin(waiter, &keyed_waiter_ops, lock, &shard->mutex);
    waitq_lock(&shard->mutex);
    if (keyed->is_holder) {
        waiter_post_locked(waiter, -EDEADLK);
    } else {
        struct async_keyed_waiter *holder = take_locked(shard, keyed);

        if (holder == keyed)
            waiter_post_locked(waiter, 0);
        else
            waiter_park_locked(waiter, &holder->queue);
    }
    waitq_unlock(&shard->mutex);
}

int async_keyed_lock_release(struct async_keyed_lock *lock, struct async_keyed_waiter *keyed)
{
    struct shard *shard = shard_of_waiter(lock, keyed);
    int err = 0;

    waitq_lock(&shard->mutex);
    if (keyed->is_holder)
        hand_over_locked(shard, keyed);
    else if (*find_locked(shard, keyed->hash, keyed->key, keyed->key_bytes) == NULL)
        err = -EINVAL;
    else
        err = -EPERM;
    waitq_unlock(&shard->mutex);
    return err;
}

const struct async_keyed_waiter *async_keyed_lock_holder(struct async_keyed_lock *lock,
                                                         const void *key, size_t key_bytes)
{
    uint64_t hash = hash_of(lock, key, key_bytes);
    struct shard *shard = shard_of(lock, hash);
    const struct async_keyed_waiter *holder;

    waitq_lock(&shard->mutex);
    holder = *find_locked(shard, hash, key, key_bytes);
    waitq_unlock(&shard->mutex);
    return holder;
}

size_t async_keyed_lock_keys(struct async_keyed_lock *lock)
{
    size_t keys = 0;

    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &lock->shards[i];

        waitq_lock(&shard->mutex);
        keys += shard->keys;
        waitq_unlock(&shard->mutex);
    }
    return keys;
}
