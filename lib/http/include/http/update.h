/* SPDX-License-Identifier: MIT */
/*
 * update.h - what a 304, or the reply to a HEAD, changes about a stored response.
 *
 * First, whether it is about that response at all: update_match() for a 304, update_head_matches()
 * for a 200 to HEAD. Then update_fields() makes the fields that are stored from now on. When the
 * entry counts as received, and for how long it is fresh, is calculated from the new fields as if
 * the whole response had just arrived; the body and the status stay.
 */
#ifndef HTTP_UPDATE_H
#define HTTP_UPDATE_H

#include <http/fields.h>
#include <stdint.h>

/* Whether a 304 is about a stored response that could have answered the request. */
enum update_match {
    UPDATE_NO,     /* it is about another one */
    UPDATE_STRONG, /* update each stored response that gives this result */
    UPDATE_WEAK,   /* update the most recent of those that give this result */
    UPDATE_SOLE,   /* it names no validator: update the one the request was made from, if that was
                    * only one */
};

/*
 * update_match - compare the validators of a 304 that arrived at `response_s` with those of a
 * stored response. A strong entity tag in the 304 decides alone, where the stored response has a
 * tag. Last-Modified is a strong validator only where Date is a second later or more.
 * Source    RFC 9111 section 4.3.4; RFC 9110 sections 8.8.1, 8.8.2.2 and 8.8.3.2.
 */
enum update_match update_match(const struct fields *stored, const struct fields *response,
                               int64_t response_s);

/*
 * update_head_matches - whether the 200 to a HEAD is about this stored response: the validators
 * that it has are the stored ones, and so is Content-Length where both are known. If not, the
 * stored response is stale from now on.
 * `stored_bytes`  length of the stored body; -1 where it is not known.
 * Source    RFC 9111 section 4.3.5.
 */
bool update_head_matches(const struct fields *stored, int64_t stored_bytes,
                         const struct fields *response);

/*
 * update_fields - the stored fields with those of the newer response in their place: lines of one
 * name replace all stored lines of that name where the first one stood; new names come last. Order
 * and spelling are kept otherwise. These are not taken over, as the stored body stays what it is:
 * Content-Length, Content-Encoding, Content-Range; nor what is for the next hop only. The stored
 * Age goes, and the stored Date unless there is a newer one: both tell when the old answer was
 * made. `is_unwanted`   fields to leave out besides; may be NULL. Errors    -ENOMEM. -E2BIG: over
 * FIELDS_LINES_MAX or FIELDS_BYTES_MAX. Owns      the caller ends `ret_fields` with fields_fini();
 * its buffers have no room to spare. Source    RFC 9111 sections 3.1, 3.2 and 4.2.3.
 */
int update_fields(const struct fields *stored, const struct fields *newer,
                  bool (*is_unwanted)(struct span name), struct fields *ret_fields);

#endif
