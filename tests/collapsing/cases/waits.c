/* SPDX-License-Identifier: MIT */
/*
 * waits.c - how long crowds wait. The figures are for reading; only what no noise of a machine
 * explains fails.
 */
#include "cases.h"

#define COLD_DELAY_MS        300
#define UNCACHEABLE_DELAY_MS 100

/* A crowd for one cold URL whose origin takes a while. */
void case_wait_cold_crowd(struct trial *trial)
{
    struct answer answer = answer_storable;
    struct resource *resource;
    struct crowd crowd;

    answer.delay_ms = COLD_DELAY_MS;
    resource = trial_resource(trial, &answer);
    crowd = trial_crowd(trial, resource, trial->options->crowd, NULL);
    trial_await_crowd(trial, crowd);
    trial_expect_good(trial, crowd, 200, "clients");
    trial_expect_hits(trial, resource, 1);
    if (resource->answered_ns != 0 && crowd_count_over(crowd) == crowd.count)
        trial_wait(trial, "last client after the origin's answer",
                   crowd_last_end_ns(crowd) - resource->answered_ns);
    trial_observe(trial, "%zu clients, 1 request at the origin, which takes %d ms", crowd.count,
                  COLD_DELAY_MS);
}

static void time_uncacheable(struct trial *trial, struct resource *resource, const char *name)
{
    struct crowd crowd = trial_crowd(trial, resource, trial->options->crowd / 2, NULL);
    int64_t begin_ns = world_now_ns();

    trial_await_crowd(trial, crowd);
    trial_expect_good(trial, crowd, 200, "clients");
    if (crowd_count_over(crowd) == crowd.count)
        trial_wait(trial, name, crowd_last_end_ns(crowd) - begin_ns);
}

/* A crowd for one URL whose answers are not for sharing; then another crowd, when that is known. */
void case_wait_uncacheable_crowd(struct trial *trial)
{
    const struct answer answer = {.status = 200,
                                  .fields = "Cache-Control: no-store\r\n",
                                  .body_bytes = 1024,
                                  .delay_ms = UNCACHEABLE_DELAY_MS};
    struct resource *resource = trial_resource(trial, &answer);

    time_uncacheable(trial, resource, "first crowd served after");
    if (!trial->is_out_of_time)
        time_uncacheable(trial, resource, "second crowd served after");
    trial_observe(trial, "crowds of %u, the origin takes %d ms", trial->options->crowd / 2,
                  UNCACHEABLE_DELAY_MS);
}
