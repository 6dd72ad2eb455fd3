/* SPDX-License-Identifier: MIT */
/*
 * curl_fields.h - the header fields of a request upstream, as libcurl takes them.
 */
#ifndef FETCH_CURL_FIELDS_H
#define FETCH_CURL_FIELDS_H

#include <curl/curl.h>

#include <fetch/settings.h>
#include <fetch/upstream.h>
#include <http/fields.h>

/*
 * curl_fields_make - what the call says of its fields: in their order, without Host and the framing
 * of a body, which libcurl writes; then Via and CDN-Loop with our own name, on lines of their own.
 * Unless the call is verbatim, what it does not name is added: Accept-Encoding: identity,
 * User-Agent, and by libcurl Accept. A body does not wait for 100 (Continue): who sends it has
 * waited.
 * Errors    -ENOMEM.
 * Owns      the list is one block of memory, which the caller ends with free().
 */
int curl_fields_make(const struct fetch_settings *settings, const struct upstream_call *call,
                     struct curl_slist **ret_list);

#endif
