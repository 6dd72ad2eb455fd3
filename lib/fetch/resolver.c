/* SPDX-License-Identifier: MIT */
/*
 * resolver.c - a query's life on evdns.
 *
 * evdns calls back after a cancel too, and sometimes inside the call that asks. So what it holds is
 * a small lookup of its own, which knows its query until the query is done or cancelled; and the
 * query is told by a task of the loop.
 */
#include "resolver.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>

#include <async/event_loop.h>

/* How often the loop is turned at the end for what evdns has still to say; it says it in one. */
#define LAST_TURNS 4

struct resolver {
    struct async_loop *loop;
    struct evdns_base *base;
    bool has_nameservers;
    struct async_list lookups; /* those that evdns may still call back for */
};

struct resolver_lookup {
    struct async_list node;
    struct resolver_query *query; /* NULL once nobody waits */
    struct evdns_getaddrinfo_request *request;
};

int resolver_new(struct async_loop *loop, const struct fetch_settings *settings,
                 struct resolver **ret_resolver)
{
    struct event_base *events = async_loop_event_base(loop);
    struct resolver *resolver = calloc(1, sizeof *resolver);

    assert(events != NULL);
    if (resolver == NULL)
        return -ENOMEM;
    resolver->loop = loop;
    async_list_init(&resolver->lookups);
    /* The flag keeps a quiet resolver from holding the loop. */
    resolver->base = evdns_base_new(events, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (resolver->base == NULL) {
        free(resolver);
        return -ENOMEM;
    }
    /* Neither file has to be there; evdns invents a nameserver on loopback when the first is not,
     * which would make every lookup wait for its deadline. */
    if (settings->resolv_conf_path != NULL &&
        evdns_base_resolv_conf_parse(resolver->base, DNS_OPTION_NAMESERVERS | DNS_OPTION_MISC,
                                     settings->resolv_conf_path) == 0)
        resolver->has_nameservers = evdns_base_count_nameservers(resolver->base) > 0;
    if (settings->hosts_path != NULL)
        (void)evdns_base_load_hosts(resolver->base, settings->hosts_path);
    evdns_base_search_clear(resolver->base);
    /* Questions at a time; the default of 64 makes a crowd of names wait for each other. */
    evdns_base_set_option(resolver->base, "max-inflight", "1024");
    *ret_resolver = resolver;
    return 0;
}

void resolver_free(struct resolver *resolver)
{
    struct async_list *next;

    if (resolver == NULL)
        return;
    /* evdns confirms a cancel in a turn of the loop, and never frees what it has not confirmed. The
     * loop may have ended in between. */
    for (int turn = 0; turn < LAST_TURNS && !async_list_is_empty(&resolver->lookups); turn++)
        event_base_loop(async_loop_event_base(resolver->loop), EVLOOP_NONBLOCK);
    evdns_base_free(resolver->base, 0);
    for (struct async_list *node = resolver->lookups.next; node != &resolver->lookups;
         node = next) {
        struct resolver_lookup *lookup = async_container_of(node, struct resolver_lookup, node);
        next = node->next;
        assert(lookup->query == NULL);
        free(lookup);
    }
    free(resolver);
}

static void finish(struct resolver_query *query, int status)
{
    async_timer_disarm(&query->deadline);
    if (query->lookup != NULL) {
        query->lookup->query = NULL;
        if (query->lookup->request != NULL)
            evdns_getaddrinfo_cancel(query->lookup->request);
        query->lookup = NULL;
    }
    query->status = status;
    async_loop_post(query->loop, &query->report);
}

static void on_report(struct async_task *task)
{
    struct resolver_query *query = async_container_of(task, struct resolver_query, report);

    query->on_done(query, query->status);
}

static void on_deadline(struct async_timer *timer)
{
    struct resolver_query *query = async_container_of(timer, struct resolver_query, deadline);

    finish(query, -ETIMEDOUT);
}

static int copy_addresses(struct resolver_query *query, const struct evutil_addrinfo *found)
{
    query->address_count = 0;
    for (; found != NULL; found = found->ai_next) {
        union resolver_address *address = &query->addresses[query->address_count];
        if (found->ai_family != AF_INET && found->ai_family != AF_INET6)
            continue;
        if (query->address_count == RESOLVER_ADDRESSES_MAX)
            return -E2BIG;
        memset(address, 0, sizeof *address);
        memcpy(address, found->ai_addr,
               found->ai_family == AF_INET ? sizeof address->ipv4 : sizeof address->ipv6);
        query->address_count++;
    }
    return query->address_count > 0 ? 0 : -ENOENT;
}

static int status_of(int error)
{
    switch (error) {
    case EVUTIL_EAI_NONAME:
    case EVUTIL_EAI_NODATA:
        return -ENOENT;
    case EVUTIL_EAI_AGAIN:
        return -ETIMEDOUT;
    case EVUTIL_EAI_MEMORY:
        return -ENOMEM;
    default:
        return -EIO;
    }
}

static void on_evdns(int error, struct evutil_addrinfo *found, void *context)
{
    struct resolver_lookup *lookup = context;
    struct resolver_query *query = lookup->query;
    int status;

    lookup->request = NULL;
    if (query != NULL) {
        status = error == 0 ? copy_addresses(query, found) : status_of(error);
        finish(query, status);
    }
    if (found != NULL)
        evutil_freeaddrinfo(found);
    async_list_remove(&lookup->node);
    free(lookup);
}

void resolver_query_init(struct resolver_query *query, struct async_loop *loop,
                         resolver_fn *on_done)
{
    query->on_done = on_done;
    query->address_count = 0;
    query->lookup = NULL;
    query->loop = loop;
    query->status = 0;
    async_timer_init(&query->deadline, on_deadline);
    async_task_init(&query->report, on_report);
}

void resolver_start(struct resolver *resolver, struct resolver_query *query, const char *host,
                    uint32_t timeout_ms)
{
    struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct resolver_lookup *lookup = calloc(1, sizeof *lookup);
    struct evdns_getaddrinfo_request *request;

    assert(query->lookup == NULL);
    if (lookup == NULL) {
        finish(query, -ENOMEM);
        return;
    }
    async_list_append(&resolver->lookups, &lookup->node);
    lookup->query = query;
    query->lookup = lookup;
    /* Without nameservers evdns would queue the question for ever; the hosts file answers at once,
     * inside the call. */
    request = evdns_getaddrinfo(resolver->base, host, NULL, &hints, on_evdns, lookup);
    if (query->lookup == NULL)
        return; /* answered inside the call: the lookup is gone */
    lookup->request = request;
    if (!resolver->has_nameservers) {
        finish(query, -ENOENT);
        return;
    }
    async_timer_arm(&query->deadline, query->loop,
                    async_loop_now_ns(query->loop) + timeout_ms * ASYNC_MS);
}

void resolver_cancel(struct resolver_query *query)
{
    async_timer_disarm(&query->deadline);
    async_loop_unpost(query->loop, &query->report);
    if (query->lookup != NULL) {
        query->lookup->query = NULL;
        if (query->lookup->request != NULL)
            evdns_getaddrinfo_cancel(query->lookup->request);
        query->lookup = NULL;
    }
}
