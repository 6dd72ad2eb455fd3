/* SPDX-License-Identifier: MIT */
/*
 * response.h - from the bytes of a connection to the answer to a request for another protocol:
 * interim heads, the head, and the body without its framing, or after 101 bytes as they are.
 *
 *      HEAD --1xx--> HEAD --final--> LENGTH, CHUNKS or UNTIL_CLOSE --> END
 *                         --none---> END
 *                         --101----> SWITCHED
 *
 * For connections that libcurl made, but does not read from (wire.c). Strict, as nobody else looks
 * at these bytes: each line ends in CRLF, and what could be read in two ways is refused. Pure.
 */
#ifndef FETCH_RESPONSE_H
#define FETCH_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fetch/upstream.h>

#include "head.h"

enum response_event {
    RESPONSE_MORE,    /* nothing to tell: if something was used, read on, else more has to come */
    RESPONSE_INTERIM, /* a head of the 1xx other than 100 and 101 */
    RESPONSE_HEAD,    /* the final head, 101 included */
    RESPONSE_DATA,    /* some of the body, or of what follows 101 */
    RESPONSE_END,     /* the body is complete; what follows is no part of the answer */
};

enum response_part {
    RESPONSE_IN_HEAD,
    RESPONSE_IN_LENGTH,
    RESPONSE_IN_CHUNK_SIZE,
    RESPONSE_IN_CHUNK,
    RESPONSE_IN_CHUNK_END,
    RESPONSE_IN_TRAILERS,
    RESPONSE_UNTIL_CLOSE,
    RESPONSE_SWITCHED,
    RESPONSE_ENDED,
};

struct response {
    struct head_reader head;
    const char *upgrade; /* what was asked for; stays the caller's */
    enum response_part part;
    uint64_t left_bytes; /* of a body with a length, or of the chunk */
    size_t scanned;      /* so many of the bytes that are there hold no line's end */
    bool is_http10;
};

/* response_init - of an answer to a request for the protocol `upgrade`; the rest is as in head.h.
 */
void response_init(struct response *response, const char *upgrade, size_t head_bytes_max,
                   bool passes_codings);
void response_fini(struct response *response);

/*
 * response_read - the next event in bytes that were not used before. `ret_used`: so many of them
 * are dealt with, and come no more. Not so after RESPONSE_DATA: these are the bytes of the body,
 * which come again until response_take() has been told that they were taken, or some of them.
 * `ret_head` is set with the two heads, and refers to the fields of `response`.
 * Errors    -EPROTO, -ENOMEM.
 * Source    RFC 9112 sections 2.2, 4, 6.3 and 7.1; RFC 9110 sections 7.8 and 15.2.2
 */
int response_read(struct response *response, const char *bytes, size_t count, size_t *ret_used,
                  struct upstream_head *ret_head);
void response_take(struct response *response, size_t count);

/* response_close - the connection has ended. 0: the answer with it; -ECONNRESET: too early. */
int response_close(const struct response *response);

#endif
