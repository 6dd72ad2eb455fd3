/* SPDX-License-Identifier: MIT */
/*
 * request.h - what is asked of an origin, and under which settings: shared by the readers that ask
 * for the same, and by their flight.
 *
 * Both structs are constant from their making on, and counted, so that any thread may read them. A
 * policy is what a way in, or a route, decides; a change of the settings makes a new one, and
 * requests under different policies share no flight (COALESCING case 28).
 */
#ifndef FETCH_REQUEST_H
#define FETCH_REQUEST_H

#include <stdatomic.h>

#include <cache/key.h>
#include <cache/store.h>
#include <fetch/settings.h>
#include <fetch/url.h>

struct fetch_policy {
    atomic_uint references;
    struct fetch_settings settings; /* those of one fetch; what all share, the fetcher has */
};

struct fetch_request {
    atomic_uint references;
    struct fetch_policy *policy;
    struct fetch_url *url;
    struct key key; /* what it is stored under; its bytes are the URL's */
};

/*
 * fetch_policy_new - with one reference; what pointers in `settings` lead to stays the caller's.
 * Errors    -ENOMEM.
 */
int fetch_policy_new(const struct fetch_settings *settings, struct fetch_policy **ret_policy);

struct fetch_policy *fetch_policy_ref(struct fetch_policy *policy);

/* fetch_policy_unref - the last one frees it. NULL is a no-op. */
void fetch_policy_unref(struct fetch_policy *policy);

/*
 * fetch_request_new - a GET of the URL, with one reference. `store` says under which secret the key
 * is hashed.
 * Errors    -ENOMEM.
 * Owns      references of its own to `policy` and `url`.
 */
int fetch_request_new(struct fetch_policy *policy, const struct store *store, struct fetch_url *url,
                      struct fetch_request **ret_request);

struct fetch_request *fetch_request_ref(struct fetch_request *request);

/* fetch_request_unref - the last one frees it. NULL is a no-op. */
void fetch_request_unref(struct fetch_request *request);

#endif
