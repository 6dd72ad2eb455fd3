/* SPDX-License-Identifier: MIT */
/* segment.c - the chain of segments; see segment.h. */
#include "segment.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "scratch.h"

int segment_new(struct body *body, struct fetch_segment **ret_segment)
{
    struct fetch_segment *segment = scratch_allocate(sizeof *segment);

    if (segment == NULL)
        return -ENOMEM;
    atomic_init(&segment->references, 1);
    segment->body = body_ref(body);
    segment->next = NULL;
    *ret_segment = segment;
    return 0;
}

struct fetch_segment *segment_ref(struct fetch_segment *segment)
{
    atomic_fetch_add_explicit(&segment->references, 1, memory_order_relaxed);
    return segment;
}

void segment_unref(struct fetch_segment *segment)
{
    while (segment != NULL &&
           atomic_fetch_sub_explicit(&segment->references, 1, memory_order_acq_rel) == 1) {
        struct fetch_segment *next = segment->next;
        body_unref(segment->body);
        scratch_free(segment);
        segment = next; /* whose reference this one held */
    }
}

int segment_extend(struct fetch_segment **segment)
{
    struct fetch_segment *old = *segment;
    struct fetch_segment *next;
    struct body *body;
    int err = body_new(BODY_LENGTH_UNKNOWN, &body);

    if (err < 0)
        return err;
    err = segment_new(body, &next);
    body_unref(body);
    if (err < 0)
        return err;
    assert(old->next == NULL);
    /* Linked first: who sees the body finished has to see what follows it. */
    old->next = segment_ref(next);
    body_finish(old->body, 0);
    *segment = next;
    segment_unref(old);
    return 0;
}

int segment_status(const struct fetch_segment *segment)
{
    int status = body_status(segment->body);

    return status == 0 && segment->next != NULL ? BODY_OPEN : status;
}
