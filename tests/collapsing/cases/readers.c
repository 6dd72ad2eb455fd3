/* SPDX-License-Identifier: MIT */
/* readers.c - cases 1, 2, 3, 9, 11, 30: readers that come, leave, and read at their own pace. */
#include "cases.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

/* A leads and the others wait; A hangs up; the origin answers. */
void case_01_first_leaves(struct trial *trial)
{
    struct resource *resource = trial_held(trial, &answer_storable);
    struct client *first = trial_ask(trial, resource, NULL);
    struct crowd others;

    trial_await_hits(trial, resource, 1);
    others = trial_crowd(trial, resource, trial->options->clients - 1, NULL);
    trial_settle(trial);
    client_leave(first);
    trial_settle(trial);
    trial_release(trial, resource);
    trial_await_crowd(trial, others);
    trial_expect_good(trial, others, 200, "others");
    trial_expect_hits(trial, resource, 1);
    trial_observe(trial, "1 request at the origin, %zu others served", others.count);
}

/* The same, with half of the body on its way to everybody. */
void case_01_first_leaves_in_body(struct trial *trial)
{
    const struct answer answer = {
        .status = 200, .fields = "Cache-Control: max-age=60\r\n", .body_bytes = 256 * KIB};
    struct resource *resource = trial_held(trial, &answer);
    struct client *first = trial_ask(trial, resource, NULL);
    struct crowd others;

    trial_let_body(trial, resource, 128 * KIB);
    trial_await_hits(trial, resource, 1);
    others = trial_crowd(trial, resource, trial->options->clients - 1, NULL);
    trial_settle(trial);
    trial_release(trial, resource);
    trial_await_bytes_for(trial, first, 1, 2000);
    trial_settle(trial);
    client_leave(first);
    trial_settle(trial);
    trial_let_body(trial, resource, ORIGIN_ALL);
    trial_await_crowd(trial, others);
    trial_expect_good(trial, others, 200, "others");
    trial_expect_hits(trial, resource, 1);
    trial_observe(trial, "1 request at the origin, %zu others served", others.count);
}

/* The only reader of a resource leaves at a sixty-fourth of its long body; somebody new asks, at
 * once or when the cache has had time to give the fetch up. It may end the fetch or finish it. */
static void leave_and_come(struct trial *trial, bool is_at_once)
{
    const struct answer answer = {
        .status = 200, .fields = "Cache-Control: max-age=60\r\n", .body_bytes = 8 * MIB};
    struct resource *resource = trial_resource(trial, &answer);
    struct client *only = trial_ask(trial, resource, NULL);
    struct client *newcomer;

    trial_let_body(trial, resource, 128 * KIB);
    trial_await_bytes_for(trial, only, 1, 1000);
    client_leave(only);
    if (!is_at_once)
        trial_settle(trial);
    newcomer = trial_ask(trial, resource, NULL);
    trial_settle(trial);
    trial_let_body(trial, resource, ORIGIN_ALL);
    trial_await_end(trial, newcomer);
    trial_expect(trial, client_is_good(newcomer, 200), "the newcomer got %s",
                 client_describe(newcomer));
    trial_expect(trial, resource->hits <= 2, "%u requests at the origin", resource->hits);
    trial_observe(trial, "%s: the fetch %s, the newcomer %s",
                  is_at_once ? "asked at once" : "asked later",
                  resource->abandoned > 0 ? "was ended" : "went on",
                  resource->hits == 1 ? "joined it" : "had one of its own");
}

void case_02_last_leaves(struct trial *trial)
{
    leave_and_come(trial, true);
    leave_and_come(trial, false);
}

/* The only reader leaves when all but 4 KiB have come: too late for ending it to save anything. */
void case_02_last_leaves_near_end(struct trial *trial)
{
    const struct answer answer = {
        .status = 200, .fields = "Cache-Control: max-age=60\r\n", .body_bytes = 256 * KIB};
    struct resource *resource = trial_resource(trial, &answer);
    struct client *only = trial_ask(trial, resource, NULL);
    struct client *next;

    trial_let_body(trial, resource, 252 * KIB);
    trial_await_bytes_for(trial, only, 250 * KIB, 1000);
    trial_settle(trial);
    client_leave(only);
    trial_settle(trial);
    trial_let_body(trial, resource, ORIGIN_ALL);
    trial_settle(trial);
    next = trial_get(trial, resource);
    trial_expect(trial, client_is_good(next, 200), "the next client got %s", client_describe(next));
    trial_expect(trial, resource->hits == 1, "the fetch was ended, and done again");
    trial_observe(trial, "the fetch was finished, and the next client answered from it");
}

/* The one that leads does not read. Everybody else gets all of a body that is larger than the
 * buffers of a connection, and still short enough to be stored. */
void case_03_slow_reader(struct trial *trial)
{
    size_t half_bytes = trial->options->large_bytes / 2;
    const struct answer answer = {.status = 200,
                                  .fields = "Cache-Control: max-age=60\r\n",
                                  .body_bytes = half_bytes < 16 * MIB ? half_bytes : 16 * MIB};
    struct resource *resource = trial_held(trial, &answer);
    struct client *slow = trial_ask(trial, resource, &(struct request){.is_unread = true});
    struct crowd fast;

    trial_await_hits(trial, resource, 1);
    fast = trial_crowd(trial, resource, 4, NULL);
    trial_settle(trial);
    trial_release(trial, resource);
    trial_await_crowd(trial, fast);
    trial_expect_good(trial, fast, 200, "fast readers");
    trial_expect_hits(trial, resource, 1);
    trial_wait(trial, "long body to 4 fast readers", crowd_last_end_ns(fast) - slow->sent_ns);
    client_read(slow);
    trial_await_end(trial, slow);
    trial_expect(trial, client_is_good(slow, 200) || client_is_cut(slow), "the slow reader got %s",
                 client_describe(slow));
    trial_observe(trial, "fast readers finished while one did not read; that one then: %s",
                  client_describe(slow));
}

/* Half of a body has come and no more comes for now: who joins gets that half at once. */
void case_03_late_joiner(struct trial *trial)
{
    const struct answer answer = {
        .status = 200, .fields = "Cache-Control: max-age=60\r\n", .body_bytes = 256 * KIB};
    struct client *first;
    struct client *late;
    struct resource *resource = trial_serve_half(trial, &answer, &first);

    late = trial_ask(trial, resource, NULL);
    trial_expect(trial, trial_await_bytes_for(trial, late, 1, 3000),
                 "no byte for the late joiner until the fetch went on");
    if (late->first_ns != 0)
        trial_wait(trial, "first byte of the late joiner", late->first_ns - late->sent_ns);
    trial_let_body(trial, resource, ORIGIN_ALL);
    trial_await_end(trial, first);
    trial_await_end(trial, late);
    trial_expect(trial, client_is_good(first, 200) && client_is_good(late, 200), "the first got %s",
                 client_describe(first));
    trial_expect(trial, client_is_good(late, 200), "the late joiner got %s", client_describe(late));
    trial_expect_hits(trial, resource, 1);
    trial_observe(trial, "got what was there, from the first byte");
}

/* A body that comes slowly for seven seconds, and somebody new every second of them. */
void case_09_old_fetch(struct trial *trial)
{
    const struct answer answer = {.status = 200,
                                  .fields = "Cache-Control: max-age=60\r\n",
                                  .body_bytes = 64 * KIB,
                                  .framing = FRAMING_CHUNKED};
    struct resource *resource = trial_resource(trial, &answer);
    struct crowd all = {&trial->clients[trial->client_count], 0};

    for (size_t quarter = 0; quarter < 28; quarter++) {
        trial_let_body(trial, resource, (quarter + 1) * KIB);
        if (quarter % 4 == 0) {
            trial_ask(trial, resource, NULL);
            all.count++;
        }
        trial_pass(trial, 250);
    }
    trial_let_body(trial, resource, ORIGIN_ALL);
    trial_await_crowd(trial, all);
    trial_expect_good(trial, all, 200, "readers");
    trial_expect_hits(trial, resource, 1);
    trial_observe(trial, "%zu readers came over 7 s, and 1 request went to the origin", all.count);
}

/* Half of those who wait hang up. */
void case_11_waiters_leave(struct trial *trial)
{
    size_t half = trial->options->clients / 2;
    struct resource *resource = trial_held(trial, &answer_storable);
    struct crowd leaving;
    struct crowd staying;

    trial_ask(trial, resource, NULL);
    trial_await_hits(trial, resource, 1);
    leaving = trial_crowd(trial, resource, half, NULL);
    staying = trial_crowd(trial, resource, half, NULL);
    trial_settle(trial);
    for (size_t i = 0; i < leaving.count; i++)
        client_leave(leaving.clients[i]);
    trial_settle(trial);
    trial_release(trial, resource);
    trial_await_crowd(trial, staying);
    trial_expect_good(trial, staying, 200, "who stayed");
    trial_expect_hits(trial, resource, 1);
    trial_observe(trial, "%zu left, %zu stayed and were served by 1 request", half, half);
}

/* Requests arrive one after the other, before, while and after the answer is stored. Each of them
 * finds the fetch or what it stored: never neither. */
void case_30_arrive_while_storing(struct trial *trial)
{
    enum { REQUESTS = 200 };
    struct resource *resource = trial_held(trial, &answer_storable);
    struct crowd all = {&trial->clients[trial->client_count], REQUESTS};

    trial_ask(trial, resource, NULL);
    trial_await_hits(trial, resource, 1);
    for (int i = 1; i < REQUESTS; i++) {
        trial_ask(trial, resource, NULL);
        if (i == REQUESTS / 2)
            trial_release(trial, resource);
        trial_turn(trial);
    }
    trial_await_crowd(trial, all);
    trial_expect_good(trial, all, 200, "clients");
    trial_expect_hits(trial, resource, 1);
    trial_observe(trial, "%d requests around the end of the fetch, 1 at the origin", REQUESTS);
}
