/* SPDX-License-Identifier: MIT */
/* trial.c - see trial.h. */
#include "trial.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURN_MS          2
#define PROBE_LIMIT_MS   2000
#define SETTLE_TIMES_MAX 20
#define NS_PER_MS        1000000

const struct answer answer_storable = {
    .status = 200, .fields = "Cache-Control: max-age=60\r\n", .body_bytes = 1024};

void trial_begin(struct trial *trial, struct world *world, struct origin *origin,
                 const struct options *options)
{
    memset(trial, 0, sizeof(*trial));
    trial->world = world;
    trial->origin = origin;
    trial->options = options;
    trial->began_ns = world_now_ns();
}

void trial_end(struct trial *trial)
{
    for (size_t i = 0; i < trial->client_count; i++)
        client_free(trial->clients[i]);
    trial->client_count = 0;
    origin_remove_all(trial->origin);
}

struct resource *trial_resource(struct trial *trial, const struct answer *answer)
{
    return origin_add(trial->origin, answer);
}

struct resource *trial_held(struct trial *trial, const struct answer *answer)
{
    struct resource *resource = origin_add(trial->origin, answer);

    resource->is_held = true;
    return resource;
}

struct client *trial_ask(struct trial *trial, struct resource *resource,
                         const struct request *request)
{
    struct request asked = request != NULL ? *request : (struct request){0};
    char path[512];

    if (trial->client_count == TRIAL_CLIENTS_MAX) {
        fprintf(stderr, "collapsing: at most %d clients in a case\n", TRIAL_CLIENTS_MAX);
        exit(2);
    }
    snprintf(path, sizeof(path), "/%s/%s", resource->token, asked.path != NULL ? asked.path : "");
    asked.path = path;
    struct client *client = client_new(trial->world, &trial->options->target, &asked);
    trial->clients[trial->client_count++] = client;
    return client;
}

struct crowd trial_crowd(struct trial *trial, struct resource *resource, size_t count,
                         const struct request *request)
{
    struct crowd crowd = {&trial->clients[trial->client_count], count};

    for (size_t i = 0; i < count; i++)
        trial_ask(trial, resource, request);
    return crowd;
}

struct client *trial_get_with(struct trial *trial, struct resource *resource, const char *fields)
{
    struct client *client = trial_ask(trial, resource, &(struct request){.fields = fields});

    trial_await_end(trial, client);
    return client;
}

struct client *trial_get(struct trial *trial, struct resource *resource)
{
    return trial_get_with(trial, resource, NULL);
}

/* One turn of the loop; false once the time of the case, or the given one, is over. */
static bool turn(struct trial *trial, int64_t until_ns)
{
    int64_t end_ns = trial->began_ns + (int64_t)trial->options->limit_ms * NS_PER_MS;
    int64_t now_ns;

    world_turn(trial->world, TURN_MS);
    origin_resume(trial->origin);
    now_ns = world_now_ns();
    if (now_ns >= end_ns)
        trial->is_out_of_time = true;
    return now_ns < until_ns && !trial->is_out_of_time;
}

static int64_t after_ms(unsigned ms)
{
    return world_now_ns() + (int64_t)ms * NS_PER_MS;
}

struct client *trial_get_until_good(struct trial *trial, struct resource *resource,
                                    unsigned within_ms)
{
    int64_t until_ns = after_ms(within_ms);
    struct client *client = trial_get(trial, resource);

    while (!client_is_good(client, 200) && world_now_ns() < until_ns && !trial->is_out_of_time) {
        trial_pass(trial, 100);
        client = trial_get(trial, resource);
    }
    return client;
}

bool trial_await_hits_for(struct trial *trial, const struct resource *resource, unsigned hits,
                          unsigned within_ms)
{
    int64_t until_ns = after_ms(within_ms);

    while (resource->hits < hits && turn(trial, until_ns))
        ;
    return resource->hits >= hits;
}

bool trial_await_hits(struct trial *trial, const struct resource *resource, unsigned hits)
{
    return trial_await_hits_for(trial, resource, hits, trial->options->limit_ms);
}

bool trial_await_abandoned_for(struct trial *trial, const struct resource *resource,
                               unsigned within_ms)
{
    int64_t until_ns = after_ms(within_ms);

    while (resource->abandoned == 0 && turn(trial, until_ns))
        ;
    return resource->abandoned > 0;
}

bool trial_await_end(struct trial *trial, const struct client *client)
{
    while (!client_is_over(client) && turn(trial, INT64_MAX))
        ;
    return client_is_over(client);
}

bool trial_await_crowd(struct trial *trial, struct crowd crowd)
{
    bool is_over = true;

    for (size_t i = 0; i < crowd.count; i++)
        is_over = trial_await_end(trial, crowd.clients[i]) && is_over;
    return is_over;
}

bool trial_await_bytes_for(struct trial *trial, const struct client *client, size_t bytes,
                           unsigned within_ms)
{
    int64_t until_ns = after_ms(within_ms);

    while (client->reply.body_bytes < bytes && !client_is_over(client) && turn(trial, until_ns))
        ;
    return client->reply.body_bytes >= bytes;
}

bool trial_await_crowd_bytes(struct trial *trial, struct crowd crowd, size_t bytes)
{
    bool have_all = true;

    for (size_t i = 0; i < crowd.count; i++)
        have_all = trial_await_bytes_for(trial, crowd.clients[i], bytes, 2000) && have_all;
    return have_all;
}

bool trial_await_sent(struct trial *trial, struct crowd crowd)
{
    bool have_all = true;

    for (size_t i = 0; i < crowd.count; i++) {
        while (crowd.clients[i]->sent_ns == 0 && !client_is_over(crowd.clients[i]) &&
               turn(trial, INT64_MAX))
            ;
        have_all = have_all && crowd.clients[i]->sent_ns != 0;
    }
    return have_all;
}

/* A number that changes with all that can be seen to happen. */
static size_t count_events(const struct trial *trial)
{
    size_t count = origin_events(trial->origin);

    for (size_t i = 0; i < trial->client_count; i++)
        count += trial->clients[i]->reply.body_bytes + trial->clients[i]->reply.head_bytes +
                 (client_is_over(trial->clients[i]) ? 1 : 0);
    return count;
}

void trial_settle(struct trial *trial)
{
    static const struct answer uncacheable = {
        .status = 200, .fields = "Cache-Control: no-store\r\n", .body_bytes = 16};
    struct crowd everybody = {trial->clients, trial->client_count};
    struct resource *probed = trial_resource(trial, &uncacheable);
    struct client *probe;
    int64_t until_ns = after_ms(PROBE_LIMIT_MS);
    size_t seen;

    trial_await_sent(trial, everybody);
    probe = trial_ask(trial, probed, NULL);
    while (!client_is_over(probe) && turn(trial, until_ns))
        ;
    for (unsigned i = 0; i < SETTLE_TIMES_MAX; i++) {
        seen = count_events(trial);
        trial_pass(trial, trial->options->settle_ms);
        if (count_events(trial) == seen)
            break;
    }
}

struct crowd trial_gather(struct trial *trial, struct resource *resource, size_t count,
                          const struct request *request)
{
    struct crowd crowd = trial_crowd(trial, resource, count, request);

    trial_await_hits(trial, resource, 1);
    trial_settle(trial);
    return crowd;
}

struct resource *trial_serve_half(struct trial *trial, const struct answer *answer,
                                  struct client **ret_first)
{
    struct resource *resource = trial_resource(trial, answer);
    struct client *first = trial_ask(trial, resource, NULL);

    trial_let_body(trial, resource, answer->body_bytes / 2);
    trial_await_hits(trial, resource, 1);
    trial_await_bytes_for(trial, first, 1, 2000);
    trial_settle(trial);
    *ret_first = first;
    return resource;
}

void trial_turn(struct trial *trial)
{
    turn(trial, INT64_MAX);
}

void trial_pass(struct trial *trial, unsigned ms)
{
    int64_t until_ns = after_ms(ms);

    while (turn(trial, until_ns))
        ;
}

void trial_release(struct trial *trial, struct resource *resource)
{
    resource->is_held = false;
    origin_resume(trial->origin);
}

void trial_release_number(struct trial *trial, struct resource *resource, unsigned number)
{
    for (struct exchange *exchange = resource->exchanges; exchange != NULL;
         exchange = exchange->next) {
        if (exchange->number == number)
            exchange->is_free = true;
    }
    origin_resume(trial->origin);
}

void trial_let_body(struct trial *trial, struct resource *resource, size_t bytes)
{
    resource->body_limit_bytes = bytes;
    origin_resume(trial->origin);
}

/* Adds to the text, behind "; " if there is some. What has no room is left out. */
__attribute__((format(printf, 2, 0))) static void add_text(char text[TRIAL_TEXT_BYTES],
                                                           const char *format, va_list values)
{
    size_t length = strlen(text);

    if (length > 0)
        length += (size_t)snprintf(text + length, TRIAL_TEXT_BYTES - length, "; ");
    if (length < TRIAL_TEXT_BYTES)
        vsnprintf(text + length, TRIAL_TEXT_BYTES - length, format, values);
}

void trial_expect(struct trial *trial, bool is_so, const char *format, ...)
{
    va_list values;

    /* Behind the end of its time a case finds one thing after the other amiss: the first tells. */
    if (is_so || trial->is_cut)
        return;
    trial->is_cut = trial->is_out_of_time;
    trial->verdict = VERDICT_FAIL;
    va_start(values, format);
    add_text(trial->failures, format, values);
    va_end(values);
}

void trial_observe(struct trial *trial, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    add_text(trial->observed, format, values);
    va_end(values);
}

void trial_wait(struct trial *trial, const char *name, int64_t ns)
{
    if (trial->wait_count == TRIAL_WAITS_MAX || trial->is_out_of_time)
        return;
    trial->waits[trial->wait_count].name = name;
    trial->waits[trial->wait_count++].ms = (double)ns / NS_PER_MS;
}

void trial_finish(struct trial *trial)
{
    if (!trial->is_out_of_time)
        return;
    trial->is_cut = false;
    trial_expect(trial, false, "cut after %u ms", trial->options->limit_ms);
}

void trial_not_applicable(struct trial *trial, const char *why)
{
    trial->verdict = VERDICT_NOT_APPLICABLE;
    snprintf(trial->observed, sizeof(trial->observed), "%s", why);
}

void trial_expect_good(struct trial *trial, struct crowd crowd, int status, const char *who)
{
    size_t good = crowd_count_good(crowd, status);

    trial_expect(trial, good == crowd.count, "%zu of %zu %s got %d whole and right (one: %s)", good,
                 crowd.count, who, status, crowd_odd_one(crowd, status));
}

void trial_expect_hits(struct trial *trial, const struct resource *resource, unsigned hits)
{
    trial_expect(trial, resource->hits == hits, "%u requests at the origin, not %u", resource->hits,
                 hits);
}
