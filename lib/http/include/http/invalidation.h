/* SPDX-License-Identifier: MIT */
/*
 * invalidation.h - what an answer makes unusable that was stored before.
 *
 *      if (invalidation_is_due(method, status))
 *          for (invalidation_init(&walk, &base, fields);
 *               invalidation_next(&walk, buffer, sizeof buffer, &length);)
 *              ...
 */
#ifndef HTTP_INVALIDATION_H
#define HTTP_INVALIDATION_H

#include <http/fields.h>
#include <http/url_reference.h>

/*
 * invalidation_is_due - whether a request of this method, answered with this status, may have
 * changed what is stored: the method is not safe, or is not known; the status is 2xx or 3xx.
 * Source    RFC 9111 section 4.4.
 */
bool invalidation_is_due(struct span method, int status);

struct invalidation_walk {
    const struct url_base *base;
    const struct fields *response;
    size_t position;
    bool is_begun;
};

/* invalidation_init - what the answer to a request for `base` concerns; both stay where they are.
 */
void invalidation_init(struct invalidation_walk *walk, const struct url_base *base,
                       const struct fields *response);

/*
 * invalidation_next - path and query (see url_reference_resolve()) of the target itself, and of
 * what Location and Content-Location name of the same origin; false after the last. A name that
 * cannot be read or does not fit into `room` is left out; one that was there already may come
 * again. Source    RFC 9111 section 4.4.
 */
bool invalidation_next(struct invalidation_walk *walk, char *buffer, size_t room,
                       size_t *ret_length);

#endif
