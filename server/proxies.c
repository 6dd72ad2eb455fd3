/* SPDX-License-Identifier: MIT */
/*
 * proxies.c - see proxies.h. The one place where the names of a route's configuration meet those of
 * the fetcher and of the handler.
 */
#include "proxies.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <fetch/origins.h>
#include <http/forwarding.h>

#include "handlers/proxy.h"

/* How long an answer without a word about that may be called fresh by guess, where no route says:
 * for the forward proxy. */
#define FORWARD_HEURISTIC_MAX_S 86400

static_assert((unsigned)ROUTE_TELL_STANDARD == (unsigned)FORWARDING_STANDARD,
              "a choice is a set of styles");
static_assert((unsigned)ROUTE_TELL_CUSTOMARY == (unsigned)FORWARDING_CUSTOMARY,
              "a choice is a set of styles");
static_assert((int)CONFIG_UPSTREAMS_MAX <= (int)FETCH_ORIGINS_MAX, "all of them are taken");

/* " 1021": see write_space(). */
#define RULES_BYTES 5

struct proxies {
    atomic_uint references;
    struct proxy_route items[PROXIES_MAX];
    char hosts[CONFIG_ROUTES_MAX][TARGET_HOST_BYTES_MAX + 1];
    char prefixes[CONFIG_ROUTES_MAX][TARGET_PREFIX_BYTES_MAX + 1];
    struct config_names upgrades[CONFIG_ROUTES_MAX];
    const char *upgrade_names[CONFIG_ROUTES_MAX][CONFIG_NAMES_MAX]; /* in these */
    char spaces[CONFIG_ROUTES_MAX]
               [TARGET_HOST_BYTES_MAX + TARGET_PREFIX_BYTES_MAX + 1 + RULES_BYTES];
    uint16_t ports[CONFIG_LIST_MAX]; /* for tunnels */
    size_t count;
};

/* The first URL is also that of the route; the caller gives both references back. */
static int make_origins(const struct config_route *route, struct fetch_url **ret_first,
                        struct fetch_origins **ret_origins)
{
    const struct fetch_origins_settings settings = {
        .requests_max = (uint32_t)route->requests_max,
        .queue_max = (uint32_t)route->queue_max,
        .rate_per_s = (uint32_t)route->rate_per_s,
        .burst = (uint32_t)route->burst_max,
        .failures_max = (uint32_t)route->failures_max,
        .rest_ms = (uint32_t)route->rest_ms,
        .rest_max_ms = (uint32_t)route->rest_max_ms,
    };
    struct fetch_url *urls[CONFIG_UPSTREAMS_MAX] = {NULL};
    unsigned count = 0;
    int err = 0;

    for (; err == 0 && count < route->upstreams.count; count++) {
        const char *text = route->upstreams.items[count];
        err = fetch_url_parse(text, strlen(text), CONFIG_URL_BYTES_MAX, &urls[count]);
    }
    if (err == 0)
        err = fetch_origins_new(urls, count, &settings, ret_origins);
    if (err == 0)
        *ret_first = fetch_url_ref(urls[0]);
    for (unsigned i = 0; i < CONFIG_UPSTREAMS_MAX; i++)
        fetch_url_unref(urls[i]);
    return err;
}

static int make_policy(const struct config_route *route, const struct fetch_settings *fetch,
                       struct fetch_origins *origins, struct fetch_policy **ret_policy)
{
    struct fetch_settings settings = *fetch;

    settings.is_transparent = true;
    settings.is_unguarded = true;
    settings.origins = origins;
    settings.set_cookie_is_standard = route->set_cookie == ROUTE_SET_COOKIE_STANDARD;
    settings.default_lifetime_s = (uint32_t)route->lifetime_s;
    settings.heuristic_max_s = (uint32_t)route->heuristic_max_s;
    settings.stale.if_unreachable_s = (int64_t)route->stale_on_failure_s;
    settings.stale.if_error_s = (int64_t)route->stale_if_error_s;
    settings.stale.while_revalidating_s = (int64_t)route->stale_while_revalidate_s;
    settings.obeys_clients = route->obey_client_cache_control;
    settings.resolve_timeout_ms = (uint32_t)route->timeouts_resolve_ms;
    settings.connect_timeout_ms = (uint32_t)route->timeouts_connect_ms;
    settings.head_timeout_ms = (uint32_t)route->timeouts_header_ms;
    settings.stall_timeout_ms = (uint32_t)route->timeouts_stall_ms;
    settings.total_timeout_ms = (uint32_t)route->timeouts_total_ms;
    settings.wait_timeout_ms = (uint32_t)route->timeouts_wait_ms;
    settings.streamed_body_bytes_max = (size_t)route->body_bytes_max;
    settings.stored_body_bytes_max = (size_t)route->stored_body_bytes_max;
    settings.retries_max = (uint32_t)route->retries_max;
    settings.tunnel_idle_ms = (uint32_t)route->timeouts_upgrade_idle_ms;
    settings.forwarded = NULL;
    settings.forwarded_count = 0;
    return fetch_policy_new(&settings, ret_policy);
}

/* Whether an upstream has paths that no request of this route may come to. */
static bool is_confined(const struct config_route *route)
{
    bool is_part = strcmp(route->prefix, "/") != 0;

    for (unsigned i = 0; i < route->upstreams.count; i++) {
        const char *authority = strstr(route->upstreams.items[i], "://") + 3;
        is_part |= strcmp(strchr(authority, '/'), "/") != 0;
    }
    return is_part;
}

static void allow_upgrades(struct proxies *proxies, size_t index, const struct config_names *names)
{
    proxies->upgrades[index] = *names;
    for (unsigned i = 0; i < names->count; i++)
        proxies->upgrade_names[index][i] = proxies->upgrades[index].items[i];
    proxies->items[index].upgrades = proxies->upgrade_names[index];
    proxies->items[index].upgrade_count = names->count;
}

/* Two routes differ in host or prefix, and a host has no '/' in it. One that has been changed is
 * another if its upstream may have answered otherwise, or others may get what is stored. */
static void write_space(const struct config_route *route, char *space)
{
    char *at = stpcpy(stpcpy(space, route->host), route->prefix);

    *at++ = ' ';
    *at++ = (char)('0' + route->forward_host);
    *at++ = (char)('0' + route->tell_client);
    *at++ = (char)('0' + route->trust_clients);
    *at++ = (char)('0' + route->set_cookie);
    *at = '\0';
}

static int add_route(struct proxies *proxies, const struct config_route *route,
                     const struct fetch_settings *fetch, struct lanes *lanes)
{
    struct proxy_route *proxy = &proxies->items[proxies->count];
    char *host = proxies->hosts[proxies->count];
    char *prefix = proxies->prefixes[proxies->count];
    char *space = proxies->spaces[proxies->count];
    struct fetch_origins *origins;
    int err = make_origins(route, &proxy->origin, &origins);

    if (err < 0)
        return err;
    allow_upgrades(proxies, proxies->count, &route->upgrade);
    proxies->count++;
    err = make_policy(route, fetch, origins, &proxy->policy);
    fetch_origins_unref(origins);
    memcpy(host, route->host, sizeof(route->host));
    memcpy(prefix, route->prefix, sizeof(route->prefix));
    write_space(route, space);
    proxy->space = space;
    proxy->host = *host != '\0' ? host : NULL;
    proxy->prefix = prefix;
    proxy->is_confined = is_confined(route);
    proxy->strips_prefix = route->strip_prefix;
    proxy->sends_origin_host = route->forward_host == ROUTE_HOST_OF_UPSTREAM;
    proxy->trusts_clients = route->trust_clients;
    proxy->styles = route->tell_client;
    proxy->body_bytes_max = route->request_body_bytes_max;
    proxy->lanes = lanes;
    return err;
}

/* Tunnels lead to the ports that are named for them, whatever ports are open to fetches. */
static int allow_tunnels(struct proxies *proxies, const struct config *config,
                         const struct fetch_settings *fetch, struct proxy_route *proxy)
{
    struct fetch_settings settings = *fetch;

    memcpy(proxies->ports, config->forward_proxy_connect_ports.items, sizeof(proxies->ports));
    proxy->tunnels.ports = proxies->ports;
    proxy->tunnels.port_count = config->forward_proxy_connect_ports.count;
    settings.forwarded = NULL;
    settings.forwarded_count = 0;
    settings.guard.ports = proxies->ports;
    settings.guard.port_count = proxy->tunnels.port_count;
    settings.tunnels_max = (uint32_t)config->forward_proxy_tunnels_max;
    settings.tunnel_idle_ms = (uint32_t)config->forward_proxy_tunnel_idle_ms;
    return fetcher_policy_new(lanes_fetcher(proxy->lanes), &settings, &proxy->tunnels.policy);
}

/* Closed to what /fetch is closed to, this server included. */
static int add_forward(struct proxies *proxies, const struct config *config,
                       const struct fetch_settings *fetch, struct lanes *lanes)
{
    struct proxy_route *proxy = &proxies->items[proxies->count++];
    struct fetch_settings settings = *fetch;
    int err;

    settings.is_transparent = true;
    settings.default_lifetime_s = 0;
    settings.heuristic_max_s = FORWARD_HEURISTIC_MAX_S;
    settings.forwarded = NULL;
    settings.forwarded_count = 0;
    proxy->space = "forward"; /* no route's: those have a '/' */
    proxy->lanes = lanes;
    err = fetcher_policy_new(lanes_fetcher(lanes), &settings, &proxy->policy);
    if (err == 0 && config->forward_proxy_connect)
        err = allow_tunnels(proxies, config, fetch, proxy);
    return err;
}

int proxies_new(const struct config *config, const struct config_routes *routes,
                const struct fetch_settings *fetch, struct lanes *lanes,
                struct proxies **ret_proxies)
{
    struct proxies *proxies = calloc(1, sizeof(*proxies));
    int err = 0;

    if (proxies == NULL)
        return -ENOMEM;
    atomic_init(&proxies->references, 1);
    for (unsigned i = 0; err == 0 && i < routes->count; i++)
        err = add_route(proxies, &routes->items[i], fetch, lanes);
    if (err == 0 && config->forward_proxy_enabled)
        err = add_forward(proxies, config, fetch, lanes);
    if (err < 0) {
        proxies_unref(proxies);
        return err;
    }
    *ret_proxies = proxies;
    return 0;
}

struct proxies *proxies_ref(struct proxies *proxies)
{
    atomic_fetch_add_explicit(&proxies->references, 1, memory_order_relaxed);
    return proxies;
}

void proxies_unref(void *proxies_pointer)
{
    struct proxies *proxies = proxies_pointer;

    if (proxies == NULL ||
        atomic_fetch_sub_explicit(&proxies->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < proxies->count; i++) {
        fetch_url_unref(proxies->items[i].origin);
        fetch_policy_unref(proxies->items[i].policy);
        fetch_policy_unref(proxies->items[i].tunnels.policy);
    }
    free(proxies);
}

size_t proxies_routes(struct proxies *proxies, struct server_route *ret_routes)
{
    for (size_t i = 0; i < proxies->count; i++)
        ret_routes[i] = proxy_server_route(&proxies->items[i]);
    return proxies->count;
}
