/* SPDX-License-Identifier: MIT */
/*
 * upgrade.h - a request of one client that wants to go on with another protocol (WebSocket, say):
 * it goes to the origin over a connection of its own, and past the cache.
 *
 *      fetch_upgrade_new() --> on_interim... --> on_head(101)   --> bytes both ways --> on_end
 *                                            --> on_head(other) --> on_data...      --> on_end
 *                          --> on_end(error)
 *      fetch_upgrade_free() at any time: nothing calls back any more
 *
 * Limits, rests and turns of a route's origins count for it as for any request; what it has of them
 * it holds until it ends. Everything happens on the thread of the lane's loop.
 */
#ifndef FETCH_UPGRADE_H
#define FETCH_UPGRADE_H

#include <fetch/fetcher.h>

struct fetch_upgrade;

/* The first three may call none of the functions below. */
struct fetch_upgrade_events {
    /* A head of the 1xx other than 100 and 101. */
    void (*on_interim)(void *context, const struct upstream_head *head);
    /* The head, whose fields stay until this returns. 101: to the protocol that was asked for; from
     * now on the body is sent as it is, and the data is what the origin says in that protocol. Not
     * UPSTREAM_PAUSE. */
    enum upstream_verdict (*on_head)(void *context, const struct upstream_head *head);
    enum upstream_verdict (*on_data)(void *context, const char *bytes, size_t count);
    /* 0: the answer is complete, or the origin has ended its side, or nothing has gone either way
     * for too long after 101. Else the way that failed or broke, as in upstream.h;
     * -ETIMEDOUT: the head, or more of the body, took too long; -EFBIG. The caller frees it, which
     * may be done in here. */
    void (*on_end)(void *context, int status);
};

/*
 * fetch_upgrade_new - asks for a request with `upgrade` set. `body` is what the client says in the
 * new protocol: it is looked at only after on_head(101), and its end ends our side alone.
 * Delivery  on_end(context, status) once; none of the events inside this call.
 * Errors    -ENOMEM; -EBUSY, -EHOSTDOWN: as upstream.h; -EACCES: the guard refuses the name;
 *           -ESHUTDOWN: the lane has stopped.
 * Owns      a reference of its own to `request`; `body` and `events` stay the caller's, who frees
 *           the upgrade before the lane.
 * Source    RFC 9110 section 7.8
 */
int fetch_upgrade_new(struct fetch_lane *lane, struct fetch_request *request,
                      struct upstream_body *body, const struct fetch_upgrade_events *events,
                      void *context, struct fetch_upgrade **ret_upgrade);

/* fetch_upgrade_free - closes. NULL is a no-op. */
void fetch_upgrade_free(struct fetch_upgrade *upgrade);

/* fetch_upgrade_resume - on_data takes again what it did not, or the body has said
 * UPSTREAM_BODY_LATER and now says something else. */
void fetch_upgrade_resume(struct fetch_upgrade *upgrade);

/* fetch_upgrade_led_ns - when the request went to the origin, on the loop's clock. */
int64_t fetch_upgrade_led_ns(const struct fetch_upgrade *upgrade);

/* fetch_upgrade_failure - what a client is told of a status of on_end or of fetch_upgrade_new(). */
struct fetch_failure fetch_upgrade_failure(int status);

#endif
