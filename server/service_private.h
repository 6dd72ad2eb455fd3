/* SPDX-License-Identifier: MIT */
/*
 * service_private.h - what the start of the service (service.c) and its reload (service_reload.c)
 * share: the parts, and how they are made of a configuration.
 */
#ifndef SERVER_SERVICE_PRIVATE_H
#define SERVER_SERVICE_PRIVATE_H

#include <cache/store.h>
#include <fetch/fetcher.h>

#include "handlers/access.h"
#include "handlers/lanes.h"
#include "handlers/operator.h"
#include "handlers/purge.h"
#include "proxies.h"
#include "service.h"

#define SERVICE_ROUTES_MAX (5 + PROXIES_MAX)

struct service {
    struct config config;               /* as it is in force */
    char name[sizeof "fetchonce-" + 8]; /* in Via and CDN-Loop: no other server has it */
    struct access *access;
    struct store *store;
    struct fetcher *fetcher;
    struct lanes *lanes;
    struct purger *purger;
    struct operator_guard *guard;
    struct server *server;
};

/*
 * service_fetch_settings - as `config` has them. The name in it is the service's, the lists are
 * those of `config` and `names`.
 */
struct fetch_settings service_fetch_settings(const struct service *service,
                                             const struct config *config,
                                             const char *names[CONFIG_NAMES_MAX]);

/* service_make_proxies - the routes of `config`, and the forward proxy as it is in force. Errors:
 * those of proxies_new(). */
int service_make_proxies(const struct service *service, const struct config *config,
                         struct proxies **ret_proxies);

/* service_make_map - with a reference of its own to the proxies. Errors: -ENOMEM. */
int service_make_map(const struct service *service, struct proxies *proxies,
                     struct purge_map **ret_map);

/* service_make_routes - all of the server, those of the proxies among them; up to
 * SERVICE_ROUTES_MAX. Returns how many. */
size_t service_make_routes(const struct service *service, struct proxies *proxies,
                           struct server_route *ret_routes);

#endif
