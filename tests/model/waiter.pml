/*
 * waiter.pml - waiters, their loops and mailboxes, as lib/async/waiter.c and loop.c have them.
 *
 * A model includes it, says what its primitive is by the inlines acquire, try_acquire, release and
 * leave, and gets the rest: each loop is a process, and what its users do there (ask, cancel, let a
 * deadline pass, release) is chosen in every possible way. README.md says which step stands for
 * which function. A d_step stands for what the code does under one mutex: nobody can look into it.
 */
#define WAITERS 3
#define LOOPS   2

#define LOOP_OF(w) ((w) % LOOPS) /* two waiters share loop 0, the third has loop 1 to itself */

#ifndef PATIENT
#define PATIENT 0 /* the waiter that has no deadline and is never cancelled */
#endif

#ifndef CALLS_BEFORE
#define CALLS_BEFORE 3
#endif

#define IDLE       0
#define READY      1
#define IN_MAILBOX 2

/* The primitive's mutex: the first in line owns it. Threads get it in their order of coming, since
 * no lock that is built on a mutex can be fairer than that. */
chan mutex_line = [LOOPS] of { byte };

/* struct async_waiter */
bool is_pending[WAITERS];
bool is_parked[WAITERS];
bool is_from_afar[WAITERS];
bool is_armed[WAITERS]; /* the deadline's timer */
byte place[WAITERS];    /* of the delivery's task */

/* struct async_loop */
chan ready[LOOPS] = [WAITERS] of { byte };
chan inbox[LOOPS] = [WAITERS] of { byte };
bool inbox_has_tasks[LOOPS];
bool is_woken[LOOPS];
bool wake_fd[LOOPS];

/* The world calls no more users on this loop: no descriptor and no timer, it runs if it is woken. */
bool is_quiet[LOOPS];

/* Known to the model alone. */
bool is_owed[WAITERS];          /* on_done is to come: asked, neither told nor cancelled since */
bool holds[WAITERS];            /* was told that it holds and has not begun to release */
bool is_granter_inside[WAITERS]; /* who posted from afar has not left the mutex yet */
bool has_lingered[LOOPS];       /* the holder here has let another call run before its release */
chan parked_order = [WAITERS] of { byte };

inline mutex_lock(me)
{
    mutex_line ! me;
    mutex_line ? <eval(me)>
}

/* A granter leaves the mutex of all whom it posted to: the waiters of the other loop. */
inline mutex_unlock(me)
{
    d_step {
        mutex_line ? eval(me);
        for (other : 0 .. WAITERS - 1) {
            if
            :: LOOP_OF(other) != me -> is_granter_inside[other] = false
            :: else
            fi
        }
        other = 0
    }
}

/* waiter_park_locked(), for a step under the mutex. */
inline park_locked(w, line)
{
    is_parked[w] = true;
    line ! w;
    parked_order ! w;
    is_armed[w] = (w != PATIENT)
}

/* What a parked waiter that leaves does to the queue, in on_timeout() and async_waiter_cancel(). */
inline unpark_locked(w, line)
{
    is_parked[w] = false;
    assert(line ?? [eval(w)]);
    line ?? eval(w);
    parked_order ?? eval(w)
}

/* The first half of waiter_post_locked(): the waiter is no longer in the queue. */
inline grant_locked(w, me)
{
    is_parked[w] = false;
    is_from_afar[w] = (LOOP_OF(w) != me);
    is_granter_inside[w] = is_from_afar[w]
}

/* Its second half, async_loop_post() with post_to_mailbox(): what the mailbox's mutex makes one. */
inline post(w, me)
{
    assert(place[w] == IDLE);
    if
    :: LOOP_OF(w) == me ->
        place[w] = READY;
        ready[me] ! w
    :: else ->
        place[w] = IN_MAILBOX;
        inbox[LOOP_OF(w)] ! w;
        inbox_has_tasks[LOOP_OF(w)] = true;
        if
        :: !is_woken[LOOP_OF(w)] ->
            is_woken[LOOP_OF(w)] = true;
            wake_fd[LOOP_OF(w)] = true
        :: else
        fi
    fi
}

/* on_timeout() and async_waiter_cancel() under the mutex. */
inline leave_if_parked(w, me)
{
    atomic {
        mutex_lock(me);
        was_parked = is_parked[w];
        if
        :: was_parked -> leave(w)
        :: else
        fi
    }
    mutex_unlock(me)
}

/* async_waiter_cancel() of a pending waiter, with async_loop_unpost(). */
inline cancel(w, me)
{
    leave_if_parked(w, me);
    d_step {
        is_armed[w] = false;
        is_pending[w] = false;
        is_owed[w] = false;
        if
        :: was_parked
        :: else ->
#ifndef FAULT_POST_AFTER_UNLOCK /* without the assertion, to see what harm it keeps away */
            assert(place[w] != IDLE);
#endif
            if
            :: place[w] == READY -> ready[me] ?? eval(w)
            :: place[w] == IN_MAILBOX -> inbox[me] ?? eval(w)
            :: place[w] == IDLE
            fi;
            is_from_afar[w] = false;
            place[w] = IDLE
        fi
    }
#ifndef FAULT_GIVE_BACK_FORGOTTEN
    if
    :: was_parked
    :: else -> release(w, me)
    fi
#endif
}

/* on_timeout() of waiter.c; a grant that was first is on its way, and nothing is to be done. */
inline time_out(w, me)
{
    is_armed[w] = false;
    assert(is_pending[w]);
    leave_if_parked(w, me);
    d_step {
        if
        :: was_parked ->
            is_pending[w] = false;
            assert(is_owed[w]); /* on_done(-ETIMEDOUT) */
            is_owed[w] = false
        :: else
        fi
    }
}

/* empty_mailbox() of loop.c */
inline empty_mailbox(me)
{
    d_step {
        do
        :: nempty(inbox[me]) ->
            inbox[me] ? w;
            place[w] = READY;
            ready[me] ! w
        :: empty(inbox[me]) -> break
        od;
        inbox_has_tasks[me] = false
    }
}

/* run_task() of loop.c, on_delivery() and deliver() of waiter.c; who is told holds from here. */
inline run_task(w, me)
{
    atomic {
        ready[me] ? w;
        assert(place[w] == READY);
        place[w] = IDLE;
        assert(is_owed[w]); /* neither cancelled nor timed out: its memory may be gone */
        assert(is_pending[w]);
#ifndef FAULT_NO_PASS_THROUGH_MUTEX
        if
        :: is_from_afar[w] ->
            mutex_lock(me);
            mutex_unlock(me)
        :: else
        fi;
#endif
        assert(!is_granter_inside[w]); /* or on_done could not end the primitive */
        assert(HOLDER == w);
        is_armed[w] = false;
        is_pending[w] = false;
        is_owed[w] = false;
        is_from_afar[w] = false;
        holds[w] = true
    }
}

/* One call of user code: any of those that are allowed for one of the loop's waiters. */
inline call_user(me)
{
    if
    :: w = me
    :: me + LOOPS < WAITERS -> w = me + LOOPS
    fi;
    if
    :: !is_pending[w] && !holds[w] && HOLDER != w -> acquire(w, me)
    :: !is_pending[w] && !holds[w] && HOLDER != w -> try_acquire(w, me)
    :: is_pending[w] && w != PATIENT -> cancel(w, me)
    :: is_armed[w] -> time_out(w, me)
    :: holds[w]
    :: is_pending[w] && w == PATIENT
    fi
}

#define SECOND(me)     ((me + LOOPS) % WAITERS)
#define HOLDS_HERE(me) (holds[me] || (me + LOOPS < WAITERS && holds[SECOND(me)]))

/*
 * A loop: run() of event_loop.c, with at most one task and one call of the user in a turn. A task
 * that is ready may let up to CALLS_BEFORE turns go by, so that calls come between its post and
 * its run. A holder releases in the end: it lets at most one call go before.
 */
proctype loop(byte me)
{
    byte w, next, other, first, calls;
    bool was_parked, has_work;
    LOOP_LOCALS

end_asleep:
    do
    ::  if
        :: wake_fd[me] ->
#ifdef FAULT_END_SLEEP_EARLY
            is_woken[me] = false;
            wake_fd[me] = false
#else
            wake_fd[me] = false; /* on_wake_fd() reads the counter, */
            is_woken[me] = false /* then comes async_loop_end_sleep() */
#endif
        :: has_work /* the round of descriptors does not sleep */
        :: HOLDS_HERE(me) ->
            d_step {
                w = (holds[me] -> me : SECOND(me));
                holds[w] = false;
                has_lingered[me] = false
            }
            release(w, me)
        :: !is_quiet[me] && !has_lingered[me] ->
            has_lingered[me] = HOLDS_HERE(me);
            call_user(me)
        :: !is_quiet[me] ->
            is_quiet[me] = true
        fi;
        has_work = false;
        empty_mailbox(me);
        if
        :: nempty(ready[me]) ->
            run_task(w, me);
            calls = 0
        :: nempty(ready[me]) && !is_quiet[me] && calls < CALLS_BEFORE ->
            calls++
        :: empty(ready[me])
        fi;
        d_step {
            w = 0;
            was_parked = false;
            next = 0;
            first = 0;
            if
            :: empty(ready[me]) -> calls = 0
            :: nempty(ready[me])
            fi;
            has_work = inbox_has_tasks[me] || len(ready[me]) > 0 /* async_loop_has_work() */
        }
    od
}

init {
    atomic {
        run loop(0);
        run loop(1)
    }
}

/* Two that were told that they hold. */
ltl one_holder {
    [] !((holds[0] && holds[1]) || (holds[1] && holds[2]) || (holds[0] && holds[2]))
}

/* Under weak fairness: who neither has a deadline nor is cancelled is told. */
ltl told_in_the_end { [] (is_pending[PATIENT] -> <> holds[PATIENT]) }

/* A delivery that was posted is made or taken back; the loop does not sleep over it. */
ltl no_lost_wake_up {
    [] (place[PATIENT] != IDLE -> <> (place[PATIENT] == IDLE))
}

/* While one is parked, a waiter that had not asked by then is not told before the parked one has
 * left the queue. */
#define EARLY PATIENT
#define LATE  ((PATIENT + 1) % WAITERS)
ltl first_come_first_served {
    [] ((is_parked[EARLY] && !is_pending[LATE] && HOLDER != LATE && !holds[LATE]) ->
        ((!holds[LATE]) W (!is_parked[EARLY])))
}

/* No gap for a newcomer: a lock that somebody is parked for is never free. */
ltl no_gap {
    [] !(HOLDER == NOBODY && (is_parked[0] || is_parked[1] || is_parked[2]))
}
