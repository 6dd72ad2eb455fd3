/* SPDX-License-Identifier: MIT */
/*
 * purge.h - POST /purge and PURGE, for the operator: what is stored is forgotten.
 *
 *      /purge?url=URL         in all its variants, wherever it is stored: as a URL of /fetch, of
 *                             the forward proxy, or as the public URL of a route
 *      /purge?pattern=TEXT    all URLs that are like it; each '*' stands for any text
 *      /purge?tag=NAME        all answers with this tag (Surrogate-Key, Cache-Tag); repeatable
 *      ...&soft=1             it is not forgotten, but stale from now on
 *
 * The method PURGE is for the URL of the request. A field "Purge" may say the same as the query of
 * /purge: what else instead, or "soft=1".
 *
 * A fetch under way serves those who came before, and is not stored. The answer is JSON:
 * {"purged": N}; of tags, how many answers have them is not known: {"tags": N}. A pattern is looked
 * for in small steps, between which the loop serves others; a client that leaves does not stop it.
 * Who may ask: operator.h.
 */
#ifndef SERVER_HANDLERS_PURGE_H
#define SERVER_HANDLERS_PURGE_H

#include <fetch/fetcher.h>

#include "../server.h"
#include "purge_map.h"

struct purger;

/* purger_new - for the fetcher, which stays the caller's. It needs a map. Errors: -ENOMEM. */
int purger_new(struct fetcher *fetcher, struct purger **ret_purger);

/* purger_set_map - for purges from now on; the one before is freed. Thread: any. */
void purger_set_map(struct purger *purger, struct purge_map **take_map);

/* purger_free - after the server has ended. NULL is allowed. */
void purger_free(struct purger *purger);

/* purge_route - the route "/purge". */
struct server_route purge_route(struct purger *purger);

/* purge_method_route - requests of the method PURGE, for which the guard is always asked. */
struct server_route purge_method_route(struct purger *purger);

#endif
