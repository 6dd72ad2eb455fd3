/* SPDX-License-Identifier: MIT */
/*
 * answer.h - what the head of a response means for the cache, and the entry that is made of it.
 */
#ifndef FETCH_ANSWER_H
#define FETCH_ANSWER_H

#include <cache/entry.h>
#include <fetch/request.h>
#include <fetch/upstream.h>

#include "lane.h"

enum answer_sharing {
    ANSWER_STORE,   /* for everybody, and kept */
    ANSWER_KEEP,    /* for those who wait now, and kept for the origin to confirm */
    ANSWER_SHARE,   /* for those who wait now */
    ANSWER_REFUSAL, /* of one request: the others ask for themselves, now; nothing is remembered */
    ANSWER_PRIVATE, /* for one alone: the others ask for themselves, and so do those who come */
};

struct answer {
    enum answer_sharing sharing;
    struct entry *entry; /* one reference; its body is empty and open */
};

/*
 * answer_judge - the verdict on the answer to a request, and the entry with its prepared head,
 * which is to be stored under `key`.
 * Errors    -EFBIG: its length is beyond what is passed on at all; -ENOMEM.
 * Owns      the caller gets answer->entry.
 * Source    COALESCING cases 5, 6, 13, 14, 23; RFC 9111 section 3
 */
int answer_judge(struct fetch_lane *lane, const struct fetch_request *request,
                 const struct key *key, int64_t request_s, const struct upstream_head *head,
                 struct answer *ret_answer);

/*
 * answer_refresh - the same for a 304 to a request with the validators of `stored`: an entry with
 * the fields of both, and the same body.
 * Errors    -ENOMEM, -E2BIG.
 * Owns      the caller gets answer->entry, which is complete.
 * Source    COALESCING case 14; RFC 9111 section 4.3.4
 */
int answer_refresh(struct fetch_lane *lane, const struct fetch_request *request,
                   const struct entry *stored, int64_t request_s, const struct upstream_head *head,
                   struct answer *ret_answer);

/* What redirects on the way to an answer allow to be done with it. */
struct answer_path {
    enum answer_sharing sharing;
    int64_t lifetime_s; /* from now on */
    bool is_redirected; /* there was one */
};

/* answer_path_init - no redirect yet: everything is allowed. */
void answer_path_init(struct answer_path *path);

/*
 * answer_path_add - one more redirect. The answer stands for the URL that redirected, so it may be
 * shared, and stays fresh, no more than each redirect by itself; one that states no lifetime has
 * the default one. Source    RFC 9111 section 3, as for the answer
 */
void answer_path_add(struct answer_path *path, const struct fetch_lane *lane,
                     const struct fetch_policy *policy, int64_t request_s,
                     const struct upstream_head *head);

/* answer_path_apply - takes from the answer what the path does not allow; before others see it. */
void answer_path_apply(const struct answer_path *path, struct answer *answer);

/* answer_stored_bytes_max - the longest body that the store takes. */
size_t answer_stored_bytes_max(const struct fetch_lane *lane, const struct fetch_policy *policy);

#endif
