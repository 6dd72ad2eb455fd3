/* SPDX-License-Identifier: MIT */
/* hot.c - see hot.h. */
#include "hot.h"

#include <assert.h>
#include <string.h>

#include <http/conditions.h>
#include <http/range.h>

#include "../reply.h"
#include "cache_status.h"

#define SPANS_MAX 4 /* a small body lies in one or two */

struct hot {
    struct fetch_held held; /* first */
    int64_t told_s;         /* the second of which the lines tell */
    int span_count;
    struct iovec spans[SPANS_MAX];   /* of the body */
    struct conditions_target target; /* what conditions are compared with */
    bool has_content_range;          /* already: it has to be left out of the head of a part */
    size_t fields_bytes;             /* of `head`, up to the lines that tell of the time */
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

static struct reply_head head_of(const struct hot *hot, int status)
{
    const struct entry_head *prepared = entry_get_head(hot->held.entry);

    return (struct reply_head){
        .status = status,
        .prepared = {.iov_base = (void *)prepared->bytes, .iov_len = prepared->length},
        .lines = {.iov_base = (void *)(hot->head + hot->fields_bytes), .iov_len = hot->lines_bytes},
        .has_date = true,
        .has_account = true,
    };
}

/* What is used of `hot` until the answer is sent. */
static struct reply_memory use(struct hot *hot)
{
    fetch_held_use(&hot->held);
    return (struct reply_memory){.release = fetch_held_release, .context = &hot->held};
}

static void reply_whole(struct request *request, struct hot *hot)
{
    struct reply_head head = head_of(hot, hot->held.entry->status);

    head.ready =
        (struct iovec){.iov_base = hot->head,
                       .iov_len = hot->fields_bytes + hot->lines_bytes + sizeof end_of_head - 1};
    reply_send(request, &head, hot->spans, (size_t)hot->span_count, use(hot));
}

static void reply_not_modified(struct request *request, struct hot *hot)
{
    struct reply_head head = head_of(hot, 304);

    reply_head_only(request, &head, REPLY_LENGTH_UNKNOWN, use(hot));
}

/* Of the body, what lies in the part. Returns how many spans that is. */
static size_t spans_of(const struct hot *hot, struct range part, struct iovec spans[SPANS_MAX])
{
    size_t skip = (size_t)part.first, wanted = (size_t)(part.last - part.first + 1);
    size_t count = 0;

    for (int i = 0; i < hot->span_count && wanted > 0; i++) {
        size_t length = hot->spans[i].iov_len;
        if (skip >= length) {
            skip -= length;
            continue;
        }
        length = length - skip < wanted ? length - skip : wanted;
        spans[count++] =
            (struct iovec){.iov_base = (char *)hot->spans[i].iov_base + skip, .iov_len = length};
        wanted -= length;
        skip = 0;
    }
    assert(wanted == 0);
    return count;
}

static void reply_part(struct request *request, struct hot *hot, struct range part)
{
    const struct content_range content_range = {
        .range = part, .complete_bytes = (int64_t)body_length(hot->held.entry->body)};
    struct reply_head head = head_of(hot, 206);
    struct iovec spans[SPANS_MAX];
    char text[CONTENT_RANGE_BYTES];
    struct reply_field field = {"Content-Range", text};

    content_range_write(&content_range, text);
    head.fields = &field;
    head.field_count = 1;
    reply_send(request, &head, spans, spans_of(hot, part, spans), use(hot));
}

enum wanted { WANTED_WHOLE, WANTED_PART, WANTED_OTHER };

/* What a request with a Range wants. Several parts, and what is not there, are for others. */
static enum wanted read_range(const struct request *request, const struct hot *hot,
                              struct range *ret_part)
{
    const struct entry *entry = hot->held.entry;
    struct ranges asked, parts;
    const struct span *value;

    if (request->method != REQUEST_GET || entry->status != 200)
        return WANTED_OTHER;
    value = request_field(request, "Range");
    assert(value != NULL);
    if (request_field_next(request, "Range", value) != NULL || !range_parse(*value, &asked) ||
        !conditions_range_applies(request_fields(request), &hot->target, entry->response_s))
        return WANTED_WHOLE;
    switch (range_resolve(&asked, (int64_t)body_length(entry->body), &parts)) {
    case RANGE_WHOLE:
        return WANTED_WHOLE;
    case RANGE_PARTS:
        *ret_part = parts.items[0];
        return parts.count == 1 && !hot->has_content_range ? WANTED_PART : WANTED_OTHER;
    case RANGE_UNSATISFIABLE:
        break;
    }
    return WANTED_OTHER;
}

bool hot_reply(struct request *request, struct fetch_held_slot *slot, int64_t now_s)
{
    enum wanted wanted = WANTED_WHOLE;
    struct fetch_held *held;
    struct range part = {0, 0};
    struct hot *hot;

    if (slot->held == NULL || (request->about & (REQUEST_ABOUT_CACHING | REQUEST_ABOUT_WAY)) != 0)
        return false;
    hot = (struct hot *)slot->held;
    if ((request->about & REQUEST_ABOUT_RANGE) != 0)
        wanted = read_range(request, hot, &part);
    if (wanted == WANTED_OTHER)
        return false;
    held = fetch_held_find(slot, now_s);
    if (held == NULL)
        return false;
    if (hot->told_s != now_s)
        tell_time(hot, now_s);
    if ((request->about & REQUEST_ABOUT_CONDITION) != 0 &&
        conditions_evaluate(request_fields(request), &hot->target, held->entry->response_s) ==
            CONDITIONS_NOT_MODIFIED)
        reply_not_modified(request, hot);
    else if (wanted == WANTED_PART)
        reply_part(request, hot, part);
    else
        reply_whole(request, hot);
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
    struct fields fields;
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
    fields = entry_fields(entry);
    conditions_target_read(&fields, entry->status, entry->response_s, &hot->target);
    hot->has_content_range = entry_has(entry, "Content-Range");
    hot->told_s = INT64_MIN;
    hot->span_count = count;
    memcpy(hot->spans, spans, sizeof spans);
    hot->fields_bytes = reply_ready_head(
        hot->head, entry->status, body_bytes,
        (struct iovec){.iov_base = (void *)prepared->bytes, .iov_len = prepared->length});
    assert(hot->fields_bytes <= room);
}
