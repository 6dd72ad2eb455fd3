/* SPDX-License-Identifier: MIT */
/*
 * cache_status.h - what an answer says of its way through this cache: Cache-Status, and
 * Server-Timing with the time that its request waited. Pure; for every handler that has a cache
 * behind it.
 */
#ifndef SERVER_HANDLERS_CACHE_STATUS_H
#define SERVER_HANDLERS_CACHE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why the request went on to the origin. Source: RFC 9211 section 2.2. */
enum cache_forward {
    CACHE_NOT_FORWARDED,
    CACHE_FORWARD_BYPASS,    /* configured not to be looked for here */
    CACHE_FORWARD_METHOD,    /* its method needs it */
    CACHE_FORWARD_URI_MISS,  /* nothing is stored for its URI */
    CACHE_FORWARD_VARY_MISS, /* what is stored for its URI is for other field values */
    CACHE_FORWARD_MISS,      /* nothing stored fits, for whatever reason */
    CACHE_FORWARD_REQUEST,   /* its own fields wanted it */
    CACHE_FORWARD_STALE,     /* what is stored was stale */
    CACHE_FORWARD_PARTIAL,   /* what is stored has not all that it wants */
};

/* How this cache is called in the field. */
#define CACHE_STATUS_NAME "fetchonce"

/* The Server-Timing of a request that waited for nothing. */
#define SERVER_TIMING_NO_WAIT "wait;dur=0"

/* The lines of an answer that this server makes of itself: the store was not looked into, and
 * nobody was asked, so that it has neither "hit" nor "fwd". Source: RFC 9211 section 2. */
#define CACHE_STATUS_LOCAL_LINES                                                                   \
    "Cache-Status: " CACHE_STATUS_NAME "; detail=local\r\n"                                        \
    "Server-Timing: " SERVER_TIMING_NO_WAIT "\r\n"

struct cache_status {
    bool is_hit; /* answered from the store; then it was not forwarded */
    enum cache_forward forward;
    int forward_status; /* what the origin answered, if the answer has another status; else 0 */
    bool is_collapsed;  /* with a request that was there before */
    bool is_stored;
    bool has_ttl;
    int64_t ttl_s;      /* how long it stays fresh; negative: how long it has been stale */
    const char *detail; /* a token that says more; NULL: none */
};

#define CACHE_STATUS_DETAIL_MAX 40
#define CACHE_STATUS_BYTES      176

/* cache_status_write - the value of the field. Source: RFC 9211. */
void cache_status_write(const struct cache_status *status, char text[CACHE_STATUS_BYTES]);

#define SERVER_TIMING_BYTES 80

/*
 * server_timing_write - how long the request waited for the fetch of another, and how long its own
 * took; negative: it had none. Source: the W3C's Server Timing.
 */
void server_timing_write(int64_t wait_ns, int64_t origin_ns, char text[SERVER_TIMING_BYTES]);

#define CACHE_HIT_BYTES 160

/*
 * cache_status_write_hit - Age, Cache-Status and Server-Timing of an answer of the store to which
 * nothing more is to be said, as lines.
 * Returns   their length.
 */
size_t cache_status_write_hit(int64_t age_s, int64_t ttl_s, char lines[CACHE_HIT_BYTES]);

/* cache_status_number - in decimal, with a zero behind; returns where that is. */
char *cache_status_number(char *at, uint64_t number);

#endif
