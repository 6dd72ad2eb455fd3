/* SPDX-License-Identifier: MIT */
/*
 * fetch_range.h - parts of an answer, for requests with a Range: from what is stored, or from a
 * body that is still growing, as soon as it covers what is wanted.
 */
#ifndef SERVER_HANDLERS_FETCH_RANGE_H
#define SERVER_HANDLERS_FETCH_RANGE_H

#include <http/range.h>

#include "fetch_fields.h"

struct fetch_reply;

enum fetch_range_state {
    FETCH_RANGE_NONE,  /* the whole is wanted, or what is wanted cannot be had in parts */
    FETCH_RANGE_ASKED, /* not yet compared with the answer */
    FETCH_RANGE_SENDING,
    FETCH_RANGE_SENT, /* all of it: only the end is to come */
};

/* What a request wants of the body, and how far it has come. */
struct fetch_range {
    enum fetch_range_state state;
    struct ranges ranges;     /* as asked for; once it is sending, what is sent */
    int64_t base;             /* where in the whole the body begins that it is taken from */
    size_t part;              /* the one that is being sent */
    bool is_part_headed;      /* and its head has been sent; several parts only */
    struct range_frame frame; /* several parts only; refers to the entry's fields */
};

/* fetch_range_read - what the request asks for. Source: RFC 9110 section 14.2. */
void fetch_range_read(const struct request *request, struct fetch_range *ret_range);

/* fetch_range_may_be_asked_for - whether the origin may be asked for the range in place of the
 * whole: not if the request has conditions that are to be answered from the whole. */
bool fetch_range_may_be_asked_for(const struct request *request, const struct fetch_range *range);

enum fetch_range_outcome {
    FETCH_RANGE_NOT,       /* answer with the whole */
    FETCH_RANGE_WAITS,     /* on_progress follows */
    FETCH_RANGE_BROKEN,    /* the body broke off before a byte of it was sent */
    FETCH_RANGE_COVERED,   /* it can be answered */
    FETCH_RANGE_ASKED_FOR, /* the origin is asked for the range alone: look at the reader's state */
    FETCH_RANGE_ANSWERED,  /* or being answered; `self` may be gone */
};

/*
 * fetch_range_answer - of an answered reader whose request has a range in the state ASKED: sends
 * 206 or 416 if it is clear enough what the range means.
 * Source    RFC 9110 sections 13.1.5, 14.2, 15.3.7 and 15.5.17; COALESCING case 18
 */
enum fetch_range_outcome fetch_range_answer(struct fetch_reply *self,
                                            const struct fetch_answer *answer);

#endif
