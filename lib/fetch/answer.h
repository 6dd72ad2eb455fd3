/* SPDX-License-Identifier: MIT */
/*
 * answer.h - what the head of a response means for the cache, and the entry that is made of it.
 */
#ifndef FETCH_ANSWER_H
#define FETCH_ANSWER_H

#include <cache/entry.h>
#include <fetch/upstream.h>

#include "lane.h"

enum answer_sharing {
    ANSWER_STORE,   /* for everybody, and kept */
    ANSWER_SHARE,   /* for those who wait now */
    ANSWER_PRIVATE, /* for one alone: the others have to ask for themselves */
};

struct answer {
    enum answer_sharing sharing;
    struct entry *entry; /* one reference; its body is empty and open */
};

/*
 * answer_judge - the verdict, and the entry with its prepared head.
 * Errors    -EFBIG: its length is beyond what is passed on at all; -ENOMEM.
 * Owns      the caller gets answer->entry.
 * Source    COALESCING cases 5, 13, 14, 23; RFC 9111 section 3
 */
int answer_judge(struct fetch_lane *lane, const struct key *key, int64_t request_s,
                 const struct upstream_head *head, struct answer *ret_answer);

/* answer_stored_bytes_max - the longest body that the store takes. */
size_t answer_stored_bytes_max(const struct fetch_lane *lane);

#endif
