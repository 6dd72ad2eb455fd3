/* SPDX-License-Identifier: MIT */
/*
 * fetcher.h - one URL, one upstream fetch, however many ask: what a handler needs to know of it.
 *
 * A fetcher is shared by all loops; each loop has a lane, which holds the loop's connections to
 * origins and the flights that were started there. A request is a reader:
 *
 *      fetch_lane_reuse()  --> an entry: a hit, nothing else to do
 *      fetch_reader_start() --> FETCH_WAITING --on_progress--> FETCH_ANSWERED --+
 *                                    |                              |          |
 * fetch_reader_wait(), |                              +----------+ on_progress
 *                                    +------ on_progress ---> FETCH_FAILED
 *      fetch_reader_leave() in any of these, once
 *
 * An answered reader has an entry and a cursor in its body. The body may be growing: the reader
 * takes what is there, and waits for more. Its status tells how it ended.
 * What happens behind this: docs/internals/flight.md.
 */
#ifndef FETCH_FETCHER_H
#define FETCH_FETCHER_H

#include <stdbool.h>
#include <stdint.h>

#include <async/loop.h>
#include <cache/body.h>
#include <cache/entry.h>
#include <cache/key.h>
#include <cache/store.h>
#include <fetch/request.h>
#include <fetch/settings.h>
#include <fetch/upstream.h>
#include <http/cache_control.h>
#include <http/range.h>

struct fetcher;
struct fetch_lane;
struct fetch_reader;
struct fetch_segment;
struct flight;

/* What is not a function of its input, so that a simulation can replace it. */
struct fetch_environment {
    int64_t (*wall_clock_s)(void *context);
    uint64_t (*random)(void *context);
    void *context;
};

/* Each is a sum over all loops since the start, but for those that say "now". */
#define FETCH_COUNTERS(X)                                                                          \
    X(hits, "requests answered from the store")                                                    \
    X(misses, "requests that started a fetch")                                                     \
    X(readers_waiting, "requests that wait for a head now")                                        \
    X(collapsed, "requests answered from a fetch that another had started")                        \
    X(flights, "fetches started")                                                                  \
    X(flights_unattended, "of these, to refresh what is used stale meanwhile")                     \
    X(flights_uncoalesced, "of these, for one request alone, its URL not being storable")          \
    X(flights_live, "fetches under way now")                                                       \
    X(flights_cancelled, "fetches given up because nobody was left")                               \
    X(flights_deserted, "fetches that went on before their head when nobody was left")             \
    X(flights_crowded_out, "fetches not stored because too much was arriving at once")             \
    X(upstream_requests, "requests sent to origins")                                               \
    X(upstream_redirects, "of these, following a redirect")                                        \
    X(upstream_retries, "of these, after a failure")                                               \
    X(upstream_resumes, "of these, for the rest of a body that had broken off")                    \
    X(upstream_parts, "of these, for the range of one request alone")                              \
    X(revalidations, "of these, asking whether what is stored is still right")                     \
    X(confirmed, "of these, that it is")                                                           \
    X(completed, "stored parts completed by their rest")                                           \
    X(upgrades, "connections that went over to another protocol")                                  \
    X(upgrades_live, "of these, open now")                                                         \
    X(upstream_failures, "fetches that failed")                                                    \
    X(refused_negative, "requests told of a failure that had just happened")                       \
    X(refused_waiters, "requests refused because too many waited")                                 \
    X(refused_deadline, "requests that waited too long")                                           \
    X(stale, "requests answered with a stale copy")                                                \
    X(refused_guard, "fetches refused by the egress guard")                                        \
    X(stored, "answers stored")                                                                    \
    X(readers_cut, "requests cut because their client took the body too slowly")                   \
    X(restarts, "requests that began anew after their fetch broke before they got a byte")

struct fetch_counters {
#define X(name, text) int64_t name;
    FETCH_COUNTERS(X)
#undef X
};

enum fetch_state {
    FETCH_WAITING,
    FETCH_ANSWERED,
    FETCH_FAILED,
};

/* How the answer was come by, for Cache-Status. */
enum fetch_source {
    FETCH_FROM_STORE,
    FETCH_FROM_ORIGIN,    /* this request led */
    FETCH_FROM_COLLAPSED, /* another did */
};

/* Why nothing stored answers a request, when it came; for Cache-Status. */
enum fetch_miss {
    FETCH_MISS_URI,     /* nothing is stored for its URL */
    FETCH_MISS_VARY,    /* only for requests with other fields */
    FETCH_MISS_STALE,   /* what is stored is not fresh */
    FETCH_MISS_REQUEST, /* what is stored is fresh, but not wanted */
};

/* What stood between the client and an answer: which stale one may take its place. */
enum fetch_trouble {
    FETCH_TROUBLE_FINAL,     /* asking was refused: none */
    FETCH_TROUBLE_ERROR,     /* an answer that is an error: STALE_IF_ERROR */
    FETCH_TROUBLE_NO_ANSWER, /* STALE_IF_UNREACHABLE */
};

struct fetch_failure {
    int status; /* of HTTP: 403, 502, 503, 504 */
    enum fetch_trouble trouble;
    const char *detail;     /* for the client; static */
    uint32_t retry_after_s; /* 0: not said */
    const char *reason;     /* for the operator's log, not for the client; static */
    bool is_unasked;        /* nothing was asked of the origin: no news of it */
};

typedef void fetch_progress_fn(struct fetch_reader *reader);

/* A head of the 1xx other than 100, before the answer, for the reader that led. The fields stay
 * until it returns. It may not start, leave or wait. */
typedef void fetch_interim_fn(struct fetch_reader *reader, int status, const struct fields *fields);

/* The fields behind the body, for the reader that led, before it is told of the body's end: what is
 * stored has none. As above. */
typedef void fetch_trailers_fn(struct fetch_reader *reader, const struct fields *trailers);

enum fetch_flags {
    FETCH_FRESH_ONLY =
        1, /* no stored answer, and no fetch that began before: Cache-Control: no-cache */
    FETCH_NOT_STORED = 2, /* the caller has just looked into the store, in vain */
    FETCH_REFRESH = 4,    /* the library's own: see fetch_lane_refresh() */
};

/* One request that wants a URL. Fields below "The library's" are not for the caller. */
struct fetch_reader {
    /* For the caller to read. */
    enum fetch_state state;
    enum fetch_source source;     /* FETCH_FAILED: FETCH_FROM_ORIGIN for one reader of the fetch */
    enum fetch_miss miss;         /* of any but FETCH_FROM_STORE */
    bool is_stored;               /* the answer goes into the store when complete */
    bool is_stale;                /* FETCH_ANSWERED: with what the store had, although not fresh */
    int forward_status;           /* of HTTP: what the origin answered, if not this; 0: nothing */
    int64_t length_bytes;         /* FETCH_ANSWERED: of the whole body, -1: not known yet */
    struct entry *entry;          /* FETCH_ANSWERED; a reference that leave() gives back */
    struct body_cursor cursor;    /* FETCH_ANSWERED; fetch_reader_spans() first, then move it */
    struct fetch_failure failure; /* FETCH_FAILED; or what a stale answer takes the place of */
    int64_t answered_ns;          /* on the loop's clock */
    int64_t led_ns;               /* when a fetch of its own began, the last; 0: it had none */

    /* For the caller to set, before it leaves. */
    bool wants_rest; /* the fetch is worth finishing: this reader has got the part it wanted */

    fetch_interim_fn *on_interim;   /* NULL: not wanted */
    fetch_trailers_fn *on_trailers; /* NULL: not wanted */

    /* The library's. */
    struct fetch_lane *lane;
    fetch_progress_fn *on_progress;
    struct upstream_body *body; /* of a bypass; NULL: the request has none */
    struct fetch_request *request;
    struct flight_key key;
    uint64_t generation;           /* of the index that key was made with; 0: there was none */
    struct fetch_segment *segment; /* where the cursor is; NULL: the body is that of the entry */
    size_t bytes_before;           /* read in the segments before */
    struct flight *flight;         /* a reference; NULL: attached to none */
    struct async_list node;        /* in the flight's parked or awake list, under its mutex */
    struct async_task wake;
    struct async_timer deadline;
    unsigned flags;
    struct cache_control wishes; /* what the client's request says */
    unsigned restarts_left;
    unsigned regroups_left; /* how often it may find that an answer is not for it */
    bool is_for_part;       /* `key` is that of a flight for the request's range */
    bool is_counted_waiting;
    bool is_unanswered;    /* under the flight's mutex, as the next */
    size_t waited_bytes;   /* of the body, read when it last waited for more */
    size_t early_bytes;    /* of the body, that were there when it was answered, or had waited */
    uint64_t wanted_bytes; /* of the body, for which it waits without reading; 0: it does not */
};

/*
 * fetcher_new - nothing fetched yet. `store` stays, and the strings that the settings point to.
 * Errors    -ENOMEM, negative errno of getrandom(2).
 * Thread    before the loops start.
 */
int fetcher_new(const struct fetch_settings *settings, struct store *store,
                struct fetcher **ret_fetcher);

/* fetcher_free - after all lanes. Asserts that no flight is left. NULL is allowed. */
void fetcher_free(struct fetcher *fetcher);

const struct fetch_settings *fetcher_settings(const struct fetcher *fetcher);
struct store *fetcher_store(const struct fetcher *fetcher);

/* fetcher_policy - of requests to come. The fetcher's reference may go at fetcher_set_policy(). */
struct fetch_policy *fetcher_policy(const struct fetcher *fetcher);

/*
 * fetcher_policy_new - as fetch_policy_new(), and this server itself is closed to it. What concerns
 * all requests together (connections, marks, files of the resolver) stays as the fetcher was made.
 */
int fetcher_policy_new(const struct fetcher *fetcher, const struct fetch_settings *settings,
                       struct fetch_policy **ret_policy);

/*
 * fetcher_set_policy - for requests to come; those that are there go on under theirs (case 28).
 * Owns      takes a reference of its own.
 * Thread    any; lanes may be at work.
 */
void fetcher_set_policy(struct fetcher *fetcher, struct fetch_policy *policy);

/*
 * fetcher_follow_policy - whether there is another policy now than `*policy`, which is a reference
 * of the caller's, or NULL: then it is exchanged for the new one. Cheap while there is none.
 * Thread    any.
 */
bool fetcher_follow_policy(struct fetcher *fetcher, struct fetch_policy **policy);

/*
 * fetcher_set_own_ports - the server's own ports, once they are known: closed from now on. To be
 * called once. The addresses of this machine the fetcher has read itself.
 * Errors    -ENOMEM.
 * Thread    any; lanes may be at work.
 */
int fetcher_set_own_ports(struct fetcher *fetcher, const uint16_t *ports, size_t count);

/* fetcher_read_counters - sums over all lanes. Thread: any. */
void fetcher_read_counters(struct fetcher *fetcher, struct fetch_counters *ret_counters);

/*
 * fetcher_purge - forgets what is stored under a request's key, in all its variants; a fetch under
 * way serves those who wait for it and is not stored, and later requests start another. Returns
 * whether something was stored or under way. See purge.h for more of that kind. Thread    any.
 */
bool fetcher_purge(struct fetcher *fetcher, const struct key *key);

/*
 * fetch_lane_new - the fetcher's part on one loop. `upstream` and `environment` NULL: the network,
 * the clock and the random source of the system; given ones stay the caller's.
 * Errors    -ENOMEM.
 * Thread    the loop's.
 */
int fetch_lane_new(struct fetcher *fetcher, struct async_loop *loop, struct upstream *upstream,
                   const struct fetch_environment *environment, struct fetch_lane **ret_lane);

/*
 * fetch_lane_stop - ends every flight of this lane; the readers of other lanes are told. Who asks
 * for something that is not stored, or begins anew, is told 503 from now on.
 * Thread    the loop's, which turns on until all lanes have been stopped.
 */
void fetch_lane_stop(struct fetch_lane *lane);

/* fetch_lane_free - after the stop of all lanes, when no loop turns any more. NULL is allowed. */
void fetch_lane_free(struct fetch_lane *lane);

struct fetcher *fetch_lane_fetcher(const struct fetch_lane *lane);

/* fetch_lane_now_s - the wall clock of the lane's environment. */
int64_t fetch_lane_now_s(const struct fetch_lane *lane);

/*
 * fetch_lane_reuse - a stored answer for a client that sent `fields`, or NULL; those that are not
 * forwarded change nothing. `plain` is the request without them, or with what the origin gets of
 * them: without, an answer of a proxy that varies by what the origin gets changed is not found.
 * `wishes` is the Cache-Control of
 * the client's request (NULL: none), which may want a younger answer than a fresh one, or be
 * content with one that is stale. An answer that is used while it is refreshed is returned, too:
 * then a refresh is due, and the caller calls fetch_lane_refresh(). Allocates nothing.
 * Owns      the caller gets a reference: entry_unref().
 * Thread    the lane's loop.
 * Source    RFC 9111 sections 4, 4.2.4 and 5.2.1, RFC 5861 section 3
 */
struct entry *fetch_lane_reuse(struct fetch_lane *lane, const struct fetch_request *plain,
                               struct field_view fields, const struct cache_control *wishes,
                               int64_t now_s, bool *ret_is_refresh_due);

/*
 * fetch_lane_refresh - has the origin asked for what is stored, while nobody waits for that; no-op
 * if that is done already, has just failed, or too much of it is under way. `request` is that of
 * the client who set it off. Owns      takes a reference of its own to `request`. Thread    the
 * lane's loop.        Source  COALESCING case 29, RFC 5861 section 3
 */
void fetch_lane_refresh(struct fetch_lane *lane, struct fetch_request *request);

/*
 * fetch_reader_start - asks for the answer to a request. `wishes` is the Cache-Control of the
 * client's request, which is copied; NULL: it has none.
 * Delivery  on_progress(reader) whenever its state changes, or there is what it waited for; on the
 *           lane's loop, never inside this call. The state may be FETCH_ANSWERED or FETCH_FAILED at
 *           once; then on_progress is not called for that.
 * Owns      the caller keeps the reader until fetch_reader_leave(); a reference to `request` is
 *           taken.
 * Thread    the lane's loop.
 */
void fetch_reader_start(struct fetch_reader *reader, struct fetch_lane *lane,
                        struct fetch_request *request, const struct cache_control *wishes,
                        unsigned flags, fetch_progress_fn *on_progress);

/*
 * fetch_reader_start_bypass - sends a request that is a bypass, with its body, which stays the
 * caller's and has to stay until the reader leaves. There is no limit to the wait but those of the
 * fetch itself. A good answer to a method that is not safe invalidates what is stored for the URL.
 * Delivery, Owns, Thread    as fetch_reader_start().
 */
void fetch_reader_start_bypass(struct fetch_reader *reader, struct fetch_lane *lane,
                               struct fetch_request *request, struct upstream_body *body,
                               fetch_interim_fn *on_interim, fetch_progress_fn *on_progress);

/* fetch_reader_body_ready - its body had said UPSTREAM_BODY_LATER, and now says something else. */
void fetch_reader_body_ready(struct fetch_reader *reader);

/*
 * fetch_part_of - which part of the whole is the complete body of this answer, a 206; false for
 * other answers. Thread: any.
 */
bool fetch_part_of(const struct entry *entry, struct content_range *ret_part);

/*
 * fetch_reader_start_hit - a reader of an entry that fetch_lane_reuse() gave, for one whose body
 * is to be read piece by piece. Its state is FETCH_ANSWERED at once.
 * Owns      takes the caller's reference to the entry over.
 */
void fetch_reader_start_hit(struct fetch_reader *reader, struct fetch_lane *lane,
                            struct fetch_request *request, struct entry **take_entry,
                            fetch_progress_fn *on_progress);

/*
 * fetch_reader_status - of the body: BODY_OPEN, 0, or a negative errno for one that broke. Ask for
 * it before the spans: when it is not open, the spans that follow are the last.
 */
int fetch_reader_status(const struct fetch_reader *reader);

/*
 * fetch_reader_spans - what can be read from the cursor on; 0: nothing yet, or the end. Afterwards
 * body_cursor_advance(&reader->cursor, bytes), as far as they go.
 */
int fetch_reader_spans(struct fetch_reader *reader, struct iovec *spans, int spans_max);

/*
 * fetch_reader_hold - a reference to what the last spans lie in, for who uses them after the cursor
 * has moved: body_unref().
 */
struct body *fetch_reader_hold(const struct fetch_reader *reader);

/*
 * fetch_reader_wait - of an answered reader that has taken all there is: on_progress is called once
 * there is more, or the body's end. At once (but not inside this call) if it is there already.
 */
void fetch_reader_wait(struct fetch_reader *reader);

/*
 * fetch_reader_wait_for - of an answered reader that needs so many bytes of the body before it
 * reads on, its cursor staying where it is: on_progress is called once they are there, or the end,
 * or it has become clear that the answer is not stored, which is also told in `is_stored`.
 * Returns   false, and no on_progress follows, if one of these is so already. What is not stored is
 *           not kept either: nobody may wait for more of it than the next piece.
 */
bool fetch_reader_wait_for(struct fetch_reader *reader, uint64_t body_bytes);

/*
 * fetch_reader_ask_part - of an answered reader that has used nothing of the answer yet: gives it
 * up, and asks the origin for what its request wants a part of, alone. Its state is any of the
 * three afterwards, as after fetch_reader_start().
 * Returns   false, and nothing has changed, if it has done that already, the answer is from the
 *           store, or the request wants no part.
 */
bool fetch_reader_ask_part(struct fetch_reader *reader);

/*
 * fetch_reader_start_over - of an answered reader whose answer has broken off, and whose client has
 * got nothing of it: the one new fetch, or what is stored. Its state is any of the three
 * afterwards, as after fetch_reader_start(). Returns   false, and nothing has changed, if it has
 * had its new fetch and nothing may be used in the place of the answer; or for a bypass. Source
 * COALESCING case 7
 */
bool fetch_reader_start_over(struct fetch_reader *reader);

/*
 * fetch_reader_lags - whether an answered reader that wants to read on has fallen too far behind an
 * answer that is still arriving and being stored (settings.stored_lag_bytes_max): the caller aborts
 * its answer. What was there before it was answered does not count, so nobody lags by coming late.
 * O(1). What is not stored makes the origin wait instead.
 */
bool fetch_reader_lags(struct fetch_reader *reader);

/*
 * fetch_reader_leave - ends a reader; on_progress will not be called any more, and the memory is
 * the caller's. O(1). The fetch goes on for the others.
 */
void fetch_reader_leave(struct fetch_reader *reader);

#endif
