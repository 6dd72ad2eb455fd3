/* SPDX-License-Identifier: MIT */
/*
 * reply.h - one HTTP/1 reply, taken apart as its bytes come.
 *
 * It tells a reply that ended as its framing says from one that was cut, and checks each byte of a
 * body of the suite's origin. It takes replies apart by itself, so that it shares no mistake with
 * any server.
 */
#ifndef COLLAPSING_REPLY_H
#define COLLAPSING_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "content.h"

#define REPLY_HEAD_BYTES_MAX 16384

enum reply_state {
    REPLY_HEAD,       /* the head has not come whole */
    REPLY_LENGTH,     /* a body of known length */
    REPLY_CHUNK_SIZE, /* the line before a chunk */
    REPLY_CHUNK_DATA,
    REPLY_CHUNK_END, /* the line end behind a chunk */
    REPLY_TRAILER,   /* lines behind the last chunk */
    REPLY_TO_CLOSE,  /* a body that ends with the connection */
    REPLY_WHOLE,     /* ended as its framing says */
    REPLY_CUT,       /* the connection ended before */
    REPLY_MALFORMED, /* no HTTP reply */
};

struct reply {
    enum reply_state state;
    bool to_head; /* it answers HEAD: no body follows, whatever the head says */
    int status;   /* 0 until the head is whole */
    char head[REPLY_HEAD_BYTES_MAX];
    size_t head_bytes;
    size_t body_bytes;
    size_t left_bytes; /* of the body, or of the chunk */
    char line[64];     /* the line of a chunk's size so far */
    size_t line_bytes;
    bool has_excess; /* bytes came behind the end */
    struct content_reader content;
};

/* reply_add - the next bytes. reply_end: the connection has ended, by a reset or not. */
void reply_add(struct reply *reply, const char *bytes, size_t length);
void reply_end(struct reply *reply, bool is_reset);

/* reply_is_over - whole, cut or malformed. */
bool reply_is_over(const struct reply *reply);

/*
 * reply_field - copies the value of the first field with that name; false, and "", if there is none
 * or no head.
 */
bool reply_field(const struct reply *reply, const char *name, char *value, size_t value_bytes);

/* http_field - the same, of any head that ends in a blank line. */
bool http_field(const char *head, const char *name, char *value, size_t value_bytes);

#endif
