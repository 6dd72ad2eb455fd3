/* SPDX-License-Identifier: MIT */
/*
 * span.h - some bytes that belong to somebody else.
 *
 * The parsers of this library take spans and return spans into what they were given; nothing is
 * copied and nothing needs to end in a zero byte. A span with `bytes` NULL has length 0.
 */
#ifndef HTTP_SPAN_H
#define HTTP_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct span {
    const char *bytes;
    size_t length;
};

static inline struct span span_of(const char *bytes, size_t length)
{
    return (struct span){.bytes = bytes, .length = length};
}

static inline struct span span_of_string(const char *string)
{
    return (struct span){.bytes = string, .length = strlen(string)};
}

static inline bool span_equals(struct span left, struct span right)
{
    return left.length == right.length &&
           (left.length == 0 || memcmp(left.bytes, right.bytes, left.length) == 0);
}

/* ASCII letters only: the server never sets a locale, so strncasecmp() folds nothing else. */
static inline bool span_equals_ignoring_case(struct span left, struct span right)
{
    return left.length == right.length &&
           (left.length == 0 || strncasecmp(left.bytes, right.bytes, left.length) == 0);
}

/* The span without the spaces and tabs at both ends (OWS). Source: RFC 9110 section 5.6.3. */
static inline struct span span_trim(struct span span)
{
    while (span.length > 0 && (span.bytes[0] == ' ' || span.bytes[0] == '\t')) {
        span.bytes++;
        span.length--;
    }
    while (span.length > 0 &&
           (span.bytes[span.length - 1] == ' ' || span.bytes[span.length - 1] == '\t'))
        span.length--;
    return span;
}

#endif
