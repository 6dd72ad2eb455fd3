/* SPDX-License-Identifier: MIT */
/*
 * upstream.h - one exchange with an origin, behind an interface: libcurl, or a script in tests.
 *
 *      start() --> on_connecting --> on_head --> on_data ... --> on_done
 *                        |              |            |
 *                        +--------------+------------+---------> on_done(error)
 *      cancel() at any time before on_done: none of them is called anymore
 *
 * All calls and all events happen on the thread of the loop that the upstream was made for. No
 * event is delivered inside start(), cancel() or resume(). on_head and on_data may be delivered in
 * the middle of the backend's own work: they say by their verdict what is to happen, and call none
 * of the upstream's functions.
 */
#ifndef FETCH_UPSTREAM_H
#define FETCH_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fetch/guard.h>
#include <fetch/url.h>
#include <http/fields.h>
#include <http/span.h>

struct fetch_settings;
struct upstream;
struct upstream_call;

/* The final head of a response: never one of the 1xx, but for 101 to a call for an upgrade. */
struct upstream_head {
    int status;
    const struct fields *fields;  /* as received, until on_head returns */
    int64_t content_length_bytes; /* -1: not known */
};

enum upstream_verdict {
    UPSTREAM_GO_ON,
    UPSTREAM_PAUSE, /* of on_data: these bytes were not taken; again after resume() */
    UPSTREAM_STOP,  /* nothing more is wanted: on_done(-ECANCELED) follows */
};

/*
 * The outcome: 0, the body came to its end; or
 * -EACCES        refused by the guard, call->refusal says why
 * -ENOENT        the name does not exist
 * -ECONNREFUSED  no connection, for whatever reason, TLS included
 * -ETIMEDOUT     the lookup or the connection took too long
 * -EPROTO        what came is not HTTP, or contradicts itself
 * -ECONNRESET    the connection broke
 * -ECANCELED     by the verdict UPSTREAM_STOP
 * -EHOSTDOWN     no origin of the route is in reach (from start(), too)
 * -EBUSY         too many wait for one (from start(), too)
 * -ENOMEM
 */
struct upstream_events {
    void (*on_connecting)(struct upstream_call *call); /* the name is known and allowed */
    /* A part of the request's body is on its way. NULL: does not matter. */
    void (*on_sent)(struct upstream_call *call);
    /* A head of the 1xx, other than 100, before the final one. NULL: left out. */
    void (*on_interim)(struct upstream_call *call, const struct upstream_head *head);
    enum upstream_verdict (*on_head)(struct upstream_call *call, const struct upstream_head *head);
    enum upstream_verdict (*on_data)(struct upstream_call *call, const char *bytes, size_t count);
    /* Fields behind the body, at its good end and before on_done. NULL: left out. */
    void (*on_trailers)(struct upstream_call *call, const struct fields *trailers);
    void (*on_done)(struct upstream_call *call, int status); /* the call is idle again */
};

/* What there is of a body that is being sent. */
enum upstream_body_state {
    UPSTREAM_BODY_PIECE, /* some bytes */
    UPSTREAM_BODY_LATER, /* nothing now: upstream_resume() when there is */
    UPSTREAM_BODY_END,
};

/* The body of a request, in the hands of whoever has it: looked at, and taken as far as it could be
 * sent. A member of its owner. */
struct upstream_body {
    int64_t length_bytes; /* -1: not known */
    enum upstream_body_state (*look)(struct upstream_body *body, struct span *ret_piece);
    void (*take)(struct upstream_body *body, size_t length);
};

/* One request. A member of whoever wants it; zeroed, but for events and URL, it is a plain GET. */
struct upstream_call {
    const struct upstream_events *events;
    const struct fetch_url *url; /* as the next two: stays until on_done or cancel */
    const char *method;          /* NULL: GET */
    const char *target;          /* what is asked for there, as "*"; NULL: the URL's path */
    const struct fields *fields; /* of the request, end-to-end ones; NULL: none of its own */
    bool is_verbatim;            /* no default of the upstream's is added to the fields */
    const struct fetch_settings *settings; /* its times, limits and guard; NULL: the upstream's */
    bool is_unguarded;          /* the egress guard has no say: the operator named the host */
    bool is_on_new_connection;  /* none that was kept will do: what ended one may end all */
    bool is_too_slow;           /* set before a cancel() for want of a head in time */
    bool passes_codings;        /* a transfer coding nobody knows is let through: see head.h */
    bool drops_excess;          /* bytes behind the answer end the connection, and no more */
    const char *host;           /* the value of Host; NULL: what the URL says */
    struct upstream_body *body; /* NULL: none; set to NULL during the call it breaks that off */
    const char *upgrade;        /* the protocol to go over to; NULL: none. See below */
    enum guard_reason refusal;  /* set before on_done(-EACCES) */
    bool was_kept;              /* set before on_done(-ECONNRESET): over that of a request
                                 * before, whose end need not be about this one */
    void *backend;              /* the upstream's; NULL while idle */
    struct upstream *upstream;  /* set by start() */
};

/*
 * A call for an upgrade is a GET over a connection of its own, which is used for nothing else.
 * Where the head is 101 to this very protocol, the connection belongs to it from there on: the
 * body, which is not looked at before, is sent as it is, and its end ends our side alone; on_data
 * has what comes as it is, and on_done(0) follows when the origin ends. With any other head the
 * body is not looked at, and the answer is like one to any call.
 */

struct upstream_ops {
    /* Errors: -ENOMEM, -EHOSTDOWN, -EBUSY; then no event follows. */
    int (*start)(struct upstream *upstream, struct upstream_call *call);
    void (*cancel)(struct upstream_call *call);
    void (*resume)(struct upstream_call *call);
};

struct upstream {
    const struct upstream_ops *ops;
};

static inline int upstream_start(struct upstream *upstream, struct upstream_call *call)
{
    call->upstream = upstream;
    call->refusal = GUARD_OK;
    call->was_kept = false;
    return upstream->ops->start(upstream, call);
}

/* No-op on an idle call. */
static inline void upstream_cancel(struct upstream_call *call)
{
    if (call->backend != NULL)
        call->upstream->ops->cancel(call);
}

static inline void upstream_resume(struct upstream_call *call)
{
    if (call->backend != NULL)
        call->upstream->ops->resume(call);
}

#endif
