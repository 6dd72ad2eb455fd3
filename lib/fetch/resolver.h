/* SPDX-License-Identifier: MIT */
/*
 * resolver.h - host names to addresses, without blocking: one resolver per loop, on evdns.
 *
 * Asks for A and AAAA at once, looks into the hosts file first, and has a deadline of its own. No
 * search domains: a name means the same whichever network this machine is in.
 */
#ifndef FETCH_RESOLVER_H
#define FETCH_RESOLVER_H

#include <netinet/in.h>
#include <sys/socket.h>

#include <async/loop.h>
#include <fetch/settings.h>

struct resolver;
struct resolver_query;
struct resolver_lookup;

/* More answers than this refuse the name: all of them have to be looked at, and nobody needs so
 * many. */
#define RESOLVER_ADDRESSES_MAX 32

union resolver_address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

/* status: 0, -ENOENT (no such name), -ETIMEDOUT, -E2BIG (too many answers), -EIO (else). */
typedef void resolver_fn(struct resolver_query *query, int status);

/* One lookup; a member of whoever waits for it. */
struct resolver_query {
    resolver_fn *on_done;
    union resolver_address addresses[RESOLVER_ADDRESSES_MAX]; /* ports are 0 */
    size_t address_count;

    struct resolver_lookup *lookup; /* NULL: no lookup is under way */
    struct async_loop *loop;
    struct async_timer deadline;
    struct async_task report;
    int status;
};

/*
 * resolver_new - reads the nameservers and the hosts file. That there are none is no error: then
 * only names of the hosts file are found.
 * Errors    -ENOMEM.
 */
int resolver_new(struct async_loop *loop, const struct fetch_settings *settings,
                 struct resolver **ret_resolver);

/* resolver_free - no query is under way (asserted). NULL is allowed. */
void resolver_free(struct resolver *resolver);

/* resolver_query_init - idle. */
void resolver_query_init(struct resolver_query *query, struct async_loop *loop,
                         resolver_fn *on_done);

/*
 * resolver_start - looks a name up, for so long.
 * Delivery  on_done(query, status) once, on the loop, never inside this call.
 */
void resolver_start(struct resolver *resolver, struct resolver_query *query, const char *host,
                    uint32_t timeout_ms);

/* resolver_cancel - on_done will not be called. No-op on an idle query. */
void resolver_cancel(struct resolver_query *query);

#endif
