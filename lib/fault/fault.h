/* SPDX-License-Identifier: MIT */
/*
 * fault.h - bugs planted on purpose, to prove that tests/sim finds them.
 *
 * FAULT(name) is false in every build but that of the program sim_faulty, which chooses one of them
 * when it starts. Nothing else defines FETCHONCE_FAULTS.
 */
#ifndef FAULT_FAULT_H
#define FAULT_FAULT_H

#include <stdbool.h>

#define FAULTS(X)                                                                                  \
    X(no_second_look)      /* the leader does not look into the store again */                     \
    X(lost_grant)          /* a grant to a waiter that was cancelled goes to nobody */             \
    X(lost_wake_up)        /* what came while a reader was awake is not told to it */              \
    X(store_truncated)     /* a body shorter than announced passes for whole */                    \
    X(join_superseded)     /* a superseded flight can still be joined */                           \
    X(store_purged)        /* a flight that was purged stores its answer */                        \
    X(settle_twice)        /* a reader that failed is told again */                                \
    X(share_private)       /* what is for the leader alone goes to all who wait */                 \
    X(vary_ignored)        /* an answer goes to who asked with other fields */                     \
    X(credentials_shared)  /* who asks is left out of the key of a flight */                       \
    X(generation_kept)     /* variants from before a purge are found again after it */             \
    X(settle_purged)       /* a purged flight tells what its answer varies by, and is found */     \
    X(variants_unbounded)  /* of what is stored for one URL nothing is given up */                 \
    X(variant_twice)       /* a flight does not mind one that has its key under another lock */    \
    X(change_half_done)    /* what a change makes obsolete is removed, but not what is fetched */  \
    X(change_sent_again)   /* another method's request starts over, and as if it were a GET */     \
    X(deserted_forgotten)  /* a flight is not told that nobody is left */                          \
    X(crowd_forgotten)     /* a crowd that left before the head counts for no more than one */     \
    X(deserted_in_line)    /* a flight that nobody is left of waits for its turn all the same */   \
    X(nobodys_answer)      /* an answer that nobody is left for is read on */                      \
    X(confirm_another)     /* a 304 that is about another answer confirms the stored one */        \
    X(refresh_twice)       /* a refresh does not mind that there is one already */                 \
    X(stale_beyond_window) /* a stale answer is used whatever it and its age say */                \
    X(resume_elsewhere)    /* the rest of a body is taken from another place than its end */       \
    X(resume_another)      /* the rest of a body is taken from another answer */                   \
    X(complete_another)    /* a stored part is completed by that of another answer */              \
    X(part_for_all)        /* the range of who leads is asked for, although others may join */     \
    X(grant_out_of_turn)   /* a key goes to who has waited for the shortest time */                \
    X(failure_forgotten)   /* a failure is not remembered */                                       \
    X(failure_kept)        /* a failure is remembered beyond its time */

#ifdef FETCHONCE_FAULTS
#define X(name) FAULT_##name,
enum planted_fault { FAULT_none, FAULTS(X) FAULTS_COUNT };
#undef X
extern enum planted_fault planted_fault;
#define FAULT(name) (planted_fault == FAULT_##name)
#else
#define FAULT(name) false
#endif

#endif
