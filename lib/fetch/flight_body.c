/* SPDX-License-Identifier: MIT */
/*
 * flight_body.c - the body as the flight writes it: segments, the wake-ups of its readers, and the
 * pause when a reader of a body that is not kept falls behind. All on the lane's thread.
 */
#include "flight.h"

#define SEGMENT_BYTES      ((size_t)1024 * 1024)
#define RESERVED_BYTES_MIN ((size_t)64 * 1024) /* for less, the store makes room at the end */

bool flight_body_count_arriving(struct flight *flight, size_t count)
{
    struct fetcher *fetcher = flight->lane->fetcher;
    size_t before =
        atomic_fetch_add_explicit(&fetcher->arriving_bytes, count, memory_order_relaxed);

    flight->arriving_bytes += count;
    if (before + count > store_budget_bytes(fetcher->store))
        return false;
    /* If there is no room now, the store may still find some when the entry is complete. */
    if (flight->arriving_bytes >= RESERVED_BYTES_MIN)
        (void)store_reserve(fetcher->store, &flight->room, flight->arriving_bytes);
    return true;
}

void flight_body_uncount_arriving(struct flight *flight)
{
    atomic_fetch_sub_explicit(&flight->lane->fetcher->arriving_bytes, flight->arriving_bytes,
                              memory_order_relaxed);
    flight->arriving_bytes = 0;
}

void flight_body_release_room(struct flight *flight)
{
    store_release(flight->lane->fetcher->store, &flight->room);
}

/* The body's end, as its readers see it. */
void flight_body_finish(struct flight *flight, int status)
{
    if (flight->segment != NULL)
        body_finish(flight->segment->body, status);
}

/* Bytes of the body so far, in all its segments. */
size_t flight_body_bytes(const struct flight *flight)
{
    return flight->bytes_before + body_length(flight->segment->body);
}

/*
 * Whether upstream has to wait for a reader of a body that is not kept: else all that lies between
 * the slowest reader and the origin would have to be held. Who is parked has read everything.
 */
bool flight_body_pause_if_ahead(struct flight *flight)
{
    size_t ahead_max = flight_settings(flight)->reader_lag_bytes_max;
    size_t body_bytes = flight_body_bytes(flight);
    bool is_paused = false;

    flight_lock(flight);
    for (struct async_list *node = flight->awake.next; node != &flight->awake && !is_paused;
         node = node->next) {
        struct fetch_reader *reader = async_container_of(node, struct fetch_reader, node);
        is_paused = body_bytes - reader->waited_bytes >= ahead_max;
    }
    flight->is_paused = is_paused;
    flight_unlock(flight);
    return is_paused;
}

/*
 * What is not stored is kept no longer than somebody reads it. The first segment has to wait for
 * all readers to be in it, and is longer than what `select` may need as a whole.
 */
static int start_segment(struct flight *flight)
{
    const size_t select_bytes_max = flight_settings(flight)->select_bytes_max;
    size_t bytes = body_length(flight->segment->body);
    int err = 0;

    if (flight->state == FLIGHT_STREAMING || bytes < SEGMENT_BYTES || bytes <= select_bytes_max)
        return 0;
    flight_lock(flight);
    if (flight->unanswered == 0) {
        err = segment_extend(&flight->segment);
        if (err == 0)
            flight->bytes_before += bytes;
    }
    flight_unlock(flight);
    return err;
}

int flight_body_append(struct flight *flight, const char *bytes, size_t count)
{
    int err = start_segment(flight);

    if (err < 0)
        return err;
    err = body_append(flight->segment->body, bytes, count);
    if (err < 0)
        return err;
    flight_lock(flight);
    flight_wake_locked(flight);
    flight_unlock(flight);
    return 0;
}
