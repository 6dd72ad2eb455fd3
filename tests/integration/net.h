/* SPDX-License-Identifier: MIT */
/*
 * net.h - a fetcher on real loops in threads of their own, without the server in front.
 *
 * A test asks from its own thread; readers live on the loops. Everything waits with a guard, so a
 * hanging test fails.
 */
#ifndef TESTS_INTEGRATION_NET_H
#define TESTS_INTEGRATION_NET_H

#include <stdbool.h>
#include <stddef.h>

#include <fetch/fetcher.h>

#define NET_LOOPS 2

struct net;
struct net_ask;

/* net_start - ends the program if it cannot. The settings are copied. */
void net_start(const struct fetch_settings *settings, struct net **ret_net);

/* net_stop - every ask has ended, or is given up. Asserts that no fetch is left. */
void net_stop(struct net *net);

/* net_settings - the defaults, but loopback allowed and times short enough for a test. */
void net_settings(struct fetch_settings *ret_settings);

/* net_ask - starts asking on one of the loops. */
struct net_ask *net_ask(struct net *net, unsigned loop, const char *url, unsigned flags);

/* net_wait - waits for the end; net_wait_bytes: until so many bytes came, or the end. */
void net_wait(struct net_ask *ask);
void net_wait_bytes(struct net_ask *ask, size_t bytes);

/* net_leave - ends it, whatever its state. net_free: after the end or after leaving. */
void net_leave(struct net_ask *ask);
void net_free(struct net_ask *ask);

/* After the end: the HTTP status (of the answer or of the failure), how the body ended. */
int net_status(const struct net_ask *ask);
bool net_is_answered(const struct net_ask *ask); /* false: a failure of the fetch */
int net_body_status(const struct net_ask *ask);  /* 0: whole */
const char *net_text(const struct net_ask *ask); /* zero-terminated */
const char *net_detail(const struct net_ask *ask);
enum fetch_source net_source(const struct net_ask *ask);

/* net_get - all of it at once: asks on loop 0, waits, and returns the ask to be freed. */
struct net_ask *net_get(struct net *net, const char *url);

struct fetcher *net_fetcher(struct net *net);

/* net_purge - purges a URL. */
void net_purge(struct net *net, const char *url);

/* net_wait_counter - waits until a counter of the fetcher has the value. */
#define net_wait_counter(net, name, value)                                                         \
    net_wait_counter_at(net, offsetof(struct fetch_counters, name), value)
void net_wait_counter_at(struct net *net, size_t offset, long value);
long net_counter_at(struct net *net, size_t offset);
#define net_counter(net, name) net_counter_at(net, offsetof(struct fetch_counters, name))

#endif
