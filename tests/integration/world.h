/* SPDX-License-Identifier: MIT */
/*
 * world.h - the whole server with /fetch, and with the origin behind all other paths, between raw
 * clients and that scripted origin.
 */
#ifndef TESTS_INTEGRATION_WORLD_H
#define TESTS_INTEGRATION_WORLD_H

#include <fetch/fetcher.h>

#include "client.h"
#include "handlers/proxy.h"
#include "origin.h"
#include "server.h"

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

struct world {
    struct origin *origin;
    struct store *store;
    struct fetcher *fetcher;
    struct lanes *lanes;
    struct proxy_route proxy;   /* "/": the origin as it is */
    struct proxy_route forward; /* for targets that name a host */
    struct server *server;
    const struct sockaddr_storage *address;
};

/* world_prepare - for the process: descriptors for both ends of a thousand connections. */
void world_prepare(void);

/* world_settings - the defaults, but loopback may be fetched from. */
void world_settings(struct fetch_settings *settings);

/* world_start - two loops; `given` NULL: world_settings(). world_stop: asserts nothing is left. */
void world_start(struct world *world, const struct fetch_settings *given);
void world_stop(struct world *world);

struct fetch_counters world_counters(struct world *world);

/* Wait until so many requests wait for a head, or so many fetches are under way. */
void world_wait_waiting(struct world *world, int64_t readers);
void world_wait_flights(struct world *world, int64_t flights);

/* world_wait_collapsed - until so many requests were answered from the fetch of another. */
void world_wait_collapsed(struct world *world, int64_t requests);

/* world_ask - sends a request for a path of the origin; parameters and fields may be "". */
void world_ask(struct world *world, struct client *client, const char *method, const char *path,
               const char *parameters, const char *fields);

/* world_get - asks with GET on a connection of its own, and reads the reply. */
void world_get(struct world *world, const char *path, const char *parameters, const char *fields,
               struct client_reply *ret_reply);

/* world_pass - the same for a path of the server that stands for the origin; `body` may be "". */
void world_pass(struct world *world, struct client *client, const char *method, const char *path,
                const char *fields, const char *body);

void assert_field(const struct client_reply *reply, const char *name, const char *value);
void assert_field_begins(const struct client_reply *reply, const char *name, const char *begin);

#endif
