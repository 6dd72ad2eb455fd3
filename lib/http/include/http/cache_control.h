/* SPDX-License-Identifier: MIT */
/*
 * cache_control.h - the Cache-Control directives of a request or a response.
 *
 * The parser is tolerant where RFC 9111 tells it to be and takes the restrictive side in doubt:
 * - letter case does not matter, arguments may be tokens or quoted, unknown directives are ignored;
 * - a flag directive counts even if it carries an argument; `private="x"` and `no-cache="x"` count
 * as the bare directive, which section 5.2.2.4 allows and which cannot leak a listed field;
 * - what is no directive, such as "private; max-age=0" or "no-cache no-store", has the flags in it
 *   that restrict;
 * - of several values of one directive the first counts, as section 4.2.1 proposes;
 * - a lifetime that is not a whole number (negative, fraction, empty, or with a space beside the
 *   '=') is 0: the response is stale;
 * - a number that is too large is CACHE_CONTROL_SECONDS_MAX, never an overflow (section 1.2.2).
 */
#ifndef HTTP_CACHE_CONTROL_H
#define HTTP_CACHE_CONTROL_H

#include <http/fields.h>
#include <stdint.h>

/* RFC 9111 section 1.2.2: 2^31, or the greatest number of the type that is less. */
#define CACHE_CONTROL_SECONDS_MAX INT64_C(2147483647)

struct cache_control {
    /* Seconds; -1 where the directive is absent. Small, since every stored entry has them. */
    int32_t max_age_s;
    int32_t s_maxage_s;
    int32_t stale_while_revalidate_s; /* RFC 5861 section 3 */
    int32_t stale_if_error_s;         /* RFC 5861 section 4 */
    int32_t max_stale_s;              /* request; without an argument: CACHE_CONTROL_SECONDS_MAX */
    int32_t min_fresh_s;              /* request */
    bool no_store;
    bool no_cache;
    bool no_transform;
    bool only_if_cached; /* request */
    bool must_revalidate;
    bool proxy_revalidate;
    bool must_understand;
    bool is_private;
    bool is_public;
    bool is_immutable; /* RFC 8246 */
};

/* No directive at all. */
void cache_control_init(struct cache_control *control);

/*
 * cache_control_add - read one field line; call it once for each line, in their order.
 * Source    RFC 9111 sections 5.2 and 4.2.1.
 */
void cache_control_add(struct cache_control *control, struct span value);

/* cache_control_read - init, then all Cache-Control lines of a message. */
void cache_control_read(struct cache_control *control, const struct fields *fields);

/*
 * cache_control_read_targeted - the directives that a response means for caches such as this one.
 * `names` are the fields we obey, such as "CDN-Cache-Control", the most applicable first, NULL
 * last. The first that is a valid dictionary, and not empty, counts; false, and `control` is
 * untouched, where there is none. The caller ignores Cache-Control and Expires when it is true, and
 * passes all these fields on.
 *
 * Of a directive that comes twice the last value counts. A lifetime that is no integer, or is
 * negative, is 0. A flag that restricts counts with any value but false; others only with true.
 * Source    RFC 9213 sections 2.1 and 2.2.
 */
bool cache_control_read_targeted(struct cache_control *control, const struct fields *fields,
                                 const char *const *names);

/*
 * delta_seconds_parse - a number of seconds, optionally in quotes.
 * Returns -1 for anything else than digits; saturates at CACHE_CONTROL_SECONDS_MAX.
 * Source    RFC 9111 section 1.2.2.
 */
int64_t delta_seconds_parse(struct span text);

#endif
