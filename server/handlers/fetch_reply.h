/* SPDX-License-Identifier: MIT */
/*
 * fetch_reply.h - how a request for a URL is answered: at once from an entry, or by a reader.
 */
#ifndef SERVER_HANDLERS_FETCH_REPLY_H
#define SERVER_HANDLERS_FETCH_REPLY_H

#include <fetch/fetcher.h>

#include "../request.h"
#include "fetch_fields.h"
#include "fetch_query.h"
#include "fetch_range.h"

/* A request that could not be answered at once; lives in request->state. */
struct fetch_reply {
    struct fetch_reader reader;
    struct request *request;
    char *select; /* NULL: the whole body, or parts of it */
    struct fetch_range range;
    bool is_bypass;
    struct upstream_body body; /* of a bypass: the client's */
    char *trailers;            /* lines for behind the body; NULL: none */
    bool is_started;           /* the head has been sent, the body is on its way */
};

/*
 * fetch_reply_hit - a fresh entry of the store. Without a range, and with a body in few enough
 * pieces: no allocation, no copy, no waiting. Returns false for the others.
 * Owns      takes the reference to the entry over, unless it returns false.
 */
bool fetch_reply_hit(struct request *request, const struct fetch_wishes *wishes,
                     struct entry *entry, int64_t now_s);

/*
 * fetch_reply_start - a request of /fetch that cannot be answered at once.
 * Owns      takes over the reference to `entry`, which is what the store has, or NULL.
 */
void fetch_reply_start(struct request *request, struct fetch_lane *lane,
                       const struct fetch_query *query, const struct fetch_wishes *wishes,
                       struct entry *entry);

/* fetch_reply_start_proxied - the same for a proxy, which asks with `asked`. */
void fetch_reply_start_proxied(struct request *request, struct fetch_lane *lane,
                               struct fetch_request *asked, const struct fetch_wishes *wishes,
                               struct entry *entry);

/*
 * fetch_reply_start_bypass - what the cache has no part in: the request goes to the origin with
 * its body, and the answer comes back as it is.
 */
void fetch_reply_start_bypass(struct request *request, struct fetch_lane *lane,
                              struct fetch_request *asked);

/* The rest is for fetch_start.c, fetch_range.c and fetch_parts.c. */

/* fetch_reply_advance - goes on by what state its reader is in. */
void fetch_reply_advance(struct fetch_reply *self);

/* fetch_reply_on_gone and so on - what its request calls. */
void fetch_reply_on_gone(struct request *request);
void fetch_reply_on_refused(struct request *request, int status, const char *detail);
void fetch_reply_on_writable(struct request *request);

/* fetch_reply_finish - nothing of the fetch calls back any more. The request may be answered
 * after, and `self` may be gone once it is. */
void fetch_reply_finish(struct fetch_reply *self);

/* fetch_reply_end_body - the one way out once the head is sent: a good end for status 0, else the
 * answer is cut, and the operator told. */
void fetch_reply_end_body(struct fetch_reply *self, int status);

#endif
