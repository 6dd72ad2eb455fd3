/*
 * keyed_lock.pml - one key of lib/async/keyed_lock.c: the holder stands in the bucket, those who
 * wait are in the holder's own queue, and a release moves that queue to the next holder.
 */
#define NOBODY  3 /* after the last waiter */
#define HOLDER  bucket
#define LOOP_LOCALS

byte bucket = NOBODY; /* who holds the key; NOBODY: the key is not in the table */
chan queue[3] = [3] of { byte };

/* async_keyed_lock_acquire() with take_locked() */
inline acquire(w, me)
{
    atomic {
        is_pending[w] = true;
        is_owed[w] = true;
        mutex_lock(me);
        if
        :: bucket == NOBODY ->
            take_locked(w);
            grant_locked(w, me);
            post(w, me)
        :: else ->
            park_locked(w, queue[bucket])
        fi
    }
    mutex_unlock(me)
}

inline take_locked(w)
{
    assert(empty(parked_order)); /* no newcomer before those who wait, and none forgotten */
    assert(empty(queue[w]));
    bucket = w
}

/* async_keyed_lock_try_acquire() */
inline try_acquire(w, me)
{
    atomic {
        mutex_lock(me);
        if
        :: bucket == NOBODY ->
            take_locked(w);
            holds[w] = true
        :: else
        fi
    }
    mutex_unlock(me)
}

/* async_keyed_lock_release() with hand_over_locked() */
inline release(w, me)
{
    atomic {
        mutex_lock(me);
        assert(bucket == w);
        next = NOBODY;
        if
        :: empty(queue[w]) ->
            bucket = NOBODY
        :: nempty(queue[w]) ->
            queue[w] ? next;
            parked_order ? first;
            assert(first == next); /* first come, first served */
            bucket = next;
#ifndef FAULT_QUEUE_LEFT_BEHIND
            do
            :: nempty(queue[w]) ->
                queue[w] ? other;
                queue[next] ! other
            :: empty(queue[w]) -> break
            od;
            other = 0;
#endif
            grant_locked(next, me);
#ifndef FAULT_POST_AFTER_UNLOCK
            post(next, me)
#endif
        fi
    }
    mutex_unlock(me);
#ifdef FAULT_POST_AFTER_UNLOCK
    if
    :: next != NOBODY -> d_step { post(next, me) }
    :: else
    fi
#endif
}

inline leave(w)
{
    unpark_locked(w, queue[bucket])
}

#include "waiter.pml"
