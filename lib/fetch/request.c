/* SPDX-License-Identifier: MIT */
/* request.c - counted requests and policies; see request.h. */
#include <fetch/request.h>

#include <errno.h>
#include <stdlib.h>

int fetch_policy_new(const struct fetch_settings *settings, struct fetch_policy **ret_policy)
{
    struct fetch_policy *policy = malloc(sizeof *policy);

    if (policy == NULL)
        return -ENOMEM;
    atomic_init(&policy->references, 1);
    policy->settings = *settings;
    *ret_policy = policy;
    return 0;
}

struct fetch_policy *fetch_policy_ref(struct fetch_policy *policy)
{
    atomic_fetch_add_explicit(&policy->references, 1, memory_order_relaxed);
    return policy;
}

void fetch_policy_unref(struct fetch_policy *policy)
{
    if (policy != NULL &&
        atomic_fetch_sub_explicit(&policy->references, 1, memory_order_acq_rel) == 1)
        free(policy);
}

int fetch_request_new(struct fetch_policy *policy, const struct store *store, struct fetch_url *url,
                      struct fetch_request **ret_request)
{
    struct fetch_request *request = malloc(sizeof *request);

    if (request == NULL)
        return -ENOMEM;
    atomic_init(&request->references, 1);
    request->policy = fetch_policy_ref(policy);
    request->url = fetch_url_ref(url);
    store_key_init(store, &request->key, url->text, url->text_bytes);
    *ret_request = request;
    return 0;
}

struct fetch_request *fetch_request_ref(struct fetch_request *request)
{
    atomic_fetch_add_explicit(&request->references, 1, memory_order_relaxed);
    return request;
}

void fetch_request_unref(struct fetch_request *request)
{
    if (request == NULL ||
        atomic_fetch_sub_explicit(&request->references, 1, memory_order_acq_rel) != 1)
        return;
    fetch_url_unref(request->url);
    fetch_policy_unref(request->policy);
    free(request);
}
