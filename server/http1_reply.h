/* SPDX-License-Identifier: MIT */
/*
 * http1_reply.h - how a reply's head and the pieces of its body look in HTTP/1.1. No I/O.
 */
#ifndef SERVER_HTTP1_REPLY_H
#define SERVER_HTTP1_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "output.h"

/* What the head says about the connection. */
enum http1_persistence {
    HTTP1_UNSAID,     /* HTTP/1.1 that goes on */
    HTTP1_KEEP_ALIVE, /* HTTP/1.0 that goes on, as it asked for that */
    HTTP1_CLOSE,
};

struct http1_framing {
    int64_t length_bytes; /* Content-Length; none if negative */
    bool is_chunked;
    enum http1_persistence persistence;
    const char *date; /* for the Date field */
};

/*
 * http1_reply_head - adds status line, fields and the empty line.
 * Errors    -ENOMEM; part of it has been added then, and memory was released or will be.
 * Source    RFC 9112 sections 4, 6 and 9.
 */
int http1_reply_head(struct output *output, const struct reply_head *head,
                     const struct http1_framing *framing, struct reply_memory memory);

/* http1_reply_body - adds a piece of the body. Errors and memory as above. */
int http1_reply_body(struct output *output, bool is_chunked, const struct iovec *spans,
                     size_t span_count, struct reply_memory memory);

/* http1_reply_end - adds what ends the body; trailers only go with chunks. Errors: -ENOMEM. */
int http1_reply_end(struct output *output, bool is_chunked, struct iovec trailers);

/* The most entries of the output that an interim reply takes. */
#define HTTP1_INTERIM_ENTRIES 3

/* http1_reply_interim - adds an interim reply, copied. Errors: -ENOMEM. */
int http1_reply_interim(struct output *output, int status, struct iovec prepared);

#endif
