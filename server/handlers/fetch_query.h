/* SPDX-License-Identifier: MIT */
/*
 * fetch_query.h - from the query of a request to what is to be fetched, remembered per loop.
 *
 * Reading a URL costs microseconds, and a hot URL is asked for in the same bytes again and again:
 * so each loop keeps the last queries it read, found by their bytes as they came.
 */
#ifndef SERVER_HANDLERS_FETCH_QUERY_H
#define SERVER_HANDLERS_FETCH_QUERY_H

#include <cache/store.h>
#include <fetch/fetcher.h>
#include <fetch/held.h>
#include <fetch/request.h>
#include <http/span.h>

struct fetch_query_memo;

/* What a query asks for. Belongs to the memo; valid until the next call on the same memo. */
struct fetch_query {
    struct fetch_request *request;
    const char *select;          /* decoded JSON pointer, zero-terminated; NULL: none */
    struct fetch_held_slot slot; /* what it was answered with lately */
};

/*
 * fetch_query_memo_new - of requests under `policy`, which it takes a reference to.
 * Errors    -ENOMEM.
 */
int fetch_query_memo_new(const struct store *store, struct fetch_policy *policy,
                         struct fetch_query_memo **ret_memo);

/* fetch_query_memo_follow - requests from now on are under the fetcher's policy of now. */
void fetch_query_memo_follow(struct fetch_query_memo *memo, struct fetcher *fetcher);

/* fetch_query_memo_free - NULL is allowed. */
void fetch_query_memo_free(struct fetch_query_memo *memo);

/*
 * fetch_query_read - reads a query, or finds it read.
 * Errors    what fetch_query_error_text() explains; -ENOMEM.
 * Thread    the loop's whose memo it is.
 */
int fetch_query_read(struct fetch_query_memo *memo, struct span query,
                     struct fetch_query **ret_query);

/* fetch_query_error_text - for the client; never NULL. */
const char *fetch_query_error_text(int status);

#endif
