/* SPDX-License-Identifier: MIT */
/*
 * memo.h - what a loop remembers of the bytes that it saw last, so that it need not read the same
 * ones again. Direct-mapped: one place per hash, where the newer replaces the older; the whole
 * bytes are compared, so a collision costs time and nothing else. Of one thread.
 */
#ifndef SERVER_HANDLERS_MEMO_H
#define SERVER_HANDLERS_MEMO_H

#include <http/span.h>

struct memo;

#define MEMO_PARTS 3

/* The bytes, in parts that are compared one by one. */
struct memo_key {
    struct span parts[MEMO_PARTS];
};

/* memo_new - `release` gets each value that is not remembered any more. Errors: -ENOMEM. */
int memo_new(void (*release)(void *value), struct memo **ret_memo);

/* memo_clear - remembers nothing any more. */
void memo_clear(struct memo *memo);

/* memo_free - with all values. NULL is allowed. */
void memo_free(struct memo *memo);

/* memo_find - the value of these bytes, which stays the memo's, until the next memo_put(); NULL. */
void *memo_find(const struct memo *memo, const struct memo_key *key);

/*
 * memo_put - from now on it is found by these bytes, which are copied.
 * Errors    -ENOMEM
 * Owns      takes the value over, also when it fails: then it has been released.
 */
int memo_put(struct memo *memo, const struct memo_key *key, void *value);

#endif
