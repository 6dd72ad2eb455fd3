/* SPDX-License-Identifier: MIT */
/*
 * fetch.c - the route /fetch: what one request asks for, and whether it is answered at once.
 *
 *   answered from the store lately --> the same once more: hot.c
 *   query known, entry fresh --> one reply by reference, nothing allocated
 *   else a reader, and its reply: fetch_reply.c
 */
#include "fetch.h"

#include <errno.h>
#include <stdlib.h>

#include "fetch_fields.h"
#include "fetch_query.h"
#include "fetch_reply.h"
#include "hot.h"

/* What one loop has. */
struct fetch_context {
    struct lanes *lanes;
    struct fetch_lane *lane;
    unsigned loop_index;
    struct fetch_query_memo *memo;
};

/* Without memory for it the answer is used stale all the same, and the next request tries again. */
static void refresh(struct fetch_lane *lane, const struct request *request,
                    struct fetch_request *plain)
{
    const struct store *store = fetcher_store(fetch_lane_fetcher(lane));
    struct fetch_request *asked;

    if (fetch_request_for(plain, store, request_fields(request), &asked) < 0)
        return;
    fetch_lane_refresh(lane, asked);
    fetch_request_unref(asked);
}

static void start(struct request *request, void *context_pointer)
{
    struct fetch_context *context = context_pointer;
    struct fetcher *fetcher = fetch_lane_fetcher(context->lane);
    const struct fetch_settings *settings = fetcher_settings(fetcher);
    int64_t now_s = fetch_lane_now_s(context->lane);
    struct fetch_query *query;
    struct fetch_wishes wishes;
    struct entry *entry;
    bool is_refresh_due;
    int err;

    fetch_query_memo_follow(context->memo, fetcher);
    err = fetch_query_read(context->memo, request->query, &query);
    if (err < 0) {
        fetch_refuse(request, err == -ENOMEM ? 503 : 400, fetch_query_error_text(err),
                     err == -ENOMEM ? "out-of-memory" : "bad-query");
        return;
    }
    if (query->select == NULL && hot_reply(request, &query->slot, now_s))
        return;
    fetch_read_wishes(request, settings, &wishes);
    entry = fetch_lane_reuse(context->lane, query->request, request_fields(request),
                             fetch_wished_control(&wishes), now_s, &is_refresh_due);
    if (is_refresh_due && !wishes.is_loop)
        refresh(context->lane, request, query->request);
    if (entry != NULL && !is_refresh_due)
        hot_keep(context->lane, &query->slot, query->request, entry);
    if (entry != NULL && query->select == NULL && fetch_reply_hit(request, &wishes, entry, now_s))
        return;
    if (entry == NULL && wishes.is_loop)
        fetch_refuse(request, 508, "this request has come through this server before", "loop");
    else if (entry == NULL && fetch_is_only_if_cached(&wishes))
        fetch_refuse(request, 504, "not stored, and only-if-cached forbids to fetch it",
                     "only-if-cached");
    else
        fetch_reply_start(request, context->lane, query, &wishes, entry);
}

static void free_loop(void *context_pointer)
{
    struct fetch_context *context = context_pointer;

    fetch_query_memo_free(context->memo); /* what it holds is the lane's */
    lanes_put(context->lanes, context->loop_index);
    free(context);
}

static int start_loop(void *shared, struct async_loop *loop, unsigned loop_index,
                      void **ret_context)
{
    struct lanes *lanes = shared;
    struct fetcher *fetcher = lanes_fetcher(lanes);
    struct fetch_context *context = calloc(1, sizeof *context);
    int err;

    if (context == NULL)
        return -ENOMEM;
    context->lanes = lanes;
    context->loop_index = loop_index;
    err = fetch_query_memo_new(fetcher_store(fetcher), fetcher_policy(fetcher), &context->memo);
    if (err == 0)
        err = lanes_get(lanes, loop, loop_index, &context->lane);
    if (err < 0) {
        fetch_query_memo_free(context->memo);
        free(context);
        return err;
    }
    *ret_context = context;
    return 0;
}

static void stop_loop(void *context_pointer)
{
    struct fetch_context *context = context_pointer;

    lanes_stop(context->lanes, context->loop_index);
}

struct server_route fetch_route(struct lanes *lanes)
{
    return (struct server_route){
        .path = "/fetch",
        .methods = REQUEST_GET | REQUEST_HEAD,
        .start = start,
        .shared = lanes,
        .start_loop = start_loop,
        .stop_loop = stop_loop,
        .free_loop = free_loop,
    };
}
