/* SPDX-License-Identifier: MIT */
/*
 * proxies.h - the ways in that are proxies, as the configuration describes them: its routes, and
 * the forward proxy.
 */
#ifndef SERVER_PROXIES_H
#define SERVER_PROXIES_H

#include <fetch/fetcher.h>

#include "config/config.h"
#include "handlers/lanes.h"
#include "server.h"

#define PROXIES_MAX (CONFIG_ROUTES_MAX + 1)

struct proxies;

/*
 * proxies_new - of these routes, and the forward proxy of `config`. `fetch` has what routes do not
 * say for themselves; its lists are of no account but for those of the egress guard. One reference.
 * Errors    -ENOMEM; those of fetch_origins_new().
 * Owns      `lanes` stay the caller's.
 */
int proxies_new(const struct config *config, const struct config_routes *routes,
                const struct fetch_settings *fetch, struct lanes *lanes,
                struct proxies **ret_proxies);

struct proxies *proxies_ref(struct proxies *proxies);

/* proxies_unref - of a struct proxies; the last one frees it. NULL is allowed. Thread: any. */
void proxies_unref(void *proxies);

/* proxies_routes - writes up to PROXIES_MAX routes; returns how many. */
size_t proxies_routes(struct proxies *proxies, struct server_route *ret_routes);

#endif
