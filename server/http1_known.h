/* SPDX-License-Identifier: MIT */
/*
 * http1_known.h - requests whose fields were read before: the same bytes mean the same again.
 *
 * A client sends the same fields with each of its requests, and many clients send those of others.
 * A loop therefore remembers the field sections that http1_parser.c took, found by all of their
 * bytes; of a request with one of them only the first line is left to be read. Nothing is taken
 * here that the parser has not taken in these very bytes, and what is in any way unusual is left to
 * it: other methods than GET and HEAD, other forms of the target than a path, HTTP/1.0, bodies,
 * fields that are about the message itself.
 */
#ifndef SERVER_HTTP1_KNOWN_H
#define SERVER_HTTP1_KNOWN_H

#include "request.h"
#include "server.h"

struct http1_known;

/* http1_known_new - knows nothing yet. Errors: -ENOMEM. */
int http1_known_new(struct http1_known **ret_known);

/* http1_known_free - NULL is allowed. */
void http1_known_free(struct http1_known *known);

/*
 * http1_known_read - the request at the beginning of `input`, if it is whole and its fields are
 * known. Sets what http1_parser.c would, and ret_keeps_alive. `hint`: of this connection, 0 in the
 * beginning; where its fields were found last. `fields` has room for limits->header_fields.
 * Returns   how many bytes are the request's; 0: it is for the parser.
 * Source    RFC 9112 sections 2.2, 3 and 5
 */
size_t http1_known_read(struct http1_known *known, unsigned *hint, struct span input,
                        const struct server_limits *limits, struct request *request,
                        struct field *fields, bool *ret_keeps_alive);

/*
 * http1_known_learn - the parser has taken this request without a body, whose head ends before
 * `head_end`. Its fields are kept when they are seen for the second time, so that fields which are
 * different each time cost next to nothing. Those with Authorization or
 * Proxy-Authorization are never kept.
 */
void http1_known_learn(struct http1_known *known, const char *head_end,
                       const struct request *request, bool keeps_alive);

#endif
