/* SPDX-License-Identifier: MIT */
/*
 * flight.h - the one upstream fetch of a key, and how readers hold on to it.
 *
 * A flight lives on the lane of the request that started it, and owns the fetch: requests come and
 * go. Fields are in three groups: those of the lane's thread, those under the mutex of the table's
 * shard, and those under the flight's own mutex, which readers on any loop see.
 */
#ifndef FETCH_FLIGHT_H
#define FETCH_FLIGHT_H

#include <pthread.h>
#include <stdatomic.h>

#include <async/keyed_lock.h>
#include <async/loop.h>
#include <cache/entry.h>
#include <fetch/fetcher.h>
#include <fetch/upstream.h>

#include "answer.h"
#include "lane.h"
#include "segment.h"

extern struct async_capability flight_class;

enum flight_state {
    FLIGHT_QUEUED,
    FLIGHT_RESOLVING,
    FLIGHT_AWAIT_HEADERS,
    FLIGHT_STREAMING,
    FLIGHT_SPLIT,
    FLIGHT_SUPERSEDED,
    FLIGHT_COMPLETE,
    FLIGHT_FAILED,
    FLIGHT_STATES
};

struct flight {
    atomic_uint references;
    struct fetch_lane *lane;
    struct fetch_request *request;
    struct flight_key lock_key; /* whose lock it holds; constant */
    struct flight_key key; /* it is found under; changed under the mutexes of shard and flight */
    bool is_solo;          /* for one reader: holds no lock, is in no table, is not stored */
    bool is_part;          /* the origin is asked for the range that its readers want */
    bool fresh_only;       /* what is stored is not used unless the origin confirms it */

    /* on_loop of the lane */
    enum flight_state state;
    struct async_list lane_node;
    struct async_keyed_waiter lock; /* parked in FLIGHT_QUEUED; the holder while has_lock */
    bool has_lock;
    struct upstream_call call;
    struct fetch_url *hop;      /* where the call goes: the URL, or what a redirect named */
    struct fetch_url *next_hop; /* a redirect has been read; the call is about to end */
    unsigned hops;
    struct answer_path path;       /* what the redirects so far allow */
    struct vary_names path_vary;   /* and what they vary by */
    unsigned retries;              /* a resumed body counts as one */
    struct entry *beginning;       /* a stored part whose rest the call asks for, or NULL */
    struct fields call_fields;     /* of a call with conditions or for a part; else the request's */
    struct entry *stored;          /* what the store had when the lock was granted, if not used */
    bool is_conditional;           /* the hop under way was asked so */
    bool is_asking_again;          /* a 304 was no answer; the call is about to end */
    bool is_plain_only;            /* so no conditions are sent any more */
    struct async_timer impatience; /* armed while another flight has the key's lock */
    struct async_timer progress;   /* armed while something has to come: head, then bytes */
    struct async_timer total;      /* armed from the first hop to the end */
    struct async_timer retry;      /* armed between a failure and the second try */
    struct async_timer desertion;  /* armed when nobody is left before the origin is asked */
    bool has_asked;                /* it has begun to connect to an origin */
    bool is_deserted;              /* once everybody had left it, and it went on; it is counted */
    int64_t request_s;             /* wall clock, of the last hop */
    size_t swallowed_bytes;        /* of a redirect's body, which nobody reads */
    bool is_kept_alone;            /* see flight_keep_alone() */
    uint64_t purges;               /* of the shard, when that was decided */
    size_t arriving_bytes;         /* its part of the fetcher's */
    struct store_room room;        /* for them, in the store */
    size_t bytes_before;           /* of the body, before the segment that is being written */
    int stop_status;               /* why a verdict was UPSTREAM_STOP; 0: none was */
    enum guard_reason refusal;     /* why the status is -EACCES */

    /* under the shard's mutex */
    struct flight *next_in_bucket;
    bool is_in_table;
    uint64_t tag_purges; /* of the store, when it began; written once more at that moment */
    bool has_begun;      /* it had the lock: who wants nothing from before waits for another */
    bool is_used_once;   /* only by those who came before its head: see ANSWER_KEEP */

    /* under `mutex`, flight_class */
    pthread_mutex_t mutex;
    struct async_list parked;      /* readers to wake at the next progress */
    struct async_list awake;       /* the others */
    uint32_t readers;              /* in both lists */
    struct fetch_reader *leader;   /* who started it, until it leaves; only compared */
    struct entry *entry;           /* from the head on; then constant */
    struct entry *index;           /* set with the entry if it suits not all who wait for it */
    struct fetch_segment *segment; /* the last of the body; NULL: the entry came from the store */
    uint32_t unanswered;           /* readers that have not yet taken entry and segment */
    int64_t length_bytes;          /* of the body, -1: not known; set with the entry */
    bool is_rest_wanted;           /* it is to be finished even if nobody is left */
    int head_status;               /* of the final head; 0 before it */
    bool is_storing;               /* the entry goes into the store when complete */
    bool is_split;                 /* all but the leader go on by themselves */
    bool is_ended;
    bool is_transient;            /* ended by a fault of our own: one of the readers leads anew */
    struct fetch_failure failure; /* when ended without an entry */
    uint64_t joins;               /* how many ever came */
    int64_t last_join_ns;
    bool is_paused; /* upstream waits for readers of a body that is not stored */
    bool wants_resume;
    bool is_purged; /* taken out of the table by another than its lane */
    bool is_attention_posted;
    struct async_task attention; /* readers call the lane: nobody is left, or go on */
};

/* flight_settings - those it began with (case 28). */
static inline const struct fetch_settings *flight_settings(const struct flight *flight)
{
    return &flight->request->policy->settings;
}

/*
 * flight_new - for the request of a reader that is going to lead it. One reference, the lane's,
 * which whoever does not begin it gives back. Errors    -ENOMEM.
 */
int flight_new(const struct fetch_reader *leader, bool is_solo, struct flight **ret_flight);

/* flight_lead - attaches its first reader, before others can see it. */
void flight_lead(struct flight *flight, struct fetch_reader *reader) ASYNC_EXCLUDES(flight_class);

/* flight_begin - asks for the key's lock, then upstream. The reader may be told at once, by task.
 */
void flight_begin(struct flight *flight);

/*
 * flight_finish - the one way out. status 0: complete, else why not; `failure` is what readers are
 * told who have no answer yet, and with a status of HTTP in it, for a while, those who come now.
 * flight_fail() finds the failure for the status. The flight may be gone afterwards.
 */
void flight_finish(struct flight *flight, int status, const struct fetch_failure *failure);
void flight_fail(struct flight *flight, int status);

/* flight_supersede - nobody may join any more and nothing is stored; those who are here stay. The
 * mark is as in flight_leave_table(). */
void flight_supersede(struct flight *flight, const struct table_mark *mark);

/* What is told to those who come soon after: the time of each begins now. */
struct table_mark flight_mark_uncacheable(struct flight *flight);
struct table_mark flight_mark_failure(struct flight *flight, const struct fetch_failure *failure);

/* flight_has_stale - whether what is stored may take the place of an error, as far as it says
 * itself what may be done with it. */
bool flight_has_stale(const struct flight *flight, enum stale_situation situation);

/*
 * flight_mark_of_head - MARK_LEFT_ALONE, if a 503 or 429 says Retry-After; MARK_ERROR, if it is an
 * error whose place a stale answer may take, or that came of refreshing one; else MARK_NONE.
 * Source    COALESCING case 5; RFC 5861 section 4, RFC 9110 section 10.2.3
 */
struct table_mark flight_mark_of_head(struct flight *flight, const struct upstream_head *head);

/* flight_enter - the next state, which the drawing in flight.c has to allow (asserted). The other:
 * a superseded flight stays so; it only has no other name for where it is. */
void flight_enter(struct flight *flight, enum flight_state next);
void flight_enter_unless_superseded(struct flight *flight, enum flight_state next);

/* flight_start_hop - asks upstream for flight->hop: the URL itself, or where a redirect leads. */
void flight_start_hop(struct flight *flight);

/* flight_arm_progress - something has to come within this time. */
void flight_arm_progress(struct flight *flight, uint32_t timeout_ms);

/*
 * flight_may_resume - whether the rest of a body that ended so is worth asking for (case 7).
 * flight_resume - asks for it. Source: RFC 9110 sections 13.1.5, 14.2 and 15.3.7
 */
bool flight_may_resume(const struct flight *flight, int status);
void flight_resume(struct flight *flight);

/* flight_retry_later - asks once more, in a moment: for the answer, or for the rest of its body. */
void flight_retry_later(struct flight *flight);

/* flight_stop_with - the verdict "stop", with what is to be made of it at the end of the call. */
static inline enum upstream_verdict flight_stop_with(struct flight *flight, int status)
{
    flight->stop_status = status;
    return UPSTREAM_STOP;
}

/*
 * flight_find_beginning - what is stored of the whole, if its rest can be asked for, becomes
 * flight->beginning; else that is NULL. flight_ask_for_rest: adds what asks for it. Errors:
 * -ENOMEM, -E2BIG. flight_take_rest: a 206 or 416 has come to that.
 */
void flight_find_beginning(struct flight *flight);
int flight_ask_for_rest(const struct flight *flight, struct fields *fields);
enum upstream_verdict flight_take_rest(struct flight *flight, const struct upstream_head *head)
    ASYNC_EXCLUDES(flight_class);

/*
 * flight_take_answer - a head that is no redirect; flight_take_not_modified: a 304 to conditions.
 * What they decide is there for all to see afterwards.
 * Source    COALESCING cases 5, 6, 13, 14, 21 and 23
 */
enum upstream_verdict flight_take_answer(struct flight *flight, const struct upstream_head *head)
    ASYNC_EXCLUDES(flight_class);
enum upstream_verdict flight_take_not_modified(struct flight *flight,
                                               const struct upstream_head *head)
    ASYNC_EXCLUDES(flight_class);

/* What a call tells its flight. */
extern const struct upstream_events flight_upstream_events;

/* flight_abort - ends it whatever its state, because the lane stops. */
void flight_abort(struct flight *flight);

void flight_lock(struct flight *flight) ASYNC_ACQUIRE(flight_class);
void flight_unlock(struct flight *flight) ASYNC_RELEASE(flight_class);

struct flight *flight_ref(struct flight *flight);
void flight_unref(struct flight *flight);

/* flight_attach_locked - one more reader, with a reference; parked until the head is there. */
void flight_attach_locked(struct flight *flight, struct fetch_reader *reader)
    ASYNC_REQUIRES(flight_class);

/* flight_answered_locked - the reader has taken entry and segment, or does not want them. */
void flight_answered_locked(struct flight *flight, struct fetch_reader *reader)
    ASYNC_REQUIRES(flight_class);

/* flight_detach - afterwards nothing of the flight calls the reader. Drops its reference. */
void flight_detach(struct fetch_reader *reader) ASYNC_EXCLUDES(flight_class);

/* flight_wake_locked - tells the parked readers that there is something new. */
void flight_wake_locked(struct flight *flight) ASYNC_REQUIRES(flight_class);

/*
 * flight_purge_locked - nobody joins it any more, and its answer is not stored; those who are there
 * are served. Returns whether it was in the table. The flight's mutex is taken inside.
 */
bool flight_purge_locked(struct table_shard *shard, struct flight *flight)
    ASYNC_REQUIRES(flight_table_class);

/*
 * flight_leave_table - nobody joins any more. The mark, if there is one, takes its place, but only
 * if the flight was still there: after a purge it has nothing to say about the key.
 */
void flight_leave_table(struct flight *flight, const struct table_mark *mark)
    ASYNC_EXCLUDES(flight_table_class);

/* flight_set_mark - of a flight that is in no table; replaces what is marked. */
void flight_set_mark(struct flight *flight, const struct table_mark *mark)
    ASYNC_EXCLUDES(flight_table_class);

/* flight_set_begun - it has the key's lock: no other is joined any more. Tells what is marked by
 * now. */
void flight_set_begun(struct flight *flight, struct table_mark *ret_mark)
    ASYNC_EXCLUDES(flight_table_class);

/* flight_set_used_once - from now on nobody joins, but it is stored. */
void flight_set_used_once(struct flight *flight) ASYNC_EXCLUDES(flight_table_class);

/* flight_overtake - supersedes another flight of the key that has its head and takes long. */
void flight_overtake(struct flight *flight) ASYNC_EXCLUDES(flight_table_class);

/* flight_forget_stored - a newer answer, which is not stored, has made what is stored obsolete. */
void flight_forget_stored(struct flight *flight) ASYNC_EXCLUDES(flight_table_class);

/* flight_invalidate - forgets what the answer to an unsafe method makes obsolete (case 21). */
void flight_invalidate(const struct flight *flight, const struct upstream_head *head)
    ASYNC_EXCLUDES(flight_table_class);

/* flight_learn - the answer to a HEAD updates what is stored, or makes it obsolete. Source: RFC
 * 9111 section 4.3.5. */
void flight_learn(const struct flight *flight, const struct upstream_head *head)
    ASYNC_EXCLUDES(flight_table_class);

/* flight_keep_alone - the answer to a POST, which is one to a GET too: stored when complete. */
void flight_keep_alone(struct flight *flight) ASYNC_EXCLUDES(flight_table_class);

/* flight_store_alone - puts it into the store, unless the URL was purged since. */
void flight_store_alone(struct flight *flight) ASYNC_EXCLUDES(flight_table_class);

/* flight_publish - puts the complete entry into the store, and the flight out of the table. */
void flight_publish(struct flight *flight) ASYNC_EXCLUDES(flight_table_class);

/* flight_clear_mark - what could not be coalesced can be now (case 13). */
void flight_clear_mark(struct flight *flight) ASYNC_EXCLUDES(flight_table_class);

/* flight_body_bytes - of the body so far, in all its segments. Lane's thread, as the next four. */
size_t flight_body_bytes(const struct flight *flight);

/* flight_body_append - the next bytes; the readers are told. Errors: -ENOMEM. */
int flight_body_append(struct flight *flight, const char *bytes, size_t count)
    ASYNC_EXCLUDES(flight_class);

/*
 * flight_body_count_arriving - so many more are to be held for the store until the end. Returns
 * whether all that is on its way there is no more than the store itself may hold, since clients
 * could ask for any amount. For a long body, room in the store is kept as it arrives: all at once
 * would be a pause. flight_body_uncount_arriving: the end. flight_body_release_room: it is stored,
 * or will not be.
 */
bool flight_body_count_arriving(struct flight *flight, size_t count);
void flight_body_uncount_arriving(struct flight *flight);
void flight_body_release_room(struct flight *flight);

/* flight_body_finish - its end, good (0) or bad, as readers see it; no-op before there is one. */
void flight_body_finish(struct flight *flight, int status);

/* flight_body_pause_if_ahead - whether upstream has to wait until all readers have caught up. */
bool flight_body_pause_if_ahead(struct flight *flight) ASYNC_EXCLUDES(flight_class);

/* flight_release_key - gives the key's lock up; no-op without it. */
void flight_release_key(struct flight *flight);

/* flight_resume_locked - a reader has caught up, or left: upstream may go on if it was paused. */
void flight_resume_locked(struct flight *flight) ASYNC_REQUIRES(flight_class);

/* flight_on_attention - of the task that they post. flight_on_desertion: of its timer. */
async_task_fn flight_on_attention;
async_timer_fn flight_on_desertion;

/* flight_call_lane_locked - has the lane look after the flight. */
void flight_call_lane_locked(struct flight *flight) ASYNC_REQUIRES(flight_class);

#endif
