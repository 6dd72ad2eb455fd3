/* SPDX-License-Identifier: MIT */
/*
 * report.h - what the cases found, one row at a time, as a table to read or for a program.
 */
#ifndef COLLAPSING_REPORT_H
#define COLLAPSING_REPORT_H

#include "cases/cases.h"

enum report_format {
    REPORT_TABLE,
    REPORT_JSON,
    REPORT_MARKDOWN,
    REPORT_TSV, /* number, id, promise, verdict, what was found, waits; scripts/collapsing.sh reads
                   it */
};

struct report {
    enum report_format format;
    unsigned rows;
    unsigned passed;
    unsigned failed;
    unsigned not_applicable;
};

/* report_begin - what stands before the rows. report_row: one case; flushed, so that it is seen
 * while the next one runs. report_end: what stands behind, with the counts. */
void report_begin(struct report *report, enum report_format format);
void report_row(struct report *report, const struct collapsing_case *about,
                const struct trial *trial);
void report_end(struct report *report, const struct options *options);

#endif
