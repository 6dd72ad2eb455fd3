/* SPDX-License-Identifier: MIT */
/*
 * fetch_fields.c - what requests for a URL say about caching, and what answers say of themselves.
 *
 * The fields of a hit are formatted by hand: it is the path that has to cost nothing.
 */
#include "fetch_fields.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <http/cache_control.h>
#include <http/conditions.h>

static bool span_holds(struct span text, const char *word)
{
    return memmem(text.bytes, text.length, word, strlen(word)) != NULL;
}

void fetch_read_wishes(const struct request *request, const char *own_name,
                       struct fetch_wishes *ret_wishes)
{
    struct cache_control control;
    bool has_pragma_no_cache = false, has_control = false;

    *ret_wishes = (struct fetch_wishes){0};
    for (size_t i = 0; i < request->field_count; i++) {
        const struct field *field = &request->fields[i];
        switch (field->name.length) {
        case 5:
            ret_wishes->has_range |=
                span_equals_ignoring_case(field->name, span_of_string("Range"));
            break;
        case 6:
            if (span_equals_ignoring_case(field->name, span_of_string("Pragma")))
                has_pragma_no_cache |=
                    span_equals_ignoring_case(field->value, span_of_string("no-cache"));
            break;
        case 8:
            if (span_equals_ignoring_case(field->name, span_of_string("CDN-Loop")))
                ret_wishes->is_loop |= span_holds(field->value, own_name);
            break;
        case 13:
            if (span_equals_ignoring_case(field->name, span_of_string("Cache-Control"))) {
                if (!has_control)
                    cache_control_init(&control);
                has_control = true;
                cache_control_add(&control, field->value);
            } else if (span_equals_ignoring_case(field->name, span_of_string("If-None-Match"))) {
                ret_wishes->has_none_match = true;
            }
            break;
        default:
            break;
        }
    }
    if (has_control) {
        ret_wishes->is_fresh_only = control.no_cache || control.max_age_s == 0;
        ret_wishes->is_only_if_cached = control.only_if_cached;
    } else {
        ret_wishes->is_fresh_only = has_pragma_no_cache; /* RFC 9111 section 5.4 */
    }
}

/* Whether the client has this very answer already. Source: RFC 9110 section 13.1.2. */
bool fetch_is_not_modified(const struct request *request, const struct entry *entry)
{
    const struct span *value = request_field(request, "If-None-Match");

    if (entry->status != 200)
        return false;
    for (; value != NULL; value = request_field_next(request, "If-None-Match", value)) {
        if (conditions_none_match_lists(*value, entry->etag))
            return true;
    }
    return false;
}

static char *write_text(char *at, const char *text)
{
    size_t length = strlen(text);

    memcpy(at, text, length + 1);
    return at + length;
}

char *fetch_write_number(char *at, uint64_t number)
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

static void add_field(struct fetch_answer *answer, const char *name, const char *value)
{
    assert(answer->count < sizeof answer->fields / sizeof *answer->fields);
    answer->fields[answer->count++] = (struct reply_field){name, value};
}

/* Negative for what is stale. */
static char *write_ttl(char *at, int64_t ttl_s)
{
    at = write_text(at, ttl_s < 0 ? "; ttl=-" : "; ttl=");
    return fetch_write_number(at, ttl_s < 0 ? (uint64_t)-ttl_s : (uint64_t)ttl_s);
}

/* Age and Cache-Status of an entry of the store. Sources: RFC 9111 section 5.1, RFC 9211. */
void fetch_describe_hit(struct fetch_answer *answer, const struct entry *entry, int64_t now_s)
{
    int64_t ttl_s = entry_ttl_s(entry, now_s);

    answer->count = 0;
    fetch_write_number(answer->age, (uint64_t)entry_age_s(entry, now_s));
    write_ttl(write_text(answer->cache_status, "fetchonce; hit"), ttl_s);
    add_field(answer, "Age", answer->age);
    add_field(answer, "Cache-Status", answer->cache_status);
}

static const char *forward_reason(const struct fetch_reader *reader)
{
    if (reader->is_stale)
        return "fetchonce; fwd=stale";
    return (reader->flags & FETCH_FRESH_ONLY) != 0 ? "fetchonce; fwd=request"
                                                   : "fetchonce; fwd=uri-miss";
}

static void write_forwarded(char *at, const struct fetch_reader *reader, int64_t now_s)
{
    at = write_text(at, forward_reason(reader));
    if (reader->forward_status != 0)
        at = fetch_write_number(write_text(at, "; fwd-status="), (uint64_t)reader->forward_status);
    if (reader->is_stale)
        at = write_ttl(at, entry_ttl_s(reader->entry, now_s));
    if (reader->source == FETCH_FROM_COLLAPSED)
        write_text(at, "; collapsed");
    else if (reader->is_stored)
        write_text(at, "; stored");
}

/* The same for an answer that came from the origin now, for this request or for another. */
void fetch_describe_miss(struct fetch_answer *answer, const struct request *request,
                         const struct fetch_reader *reader, int64_t now_s)
{
    int64_t age_s = entry_age_s(reader->entry, now_s);
    int64_t waited_us = (reader->answered_ns - request->start_ns) / 1000;
    const char *waited_for = reader->source == FETCH_FROM_COLLAPSED ? "wait" : "origin";

    answer->count = 0;
    if (age_s > 0) {
        fetch_write_number(answer->age, (uint64_t)age_s);
        add_field(answer, "Age", answer->age);
    }
    write_forwarded(answer->cache_status, reader, now_s);
    add_field(answer, "Cache-Status", answer->cache_status);
    snprintf(answer->timing, sizeof answer->timing, "%s;dur=%lld.%03lld", waited_for,
             (long long)(waited_us / 1000), (long long)(waited_us % 1000));
    add_field(answer, "Server-Timing", answer->timing);
}

struct reply_head fetch_head(const struct entry *entry, int status,
                             const struct fetch_answer *answer)
{
    const struct entry_head *prepared = entry_get_head(entry);
    struct reply_head head = {
        .status = status, .fields = answer->fields, .field_count = answer->count};

    head.prepared.iov_base = (void *)prepared->bytes;
    head.prepared.iov_len = prepared->length;
    head.has_date = fields_has(&entry->fields, "Date");
    return head;
}
