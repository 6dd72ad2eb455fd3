/* SPDX-License-Identifier: MIT */
/*
 * sim.h - one world of the simulator: what all of its files share.
 *
 * The world holds the real fetcher, store and key lock on manual loops under one clock. Around them
 * stand actors, each with the time of its next act: the exchanges of the scripted origin, the
 * readers, the purges. The scheduler lets one loop or one actor make one step at a time; which one,
 * the seed says. After each step the rules are checked.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <fetch/fetcher.h>
#include <fetch/upstream.h>

#include "random.h"

#define SIM_LANES_MAX     4
#define SIM_KEYS_MAX      3
#define SIM_READERS_MAX   24
#define SIM_PURGES_MAX    4
#define SIM_EXCHANGES_MAX 1024
#define SIM_NOTES_MAX     256
#define SIM_STORED_MAX    3000 /* bytes of the longest body that is stored */
#define SIM_PLACES_MAX    512
#define SIM_SLOTS_MAX     64

struct flight;

/* What becomes of one exchange with the origin. */
enum sim_answer {
    SIM_STORABLE,
    SIM_SHARED,   /* for those who wait, not kept */
    SIM_PRIVATE,  /* for the leader alone */
    SIM_REFUSAL,  /* for the leader alone, and nothing to remember */
    SIM_TOO_LONG, /* as private, because of its announced length */
    SIM_REDIRECT,
    SIM_UNASKED,       /* 206 or 304 */
    SIM_SILENT,        /* no head ever comes */
    SIM_NO_CONNECTION, /* an error instead of a head */
};

enum sim_ending {
    SIM_END_WHOLE,
    SIM_END_EARLY, /* a clean end before the announced length */
    SIM_END_RESET,
    SIM_END_STALL, /* nothing more comes */
    SIM_END_EXCESS /* bytes beyond the announced length */
};

/* How an exchange answers that is asked for the rest of a body. */
enum sim_rest {
    SIM_REST_NOT_ASKED,
    SIM_REST_RIGHT,
    SIM_REST_ELSEWHERE, /* from another place than was asked */
    SIM_REST_ANOTHER,   /* of another answer */
    SIM_REST_WHOLE,     /* 200: another answer, from its beginning */
    SIM_REST_NOTHING    /* 416 */
};

/* The fields in which requests differ; the last two say who asks. */
enum sim_name { SIM_KIND, SIM_TONGUE, SIM_COOKIE, SIM_AUTHORIZATION, SIM_NAMES };

/* What a request says in each of them; 0: it has no such field. */
struct sim_ask {
    unsigned char values[SIM_NAMES];
};

enum sim_method { SIM_GET, SIM_POST, SIM_PUT, SIM_OPTIONS };

enum sim_stage { SIM_CONNECT, SIM_HEAD, SIM_BODY, SIM_END, SIM_STOPPED, SIM_OVER };

struct sim_exchange {
    struct sim *sim;
    struct upstream_call *call; /* NULL once over */
    struct flight *flight;      /* only compared, once the exchange is over */
    unsigned number;
    unsigned lane;
    unsigned key;
    unsigned first; /* the number of the flight's first exchange */
    unsigned generation;
    bool is_fresh_only;
    bool is_path_private; /* because of the redirects that led to it */
    bool is_head_private;
    enum sim_answer answer;
    enum sim_ending ending;
    enum sim_rest rest;
    struct sim_exchange *begun;     /* whose body this one goes on with; NULL: begins its own */
    bool is_resumable;              /* its head lets the rest be asked for */
    bool is_conditional;            /* it is asked whether a stored answer still holds */
    bool is_not_modified;           /* and says so, */
    struct sim_exchange *confirmed; /* of the one whose body this is; NULL: of none */
    bool is_keepable;               /* its head lets the answer be stored */
    struct sim_ask ask;             /* what it is asked with */
    unsigned place;                 /* of its flight's key */
    unsigned lock_place;            /* of that whose lock it holds */
    unsigned varies;                /* by these names, says its head: a bit for each */
    unsigned path_varies;           /* say the redirects that led to it */
    bool is_for_all;                /* its head lets it be stored, whoever asked */
    bool was_stored;
    enum sim_method method;
    bool is_redirected; /* it is of another URL than its key's */
    enum sim_stage stage;
    int64_t next_ns;
    int error;
    int status;
    int64_t length_bytes; /* announced, -1: not */
    size_t body_bytes;    /* of the whole body */
    bool is_asked_part;   /* it is asked for the range that its readers want */
    bool is_part;         /* it brings a part alone, and body_bytes is the end of that */
    size_t whole_bytes;   /* then, of the whole body */
    size_t skipped_bytes; /* of the whole body, before what this exchange brings */
    size_t sent_bytes;    /* of the whole body, those skipped included */
    bool is_paused;
    bool is_whole;    /* its good end has been reported */
    unsigned readers; /* how many were answered with it */
    bool is_stale_forbidden;
};

enum sim_phase {
    SIM_TO_COME,
    SIM_LOOKED, /* has looked into the store, and not yet asked */
    SIM_WAITING,
    SIM_READING, /* has something to read, or a pause before it */
    SIM_ASKED,   /* has asked for more */
    SIM_COVERED, /* waits until its part is there */
    SIM_SETTLED,
    SIM_LEFT
};

struct sim_reader {
    struct fetch_reader reader;
    struct sim *sim;
    unsigned number;
    unsigned lane;
    unsigned key;
    unsigned flags;
    struct cache_control wishes;
    struct sim_ask ask;
    enum sim_method method; /* any but SIM_GET: goes to the origin by itself */
    bool looks_first;
    unsigned pace_bytes; /* reads at most so many at once; 0: all there is */
    unsigned pace_ms;
    enum sim_phase phase;
    int64_t next_ns;
    int64_t leave_ns;
    int64_t start_ns;
    unsigned exchanges_before; /* how many there were when it asked */
    unsigned generation;
    struct sim_exchange *exchange; /* whose answer it got */
    size_t got_bytes;
    bool has_taken_all; /* and has not yet asked for more */
    bool wants_part;    /* the bytes from part_first to part_last */
    bool is_part_begun;
    size_t part_first, part_last;
    const struct flight *waited_for; /* only compared */
    unsigned flights;                /* how many it has waited for, one after the other */
};

struct sim_purge {
    unsigned key;
    int64_t next_ns;
};

struct sim_lane {
    struct upstream upstream; /* first */
    struct sim *sim;
    struct async_loop *loop;
    struct fetch_lane *lane;
};

/* What is found in the store under one key. */
struct sim_slot {
    uint64_t hash; /* of the key */
    struct sim_exchange *exchange;
    int64_t stale_s; /* when it gets stale, on the wall clock */
};

struct sim_key {
    struct fetch_request *request; /* without fields */
    struct key key;                /* the request's */
    unsigned generation;           /* purges so far */
    unsigned habit;                /* what its origin mostly answers */
    unsigned vary_habit;           /* and by what that mostly varies */
    unsigned slots_count;
    struct sim_slot slots[SIM_SLOTS_MAX];
};

/* A key under which flights are found or locked: a URL's own, or that with what the request says.
 */
struct sim_place {
    uint64_t hash; /* which is enough to tell keys apart here */
    unsigned key;
    int64_t spared_until_ns; /* it failed, and the origin is not asked again before */
    int64_t told_until_ns;   /* who asks may be told of the failure */
};

/* What is known of a flight from the step before. */
struct sim_note {
    const struct flight *flight; /* only compared, once it is no longer seen */
    unsigned key;
    unsigned lock_place; /* of the key whose lock it needs */
    unsigned place;      /* of the key it is found under */
    unsigned turn;       /* of those who wait for locks */
    bool is_seen, is_parked, is_granted, is_in_table;
};

struct sim {
    uint64_t seed;
    struct sim_random random;
    bool is_traced;
    int64_t now_ns;
    unsigned steps;
    unsigned grain_ms;
    unsigned crowds_apart_ms;
    unsigned fresh_percent; /* of the readers, with FETCH_FRESH_ONLY: they queue for the key */
    unsigned stopped_count; /* the first so many lanes have been stopped */
    int64_t stop_ns;        /* of the next */
    struct fetch_settings settings;
    struct store *store;
    struct fetcher *fetcher;
    struct fetch_policy *proxy_policy; /* under which methods other than GET are sent on */
    bool is_parted;                    /* many ask a proxy for a beginning of what is storable */
    bool is_varied;                    /* requests have fields, and answers vary by them */
    bool has_changes;                  /* and there are other methods than GET */
    bool was_short;                    /* an allocation has failed in this step */
    bool is_store_looked_through;      /* since the last purge, */
    uint64_t store_changes;            /* when it had been changed so often */
    unsigned places_count;
    struct sim_place places[SIM_PLACES_MAX];
    unsigned notes_count, turns;
    struct sim_note notes[SIM_NOTES_MAX];
    unsigned lanes_count, keys_count, readers_count, purges_count, exchanges_count;
    struct sim_lane lanes[SIM_LANES_MAX];
    struct sim_key keys[SIM_KEYS_MAX];
    struct sim_reader readers[SIM_READERS_MAX];
    struct sim_purge purges[SIM_PURGES_MAX];
    struct sim_exchange exchanges[SIM_EXCHANGES_MAX];
};

/* sim_run - one schedule from its first step to its last; does not return if a rule is broken. */
void sim_run(struct sim *sim, uint64_t seed, bool is_traced);

/* sim_fail - says which seed broke which rule, and ends the program with 1. */
_Noreturn void sim_fail(const struct sim *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* sim_trace - one line of what happens, if that is wanted. */
void sim_trace(const struct sim *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* sim_moment_ns - within the span, in grains: the coarser, the more comes at one moment. */
int64_t sim_moment_ns(struct sim *sim, unsigned span_ms);

/* sim_delay_ns - mostly little, sometimes nothing or much. */
int64_t sim_delay_ns(struct sim *sim);

int64_t sim_wall_s(const struct sim *sim);

/* sim_content_byte - what stands at this place of the body that this exchange brings. */
static inline unsigned char sim_content_byte(unsigned exchange, unsigned key, size_t offset)
{
    return (unsigned char)(exchange * 31 + key * 7 + offset + (offset >> 8) * 13);
}

/* sim_memory_fail - the nth allocation from now on fails; 0: none. Returns what was left of before.
 */
unsigned sim_memory_fail(unsigned nth);

/* origin.c */
extern const struct upstream_ops sim_origin_ops;
void sim_origin_act(struct sim_exchange *exchange);

/* sim_key_of - which of the keys its readers want. */
unsigned sim_key_of(struct sim *sim, const struct flight *flight);

/* confirm.c: the exchange whose body it is; what it answers to If-None-Match; its head. */
struct sim_exchange *sim_content(struct sim_exchange *exchange);
void sim_draw_confirmation(struct sim_exchange *exchange);
void sim_fill_confirmation(struct sim_exchange *exchange, struct fields *fields);

/* vary.c: the fields of an ask, of which there are no more than SIM_NAMES; the request of a reader.
 */
size_t sim_ask_fields(const struct sim_ask *ask, struct field *fields);
void sim_ask_plan(struct sim_reader *self);
struct fetch_request *sim_ask_request(const struct sim_reader *self);

/* Names are sets of bits: 1u << SIM_KIND and so on. */
#define SIM_CREDENTIALS (1u << SIM_COOKIE | 1u << SIM_AUTHORIZATION)
#define SIM_ALL_NAMES   ((1u << SIM_NAMES) - 1)
unsigned sim_names_of(const struct vary_names *list);

/* sim_ask_next - the next of all that differ in these names; false after the last. */
bool sim_ask_next(struct sim_ask *ask, unsigned names);
bool sim_ask_is_alike(const struct sim_ask *left, const struct sim_ask *right, unsigned names);

/* sim_vary_start - notes what an exchange is asked with. sim_vary_fill: the Vary of its head. */
void sim_vary_start(struct sim_exchange *exchange);
void sim_vary_fill(struct sim_exchange *exchange, struct fields *fields);

/* sim_vary_suits - whether it is an answer to a request with these fields. */
bool sim_vary_suits(const struct sim_exchange *exchange, const struct sim_ask *ask);
void sim_vary_check_answer(const struct sim_reader *self);

/* sim_vary_check_waiting - nobody goes round for ever. */
void sim_vary_check_waiting(struct sim_reader *self);

/* change.c: whether a reader sends something else than GET; sends it; what that may do. */
void sim_change_plan(struct sim_reader *self);
void sim_change_start(struct sim_reader *self, fetch_progress_fn *on_progress);
void sim_change_draw(struct sim_exchange *exchange);
enum upstream_verdict sim_change_tell_head(struct sim_exchange *exchange,
                                           const struct upstream_head *head);
void sim_change_check_answer(const struct sim_reader *self);

/* stored.c: what is in the store, after each step; whether that has a fresh answer to a flight. */
void sim_check_stored(struct sim *sim);
bool sim_stored_is_fresh(struct sim *sim, const struct flight *flight);

/* sim_forget - all that is known of a URL is of the past. */
void sim_forget(struct sim *sim, unsigned key);

/* parts.c: whether a reader wants a part; its Range; whether it has anything to be told. */
#define SIM_RANGE_BYTES_MAX 64
void sim_part_plan(struct sim_reader *self);
struct field sim_part_field(const struct sim_reader *self, char *text);
bool sim_part_is_decided(const struct sim_reader *self);

/* sim_part_begin - what an answered reader does next. */
enum sim_part {
    SIM_PART_READ,
    SIM_PART_WAIT,
    SIM_PART_ALONE, /* has asked again */
};
enum sim_part sim_part_begin(struct sim_reader *self);

/* sim_part_check_stored - of the part that is kept for a key. */
void sim_part_check_stored(struct sim *sim, unsigned key);

/* sim_part_is_read - it needs no more. sim_part_check_answer: as sim_check_answer(). */
bool sim_part_is_read(struct sim_reader *self);
void sim_part_check_answer(const struct sim_reader *self);

/* sim_part_draw - of an exchange that is asked for a part; sim_part_fill: its head. */
void sim_part_draw(struct sim_exchange *exchange);
void sim_part_fill(struct sim_exchange *exchange, struct fields *fields);

/* readers.c */
void sim_reader_plan(struct sim *sim, unsigned number);
void sim_reader_act(struct sim_reader *self);

/* rules.c */
void sim_check_step(struct sim *sim);
void sim_check_end(struct sim *sim);

/* sim_check_cancelled - of an exchange that its flight gives up. */
void sim_check_cancelled(const struct sim_exchange *exchange);

/* sim_place_of - where a key stands in sim->places. */
unsigned sim_place_of(struct sim *sim, const struct key *key, unsigned own);

/* order.c: of each step; of each exchange that starts; of each reader that is told of a failure. */
void sim_check_order(struct sim *sim);
void sim_check_spared(const struct sim_exchange *exchange);
void sim_check_told(const struct sim_reader *self);

/* sim_check_quiet - nothing is left to do at this moment. */
void sim_check_quiet(struct sim *sim);

/* sim_check_answer - a reader has got this entry, for the first time. */
void sim_check_answer(struct sim_reader *self);

/* sim_check_bytes - of what it read, from got_bytes on. */
void sim_check_bytes(struct sim_reader *self, const unsigned char *bytes, size_t count);

/* sim_exchange_of_entry - by the field that the origin put into the head. */
struct sim_exchange *sim_exchange_of_entry(struct sim *sim, const struct entry *entry);

#endif
