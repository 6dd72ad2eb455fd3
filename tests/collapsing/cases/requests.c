/* SPDX-License-Identifier: MIT */
/* requests.c - cases 18 to 22: ranges, conditions, methods, and what a request asks of a cache. */
#include <stdio.h>
#include <string.h>

#include "cases.h"

#define KIB ((size_t)1024)

/* Answers a range of one part, as an origin should. */
static void adapt_range(const struct exchange *exchange, struct answer *answer)
{
    char range[64];
    size_t first = 0;
    size_t last = 0;

    answer->label = 1;
    if (!http_field(exchange->head, "Range", range, sizeof(range)) ||
        sscanf(range, "bytes=%zu-%zu", &first, &last) != 2 || last >= answer->body_bytes)
        return;
    answer->status = 206;
    answer->whole_bytes = answer->body_bytes;
    answer->from_byte = first;
    answer->body_bytes = last - first + 1;
}

/* Whether the client got bytes first to last, or else the whole, all of it right. */
static bool has_range(const struct client *client, size_t first, size_t last, size_t whole_bytes)
{
    char wanted[64];
    char range[64];

    if (client_is_good(client, 200))
        return client->reply.body_bytes == whole_bytes;
    snprintf(wanted, sizeof(wanted), "bytes %zu-%zu/%zu", first, last, whole_bytes);
    return client_is_good(client, 206) &&
           reply_field(&client->reply, "Content-Range", range, sizeof(range)) &&
           strcmp(range, wanted) == 0 && client->reply.body_bytes == last - first + 1;
}

/* Half of the body is there and no more comes. A part of that half is asked for. */
void case_18_range_in_flight(struct trial *trial)
{
    const struct answer answer = {
        .status = 200,
        .fields = "Cache-Control: max-age=60\r\nAccept-Ranges: bytes\r\nETag: \"one\"\r\n",
        .body_bytes = 256 * KIB};
    struct client *whole;
    struct client *part;
    struct resource *resource = trial_serve_half(trial, &answer, &whole);

    resource->adapt = adapt_range;
    part = trial_ask(trial, resource, &(struct request){.fields = "Range: bytes=16-1039\r\n"});
    trial_await_bytes_for(trial, part, 1024, 3000);
    trial_observe(trial, "%s",
                  client_is_over(part) ? "answered while the body was on its way"
                                       : "answered when the body had come");
    if (client_is_over(part))
        trial_wait(trial, "the part", part->end_ns - part->sent_ns);
    trial_let_body(trial, resource, ORIGIN_ALL);
    trial_await_end(trial, part);
    trial_await_end(trial, whole);
    trial_expect(trial, has_range(part, 16, 1039, answer.body_bytes), "the part: %s, %zu bytes",
                 client_describe(part), part->reply.body_bytes);
    trial_expect(trial, client_is_good(whole, 200), "the whole: %s", client_describe(whole));
    trial_expect_hits(trial, resource, 1);
}

/* Everybody asks for another part of something unknown; then somebody for the whole. */
void case_18_ranges_cold(struct trial *trial)
{
    const struct answer answer = {
        .status = 200,
        .fields = "Cache-Control: max-age=60\r\nAccept-Ranges: bytes\r\nETag: \"one\"\r\n",
        .body_bytes = 64 * KIB};
    struct resource *resource = trial_held(trial, &answer);
    size_t count = trial->options->clients < 32 ? trial->options->clients : 32;
    struct crowd crowd = {&trial->clients[trial->client_count], count};
    struct client *whole;
    size_t wrong = 0;

    resource->adapt = adapt_range;
    for (size_t i = 0; i < count; i++) {
        char fields[64];
        snprintf(fields, sizeof(fields), "Range: bytes=%zu-%zu\r\n", i * KIB, i * KIB + KIB - 1);
        trial_ask(trial, resource, &(struct request){.fields = fields});
    }
    trial_await_hits(trial, resource, 1);
    trial_settle(trial);
    trial_release(trial, resource);
    trial_await_crowd(trial, crowd);
    for (size_t i = 0; i < count; i++)
        wrong += !has_range(crowd.clients[i], i * KIB, i * KIB + KIB - 1, answer.body_bytes);
    trial_expect(trial, wrong == 0, "%zu of %zu clients did not get their part", wrong, count);
    /* One for a part and one for the whole; who is read late, on a busy machine, may be alone again
     * with a part of its own. */
    trial_expect(trial, resource->hits <= 4, "%u requests at the origin for %zu parts",
                 resource->hits, count);
    whole = trial_get(trial, resource);
    trial_expect(trial, client_is_good(whole, 200) && whole->reply.body_bytes == answer.body_bytes,
                 "then the whole: %s, %zu bytes", client_describe(whole), whole->reply.body_bytes);
    trial_observe(trial, "%zu parts and the whole, %u requests at the origin", count,
                  resource->hits);
}

static void adapt_condition(const struct exchange *exchange, struct answer *answer)
{
    char condition[64];

    answer->label = 1;
    if (http_field(exchange->head, "If-None-Match", condition, sizeof(condition)) &&
        strstr(condition, "\"one\"") != NULL)
        answer->status = 304;
}

/* The one that leads has a copy, a second has an old one, a third has none. */
void case_19_conditions(struct trial *trial)
{
    const struct answer answer = {.status = 200,
                                  .fields = "Cache-Control: max-age=60\r\nETag: \"one\"\r\n",
                                  .body_bytes = 1024};
    struct resource *resource = trial_held(trial, &answer);
    struct client *current;
    struct client *old;
    struct client *none;

    resource->adapt = adapt_condition;
    current = trial_ask(trial, resource, &(struct request){.fields = "If-None-Match: \"one\"\r\n"});
    trial_await_hits(trial, resource, 1);
    old = trial_ask(trial, resource, &(struct request){.fields = "If-None-Match: \"zero\"\r\n"});
    none = trial_ask(trial, resource, NULL);
    trial_settle(trial);
    trial_release(trial, resource);
    trial_await_end(trial, current);
    trial_await_end(trial, old);
    trial_await_end(trial, none);
    trial_expect(trial, client_is_good(current, 304), "who has it got %s",
                 client_describe(current));
    trial_expect(trial, client_is_good(old, 200), "who has an old one got %s",
                 client_describe(old));
    trial_expect(trial, client_is_good(none, 200), "who has none got %s", client_describe(none));
    trial_expect_hits(trial, resource, 1);
    trial_observe(trial, "304, 200 and 200 from 1 request");
}

/* A GET and a HEAD for one URL, each coming first once. */
void case_20_head_and_get(struct trial *trial)
{
    struct resource *get_first = trial_held(trial, &answer_storable);
    struct resource *head_first = trial_held(trial, &answer_storable);
    const struct request head = {.method = "HEAD"};
    struct client *get = trial_ask(trial, get_first, NULL);
    struct client *joined;
    struct client *asking;
    char length[32];

    trial_await_hits(trial, get_first, 1);
    joined = trial_ask(trial, get_first, &head);
    asking = trial_ask(trial, head_first, &head);
    trial_await_hits(trial, head_first, 1);
    struct client *body = trial_ask(trial, head_first, NULL);
    trial_settle(trial);
    trial_release(trial, get_first);
    trial_release(trial, head_first);
    trial_await_end(trial, get);
    trial_await_end(trial, joined);
    trial_await_end(trial, asking);
    trial_await_end(trial, body);
    trial_expect(trial, client_is_good(get, 200) && client_is_good(body, 200),
                 "the GETs got %s and", client_describe(get));
    trial_expect(trial, client_is_good(body, 200), "%s", client_describe(body));
    trial_expect(trial, client_is_good(joined, 200) && !joined->reply.has_excess,
                 "the HEAD behind a GET got %s", client_describe(joined));
    trial_expect(trial, client_is_good(asking, 200) && !asking->reply.has_excess,
                 "the HEAD before a GET got %s", client_describe(asking));
    trial_expect(trial,
                 !reply_field(&joined->reply, "Content-Length", length, sizeof(length)) ||
                     strcmp(length, "1024") == 0,
                 "the HEAD was told a length of %s", length);
    trial_observe(trial, "%u request for GET then HEAD, %u for HEAD then GET", get_first->hits,
                  head_first->hits);
}

/* Each POST does something: all of them reach the origin, and none waits for another. */
void case_21_posts(struct trial *trial)
{
    struct resource *resource = trial_held(trial, &answer_storable);
    const struct request post = {.method = "POST", .body = "one more"};
    struct crowd crowd = trial_crowd(trial, resource, 8, &post);

    trial_await_hits_for(trial, resource, (unsigned)crowd.count, 3000);
    trial_expect(trial, resource->hits == crowd.count, "%u of %zu were at the origin at a time",
                 resource->hits, crowd.count);
    trial_release(trial, resource);
    trial_await_crowd(trial, crowd);
    trial_expect_good(trial, crowd, 200, "clients");
    trial_expect(trial, crowd_count_labels(crowd) == crowd.count,
                 "%zu POSTs were given %zu answers", crowd.count, crowd_count_labels(crowd));
    trial_observe(trial, "%zu POSTs were at the origin together", crowd.count);
}

/* What a POST may have changed is not answered from the cache (RFC 9111, section 4.4). */
void case_21_post_invalidates(struct trial *trial)
{
    struct resource *resource = trial_resource(trial, &answer_storable);
    const struct request post = {.method = "POST", .body = "one more"};
    struct client *client;
    struct client *after;

    trial_get(trial, resource);
    trial_get(trial, resource);
    trial_expect(trial, resource->hits == 1, "the answer was not stored in the first place");
    client = trial_ask(trial, resource, &post);
    trial_await_end(trial, client);
    after = trial_get(trial, resource);
    trial_expect(trial, client_is_good(client, 200), "the POST got %s", client_describe(client));
    trial_expect(trial, after->reply.content.label == 3,
                 "the next GET was given an answer from before");
    trial_observe(trial, "the next GET was asked of the origin");
}

/* A GET is under way when a POST is done. Who asks after it must not be given that GET's answer,
 * neither joined nor stored. */
void case_21_post_during_fetch(struct trial *trial)
{
    struct resource *resource = trial_held(trial, &answer_storable);
    const struct request post = {.method = "POST", .body = "one more"};
    struct client *before = trial_ask(trial, resource, NULL);
    struct client *posting;
    struct client *after;
    struct client *last;

    trial_await_hits(trial, resource, 1);
    posting = trial_ask(trial, resource, &post);
    trial_await_hits_for(trial, resource, 2, 3000);
    trial_release_number(trial, resource, 2);
    trial_await_end(trial, posting);
    after = trial_ask(trial, resource, NULL);
    trial_await_hits_for(trial, resource, 3, 2000);
    trial_release(trial, resource);
    trial_await_end(trial, before);
    trial_await_end(trial, after);
    last = trial_get(trial, resource);
    trial_expect(trial, client_is_good(before, 200), "the GET before got %s",
                 client_describe(before));
    trial_expect(trial, client_is_good(after, 200), "the GET after got %s", client_describe(after));
    trial_expect(trial, after->reply.content.label > 2, "the GET after was given the older answer");
    trial_expect(trial, last->reply.content.label > 2, "the older answer was stored");
    trial_observe(trial, "the GET after the POST had a request of its own");
}

/* A fetch is under way; somebody asks for an answer that is not older than the request. The cache
 * may ask for that at once, or when the older fetch has ended. */
void case_22_no_cache_request(struct trial *trial)
{
    struct resource *resource = trial_held(trial, &answer_storable);
    struct client *first = trial_ask(trial, resource, NULL);
    struct client *fresh;
    bool is_at_once;

    trial_await_hits(trial, resource, 1);
    fresh = trial_ask(trial, resource, &(struct request){.fields = "Cache-Control: no-cache\r\n"});
    is_at_once = trial_await_hits_for(trial, resource, 2, 500);
    trial_release(trial, resource);
    trial_await_end(trial, first);
    trial_await_end(trial, fresh);
    trial_expect(trial, client_is_good(first, 200), "the first got %s", client_describe(first));
    trial_expect(trial, client_is_good(fresh, 200), "the other got %s", client_describe(fresh));
    trial_expect(trial, fresh->reply.content.label != 1, "it was given the older answer");
    trial_observe(trial, "it had a request of its own, %s",
                  is_at_once ? "at once" : "behind the older fetch");
}

/* Nothing is stored, and the client wants nothing fetched for it. */
void case_22_only_if_cached(struct trial *trial)
{
    struct resource *resource = trial_resource(trial, &answer_storable);
    struct client *client = trial_get_with(trial, resource, "Cache-Control: only-if-cached\r\n");

    trial_expect(trial, client->reply.status == 504, "got %s", client_describe(client));
    trial_expect_hits(trial, resource, 0);
    trial_observe(trial, "504 at once");
}
