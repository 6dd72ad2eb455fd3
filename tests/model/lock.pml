/*
 * lock.pml - lib/async/lock.c: a word that is changed by compare-and-swap while nobody waits, and
 * by the mutex's owner alone once the CONTENDED bit is in it.
 *
 * Each atomic operation is one step. FAULT_SWAPS_TRIED_AGAIN has acquire as it is usually written,
 * by compare-and-swap until one succeeds: who takes the lock by try_acquire and gives it back, over
 * and over, can make it fail for ever.
 */
#define NOBODY  3 /* after the last waiter */
#define HOLDER (word >> 1)
#define FREE   (NOBODY << 1)
#define CONTENDED 1
#ifdef FAULT_SWAPS_TRIED_AGAIN
#define LOOP_LOCALS byte seen; bool is_taken;
#else
#define LOOP_LOCALS bool is_taken;
#endif

byte word = FREE; /* the holder in the upper bits, CONTENDED in the lowest; FREE stands for 0 */
chan parked = [3] of { byte };

/* async_lock_acquire() */
inline acquire(w, me)
{
    atomic {
        is_pending[w] = true;
        is_owed[w] = true;
        mutex_lock(me)
    }
    take_or_contend_locked(w);
    atomic {
        if
        :: is_taken ->
            assert(empty(parked_order)); /* no newcomer before those who wait */
            grant_locked(w, me);
            post(w, me)
        :: else ->
            park_locked(w, parked)
        fi;
        is_taken = false
    }
    mutex_unlock(me)
}

#ifndef FAULT_SWAPS_TRIED_AGAIN

/* lock_take_or_contend_locked() */
inline take_or_contend_locked(w)
{
#ifndef FAULT_CONTENDED_NOT_SET
    word = word | CONTENDED;
#endif
    is_taken = (HOLDER == NOBODY);
    if
    :: is_taken -> word = w << 1
    :: else
    fi
}

#else

inline take_or_contend_locked(w)
{
    do
    ::  atomic {
            seen = word;
            if
            :: seen == FREE ->
                word = w << 1;
                is_taken = true;
                break
            :: seen != FREE && (seen & CONTENDED) -> break
            :: seen != FREE && !(seen & CONTENDED)
            fi
        }
        atomic {
            if
            :: word == seen ->
                word = seen | CONTENDED;
                break
            :: word != seen
            fi
        }
    od;
    seen = 0
}

#endif

/* async_lock_try_acquire() */
inline try_acquire(w, me)
{
    d_step {
        if
        :: word == FREE ->
            assert(empty(parked_order));
            word = w << 1;
            holds[w] = true
        :: else
        fi
    }
}

/* async_lock_release() with lock_hand_over_locked() */
inline release(w, me)
{
    atomic {
        is_taken = (word == w << 1);
        if
        :: is_taken -> word = FREE
        :: else
        fi
    }
    if
    :: is_taken ->
        is_taken = false
    :: else ->
        mutex_lock(me);
        assert(HOLDER == w);
        hand_over_locked(w, me);
        mutex_unlock(me);
#ifdef FAULT_POST_AFTER_UNLOCK
        if
        :: next != NOBODY -> d_step { post(next, me) }
        :: else
        fi
#endif
    fi
}

inline hand_over_locked(w, me)
{
    next = NOBODY;
    if
    :: empty(parked) ->
        word = FREE
    :: nempty(parked) ->
#ifdef FAULT_FREED_IN_BETWEEN
        word = FREE;
#endif
        d_step {
            parked ? next;
            parked_order ? first;
            assert(first == next); /* first come, first served */
#ifdef FAULT_CONTENDED_LOST
            word = next << 1
#else
            word = (next << 1) | (len(parked) > 0 -> CONTENDED : 0)
#endif
        }
        d_step {
            grant_locked(next, me);
#ifndef FAULT_POST_AFTER_UNLOCK
            post(next, me)
#endif
        }
    fi
}

inline leave(w)
{
    unpark_locked(w, parked)
}

#include "waiter.pml"
