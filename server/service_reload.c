/* SPDX-License-Identifier: MIT */
/*
 * service_reload.c - a changed configuration is put in force while the service runs, as far as it
 * can be; see service.h. All that may fail comes first, so that nothing has changed if it does.
 */
#include <stdio.h>
#include <string.h>

#include "config/value.h"
#include "log/log.h"
#include "server.h"
#include "service_private.h"

/* Takes a value over, or says that it takes a restart. */
static void setting_reload(struct service *service, const struct config *config, enum setting_id id)
{
    const struct setting *setting = &setting_table[id];
    char running[VALUE_TEXT_BYTES_MAX];
    char configured[VALUE_TEXT_BYTES_MAX];
    char quoted[3][256];
    char origin[512];

    value_print(&service->config, setting, running);
    value_print(config, setting, configured);
    if (strcmp(running, configured) == 0)
        return;
    if (!setting_needs_restart(id)) {
        memcpy((char *)&service->config + setting->offset, (const char *)config + setting->offset,
               setting->bytes);
        return;
    }
    config_origin_text(config, id, origin, sizeof(origin));
    log_warn("a setting takes a restart", "setting=%s running=%s configured=%s where=%s",
             setting->path, log_quote(quoted[0], sizeof(quoted[0]), running, strlen(running)),
             log_quote(quoted[1], sizeof(quoted[1]), configured, strlen(configured)),
             log_quote(quoted[2], sizeof(quoted[2]), origin, strlen(origin)));
}

/* Whether a setting of fetch that is read again is another: routes and the forward proxy have what
 * they do not say for themselves from there. */
static bool is_fetch_changed(const struct service *service, const struct config *config)
{
    char running[VALUE_TEXT_BYTES_MAX];
    char configured[VALUE_TEXT_BYTES_MAX];

    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (setting_needs_restart((enum setting_id)i) ||
            strncmp(setting_table[i].path, "fetch.", strlen("fetch.")) != 0)
            continue;
        value_print(&service->config, &setting_table[i], running);
        value_print(config, &setting_table[i], configured);
        if (strcmp(running, configured) != 0)
            return true;
    }
    return false;
}

/* What is on its way goes on under the policies that it began with, each of which is counted; the
 * set as a whole is counted by the loops and by the purger. Upstreams are new ones to the new
 * policies: their rests, queues and rates begin anew. */
static int routes_reload(struct service *service, const struct config *config)
{
    struct server_route routes[SERVICE_ROUTES_MAX];
    struct proxies *proxies;
    struct purge_map *map = NULL;
    int err;

    if (config->routes.count == 0 && !service->config.fetch_enabled &&
        !service->config.forward_proxy_enabled) {
        log_warn("the last way in stays until a restart", "setting=routes");
        return 0;
    }
    err = service_make_proxies(service, config, &proxies);
    if (err < 0)
        return err;
    err = service_make_map(service, proxies, &map);
    if (err == 0)
        err = server_set_routes(service->server, routes,
                                service_make_routes(service, proxies, routes), proxies_unref,
                                proxies_ref(proxies));
    if (err == 0) {
        purger_set_map(service->purger, &map);
        service->config.routes = config->routes;
    } else if (map != NULL) {
        purge_map_free(map);
        proxies_unref(proxies); /* which the server did not take */
    }
    proxies_unref(proxies);
    return err;
}

int service_reload(struct service *service, const struct config *config, const struct token *token)
{
    const char *names[CONFIG_NAMES_MAX];
    struct fetch_settings fetch = service_fetch_settings(service, config, names);
    struct fetch_policy *policy;
    int err = fetcher_policy_new(service->fetcher, &fetch, &policy);

    if (err < 0)
        return err;
    if (!routes_are_equal(&service->config.routes, &config->routes) ||
        is_fetch_changed(service, config))
        err = routes_reload(service, config);
    if (err == 0)
        fetcher_set_policy(service->fetcher, policy);
    fetch_policy_unref(policy);
    if (err < 0)
        return err;
    log_set_level((enum log_level)config->log_level);
    if (!operator_guard_set_token(service->guard, token))
        log_warn("the operator's token stays: until a restart others can reach what is his",
                 "setting=operator.token_file");
    for (size_t i = 0; i < SETTING_COUNT; i++)
        setting_reload(service, config, (enum setting_id)i);
    return 0;
}
