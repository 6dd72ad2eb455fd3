/* SPDX-License-Identifier: MIT */
/*
 * flight_marks.c - what a flight leaves behind about its key, for those who ask soon after it: that
 * it failed, that its origin is in trouble or wants to be left alone, that it cannot be shared.
 *
 * Each mark has its time. Which of them keeps a request from going upstream: reader_begin.c.
 */
#include <http/date.h>

#include "failure.h"
#include "fault.h"
#include "flight.h"

static int64_t now_ns(const struct flight *flight)
{
    return async_loop_now_ns(flight->lane->loop);
}

/* Jittered by a quarter, so that URLs found uncacheable together are not tried again so. */
struct table_mark flight_mark_uncacheable(struct flight *flight)
{
    const int64_t marker_s = flight_settings(flight)->uncacheable_marker_s;
    int64_t jitter_ms = (int64_t)lane_random_below(flight->lane, (uint64_t)(marker_s * 250 + 1));

    return (struct table_mark){
        .kind = MARK_UNCACHEABLE,
        .until_ns = now_ns(flight) + marker_s * ASYNC_S * 7 / 8 + jitter_ms * ASYNC_MS,
    };
}

struct table_mark flight_mark_failure(struct flight *flight, const struct fetch_failure *failure)
{
    int64_t lifetime_ms = flight_settings(flight)->negative_lifetime_ms;

    if (FAULT(failure_forgotten))
        lifetime_ms = 0;
    if (FAULT(failure_kept))
        lifetime_ms *= 2;
    return (struct table_mark){
        .kind = MARK_FAILURE,
        .until_ns = now_ns(flight) + lifetime_ms * ASYNC_MS,
        .failure = *failure,
    };
}

/* Source: RFC 9110 section 10.2.3. 0: it does not say. */
static int64_t retry_after_s(const struct upstream_head *head, int64_t now_s)
{
    struct span value;
    int64_t seconds, date_s;

    if (!fields_find(head->fields, "Retry-After", &value))
        return 0;
    seconds = delta_seconds_parse(value);
    if (seconds < 0 && date_parse(value, now_s, &date_s) == 0)
        seconds = date_s - now_s;
    return seconds > 0 ? seconds : 0;
}

bool flight_has_stale(const struct flight *flight, enum stale_situation situation)
{
    struct fetch_lane *lane = flight->lane;
    int64_t now_s = fetch_lane_now_s(lane);
    struct entry *entry =
        lane_find(lane, &flight->request->key, field_view_of(&flight->request->fields), now_s);
    bool is_usable;

    if (entry == NULL)
        return false;
    is_usable = -entry_ttl_s(entry, now_s) <
                stale_window_s(&entry->control, NULL, situation, &flight_settings(flight)->stale);
    entry_unref(entry);
    return is_usable;
}

struct table_mark flight_mark_of_head(struct flight *flight, const struct upstream_head *head)
{
    const struct fetch_settings *settings = flight_settings(flight);
    struct table_mark mark = {.kind = MARK_NONE, .failure = failure_of_error()};
    int64_t wait_s = 0;

    if (flight->request->is_bypass) /* of which others know nothing */
        return mark;
    if (head->status == 503 || head->status == 429)
        wait_s = retry_after_s(head, fetch_lane_now_s(flight->lane));
    if (wait_s > settings->retry_after_max_s)
        wait_s = settings->retry_after_max_s;
    if (wait_s > 0) {
        mark.kind = MARK_LEFT_ALONE;
        mark.until_ns = now_ns(flight) + wait_s * ASYNC_S;
    } else if (stale_status_is_error(head->status) &&
               (flight_has_stale(flight, STALE_IF_ERROR) ||
                flight_has_stale(flight, STALE_WHILE_REVALIDATING))) {
        mark.kind = MARK_ERROR;
        mark.until_ns = now_ns(flight) + settings->negative_lifetime_ms * ASYNC_MS;
    }
    return mark;
}
