/* SPDX-License-Identifier: MIT */
/*
 * url.h - the parts of a URL that can be handled without knowing schemes or hosts.
 *
 * Query parameters of a request to this server, percent-decoding, and the syntax-based
 * normalisation of a path or a query (so that two spellings of one URL have one cache key).
 * Schemes, hosts and ports of upstream URLs are not looked at here: one parser must serve both the
 * egress check and the fetch, and that one is libcurl's, which lib/fetch alone may see.
 *
 * Output goes to buffers of the caller, which may not overlap the input. The output is never longer
 * than the input, except that an empty path becomes "/"; so `input length + 1` is always room
 * enough. No function here writes a terminating zero byte.
 */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include <stdbool.h>

#include <http/span.h>

/*
 * url_split - cut a request target in origin form into its path and its query.
 * The query is what follows the first '?', without it; `bytes` is NULL where there is no '?'.
 * Source    RFC 9112 section 3.2.1, RFC 3986 section 3.4.
 */
void url_split(struct span target, struct span *ret_path, struct span *ret_query);

/*
 * url_query_find_one - the value of the one parameter called `name`, still percent-encoded.
 * Parameters are separated by '&'. Names are compared after decoding, so that a second spelling of
 * the name cannot pass unseen. A parameter without '=' has an empty value.
 * Errors    -ENOENT: not there. -EEXIST: there more than once. -EINVAL: a name with a bad escape.
 * Source    WHATWG URL section 5.1 for the separators.
 */
int url_query_find_one(struct span query, const char *name, struct span *ret_value);

/*
 * url_percent_decode - decode once, strictly. A '+' stays a '+': the value is a URL, in which a
 * plus sign means itself.
 * Errors    -EINVAL: an escape that is not two hexadecimal digits, or a zero byte in the result.
 *           -ENOBUFS: the result does not fit.
 * Source    RFC 3986 section 2.1.
 */
int url_percent_decode(struct span encoded, char *buffer, size_t buffer_bytes, size_t *ret_length);

/*
 * url_escapes_normalise - one spelling for escapes: upper-case digits, and no escape for a
 * character that never needs one. Everything else stays as it is. For queries, and the first step
 * for paths.
 * Errors    -EINVAL: a bad escape. -ENOBUFS: the result does not fit.
 * Source    RFC 3986 sections 6.2.2.1 and 6.2.2.2.
 */
int url_escapes_normalise(struct span text, char *buffer, size_t buffer_bytes, size_t *ret_length);

/*
 * url_path_normalise - escapes as above, then "." and ".." segments removed; empty becomes "/".
 * Errors    -EINVAL: a bad escape, or a path that is neither empty nor starts with '/'.
 *           -ENOBUFS: the result does not fit.
 * Source    RFC 3986 sections 6.2.2, 5.2.4 and 6.2.3.
 */
int url_path_normalise(struct span path, char *buffer, size_t buffer_bytes, size_t *ret_length);

/*
 * url_path_is_plain - whether a look shows that normalising would change nothing: no escape, and
 * no segment that begins with a dot. False says nothing.
 */
bool url_path_is_plain(struct span path);

/*
 * url_path_hides_dots - whether a segment of a normalised path is "." or ".." for a server that
 * reads it less strictly: that takes "%2F", "%5C" or a backslash for a slash, or has a segment end
 * at ';'. Such a path may lead out of the folder that it begins with.
 */
bool url_path_hides_dots(struct span path);

#endif
