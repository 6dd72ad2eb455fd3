/* SPDX-License-Identifier: MIT */
/*
 * keyed_lock.h - a lock per key, made on demand, gone when nobody holds it or waits for it.
 *
 * The table holds no locks of its own: the struct of the one who holds a key stands in it, and
 * those who wait for the key queue behind that struct. So an acquire allocates nothing, an idle key
 * costs nothing, and a million keys held cost what their holders' structs cost.
 *
 * The table is cut into shards, each with its own mutex, held for a few instructions.
 */
#ifndef ASYNC_KEYED_LOCK_H
#define ASYNC_KEYED_LOCK_H

#include <stddef.h>
#include <stdint.h>

#include <async/waiter.h>

struct async_keyed_lock;

/* One who waits for or holds a key. The key's bytes are the caller's and stay until released. */
struct async_keyed_waiter {
    struct async_waiter waiter;          /* on_done and deadline as anywhere */
    const struct async_keyed_lock *lock; /* the table whose secret the hash is made with */
    const void *key;
    size_t key_bytes;
    uint64_t hash;
    struct async_keyed_waiter *next_in_bucket; /* holders only, under the shard's mutex */
    struct async_list queue;                   /* holders only: those who wait for the key */
    bool is_holder;                            /* under the shard's mutex */
};

ASYNC_BEGIN_DECLS

/*
 * async_keyed_lock_new - an empty table.
 * Errors    -ENOMEM; negative errno of getrandom(2), from which the hash's secret comes.
 */
int async_keyed_lock_new(struct async_keyed_lock **ret_lock);

/* async_keyed_lock_free - asserts that no key is held. NULL is allowed. */
void async_keyed_lock_free(struct async_keyed_lock *lock);

/*
 * async_keyed_waiter_init - prepares a waiter for one key: the bytes at `key`, compared as a whole.
 * The hash is SipHash-2-4 under a secret of this table, so that strangers may choose keys; the
 * waiter is for this table only. Not while it holds or waits.
 */
void async_keyed_waiter_init(struct async_keyed_waiter *keyed, struct async_keyed_lock *lock,
                             struct async_loop *loop, async_waiter_fn *on_done, const void *key,
                             size_t key_bytes);

/*
 * async_keyed_lock_try_acquire - takes the key if it is free; never waits.
 * Returns   whether `keyed` now holds it.
 * Thread    the waiter's loop.
 */
bool async_keyed_lock_try_acquire(struct async_keyed_lock *lock, struct async_keyed_waiter *keyed)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_keyed_lock_acquire - asks for the key; the waiter is told once it holds it.
 * Delivery  on_done(&keyed->waiter, 0) on the waiter's loop, never inside this call. First come,
 *           first served, for each key.
 * Errors    through on_done: -ETIMEDOUT after waiter.deadline_ns; -EDEADLK if `keyed` holds the key
 *           already. After async_waiter_cancel(&keyed->waiter) it holds nothing, and what had been
 *           granted to it has passed to the next.
 * Owns      the caller keeps `keyed` and the key's bytes; neither may move, change or die until
 *           on_done told of a failure or cancel returned, or, once it holds, before the release.
 * Thread    the waiter's loop.
 */
void async_keyed_lock_acquire(struct async_keyed_lock *lock, struct async_keyed_waiter *keyed)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_keyed_lock_release - gives the key up, to the longest waiting if there is one; else nothing
 * of it is left in the table.
 * Errors    -EINVAL: nobody holds the key. -EPERM: another holds it. Nothing has changed then.
 * Thread    any; usually the holder's.
 */
int async_keyed_lock_release(struct async_keyed_lock *lock, struct async_keyed_waiter *keyed)
    ASYNC_EXCLUDES(async_waitq_class);

/* async_keyed_lock_holder - who holds the key, NULL if nobody; only to be compared. Thread: any. */
const struct async_keyed_waiter *async_keyed_lock_holder(struct async_keyed_lock *lock,
                                                         const void *key, size_t key_bytes)
    ASYNC_EXCLUDES(async_waitq_class);

/* async_keyed_lock_keys - how many keys are held now. Thread: any. */
size_t async_keyed_lock_keys(struct async_keyed_lock *lock) ASYNC_EXCLUDES(async_waitq_class);

ASYNC_END_DECLS

#endif
