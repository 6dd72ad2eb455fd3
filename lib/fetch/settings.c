/* SPDX-License-Identifier: MIT */
/* settings.c - the default of every knob of fetching. */
#include <fetch/settings.h>

void fetch_settings_default(struct fetch_settings *ret_settings)
{
    static const char *const targeted[] = {"CDN-Cache-Control", NULL};
    const size_t mebibyte = 1024 * 1024;

    *ret_settings = (struct fetch_settings){
        .targeted = targeted,
        .default_lifetime_s = 60,
        .lifetime_jitter_percent = 10,
        .negative_lifetime_ms = 1000,
        .uncacheable_marker_s = 120,
        .stale = {.if_unreachable_s = 86400},
        .obeys_clients = true,
        .retry_after_max_s = 300,

        .resolve_timeout_ms = 5000,
        .connect_timeout_ms = 5000,
        .head_timeout_ms = 30000,
        .stall_timeout_ms = 15000,
        .total_timeout_ms = 600000,
        .wait_timeout_ms = 60000,
        .tunnel_idle_ms = 300000,

        .url_bytes_max = 8192,
        .response_header_bytes_max = 65536,
        .stored_body_bytes_max = 64 * mebibyte,
        .streamed_body_bytes_max = 1024 * mebibyte,
        .reader_lag_bytes_max = mebibyte,
        .select_bytes_max = 2 * mebibyte,

        .waiters_per_key_max = 10000,
        .waiters_max = 50000,
        .redirects_max = 5,
        .retries_max = 1,
        .origin_connections_max = 256,
        .connections_max = 1024,
        .tunnels_max = 1024,
        .variants_max = 64,
        .tags_max = 1000,
        .markers_max = 16384,

        .user_agent = "fetchonce",
        .via_name = "fetchonce",
        .resolv_conf_path = "/etc/resolv.conf",
        .hosts_path = "/etc/hosts",
    };
}
