/* SPDX-License-Identifier: MIT */
/*
 * flight_revalidate.h - a flight's conditions, and what a 304 makes of the stored answer.
 * All on the lane's thread.
 */
#ifndef FETCH_FLIGHT_REVALIDATE_H
#define FETCH_FLIGHT_REVALIDATE_H

#include "answer.h"
#include "flight.h"

/*
 * flight_choose_fields - those that the next hop sends: the request's, its range if the answer is
 * for one reader alone, and conditions if it is the first hop and can confirm what is stored. Not
 * what says who asks, where a redirect has led to another origin.
 * Errors    -ENOMEM.
 */
int flight_choose_fields(struct flight *flight);

/*
 * flight_confirm - a 304 has come to our conditions.
 * Errors    -EAGAIN: it is about another answer than the stored one, or says that this one varies
 * by more than was known, and the first hop is to be asked once more, which then goes without
 *           conditions; -ENOMEM, -E2BIG.
 * Owns      the caller gets the new entry, which is complete.
 * Source    RFC 9111 sections 4.3.3 and 4.3.4
 */
int flight_confirm(struct flight *flight, const struct upstream_head *head,
                   struct answer *ret_answer);

#endif
