/* SPDX-License-Identifier: MIT */
/*
 * operator.h - who is let in to what is the operator's.
 *
 *      a page in a browser            403  Origin, or Sec-Fetch-Site, say so
 *      with a token: another, none    401  WWW-Authenticate: Bearer
 *      without one: a foreign Host    421  a name that was made to lead to this machine
 *
 * Without a token the address has to be of this machine alone, which is the caller's business: then
 * whoever can connect is let in, but for pages. These a browser sends here for anybody: as a form,
 * or under a name that its owner points to 127.0.0.1 (DNS rebinding). Host is that name then. With
 * a token neither helps a page, as no browser knows it.
 */
#ifndef SERVER_HANDLERS_OPERATOR_H
#define SERVER_HANDLERS_OPERATOR_H

#include "../server.h"
#include "../token.h"

struct operator_guard;

/*
 * operator_guard_new - without a token if that is empty, which it may not be if `needs_token`:
 * others can reach what is guarded. Errors    -ENOMEM. Owns      a copy of the token, ended by
 * operator_guard_free() after the server.
 */
int operator_guard_new(const struct token *token, bool needs_token,
                       struct operator_guard **ret_guard);

/* operator_guard_free - wipes the token. NULL is allowed. */
void operator_guard_free(struct operator_guard *guard);

/*
 * operator_guard_set_token - asked for from the next request on; an empty one: none is. Thread:
 * any. Returns   false: it would have been none, and one is needed; it is what it was.
 */
bool operator_guard_set_token(struct operator_guard *guard, const struct token *token);

/* operator_server_guard - for server_settings.guard: of these addresses (SERVER_ADDRESS()). */
struct server_guard operator_server_guard(struct operator_guard *guard, uint64_t addresses);

#endif
