/* SPDX-License-Identifier: MIT */
/*
 * settings.h - every knob of fetching: limits, times, lifetimes, and the egress policy.
 *
 * Plain values; whoever fills them checks their ranges. They are copied when a policy is made of
 * them, lists included; the strings at the end are the caller's and stay as long as any policy.
 */
#ifndef FETCH_SETTINGS_H
#define FETCH_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fetch/guard.h>
#include <fetch/origins.h>
#include <http/stale.h>

struct fetch_settings {
    /* The way in. */
    bool is_transparent; /* a proxy: fields, redirects and statuses pass as they are, both ways */
    bool is_unguarded;   /* the operator named the origin: the egress guard has no say */
    bool set_cookie_is_standard;   /* what sets a cookie may be stored like anything else */
    struct fetch_origins *origins; /* behind the URL; a policy takes a reference. NULL: itself */
    const char *const *targeted;   /* fields that count before Cache-Control, NULL last; or NULL */

    /* Lifetimes. */
    uint32_t default_lifetime_s; /* of an answer that states none */
    uint32_t heuristic_max_s;    /* instead a tenth of its age when it came, but no more; 0: not */
    uint32_t lifetime_jitter_percent; /* by how much less these two may be, at random */
    uint32_t negative_lifetime_ms; /* how long a failure before headers is shared; 0: not at all */
    uint32_t uncacheable_marker_s; /* how long a URL found uncacheable is not coalesced; jittered */
    struct stale_windows stale;    /* for answers that do not say how long they may be used stale */
    bool obeys_clients;            /* what Cache-Control of requests says counts */
    uint32_t retry_after_max_s;    /* the longest Retry-After that is obeyed; 0: none */

    /* Times. */
    uint32_t resolve_timeout_ms; /* one name lookup */
    uint32_t connect_timeout_ms; /* connection and TLS */
    uint32_t head_timeout_ms;    /* from the start of a hop to its headers, lookup included */
    uint32_t stall_timeout_ms;   /* without a byte of the body */
    uint32_t total_timeout_ms;   /* the whole fetch, all hops and the retry */
    uint32_t wait_timeout_ms;    /* what one request waits for headers before it is told 504 */
    uint32_t tunnel_idle_ms;     /* without a byte either way */

    /* Sizes. */
    size_t url_bytes_max;
    size_t response_header_bytes_max;
    size_t stored_body_bytes_max;   /* a longer body is passed on but not stored */
    size_t streamed_body_bytes_max; /* a longer body is aborted */
    size_t reader_lag_bytes_max;    /* a body that is not stored: how far upstream may be ahead */
    size_t stored_lag_bytes_max; /* a body that is stored: how far a reader may be behind; 0: any */
    size_t select_bytes_max;     /* the longest JSON that `select` parses */

    /* Numbers. */
    uint32_t waiters_per_key_max; /* requests waiting for one fetch; the next is told 503 */
    uint32_t waiters_max;         /* requests waiting for any fetch */
    uint32_t redirects_max;
    uint32_t retries_max; /* of a fetch that failed: for all of it, or the rest: 0 or 1 */
    uint32_t origin_connections_max; /* to one origin, per loop */
    uint32_t connections_max;        /* to all origins, per loop */
    uint32_t tunnels_max;            /* per loop; they are not among these connections */
    uint32_t variants_max;           /* answers stored for one URL, by what they vary */
    uint32_t tags_max;               /* of one answer; one with more is not stored */
    uint32_t markers_max;            /* failures and uncacheable URLs remembered */

    const char *const *forwarded; /* names of clients' fields that the origin gets */
    size_t forwarded_count;

    struct guard_policy guard;

    const char *user_agent;       /* sent upstream */
    const char *via_name;         /* how this server calls itself in Via and CDN-Loop */
    const char *resolv_conf_path; /* nameservers; a file that is missing means none */
    const char *hosts_path;       /* names with their addresses */
    const char *ca_bundle_path;   /* NULL: the system's */
};

/* fetch_settings_default - what a stranger can live with. */
void fetch_settings_default(struct fetch_settings *ret_settings);

#endif
