/* SPDX-License-Identifier: MIT */
/*
 * origins.h - the insides of <fetch/origins.h>, for gate.c.
 *
 * Thread    any, for all of these.
 */
#ifndef FETCH_ORIGINS_PRIVATE_H
#define FETCH_ORIGINS_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>

#include <async/rate_limiter.h>
#include <async/semaphore.h>
#include <fetch/origins.h>

struct origin {
    struct fetch_url *url;
    struct async_semaphore permits; /* with a limit on requests */
    struct async_rate_limiter rate; /* with a limit on the rate */
    atomic_uint waiting;            /* for either */
    /* under the mutex of all */
    uint32_t failures;     /* in a row */
    int64_t rest_until_ns; /* 0: it is not left alone */
    uint32_t rest_ms;      /* how long the last rest was */
    bool is_probed;        /* rested, and one request has been let through */
};

struct fetch_origins {
    atomic_uint references;
    struct fetch_origins_settings settings;
    size_t count;
    pthread_mutex_t mutex;
    size_t next;          /* whose turn it is */
    atomic_uint deserted; /* see origins_count_deserted() */
    struct origin list[];
};

/*
 * origins_choose - the next one that is not left alone. Whoever gets one tells origins_report() or
 * origins_drop() in the end.
 * Errors    -EHOSTDOWN: all are.
 */
int origins_choose(struct fetch_origins *origins, int64_t now_ns, struct origin **ret_origin);

/* origins_report - it answered, or could not be reached. `random` is for the jitter of its rest. */
void origins_report(struct fetch_origins *origins, struct origin *origin, bool is_alive,
                    int64_t now_ns, uint64_t random);

/* origins_drop - nothing has been learned about it. */
void origins_drop(struct fetch_origins *origins, struct origin *origin);

/*
 * origins_has_room_for_deserted - whether one more request may go on for nobody. Those that do get
 * half of the permits of one of these, so that they alone never keep anybody waiting for one; each
 * loop may bring one more, as it looks before it counts. `origins` may be NULL: there is room then.
 */
bool origins_has_room_for_deserted(const struct fetch_origins *origins);

/* origins_count_deserted - by 1 when one goes on so, by -1 when it has ended. NULL is a no-op. */
void origins_count_deserted(struct fetch_origins *origins, int by);

/*
 * origins_url - the URL of a request, `url`, at this one; NULL: it is that of the request.
 * Errors    those of fetch_url_parse().
 * Owns      the caller gets a reference.
 */
int origins_url(const struct fetch_origins *origins, const struct origin *origin,
                const struct fetch_url *url, struct fetch_url **ret_url);

#endif
