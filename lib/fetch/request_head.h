/* SPDX-License-Identifier: MIT */
/*
 * request_head.h - the head of a request for an upgrade as it goes to the origin, which libcurl
 * does not write: it makes the connection alone.
 */
#ifndef FETCH_REQUEST_HEAD_H
#define FETCH_REQUEST_HEAD_H

#include <stddef.h>

#include <fetch/settings.h>
#include <fetch/upstream.h>

/*
 * request_head_make - a GET for the call's URL: Host, the call's fields in their order, Via and
 * CDN-Loop with our own name, Connection and Upgrade; and the empty line.
 * Errors    -ENOMEM.
 * Owns      the caller frees the bytes.
 * Source    RFC 9112 sections 3 and 5, RFC 9110 section 7.8
 */
int request_head_make(const struct fetch_settings *settings, const struct upstream_call *call,
                      char **ret_bytes, size_t *ret_count);

#endif
