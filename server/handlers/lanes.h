/* SPDX-License-Identifier: MIT */
/*
 * lanes.h - one lane for each loop, shared by all routes that fetch: they have the connections to
 * origins in common, and the limits on them.
 *
 * A route asks for its loop's lane in start_loop, has it stopped in stop_loop, and gives it back in
 * free_loop. The first to ask makes it, the first to stop stops it, the last to give it back frees
 * it.
 */
#ifndef SERVER_HANDLERS_LANES_H
#define SERVER_HANDLERS_LANES_H

#include <fetch/fetcher.h>

struct lanes;

/* lanes_new - for loops 0 to `loops_max` - 1. Errors: -ENOMEM. The fetcher stays the caller's. */
int lanes_new(struct fetcher *fetcher, unsigned loops_max, struct lanes **ret_lanes);

/* lanes_free - after every lane has been given back. NULL is allowed. */
void lanes_free(struct lanes *lanes);

struct fetcher *lanes_fetcher(const struct lanes *lanes);

/*
 * lanes_get - Errors: those of fetch_lane_new(); nothing has to be given back then.
 * Thread    the loop's, as lanes_stop().
 */
int lanes_get(struct lanes *lanes, struct async_loop *loop, unsigned loop_index,
              struct fetch_lane **ret_lane);

void lanes_stop(struct lanes *lanes, unsigned loop_index);

/* lanes_put - Thread: any, once no loop turns any more. */
void lanes_put(struct lanes *lanes, unsigned loop_index);

#endif
