/* SPDX-License-Identifier: MIT */
/*
 * exchange.h - one request with the bytes it was read into; goes round in the worker's pool.
 *
 *      bytes:  | done with | head of the request | read ahead: its body, or the next requests |
 *              0         head_start            parsed                                      used
 *
 * When a body that a handler takes is long, its bytes come into a larger buffer, and the one with
 * the head is held until the next request begins:
 *
 *      held:   | done with | head of the request |
 *      bytes:  | body ... |
 *              0       parsed, used
 *
 * A connection has one from the first byte of a request until nothing is read ahead, so an idle
 * connection has no buffer. Bytes move only while no head has been handed out.
 */
#ifndef SERVER_EXCHANGE_H
#define SERVER_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <http/url.h>

#include "http1_parser.h"
#include "pool.h"
#include "request.h"

/* The buffer in the beginning; it grows up to the limit of a head. */
#define EXCHANGE_BYTES 4096

/* Kept free behind a head for reading a body. */
#define EXCHANGE_BODY_BYTES 512

/* The buffer for a long body. */
#define EXCHANGE_STREAM_BYTES 32768

struct connection;

struct exchange {
    struct connection *connection;
    struct http1_parser parser;
    struct request request;
    char *bytes; /* own_bytes, or allocated */
    char *held;  /* as bytes: what the head lies in, if that is not `bytes`; else NULL */
    char *path;  /* of the request, normalised, if that is not how the client wrote it; else NULL */
    size_t capacity;
    size_t parsed;     /* up to here dealt with */
    size_t used;       /* up to here read */
    size_t body_start; /* where a body's bytes go once those before them are dealt with */
    struct span piece; /* of the body: looked at and not yet taken */
    char own_bytes[EXCHANGE_BYTES];
    struct field fields[]; /* limits->header_fields */
};

/* exchange_bytes - the size of one, for the pool. */
size_t exchange_bytes(const struct server_limits *limits);

/* exchange_take - an empty one, NULL without memory. exchange_give gives it back. */
struct exchange *exchange_take(struct pool *pool, struct connection *connection);
void exchange_give(struct pool *pool, struct exchange *exchange);

/*
 * exchange_compact - moves what is unparsed to the front. Not while a handler has the request or
 * its body is being read.
 */
void exchange_compact(struct exchange *exchange);

/*
 * exchange_room_head - makes room for more of an incomplete head: compacts, or grows.
 * Errors    -ENOMEM
 */
int exchange_room_head(struct exchange *exchange, const struct server_limits *limits);

/*
 * exchange_begin_body - what was parsed so far stays where it is; a body follows.
 * exchange_reuse_body - all that was read of the body is dealt with: the next bytes go in its
 * place.
 */
void exchange_begin_body(struct exchange *exchange);
void exchange_reuse_body(struct exchange *exchange);

/*
 * exchange_room_body - makes room for so much more of a body of which nothing is in the buffer, or
 * less if there is no memory for it.
 */
void exchange_room_body(struct exchange *exchange, uint64_t wanted_bytes);

/* exchange_forget_head - the request is over; what is read ahead stays. */
static inline void exchange_forget_head(struct exchange *exchange)
{
    if (exchange->path != NULL) {
        free(exchange->path);
        exchange->path = NULL;
    }
    if (exchange->held == NULL)
        return;
    if (exchange->held != exchange->own_bytes)
        free(exchange->held);
    exchange->held = NULL;
}

/* exchange_normalise_path - what exchange_settle_path() does where that takes more than a look. */
int exchange_normalise_path(struct exchange *exchange);

/*
 * exchange_settle_path - once the head has been read: the request's path in its one spelling, so
 * that what chooses by it and what is made of it agree.
 * Errors    -EINVAL: an escape that is none; -ENOMEM.
 * Source    RFC 3986 section 6.2.2
 */
static inline int exchange_settle_path(struct exchange *exchange)
{
    exchange->request.path_hides_dots = false;
    return url_path_is_plain(exchange->request.path) ? 0 : exchange_normalise_path(exchange);
}

#endif
