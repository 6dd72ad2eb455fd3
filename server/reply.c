/* SPDX-License-Identifier: MIT */
/*
 * reply.c - checks the order and the lengths of what handlers answer, and hands it to the carrier.
 * How it looks on the wire: http1_reply.c. When it is sent: connection.c.
 */
#include "reply.h"

#include <assert.h>

#include <http/list.h>

#include "carrier.h"

static const struct reply_memory memory_none = {.release = NULL, .context = NULL};
static const struct iovec trailers_none = {.iov_base = NULL, .iov_len = 0};

static void memory_release(struct reply_memory memory)
{
    if (memory.release != NULL)
        memory.release(memory.context);
}

static size_t spans_bytes(const struct iovec *spans, size_t span_count)
{
    size_t sum = 0;

    for (size_t i = 0; i < span_count; i++)
        sum += spans[i].iov_len;
    return sum;
}

/* Whether a body follows the head at all.
 * Source: RFC 9110 sections 9.3.2, 15.3.5, 15.3.6 and 15.4.5. */
static bool has_body(const struct request *request, int status)
{
    return !request->is_head && status != 204 && status != 205 && status != 304;
}

/* 204 has no length to tell, and 205 has to tell that it has nothing.
 * Source: RFC 9110 sections 8.6 and 15.3.6. */
static int64_t length_to_tell(int status, int64_t length_bytes)
{
    if (status == 204)
        return REPLY_LENGTH_UNKNOWN;
    return status == 205 ? 0 : length_bytes;
}

static void end(struct request *request, struct iovec trailers)
{
    request->progress = REPLY_DONE;
    request->carrier->end(request, trailers);
}

/* Source: RFC 9110 section 10.1.4. */
static bool takes_trailers(const struct request *request)
{
    const struct span *value = request_field(request, "TE");

    for (; value != NULL; value = request_field_next(request, "TE", value)) {
        struct list list;
        struct span member;
        list_init(&list, *value, ',');
        while (list_next(&list, &member)) {
            if (span_equals_ignoring_case(member, span_of_string("trailers")))
                return true;
        }
    }
    return false;
}

void reply_interim(struct request *request, int status, struct iovec prepared)
{
    assert(request->progress == REPLY_NONE);
    assert(status >= 102 && status <= 199);
    if (request->http_version >= 11)
        request->carrier->interim(request, status, prepared);
}

void reply_send(struct request *request, const struct reply_head *head, const struct iovec *spans,
                size_t span_count, struct reply_memory memory)
{
    size_t length = spans_bytes(spans, span_count);
    int64_t told = length_to_tell(head->status, (int64_t)length);

    assert(request->progress == REPLY_NONE);
    assert(span_count <= REPLY_SPANS_MAX);
    if (!has_body(request, head->status) || length == 0) {
        request->carrier->head(request, head, told, false, memory);
    } else {
        /* One release covers both: what is sent in order is released in order. */
        request->carrier->head(request, head, told, true, memory_none);
        (void)request->carrier->body(request, spans, span_count, memory);
    }
    end(request, trailers_none);
}

void reply_copy(struct request *request, const struct reply_head *head, const void *body,
                size_t body_bytes)
{
    bool follows = has_body(request, head->status) && body_bytes > 0;

    assert(request->progress == REPLY_NONE);
    request->carrier->head(request, head, length_to_tell(head->status, (int64_t)body_bytes),
                           follows, memory_none);
    if (follows)
        request->carrier->copy(request, body, body_bytes);
    end(request, trailers_none);
}

void reply_head_only(struct request *request, const struct reply_head *head, int64_t length_bytes,
                     struct reply_memory memory)
{
    assert(request->progress == REPLY_NONE);
    assert(!has_body(request, head->status));
    request->carrier->head(request, head, length_to_tell(head->status, length_bytes), false,
                           memory);
    end(request, trailers_none);
}

void reply_start(struct request *request, const struct reply_head *head, int64_t length_bytes,
                 struct reply_memory memory)
{
    bool follows = has_body(request, head->status);

    assert(request->progress == REPLY_NONE);
    assert(length_bytes >= REPLY_LENGTH_UNKNOWN);
    request->progress = REPLY_STARTED;
    request->body_left_bytes = length_bytes;
    request->is_body_dropped = !follows;
    request->carrier->head(request, head, length_to_tell(head->status, length_bytes),
                           follows && length_bytes != 0, memory);
}

void reply_tunnel(struct request *request, const struct reply_head *head,
                  struct reply_memory memory)
{
    assert(request->progress == REPLY_NONE);
    assert(request->method == REQUEST_CONNECT ? head->status / 100 == 2
                                              : head->status == 101 && request->http_version >= 11);
    request->progress = REPLY_STARTED;
    request->body_left_bytes = REPLY_LENGTH_UNKNOWN;
    request->is_body_dropped = false;
    request->carrier->tunnel(request, head, memory);
}

bool reply_write(struct request *request, const struct iovec *spans, size_t span_count,
                 struct reply_memory memory)
{
    size_t length = spans_bytes(spans, span_count);

    assert(request->progress == REPLY_STARTED);
    assert(span_count <= REPLY_SPANS_MAX);
    assert(length > 0); /* an empty chunk would end the body */
    if (request->is_body_dropped) {
        memory_release(memory);
        return true;
    }
    if (request->body_left_bytes != REPLY_LENGTH_UNKNOWN) {
        assert((uint64_t)length <= (uint64_t)request->body_left_bytes);
        request->body_left_bytes -= (int64_t)length;
    }
    return request->carrier->body(request, spans, span_count, memory);
}

void reply_end(struct request *request)
{
    reply_end_with_trailers(request, trailers_none);
}

void reply_end_with_trailers(struct request *request, struct iovec trailers)
{
    assert(request->progress == REPLY_STARTED);
    if (!request->is_body_dropped && request->body_left_bytes > 0) {
        reply_abort(request);
        return;
    }
    if (trailers.iov_len > 0 && (request->is_body_dropped || !takes_trailers(request)))
        trailers = trailers_none;
    end(request, trailers);
}

void reply_abort(struct request *request)
{
    assert(request->progress != REPLY_DONE);
    request->progress = REPLY_DONE;
    request->carrier->abort(request);
}
