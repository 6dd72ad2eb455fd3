/* SPDX-License-Identifier: MIT */
/* rig.c - see rig.h. */
#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <async/manual_loop.h>

#include "cmocka_all.h"

static int script_start(struct upstream *upstream, struct upstream_call *call)
{
    struct script *script = (struct script *)upstream;

    if (script->fail_starts > 0) {
        script->fail_starts--;
        return -ENOMEM;
    }
    assert_true(script->rig->started < RIG_CALLS_MAX);
    call->backend = script;
    script->rig->calls[script->rig->started++] = call;
    return 0;
}

static void forget(struct rig *rig, struct upstream_call *call)
{
    for (unsigned i = 0; i < rig->started; i++) {
        if (rig->calls[i] == call)
            rig->calls[i] = NULL;
    }
    call->backend = NULL;
}

static void script_cancel(struct upstream_call *call)
{
    struct script *script = call->backend;

    script->rig->cancelled++;
    forget(script->rig, call);
}

static void script_resume(struct upstream_call *call)
{
    ((struct script *)call->backend)->resumes++;
}

static const struct upstream_ops script_ops = {
    .start = script_start,
    .cancel = script_cancel,
    .resume = script_resume,
};

static int64_t wall_clock_s(void *context)
{
    return ((struct rig *)context)->wall_s;
}

static uint64_t not_random(void *context)
{
    return ((struct rig *)context)->random;
}

void rig_new(struct rig *rig, const struct fetch_settings *settings)
{
    struct store_config config = {
        .budget_bytes = 1024 * 1024, .shards_count = 1, .object_share_percent = 50};
    struct fetch_environment environment = {
        .wall_clock_s = wall_clock_s, .random = not_random, .context = rig};

    memset(rig, 0, sizeof *rig);
    if (settings != NULL)
        rig->settings = *settings;
    else
        fetch_settings_default(&rig->settings);
    rig->wall_s = 1000000;
    assert_int_equal(store_new(&config, &rig->store), 0);
    assert_int_equal(fetcher_new(&rig->settings, rig->store, &rig->fetcher), 0);
    for (unsigned i = 0; i < RIG_LANES; i++) {
        rig->scripts[i].upstream.ops = &script_ops;
        rig->scripts[i].rig = rig;
        assert_int_equal(async_manual_loop_new(&rig->loops[i]), 0);
        assert_int_equal(fetch_lane_new(rig->fetcher, rig->loops[i], &rig->scripts[i].upstream,
                                        &environment, &rig->lanes[i]),
                         0);
    }
}

void rig_free(struct rig *rig)
{
    struct fetch_counters counters;

    rig_settle(rig);
    fetcher_read_counters(rig->fetcher, &counters);
    for (unsigned i = 0; i < RIG_LANES; i++)
        fetch_lane_stop(rig->lanes[i]);
    rig_settle(rig);
    fetcher_read_counters(rig->fetcher, &counters);
    assert_int_equal(counters.flights_live, 0);
    for (unsigned i = 0; i < rig->started; i++)
        assert_null(rig->calls[i]);
    for (unsigned i = 0; i < RIG_LANES; i++) {
        fetch_lane_free(rig->lanes[i]);
        async_loop_free(rig->loops[i]);
    }
    fetcher_free(rig->fetcher);
    store_free(rig->store);
}

void rig_settle(struct rig *rig)
{
    unsigned steps;

    do {
        steps = 0;
        for (unsigned i = 0; i < RIG_LANES; i++)
            steps += async_manual_loop_settle(rig->loops[i]);
    } while (steps > 0);
}

void rig_advance(struct rig *rig, int64_t milliseconds)
{
    /* In steps, so that what one loop tells the other arrives at about its time. */
    while (milliseconds > 0) {
        int64_t step = milliseconds < 10 ? milliseconds : 10;
        for (unsigned i = 0; i < RIG_LANES; i++)
            async_manual_loop_advance(rig->loops[i], step * ASYNC_MS);
        rig_settle(rig);
        milliseconds -= step;
    }
}

static void take(struct rig_reader *reader)
{
    struct iovec spans[4];
    int count;

    while ((count = fetch_reader_spans(&reader->reader, spans, 4)) > 0) {
        for (int i = 0; i < count; i++) {
            size_t room = sizeof reader->text - 1 - reader->text_bytes;
            size_t bytes = spans[i].iov_len < room ? spans[i].iov_len : room;
            memcpy(reader->text + reader->text_bytes, spans[i].iov_base, bytes);
            reader->text_bytes += bytes;
            body_cursor_advance(&reader->reader.cursor, spans[i].iov_len);
        }
    }
}

void rig_read(struct rig_reader *reader)
{
    take(reader);
    if (fetch_reader_status(&reader->reader) == BODY_OPEN)
        fetch_reader_wait(&reader->reader);
}

void rig_on_progress(struct fetch_reader *reader)
{
    struct rig_reader *self = async_container_of(reader, struct rig_reader, reader);

    self->told++;
    if (reader->state == FETCH_ANSWERED && !self->is_slow)
        rig_read(self);
}

void rig_prepare(struct rig_reader *reader, unsigned lane)
{
    reader->lane = lane;
    reader->told = 0;
    reader->text_bytes = 0;
    memset(reader->text, 0, sizeof reader->text);
}

static void ask(struct rig *rig, struct rig_reader *reader, unsigned lane, const char *url,
                const struct cache_control *wishes, unsigned flags, struct field_view client)
{
    struct fetch_url *parsed;
    struct fetch_request *request;

    assert_int_equal(fetch_url_parse(url, strlen(url), 8192, &parsed), 0);
    assert_int_equal(
        fetch_request_new(fetcher_policy(rig->fetcher), rig->store, parsed, client, &request), 0);
    fetch_url_unref(parsed);
    rig_prepare(reader, lane);
    fetch_reader_start(&reader->reader, rig->lanes[lane], request, wishes, flags, rig_on_progress);
    if (reader->reader.state == FETCH_ANSWERED && !reader->is_slow)
        rig_read(reader);
    fetch_request_unref(request);
}

void rig_ask_for(struct rig *rig, struct rig_reader *reader, unsigned lane, const char *url,
                 unsigned flags, struct field_view client)
{
    ask(rig, reader, lane, url, NULL, flags, client);
}

void rig_ask_field(struct rig *rig, struct rig_reader *reader, unsigned lane, const char *url,
                   const char *name, const char *value)
{
    struct field field = {span_of_string(name), span_of_string(value)};

    rig_ask_for(rig, reader, lane, url, 0, field_view_of_lines(&field, 1));
}

void rig_ask_with(struct rig *rig, struct rig_reader *reader, unsigned lane, const char *url,
                  unsigned flags)
{
    rig_ask_for(rig, reader, lane, url, flags, field_view_of_lines(NULL, 0));
}

void rig_wish(struct rig *rig, struct rig_reader *reader, unsigned lane, const char *url,
              const char *cache_control)
{
    struct cache_control wishes;

    cache_control_init(&wishes);
    cache_control_add(&wishes, span_of_string(cache_control));
    ask(rig, reader, lane, url, &wishes, 0, field_view_of_lines(NULL, 0));
}

void rig_ask(struct rig *rig, struct rig_reader *reader, unsigned lane, const char *url)
{
    rig_ask_with(rig, reader, lane, url, 0);
}

void rig_leave(struct rig_reader *reader)
{
    fetch_reader_leave(&reader->reader);
}

bool rig_is_whole(const struct rig_reader *reader, const char *text)
{
    return reader->reader.state == FETCH_ANSWERED && body_cursor_is_done(&reader->reader.cursor) &&
           body_status(reader->reader.entry->body) == 0 && strcmp(reader->text, text) == 0;
}

static struct upstream_call *call_of(struct rig *rig, unsigned index)
{
    assert_true(index < rig->started);
    assert_non_null(rig->calls[index]);
    return rig->calls[index];
}

void rig_connect(struct rig *rig, unsigned index)
{
    struct upstream_call *call = call_of(rig, index);

    call->events->on_connecting(call);
    rig_settle(rig);
}

enum upstream_verdict rig_head(struct rig *rig, unsigned index, int status, int64_t length_bytes,
                               const char *field_lines)
{
    struct upstream_call *call = call_of(rig, index);
    enum upstream_verdict verdict;
    struct upstream_head head = {.status = status, .content_length_bytes = length_bytes};
    struct fields fields;

    fields_init(&fields);
    while (*field_lines != '\0') {
        size_t line_bytes = strcspn(field_lines, "\n");
        const char *colon = memchr(field_lines, ':', line_bytes);
        size_t name_bytes = (size_t)(colon - field_lines);
        assert_int_equal(fields_append(&fields, span_of(field_lines, name_bytes),
                                       span_of(colon + 1, line_bytes - name_bytes - 1)),
                         0);
        field_lines += line_bytes + (field_lines[line_bytes] == '\n');
    }
    head.fields = &fields;
    verdict = call->events->on_head(call, &head);
    fields_fini(&fields);
    rig_settle(rig);
    return verdict;
}

enum upstream_verdict rig_data(struct rig *rig, unsigned index, const char *text)
{
    struct upstream_call *call = call_of(rig, index);
    enum upstream_verdict verdict = call->events->on_data(call, text, strlen(text));

    rig_settle(rig);
    return verdict;
}

void rig_done(struct rig *rig, unsigned index, int status)
{
    struct upstream_call *call = call_of(rig, index);

    forget(rig, call);
    call->events->on_done(call, status);
    rig_settle(rig);
}

void rig_answer(struct rig *rig, unsigned index, const char *field_lines, const char *text)
{
    rig_connect(rig, index);
    assert_int_equal(rig_head(rig, index, 200, (int64_t)strlen(text), field_lines), UPSTREAM_GO_ON);
    assert_int_equal(rig_data(rig, index, text), UPSTREAM_GO_ON);
    rig_done(rig, index, 0);
}
