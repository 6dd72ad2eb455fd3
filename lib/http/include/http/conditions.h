/* SPDX-License-Identifier: MIT */
/*
 * conditions.h - what a client already has, compared with what we have.
 *
 * Entity tags, dates, and the order in which the conditions of a request count. Which bytes a range
 * means is another matter: see range.h.
 */
#ifndef HTTP_CONDITIONS_H
#define HTTP_CONDITIONS_H

#include <http/field_view.h>

/*
 * conditions_etag_is_valid - whether the text is one entity tag, weak or strong.
 * Source    RFC 9110 section 8.8.3.
 */
bool conditions_etag_is_valid(struct span etag);

/*
 * conditions_etag_equals_weak - equal apart from the W/ in front; false where one is malformed.
 * Source    RFC 9110 section 8.8.3.2.
 */
bool conditions_etag_equals_weak(struct span left, struct span right);

/*
 * conditions_etag_equals_strong - equal, and neither is weak; false where one is malformed.
 * Source    RFC 9110 section 8.8.3.2.
 */
bool conditions_etag_equals_strong(struct span left, struct span right);

/*
 * conditions_none_match_lists - whether one line of If-None-Match names `etag` (or is "*"), so that
 * a GET is answered 304. A malformed list names what stands before the first error. With an empty
 * `etag` only "*" matches.
 * Source    RFC 9110 sections 13.1.2 and 8.8.3.2.
 */
bool conditions_none_match_lists(struct span if_none_match, struct span etag);

/*
 * conditions_match_lists - the same for If-Match, with the strong comparison.
 * Source    RFC 9110 sections 13.1.1 and 8.8.3.2.
 */
bool conditions_match_lists(struct span if_match, struct span etag);

/* The answer that a request would get if it had no conditions. */
struct conditions_target {
    int status;
    bool is_get_or_head; /* the method of the request */
    bool is_origin;      /* we answer for the resource, not from a store: all conditions count */
    bool has_modified;
    struct span etag;   /* length 0: none, or malformed */
    int64_t modified_s; /* Last-Modified, where there is one that can be read */
    int64_t date_s;     /* Date, or the time of arrival where it is missing or unreadable */
};

/*
 * conditions_target_read - from the fields of a stored response that arrived at `response_s`, for a
 * GET or HEAD that is answered from the store.
 */
void conditions_target_read(const struct fields *response, int status, int64_t response_s,
                            struct conditions_target *ret_target);

/*
 * conditions_are_there - whether a request has any; without, a target need not be read.
 * Source    RFC 9110 section 13.1: the names of all of them begin with "If-".
 */
bool conditions_are_there(struct field_view request);

enum conditions_verdict {
    CONDITIONS_NONE,         /* answer as if there were no conditions */
    CONDITIONS_NOT_MODIFIED, /* 304 */
    CONDITIONS_FAILED,       /* 412 */
};

/*
 * conditions_evaluate - the verdict on If-Match, If-Unmodified-Since, If-None-Match and
 * If-Modified-Since, in this order. The first two are for origins; a store ignores them. All are
 * ignored where the answer is no 2xx. If-Modified-Since counts only without If-None-Match and for
 * GET and HEAD; it is compared with Last-Modified, and from a store otherwise with Date or the time
 * of arrival. A date that cannot be read, or that is given twice, is ignored.
 * `now_s`   decides the century of a date with a two-digit year.
 * Source    RFC 9110 sections 13.1.1 to 13.1.4, 13.2.1 and 13.2.2; RFC 9111 section 4.3.2.
 */
enum conditions_verdict conditions_evaluate(struct field_view request,
                                            const struct conditions_target *target, int64_t now_s);

/*
 * conditions_range_applies - whether Range may be answered with a part of this target: there is no
 * If-Range, or it is the same strong entity tag, or exactly the date of Last-Modified where that is
 * a second older than Date or more (a younger one may have changed unseen). False where If-Range is
 * given twice or cannot be read.
 * Source    RFC 9110 sections 13.1.5 and 8.8.2.2.
 */
bool conditions_range_applies(struct field_view request, const struct conditions_target *target,
                              int64_t now_s);

#endif
