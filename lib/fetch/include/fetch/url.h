/* SPDX-License-Identifier: MIT */
/*
 * url.h - the URL of an upstream: checked, normalised, and cut into what a connection needs.
 *
 * The syntax is read strictly here. Before a fetch, libcurl's own parser is given the result, and
 * has to see the same scheme, host and port (easy_handle.c): so what the guard judges is what
 * libcurl fetches. The normalised text is the cache key: scheme and host in lower case, the default
 * port left out,
 * "/" for an empty path, dot segments removed, escapes in one spelling, no fragment.
 */
#ifndef FETCH_URL_H
#define FETCH_URL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Immutable and counted; one allocation. */
struct fetch_url {
    atomic_uint references;
    const char *text; /* normalised, zero-terminated */
    size_t text_bytes;
    const char *path; /* in the text, with the query; what is before it is the origin */
    const char *host; /* A-labels or an address without brackets, zero-terminated */
    uint16_t port;
    bool is_https;
    int family; /* AF_INET or AF_INET6 where the host is an address, else AF_UNSPEC */
    char bytes[];
};

/*
 * fetch_url_parse - reads a URL from a stranger.
 * Errors    -ENAMETOOLONG, -EILSEQ (a byte that may not be there), -EPROTONOSUPPORT (scheme),
 *           -EPERM (user information), -EADDRNOTAVAIL (host), -ERANGE (port), -EINVAL (else);
 *           -ENOMEM.
 * Owns      the caller has one reference, ended with fetch_url_unref().
 * Thread    any.        Source  RFC 3986, RFC 5891; docs/internals/egress.md rules A to C
 */
int fetch_url_parse(const char *text, size_t text_bytes, size_t bytes_max,
                    struct fetch_url **ret_url);

/*
 * fetch_url_resolve - the URL that a Location field names, seen from `base`.
 * Errors    as fetch_url_parse().
 * Source    RFC 3986 section 5, RFC 9110 section 10.2.2
 */
int fetch_url_resolve(const struct fetch_url *base, const char *location, size_t location_bytes,
                      size_t bytes_max, struct fetch_url **ret_url);

/* fetch_url_ref - one more reference; returns `url`. Thread: any that has a reference already. */
struct fetch_url *fetch_url_ref(struct fetch_url *url);

/* fetch_url_unref - the last one frees; NULL is a no-op. Thread: any. */
void fetch_url_unref(struct fetch_url *url);

/* fetch_url_error_text - what a status of these functions means, in words for the client. */
const char *fetch_url_error_text(int status);

#endif
