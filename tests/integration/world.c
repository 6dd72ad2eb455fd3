/* SPDX-License-Identifier: MIT */
/* world.c - see world.h. */
#include "world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "cmocka_all.h"
#include "handlers/fetch.h"

static const struct guard_network loopback = {
    .family = AF_INET, .prefix_bits = 8, .address = {127}};

void world_settings(struct fetch_settings *settings)
{
    fetch_settings_default(settings);
    settings->guard.allowed = &loopback;
    settings->guard.allowed_count = 1;
    settings->resolv_conf_path = NULL;
}

static void start_proxy(struct world *world, const struct fetch_settings *given)
{
    struct fetch_settings settings = *given;
    char url[64];

    settings.is_transparent = true;
    settings.is_unguarded = true;
    settings.default_lifetime_s = 0;
    settings.heuristic_max_s = 86400;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", origin_port(world->origin));
    world->proxy = (struct proxy_route){
        .space = "/", .prefix = "/", .styles = FORWARDING_CUSTOMARY, .lanes = world->lanes};
    assert_int_equal(fetch_url_parse(url, strlen(url), 8192, &world->proxy.origin), 0);
    assert_int_equal(fetch_policy_new(&settings, &world->proxy.policy), 0);
    settings.is_unguarded = false;
    world->forward = (struct proxy_route){.space = "forward", .lanes = world->lanes};
    assert_int_equal(fetch_policy_new(&settings, &world->forward.policy), 0);
}

void world_start(struct world *world, const struct fetch_settings *given)
{
    struct store_config config = {
        .budget_bytes = 64 * 1024 * 1024, .shards_count = 4, .object_share_percent = 50};
    struct sockaddr_storage address = {0};
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)&address;
    struct fetch_settings settings;
    struct server_settings server_settings;
    struct server_route routes[3];
    uint16_t port;

    if (given != NULL)
        settings = *given;
    else
        world_settings(&settings);
    origin_start(&world->origin);
    assert_int_equal(store_new(&config, &world->store), 0);
    assert_int_equal(fetcher_new(&settings, world->store, &world->fetcher), 0);
    ipv4->sin_family = AF_INET;
    ipv4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server_settings_init(&server_settings);
    assert_int_equal(lanes_new(world->fetcher, 2, &world->lanes), 0);
    start_proxy(world, &settings);
    routes[0] = fetch_route(world->lanes);
    routes[1] = proxy_server_route(&world->proxy);
    routes[2] = proxy_server_route(&world->forward);
    server_settings.addresses = &address;
    server_settings.address_count = 1;
    server_settings.loops = 2;
    server_settings.routes = routes;
    server_settings.route_count = 3;
    assert_int_equal(server_start(&server_settings, &world->server), 0);
    world->address = server_address(world->server, 0);
    port = ntohs(((const struct sockaddr_in *)world->address)->sin_port);
    assert_int_equal(fetcher_set_own_ports(world->fetcher, &port, 1), 0);
}

void world_stop(struct world *world)
{
    struct fetch_counters counters;

    server_stop(world->server, 0);
    server_wait(world->server);
    fetcher_read_counters(world->fetcher, &counters);
    assert_int_equal(counters.flights_live, 0);
    assert_int_equal(counters.readers_waiting, 0);
    server_free(world->server);
    fetch_policy_unref(world->proxy.policy);
    fetch_policy_unref(world->forward.policy);
    fetch_url_unref(world->proxy.origin);
    lanes_free(world->lanes);
    fetcher_free(world->fetcher);
    store_free(world->store);
    origin_stop(world->origin);
}

struct fetch_counters world_counters(struct world *world)
{
    struct fetch_counters counters;

    fetcher_read_counters(world->fetcher, &counters);
    return counters;
}

/* Waits until so many requests wait for a head: the state that a gate is opened in. */
void world_wait_waiting(struct world *world, int64_t readers)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    for (unsigned i = 0; world_counters(world).readers_waiting != readers; i++) {
        if (i > CLIENT_GUARD_MS)
            fail_msg("%ld requests wait, not %ld", (long)world_counters(world).readers_waiting,
                     (long)readers);
        nanosleep(&pause, NULL);
    }
}

void world_wait_flights(struct world *world, int64_t flights)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    for (unsigned i = 0; world_counters(world).flights_live != flights; i++) {
        if (i > CLIENT_GUARD_MS)
            fail_msg("%ld flights, not %ld", (long)world_counters(world).flights_live,
                     (long)flights);
        nanosleep(&pause, NULL);
    }
}

void world_wait_collapsed(struct world *world, int64_t requests)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    for (unsigned i = 0; world_counters(world).collapsed != requests; i++) {
        if (i > CLIENT_GUARD_MS)
            fail_msg("%ld requests collapsed, not %ld", (long)world_counters(world).collapsed,
                     (long)requests);
        nanosleep(&pause, NULL);
    }
}

/* One request for a path of the origin, with further fields and parameters, either may be "". */
void world_ask(struct world *world, struct client *client, const char *method, const char *path,
               const char *parameters, const char *fields)
{
    client_open(client, world->address);
    client_send_format(client,
                       "%s /fetch?url=http://127.0.0.1:%u%s%s HTTP/1.1\r\nHost: test\r\n%s\r\n",
                       method, origin_port(world->origin), path, parameters, fields);
}

void world_pass(struct world *world, struct client *client, const char *method, const char *path,
                const char *fields, const char *body)
{
    client_open(client, world->address);
    client_send_format(client, "%s %s HTTP/1.1\r\nHost: public.example\r\n%s\r\n%s", method, path,
                       fields, body);
}

void world_get(struct world *world, const char *path, const char *parameters, const char *fields,
               struct client_reply *ret_reply)
{
    struct client client;

    world_ask(world, &client, "GET", path, parameters, fields);
    client_read_reply(&client, false, ret_reply);
    client_close(&client);
}

void assert_field(const struct client_reply *reply, const char *name, const char *value)
{
    const char *found = client_reply_field(reply, name);

    if (found == NULL || strcmp(found, value) != 0)
        fail_msg("%s: %s, expected %s", name, found != NULL ? found : "(none)", value);
}

void assert_field_begins(const struct client_reply *reply, const char *name, const char *begin)
{
    const char *found = client_reply_field(reply, name);

    if (found == NULL || strncmp(found, begin, strlen(begin)) != 0)
        fail_msg("%s: %s, expected %s...", name, found != NULL ? found : "(none)", begin);
}

void world_prepare(void)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max < 8192 ? files.rlim_max : 8192;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
}
