/* SPDX-License-Identifier: MIT */
/*
 * check.c - settings together: what "auto" comes to, and what contradicts each other. See config.h.
 *
 * A default gives way where it can without being less strict: with fetch.timeouts.total_ms set to
 * 10000, the default of fetch.timeouts.header_ms is lowered to that. What the operator gave is
 * never changed; it is reported, with the places of both values.
 */
#include "config/config.h"

#include <assert.h>
#include <inttypes.h>

#include "config/value.h"

#define ORIGIN_BYTES_MAX     512
#define CACHE_BYTES_AUTO_MAX (UINT64_C(1) << 30)

struct check_order {
    enum setting_id less;
    enum setting_id more;
    const char *because;
};

/* What may not be larger than something else. The larger ones come first, as defaults are lowered
 * in this order. */
static const struct check_order check_orders[] = {
    {SETTING_ID_fetch_timeouts_header_ms, SETTING_ID_fetch_timeouts_total_ms,
     "a whole fetch includes its header"},
    {SETTING_ID_fetch_timeouts_connect_ms, SETTING_ID_fetch_timeouts_header_ms,
     "the time for the header includes the connection"},
    {SETTING_ID_fetch_timeouts_stall_ms, SETTING_ID_fetch_timeouts_total_ms,
     "a whole fetch would end before a stall is noticed"},
    {SETTING_ID_fetch_timeouts_resolve_ms, SETTING_ID_fetch_timeouts_header_ms,
     "the time for the header includes the lookup"},
    {SETTING_ID_fetch_stored_body_bytes_max, SETTING_ID_fetch_body_bytes_max,
     "a body that is stored is passed on first"},
    {SETTING_ID_fetch_origin_connections_max, SETTING_ID_fetch_connections_max,
     "one origin may not have more connections than all together"},
    {SETTING_ID_fetch_waiters_per_key_max, SETTING_ID_fetch_waiters_max,
     "one URL may not have more waiters than all together"},
    {SETTING_ID_limits_target_bytes_max, SETTING_ID_limits_header_bytes_max,
     "the path and query are a part of the header"},
};

#define CHECK_ORDERS (sizeof(check_orders) / sizeof(check_orders[0]))

static uint64_t *number_of(struct config *config, enum setting_id id)
{
    assert(setting_table[id].kind == SETTING_NUMBER);
    return (uint64_t *)(void *)((char *)config + setting_table[id].offset);
}

static uint64_t number_get(const struct config *config, enum setting_id id)
{
    assert(setting_table[id].kind == SETTING_NUMBER);
    return *(const uint64_t *)(const void *)((const char *)config + setting_table[id].offset);
}

static void defaults_lower(struct config *config)
{
    for (size_t i = 0; i < CHECK_ORDERS; i++) {
        uint64_t *less = number_of(config, check_orders[i].less);
        uint64_t more = number_get(config, check_orders[i].more);
        if (config->origins[check_orders[i].less].source == CONFIG_FROM_DEFAULT && *less > more)
            *less = more;
    }
}

void config_resolve(struct config *config, unsigned cores, uint64_t memory_bytes)
{
    const struct setting *loops = &setting_table[SETTING_ID_loops];
    const struct setting *cache = &setting_table[SETTING_ID_cache_bytes_max];

    if (config->loops == 0) {
        config->loops = cores < loops->max ? cores : loops->max;
        config->loops = config->loops > 0 ? config->loops : 1;
    }
    defaults_lower(config);
    routes_resolve(config);
    if (config->cache_bytes_max == 0) {
        uint64_t quarter = memory_bytes / 4;
        config->cache_bytes_max = quarter < CACHE_BYTES_AUTO_MAX ? quarter : CACHE_BYTES_AUTO_MAX;
        if (config->cache_bytes_max < cache->min)
            config->cache_bytes_max = cache->min;
    }
}

static void order_check(const struct config *config, const struct check_order *order,
                        struct problems *problems)
{
    const struct config_origin *less = &config->origins[order->less];
    const struct config_origin *more = &config->origins[order->more];
    char first[ORIGIN_BYTES_MAX];
    char second[ORIGIN_BYTES_MAX];

    if (number_get(config, order->less) <= number_get(config, order->more))
        return;
    if (less->is_faulty || more->is_faulty)
        return; /* the value there is not the one that was meant */
    config_origin_text(config, order->less, first, sizeof(first));
    config_origin_text(config, order->more, second, sizeof(second));
    problems_add(problems, "%s: %" PRIu64 " is more than the %" PRIu64 " of %s: %s", first,
                 number_get(config, order->less), number_get(config, order->more), second,
                 order->because);
}

/* The server would fetch any public URL for whoever reaches it; that must be meant. Routes lead to
 * servers that the operator has named. */
static void exposure_check(const struct config *config, struct problems *problems)
{
    const struct config_origin *listen = &config->origins[SETTING_ID_listen];
    const struct setting *open = &setting_table[SETTING_ID_fetch_open_to_network];
    char origin[ORIGIN_BYTES_MAX];
    char address[ADDRESS_TEXT_BYTES_MAX];
    char variable[SETTING_VARIABLE_BYTES_MAX];

    if (!config->fetch_enabled && !config->forward_proxy_enabled)
        return;
    if (config->fetch_open_to_network || address_is_loopback(&config->listen) ||
        listen->is_faulty || config->origins[SETTING_ID_fetch_open_to_network].is_faulty)
        return;
    config_origin_text(config, SETTING_ID_listen, origin, sizeof(origin));
    address_print(&config->listen, address);
    setting_variable(open, variable);
    problems_add(problems,
                 "%s: on %s other machines can reach the server, and %s would fetch any public "
                 "URL for them. If that is meant, set \"%s\" to true in the file, or %s=true in "
                 "the environment; if not, listen on 127.0.0.1",
                 origin, address, config->fetch_enabled ? "/fetch" : "the forward proxy",
                 open->path, variable);
}

/* It does whatever it is asked, so only those may do so who could stop the server as well: programs
 * of this machine, or who knows the token. */
static void operator_check(const struct config *config, struct problems *problems)
{
    const struct setting *token = &setting_table[SETTING_ID_operator_token_file];
    char origin[ORIGIN_BYTES_MAX];
    char address[ADDRESS_TEXT_BYTES_MAX];
    char variable[SETTING_VARIABLE_BYTES_MAX];

    if (address_is_off(&config->operator_listen) || address_is_loopback(&config->operator_listen))
        return;
    if (config->operator_token_file[0] != '\0' ||
        config->origins[SETTING_ID_operator_token_file].is_faulty)
        return;
    config_origin_text(config, SETTING_ID_operator_listen, origin, sizeof(origin));
    address_print(&config->operator_listen, address);
    setting_variable(token, variable);
    problems_add(problems,
                 "%s: on %s other machines could reach what is the operator's alone. Choose an "
                 "address of this machine, as 127.0.0.1:8081, or have a token asked for: name the "
                 "file with it in \"%s\", or in %s in the environment",
                 origin, address, token->path, variable);
}

/* Everybody reaches the clients' address, so there it is the token alone that tells who may. */
static void purge_check(const struct config *config, struct problems *problems)
{
    const struct setting *token = &setting_table[SETTING_ID_operator_token_file];
    char origin[ORIGIN_BYTES_MAX];
    char variable[SETTING_VARIABLE_BYTES_MAX];

    if (!config->operator_purge_on_listen || config->operator_token_file[0] != '\0' ||
        config->origins[SETTING_ID_operator_token_file].is_faulty)
        return;
    config_origin_text(config, SETTING_ID_operator_purge_on_listen, origin, sizeof(origin));
    setting_variable(token, variable);
    problems_add(problems,
                 "%s: clients could have everything purged. Have a token asked for: name the file "
                 "with it in \"%s\", or in %s in the environment",
                 origin, token->path, variable);
}

/* Who opens tunnels means them to work. */
static void tunnels_check(const struct config *config, struct problems *problems)
{
    const struct setting *enabled = &setting_table[SETTING_ID_forward_proxy_enabled];
    char origin[ORIGIN_BYTES_MAX];
    char variable[SETTING_VARIABLE_BYTES_MAX];

    if (!config->forward_proxy_connect || config->forward_proxy_enabled ||
        config->origins[SETTING_ID_forward_proxy_enabled].is_faulty)
        return;
    config_origin_text(config, SETTING_ID_forward_proxy_connect, origin, sizeof(origin));
    setting_variable(enabled, variable);
    problems_add(problems,
                 "%s: tunnels are a part of the forward proxy, which is off: set \"%s\" to true in "
                 "the file, or %s=true in the environment, as well",
                 origin, enabled->path, variable);
}

void config_check(const struct config *config, struct problems *problems)
{
    for (size_t i = 0; i < CHECK_ORDERS; i++)
        order_check(config, &check_orders[i], problems);
    exposure_check(config, problems);
    operator_check(config, problems);
    purge_check(config, problems);
    tunnels_check(config, problems);
    routes_check(config, problems);
}
