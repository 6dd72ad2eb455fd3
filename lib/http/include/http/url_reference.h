/* SPDX-License-Identifier: MIT */
/*
 * url_reference.h - what a reference in a field of an answer, such as Location, means.
 *
 * Only references to the same origin are resolved: their scheme, host and port are those of the
 * base, so the result is a path and a query. Hosts are compared as text, without letter case.
 */
#ifndef HTTP_URL_REFERENCE_H
#define HTTP_URL_REFERENCE_H

#include <http/span.h>

/* The target URI of a request. */
struct url_base {
    struct span scheme;    /* "http" or "https" */
    struct span authority; /* host, or host:port */
    struct span path;      /* begins with '/' */
    struct span query;     /* bytes NULL: there is no '?' */
};

/*
 * url_same_authority - whether both name the same host and port; a port that is not told is that of
 * the scheme. False where one cannot be read, or has a user name.
 * Source    RFC 9110 section 4.3.1, RFC 3986 section 6.2.3.
 */
bool url_same_authority(struct span scheme, struct span left, struct span right);

/*
 * url_reference_resolve - the path and the query that the reference means, normalised as by url.h,
 * with a '?' between; the fragment is left out. An empty reference is the base itself.
 * `base->path.length + base->query.length + reference.length + 2` is always room enough.
 * Errors    -ENOENT: another origin. -EINVAL: no reference, or a bad escape. -ENOBUFS.
 * Source    RFC 3986 sections 5.2.2 to 5.2.4 and 6.2.2.
 */
int url_reference_resolve(const struct url_base *base, struct span reference, char *buffer,
                          size_t room, size_t *ret_length);

#endif
