/* SPDX-License-Identifier: MIT */
/*
 * upgrade.h - a client that wants to go on with another protocol, which its route allows: the
 * request goes to the origin with that wish, and with 101 the two are joined.
 *
 * The connection ends after any other answer: what the client may have sent too early, believing in
 * the other protocol, is never read as a request.
 */
#ifndef SERVER_HANDLERS_UPGRADE_H
#define SERVER_HANDLERS_UPGRADE_H

#include <fetch/fetcher.h>

#include "../request.h"
#include "fetch_fields.h"

/*
 * upgrade_is_wanted - whether the request is one for a protocol among `allowed`. Only a GET on
 * HTTP/1.1 without a body is: another method would make what is stored obsolete, and a body would
 * have to come to its end first. For all others the wish is passed over, as any server may do.
 * Source    RFC 9110 section 7.8
 */
bool upgrade_is_wanted(const struct request *request, const char *const *allowed,
                       size_t allowed_count, struct span *ret_protocol);

/*
 * upgrade_start - sends `asked`, which was made with the protocol, and answers the request. Owns:
 * takes a reference of its own.
 */
void upgrade_start(struct request *request, struct fetch_lane *lane, struct fetch_request *asked,
                   const struct fetch_wishes *wishes);

/* upgrade_refuse_bad - answers a request of which no `asked` could be made, for that error. */
void upgrade_refuse_bad(struct request *request, int err);

#endif
