/* SPDX-License-Identifier: MIT */
/*
 * service.c - see service.h: the start and the end. Also the one place where the names of the
 * configuration meet those of the parts.
 */
#include "service_private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <cache/store.h>
#include <fetch/fetcher.h>

#include "handlers/access.h"
#include "handlers/fetch.h"
#include "handlers/health.h"
#include "handlers/operator.h"
#include "handlers/purge.h"
#include "log/log.h"
#include "proxies.h"
#include "server.h"

/* Of the addresses of the server. */
#define FOR_CLIENTS  SERVER_ADDRESS(0)
#define FOR_OPERATOR SERVER_ADDRESS(1)

#define LOOPS_MAX 256 /* as the setting allows */

/* One object may take up this part of the cache, so that none empties it. */
#define OBJECT_SHARE_PERCENT 25

static int store_make(struct service *service)
{
    struct store_config store = {
        .budget_bytes = (size_t)service->config.cache_bytes_max,
        .object_share_percent = OBJECT_SHARE_PERCENT,
    };
    ssize_t bytes = getrandom(store.secret.bytes, sizeof(store.secret.bytes), 0);

    if (bytes < 0)
        return -errno;
    assert(bytes == (ssize_t)sizeof(store.secret.bytes)); /* up to 256 bytes come in one piece */
    return store_new(&store, &service->store);
}

/* Servers of this kind may stand behind each other. Who meets its own name has a loop. */
static int name_make(struct service *service)
{
    uint32_t number;
    ssize_t bytes = getrandom(&number, sizeof(number), 0);

    if (bytes < 0)
        return -errno;
    assert(bytes == (ssize_t)sizeof(number));
    snprintf(service->name, sizeof(service->name), "fetchonce-%08x", number);
    return 0;
}

/* The name in it is the service's, the lists are those of `config` and `names`. */
struct fetch_settings service_fetch_settings(const struct service *service,
                                             const struct config *config,
                                             const char *names[CONFIG_NAMES_MAX])
{
    struct fetch_settings fetch;

    fetch_settings_default(&fetch);
    fetch.via_name = service->name;
    fetch.default_lifetime_s = (uint32_t)config->fetch_lifetime_s;
    fetch.lifetime_jitter_percent = (uint32_t)config->fetch_lifetime_jitter_percent;
    fetch.negative_lifetime_ms = (uint32_t)config->fetch_failure_lifetime_ms;
    fetch.stale.if_unreachable_s = (int64_t)config->fetch_stale_on_failure_s;
    fetch.stale.if_error_s = (int64_t)config->fetch_stale_if_error_s;
    fetch.stale.while_revalidating_s = (int64_t)config->fetch_stale_while_revalidate_s;
    fetch.obeys_clients = config->fetch_obey_client_cache_control;
    fetch.retry_after_max_s = (uint32_t)config->fetch_retry_after_max_s;
    fetch.resolve_timeout_ms = (uint32_t)config->fetch_timeouts_resolve_ms;
    fetch.connect_timeout_ms = (uint32_t)config->fetch_timeouts_connect_ms;
    fetch.head_timeout_ms = (uint32_t)config->fetch_timeouts_header_ms;
    fetch.stall_timeout_ms = (uint32_t)config->fetch_timeouts_stall_ms;
    fetch.total_timeout_ms = (uint32_t)config->fetch_timeouts_total_ms;
    fetch.wait_timeout_ms = (uint32_t)config->fetch_timeouts_wait_ms;
    fetch.response_header_bytes_max = (size_t)config->fetch_header_bytes_max;
    fetch.stored_body_bytes_max = (size_t)config->fetch_stored_body_bytes_max;
    fetch.streamed_body_bytes_max = (size_t)config->fetch_body_bytes_max;
    fetch.stored_lag_bytes_max = (size_t)config->fetch_slow_reader_bytes_max;
    fetch.variants_max = (uint32_t)config->fetch_variants_max;
    fetch.tags_max = (uint32_t)config->cache_tags_max;
    fetch.select_bytes_max = (size_t)config->fetch_select_bytes_max;
    fetch.waiters_per_key_max = (uint32_t)config->fetch_waiters_per_key_max;
    fetch.waiters_max = (uint32_t)config->fetch_waiters_max;
    fetch.redirects_max = (uint32_t)config->fetch_redirects_max;
    fetch.retries_max = (uint32_t)config->fetch_retries_max;
    fetch.origin_connections_max = (uint32_t)config->fetch_origin_connections_max;
    fetch.connections_max = (uint32_t)config->fetch_connections_max;
    for (unsigned i = 0; i < config->fetch_forward.count; i++)
        names[i] = config->fetch_forward.items[i];
    fetch.forwarded = names;
    fetch.forwarded_count = config->fetch_forward.count;
    fetch.guard = (struct guard_policy){
        .allowed = config->fetch_allow.items,
        .allowed_count = config->fetch_allow.count,
        .ports = config->fetch_extra_ports.items,
        .port_count = config->fetch_extra_ports.count,
    };
    return fetch;
}

static int fetcher_make(struct service *service)
{
    const char *names[CONFIG_NAMES_MAX];
    struct fetch_settings fetch = service_fetch_settings(service, &service->config, names);

    return fetcher_new(&fetch, service->store, &service->fetcher);
}

/* The routes of `config`, and the forward proxy as it is in force. */
int service_make_proxies(const struct service *service, const struct config *config,
                         struct proxies **ret_proxies)
{
    const char *names[CONFIG_NAMES_MAX];
    struct fetch_settings fetch = service_fetch_settings(service, config, names);

    return proxies_new(&service->config, &config->routes, &fetch, service->lanes, ret_proxies);
}

static bool has_operator_address(const struct service *service)
{
    return !address_is_off(&service->config.operator_listen);
}

/* Others can reach what is the operator's. */
static bool needs_token(const struct service *service)
{
    return service->config.operator_purge_on_listen ||
           (has_operator_address(service) &&
            !address_is_loopback(&service->config.operator_listen));
}

int service_make_map(const struct service *service, struct proxies *proxies,
                     struct purge_map **ret_map)
{
    struct server_route routes[PROXIES_MAX + 1];
    size_t count = proxies_routes(proxies, routes);
    int err;

    if (service->config.fetch_enabled)
        routes[count++] = fetch_route(service->lanes);
    err = purge_map_new(routes, count, proxies_unref, proxies_ref(proxies), ret_map);
    if (err < 0)
        proxies_unref(proxies);
    return err;
}

static int purger_make(struct service *service, struct proxies *proxies)
{
    struct purge_map *map;
    int err = purger_new(service->fetcher, &service->purger);

    if (err == 0)
        err = service_make_map(service, proxies, &map);
    if (err == 0)
        purger_set_map(service->purger, &map);
    return err;
}

/* Health is told to both. */
size_t service_make_routes(const struct service *service, struct proxies *proxies,
                           struct server_route *ret_routes)
{
    size_t count = 0;

    ret_routes[count++] = access_route(service->access);
    if (service->config.fetch_enabled)
        ret_routes[count++] = fetch_route(service->lanes);
    if (service->config.operator_purge_on_listen)
        ret_routes[count++] = purge_method_route(service->purger);
    count += proxies_routes(proxies, &ret_routes[count]);
    for (size_t i = 0; i < count; i++)
        ret_routes[i].addresses = FOR_CLIENTS;
    ret_routes[count++] = health_route();
    if (has_operator_address(service)) {
        ret_routes[count] = purge_route(service->purger);
        ret_routes[count++].addresses = FOR_OPERATOR;
    }
    return count;
}

static int server_make(struct service *service, struct proxies *proxies)
{
    const struct config *config = &service->config;
    const struct sockaddr_storage addresses[] = {config->listen.socket,
                                                 config->operator_listen.socket};
    struct server_route routes[SERVICE_ROUTES_MAX];
    struct server_settings settings;

    server_settings_init(&settings);
    settings.addresses = addresses;
    settings.address_count = has_operator_address(service) ? 2 : 1;
    settings.loops = (unsigned)config->loops;
    settings.limits.connections = (uint32_t)config->limits_connections_max;
    settings.limits.requests_per_connection = (uint32_t)config->limits_requests_per_connection_max;
    settings.limits.pipelined_replies = (uint32_t)config->limits_pipelined_max;
    settings.limits.target_bytes = (uint32_t)config->limits_target_bytes_max;
    settings.limits.header_bytes = (uint32_t)config->limits_header_bytes_max;
    settings.limits.header_fields = (uint32_t)config->limits_header_fields_max;
    settings.limits.body_bytes = config->limits_body_bytes_max;
    settings.timeouts.idle_ms = (uint32_t)config->timeouts_idle_ms;
    settings.timeouts.header_ms = (uint32_t)config->timeouts_header_ms;
    settings.timeouts.body_ms = (uint32_t)config->timeouts_body_ms;
    settings.timeouts.write_ms = (uint32_t)config->timeouts_write_ms;
    settings.timeouts.half_close_ms = (uint32_t)config->timeouts_half_close_ms;
    settings.timeouts.linger_ms = (uint32_t)config->timeouts_linger_ms;
    settings.routes = routes;
    settings.route_count = service_make_routes(service, proxies, routes);
    settings.release_routes = proxies_unref;
    settings.routes_owner = proxies_ref(proxies);
    if (has_operator_address(service) || config->operator_purge_on_listen)
        settings.guard = operator_server_guard(service->guard, FOR_OPERATOR);
    return server_start(&settings, &service->server);
}

/* A port of the system's choice is known only now, but nobody else knows it yet either: the first
 * request comes after the caller has told the address. */
static int own_port_close(struct service *service)
{
    struct address address;
    uint16_t ports[2];
    size_t count = 0;

    service_address(service, &address);
    ports[count++] = address_port(&address);
    if (service_operator_address(service, &address))
        ports[count++] = address_port(&address);
    return fetcher_set_own_ports(service->fetcher, ports, count);
}

int service_start(const struct config *config, const struct token *token,
                  struct service **ret_service)
{
    struct service *service = calloc(1, sizeof(*service));
    struct proxies *proxies = NULL;
    int err = -ENOMEM;

    if (service == NULL)
        return -ENOMEM;
    service->config = *config;
    log_set_level((enum log_level)config->log_level);
    err = access_new((uint32_t)config->access_hold_ms, &service->access);
    if (err == 0)
        err = name_make(service);
    if (err == 0)
        err = store_make(service);
    if (err == 0)
        err = fetcher_make(service);
    if (err == 0)
        err = lanes_new(service->fetcher, LOOPS_MAX, &service->lanes);
    if (err == 0)
        err = service_make_proxies(service, config, &proxies);
    if (err == 0)
        err = purger_make(service, proxies);
    if (err == 0)
        err = operator_guard_new(token, needs_token(service), &service->guard);
    if (err == 0)
        err = server_make(service, proxies);
    proxies_unref(proxies);
    if (err == 0)
        err = own_port_close(service);
    if (err < 0 && service->server != NULL) {
        service_stop(service, 0);
        service_wait(service);
    }
    if (err < 0) {
        service_free(service);
        return err;
    }
    *ret_service = service;
    return 0;
}

void service_address(const struct service *service, struct address *ret_address)
{
    const struct sockaddr_storage *socket = server_address(service->server, 0);
    *ret_address =
        (struct address){.socket = *socket, .socket_bytes = service->config.listen.socket_bytes};
}

bool service_operator_address(const struct service *service, struct address *ret_address)
{
    if (!has_operator_address(service))
        return false;
    *ret_address = (struct address){.socket = *server_address(service->server, 1),
                                    .socket_bytes = service->config.operator_listen.socket_bytes};
    return true;
}

unsigned service_loops(const struct service *service)
{
    return server_loops(service->server);
}

void service_counters(const struct service *service, struct server_counters *ret_counters)
{
    server_counters(service->server, ret_counters);
}

struct fetcher *service_fetcher(const struct service *service)
{
    return service->fetcher;
}

void service_stop(struct service *service, uint32_t drain_ms)
{
    server_stop(service->server, drain_ms);
}

void service_wait(struct service *service)
{
    server_wait(service->server);
}

void service_free(struct service *service)
{
    if (service == NULL)
        return;
    server_free(service->server);
    operator_guard_free(service->guard);
    purger_free(service->purger);
    lanes_free(service->lanes);
    fetcher_free(service->fetcher);
    store_free(service->store);
    access_free(service->access);
    free(service);
}
