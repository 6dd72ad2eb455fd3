/* SPDX-License-Identifier: MIT */
/*
 * fetch_start.c - how a request that cannot be answered at once gets its reader: of /fetch, of a
 * proxy, or past the cache with the client's body; and what else than an answer reaches the client:
 * interim heads and trailers. The answer itself: fetch_reply.c.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../reply.h"
#include "fetch_reply.h"

#define LINES_BYTES_MAX 8192 /* of fields; what is beyond is left out */

static_assert(sizeof(struct fetch_reply) <= REQUEST_STATE_BYTES, "has room in each request");

/* Lines "Name: value" of what is meant for the client; returns how many bytes, without the zero.
 * None of them may frame a body: RFC 9110 section 8.6 forbids it before the answer, and behind the
 * body it comes too late. */
static size_t write_lines(const struct fields *fields, char lines[LINES_BYTES_MAX])
{
    size_t used = 0;
    size_t position = 0;
    struct field field;

    while (fields_next(fields, &position, &field)) {
        size_t bytes = field.name.length + field.value.length + 4;
        if (fields_is_hop_by_hop(fields, field.name) ||
            span_equals_ignoring_case(field.name, span_of_string("Content-Length")) ||
            bytes >= LINES_BYTES_MAX - used)
            continue;
        used += (size_t)snprintf(lines + used, LINES_BYTES_MAX - used, "%.*s: %.*s\r\n",
                                 (int)field.name.length, field.name.bytes, (int)field.value.length,
                                 field.value.bytes);
    }
    return used;
}

static void on_interim(struct fetch_reader *reader, int status, const struct fields *fields)
{
    struct fetch_reply *self = async_container_of(reader, struct fetch_reply, reader);
    char lines[LINES_BYTES_MAX];
    size_t used = write_lines(fields, lines);

    reply_interim(self->request, status, (struct iovec){.iov_base = lines, .iov_len = used});
}

/* Without memory for them they are left out, as any recipient may. RFC 9110 section 6.5.1. */
static void on_trailers(struct fetch_reader *reader, const struct fields *trailers)
{
    struct fetch_reply *self = async_container_of(reader, struct fetch_reply, reader);
    char lines[LINES_BYTES_MAX];
    size_t used = write_lines(trailers, lines);

    free(self->trailers);
    self->trailers = used > 0 ? strndup(lines, used) : NULL;
}

static void on_progress(struct fetch_reader *reader)
{
    fetch_reply_advance(async_container_of(reader, struct fetch_reply, reader));
}

/* Sets the reply up; it is not started yet. */
static struct fetch_reply *reply_of(struct request *request)
{
    struct fetch_reply *self = request_state(request, sizeof *self);

    self->request = request;
    request->on_gone = fetch_reply_on_gone;
    request->on_refused = fetch_reply_on_refused;
    request->on_writable = fetch_reply_on_writable;
    return self;
}

/* Of an answer that goes to the client as it comes: a part of one has no end where they would be.
 */
static fetch_trailers_fn *trailers_wanted(const struct fetch_reply *self)
{
    return self->select == NULL && self->range.state == FETCH_RANGE_NONE &&
                   forwarding_wants_trailers(request_fields(self->request))
               ? on_trailers
               : NULL;
}

static void start_reader(struct fetch_reply *self, struct fetch_lane *lane,
                         struct fetch_request *asked, const struct fetch_wishes *wishes,
                         unsigned flags, struct entry *entry)
{
    if (entry != NULL)
        fetch_reader_start_hit(&self->reader, lane, asked, &entry, on_progress);
    else
        fetch_reader_start(&self->reader, lane, asked, fetch_wished_control(wishes), flags,
                           on_progress);
    self->reader.on_interim = on_interim;
    self->reader.on_trailers = trailers_wanted(self);
    fetch_reply_advance(self);
}

static int make_asked(struct fetch_reply *self, struct fetch_request *plain,
                      const struct store *store, struct fetch_request **ret_asked)
{
    struct field_view fields = request_fields(self->request);

    if (fetch_range_may_be_asked_for(self->request, &self->range))
        return fetch_request_for_part(plain, store, fields, ret_asked);
    return fetch_request_for(plain, store, fields, ret_asked);
}

void fetch_reply_start(struct request *request, struct fetch_lane *lane,
                       const struct fetch_query *query, const struct fetch_wishes *wishes,
                       struct entry *entry)
{
    struct fetch_reply *self = reply_of(request);
    struct fetch_request *asked;

    if (query->select == NULL)
        fetch_range_read(request, &self->range);
    self->select = query->select != NULL ? strdup(query->select) : NULL;
    if ((query->select != NULL && self->select == NULL) ||
        make_asked(self, query->request, fetcher_store(fetch_lane_fetcher(lane)), &asked) < 0) {
        free(self->select);
        entry_unref(entry);
        fetch_refuse(request, 503, "this server is out of memory", "out-of-memory");
        return;
    }
    start_reader(self, lane, asked, wishes, FETCH_NOT_STORED, entry);
    fetch_request_unref(asked);
}

void fetch_reply_start_proxied(struct request *request, struct fetch_lane *lane,
                               struct fetch_request *asked, const struct fetch_wishes *wishes,
                               struct entry *entry)
{
    struct fetch_reply *self = reply_of(request);

    fetch_range_read(request, &self->range);
    /* With what the origin gets there may be something, where the client's own fields found none.
     */
    start_reader(self, lane, asked, wishes, 0, entry);
}

/* The body of the client's request, on its way to the origin. */

static struct fetch_reply *reply_of_body(struct upstream_body *body)
{
    return async_container_of(body, struct fetch_reply, body);
}

static enum upstream_body_state look_at_body(struct upstream_body *body, struct span *ret_piece)
{
    switch (request_body_look(reply_of_body(body)->request, ret_piece)) {
    case REQUEST_BODY_PIECE:
        return UPSTREAM_BODY_PIECE;
    case REQUEST_BODY_LATER:
        return UPSTREAM_BODY_LATER;
    case REQUEST_BODY_END:
        break;
    }
    return UPSTREAM_BODY_END;
}

static void take_of_body(struct upstream_body *body, size_t length)
{
    request_body_take(reply_of_body(body)->request, length);
}

static void on_body(struct request *request)
{
    fetch_reader_body_ready(&((struct fetch_reply *)(void *)request->state)->reader);
}

void fetch_reply_start_bypass(struct request *request, struct fetch_lane *lane,
                              struct fetch_request *asked)
{
    struct fetch_reply *self = reply_of(request);
    /* What comes with a HEAD means nothing (RFC 9110 section 9.3.2), and stays here. */
    bool has_body = request->body_length != 0 && !request->is_head;

    self->is_bypass = true;
    self->body = (struct upstream_body){
        .length_bytes = request->body_length, .look = look_at_body, .take = take_of_body};
    if (has_body)
        request->on_body = on_body;
    fetch_reader_start_bypass(&self->reader, lane, asked, has_body ? &self->body : NULL, on_interim,
                              on_progress);
    self->reader.on_trailers = trailers_wanted(self);
    fetch_reply_advance(self);
}
