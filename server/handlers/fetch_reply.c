/* SPDX-License-Identifier: MIT */
/*
 * fetch_reply.c - the answer to one request for a URL, to its last byte.
 *
 *   a fresh entry --> one reply by reference
 *   a reader: WAIT_HEAD --> STREAM, piece by piece as the body grows; or parts of it: fetch_range.c
 *                      \--> WAIT_BODY, for select, which needs the whole
 *                      \--> a problem: 403, 502, 503, 504
 *
 * The bytes that are sent lie in the entry and its body; each piece holds a reference to the entry
 * until it is sent. An answer that breaks off is aborted, never ended.
 */
#include "fetch_reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <http/forwarding.h>

#include "../log/log.h"
#include "../problem.h"
#include "../reply.h"
#include "fetch_parts.h"
#include "select.h"

#define RETRY_AFTER_STOP_S "5"

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

void fetch_reply_finish(struct fetch_reply *self)
{
    fetch_reader_leave(&self->reader);
    free(self->select);
    free(self->trailers);
    self->select = NULL;
    self->trailers = NULL;
}

/* What the origin answered is of no use: a problem instead. */
static void fail(struct fetch_reply *self, int status, const char *detail, const char *token)
{
    struct request *request = self->request;
    struct fetch_answer answer;

    fetch_describe(&answer, request, &self->reader, status, token);
    fetch_reply_finish(self);
    problem_send(request, status, detail, answer.fields, answer.count);
}

/* The answer has broken off before the client got anything of it. */
static void replace_broken(struct fetch_reply *self)
{
    if (fetch_reader_start_over(&self->reader))
        fetch_reply_advance(self);
    else
        fail(self, 502, "the origin closed the connection before its answer was complete",
             "connection-broke");
}

/* There is no answer of the origin's. */
static void send_failure(struct fetch_reply *self)
{
    struct request *request = self->request;
    struct fetch_failure failure = self->reader.failure;
    struct fetch_answer answer;

    fetch_describe_failure(&answer, request, &self->reader);
    fetch_reply_finish(self);
    problem_send(request, failure.status, failure.detail, answer.fields, answer.count);
}

void fetch_reply_on_gone(struct request *request)
{
    fetch_reply_finish((struct fetch_reply *)(void *)request->state);
}

/* The server stops, or the client's body is none. */
void fetch_reply_on_refused(struct request *request, int status, const char *detail)
{
    struct fetch_reply *self = (struct fetch_reply *)(void *)request->state;
    struct fetch_answer answer;

    fetch_describe_broken_off(&answer, request, &self->reader,
                              status == 503 ? "stopping" : "request-body");
    if (status == 503)
        answer.fields[answer.count++] = (struct reply_field){"Retry-After", RETRY_AFTER_STOP_S};
    fetch_reply_finish(self);
    problem_send(request, status, detail, answer.fields, answer.count);
}

/* Once for each fetch: by the reader that led it. The client is told less (rule I.17). While an
 * origin is left alone nothing is new of it, and a crowd would fill the log with that. */
static void log_failure(const struct fetch_reader *reader, int status, const char *reason)
{
    char url[256];

    if (reader->source == FETCH_FROM_ORIGIN && !reader->failure.is_unasked)
        log_info("fetch failed", "status=%d reason=%s url=%s", status, reason,
                 log_quote(url, sizeof url, reader->request->url->text,
                           reader->request->url->text_bytes));
}

void fetch_reply_end_body(struct fetch_reply *self, int status)
{
    struct request *request = self->request;
    struct iovec trailers = {.iov_base = self->trailers};

    if (status < 0)
        log_failure(&self->reader, self->reader.entry->status, "broke-off");
    self->trailers = NULL; /* ours until they are copied */
    fetch_reply_finish(self);
    if (trailers.iov_base != NULL)
        trailers.iov_len = strlen(trailers.iov_base);
    if (status == 0)
        reply_end_with_trailers(request, trailers);
    else
        reply_abort(request);
    free(trailers.iov_base);
}

/* Sends what is there, and waits for the client or for the origin, whichever is slower. */
static void stream_whole(struct fetch_reply *self)
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
            fetch_reply_end_body(self, status);
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

static void stream(struct fetch_reply *self)
{
    if (self->range.state == FETCH_RANGE_NONE)
        stream_whole(self);
    else
        fetch_parts_stream(self);
}

/* The client has taken what it was sent. Case 3: one that was too slow is cut, and no other. */
void fetch_reply_on_writable(struct request *request)
{
    struct fetch_reply *self = (struct fetch_reply *)(void *)request->state;

    if (fetch_reader_lags(&self->reader)) {
        fetch_reply_finish(self);
        reply_abort(request);
    } else {
        stream(self);
    }
}

static void start_stream(struct fetch_reply *self, const struct fetch_answer *answer)
{
    struct entry *entry = entry_ref(self->reader.entry);
    struct reply_head head = fetch_head(entry, entry->status, answer);
    struct reply_memory memory = {.release = release_entry, .context = entry};

    self->is_started = true;
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
    fail(self, 502, detail, "not-selectable");
    return true;
}

static void fail_selection(struct fetch_reply *self, int err)
{
    if (err == -ENOENT)
        fail(self, 404, "the JSON body has no value at this pointer", "no-such-value");
    else if (err == -ENOMEM)
        fail(self, 503, "this server is out of memory", "out-of-memory");
    else
        fail(self, 502, "select needs a JSON body, and the origin's is not JSON", "not-json");
}

/* One value of the JSON body, when the whole body is there. */
static void send_selected(struct fetch_reply *self)
{
    struct request *request = self->request;
    struct fetch_answer answer;
    struct reply_field fields[8];
    struct reply_head head = {.status = 200, .fields = fields, .has_account = true};
    char *text;
    int err = select_value(self->reader.entry->body, self->select, &text);

    if (err < 0) {
        fail_selection(self, err);
        return;
    }
    fetch_describe(&answer, request, &self->reader, 200, NULL);
    fields[head.field_count++] = (struct reply_field){"Content-Type", "application/json"};
    fields[head.field_count++] = (struct reply_field){"X-Content-Type-Options", "nosniff"};
    for (size_t i = 0; i < answer.count; i++)
        fields[head.field_count++] = answer.fields[i];
    fetch_reply_finish(self);
    reply_copy(request, &head, text, strlen(text));
    free(text);
}

/* The whole answer, or its head alone, as far as it is there. */
static void send_whole(struct fetch_reply *self, int status)
{
    struct fetch_reader *reader = &self->reader;
    struct request *request = self->request;
    struct entry *entry = reader->entry;
    struct fetch_answer answer;
    struct iovec spans[REPLY_SPANS_MAX];
    int span_count;

    fetch_describe(&answer, request, reader, entry->status, NULL);
    if (request->is_head || entry->status == 304) {
        struct reply_head head = fetch_head(entry, entry->status, &answer);
        struct reply_memory memory = {.release = release_entry, .context = entry_ref(entry)};
        int64_t length_bytes = request->is_head ? reader->length_bytes : REPLY_LENGTH_UNKNOWN;
        fetch_reply_finish(self);
        reply_head_only(request, &head, length_bytes, memory);
    } else if (status == 0 && reader->bytes_before == 0 && self->trailers == NULL &&
               (span_count = whole_spans(entry, spans)) >= 0) {
        entry_ref(entry);
        fetch_reply_finish(self);
        reply_whole(request, entry, spans, span_count, &answer);
    } else {
        start_stream(self, &answer);
    }
}

/* Parts of it, if the request wants some and they can be told. */
static void send_range(struct fetch_reply *self, int status)
{
    struct fetch_answer answer;

    fetch_describe(&answer, self->request, &self->reader, 206, NULL);
    switch (fetch_range_answer(self, &answer)) {
    case FETCH_RANGE_NOT:
        send_whole(self, status);
        break;
    case FETCH_RANGE_BROKEN:
        replace_broken(self);
        break;
    case FETCH_RANGE_ASKED_FOR:
        fetch_reply_advance(self);
        break;
    default:
        break;
    }
}

static void answer_request(struct fetch_reply *self)
{
    struct fetch_reader *reader = &self->reader;
    struct request *request = self->request;
    struct entry *entry = reader->entry;
    int status = fetch_reader_status(reader);
    struct fetch_answer answer;
    struct iovec span;

    if (status < 0) {
        replace_broken(self);
        return;
    }
    if (self->select != NULL && refuse_selection(self))
        return;
    if (self->select != NULL && status == BODY_OPEN) {
        /* Takes what is there so that the wait is for more. */
        while (fetch_reader_spans(reader, &span, 1) > 0)
            body_cursor_advance(&reader->cursor, span.iov_len);
        fetch_reader_wait(reader);
        return;
    }
    if (reader->is_stale)
        log_failure(reader, entry->status, reader->failure.reason);
    if (self->is_bypass) {
        send_whole(self, status);
    } else if (self->select != NULL) {
        send_selected(self);
    } else if (fetch_is_not_modified(request, entry)) {
        fetch_describe(&answer, request, reader, 304, NULL);
        entry_ref(entry);
        fetch_reply_finish(self);
        reply_not_modified(request, entry, &answer);
    } else if (self->range.state == FETCH_RANGE_ASKED) {
        send_range(self, status);
    } else {
        send_whole(self, status);
    }
}

void fetch_reply_advance(struct fetch_reply *self)
{
    switch (self->reader.state) {
    case FETCH_WAITING:
        break;
    case FETCH_FAILED:
        log_failure(&self->reader, self->reader.failure.status, self->reader.failure.reason);
        send_failure(self);
        break;
    case FETCH_ANSWERED:
        if (self->is_started)
            stream(self);
        else
            answer_request(self);
        break;
    }
}

bool fetch_reply_hit(struct request *request, const struct fetch_wishes *wishes,
                     struct entry *entry, int64_t now_s)
{
    struct fetch_answer answer;
    struct iovec spans[REPLY_SPANS_MAX];
    int span_count;

    if (wishes->has_range)
        return false;
    span_count = whole_spans(entry, spans);
    if (span_count < 0)
        return false;
    fetch_describe_hit(&answer, entry, now_s);
    if (wishes->has_condition && fetch_is_not_modified(request, entry))
        reply_not_modified(request, entry, &answer);
    else
        reply_whole(request, entry, spans, span_count, &answer);
    return true;
}
