/* SPDX-License-Identifier: MIT */
/*
 * output.h - what a connection has still to send, in order: small copied pieces and spans by
 * reference, each with the memory to release once it is sent or dropped.
 *
 *      entries:  [copied head(s)] [long prepared fields] [copied fields] [body] [body] ...
 *                 `copy` below     the cache entry's                        the cache entry's
 *
 * Copied pieces that follow each other become one entry, so the heads and small bodies of several
 * pipelined replies are one span. Knows no socket.
 */
#ifndef SERVER_OUTPUT_H
#define SERVER_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "reply.h"

#define OUTPUT_ENTRIES    64
#define OUTPUT_COPY_BYTES 8192

/* One head and one piece of body, framed by chunks, take no more entries than this. */
#define OUTPUT_ROOM_ENTRIES (REPLY_SPANS_MAX + 8)

/* More than this unsent, and a stream waits before it adds to it. */
#define OUTPUT_UNSENT_BYTES_MAX (256 * 1024)

struct output_entry {
    const char *bytes;
    size_t length;
    struct reply_memory memory;
};

struct output {
    unsigned first; /* ring of entries */
    unsigned count;
    unsigned replies; /* complete ones added since it was empty */
    size_t unsent_bytes;
    size_t copied; /* bytes of `copy` in use; begins anew when all is sent */
    struct output_entry entries[OUTPUT_ENTRIES];
    char copy[OUTPUT_COPY_BYTES];
};

/* output_init - nothing to send. output_drop releases everything unsent; it is empty then. */
void output_init(struct output *output);
void output_drop(struct output *output);

bool output_is_empty(const struct output *output);

/* output_has_room - whether a reply, or a further piece of one, may be added; with `_beside`:
 * also when so many entries are added before it. */
bool output_has_room(const struct output *output);
bool output_has_room_beside(const struct output *output, unsigned entries);

/*
 * output_copy - adds a copy of bytes. What does not fit into the room kept for it is allocated.
 * Errors    -ENOMEM
 */
int output_copy(struct output *output, const void *bytes, size_t length);

/* output_refer - adds bytes by reference; `memory` is released once they are sent. */
void output_refer(struct output *output, const void *bytes, size_t length,
                  struct reply_memory memory);

/* output_gather - what is to be sent next, at most `bytes_max` of it. Returns the number of spans
 * filled in. */
size_t output_gather(const struct output *output, size_t bytes_max,
                     struct iovec spans[OUTPUT_ENTRIES]);

/* output_sent - so many bytes are out: releases what is complete. */
void output_sent(struct output *output, size_t length);

#endif
