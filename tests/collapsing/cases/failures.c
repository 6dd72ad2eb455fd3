/* SPDX-License-Identifier: MIT */
/* failures.c - cases 4 to 8: an origin that fails, refuses, breaks off or falls silent. */
#include <stdio.h>

#include "cases.h"

#define KIB ((size_t)1024)

/* A machine may be slow; a refused connection is known at once. */
#define SOON_S 5

/* Some answers that are not stored, fetched at the same time: the cache may keep the connections.
 */
static void make_connections(struct trial *trial, unsigned count)
{
    const struct answer answer = {
        .status = 200, .fields = "Cache-Control: no-store\r\n", .body_bytes = 16};
    struct crowd crowd = {&trial->clients[trial->client_count], count};
    struct resource *resources[16];

    for (unsigned i = 0; i < count; i++) {
        resources[i] = trial_held(trial, &answer);
        trial_ask(trial, resources[i], NULL);
        trial_await_hits_for(trial, resources[i], 1, 1000);
    }
    for (unsigned i = 0; i < count; i++)
        trial_release(trial, resources[i]);
    trial_await_crowd(trial, crowd);
}

/* The origin reads a request and closes the connection, every time. One retry is fine; one for each
 * client is a stampede on an origin in trouble, and so is one for each connection that was kept.
 * Who asks right after is told of the failure too. */
void case_04_closed_before_head(struct trial *trial)
{
    const struct answer closed = {.status = 0};
    struct resource *resource = trial_held(trial, &closed);
    struct crowd crowd;
    struct crowd second;
    unsigned hits;

    make_connections(trial, 8);
    crowd = trial_gather(trial, resource, trial->options->clients, NULL);
    trial_release(trial, resource);
    trial_await_crowd(trial, crowd);
    hits = resource->hits;
    trial_expect(trial, crowd_count_error(crowd) == crowd.count,
                 "%zu of %zu clients got 502, 503 or 504 (one: %s)", crowd_count_error(crowd),
                 crowd.count, crowd_odd_one(crowd, 502));
    trial_expect(trial, hits <= 2, "%u requests at the origin for %zu clients", hits, crowd.count);
    second = trial_crowd(trial, resource, trial->options->clients, NULL);
    trial_await_crowd(trial, second);
    trial_expect(trial, crowd_count_error(second) == second.count,
                 "of a second crowd %zu of %zu got 502, 503 or 504", crowd_count_error(second),
                 second.count);
    trial_expect(trial, resource->hits - hits <= 2, "%u requests for a second crowd right after",
                 resource->hits - hits);
    trial_observe(trial, "%u and %u requests at the origin for two crowds of %zu", hits,
                  resource->hits - hits, crowd.count);
}

/* Nobody listens at the origin. Everybody is told soon; and once it is back, it is asked again. */
void case_04_refused(struct trial *trial)
{
    struct resource *resource = trial_resource(trial, &answer_storable);
    struct crowd crowd;
    struct client *later;
    int64_t told_ns;
    int64_t back_ns;

    origin_close(trial->origin);
    crowd = trial_crowd(trial, resource, trial->options->clients, NULL);
    trial_await_crowd(trial, crowd);
    told_ns = crowd_last_end_ns(crowd) - crowd.clients[0]->sent_ns;
    if (crowd_count_over(crowd) == crowd.count)
        trial_wait(trial, "all told", told_ns);
    trial_expect(trial, told_ns < (int64_t)SOON_S * 1000000000, "the last was told after %d s",
                 (int)(told_ns / 1000000000));
    trial_expect(trial, crowd_count_error(crowd) == crowd.count,
                 "%zu of %zu clients got 502, 503 or 504 (one: %s)", crowd_count_error(crowd),
                 crowd.count, crowd_odd_one(crowd, 502));
    if (origin_reopen(trial->origin) < 0) {
        fprintf(stderr, "collapsing: the origin's port was taken meanwhile\n");
        trial_expect(trial, false, "the suite could not go on");
        return;
    }
    back_ns = world_now_ns();
    later = trial_get_until_good(trial, resource, 10000);
    trial_expect(trial, client_is_good(later, 200), "10 s after the origin is back: %s",
                 client_describe(later));
    trial_wait(trial, "asked again after", later->end_ns - back_ns);
    trial_observe(trial, "all %zu were told", crowd.count);
}

/* A 500 is an answer: who waits for it gets it, fetched once, and it is not kept. */
static void share_error(struct trial *trial)
{
    const struct answer answer = {.status = 500, .body_bytes = 64};
    struct resource *resource = trial_held(trial, &answer);
    struct crowd crowd = trial_gather(trial, resource, trial->options->clients, NULL);
    struct client *later;
    unsigned hits;

    trial_release(trial, resource);
    trial_await_crowd(trial, crowd);
    hits = resource->hits;
    trial_expect_good(trial, crowd, 500, "clients");
    trial_expect(trial, hits == 1, "%u requests at the origin for %zu clients", hits, crowd.count);
    later = trial_get(trial, resource);
    trial_expect(trial, resource->hits > hits, "it was kept: a later client got %s without asking",
                 client_describe(later));
    trial_observe(trial, "shared by %zu, and not kept", crowd.count);
}

/* A 503 may say when to come again. That is for everybody who waited, and a cache may obey it. */
static void share_retry_after(struct trial *trial)
{
    const struct answer answer = {.status = 503, .fields = "Retry-After: 1\r\n", .body_bytes = 64};
    struct resource *resource = trial_held(trial, &answer);
    struct crowd crowd = trial_gather(trial, resource, trial->options->clients, NULL);
    size_t told = 0;

    trial_release(trial, resource);
    trial_await_crowd(trial, crowd);
    for (size_t i = 0; i < crowd.count; i++) {
        char value[32];
        told += reply_field(&crowd.clients[i]->reply, "Retry-After", value, sizeof(value));
    }
    trial_expect_good(trial, crowd, 503, "clients");
    trial_expect(trial, told == crowd.count, "%zu of %zu got its Retry-After", told, crowd.count);
    trial_expect(trial, resource->hits == 1,
                 "%u requests at the origin that asked to be left alone", resource->hits);
}

void case_05_error_is_shared(struct trial *trial)
{
    share_error(trial);
    share_retry_after(trial);
}

static void adapt_first_is_refused(const struct exchange *exchange, struct answer *answer)
{
    if (exchange->number > 1) {
        answer->status = 200;
        answer->fields = "Cache-Control: max-age=60\r\n";
    }
}

/* The first request is refused, every later one would be answered. */
static void refuse_first(struct trial *trial, unsigned status)
{
    const struct answer answer = {.status = status, .body_bytes = 64};
    struct resource *resource = trial_held(trial, &answer);
    struct crowd crowd;
    size_t refused;
    size_t served;

    resource->adapt = adapt_first_is_refused;
    crowd = trial_gather(trial, resource, trial->options->clients, NULL);
    trial_release(trial, resource);
    trial_await_crowd(trial, crowd);
    refused = crowd_count_good(crowd, (int)status);
    served = crowd_count_good(crowd, 200);
    trial_expect(trial, refused + served == crowd.count,
                 "%u: only %zu of %zu clients were answered", status, refused + served,
                 crowd.count);
    if (trial->options->target.is_fetch && refused == crowd.count && resource->hits == 1) {
        trial_observe(trial, "%u: shared, as all sent the same request without credentials",
                      status);
        return;
    }
    trial_expect(trial, refused <= 1, "%u: %zu clients were given the refusal of one", status,
                 refused);
    trial_observe(trial, "%u: for %zu alone, %zu served", status, refused, served);
}

/* 401, 403 and 429 speak to the client that asked, not to those who happen to wait. */
void case_06_refusals(struct trial *trial)
{
    refuse_first(trial, 401);
    refuse_first(trial, 403);
    refuse_first(trial, 429);
}

/* A quarter of the body has been given to all; the connection closes. Nobody may take what there is
 * for the whole, and nothing is stored. */
static void break_off(struct trial *trial, enum answer_framing framing)
{
    const struct answer broken = {.status = 200,
                                  .fields = "Cache-Control: max-age=60\r\n",
                                  .body_bytes = 256 * KIB,
                                  .framing = framing,
                                  .cut_at_bytes = 64 * KIB};
    struct resource *resource = trial_held(trial, &broken);
    struct crowd crowd = trial_crowd(trial, resource, trial->options->clients, NULL);
    struct client *later;
    size_t cut = 0;
    size_t wrong = 0;
    unsigned hits;

    trial_let_body(trial, resource, 63 * KIB);
    trial_await_hits(trial, resource, 1);
    trial_settle(trial);
    trial_release(trial, resource);
    trial_settle(trial);
    trial_let_body(trial, resource, ORIGIN_ALL);
    trial_await_crowd(trial, crowd);
    for (size_t i = 0; i < crowd.count; i++) {
        cut += client_is_cut(crowd.clients[i]);
        wrong += client_is_over(crowd.clients[i]) && !client_is_cut(crowd.clients[i]) &&
                 !client_is_error(crowd.clients[i]) && crowd.clients[i]->reply.status != 0;
    }
    trial_expect(trial, wrong == 0, "%zu of %zu clients saw a clean end of a part", wrong,
                 crowd.count);
    trial_expect(trial, crowd_count_over(crowd) == crowd.count, "%zu clients were left hanging",
                 crowd.count - crowd_count_over(crowd));
    hits = resource->hits;
    trial_expect(trial, hits <= 2, "%u requests at the origin for %zu clients", hits, crowd.count);
    resource->answer.cut_at_bytes = 0;
    later = trial_get_until_good(trial, resource, 3000);
    trial_expect(trial, client_is_good(later, 200), "a later client got %s",
                 client_describe(later));
    trial_expect(trial, resource->hits > hits, "the part was stored");
    trial_observe(trial, "%zu of %zu cut, %u requests, not stored", cut, crowd.count, hits);
}

void case_07_breaks_off(struct trial *trial)
{
    break_off(trial, FRAMING_LENGTH);
}

void case_07_breaks_off_chunked(struct trial *trial)
{
    break_off(trial, FRAMING_CHUNKED);
}

/* Breaks the first answer off; sends the rest to who asks for it under the same validator. */
static void adapt_resumable(const struct exchange *exchange, struct answer *answer)
{
    char range[64];
    char condition[64];
    size_t from = 0;

    answer->label = 1;
    if (exchange->number == 1)
        return;
    answer->cut_at_bytes = 0;
    if (!http_field(exchange->head, "Range", range, sizeof(range)) ||
        !http_field(exchange->head, "If-Range", condition, sizeof(condition)) ||
        sscanf(range, "bytes=%zu-", &from) != 1 || from >= answer->body_bytes)
        return;
    answer->status = 206;
    answer->whole_bytes = answer->body_bytes;
    answer->from_byte = from;
    answer->body_bytes -= from;
}

/* As before, but the origin could go on where it was: with a strong ETag and Accept-Ranges. The
 * cache may resume; whoever sees an end sees that of the whole. */
void case_07_breaks_off_resumable(struct trial *trial)
{
    const struct answer broken = {
        .status = 200,
        .fields = "Cache-Control: max-age=60\r\nETag: \"one\"\r\nAccept-Ranges: bytes\r\n",
        .body_bytes = 256 * KIB,
        .cut_at_bytes = 64 * KIB};
    struct resource *resource = trial_held(trial, &broken);
    struct crowd crowd;
    size_t whole;
    size_t cut = 0;

    resource->adapt = adapt_resumable;
    trial_let_body(trial, resource, 63 * KIB);
    crowd = trial_gather(trial, resource, trial->options->clients, NULL);
    trial_release(trial, resource);
    trial_settle(trial);
    trial_let_body(trial, resource, ORIGIN_ALL);
    trial_await_crowd(trial, crowd);
    whole = crowd_count_good(crowd, 200);
    for (size_t i = 0; i < crowd.count; i++)
        cut += client_is_cut(crowd.clients[i]) || client_is_error(crowd.clients[i]) ||
               (client_is_over(crowd.clients[i]) && crowd.clients[i]->reply.status == 0);
    trial_expect(trial, whole + cut == crowd.count, "%zu of %zu clients got wrong bytes or no end",
                 crowd.count - whole - cut, crowd.count);
    trial_expect(trial, resource->hits <= 2, "%u requests at the origin", resource->hits);
    trial_observe(trial, "%zu whole, %zu cut, %u requests at the origin", whole, cut,
                  resource->hits);
}

/* A part of the body comes, and then nothing more. */
void case_08_stalls(struct trial *trial)
{
    const struct answer answer = {
        .status = 200, .fields = "Cache-Control: max-age=60\r\n", .body_bytes = 256 * KIB};
    struct resource *resource;
    struct crowd crowd;
    size_t wrong = 0;

    if (trial->options->stall_ms == 0) {
        trial_not_applicable(trial, "the cache's own time for a silent origin is not told "
                                    "(--stall-ms)");
        return;
    }
    resource = trial_resource(trial, &answer);
    trial_let_body(trial, resource, 64 * KIB);
    crowd = trial_crowd(trial, resource, trial->options->clients, NULL);
    trial_await_crowd(trial, crowd);
    for (size_t i = 0; i < crowd.count; i++)
        wrong += crowd.clients[i]->reply.state == REPLY_WHOLE && !client_is_error(crowd.clients[i]);
    trial_expect(trial, crowd_count_over(crowd) == crowd.count, "%zu of %zu clients still hang",
                 crowd.count - crowd_count_over(crowd), crowd.count);
    trial_expect(trial, wrong == 0, "%zu clients saw a clean end of a part", wrong);
    if (crowd_count_over(crowd) == crowd.count)
        trial_wait(trial, "all cut after", crowd_last_end_ns(crowd) - crowd.clients[0]->sent_ns);
    trial_observe(trial, "%zu clients cut, %u requests", crowd.count, resource->hits);
}
