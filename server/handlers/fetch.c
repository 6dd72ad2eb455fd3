/* SPDX-License-Identifier: MIT */
/*
 * fetch.c - one request for a URL, from its query to the last byte.
 *
 *   query known, entry fresh --> one reply by reference, nothing allocated
 *   else a reader: WAIT_HEAD --> STREAM, piece by piece as the body grows
 *                           \--> WAIT_BODY, for select, which needs the whole
 *                           \--> a problem: 403, 502, 503, 504
 *
 * The bytes that are sent lie in the entry and its body; each piece holds a reference to the entry
 * until it is sent. An answer that breaks off is aborted, never ended.
 */
#include "fetch.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../log/log.h"
#include "../problem.h"
#include "../reply.h"
#include "fetch_fields.h"
#include "fetch_query.h"
#include "select.h"

/* What one loop has. */
struct fetch_context {
    struct fetch_lane *lane;
    struct fetch_query_memo *memo;
};

/* A request that could not be answered at once; lives in request->state. */
struct fetch_reply {
    struct fetch_reader reader;
    struct request *request;
    char *select; /* NULL: the whole body */
    bool is_started;
};

static_assert(sizeof(struct fetch_reply) <= REQUEST_STATE_BYTES, "has room in each request");

static void release_entry(void *context)
{
    entry_unref(context);
}

static void release_body(void *context)
{
    body_unref(context);
}

/* Where the whole body lies, if that is few enough pieces for one reply; else -1. */
static int whole_spans(const struct entry *entry, struct iovec *spans)
{
    struct body_cursor cursor;
    size_t bytes = 0;
    int count;

    body_cursor_init(&cursor, entry->body);
    count = body_cursor_spans(&cursor, spans, REPLY_SPANS_MAX);
    for (int i = 0; i < count; i++)
        bytes += spans[i].iov_len;
    return bytes == body_length(entry->body) ? count : -1;
}

/* The whole answer at once. Takes the reference over. */
static void reply_whole(struct request *request, struct entry *entry, const struct iovec *spans,
                        int span_count, const struct fetch_answer *answer)
{
    struct reply_head head = fetch_head(entry, entry->status, answer);
    struct reply_memory memory = {.release = release_entry, .context = entry};

    reply_send(request, &head, spans, (size_t)span_count, memory);
}

/* Takes the reference over. */
static void reply_not_modified(struct request *request, struct entry *entry,
                               const struct fetch_answer *answer)
{
    struct reply_head head = fetch_head(entry, 304, answer);
    struct reply_memory memory = {.release = release_entry, .context = entry};

    reply_head_only(request, &head, REPLY_LENGTH_UNKNOWN, memory);
}

static void send_failure(struct request *request, const struct fetch_failure *failure)
{
    char retry_after[24];
    struct reply_field fields[2] = {{"Cache-Status", "fetchonce; fwd=uri-miss"}};
    size_t count = 1;

    if (failure->retry_after_s > 0) {
        fetch_write_number(retry_after, failure->retry_after_s);
        fields[count++] = (struct reply_field){"Retry-After", retry_after};
    }
    problem_send(request, failure->status, failure->detail, fields, count);
}

/* The one way out: nothing of the fetch calls back any more. The request may be answered after. */
static void finish(struct fetch_reply *self)
{
    fetch_reader_leave(&self->reader);
    free(self->select);
    self->select = NULL;
}

static void fail(struct fetch_reply *self, int status, const char *detail)
{
    struct fetch_failure failure = {.status = status, .detail = detail};
    struct request *request = self->request;

    finish(self);
    send_failure(request, &failure);
}

static void on_gone(struct request *request)
{
    finish((struct fetch_reply *)(void *)request->state);
}

/* Once for each fetch: by the reader that led it. The client is told less (rule I.17). */
static void log_failure(const struct fetch_reader *reader, int status, const char *reason)
{
    char url[256];

    if (reader->source == FETCH_FROM_ORIGIN)
        log_info("fetch failed", "status=%d reason=%s url=%s", status, reason,
                 log_quote(url, sizeof url, reader->request->url->text,
                           reader->request->url->text_bytes));
}

/* Sends what is there, and waits for the client or for the origin, whichever is slower. */
static void stream(struct fetch_reply *self)
{
    struct fetch_reader *reader = &self->reader;
    struct request *request = self->request;
    struct iovec spans[REPLY_SPANS_MAX];
    struct reply_memory memory = {.release = release_body};

    for (;;) {
        int status = fetch_reader_status(reader); /* first, then the spans: see fetcher.h */
        int count = fetch_reader_spans(reader, spans, REPLY_SPANS_MAX);
        size_t bytes = 0;
        if (count == 0 && status == BODY_OPEN) {
            fetch_reader_wait(reader);
            return;
        }
        if (count == 0) {
            if (status < 0)
                log_failure(reader, reader->entry->status, "broke-off");
            finish(self);
            if (status == 0)
                reply_end(request);
            else
                reply_abort(request);
            return;
        }
        for (int i = 0; i < count; i++)
            bytes += spans[i].iov_len;
        memory.context = fetch_reader_hold(reader);
        body_cursor_advance(&reader->cursor, bytes);
        if (!reply_write(request, spans, (size_t)count, memory))
            return; /* on_writable follows */
    }
}

static void on_writable(struct request *request)
{
    stream((struct fetch_reply *)(void *)request->state);
}

static void start_stream(struct fetch_reply *self, const struct fetch_answer *answer)
{
    struct entry *entry = entry_ref(self->reader.entry);
    struct reply_head head = fetch_head(entry, entry->status, answer);
    struct reply_memory memory = {.release = release_entry, .context = entry};

    self->is_started = true;
    self->request->on_writable = on_writable;
    reply_start(self->request, &head, self->reader.length_bytes, memory);
    stream(self);
}

/* What is no JSON document of ours to look into is refused as soon as that is known: the rest of a
 * long body is not waited for. */
static bool refuse_selection(struct fetch_reply *self)
{
    const struct fetch_reader *reader = &self->reader;
    size_t bytes_max = reader->request->policy->settings.select_bytes_max;
    size_t bytes = reader->bytes_before + body_length(reader->cursor.body);
    char detail[128];

    if (reader->entry->status < 200 || reader->entry->status > 299)
        snprintf(detail, sizeof detail, "select needs a JSON body, but the origin answered %d",
                 reader->entry->status);
    else if (bytes > bytes_max ||
             (reader->length_bytes >= 0 && (uint64_t)reader->length_bytes > bytes_max))
        snprintf(detail, sizeof detail, "the JSON body is too long for select: more than %zu bytes",
                 bytes_max);
    else
        return false;
    fail(self, 502, detail);
    return true;
}

/* One value of the JSON body, when the whole body is there. */
static void send_selected(struct fetch_reply *self, const struct fetch_answer *answer)
{
    struct request *request = self->request;
    struct reply_field fields[6];
    struct reply_head head = {.status = 200, .fields = fields};
    char *text;
    int err = select_value(self->reader.entry->body, self->select, &text);

    if (err < 0) {
        fail(self,
             err == -ENOENT   ? 404
             : err == -ENOMEM ? 503
                              : 502,
             err == -ENOENT   ? "the JSON body has no value at this pointer"
             : err == -ENOMEM ? "this server is out of memory"
                              : "select needs a JSON body, and the origin's is not JSON");
        return;
    }
    fields[head.field_count++] = (struct reply_field){"Content-Type", "application/json"};
    fields[head.field_count++] = (struct reply_field){"X-Content-Type-Options", "nosniff"};
    for (size_t i = 0; i < answer->count; i++)
        fields[head.field_count++] = answer->fields[i];
    finish(self);
    reply_copy(request, &head, text, strlen(text));
    free(text);
}

static void answer_request(struct fetch_reply *self)
{
    struct fetch_reader *reader = &self->reader;
    struct request *request = self->request;
    struct entry *entry = reader->entry;
    int64_t now_s = fetch_lane_now_s(reader->lane);
    int status = fetch_reader_status(reader);
    struct fetch_answer answer;
    struct iovec spans[REPLY_SPANS_MAX];
    int span_count;

    if (status < 0) {
        fail(self, 502, "the origin closed the connection before its answer was complete");
        return;
    }
    if (self->select != NULL && refuse_selection(self))
        return;
    if (self->select != NULL && status == BODY_OPEN) {
        /* Takes what is there so that the wait is for more. */
        while (fetch_reader_spans(reader, spans, 1) > 0)
            body_cursor_advance(&reader->cursor, spans[0].iov_len);
        fetch_reader_wait(reader);
        return;
    }
    if (reader->source == FETCH_FROM_STORE)
        fetch_describe_hit(&answer, entry, now_s);
    else
        fetch_describe_miss(&answer, request, reader, now_s);
    if (self->select != NULL) {
        send_selected(self, &answer);
    } else if (fetch_is_not_modified(request, entry)) {
        entry_ref(entry);
        finish(self);
        reply_not_modified(request, entry, &answer);
    } else if (request->is_head) {
        struct reply_head head = fetch_head(entry, entry->status, &answer);
        struct reply_memory memory = {.release = release_entry, .context = entry_ref(entry)};
        int64_t length_bytes = reader->length_bytes;
        finish(self);
        reply_head_only(request, &head, length_bytes, memory);
    } else if (status == 0 && reader->bytes_before == 0 &&
               (span_count = whole_spans(entry, spans)) >= 0) {
        entry_ref(entry);
        finish(self);
        reply_whole(request, entry, spans, span_count, &answer);
    } else {
        start_stream(self, &answer);
    }
}

static void advance(struct fetch_reply *self)
{
    struct request *request = self->request;

    switch (self->reader.state) {
    case FETCH_WAITING:
        break;
    case FETCH_FAILED: {
        struct fetch_failure failure = self->reader.failure;
        log_failure(&self->reader, failure.status, failure.reason);
        finish(self);
        send_failure(request, &failure);
        break;
    }
    case FETCH_ANSWERED:
        if (self->is_started)
            stream(self);
        else
            answer_request(self);
        break;
    }
}

static void on_progress(struct fetch_reader *reader)
{
    advance(async_container_of(reader, struct fetch_reply, reader));
}

/* A fresh entry of the store; takes the reference over. Without `select`, and with a body in few
 * enough pieces: no allocation, no copy, no waiting. Returns false for the others, entry untouched.
 */
static bool answer_hit(struct request *request, const struct fetch_query *query,
                       const struct fetch_wishes *wishes, struct entry *entry, int64_t now_s)
{
    struct fetch_answer answer;
    struct iovec spans[REPLY_SPANS_MAX];
    int span_count;

    if (query->select != NULL)
        return false;
    span_count = whole_spans(entry, spans);
    if (span_count < 0)
        return false;
    fetch_describe_hit(&answer, entry, now_s);
    if (wishes->has_none_match && fetch_is_not_modified(request, entry))
        reply_not_modified(request, entry, &answer);
    else
        reply_whole(request, entry, spans, span_count, &answer);
    return true;
}

/* A request that cannot be answered at once. `entry` is what the store has, whose reference is
 * taken over, or NULL. */
static void start_reader(struct fetch_context *context, struct request *request,
                         const struct fetch_query *query, const struct fetch_wishes *wishes,
                         struct entry *entry)
{
    struct fetch_reply *self = request_state(request, sizeof *self);
    unsigned flags = wishes->is_fresh_only ? FETCH_FRESH_ONLY : FETCH_NOT_STORED;

    self->request = request;
    if (query->select != NULL) {
        self->select = strdup(query->select);
        if (self->select == NULL) {
            entry_unref(entry);
            problem_send(request, 503, "this server is out of memory", NULL, 0);
            return;
        }
    }
    request->on_gone = on_gone;
    if (entry != NULL)
        fetch_reader_start_hit(&self->reader, context->lane, query->request, &entry, on_progress);
    else
        fetch_reader_start(&self->reader, context->lane, query->request, flags, on_progress);
    advance(self);
}

static void start(struct request *request, void *context_pointer)
{
    struct fetch_context *context = context_pointer;
    const struct fetch_settings *settings = fetcher_settings(fetch_lane_fetcher(context->lane));
    int64_t now_s = fetch_lane_now_s(context->lane);
    const struct fetch_query *query;
    struct fetch_wishes wishes;
    struct entry *entry = NULL;
    int err = fetch_query_read(context->memo, request->query, &query);

    if (err < 0) {
        problem_send(request, err == -ENOMEM ? 503 : 400, fetch_query_error_text(err), NULL, 0);
        return;
    }
    fetch_read_wishes(request, settings->via_name, &wishes);
    if (!wishes.is_fresh_only)
        entry = fetch_lane_lookup(context->lane, &query->request->key, now_s);
    if (entry != NULL && answer_hit(request, query, &wishes, entry, now_s))
        return;
    if (entry == NULL && wishes.is_loop)
        problem_send(request, 508, "this request has come through this server before", NULL, 0);
    else if (entry == NULL && wishes.is_only_if_cached)
        problem_send(request, 504, "not stored, and only-if-cached forbids to fetch it", NULL, 0);
    else
        start_reader(context, request, query, &wishes, entry);
}

static void free_loop(void *context_pointer)
{
    struct fetch_context *context = context_pointer;

    fetch_lane_free(context->lane);
    fetch_query_memo_free(context->memo);
    free(context);
}

static int start_loop(void *shared, struct async_loop *loop, unsigned loop_index,
                      void **ret_context)
{
    struct fetcher *fetcher = shared;
    struct fetch_context *context = calloc(1, sizeof *context);
    int err;

    (void)loop_index;
    if (context == NULL)
        return -ENOMEM;
    err = fetch_query_memo_new(fetcher_store(fetcher), fetcher_policy(fetcher), &context->memo);
    if (err == 0)
        err = fetch_lane_new(fetcher, loop, NULL, NULL, &context->lane);
    if (err < 0) {
        free_loop(context);
        return err;
    }
    *ret_context = context;
    return 0;
}

static void stop_loop(void *context_pointer)
{
    struct fetch_context *context = context_pointer;

    fetch_lane_stop(context->lane);
}

struct server_route fetch_route(struct fetcher *fetcher)
{
    return (struct server_route){
        .path = "/fetch",
        .methods = REQUEST_GET | REQUEST_HEAD,
        .start = start,
        .shared = fetcher,
        .start_loop = start_loop,
        .stop_loop = stop_loop,
        .free_loop = free_loop,
    };
}
