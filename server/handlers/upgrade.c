/* SPDX-License-Identifier: MIT */
/*
 * upgrade.c - see upgrade.h. The two ends, and who waits for whom:
 *
 *      client --request_body_look--> the piece stays in the client's buffer until the origin takes
 * it origin --on_data--> a copy --reply_write--> refused while the client takes no more
 *
 * Before 101 the client's bytes are not looked at. After any other head it is an ordinary answer,
 * which nobody shares and which is not stored. As with CONNECT, a client that has ended its side
 * still gets the rest, and the origin's end ends both.
 */
#include "upgrade.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fetch/upgrade.h>
#include <http/upgrade.h>

#include "../log/log.h"
#include "../problem.h"
#include "../reply.h"
#include "cache_status.h"

struct upgrade {
    struct request *request;
    struct fetch_upgrade *origin;
    struct fetch_request *asked; /* a reference */
    struct upstream_body body;   /* what the client says in the other protocol */
    bool is_started;             /* the head has gone to the client */
    bool is_client_full;
};

static_assert(sizeof(struct upgrade) <= REQUEST_STATE_BYTES, "has room in each request");

static struct upgrade *upgrade_from(struct request *request)
{
    return (struct upgrade *)(void *)request->state;
}

bool upgrade_is_wanted(const struct request *request, const char *const *allowed,
                       size_t allowed_count, struct span *ret_protocol)
{
    return allowed_count > 0 && (request->about & REQUEST_ABOUT_MESSAGE) != 0 &&
           request->method == REQUEST_GET && request->http_version == 11 &&
           request->body_length == 0 &&
           upgrade_wanted(request_fields(request), allowed, allowed_count, ret_protocol);
}

static void leave_origin(struct upgrade *self)
{
    fetch_upgrade_free(self->origin);
    fetch_request_unref(self->asked);
}

/* What is said of caching, and of how long it took. */
struct account {
    char cache_status[CACHE_STATUS_BYTES];
    char timing[SERVER_TIMING_BYTES];
    char retry_after[24];
    struct reply_field fields[4];
    size_t count;
};

static void add_field(struct account *account, const char *name, const char *value)
{
    account->fields[account->count++] = (struct reply_field){name, value};
}

/* `led_ns`: when the origin was asked; 0: it was not. */
static void write_account(struct account *account, const struct request *request, int64_t led_ns,
                          const char *detail)
{
    const struct cache_status status = {
        .forward = led_ns != 0 ? CACHE_FORWARD_BYPASS : CACHE_NOT_FORWARDED, .detail = detail};
    int64_t now_ns = async_loop_now_ns(request->loop);

    cache_status_write(&status, account->cache_status);
    add_field(account, "Cache-Status", account->cache_status);
    if (led_ns != 0)
        server_timing_write(led_ns - request->start_ns, now_ns - led_ns, account->timing);
    add_field(account, "Server-Timing", led_ns != 0 ? account->timing : SERVER_TIMING_NO_WAIT);
}

/* A problem, and the end of the connection. */
static void refuse(struct request *request, int status, const char *detail, struct account *account)
{
    const struct reply_head head = {.status = status,
                                    .fields = account->fields,
                                    .has_account = true,
                                    .closes = true,
                                    .field_count = account->count};
    char body[PROBLEM_BYTES_MAX];

    reply_copy(request, &head, body, problem_format(body, status, detail));
}

static void refuse_unasked(struct request *request, int status, const char *detail,
                           const char *token)
{
    struct account account = {.count = 0};

    add_field(&account, "Content-Type", "application/problem+json");
    write_account(&account, request, 0, token);
    refuse(request, status, detail, &account);
}

void upgrade_refuse_bad(struct request *request, int err)
{
    if (err == -ENOMEM)
        refuse_unasked(request, 503, "this server is out of memory", "out-of-memory");
    else
        refuse_unasked(request, 400, fetch_url_error_text(err), "bad-target");
}

static void log_failure(const struct fetch_url *url, const struct fetch_failure *failure)
{
    char text[256];

    if (!failure->is_unasked)
        log_info("upgrade failed", "status=%d reason=%s url=%s", failure->status, failure->reason,
                 log_quote(text, sizeof text, url->text, url->text_bytes));
}

/* The origin gave no answer. What is not known about it the client is not told either. */
static void refuse_failed(struct request *request, const struct fetch_url *url, int64_t led_ns,
                          int err)
{
    struct fetch_failure failure = fetch_upgrade_failure(err);
    struct account account = {.count = 0};

    log_failure(url, &failure);
    add_field(&account, "Content-Type", "application/problem+json");
    write_account(&account, request, failure.is_unasked ? 0 : led_ns,
                  fetch_token_of_failure(&failure));
    if (failure.retry_after_s > 0) {
        cache_status_number(account.retry_after, failure.retry_after_s);
        add_field(&account, "Retry-After", account.retry_after);
    }
    refuse(request, failure.status, failure.detail, &account);
}

/* The lines that go on to the client; `via_name` NULL: those of an interim head. Returns NULL
 * without memory. */
static char *write_lines(const struct upstream_head *head, const char *via_name, size_t *ret_bytes)
{
    char *lines = NULL;
    FILE *file = open_memstream(&lines, ret_bytes);
    size_t position = 0;
    struct field field;

    if (file == NULL)
        return NULL;
    while (fields_next(head->fields, &position, &field)) {
        if (!fields_is_hop_by_hop(head->fields, field.name) &&
            !span_equals_ignoring_case(field.name, span_of_string("Content-Length")))
            fprintf(file, "%.*s: %.*s\r\n", (int)field.name.length, field.name.bytes,
                    (int)field.value.length, field.value.bytes);
    }
    if (head->status == 101 && fields_find(head->fields, "Upgrade", &field.value))
        fprintf(file, "Connection: upgrade\r\nUpgrade: %.*s\r\n", (int)field.value.length,
                field.value.bytes);
    if (via_name != NULL)
        fprintf(file, "Via: 1.1 %s\r\n", via_name);
    if (fclose(file) != 0) {
        free(lines);
        return NULL;
    }
    return lines;
}

/* What the origin tells. */

static void on_interim(void *context, const struct upstream_head *head)
{
    struct upgrade *self = context;
    struct iovec span;

    span.iov_base = write_lines(head, NULL, &span.iov_len);
    if (span.iov_base != NULL)
        reply_interim(self->request, head->status, span);
    free(span.iov_base);
}

static enum upstream_verdict on_head(void *context, const struct upstream_head *head)
{
    struct upgrade *self = context;
    struct reply_head reply = {.status = head->status, .closes = head->status != 101};
    struct reply_memory memory = {.release = free};
    struct account account = {.count = 0};

    write_account(&account, self->request, fetch_upgrade_led_ns(self->origin), NULL);
    reply.prepared.iov_base = memory.context =
        write_lines(head, self->asked->policy->settings.via_name, &reply.prepared.iov_len);
    if (memory.context == NULL)
        return UPSTREAM_STOP;
    reply.has_date = fields_has(head->fields, "Date");
    reply.fields = account.fields;
    reply.has_account = true;
    reply.field_count = account.count;
    self->is_started = true;
    if (head->status == 101)
        reply_tunnel(self->request, &reply, memory);
    else
        reply_start(self->request, &reply,
                    head->status == 304 ? REPLY_LENGTH_UNKNOWN : head->content_length_bytes,
                    memory);
    return UPSTREAM_GO_ON;
}

static enum upstream_verdict on_data(void *context, const char *bytes, size_t count)
{
    struct upgrade *self = context;
    struct reply_memory memory = {.release = free};
    struct iovec span = {.iov_len = count};

    if (self->is_client_full)
        return UPSTREAM_PAUSE;
    span.iov_base = malloc(count);
    if (span.iov_base == NULL)
        return UPSTREAM_STOP;
    memcpy(span.iov_base, bytes, count);
    memory.context = span.iov_base;
    self->is_client_full = !reply_write(self->request, &span, 1, memory);
    return UPSTREAM_GO_ON;
}

static void on_end(void *context, int status)
{
    struct upgrade *self = context;
    struct request *request = self->request;
    int64_t led_ns = fetch_upgrade_led_ns(self->origin);
    struct fetch_url *url = fetch_url_ref(self->asked->url);
    bool is_started = self->is_started;

    leave_origin(self);
    if (!is_started)
        refuse_failed(request, url, led_ns, status);
    else if (status == 0)
        reply_end(request);
    else
        reply_abort(request);
    fetch_url_unref(url);
}

static const struct fetch_upgrade_events events = {
    .on_interim = on_interim, .on_head = on_head, .on_data = on_data, .on_end = on_end};

/* What the client says in the other protocol. */

static enum upstream_body_state look_at_body(struct upstream_body *body, struct span *ret_piece)
{
    struct upgrade *self = async_container_of(body, struct upgrade, body);

    switch (request_body_look(self->request, ret_piece)) {
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
    request_body_take(async_container_of(body, struct upgrade, body)->request, length);
}

static void on_body(struct request *request)
{
    fetch_upgrade_resume(upgrade_from(request)->origin);
}

static void on_writable(struct request *request)
{
    struct upgrade *self = upgrade_from(request);

    self->is_client_full = false;
    fetch_upgrade_resume(self->origin);
}

static void on_gone(struct request *request)
{
    leave_origin(upgrade_from(request));
}

/* The server stops. */
static void on_refused(struct request *request, int status, const char *detail)
{
    struct upgrade *self = upgrade_from(request);
    struct account account = {.count = 0};

    add_field(&account, "Content-Type", "application/problem+json");
    write_account(&account, request, fetch_upgrade_led_ns(self->origin), "stopping");
    add_field(&account, "Retry-After", "5");
    leave_origin(self);
    refuse(request, status, detail, &account);
}

void upgrade_start(struct request *request, struct fetch_lane *lane, struct fetch_request *asked,
                   const struct fetch_wishes *wishes)
{
    struct upgrade *self;
    int err;

    if (wishes->is_loop) {
        refuse_unasked(request, 508, "this request has come through this server before", "loop");
        return;
    }
    if (fetch_is_only_if_cached(wishes)) {
        refuse_unasked(request, 504, "not stored, and only-if-cached forbids to fetch it",
                       "only-if-cached");
        return;
    }
    self = request_state(request, sizeof *self);
    self->request = request;
    self->body = (struct upstream_body){
        .length_bytes = REQUEST_LENGTH_UNKNOWN, .look = look_at_body, .take = take_of_body};
    err = fetch_upgrade_new(lane, asked, &self->body, &events, self, &self->origin);
    if (err < 0) {
        refuse_failed(request, asked->url, 0, err);
        return;
    }
    self->asked = fetch_request_ref(asked);
    request->on_gone = on_gone;
    request->on_refused = on_refused;
    request->on_body = on_body;
    request->on_writable = on_writable;
}
