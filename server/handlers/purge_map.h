/* SPDX-License-Identifier: MIT */
/*
 * purge_map.h - where what clients know by a URL is stored: under the URL itself, for /fetch; by
 * the route that would answer it; and by the forward proxy. The operator need not know in which.
 */
#ifndef SERVER_HANDLERS_PURGE_MAP_H
#define SERVER_HANDLERS_PURGE_MAP_H

#include <fetch/fetcher.h>

#include "../server.h"

/* The routes of proxies, and that of /fetch. Constant. */
struct purge_map;

/*
 * purge_map_new - Errors: -ENOMEM; then nothing is released.
 * Owns      a copy of the routes; what they point to stays until release(owner), called when the
 * map is freed.
 */
int purge_map_new(const struct server_route *routes, size_t route_count,
                  void (*release)(void *owner), void *owner, struct purge_map **ret_map);

/* purge_map_free - NULL is allowed. */
void purge_map_free(struct purge_map *map);

/*
 * purge_map_purge - forgets it in each of these places, or makes it stale, if `is_soft`. Returns in
 * how many of them something was stored or on its way. Thread: any.
 */
unsigned purge_map_purge(const struct purge_map *map, struct fetcher *fetcher,
                         const struct fetch_url *url, bool is_soft, int64_t now_s);

#endif
