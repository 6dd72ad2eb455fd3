/* SPDX-License-Identifier: MIT */
/*
 * fetch_fields.c - what requests for a URL say about caching, and what answers say of themselves.
 *
 * A hit has a way of its own here: it is the path that has to cost nothing.
 */
#include "fetch_fields.h"

#include <assert.h>
#include <string.h>

#include <http/cache_control.h>
#include <http/conditions.h>
#include <http/forwarding.h>

#include "../problem.h"

static void add_control(struct fetch_wishes *wishes, struct span value)
{
    if (!wishes->has_control)
        cache_control_init(&wishes->control);
    wishes->has_control = true;
    cache_control_add(&wishes->control, value);
}

void fetch_read_wishes(const struct request *request, const struct fetch_settings *settings,
                       struct fetch_wishes *ret_wishes)
{
    const unsigned wishes =
        REQUEST_ABOUT_CACHING | REQUEST_ABOUT_CONDITION | REQUEST_ABOUT_RANGE | REQUEST_ABOUT_WAY;
    bool has_pragma_no_cache = false;

    /* What `control` is without has_control nobody looks at. */
    ret_wishes->has_control = false;
    ret_wishes->is_loop = false;
    ret_wishes->has_condition = (request->about & REQUEST_ABOUT_CONDITION) != 0;
    ret_wishes->has_range = (request->about & REQUEST_ABOUT_RANGE) != 0;
    if ((request->about & wishes) == 0)
        return;
    for (size_t i = 0; (request->about & REQUEST_ABOUT_CACHING) != 0 && i < request->field_count;
         i++) {
        const struct field *field = &request->fields[i];
        if (span_equals_ignoring_case(field->name, span_of_string("Pragma")))
            has_pragma_no_cache |=
                span_equals_ignoring_case(field->value, span_of_string("no-cache"));
        else if (span_equals_ignoring_case(field->name, span_of_string("Cache-Control")))
            add_control(ret_wishes, field->value);
    }
    if ((request->about & REQUEST_ABOUT_WAY) != 0)
        ret_wishes->is_loop = forwarding_count_visits(request_fields(request),
                                                      span_of_string(settings->via_name)) > 0;
    if (has_pragma_no_cache && !ret_wishes->has_control)
        add_control(ret_wishes, span_of_string("no-cache"));
    if (!settings->obeys_clients)
        ret_wishes->has_control = false;
}

bool fetch_is_not_modified(const struct request *request, const struct entry *entry)
{
    struct fields fields = entry_fields(entry);
    struct conditions_target target;

    if (entry->status == 206) /* asked for by the client's range: its conditions were none */
        return false;
    if (!conditions_are_there(request_fields(request)))
        return false;
    conditions_target_read(&fields, entry->status, entry->response_s, &target);
    return conditions_evaluate(request_fields(request), &target, entry->response_s) ==
           CONDITIONS_NOT_MODIFIED;
}

static void add_field(struct fetch_answer *answer, const char *name, const char *value)
{
    assert(answer->count < sizeof answer->fields / sizeof *answer->fields);
    answer->fields[answer->count++] = (struct reply_field){name, value};
}

void fetch_describe_hit(struct fetch_answer *answer, const struct entry *entry, int64_t now_s)
{
    answer->count = 0;
    answer->lines_bytes =
        cache_status_write_hit(entry_age_s(entry, now_s), entry_ttl_s(entry, now_s), answer->lines);
}

/* What a client may know of a failure: not which of the ways to an origin there are none on. */
const char *fetch_token_of_failure(const struct fetch_failure *failure)
{
    if (failure->status == 403)
        return "refused";
    if (failure->reason == NULL)
        return "connection-broke";
    if (strcmp(failure->reason, "no-such-name") == 0 ||
        strcmp(failure->reason, "no-connection") == 0)
        return "unreachable";
    return failure->reason;
}

static enum cache_forward forward_of(const struct fetch_reader *reader)
{
    static const enum cache_forward reasons[] = {
        [FETCH_MISS_URI] = CACHE_FORWARD_URI_MISS,
        [FETCH_MISS_VARY] = CACHE_FORWARD_VARY_MISS,
        [FETCH_MISS_STALE] = CACHE_FORWARD_STALE,
        [FETCH_MISS_REQUEST] = CACHE_FORWARD_REQUEST,
    };

    if (reader->request->is_bypass)
        return reader->request->method != NULL ? CACHE_FORWARD_METHOD : CACHE_FORWARD_BYPASS;
    return reader->is_stale ? CACHE_FORWARD_STALE : reasons[reader->miss];
}

/* How the request was forwarded, if it was. */
static struct cache_status status_of(const struct fetch_reader *reader)
{
    struct cache_status status = {0};

    if (reader->source == FETCH_FROM_STORE) {
        status.is_hit = reader->state == FETCH_ANSWERED;
        return status;
    }
    status.forward = forward_of(reader);
    status.forward_status = reader->forward_status;
    status.is_collapsed = reader->source == FETCH_FROM_COLLAPSED;
    return status;
}

/* The fields that all answers have, at the end of the wait. */
static void add_account(struct fetch_answer *answer, const struct cache_status *status,
                        const struct request *request, const struct fetch_reader *reader,
                        int64_t end_ns)
{
    int64_t led_ns = status->is_hit ? 0 : reader->led_ns; /* what it led found the answer here */

    answer->lines_bytes = 0;
    cache_status_write(status, answer->cache_status);
    add_field(answer, "Cache-Status", answer->cache_status);
    if (led_ns != 0)
        server_timing_write(led_ns - request->start_ns, end_ns - led_ns, answer->timing);
    else
        server_timing_write(end_ns - request->start_ns, -1, answer->timing);
    add_field(answer, "Server-Timing", answer->timing);
}

void fetch_describe(struct fetch_answer *answer, const struct request *request,
                    const struct fetch_reader *reader, int status, const char *detail)
{
    const struct entry *entry = reader->entry;
    int64_t now_s = fetch_lane_now_s(reader->lane);
    int64_t age_s = entry_age_s(entry, now_s);
    struct cache_status account = status_of(reader);

    answer->count = 0;
    if (detail == NULL && (age_s > 0 || account.is_hit)) {
        cache_status_number(answer->age, (uint64_t)age_s);
        add_field(answer, "Age", answer->age);
    }
    if (account.forward != CACHE_NOT_FORWARDED && account.forward_status == 0 &&
        !reader->is_stale && status != entry->status)
        account.forward_status = entry->status;
    /* Of a collapsed request, the one it was collapsed with does the storing. */
    account.is_stored = reader->is_stored && !account.is_collapsed && !account.is_hit &&
                        fetch_reader_status(reader) >= 0;
    account.has_ttl = account.is_hit || reader->is_stale ||
                      (reader->is_stored && fetch_reader_status(reader) >= 0);
    account.ttl_s = entry_ttl_s(entry, now_s);
    account.detail =
        detail == NULL && reader->is_stale ? fetch_token_of_failure(&reader->failure) : detail;
    add_account(answer, &account, request, reader, reader->answered_ns);
}

void fetch_describe_failure(struct fetch_answer *answer, const struct request *request,
                            const struct fetch_reader *reader)
{
    struct cache_status account = status_of(reader);

    assert(reader->state == FETCH_FAILED);
    answer->count = 0;
    account.detail = fetch_token_of_failure(&reader->failure);
    add_account(answer, &account, request, reader, async_loop_now_ns(request->loop));
    if (reader->failure.retry_after_s > 0) {
        cache_status_number(answer->retry_after, reader->failure.retry_after_s);
        add_field(answer, "Retry-After", answer->retry_after);
    }
}

void fetch_describe_broken_off(struct fetch_answer *answer, const struct request *request,
                               const struct fetch_reader *reader, const char *detail)
{
    struct cache_status account = {
        .forward = forward_of(reader), .is_collapsed = reader->led_ns == 0, .detail = detail};

    answer->count = 0;
    add_account(answer, &account, request, reader, async_loop_now_ns(request->loop));
}

void fetch_refuse(struct request *request, int status, const char *detail, const char *token)
{
    struct cache_status account = {.detail = token};
    char cache_status[CACHE_STATUS_BYTES];
    struct reply_field fields[] = {{"Cache-Status", cache_status},
                                   {"Server-Timing", SERVER_TIMING_NO_WAIT}};

    cache_status_write(&account, cache_status);
    problem_send(request, status, detail, fields, sizeof fields / sizeof *fields);
}

struct reply_head fetch_head(const struct entry *entry, int status,
                             const struct fetch_answer *answer)
{
    const struct entry_head *prepared = entry_get_head(entry);
    struct reply_head head = {.status = status,
                              .fields = answer->fields,
                              .field_count = answer->count,
                              .has_account = true};

    head.prepared.iov_base = (void *)prepared->bytes;
    head.prepared.iov_len = prepared->length;
    head.lines.iov_base = (void *)answer->lines;
    head.lines.iov_len = answer->lines_bytes;
    head.has_date = entry->has_date;
    return head;
}
