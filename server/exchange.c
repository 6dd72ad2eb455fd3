/* SPDX-License-Identifier: MIT */
/*
 * exchange.c - see exchange.h.
 */
#include "exchange.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t exchange_bytes(const struct server_limits *limits)
{
    return sizeof(struct exchange) + limits->header_fields * sizeof(struct field);
}

struct exchange *exchange_take(struct pool *pool, struct connection *connection)
{
    struct exchange *exchange = pool_take(pool);

    if (exchange == NULL)
        return NULL;
    exchange->connection = connection;
    exchange->bytes = exchange->own_bytes;
    exchange->held = NULL;
    exchange->path = NULL;
    exchange->capacity = sizeof(exchange->own_bytes);
    exchange->parsed = 0;
    exchange->used = 0;
    return exchange;
}

void exchange_give(struct pool *pool, struct exchange *exchange)
{
    exchange_forget_head(exchange);
    if (exchange->bytes != exchange->own_bytes)
        free(exchange->bytes);
    pool_give(pool, exchange);
}

static int grow(struct exchange *exchange, size_t capacity)
{
    bool is_own = exchange->bytes == exchange->own_bytes;
    char *bytes = realloc(is_own ? NULL : exchange->bytes, capacity);

    if (bytes == NULL)
        return -ENOMEM;
    if (is_own)
        memcpy(bytes, exchange->own_bytes, exchange->used);
    exchange->bytes = bytes;
    exchange->capacity = capacity;
    return 0;
}

void exchange_compact(struct exchange *exchange)
{
    exchange->used -= exchange->parsed;
    memmove(exchange->bytes, exchange->bytes + exchange->parsed, exchange->used);
    exchange->parsed = 0;
}

int exchange_room_head(struct exchange *exchange, const struct server_limits *limits)
{
    /* One byte more than a head may have, so that the parser sees one that is too long. */
    size_t capacity_max = limits->header_bytes + 1 + EXCHANGE_BODY_BYTES;

    if (exchange->parsed > 0)
        exchange_compact(exchange);
    if (exchange->used + EXCHANGE_BODY_BYTES < exchange->capacity)
        return 0;
    size_t capacity = exchange->capacity * 2 < capacity_max ? exchange->capacity * 2 : capacity_max;
    assert(capacity > exchange->used + EXCHANGE_BODY_BYTES); /* else the parser had refused */
    return grow(exchange, capacity);
}

void exchange_begin_body(struct exchange *exchange)
{
    exchange->body_start = exchange->parsed;
    exchange->piece = span_of(NULL, 0);
}

void exchange_reuse_body(struct exchange *exchange)
{
    assert(exchange->parsed == exchange->used);
    assert(exchange->piece.length == 0);
    exchange->parsed = exchange->body_start;
    exchange->used = exchange->body_start;
}

void exchange_room_body(struct exchange *exchange, uint64_t wanted_bytes)
{
    size_t room = exchange->capacity - exchange->used;
    char *bytes;

    assert(exchange->used == exchange->body_start);
    if (room >= EXCHANGE_STREAM_BYTES || room >= wanted_bytes)
        return;
    assert(exchange->held == NULL); /* or the room were that of the larger buffer */
    bytes = malloc(EXCHANGE_STREAM_BYTES);
    if (bytes == NULL)
        return;
    exchange->held = exchange->bytes;
    exchange->bytes = bytes;
    exchange->capacity = EXCHANGE_STREAM_BYTES;
    exchange->parsed = 0;
    exchange->used = 0;
    exchange->body_start = 0;
}

int exchange_normalise_path(struct exchange *exchange)
{
    struct request *request = &exchange->request;
    struct span path = request->path;
    size_t length;
    int err;

    assert(exchange->path == NULL);
    exchange->path = malloc(path.length);
    if (exchange->path == NULL)
        return -ENOMEM;
    err = url_path_normalise(path, exchange->path, path.length, &length);
    if (err < 0)
        return err;
    request->path = span_of(exchange->path, length);
    request->path_hides_dots = url_path_hides_dots(request->path);
    return 0;
}
