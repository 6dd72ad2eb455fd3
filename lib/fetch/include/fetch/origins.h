/* SPDX-License-Identifier: MIT */
/*
 * origins.h - the servers behind one route: which of them a request goes to, and when.
 *
 * They take turns. Each takes at most so many requests at a time and so many a second; who comes
 * when it is busy waits in a queue, which is bounded. One that cannot be reached several times in a
 * row is left alone for a while, then asked once; as long as that fails, too, it is left alone for
 * twice as long. An answer is a sign of life, whatever its status.
 *
 * Counted, and shared by all loops.
 */
#ifndef FETCH_ORIGINS_H
#define FETCH_ORIGINS_H

#include <stddef.h>
#include <stdint.h>

#include <fetch/url.h>

#define FETCH_ORIGINS_MAX 16

struct fetch_origins;

struct fetch_origins_settings {
    uint32_t requests_max; /* at a time, to each; 0: no limit */
    uint32_t queue_max;    /* waiting for one of them; the next is told 503 */
    uint32_t rate_per_s;   /* to each; 0: no limit */
    uint32_t burst;        /* of them at once, after a pause; 1 or more */
    uint32_t failures_max; /* in a row, before it is left alone; 0: it never is */
    uint32_t rest_ms;      /* for how long, the first time */
    uint32_t rest_max_ms;  /* and at most */
};

/* fetch_origins_settings_default - no limits but on the queue; five failures, a second to a minute.
 */
void fetch_origins_settings_default(struct fetch_origins_settings *ret_settings);

/*
 * fetch_origins_new - 1 to FETCH_ORIGINS_MAX servers, with one reference. A request's URL begins
 * with the text of the first, without the '/' at its end; for the others that is exchanged.
 * Errors    -ENOMEM; -EINVAL: no burst, or a rate beyond what can be told.
 * Owns      references of its own to the URLs.
 */
int fetch_origins_new(struct fetch_url *const *urls, size_t count,
                      const struct fetch_origins_settings *settings,
                      struct fetch_origins **ret_origins);

struct fetch_origins *fetch_origins_ref(struct fetch_origins *origins);

/* fetch_origins_unref - the last one frees them. NULL is a no-op. */
void fetch_origins_unref(struct fetch_origins *origins);

#endif
