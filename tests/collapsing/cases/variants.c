/* SPDX-License-Identifier: MIT */
/* variants.c - cases 15 to 17 and 37: which requests are for the same answer. */
#include <stdio.h>
#include <string.h>

#include "cases.h"

enum { LANGUAGES = 3 };

static const char *const language_fields[LANGUAGES] = {
    "Accept-Language: en\r\n",
    "Accept-Language: de\r\n",
    "Accept-Language: fr\r\n",
};

/* The label of a variant is the number of its language, from 1; 9 for none of them. */
static void adapt_language(const struct exchange *exchange, struct answer *answer)
{
    char language[16];

    answer->label = 9;
    http_field(exchange->head, "Accept-Language", language, sizeof(language));
    for (unsigned i = 0; i < LANGUAGES; i++) {
        if (strncmp(language, language_fields[i] + strlen("Accept-Language: "), 2) == 0)
            answer->label = i + 1;
    }
}

/* Groups of a crowd, one for each language, asking in turn: en de fr en de fr ... */
static struct crowd ask_in_turn(struct trial *trial, struct resource *resource, size_t each,
                                unsigned from)
{
    struct crowd all = {&trial->clients[trial->client_count], each * (LANGUAGES - from)};

    for (size_t i = 0; i < each; i++) {
        for (unsigned language = from; language < LANGUAGES; language++)
            trial_ask(trial, resource, &(struct request){.fields = language_fields[language]});
    }
    return all;
}

static void expect_own_language(struct trial *trial, struct crowd all, unsigned from)
{
    size_t wrong = 0;

    for (size_t i = 0; i < all.count; i++) {
        unsigned wanted = from + (unsigned)(i % (LANGUAGES - from)) + 1;
        wrong += all.clients[i]->reply.content.label != wanted;
    }
    trial_expect(trial, wrong == 0, "%zu of %zu clients were not given their own language", wrong,
                 all.count);
}

/* One variant is stored, so that what the answer varies by is known. Crowds for two others come:
 * one fetch for each, at the same time. */
void case_15_vary_known(struct trial *trial)
{
    const struct answer answer = {.status = 200,
                                  .fields =
                                      "Cache-Control: max-age=60\r\nVary: Accept-Language\r\n",
                                  .body_bytes = 1024};
    struct resource *resource = trial_resource(trial, &answer);
    struct crowd all;

    resource->adapt = adapt_language;
    trial_get_with(trial, resource, language_fields[0]);
    trial_settle(trial);
    resource->is_held = true;
    resource->live_max = 0;
    all = ask_in_turn(trial, resource, trial->options->clients / 2, 1);
    trial_await_hits_for(trial, resource, 3, 3000);
    trial_settle(trial);
    trial_expect(trial, resource->live_max >= 2, "the variants were fetched one after the other");
    trial_release(trial, resource);
    trial_await_crowd(trial, all);
    trial_expect_good(trial, all, 200, "clients");
    expect_own_language(trial, all, 1);
    trial_expect_hits(trial, resource, 3);
    trial_observe(trial, "2 requests at the origin for %zu clients of 2 variants", all.count);
}

/* Nothing is known; a crowd of three languages waits for one answer, which says that it varies. */
void case_16_vary_learned(struct trial *trial)
{
    const struct answer answer = {.status = 200,
                                  .fields =
                                      "Cache-Control: max-age=60\r\nVary: Accept-Language\r\n",
                                  .body_bytes = 1024};
    struct resource *resource = trial_held(trial, &answer);
    struct crowd all;
    unsigned together;

    resource->adapt = adapt_language;
    all = ask_in_turn(trial, resource, trial->options->clients / LANGUAGES, 0);
    trial_await_hits(trial, resource, 1);
    trial_settle(trial);
    trial_release_number(trial, resource, 1);
    trial_await_hits_for(trial, resource, LANGUAGES, 3000);
    trial_settle(trial);
    together = resource->live_max;
    trial_release(trial, resource);
    trial_await_crowd(trial, all);
    trial_expect_good(trial, all, 200, "clients");
    expect_own_language(trial, all, 0);
    trial_expect(trial, together >= LANGUAGES - 1, "the variants were fetched one after the other");
    trial_expect_hits(trial, resource, LANGUAGES);
    trial_observe(trial, "%u requests at the origin for %zu clients of %d variants", resource->hits,
                  all.count, LANGUAGES);
}

/* Vary: * says that nothing in the request tells: no two may share. */
void case_16_vary_star(struct trial *trial)
{
    const struct answer answer = {
        .status = 200, .fields = "Cache-Control: max-age=60\r\nVary: *\r\n", .body_bytes = 1024};
    struct resource *resource = trial_held(trial, &answer);
    struct crowd crowd = trial_gather(trial, resource, 8, NULL);

    trial_release_number(trial, resource, 1);
    trial_await_hits_for(trial, resource, (unsigned)crowd.count, 3000);
    trial_expect(trial, resource->hits == crowd.count, "%u of %zu at the origin at a time",
                 resource->hits, crowd.count);
    trial_release(trial, resource);
    trial_await_crowd(trial, crowd);
    trial_expect_good(trial, crowd, 200, "clients");
    trial_expect(trial, crowd_count_labels(crowd) == crowd.count,
                 "%zu clients were given %zu answers", crowd.count, crowd_count_labels(crowd));
    trial_observe(trial, "each of %zu had a request of its own, in parallel", crowd.count);
}

/* The label is the number that the field's value ends with. */
static void adapt_user(const struct exchange *exchange, struct answer *answer)
{
    char value[64];
    unsigned user = 0;

    if (!http_field(exchange->head, "Authorization", value, sizeof(value)) &&
        !http_field(exchange->head, "Cookie", value, sizeof(value)))
        return;
    const char *number = strpbrk(value, "0123456789");
    if (number != NULL && sscanf(number, "%u", &user) == 1)
        answer->label = user;
}

/* Each client is somebody else, and the origin answers each differently, without saying so. */
static void ask_as_users(struct trial *trial, const char *field)
{
    struct resource *resource = trial_held(trial, &answer_storable);
    size_t count = trial->options->clients < 16 ? trial->options->clients : 16;
    struct crowd crowd = {&trial->clients[trial->client_count], count};
    size_t wrong = 0;

    resource->adapt = adapt_user;
    for (size_t i = 0; i < count; i++) {
        char fields[64];
        snprintf(fields, sizeof(fields), "%s%zu\r\n", field, 1001 + i);
        trial_ask(trial, resource, &(struct request){.fields = fields});
    }
    trial_await_hits_for(trial, resource, (unsigned)count, 3000);
    trial_expect(trial, resource->hits == count, "%u of %zu were at the origin at a time",
                 resource->hits, count);
    trial_release(trial, resource);
    trial_await_crowd(trial, crowd);
    for (size_t i = 0; i < count; i++)
        wrong += crowd.clients[i]->reply.content.label != 1001 + i;
    trial_expect(trial, wrong == 0, "%zu of %zu clients were given somebody else's answer", wrong,
                 count);
    trial_expect_good(trial, crowd, 200, "clients");
    trial_observe(trial, "%zu clients were at the origin together, each with its own answer",
                  count);
}

void case_17_authorization(struct trial *trial)
{
    ask_as_users(trial, "Authorization: Bearer user-");
}

void case_17_cookie(struct trial *trial)
{
    ask_as_users(trial, "Cookie: user=");
}

/* Spellings that RFC 3986, section 6.2.2, makes one URL: percent-encoding of unreserved characters
 * and in either case, and dot segments. A fragment never leaves the client of a route. */
void case_37_spellings(struct trial *trial)
{
    static const char *const paths[] = {"a/~b/%C3%A9", "a/%7Eb/%C3%A9", "a/~b/%c3%a9",
                                        "a/./~b/%C3%A9", "a/x/../~b/%C3%A9"};
    enum { PATHS = sizeof(paths) / sizeof(paths[0]) };
    struct resource *resource = trial_held(trial, &answer_storable);
    struct crowd crowd = {&trial->clients[trial->client_count], PATHS};

    for (size_t i = 0; i < PATHS; i++) {
        trial_ask(trial, resource, &(struct request){.path = paths[i]});
        if (i == 0)
            trial_await_hits(trial, resource, 1);
    }
    trial_settle(trial);
    trial_release(trial, resource);
    trial_await_crowd(trial, crowd);
    trial_expect_good(trial, crowd, 200, "spellings");
    trial_expect_hits(trial, resource, 1);
    trial_observe(trial, "%d spellings, 1 request at the origin", PATHS);
}

/* What only looks alike is another URL. */
void case_37_different_urls(struct trial *trial)
{
    static const char *const paths[] = {"a",     "A",       "a/",    "a?",  "a?q=1",
                                        "a?q=2", "a?q=1&r", "a%2Fb", "a/b", "a?Q=1"};
    enum { PATHS = sizeof(paths) / sizeof(paths[0]) };
    struct resource *resource = trial_held(trial, &answer_storable);
    struct crowd crowd = {&trial->clients[trial->client_count], PATHS};

    for (size_t i = 0; i < PATHS; i++)
        trial_ask(trial, resource, &(struct request){.path = paths[i]});
    /* "a" and "a?" are the same to some, which RFC 3986 leaves open. */
    trial_await_hits_for(trial, resource, PATHS, 1000);
    trial_settle(trial);
    trial_release(trial, resource);
    trial_await_crowd(trial, crowd);
    trial_expect_good(trial, crowd, 200, "clients");
    trial_expect(trial, resource->hits >= PATHS - 1, "%u requests at the origin for %d URLs",
                 resource->hits, PATHS);
    trial_observe(trial, "%d URLs that look alike, %u requests at the origin", PATHS,
                  resource->hits);
}
