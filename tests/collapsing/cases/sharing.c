/* SPDX-License-Identifier: MIT */
/* sharing.c - cases 13 and 14: answers that must not be shared, or only with those who waited. */
#include "cases.h"

#define KIB ((size_t)1024)

/* More at a time than any sensible bound on the connections to one origin might be missed by. */
#define PARALLEL_MAX 16

static size_t parallel_clients(const struct trial *trial)
{
    return trial->options->clients < PARALLEL_MAX ? trial->options->clients : PARALLEL_MAX;
}

/*
 * Everybody waits for one answer, which turns out to be for one alone. The others have to go on
 * their own, and all at the same time: the origin answers none of them until all have come. In a
 * cache that lets one go after the other, only one ever comes; that is seen after a few seconds,
 * and then the gate is opened.
 */
static void release_in_parallel(struct trial *trial, const char *fields)
{
    const struct answer answer = {.status = 200, .fields = fields, .body_bytes = 1024};
    struct resource *resource = trial_held(trial, &answer);
    struct crowd crowd = trial_gather(trial, resource, parallel_clients(trial), NULL);
    unsigned together;

    trial_release_number(trial, resource, 1);
    trial_await_hits_for(trial, resource, (unsigned)crowd.count, 3000);
    together = resource->live_max;
    trial_release(trial, resource);
    trial_await_crowd(trial, crowd);
    trial_expect_good(trial, crowd, 200, "clients");
    trial_expect(trial, crowd_count_labels(crowd) == crowd.count,
                 "%zu clients were given %zu answers: some got another's", crowd.count,
                 crowd_count_labels(crowd));
    trial_expect(trial, together + 1 >= crowd.count,
                 "at most %u of %zu were at the origin at a time", together, crowd.count);
    trial_observe(trial, "%zu clients, %u at the origin at a time, each with an answer of its own",
                  crowd.count, together);
}

void case_13_private(struct trial *trial)
{
    release_in_parallel(trial, "Cache-Control: private, max-age=60\r\n");
}

void case_13_no_store(struct trial *trial)
{
    release_in_parallel(trial, "Cache-Control: no-store\r\n");
}

void case_13_set_cookie(struct trial *trial)
{
    release_in_parallel(trial, "Cache-Control: max-age=60\r\nSet-Cookie: user=1\r\n");
}

/* One request has learned that the answers of a URL are not for sharing. A crowd that comes
 * afterwards does not wait for anybody: all are at the origin before it answers one. */
void case_13_marker(struct trial *trial)
{
    const struct answer answer = {
        .status = 200, .fields = "Cache-Control: no-store\r\n", .body_bytes = 1024};
    struct resource *resource = trial_resource(trial, &answer);
    struct crowd crowd;

    trial_get(trial, resource);
    trial_settle(trial);
    resource->is_held = true;
    resource->live_max = 0;
    crowd = trial_crowd(trial, resource, parallel_clients(trial), NULL);
    trial_await_hits_for(trial, resource, 1 + (unsigned)crowd.count, 3000);
    trial_expect(trial, resource->live_max == crowd.count,
                 "at most %u of %zu were at the origin at a time", resource->live_max, crowd.count);
    trial_release(trial, resource);
    trial_await_crowd(trial, crowd);
    trial_expect_good(trial, crowd, 200, "clients");
    trial_observe(trial, "a second crowd of %zu was at the origin together", crowd.count);
}

/* The origin has changed its mind, and lets its answers be stored: soon they are. */
void case_13_marker_is_cleared(struct trial *trial)
{
    const struct answer answer = {
        .status = 200, .fields = "Cache-Control: no-store\r\n", .body_bytes = 1024};
    struct resource *resource = trial_resource(trial, &answer);
    struct client *client = NULL;
    unsigned hits;

    trial_get(trial, resource);
    resource->answer.fields = "Cache-Control: max-age=60\r\n";
    trial_get(trial, resource);
    trial_get(trial, resource);
    hits = resource->hits;
    client = trial_get(trial, resource);
    trial_expect(trial, client_is_good(client, 200), "the last client got %s",
                 client_describe(client));
    trial_expect(trial, resource->hits == hits,
                 "the third request after it is not answered from the cache");
    trial_observe(trial, "stored by the second storable answer at the latest");
}

/* Who waits before the head comes may share; who comes later is not answered unasked, and a crowd
 * that comes later asks once. */
static void share_with_waiting(struct trial *trial, const char *fields)
{
    const struct answer answer = {.status = 200, .fields = fields, .body_bytes = 1024};
    struct resource *resource = trial_held(trial, &answer);
    struct crowd crowd = trial_gather(trial, resource, trial->options->clients, NULL);
    struct crowd later;
    unsigned hits;

    trial_release(trial, resource);
    trial_await_crowd(trial, crowd);
    trial_expect_good(trial, crowd, 200, "clients");
    hits = resource->hits;
    /* Two: the one that led, and one for those who found out that they could not share with it. */
    trial_expect(trial, hits <= 2 || hits == crowd.count,
                 "%u requests at the origin for %zu clients", hits, crowd.count);
    trial_settle(trial);
    resource->is_held = true;
    later = trial_crowd(trial, resource, trial->options->clients, NULL);
    trial_expect(trial, trial_await_hits_for(trial, resource, hits + 1, 3000),
                 "later clients were answered without the origin");
    trial_settle(trial);
    trial_release(trial, resource);
    trial_await_crowd(trial, later);
    trial_expect_good(trial, later, 200, "later clients");
    trial_expect(trial, resource->hits == hits + 1, "%u requests at the origin for %zu later ones",
                 resource->hits - hits, later.count);
    trial_observe(trial, "%u and %u requests at the origin for two crowds of %zu", hits,
                  resource->hits - hits, crowd.count);
}

void case_14_no_cache(struct trial *trial)
{
    share_with_waiting(trial, "Cache-Control: no-cache\r\n");
}

void case_14_max_age_0(struct trial *trial)
{
    share_with_waiting(trial, "Cache-Control: max-age=0\r\n");
}

/* The head of an answer that may be used once has come, half of its body too: who asks now came
 * too late for it. */
void case_14_joined_in_body(struct trial *trial)
{
    const struct answer answer = {
        .status = 200, .fields = "Cache-Control: no-cache\r\n", .body_bytes = 256 * KIB};
    struct client *first;
    struct client *late;
    struct resource *resource = trial_serve_half(trial, &answer, &first);

    late = trial_ask(trial, resource, NULL);
    trial_settle(trial);
    trial_let_body(trial, resource, ORIGIN_ALL);
    trial_await_end(trial, first);
    trial_await_end(trial, late);
    trial_expect(trial, client_is_good(first, 200), "the first got %s", client_describe(first));
    trial_expect(trial, client_is_good(late, 200), "the late one got %s", client_describe(late));
    trial_expect(trial, late->reply.content.label == 2,
                 "the late one was given an answer older "
                 "than its request");
    trial_observe(trial, "the late one had a request of its own");
}

static void adapt_validated(const struct exchange *exchange, struct answer *answer)
{
    char condition[64];

    answer->label = 1;
    if (http_field(exchange->head, "If-None-Match", condition, sizeof(condition)))
        answer->status = 304;
}

/* A stored answer has to be asked about before each use. A crowd asks about it once. */
void case_14_revalidation_is_shared(struct trial *trial)
{
    const struct answer answer = {.status = 200,
                                  .fields = "Cache-Control: no-cache\r\nETag: \"one\"\r\n",
                                  .body_bytes = 1024};
    struct resource *resource = trial_resource(trial, &answer);
    struct crowd crowd;
    char condition[64];

    resource->adapt = adapt_validated;
    trial_get(trial, resource);
    trial_settle(trial);
    resource->is_held = true;
    crowd = trial_crowd(trial, resource, trial->options->clients, NULL);
    trial_await_hits(trial, resource, 2);
    trial_settle(trial);
    trial_release(trial, resource);
    trial_await_crowd(trial, crowd);
    trial_expect_good(trial, crowd, 200, "clients");
    trial_expect_hits(trial, resource, 2);
    trial_observe(
        trial, "%zu clients, 1 request at the origin, %s", crowd.count,
        resource->exchanges != NULL &&
                http_field(resource->exchanges->head, "If-None-Match", condition, sizeof(condition))
            ? "conditional"
            : "unconditional");
}
