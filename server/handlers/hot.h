/* SPDX-License-Identifier: MIT */
/*
 * hot.h - the shortest way of a request: what its loop has lately answered with, ready to be sent.
 *
 * Beside an entry that a loop keeps (fetch/held.h) lies the head of its answer as it goes out, from
 * the status line to the empty line; what it says of the time is written anew once a second.
 * Conditions are compared here, and one part is cut out of a body. Requests that say something
 * about caching, or want several parts, or one that is not there, take the way of fetch_reply.c.
 */
#ifndef SERVER_HANDLERS_HOT_H
#define SERVER_HANDLERS_HOT_H

#include <fetch/held.h>

#include "../request.h"

/* hot_reply - answers the request from the slot, or returns false and has done nothing. */
bool hot_reply(struct request *request, struct fetch_held_slot *slot, int64_t now_s);

/* hot_keep - after a hit with this entry for a request of which hot_reply() may be asked next
 * time: see fetch_held_keep(). Nothing is kept without memory. */
void hot_keep(struct fetch_lane *lane, struct fetch_held_slot *slot,
              const struct fetch_request *plain, struct entry *entry);

#endif
