/* SPDX-License-Identifier: MIT */
/* lanes.c - see lanes.h. Each place of the array is touched by the thread of its loop alone. */
#include "lanes.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct lane_place {
    struct fetch_lane *lane; /* NULL: nobody has asked yet */
    unsigned users;
    bool is_stopped;
};

struct lanes {
    struct fetcher *fetcher;
    unsigned loops_max;
    struct lane_place places[];
};

int lanes_new(struct fetcher *fetcher, unsigned loops_max, struct lanes **ret_lanes)
{
    struct lanes *lanes = calloc(1, sizeof *lanes + loops_max * sizeof *lanes->places);

    if (lanes == NULL)
        return -ENOMEM;
    lanes->fetcher = fetcher;
    lanes->loops_max = loops_max;
    *ret_lanes = lanes;
    return 0;
}

void lanes_free(struct lanes *lanes)
{
    for (unsigned i = 0; lanes != NULL && i < lanes->loops_max; i++)
        assert(lanes->places[i].users == 0);
    free(lanes);
}

struct fetcher *lanes_fetcher(const struct lanes *lanes)
{
    return lanes->fetcher;
}

static struct lane_place *place_of(struct lanes *lanes, unsigned loop_index)
{
    assert(loop_index < lanes->loops_max);
    return &lanes->places[loop_index];
}

int lanes_get(struct lanes *lanes, struct async_loop *loop, unsigned loop_index,
              struct fetch_lane **ret_lane)
{
    struct lane_place *place = place_of(lanes, loop_index);
    int err = 0;

    if (place->lane == NULL)
        err = fetch_lane_new(lanes->fetcher, loop, NULL, NULL, &place->lane);
    if (err < 0)
        return err;
    place->users++;
    *ret_lane = place->lane;
    return 0;
}

void lanes_stop(struct lanes *lanes, unsigned loop_index)
{
    struct lane_place *place = place_of(lanes, loop_index);

    if (!place->is_stopped)
        fetch_lane_stop(place->lane);
    place->is_stopped = true;
}

void lanes_put(struct lanes *lanes, unsigned loop_index)
{
    struct lane_place *place = place_of(lanes, loop_index);

    assert(place->users > 0);
    if (--place->users > 0)
        return;
    fetch_lane_free(place->lane);
    *place = (struct lane_place){.lane = NULL};
}
