/* SPDX-License-Identifier: MIT */
/*
 * head.h - puts the head of a response together from its lines, and refuses what contradicts
 * itself.
 *
 * libcurl reads the framing; this looks at the same lines for what libcurl lets pass: two lengths,
 * a length beside chunks, codings that nobody asked for, chunks of HTTP/1.0, lines that are no
 * fields, a change of protocol. Pure.
 */
#ifndef FETCH_HEAD_H
#define FETCH_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include <fetch/upstream.h>
#include <http/fields.h>

enum { HEAD_GOES_ON = 0, HEAD_COMPLETE = 1, HEAD_INTERIM = 2 };

struct head_reader {
    struct fields fields;
    struct fields trailers; /* those that may be passed on */
    size_t bytes_left;
    int status; /* 0 before the status line */
    bool is_http1;
    bool is_http10;
    bool is_complete;
    bool passes_codings; /* one transfer coding that is not known is let through: its body ends with
                          * the connection */
    bool takes_switch;   /* 101 is let through, as the last head of all; else it is refused */
};

/* head_reader_init - for one response; `bytes_max` counts all lines, those of 1xx and of trailers
 * included. */
void head_reader_init(struct head_reader *reader, size_t bytes_max);
void head_reader_fini(struct head_reader *reader);

/*
 * head_reader_take - one line with its end; after a complete head, one of its trailers: those that
 * may not be trailers, or are no fields, are left out.
 * Returns   HEAD_GOES_ON; or HEAD_COMPLETE after the blank line of a final response, HEAD_INTERIM
 *           after that of a 1xx other than 100; then `ret_head` refers to this reader's fields.
 * Errors    -EPROTO; -ENOMEM.
 * Source    RFC 9112 sections 2.2, 4, 5, 6.3; RFC 9110 section 6.5
 */
int head_reader_take(struct head_reader *reader, const char *line, size_t line_bytes,
                     struct upstream_head *ret_head);

bool head_reader_is_complete(const struct head_reader *reader);

#endif
