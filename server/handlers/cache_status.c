/* SPDX-License-Identifier: MIT */
/*
 * cache_status.c - see cache_status.h. Written by hand, as each hit passes here and is to cost next
 * to nothing.
 */
#include "cache_status.h"

#include <assert.h>
#include <string.h>

static const char *const forward_names[] = {
    [CACHE_FORWARD_BYPASS] = "; fwd=bypass",     [CACHE_FORWARD_METHOD] = "; fwd=method",
    [CACHE_FORWARD_URI_MISS] = "; fwd=uri-miss", [CACHE_FORWARD_VARY_MISS] = "; fwd=vary-miss",
    [CACHE_FORWARD_MISS] = "; fwd=miss",         [CACHE_FORWARD_REQUEST] = "; fwd=request",
    [CACHE_FORWARD_STALE] = "; fwd=stale",       [CACHE_FORWARD_PARTIAL] = "; fwd=partial",
};

/* The longest of each, and nothing is cut. */
static_assert(sizeof CACHE_STATUS_NAME "; fwd=vary-miss; fwd-status=999; collapsed; stored"
                                       "; ttl=-9223372036854775808; detail=" +
                      CACHE_STATUS_DETAIL_MAX <=
                  CACHE_STATUS_BYTES,
              "has room for all");

static inline char *put(char *at, const char *text)
{
    size_t length = strlen(text);

    memcpy(at, text, length + 1);
    return at + length;
}

char *cache_status_number(char *at, uint64_t number)
{
    char digits[20];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0)
        *at++ = digits[--count];
    *at = '\0';
    return at;
}

static char *put_ttl(char *at, int64_t ttl_s)
{
    at = put(at, ttl_s < 0 ? "; ttl=-" : "; ttl=");
    return cache_status_number(at, ttl_s < 0 ? -(uint64_t)ttl_s : (uint64_t)ttl_s);
}

void cache_status_write(const struct cache_status *status, char text[CACHE_STATUS_BYTES])
{
    char *at = put(text, status->is_hit ? CACHE_STATUS_NAME "; hit" : CACHE_STATUS_NAME);

    assert(!status->is_hit || status->forward == CACHE_NOT_FORWARDED);
    if (status->forward != CACHE_NOT_FORWARDED) {
        at = put(at, forward_names[status->forward]);
        if (status->forward_status != 0)
            at = cache_status_number(put(at, "; fwd-status="), (unsigned)status->forward_status);
        if (status->is_collapsed)
            at = put(at, "; collapsed");
        if (status->is_stored)
            at = put(at, "; stored");
    }
    if (status->has_ttl)
        at = put_ttl(at, status->ttl_s);
    if (status->detail != NULL) {
        assert(strlen(status->detail) <= CACHE_STATUS_DETAIL_MAX);
        put(put(at, "; detail="), status->detail);
    }
}

/* Milliseconds, to the microsecond. */
/* Milliseconds, with three digits behind the point. */
static char *put_duration(char *at, const char *name, int64_t duration_ns)
{
    uint64_t duration_us = duration_ns > 0 ? (uint64_t)duration_ns / 1000 : 0;
    unsigned rest_us = (unsigned)(duration_us % 1000);
    char rest[] = {'.', (char)('0' + rest_us / 100), (char)('0' + rest_us / 10 % 10),
                   (char)('0' + rest_us % 10), '\0'};

    at = cache_status_number(put(put(at, name), ";dur="), duration_us / 1000);
    return duration_us > 0 ? put(at, rest) : at;
}

void server_timing_write(int64_t wait_ns, int64_t origin_ns, char text[SERVER_TIMING_BYTES])
{
    char *at = put_duration(text, "wait", wait_ns);

    if (origin_ns >= 0)
        at = put_duration(put(at, ", "), "origin", origin_ns);
    assert(at < text + SERVER_TIMING_BYTES);
}

size_t cache_status_write_hit(int64_t age_s, int64_t ttl_s, char lines[CACHE_HIT_BYTES])
{
    char *at = cache_status_number(put(lines, "Age: "), (uint64_t)age_s);

    at = put_ttl(put(at, "\r\nCache-Status: " CACHE_STATUS_NAME "; hit"), ttl_s);
    at = put(at, "\r\nServer-Timing: " SERVER_TIMING_NO_WAIT "\r\n");
    assert(at < lines + CACHE_HIT_BYTES);
    return (size_t)(at - lines);
}
