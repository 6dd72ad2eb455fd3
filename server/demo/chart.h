/* SPDX-License-Identifier: MIT */
/*
 * chart.h - the demo's drawings: requests as bars on a time axis, for a terminal of 80 columns.
 */
#ifndef SERVER_DEMO_CHART_H
#define SERVER_DEMO_CHART_H

#include <stdbool.h>
#include <stdio.h>

#include "demo/crowd.h"

struct chart {
    FILE *out;
    bool is_unicode;  /* blocks; otherwise number signs */
    bool is_coloured; /* the marked bars stand out */
};

/* chart_init - looks at the locale, and whether `out` is a terminal that wants colour. */
void chart_init(struct chart *chart, FILE *out);

/* Whether the request's bar is marked. */
typedef bool chart_mark_fn(const struct crowd_request *request);

/*
 * chart_requests - a bar for each request, from when it was sent to when it was answered, in two
 * columns; the right end is the last answer. Marked ones have a star.
 */
void chart_requests(const struct chart *chart, const struct crowd_request *requests, size_t count,
                    chart_mark_fn *is_marked);

/* chart_share - a bar of `width` cells, of which the share part/whole is filled. */
void chart_share(const struct chart *chart, unsigned part, unsigned whole, unsigned width);

#endif
