/* SPDX-License-Identifier: MIT */
/*
 * client.h - one client of the cache: a connection of its own, one request, one reply.
 *
 * It notes when it was sent, when its first byte and its end came, and how the reply ended. One
 * that is told not to read leaves the bytes where they are, so that the cache's sends to it stall.
 */
#ifndef COLLAPSING_CLIENT_H
#define COLLAPSING_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "reply.h"
#include "world.h"

#define CLIENT_REQUEST_BYTES_MAX 4096

/* The cache under test, and how a URL of the origin is asked of it. */
struct target {
    struct sockaddr_storage address;
    socklen_t address_bytes;
    char host[256];       /* host and port, for the field Host */
    char prefix[256];     /* before the path of the origin; "" as a rule */
    bool is_fetch;        /* /fetch?url=... instead */
    bool is_proxy;        /* the whole URL as the target, as a forward proxy is asked */
    uint16_t origin_port; /* for the URL then */
};

/* What is asked. All text stays the caller's, and is used only during the call. */
struct request {
    const char *method; /* NULL: GET */
    const char *path;   /* of the origin, with its first slash */
    const char *fields; /* lines, each with its end; NULL: none */
    const char *body;   /* NULL: none */
    bool is_unread;     /* the reply is not read until client_read() */
};

struct client {
    struct watch watch;
    struct world *world;
    bool has_left;  /* hung up by us */
    bool is_unread; /* does not read for now */
    char request[CLIENT_REQUEST_BYTES_MAX];
    size_t request_bytes;
    size_t sent_bytes;
    struct reply reply;
    int64_t sent_ns;  /* 0: not yet, and so for the others */
    int64_t first_ns; /* the first byte of the reply's body */
    int64_t end_ns;
};

/* client_new - connects and sends. Ends the program where the system refuses memory or sockets. */
struct client *client_new(struct world *world, const struct target *target,
                          const struct request *request);
void client_free(struct client *client);

/* client_leave - hangs up; no-op if the reply is over. client_read: begins to read after all. */
void client_leave(struct client *client);
void client_read(struct client *client);

/* client_is_over - the reply ended in some way, or the client has left. */
bool client_is_over(const struct client *client);

/* client_is_good - that status, whole, and every byte of the body right. */
bool client_is_good(const struct client *client, int status);

/* client_is_error - a whole reply that says that the cache could not get one: 502, 503, 504. */
bool client_is_error(const struct client *client);

/* client_is_cut - it got a head, and then the connection ended before the reply did. */
bool client_is_cut(const struct client *client);

/* client_describe - such as "200 whole", "200 cut", "closed", "no answer". */
const char *client_describe(const struct client *client);

#endif
