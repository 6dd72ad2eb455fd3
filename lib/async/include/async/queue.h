/* SPDX-License-Identifier: MIT */
/*
 * queue.h - items from producers to consumers: asyncio's Queue, LifoQueue and PriorityQueue,
 * usable between threads.
 *
 * An item is a member of the caller's struct, so a queue allocates nothing, whatever its length. A
 * bounded queue lets producers wait for a place; every queue lets consumers wait for an item. Both
 * are served first come, first served. join() waits until all that was put has been worked off.
 * shutdown() ends a queue: producers are refused, consumers take the rest and are refused then.
 *
 * Differs from asyncio: get and put never complete inside the call, get_nowait and put_nowait do.
 * A put enters its item in the moment of its delivery, so that a put that was cancelled has put
 * nothing; an item put with put_nowait meanwhile is before it. A get that is cancelled puts its
 * item back to where it was. What has been granted to a get when shutdown comes is still delivered,
 * and the last getters are refused once it is: it might have come back for them.
 */
#ifndef ASYNC_QUEUE_H
#define ASYNC_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include <async/waiter.h>

enum async_queue_kind {
    ASYNC_QUEUE_FIFO,     /* the oldest item first */
    ASYNC_QUEUE_LIFO,     /* the newest item first */
    ASYNC_QUEUE_PRIORITY, /* the smallest priority first; the oldest among equals */
};

struct async_queue;
struct async_queue_item;

/* Takes over an item that nobody will get; called without any mutex held. */
typedef void async_queue_drop_fn(struct async_queue *queue, struct async_queue_item *item);

/* What stands in a queue: a member of the caller's struct. It needs no initialization. */
struct async_queue_item {
    int64_t priority; /* the caller's, set before put; priority queues alone look at it */

    /* The library's, under the queue's mutex. */
    uint64_t sequence; /* tells the age: counts the items put into the queue */
    union {
        struct async_list node; /* FIFO, LIFO: in the list */
        struct {
            struct async_queue_item *child; /* PRIORITY: in a pairing heap */
            struct async_queue_item *sibling;
        } heap;
    } place;
};

/* One who puts or gets: init with async_queue_waiter_init(). */
struct async_queue_waiter {
    struct async_waiter waiter;
    struct async_queue_item *item; /* put: what to put. get: what was got, NULL if it failed */
};

/* The items of a queue, in the order of its kind. Fields are the library's. */
struct async_queue_items {
    enum async_queue_kind kind;
    size_t count;
    struct async_list list;        /* FIFO, LIFO: the next to be taken is the first */
    struct async_queue_item *root; /* PRIORITY */
};

struct async_queue {
    pthread_mutex_t mutex;
    size_t capacity;              /* 0: no limit */
    async_queue_drop_fn *on_drop; /* NULL: there is nothing to free */
    struct async_queue_items items ASYNC_GUARDED_BY(async_waitq_class);
    size_t used ASYNC_GUARDED_BY(async_waitq_class); /* places: items, and grants on the way */
    size_t unfinished ASYNC_GUARDED_BY(async_waitq_class); /* items put and not yet task_done */
    uint64_t sequence ASYNC_GUARDED_BY(async_waitq_class);
    struct async_list getters ASYNC_GUARDED_BY(async_waitq_class);
    struct async_list putters ASYNC_GUARDED_BY(async_waitq_class);
    struct async_list joiners ASYNC_GUARDED_BY(async_waitq_class);
    bool is_shut ASYNC_GUARDED_BY(async_waitq_class);
    bool drops_all ASYNC_GUARDED_BY(async_waitq_class); /* shut down at once: nothing is kept */
};

ASYNC_BEGIN_DECLS

/*
 * async_queue_init - an empty queue for at most `capacity` items; 0 means that it has no limit.
 * `on_drop` gets the items that an immediate shutdown finds; NULL if they need no freeing.
 * async_queue_fini asserts that no item is in the queue and nobody waits.
 */
void async_queue_init(struct async_queue *queue, enum async_queue_kind kind, size_t capacity,
                      async_queue_drop_fn *on_drop);
void async_queue_fini(struct async_queue *queue);

/* async_queue_waiter_init - prepares a waiter for puts and gets on `loop`, with no deadline. */
void async_queue_waiter_init(struct async_queue_waiter *waiter, struct async_loop *loop,
                             async_waiter_fn *on_done);

/*
 * async_queue_put - puts an item, as soon as there is a place for it.
 * Delivery  on_done(waiter, 0) on the waiter's loop, never inside this call: the item has just
 *           entered the queue. Places are granted first come, first served; items put from one loop
 *           enter in the order of the puts.
 * Errors    through on_done: -ETIMEDOUT after waiter.deadline_ns, -ESHUTDOWN. The item is still the
 *           caller's then, as it is after a cancel.
 * Owns      the item is the queue's from on_done until a get, a get_nowait or on_drop has it.
 * Thread    the waiter's loop.
 */
void async_queue_put(struct async_queue *queue, struct async_queue_waiter *waiter,
                     struct async_queue_item *item) ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_queue_put_nowait - puts an item at once.
 * Errors    -EAGAIN: the queue is full, or its free places are promised to those who wait.
 *           -ESHUTDOWN. The item is still the caller's then.
 * Thread    any.
 */
int async_queue_put_nowait(struct async_queue *queue, struct async_queue_item *item)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_queue_get - takes the next item, as soon as there is one: waiter->item.
 * Delivery  on_done(&waiter->waiter, 0) on the waiter's loop, never inside this call. First come,
 *           first served.
 * Errors    through on_done, with waiter->item NULL: -ETIMEDOUT; -ESHUTDOWN once the queue is shut
 *           down and empty. After a cancel the item is back in the queue, or with the next in line.
 * Owns      the item is the caller's from on_done.
 * Thread    the waiter's loop.
 */
void async_queue_get(struct async_queue *queue, struct async_queue_waiter *waiter)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_queue_get_nowait - takes the next item at once.
 * Errors    -EAGAIN: there is none now. -ESHUTDOWN: there is none and there will be none.
 * Thread    any.
 */
int async_queue_get_nowait(struct async_queue *queue, struct async_queue_item **ret_item)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_queue_task_done - one item that was got has been worked off.
 * Errors    -EINVAL: called more often than items were put. Nothing has changed then.
 * Thread    any.
 */
int async_queue_task_done(struct async_queue *queue) ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_queue_join - waits until every item put so far or meanwhile is task_done or dropped.
 * Delivery  on_done(waiter, 0) on the waiter's loop, never inside this call.
 * Errors    through on_done: -ETIMEDOUT.
 * Thread    the waiter's loop.
 */
void async_queue_join(struct async_queue *queue, struct async_waiter *waiter)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_queue_shutdown - refuses all further puts, and gets once the rest is taken; who waits in
 * vain is told -ESHUTDOWN. With `is_immediate` the rest is not left to the getters: each item is
 * counted as done and handed to on_drop, before this returns. May be called again, to become
 * immediate.
 * Thread    any; on_drop is called on this thread, and later on that of a getter which cancels.
 */
void async_queue_shutdown(struct async_queue *queue, bool is_immediate)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_queue_size - how many items could be taken now. is_empty: none. is_full: put_nowait would
 * be refused for want of a place. By the time they return it may have changed. Thread: any.
 */
size_t async_queue_size(struct async_queue *queue) ASYNC_EXCLUDES(async_waitq_class);
bool async_queue_is_empty(struct async_queue *queue) ASYNC_EXCLUDES(async_waitq_class);
bool async_queue_is_full(struct async_queue *queue) ASYNC_EXCLUDES(async_waitq_class);

ASYNC_END_DECLS

#endif
