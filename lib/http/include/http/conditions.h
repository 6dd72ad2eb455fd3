/* SPDX-License-Identifier: MIT */
/*
 * conditions.h - what a client already has, compared with what we have.
 *
 * Entity tags only; dates and ranges have their own rules and are not handled here.
 */
#ifndef HTTP_CONDITIONS_H
#define HTTP_CONDITIONS_H

#include <http/span.h>

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
 * conditions_none_match_lists - whether one line of If-None-Match names `etag` (or is "*"), so that
 * a GET is answered 304. A malformed list names what stands before the first error. With an empty
 * `etag` only "*" matches.
 * Source    RFC 9110 sections 13.1.2 and 8.8.3.2.
 */
bool conditions_none_match_lists(struct span if_none_match, struct span etag);

#endif
