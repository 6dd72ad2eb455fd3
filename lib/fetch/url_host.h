/* SPDX-License-Identifier: MIT */
/*
 * url_host.h - reads the host of a URL; and a few steps over spans that url.c takes too.
 */
#ifndef FETCH_URL_HOST_H
#define FETCH_URL_HOST_H

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include <http/span.h>

#define HOST_BYTES_MAX 253

/* The host as it will be used: lower case, no brackets. */
struct url_host {
    char name[HOST_BYTES_MAX + 1];
    int family; /* AF_INET, AF_INET6, or AF_UNSPEC for a name */
};

/*
 * url_host_read - the host as it stands in the URL, without brackets.
 * Errors    -EADDRNOTAVAIL: not valid, or valid only by tricks; -ENOMEM.
 * Source    docs/internals/egress.md rules B.4 to B.6; RFC 5891
 */
int url_host_read(struct span text, bool is_bracketed, struct url_host *host);

static inline struct span span_until(struct span text, const char *stops)
{
    struct span head = {text.bytes, 0};

    while (head.length < text.length && strchr(stops, text.bytes[head.length]) == NULL)
        head.length++;
    return head;
}

static inline struct span span_skip(struct span text, size_t count)
{
    assert(count <= text.length);
    return span_of(text.bytes + count, text.length - count);
}

static inline bool span_starts_with_nocase(struct span text, const char *start)
{
    size_t start_bytes = strlen(start);

    return text.length >= start_bytes && strncasecmp(text.bytes, start, start_bytes) == 0;
}

#endif
