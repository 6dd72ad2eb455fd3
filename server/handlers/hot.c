/* SPDX-License-Identifier: MIT */
/* hot.c - see hot.h. */
#include "hot.h"

#include <assert.h>
#include <string.h>

#include "../reply.h"
#include "cache_status.h"

#define SPANS_MAX 4 /* a small body lies in one or two */

struct hot {
    struct fetch_held held; /* first */
    int64_t told_s;         /* the second of which the lines tell */
    int span_count;
    struct iovec spans[SPANS_MAX]; /* of the body */
    size_t fields_bytes;           /* of `head`, up to the lines that tell of the time */
    size_t lines_bytes;
    char head[]; /* and the empty line */
};

static const char end_of_head[] = "\r\n";

static void tell_time(struct hot *hot, int64_t now_s)
{
    const struct entry *entry = hot->held.entry;
    char *lines = hot->head + hot->fields_bytes;

    hot->lines_bytes =
        cache_status_write_hit(entry_age_s(entry, now_s), entry_ttl_s(entry, now_s), lines);
    memcpy(lines + hot->lines_bytes, end_of_head, sizeof end_of_head - 1);
    hot->told_s = now_s;
}

bool hot_reply(struct request *request, struct fetch_held_slot *slot, int64_t now_s)
{
    const unsigned wishes =
        REQUEST_ABOUT_CACHING | REQUEST_ABOUT_CONDITION | REQUEST_ABOUT_RANGE | REQUEST_ABOUT_WAY;
    struct fetch_held *held;
    const struct entry_head *prepared;
    struct reply_head head;
    struct hot *hot;

    if ((request->about & wishes) != 0 || slot->held == NULL)
        return false;
    held = fetch_held_find(slot, now_s);
    if (held == NULL)
        return false;
    hot = (struct hot *)held;
    if (hot->told_s != now_s)
        tell_time(hot, now_s);
    prepared = entry_get_head(held->entry);
    head = (struct reply_head){
        .status = held->entry->status,
        .prepared = {.iov_base = (void *)prepared->bytes, .iov_len = prepared->length},
        .lines = {.iov_base = hot->head + hot->fields_bytes, .iov_len = hot->lines_bytes},
        .ready = {.iov_base = hot->head,
                  .iov_len = hot->fields_bytes + hot->lines_bytes + sizeof end_of_head - 1},
        .has_date = true,
    };
    fetch_held_use(held);
    reply_send(request, &head, hot->spans, (size_t)hot->span_count,
               (struct reply_memory){.release = fetch_held_release, .context = held});
    return true;
}

/* Whether its answers always have a body, or none because it is empty. */
static bool is_common(const struct entry *entry)
{
    return entry->status >= 200 && entry->status != 204 && entry->status != 205 &&
           entry->status != 206 && entry->status != 304;
}

void hot_keep(struct fetch_lane *lane, struct fetch_held_slot *slot,
              const struct fetch_request *plain, struct entry *entry)
{
    const struct entry_head *prepared = entry_get_head(entry);
    struct body_cursor cursor;
    struct iovec spans[SPANS_MAX];
    struct hot *hot;
    size_t body_bytes = body_length(entry->body), told_bytes = 0;
    size_t room = REPLY_READY_BYTES + prepared->length;
    int count;

    if (slot->held != NULL)
        return;
    body_cursor_init(&cursor, entry->body);
    count = body_cursor_spans(&cursor, spans, SPANS_MAX);
    for (int i = 0; i < count; i++)
        told_bytes += spans[i].iov_len;
    if (told_bytes != body_bytes || !is_common(entry) || !entry->has_date)
        return;
    hot = (struct hot *)fetch_held_keep(lane, slot, plain, entry,
                                        sizeof *hot + room + CACHE_HIT_BYTES + sizeof end_of_head);
    if (hot == NULL)
        return;
    hot->told_s = INT64_MIN;
    hot->span_count = count;
    memcpy(hot->spans, spans, sizeof spans);
    hot->fields_bytes = reply_ready_head(
        hot->head, entry->status, body_bytes,
        (struct iovec){.iov_base = (void *)prepared->bytes, .iov_len = prepared->length});
    assert(hot->fields_bytes <= room);
}
