/* SPDX-License-Identifier: MIT */
/*
 * cache_status.c - see cache_status.h. Written by hand, as each hit passes here and is to cost next
 * to nothing.
 */
#include "cache_status.h"

#include <assert.h>
#include <stdio.h>
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
static int put_duration(char *at, size_t room, const char *name, int64_t duration_ns)
{
    int64_t duration_us = duration_ns / 1000;

    if (duration_us <= 0)
        return snprintf(at, room, "%s;dur=0", name);
    return snprintf(at, room, "%s;dur=%lld.%03lld", name, (long long)(duration_us / 1000),
                    (long long)(duration_us % 1000));
}

void server_timing_write(int64_t wait_ns, int64_t origin_ns, char text[SERVER_TIMING_BYTES])
{
    int length = put_duration(text, SERVER_TIMING_BYTES, "wait", wait_ns);

    if (origin_ns >= 0)
        put_duration(text + length, SERVER_TIMING_BYTES - (size_t)length, ", origin", origin_ns);
}

size_t cache_status_write_hit(int64_t age_s, int64_t ttl_s, char lines[CACHE_HIT_BYTES])
{
    char *at = cache_status_number(put(lines, "Age: "), (uint64_t)age_s);

    at = put_ttl(put(at, "\r\nCache-Status: " CACHE_STATUS_NAME "; hit"), ttl_s);
    at = put(at, "\r\nServer-Timing: " SERVER_TIMING_NO_WAIT "\r\n");
    assert(at < lines + CACHE_HIT_BYTES);
    return (size_t)(at - lines);
}
