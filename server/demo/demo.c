/* SPDX-License-Identifier: MIT */
/*
 * demo.c - see demo.h. Three scenes: one cold URL and a crowd; the counter and a crowd; the same
 * counter without its lock and with it. Each scene is measured, checked and then told.
 */
#include "demo/demo.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <async/loop.h>

#include "config/config.h"
#include "demo/chart.h"
#include "demo/counter.h"
#include "demo/crowd.h"
#include "demo/origin.h"
#include "service.h"

#define REQUESTS        50
#define ORIGIN_DELAY_MS 1500
#define STAGGER_MS      20 /* between the requests for the cold URL: others come while it is fetched */
#define ARRIVAL_MS      2  /* between the requests for the counter, so that their order is seen */
#define HOLD_MS         20 /* of the counter's lock */
#define TIMEOUT_MS      6000
#define TASKS           50
#define ROUNDS          20

struct demo {
    struct chart chart;
    struct demo_origin *origin;
    struct service *service;
    struct address server;
    char target[128]; /* /fetch?url=... of the slow page */
};

static int complain(const char *what, int err)
{
    fprintf(stderr, "fetchonce demo: %s: %s\n", what, strerror(-err));
    return err;
}

/* Defaults, but for what makes the waiting visible and lets /fetch reach the demo's own origin. */
static void demo_configure(struct config *config)
{
    struct problems problems;

    problems_init(&problems);
    config_init(config);
    config_set_option(config, SETTING_ID_listen, "demo", "127.0.0.1:0", &problems);
    config_set_option(config, SETTING_ID_fetch_allow, "demo", "127.0.0.1/32", &problems);
    config_set_option(config, SETTING_ID_log_level, "demo", "error", &problems);
    config->access_hold_ms = HOLD_MS;
    config_resolve(config, 2, UINT64_C(1) << 28);
    assert(problems.count == 0);
    problems_fini(&problems);
}

static int demo_start(struct demo *demo)
{
    static const struct token no_token;
    struct config config;
    int err = demo_origin_start(ORIGIN_DELAY_MS, &demo->origin);

    if (err < 0)
        return complain("cannot start the slow origin", err);
    demo_configure(&config);
    err = service_start(&config, &no_token, &demo->service);
    if (err < 0)
        return complain("cannot start the server", err);
    service_address(demo->service, &demo->server);
    snprintf(demo->target, sizeof(demo->target), "/fetch?url=http://127.0.0.1:%u/slow.json",
             demo_origin_port(demo->origin));
    return 0;
}

static void demo_end(struct demo *demo)
{
    if (demo->service != NULL) {
        service_stop(demo->service, 0);
        service_wait(demo->service);
        service_free(demo->service);
    }
    demo_origin_stop(demo->origin);
}

/* Whether this request went to the origin; the others were answered from its fetch. */
static bool is_leader(const struct crowd_request *request)
{
    return strstr(request->cache_status, "fwd=") != NULL &&
           strstr(request->cache_status, "collapsed") == NULL;
}

static bool is_first(const struct crowd_request *request)
{
    return strstr(request->body, "accessed 1 time") != NULL;
}

static unsigned count_answered(const struct crowd_request *requests)
{
    unsigned answered = 0;
    for (size_t i = 0; i < REQUESTS; i++)
        answered += requests[i].status == 200 ? 1 : 0;
    return answered;
}

static int scene_fetch(struct demo *demo)
{
    struct crowd_request requests[REQUESTS] = {0};
    struct crowd_request again = {.target = demo->target};
    FILE *out = demo->chart.out;
    unsigned upstream;
    unsigned answered;
    int err;

    fprintf(out,
            "1. One URL that nobody has asked for yet. Its origin takes %d.%d s to answer; %d\n"
            "   requests for it come %d ms apart. The first (*) goes to the origin, the\n"
            "   others wait for its answer, and none of them occupies a thread.\n\n",
            ORIGIN_DELAY_MS / 1000, ORIGIN_DELAY_MS % 1000 / 100, REQUESTS, STAGGER_MS);
    fflush(out);
    for (size_t i = 0; i < REQUESTS; i++) {
        requests[i].target = demo->target;
        requests[i].delay_ns = (int64_t)i * STAGGER_MS * ASYNC_MS;
    }
    err = crowd_run(&demo->server, TIMEOUT_MS, requests, REQUESTS);
    if (err == 0)
        err = crowd_run(&demo->server, TIMEOUT_MS, &again, 1);
    if (err < 0)
        return complain("cannot send requests", err);

    upstream = demo_origin_requests(demo->origin);
    answered = count_answered(requests);
    chart_requests(&demo->chart, requests, REQUESTS, is_leader);
    fprintf(out,
            "\n   %d requests, %u upstream fetch%s. Asked once more: %.1f ms, from memory.\n\n",
            REQUESTS, upstream, upstream == 1 ? "" : "es",
            (double)(again.end_ns - again.begin_ns) / 1e6);
    fflush(out);
    if (upstream != 1 || answered != REQUESTS || again.status != 200) {
        fprintf(stderr, "fetchonce demo: %u of %d were answered, by %u upstream fetches\n",
                answered, REQUESTS, upstream);
        return -EIO;
    }
    return 0;
}

/* Whether the answers are the numbers 1 to REQUESTS, each once. */
static bool numbers_are_a_permutation(const struct crowd_request *requests)
{
    bool seen[REQUESTS + 1] = {false};
    for (size_t i = 0; i < REQUESTS; i++) {
        unsigned number;
        if (sscanf(requests[i].body, "Resource accessed %u time", &number) != 1 || number < 1 ||
            number > REQUESTS || seen[number])
            return false;
        seen[number] = true;
    }
    return true;
}

static int scene_access(struct demo *demo)
{
    struct crowd_request requests[REQUESTS] = {0};
    FILE *out = demo->chart.out;
    int err;

    fprintf(out,
            "2. A counter that all requests share, behind one lock. %d requests for /access\n"
            "   come %d ms apart; each keeps the lock for %d ms. They get it in the order they\n"
            "   came; the first is marked.\n\n",
            REQUESTS, ARRIVAL_MS, HOLD_MS);
    fflush(out);
    for (size_t i = 0; i < REQUESTS; i++) {
        requests[i].target = "/access";
        requests[i].delay_ns = (int64_t)i * ARRIVAL_MS * ASYNC_MS;
    }
    err = crowd_run(&demo->server, TIMEOUT_MS, requests, REQUESTS);
    if (err < 0)
        return complain("cannot send requests", err);
    chart_requests(&demo->chart, requests, REQUESTS, is_first);
    if (!numbers_are_a_permutation(requests)) {
        fprintf(stderr, "fetchonce demo: the answers are not the numbers 1 to %d\n", REQUESTS);
        return -EIO;
    }
    fprintf(out, "\n   %d requests, the numbers 1 to %d, each once.\n\n", REQUESTS, REQUESTS);
    fflush(out);
    return 0;
}

static void counter_report(struct demo *demo, const char *how, unsigned count)
{
    FILE *out = demo->chart.out;
    const unsigned all = TASKS * ROUNDS;

    fprintf(out, "   %-12s |", how);
    chart_share(&demo->chart, count, all, 30);
    if (count == all)
        fprintf(out, "| %4u of %u, none lost\n", count, all);
    else
        fprintf(out, "| %4u of %u, %u lost\n", count, all, all - count);
}

static int scene_counter(struct demo *demo)
{
    unsigned without = 0;
    unsigned with = 0;
    int err;

    fprintf(demo->chart.out,
            "3. Why the lock: %d tasks on two loops add 1 to a number %d times each, by\n"
            "   a read, a pause and a write, as every program does that waits for something\n"
            "   in between.\n\n",
            TASKS, ROUNDS);
    err = counter_run(TASKS, ROUNDS, false, &without);
    if (err == 0)
        err = counter_run(TASKS, ROUNDS, true, &with);
    if (err < 0)
        return complain("cannot run the counter", err);
    counter_report(demo, "no lock", without);
    counter_report(demo, "with a lock", with);
    if (with != TASKS * ROUNDS) {
        fprintf(stderr, "fetchonce demo: the lock lost %u\n", TASKS * ROUNDS - with);
        return -EIO;
    }
    return 0;
}

int demo_run(FILE *out)
{
    struct demo demo = {0};
    int err;

    chart_init(&demo.chart, out);
    fputs("fetchonce demo: a slow origin, the server and a crowd, on this machine alone\n\n", out);
    err = demo_start(&demo);
    if (err == 0)
        err = scene_fetch(&demo);
    if (err == 0)
        err = scene_access(&demo);
    if (err == 0)
        err = scene_counter(&demo);
    demo_end(&demo);
    if (err == 0)
        fputs("\nNow with your own URLs: fetchonce, then\n"
              "  curl 'http://127.0.0.1:8080/fetch?url=https://example.org/'\n",
              out);
    return err;
}
