/* SPDX-License-Identifier: MIT */
/*
 * origin.c - the scripted origin: what each exchange answers, and when.
 *
 * All of it is drawn when the exchange starts: the kind of answer, its length, its end. The bytes
 * are a function of key, number of the exchange and place, so that a reader can tell whose they
 * are. It keeps the contract of <fetch/upstream.h>: no event inside start, cancel and resume.
 */
#include <errno.h>
#include <stdio.h>

#include <async/list.h>

#include "flight.h"
#include "sim.h"

#define CHUNK_BYTES_MAX 65536
#define LONG_LINE_NS    (3 * ASYNC_S)

unsigned sim_key_of(struct sim *sim, const struct flight *flight)
{
    for (unsigned i = 0; i < sim->keys_count; i++) {
        if (key_equals(&sim->keys[i].key, &flight->request->key))
            return i;
    }
    sim_fail(sim, "a flight of a key nobody asked for");
}

/* A retry or a redirect belongs to the flight's first exchange. */
static void find_first(struct sim_exchange *exchange)
{
    struct sim *sim = exchange->sim;
    const struct flight *flight = exchange->flight;
    const struct sim_exchange *before = NULL;

    exchange->first = exchange->number;
    exchange->generation = sim->keys[exchange->key].generation;
    if (flight->hops == 0 && flight->retries == 0 && !flight->is_plain_only)
        return;
    for (unsigned i = 0; i < exchange->number; i++) {
        if (sim->exchanges[i].flight == flight)
            before = &sim->exchanges[i];
    }
    if (before != NULL) { /* none: the first start failed for want of memory */
        exchange->first = before->first;
        exchange->generation = before->generation;
        exchange->is_path_private =
            before->is_path_private ||
            (before->is_head_private && !before->is_not_modified && !before->is_part);
        exchange->path_varies =
            before->path_varies | (before->is_not_modified || before->is_part ? 0 : before->varies);
    }
}

static unsigned asked_from(const struct upstream_call *call)
{
    struct span range;
    unsigned from = 0;

    if (call->fields == NULL || !fields_find(call->fields, "Range", &range))
        return 0;
    for (size_t i = sizeof "bytes=" - 1; i < range.length && range.bytes[i] != '-'; i++)
        from = from * 10 + (unsigned)(range.bytes[i] - '0');
    return from;
}

/* Asked for the rest of what another exchange began: mostly it is given, sometimes something else
 * that must not be taken for it. */
static void draw_rest(struct sim_exchange *exchange)
{
    struct sim *sim = exchange->sim;
    struct sim_exchange *begun = sim_exchange_of_entry(sim, exchange->flight->entry);
    size_t from = asked_from(exchange->call);

    if (from == 0 || !begun->is_resumable || from > begun->body_bytes || from != begun->sent_bytes)
        sim_fail(sim, "exchange %u: asks for a rest that there is not", exchange->number);
    exchange->rest = (enum sim_rest)(SIM_REST_RIGHT + sim_below(&sim->random, 5));
    if (exchange->rest != SIM_REST_RIGHT && sim_chance(&sim->random, 50))
        exchange->rest = SIM_REST_RIGHT;
    if (from == begun->body_bytes && exchange->rest != SIM_REST_WHOLE)
        exchange->rest = SIM_REST_NOTHING; /* nobody knew that this had been all */
    if (exchange->rest == SIM_REST_WHOLE || exchange->rest == SIM_REST_NOTHING)
        return;
    exchange->begun = begun;
    exchange->body_bytes = begun->body_bytes;
    exchange->skipped_bytes = from;
    if (exchange->rest == SIM_REST_ELSEWHERE)
        exchange->skipped_bytes = sim_below(&sim->random, (unsigned)begun->body_bytes);
    if (exchange->skipped_bytes == from && exchange->rest == SIM_REST_ELSEWHERE)
        exchange->skipped_bytes--;
    exchange->sent_bytes = exchange->skipped_bytes;
    exchange->length_bytes = sim_chance(&sim->random, 70)
                                 ? (int64_t)(exchange->body_bytes - exchange->skipped_bytes)
                                 : -1;
}

static enum sim_answer draw_answer(struct sim_exchange *exchange)
{
    static const enum sim_answer habits[] = {SIM_STORABLE, SIM_STORABLE, SIM_PRIVATE, SIM_SHARED};
    struct sim_random *random = &exchange->sim->random;
    unsigned habit = exchange->sim->keys[exchange->key].habit;

    if (sim_chance(random, 60))
        return habits[habit % 4];
    return (enum sim_answer)sim_below(random, SIM_NO_CONNECTION + 1);
}

static enum sim_ending draw_ending(struct sim_random *random)
{
    return sim_chance(random, 70) ? SIM_END_WHOLE : (enum sim_ending)sim_below(random, 5);
}

static void draw_script(struct sim_exchange *exchange)
{
    static const int errors[] = {-ENOENT, -ECONNREFUSED, -ETIMEDOUT, -EPROTO, -ECONNRESET, -EACCES};
    struct sim_random *random = &exchange->sim->random;

    exchange->answer = draw_answer(exchange);
    if (exchange->sim->settings.is_transparent && exchange->answer == SIM_REDIRECT)
        exchange->answer = SIM_PRIVATE; /* it would be passed on, as any answer is */
    exchange->ending = draw_ending(random);
    exchange->error = errors[sim_below(random, 6)];
    exchange->body_bytes = sim_below(random, SIM_STORED_MAX + 1);
    if (sim_chance(random, 5)) /* longer than is stored */
        exchange->body_bytes += SIM_STORED_MAX;
    if (exchange->answer == SIM_TOO_LONG)
        exchange->body_bytes += SIM_STORED_MAX + 1;
    if (sim_below(random, 1000) < 3) /* longer than a segment */
        exchange->body_bytes += (1u << 20) + sim_below(random, 2u << 20);
    exchange->length_bytes = -1;
    if (exchange->answer == SIM_TOO_LONG || sim_chance(random, 70))
        exchange->length_bytes = (int64_t)exchange->body_bytes;
}

static int origin_start(struct upstream *upstream, struct upstream_call *call)
{
    struct sim_lane *lane = (struct sim_lane *)upstream;
    struct sim *sim = lane->sim;
    struct flight *flight = async_container_of(call, struct flight, call);
    struct sim_exchange *exchange = &sim->exchanges[sim->exchanges_count];

    if (sim_chance(&sim->random, 2)) {
        sim_trace(sim, "origin: no memory to start");
        return -ENOMEM;
    }
    if (sim->exchanges_count == SIM_EXCHANGES_MAX)
        sim_fail(sim, "fetches without end");
    *exchange = (struct sim_exchange){.sim = sim, .call = call, .flight = flight};
    exchange->number = sim->exchanges_count++;
    exchange->lane = (unsigned)(lane - sim->lanes);
    exchange->key = sim_key_of(sim, flight);
    exchange->is_fresh_only = flight->fresh_only;
    exchange->place = sim_place_of(sim, &flight->key.key, exchange->key);
    exchange->lock_place = sim_place_of(sim, &flight->lock_key.key, exchange->key);
    find_first(exchange);
    sim_vary_start(exchange);
    draw_script(exchange);
    sim_change_draw(exchange);
    if (flight->entry != NULL)
        draw_rest(exchange);
    else
        sim_draw_confirmation(exchange);
    if (flight->entry == NULL)
        sim_part_draw(exchange);
    exchange->next_ns = sim->now_ns + sim_delay_ns(sim);
    if (sim_chance(&sim->random, 3)) /* a name that is looked up slowly, a long line */
        exchange->next_ns += LONG_LINE_NS;
    call->backend = exchange;
    sim_trace(sim, "exchange %u: key %u lane %u answer %d ending %d bytes %zu length %lld",
              exchange->number, exchange->key, exchange->lane, exchange->answer, exchange->ending,
              exchange->body_bytes, (long long)exchange->length_bytes);
    if (exchange->lane < sim->stopped_count)
        sim_fail(sim, "key %u is fetched on a lane that has stopped", exchange->key);
    if (exchange->first == exchange->number && !flight->is_solo && !flight->fresh_only &&
        flight->state != FLIGHT_SUPERSEDED && sim_stored_is_fresh(sim, flight))
        sim_fail(sim, "key %u is fetched while a fresh answer is stored", exchange->key);
    sim_check_spared(exchange);
    return 0;
}

static void end_exchange(struct sim_exchange *exchange)
{
    exchange->call->backend = NULL;
    exchange->call = NULL;
    exchange->stage = SIM_OVER;
    exchange->next_ns = ASYNC_NEVER;
}

static void origin_cancel(struct upstream_call *call)
{
    struct sim_exchange *exchange = call->backend;

    sim_trace(exchange->sim, "exchange %u: cancelled", exchange->number);
    sim_check_cancelled(exchange);
    end_exchange(exchange);
}

static void origin_resume(struct upstream_call *call)
{
    struct sim_exchange *exchange = call->backend;

    if (!exchange->is_paused)
        return;
    exchange->is_paused = false;
    exchange->next_ns = exchange->sim->now_ns;
}

const struct upstream_ops sim_origin_ops = {
    .start = origin_start,
    .cancel = origin_cancel,
    .resume = origin_resume,
};

static void report_done(struct sim_exchange *exchange, int status)
{
    struct upstream_call *call = exchange->call;

    sim_trace(exchange->sim, "exchange %u: done %d", exchange->number, status);
    exchange->is_whole = status == 0 && exchange->sent_bytes == exchange->body_bytes;
    if (exchange->begun != NULL && exchange->rest == SIM_REST_RIGHT)
        exchange->begun->is_whole = exchange->is_whole;
    end_exchange(exchange);
    call->refusal = status == -EACCES ? GUARD_ADDRESS : GUARD_OK;
    call->events->on_done(call, status);
}

static void append_field(struct fields *fields, const char *name, const char *value)
{
    fields_append(fields, span_of_string(name), span_of_string(value));
}

/* The head of what the rest was asked for by. */
static void fill_rest_head(struct sim_exchange *exchange, struct fields *fields)
{
    char text[64];

    if (exchange->begun != NULL) {
        exchange->status = 206;
        snprintf(text, sizeof text, "bytes %zu-%zu/%zu", exchange->skipped_bytes,
                 exchange->body_bytes - 1, exchange->body_bytes);
        append_field(fields, "Content-Range", text);
        snprintf(text, sizeof text, "\"%u\"",
                 exchange->rest == SIM_REST_ANOTHER ? exchange->number : exchange->begun->number);
        append_field(fields, "ETag", text);
    } else if (exchange->rest == SIM_REST_NOTHING) {
        exchange->status = 416;
    }
}

/* What a flight looks for before it asks for the rest of a body. */
static void fill_validators(struct sim_exchange *exchange, struct fields *fields)
{
    struct sim_random *random = &exchange->sim->random;
    bool has_tag = sim_chance(random, 70);
    bool is_weak = sim_chance(random, 10);
    bool has_ranges = sim_chance(random, 80);
    char text[32];

    snprintf(text, sizeof text, "%s\"%u\"", is_weak ? "W/" : "", exchange->number);
    if (has_tag)
        append_field(fields, "ETag", text);
    if (has_ranges)
        append_field(fields, "Accept-Ranges", "bytes");
    exchange->is_resumable = has_tag && !is_weak && has_ranges;
    /* What has no lifetime is kept for the origin to confirm. */
    exchange->is_keepable =
        exchange->method == SIM_GET && exchange->is_for_all &&
        (exchange->answer == SIM_STORABLE || (exchange->answer == SIM_SHARED && has_tag &&
                                              exchange->status < 400 && !exchange->is_redirected));
}

struct directives {
    const char *control;
    bool is_stale_forbidden;
    bool is_for_cookies;    /* it says how long it is fresh, whoever asked */
    bool is_for_authorized; /* RFC 9111 section 3.5 */
};

static void append_control(struct sim_exchange *exchange, struct fields *fields,
                           const struct directives *directives)
{
    append_field(fields, "Cache-Control", directives->control);
    exchange->is_stale_forbidden = directives->is_stale_forbidden;
    exchange->is_for_all =
        (exchange->ask.values[SIM_COOKIE] == 0 || directives->is_for_cookies) &&
        (exchange->ask.values[SIM_AUTHORIZATION] == 0 || directives->is_for_authorized);
}

static void fill_head(struct sim_exchange *exchange, struct fields *fields)
{
    static const char *const privates[] = {"private", "no-store", "private, max-age=60"};
    static const struct directives lasting[] = {
        {"max-age=1", false, true, false},
        {"max-age=60", false, true, false},
        {"public, s-maxage=2", true, true, true},
        {"max-age=1, must-revalidate, stale-if-error=60", true, true, true},
        {"max-age=1, stale-if-error=2", false, true, false},
        {"max-age=1, stale-while-revalidate=2", false, true, false},
    };
    static const struct directives passing[] = {{"max-age=0", false, true, false},
                                                {"no-cache", true, false, false},
                                                {"s-maxage=0", true, true, true}};
    static const int refusals[] = {401, 403, 407, 429};
    static const char *const targets[] = {"/k0", "/k1", "/elsewhere", "http://other.example/", ":"};
    struct sim_random *random = &exchange->sim->random;
    char number[16];
    unsigned kind;

    snprintf(number, sizeof number, "%u", exchange->number);
    append_field(fields, "X-Exchange", number);
    exchange->status = 200;
    switch (exchange->answer) {
    case SIM_PRIVATE:
        append_field(fields, "Cache-Control", privates[sim_below(random, 3)]);
        exchange->is_head_private = true;
        break;
    case SIM_REFUSAL:
        exchange->status = refusals[sim_below(random, 4)];
        if (sim_chance(random, 50))
            append_field(fields, "Cache-Control", "public");
        exchange->is_head_private = true;
        break;
    case SIM_SHARED:
        exchange->status = !exchange->is_not_modified && sim_chance(random, 50) ? 503 : 200;
        kind = sim_below(random, 3);
        append_control(exchange, fields, &passing[kind]);
        if (exchange->status == 503 && sim_chance(random, 30))
            append_field(fields, "Retry-After", "1");
        break;
    case SIM_REDIRECT:
        exchange->status = 302;
        append_field(fields, "Location", targets[sim_below(random, 5)]);
        exchange->is_head_private = sim_chance(random, 30);
        if (exchange->is_head_private)
            append_field(fields, "Cache-Control", "private");
        break;
    case SIM_UNASKED:
        exchange->status = exchange->is_conditional || sim_chance(random, 50) ? 206 : 304;
        break;
    default:
        kind = sim_below(random, sizeof lasting / sizeof *lasting);
        append_control(exchange, fields, &lasting[kind]);
        break;
    }
}

/* A verdict other than "go on" changes the script. */
static void obey(struct sim_exchange *exchange, enum upstream_verdict verdict)
{
    struct sim *sim = exchange->sim;

    exchange->next_ns = sim->now_ns + sim_delay_ns(sim);
    if (verdict == UPSTREAM_STOP)
        exchange->stage = SIM_STOPPED;
    exchange->is_paused = verdict == UPSTREAM_PAUSE;
    if (exchange->is_paused)
        exchange->next_ns = ASYNC_NEVER;
}

static void send_head(struct sim_exchange *exchange)
{
    struct sim *sim = exchange->sim;
    struct upstream_head head = {.content_length_bytes = exchange->length_bytes};
    struct fields fields;
    unsigned shortage = sim_memory_fail(0); /* meant for the product, not for us */

    fields_init(&fields);
    exchange->is_redirected = exchange->flight->hops > 0;
    fill_head(exchange, &fields);
    if (exchange->is_not_modified) {
        sim_fill_confirmation(exchange, &fields);
        exchange->is_keepable = exchange->answer != SIM_PRIVATE;
        head.content_length_bytes = 0;
    } else if (exchange->rest == SIM_REST_NOT_ASKED) {
        fill_validators(exchange, &fields);
        if (exchange->is_part)
            sim_part_fill(exchange, &fields);
    } else {
        fill_rest_head(exchange, &fields);
    }
    if (exchange->rest == SIM_REST_NOT_ASKED)
        sim_vary_fill(exchange, &fields);
    head.status = exchange->status;
    head.fields = &fields;
    sim_trace(sim, "exchange %u: head %d", exchange->number, head.status);
    exchange->stage = exchange->sent_bytes < exchange->body_bytes ? SIM_BODY : SIM_END;
    /* Who insisted has got an answer, perhaps under another key, by what it varies. */
    sim->places[exchange->place].spared_until_ns = 0;
    sim_memory_fail(shortage);
    obey(exchange, sim_change_tell_head(exchange, &head));
    exchange->place = sim_place_of(sim, &exchange->flight->key.key, exchange->key);
    sim->places[exchange->place].spared_until_ns = 0;
    fields_fini(&fields);
}

/* How far the body comes before its ending. */
static size_t bytes_to_send(const struct sim_exchange *exchange)
{
    return exchange->ending == SIM_END_WHOLE || exchange->ending == SIM_END_EXCESS
               ? exchange->body_bytes
               : exchange->skipped_bytes + (exchange->body_bytes - exchange->skipped_bytes) / 2;
}

static void send_chunk(struct sim_exchange *exchange)
{
    static unsigned char chunk[CHUNK_BYTES_MAX];
    struct sim_random *random = &exchange->sim->random;
    size_t left = bytes_to_send(exchange) - exchange->sent_bytes;
    size_t count =
        exchange->body_bytes > (1u << 20) ? CHUNK_BYTES_MAX : 1 + sim_below(random, SIM_STORED_MAX);
    unsigned content = exchange->begun != NULL && exchange->rest != SIM_REST_ANOTHER
                           ? exchange->begun->number
                           : exchange->number;
    enum upstream_verdict verdict;

    if (left == 0) {
        exchange->stage = SIM_END;
        return;
    }
    if (count > left)
        count = left;
    for (size_t i = 0; i < count; i++)
        chunk[i] = sim_content_byte(content, exchange->key, exchange->sent_bytes + i);
    verdict = exchange->call->events->on_data(exchange->call, (const char *)chunk, count);
    sim_trace(exchange->sim, "exchange %u: %zu bytes, verdict %d", exchange->number, count,
              verdict);
    if (verdict == UPSTREAM_GO_ON) {
        exchange->sent_bytes += count;
        if (exchange->sent_bytes == bytes_to_send(exchange))
            exchange->stage = SIM_END;
    }
    obey(exchange, verdict);
}

/* Never taken by who was told a length; the body of a redirect, or of what is asked
 * for again, is nobody's. */
static void send_excess(struct sim_exchange *exchange)
{
    enum upstream_verdict verdict =
        exchange->call->events->on_data(exchange->call, "excess", sizeof "excess");

    if (verdict == UPSTREAM_GO_ON && exchange->answer != SIM_REDIRECT &&
        !exchange->flight->is_asking_again)
        sim_fail(exchange->sim, "bytes beyond the announced length were taken");
    if (verdict == UPSTREAM_GO_ON)
        exchange->ending = SIM_END_WHOLE;
    obey(exchange, verdict);
}

static void send_end(struct sim_exchange *exchange)
{
    switch (exchange->ending) {
    case SIM_END_RESET:
        report_done(exchange, -ECONNRESET);
        return;
    case SIM_END_STALL:
        exchange->next_ns = ASYNC_NEVER;
        return;
    case SIM_END_EXCESS:
        if (exchange->length_bytes >= 0) {
            send_excess(exchange);
            return;
        }
        break;
    default:
        break;
    }
    /* Without a length, and with an orderly end, nobody can know that there was to be more. */
    if (exchange->length_bytes < 0 && exchange->begun == NULL && !exchange->is_part)
        exchange->body_bytes = exchange->sent_bytes;
    report_done(exchange, 0);
}

void sim_origin_act(struct sim_exchange *exchange)
{
    struct sim *sim = exchange->sim;

    switch (exchange->stage) {
    case SIM_CONNECT:
        if (exchange->answer == SIM_NO_CONNECTION && exchange->error != -ECONNRESET) {
            report_done(exchange, exchange->error);
            return;
        }
        exchange->stage = SIM_HEAD;
        exchange->next_ns = sim->now_ns + sim_delay_ns(sim);
        exchange->call->events->on_connecting(exchange->call);
        return;
    case SIM_HEAD:
        if (exchange->answer == SIM_NO_CONNECTION)
            report_done(exchange, exchange->error);
        else if (exchange->answer == SIM_SILENT)
            exchange->next_ns = ASYNC_NEVER;
        else
            send_head(exchange);
        return;
    case SIM_BODY:
        send_chunk(exchange);
        return;
    case SIM_END:
        send_end(exchange);
        return;
    case SIM_STOPPED:
        report_done(exchange, -ECANCELED);
        return;
    case SIM_OVER:
        sim_fail(sim, "exchange %u goes on after its end", exchange->number);
    }
}
