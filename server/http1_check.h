/* SPDX-License-Identifier: MIT */
/*
 * http1_check.h - what a request must fulfil beyond the grammar that llhttp checks. Pure functions.
 *
 * Each returns 0 or the status to refuse with, and then sets the detail.
 */
#ifndef SERVER_HTTP1_CHECK_H
#define SERVER_HTTP1_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "request.h"
#include "server.h"

/*
 * http1_check_line_begun - the first bytes of a request line whose end has not come yet.
 * Source: RFC 9112 section 3.
 */
int http1_check_line_begun(struct span begun, const struct server_limits *limits,
                           const char **ret_detail);

/*
 * http1_check_line - a whole request line, without its CRLF: 400, 414, 501 (the method is
 * too long to be one) or 505.
 * Source: RFC 9112 sections 2.3, 3, 3.1 and 3.2.
 */
int http1_check_line(struct span line, const struct server_limits *limits,
                     size_t *ret_method_length, const char **ret_detail);

/* http1_method - which method this is; REQUEST_OTHER for any that has no name here. */
enum request_method http1_method(struct span name);

/*
 * http1_check_head - the parsed head; sets is_head, form, scheme, authority, path and query. Needs
 * method, target, fields and http_version. ret_expects_continue: "Expect: 100-continue" is there.
 * Source: RFC 9112 sections 3.2, 6.1 and 6.3; RFC 9110 sections 7.2, 9.3.6 and 10.1.1.
 */
int http1_check_head(struct request *request, bool *ret_expects_continue, const char **ret_detail);

/* http1_is_authority - whether text is host[:port] with nothing else; the host may be empty only if
 * all is. Source: RFC 3986 section 3.2.2. */
bool http1_is_authority(struct span text);

#endif
