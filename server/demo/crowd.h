/* SPDX-License-Identifier: MIT */
/*
 * crowd.h - the demo's clients: many GETs at a time, each on its own connection, timed.
 */
#ifndef SERVER_DEMO_CROWD_H
#define SERVER_DEMO_CROWD_H

#include <stddef.h>
#include <stdint.h>

#include "config/address.h"

struct crowd_request {
    const char *target; /* path and query */
    int64_t delay_ns;   /* how long after the first one it is sent */

    /* What came of it; times are since crowd_run() began. */
    int64_t begin_ns;
    int64_t end_ns;
    int status;            /* of HTTP; 0: no answer */
    char cache_status[80]; /* "" if the answer had none */
    char body[160];        /* its beginning */
};

/*
 * crowd_run - sends all requests and returns when each has been answered or has failed, or after
 * `timeout_ms`: then those without an answer have status 0.
 * Errors    -ENOMEM, and those of async_loop_new(). A request that fails is no error: status 0.
 */
int crowd_run(const struct address *server, unsigned timeout_ms, struct crowd_request *requests,
              size_t count);

#endif
