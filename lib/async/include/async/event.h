/* SPDX-License-Identifier: MIT */
/*
 * event.h - something has happened, and all who wait for it are told: asyncio's Event, usable
 * between threads.
 *
 * Set wakes all who are parked at that moment, even if the event is cleared straight after; those
 * who come while it is set do not wait.
 *
 * Differs from asyncio: a wait for a set event is delivered by the loop too, so that callers see
 * one order of events only. Whether it is set is asked with async_event_is_set().
 */
#ifndef ASYNC_EVENT_H
#define ASYNC_EVENT_H

#include <async/atomic.h>
#include <async/waiter.h>

struct async_event {
    pthread_mutex_t mutex;
    struct async_list parked ASYNC_GUARDED_BY(async_waitq_class); /* empty while it is set */
    ASYNC_ATOMIC(bool) is_set; /* written under the mutex, read anywhere */
};

ASYNC_BEGIN_DECLS

/* async_event_init - an event that is not set. async_event_fini asserts that nobody waits. */
void async_event_init(struct async_event *event);
void async_event_fini(struct async_event *event);

/*
 * async_event_wait - waits until the event is set.
 * Delivery  on_done(waiter, 0) on the waiter's loop, never inside this call; those parked are told
 *           in the order they came. The event may have been cleared again by then.
 * Errors    through on_done: -ETIMEDOUT after waiter->deadline_ns. A set event is delivered even if
 *           the deadline is past.
 * Owns      the caller keeps the waiter; it may not move or die until on_done ran or cancel
 *           returned.
 * Thread    the waiter's loop.
 */
void async_event_wait(struct async_event *event, struct async_waiter *waiter)
    ASYNC_EXCLUDES(async_waitq_class);

/*
 * async_event_set - sets the event and wakes all who are parked. No-op when it is set.
 * What was written before the set can be read by those it wakes.
 * Thread    any.
 */
void async_event_set(struct async_event *event) ASYNC_EXCLUDES(async_waitq_class);

/* async_event_clear - from now on waits park until the next set. Thread: any. */
void async_event_clear(struct async_event *event) ASYNC_EXCLUDES(async_waitq_class);

/* async_event_is_set - whether it is set; what was written before the set can then be read.
 * Thread: any. */
bool async_event_is_set(const struct async_event *event);

/* async_event_waiting - how many are parked; walks the queue. Thread: any. */
unsigned async_event_waiting(struct async_event *event) ASYNC_EXCLUDES(async_waitq_class);

ASYNC_END_DECLS

#endif
