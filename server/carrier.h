/* SPDX-License-Identifier: MIT */
/*
 * carrier.h - what a protocol provides so that requests which came by it can be answered.
 *
 * reply.c checks what handlers do and calls these; connection.c is the carrier for HTTP/1. None of
 * them sends, fails or calls back inside the call.
 */
#ifndef SERVER_CARRIER_H
#define SERVER_CARRIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "reply.h"
#include "request.h"

struct carrier_ops {
    /* See request_peer(). */
    int (*peer)(struct request *request, struct sockaddr_storage *ret_address);
    /* See request_body_look() and request_body_take(). */
    enum request_body_state (*look)(struct request *request, struct span *ret_piece);
    void (*take)(struct request *request, size_t length);
    /* An interim answer; it may be left out. */
    void (*interim)(struct request *request, int status, struct iovec prepared);
    /* The head. length_bytes: to be told, or REPLY_LENGTH_UNKNOWN. has_body: whether one follows;
     * false for HEAD, 204, 205 and 304, whatever the length says. */
    void (*head)(struct request *request, const struct reply_head *head, int64_t length_bytes,
                 bool has_body, struct reply_memory memory);
    /* The head, and nothing but bytes behind it, both ways. */
    void (*tunnel)(struct request *request, const struct reply_head *head,
                   struct reply_memory memory);
    /* A piece of the body, by reference. Returns whether there is room for another. */
    bool (*body)(struct request *request, const struct iovec *spans, size_t span_count,
                 struct reply_memory memory);
    /* A small piece of the body, copied. */
    void (*copy)(struct request *request, const void *bytes, size_t length);
    /* The answer is complete. The trailers are lines, or length 0; they may be left out. */
    void (*end)(struct request *request, struct iovec trailers);
    /* The answer cannot be completed: cut. */
    void (*abort)(struct request *request);
};

#endif
