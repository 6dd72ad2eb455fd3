/* SPDX-License-Identifier: MIT */
/*
 * curl_upstream.h - the upstream that is the network: libcurl's multi interface on one loop.
 */
#ifndef FETCH_CURL_UPSTREAM_H
#define FETCH_CURL_UPSTREAM_H

#include <async/loop.h>
#include <fetch/settings.h>
#include <fetch/upstream.h>

struct resolver;

/*
 * curl_upstream_new - connections of one loop, kept open between calls. The loop is one made by
 * async_loop_new(); `settings` stays.
 * Errors    -ENOMEM.
 * Thread    the loop's.
 */
int curl_upstream_new(struct async_loop *loop, const struct fetch_settings *settings,
                      struct upstream **ret_upstream);

/*
 * curl_upstream_close - closes the connections; no call is under way (asserted) or follows.
 * Thread    the loop's, which then turns on for a while: evdns ends its cancelled lookups there.
 */
void curl_upstream_close(struct upstream *upstream);

/* curl_upstream_resolver - its own, for others on the loop. It lives until curl_upstream_free(). */
struct resolver *curl_upstream_resolver(struct upstream *upstream);

/* curl_upstream_free - after close, or without; no call is under way (asserted). NULL is allowed.
 */
void curl_upstream_free(struct upstream *upstream);

/*
 * curl_upstream_global_init - libcurl's own preparation, before any thread starts. Once per process
 * is enough, more does no harm.
 * Errors    -ENOMEM.
 */
int curl_upstream_global_init(void);

#endif
