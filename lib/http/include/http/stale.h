/* SPDX-License-Identifier: MIT */
/*
 * stale.h - whether a stored response suits a request, and when one that is no longer fresh may be
 * served all the same.
 *
 * Three things speak here. The response may forbid to be served stale, and nothing overrules that;
 * it may state windows for it (RFC 5861). The request may want a younger response than a fresh one,
 * or be content with an older. Where neither says anything, the cache's own windows count.
 *
 * A window counts the seconds after the end of freshness. Ages and lifetimes are those of
 * freshness.h.
 */
#ifndef HTTP_STALE_H
#define HTTP_STALE_H

#include <http/cache_control.h>
#include <stdbool.h>
#include <stdint.h>

/* Why no fresh response is at hand. */
enum stale_situation {
    STALE_WHILE_REVALIDATING, /* the origin is being asked, and nobody wants to wait for that */
    STALE_IF_ERROR,           /* the origin's answer would be an error */
    STALE_IF_UNREACHABLE,     /* the origin gives no answer */
};

/* Windows where the response states none, in seconds; 0: not at all. */
struct stale_windows {
    int64_t while_revalidating_s;
    int64_t if_error_s;
    int64_t if_unreachable_s;
};

/*
 * stale_is_forbidden - whether the response may never be served stale by a shared cache: no-store,
 * no-cache, must-revalidate, proxy-revalidate, or s-maxage, which implies the one before. no-store
 * beside must-understand does not count: such a response is stored because its status is known.
 * Source    RFC 9111 sections 4.2.4, 5.2.2.2, 5.2.2.3, 5.2.2.4, 5.2.2.5, 5.2.2.8 and 5.2.2.10.
 */
bool stale_is_forbidden(const struct cache_control *response);

/*
 * stale_window_s - for how long after its freshness the response may answer this request in this
 * situation; 0: not at all. `request` NULL: it says nothing.
 *
 * What the response states comes before the default; stale-if-error also counts for an origin that
 * cannot be reached, since a gateway would have to answer 502 or 504. max-stale takes the place of
 * both. A request that wants a younger response (no-cache, max-age, min-fresh) gets no stale one,
 * unless it says stale-if-error itself.
 * Source    RFC 9111 sections 4.2.4 and 5.2.1, RFC 5861 sections 3 and 4.
 */
int64_t stale_window_s(const struct cache_control *response, const struct cache_control *request,
                       enum stale_situation situation, const struct stale_windows *windows);

/* stale_status_is_error - whether stale-if-error is about this status. Source: RFC 5861 section 4.
 */
bool stale_status_is_error(int status);

/* What is to be done with a stored response. */
enum reuse {
    REUSE_FRESH,     /* serve it */
    REUSE_STALE,     /* serve it: the request is content with it */
    REUSE_REFRESH,   /* serve it, and ask the origin meanwhile */
    REUSE_UNWANTED,  /* fresh, but the request wants a younger one: ask the origin */
    REUSE_TOO_STALE, /* ask the origin */
};

/* What is stored, and what is asked for. */
struct reuse_question {
    const struct cache_control *response;
    const struct cache_control *request; /* NULL: it says nothing */
    int64_t age_s;
    int64_t lifetime_s;
    const struct stale_windows *windows;
};

/*
 * reuse_decide - max-age=0 wants a new answer, however young the stored one is: so clients say that
 * somebody pressed "reload".
 * Source    RFC 9111 sections 4, 4.2 and 5.2.1; RFC 5861 section 3.
 */
enum reuse reuse_decide(const struct reuse_question *question);

#endif
