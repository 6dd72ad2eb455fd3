/* SPDX-License-Identifier: MIT */
/* answers.c - cases 23 to 26 and 29: answers that are too long, malformed, redirect, or are stale.
 */
#include <stdio.h>

#include "cases.h"

#define KIB ((size_t)1024)

/* Two read along from the start, a third joins in the middle; then somebody comes afterwards. */
static void send_large(struct trial *trial, enum answer_framing framing)
{
    const struct answer answer = {.status = 200,
                                  .fields = "Cache-Control: max-age=60\r\n",
                                  .body_bytes = trial->options->large_bytes,
                                  .framing = framing};
    struct resource *resource = trial_held(trial, &answer);
    struct crowd crowd = trial_crowd(trial, resource, 2, NULL);
    struct client *late;
    struct client *after;

    trial_let_body(trial, resource, answer.body_bytes / 2);
    trial_await_hits(trial, resource, 1);
    trial_settle(trial);
    trial_release(trial, resource);
    trial_settle(trial);
    late = trial_ask(trial, resource, NULL);
    trial_settle(trial);
    trial_let_body(trial, resource, ORIGIN_ALL);
    trial_await_crowd(trial, crowd);
    trial_await_end(trial, late);
    after = trial_get(trial, resource);
    trial_expect_good(trial, crowd, 200, "readers");
    trial_expect(trial, client_is_good(late, 200), "who joined in the middle got %s",
                 client_describe(late));
    trial_expect(trial, client_is_good(after, 200), "who came afterwards got %s",
                 client_describe(after));
    trial_observe(trial, "%zu MiB to 4 clients, %u requests at the origin",
                  answer.body_bytes / 1048576, resource->hits);
}

void case_23_too_long_known(struct trial *trial)
{
    send_large(trial, FRAMING_LENGTH);
}

void case_24_crosses_limit(struct trial *trial)
{
    send_large(trial, FRAMING_CHUNKED);
}

/* Behind the answer comes another one, unasked. Nobody may ever be given it. */
void case_25_excess_bytes(struct trial *trial)
{
    const struct answer answer = {
        .raw = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 16\r\n\r\n"
               "0000000000 0001\n"
               "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 16\r\n\r\n"
               "0000000000 6666\n"};
    struct resource *resource = trial_resource(trial, &answer);
    struct client *client = trial_get(trial, resource);
    unsigned poisoned = client->reply.content.label == 6666 || client->reply.has_excess;

    trial_expect(trial,
                 client_is_good(client, 200) || client_is_error(client) || client_is_cut(client),
                 "the client got %s", client_describe(client));
    for (int i = 0; i < 8; i++) {
        struct resource *other = trial_resource(trial, &answer_storable);
        struct client *next = trial_get(trial, other);
        poisoned += next->reply.content.label == 6666;
        trial_expect(trial, client_is_good(next, 200), "another URL got %s", client_describe(next));
    }
    trial_expect(trial, poisoned == 0, "%u clients were given what nobody asked for", poisoned);
    trial_observe(trial, "%s; the connection was not used again", client_describe(client));
}

/* Content-Length says one thing and Transfer-Encoding another. Whoever believes the length takes
 * the rest for another answer. */
void case_25_both_framings(struct trial *trial)
{
    const struct answer answer = {
        .raw = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\n"
               "Transfer-Encoding: chunked\r\n\r\n"
               "10\r\n0000000000 0001\n\r\n0\r\n\r\n"};
    struct resource *resource = trial_resource(trial, &answer);
    struct client *client = trial_get(trial, resource);

    trial_expect(trial,
                 client_is_error(client) || client_is_cut(client) ||
                     (client_is_good(client, 200) && client->reply.body_bytes == 16),
                 "the client got %s", client_describe(client));
    for (int i = 0; i < 4; i++) {
        struct resource *other = trial_resource(trial, &answer_storable);
        struct client *next = trial_get(trial, other);
        trial_expect(trial, client_is_good(next, 200), "another URL got %s", client_describe(next));
    }
    trial_observe(trial, "%s", client_describe(client));
}

/* A client, and a retry if there is one, get an answer to a question that was not asked. */
static void answer_unasked(struct trial *trial, const struct answer *answer)
{
    struct resource *resource = trial_resource(trial, answer);
    struct client *client;
    struct client *later;

    client = trial_get(trial, resource);
    trial_expect(trial, client_is_error(client), "the client got %s", client_describe(client));
    resource->answer = answer_storable;
    later = trial_get_until_good(trial, resource, 3000);
    trial_expect(trial, client_is_good(later, 200) && later->reply.body_bytes == 1024,
                 "a later client got %s", client_describe(later));
    trial_observe(trial, "%s, and nothing stored", client_describe(client));
}

void case_25_unasked_304(struct trial *trial)
{
    const struct answer answer = {.status = 304,
                                  .fields = "Cache-Control: max-age=60\r\nETag: \"one\"\r\n"};

    answer_unasked(trial, &answer);
}

void case_25_unasked_206(struct trial *trial)
{
    const struct answer answer = {.status = 206,
                                  .fields = "Cache-Control: max-age=60\r\nETag: \"one\"\r\n",
                                  .body_bytes = 512,
                                  .whole_bytes = 1024};

    answer_unasked(trial, &answer);
}

/* Two URLs send their readers to each other; crowds ask for both. */
void case_26_redirect_circle(struct trial *trial)
{
    struct resource *left = trial_resource(trial, &answer_storable);
    struct resource *right = trial_resource(trial, &answer_storable);
    char to_right[128];
    char to_left[128];
    struct crowd crowd;

    snprintf(to_right, sizeof(to_right), "Location: /%s/\r\n", right->token);
    snprintf(to_left, sizeof(to_left), "Location: /%s/\r\n", left->token);
    left->answer = (struct answer){.status = 302, .fields = to_right};
    right->answer = (struct answer){.status = 302, .fields = to_left};
    crowd = trial_crowd(trial, left, trial->options->clients / 2, NULL);
    crowd.count += trial_crowd(trial, right, trial->options->clients / 2, NULL).count;
    trial_await_crowd(trial, crowd);
    trial_expect(trial, crowd_count_error(crowd) == crowd.count, "%zu of %zu were told (one: %s)",
                 crowd_count_error(crowd), crowd.count, crowd_odd_one(crowd, 502));
    trial_expect(trial, left->hits + right->hits <= 4 * 6, "%u requests at the origin",
                 left->hits + right->hits);
    trial_observe(trial, "all %zu were told, after %u requests at the origin", crowd.count,
                  left->hits + right->hits);
    /* The texts end with this function. */
    left->answer.fields = NULL;
    right->answer.fields = NULL;
}

/* An answer has become stale and may be used while it is refreshed. The refresh is held: everybody
 * is answered all the same, and there is one refresh. Afterwards the new answer is served. */
void case_29_stale_while_revalidate(struct trial *trial)
{
    const struct answer answer = {.status = 200,
                                  .fields =
                                      "Cache-Control: max-age=1, stale-while-revalidate=60\r\n",
                                  .body_bytes = 1024};
    struct resource *resource = trial_resource(trial, &answer);
    struct crowd crowd;
    struct client *after;

    trial_get(trial, resource);
    trial_pass(trial, 2500);
    resource->is_held = true;
    crowd = trial_crowd(trial, resource, trial->options->clients, NULL);
    trial_await_sent(trial, crowd);
    trial_settle(trial);
    trial_expect(trial, crowd_count_good(crowd, 200) == crowd.count,
                 "%zu of %zu were answered while the refresh was held",
                 crowd_count_good(crowd, 200), crowd.count);
    trial_expect(trial, resource->hits == 2, "%u requests for a refresh", resource->hits - 1);
    if (crowd_count_over(crowd) == crowd.count)
        trial_wait(trial, "all served", crowd_last_end_ns(crowd) - crowd.clients[0]->sent_ns);
    resource->answer.fields = "Cache-Control: max-age=60\r\n";
    trial_release(trial, resource);
    trial_settle(trial);
    trial_await_crowd(trial, crowd);
    after = trial_get(trial, resource);
    trial_expect(trial, after->reply.content.label == 2, "afterwards, answer %u was served",
                 after->reply.content.label);
    trial_observe(trial, "%zu were served at once, 1 refresh", crowd.count);
}

static void adapt_failing(const struct exchange *exchange, struct answer *answer)
{
    if (exchange->number > 1)
        *answer = (struct answer){.status = 503, .body_bytes = 64};
}

/* An answer has become stale, and the origin fails: what is there is better than an error. */
void case_29_stale_if_error(struct trial *trial)
{
    const struct answer answer = {.status = 200,
                                  .fields = "Cache-Control: max-age=1, stale-if-error=60\r\n",
                                  .body_bytes = 1024};
    struct resource *resource = trial_resource(trial, &answer);
    struct crowd crowd;

    resource->adapt = adapt_failing;
    trial_get(trial, resource);
    trial_pass(trial, 2500);
    crowd = trial_crowd(trial, resource, trial->options->clients, NULL);
    trial_await_crowd(trial, crowd);
    trial_expect_good(trial, crowd, 200, "clients");
    trial_expect(trial, resource->hits >= 2, "the origin was not asked");
    trial_expect(trial, resource->hits <= 4, "%u requests at the failing origin",
                 resource->hits - 1);
    trial_observe(trial, "all %zu got the stale answer, %u requests at the failing origin",
                  crowd.count, resource->hits - 1);
}
