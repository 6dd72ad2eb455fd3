/* SPDX-License-Identifier: MIT */
/*
 * fetch_parts.h - sends the parts that a range has turned out to mean.
 */
#ifndef SERVER_HANDLERS_FETCH_PARTS_H
#define SERVER_HANDLERS_FETCH_PARTS_H

#include "fetch_range.h"
#include "fetch_reply.h"

/*
 * fetch_parts_skip_to - moves the reader to this place of the whole, from one not behind it.
 * Nothing before it is wanted by this reader. Returns   COVERED: a byte is there; WAITS; BROKEN.
 */
enum fetch_range_outcome fetch_parts_skip_to(struct fetch_reply *self, int64_t first);

/*
 * fetch_parts_start - the head of a 206 with the parts in self->range, and what is there of them;
 * `self` may be gone after. complete_bytes: of the whole body, -1: not known, and the part is one.
 * Errors    -ENOMEM, -EIO; nothing has been sent.
 * Source    RFC 9110 sections 14.4, 14.6 and 15.3.7
 */
int fetch_parts_start(struct fetch_reply *self, int64_t complete_bytes,
                      const struct fetch_answer *answer);

/* fetch_parts_stream - goes on sending, in the states SENDING and SENT; `self` may be gone after.
 */
void fetch_parts_stream(struct fetch_reply *self);

#endif
