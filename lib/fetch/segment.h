/* SPDX-License-Identifier: MIT */
/*
 * segment.h - a body in pieces, for answers that are not stored: what all readers have behind them
 * is freed, so that a long answer costs the memory between its slowest reader and its end.
 *
 * The writer holds the last segment, each reader the one it is in, and each segment the next. An
 * answer that is stored, or short, has one.
 */
#ifndef FETCH_SEGMENT_H
#define FETCH_SEGMENT_H

#include <stdatomic.h>

#include <cache/body.h>

struct fetch_segment {
    atomic_uint references;
    struct body *body;
    struct fetch_segment *next; /* set before the body is finished; constant from then on */
};

/* segment_new - with one reference, and one to the body. Errors: -ENOMEM. */
int segment_new(struct body *body, struct fetch_segment **ret_segment);

struct fetch_segment *segment_ref(struct fetch_segment *segment);

/* segment_unref - the last one frees it, and perhaps those behind it. NULL is a no-op. */
void segment_unref(struct fetch_segment *segment);

/*
 * segment_extend - ends the body of `segment` and begins the next one, which takes its place in the
 * writer's hands: the writer's reference moves on.
 * Errors    -ENOMEM: nothing has changed.
 */
int segment_extend(struct fetch_segment **segment);

/* segment_status - as body_status(), but a body that goes on in another segment is open. */
int segment_status(const struct fetch_segment *segment);

#endif
