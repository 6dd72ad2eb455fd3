/* SPDX-License-Identifier: MIT */
/*
 * origin_connection.h - what origin.c and origin_connection.c share: the origin's own state.
 */
#ifndef COLLAPSING_ORIGIN_CONNECTION_H
#define COLLAPSING_ORIGIN_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "origin.h"

#define BLOCK_BYTES 65536

struct connection {
    struct watch watch;
    struct connection *next;
    struct origin *origin;
    struct exchange *exchange; /* NULL between requests */
    char in[EXCHANGE_HEAD];
    size_t in_bytes;
    size_t skip_bytes; /* of a request's body, still to come */
    char out[BLOCK_BYTES + 64];
    size_t out_from;
    size_t out_to;
    bool ends_after_out;
};

struct origin {
    struct watch watch; /* the listener */
    struct world *world;
    uint16_t port;
    struct connection *connections;
    struct resource *resources;
    unsigned run;   /* part of every token, so that no earlier run is met in a cache */
    unsigned count; /* of tokens */
    size_t events;
};

/* connection_new - takes the descriptor over. connection_close - its exchange, if any, is over; it
 * is freed at the next resume. */
void connection_new(struct origin *origin, int fd);
void connection_close(struct connection *connection);

/* connection_progress - does whatever can be done without waiting. */
void connection_progress(struct connection *connection);

#endif
