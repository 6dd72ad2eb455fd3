/* SPDX-License-Identifier: MIT */
/* request.c - counted requests and policies; see request.h. */
#include <fetch/request.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"

static void free_policy(struct fetch_policy *policy)
{
    free((void *)policy->settings.forwarded);
    free((void *)policy->settings.guard.allowed);
    free((void *)policy->settings.guard.ports);
    fetch_origins_unref(policy->settings.origins);
    free(policy);
}

/* Errors: -ENOMEM, and then NULL is in place. */
static int copy_list(const void *items, size_t bytes, const void **ret_copy)
{
    void *copy = bytes > 0 ? malloc(bytes) : NULL;

    *ret_copy = copy;
    if (bytes == 0)
        return 0;
    if (copy == NULL)
        return -ENOMEM;
    memcpy(copy, items, bytes);
    return 0;
}

/* One block: the pointers, and behind them the text they point to. */
static int copy_names(const char *const *names, size_t count, const char *const **ret_copy)
{
    size_t bytes = count * sizeof *names;
    const char **copy;
    char *text;

    *ret_copy = NULL;
    for (size_t i = 0; i < count; i++)
        bytes += strlen(names[i]) + 1;
    if (count == 0)
        return 0;
    copy = malloc(bytes);
    if (copy == NULL)
        return -ENOMEM;
    text = (char *)(copy + count);
    for (size_t i = 0; i < count; i++) {
        copy[i] = text;
        text = stpcpy(text, names[i]) + 1;
    }
    *ret_copy = copy;
    return 0;
}

int fetch_policy_new(const struct fetch_settings *settings, struct fetch_policy **ret_policy)
{
    const struct guard_policy *guard = &settings->guard;
    struct fetch_policy *policy = malloc(sizeof *policy);
    const void *allowed, *ports;
    int err;

    if (policy == NULL)
        return -ENOMEM;
    atomic_init(&policy->references, 1);
    policy->settings = *settings;
    if (settings->origins != NULL)
        fetch_origins_ref(settings->origins);
    err = copy_names(settings->forwarded, settings->forwarded_count, &policy->settings.forwarded);
    err |= copy_list(guard->allowed, guard->allowed_count * sizeof *guard->allowed, &allowed);
    err |= copy_list(guard->ports, guard->port_count * sizeof *guard->ports, &ports);
    policy->settings.guard.allowed = allowed;
    policy->settings.guard.ports = ports;
    if (err != 0) {
        free_policy(policy);
        return -ENOMEM;
    }
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
        free_policy(policy);
}

bool fetch_policy_forwards(const struct fetch_policy *policy, struct span name)
{
    if (policy->settings.is_transparent)
        return true;
    for (size_t i = 0; i < policy->settings.forwarded_count; i++) {
        if (span_equals_ignoring_case(name, span_of_string(policy->settings.forwarded[i])))
            return true;
    }
    return false;
}

bool fetch_request_is_credential(struct span name)
{
    return span_equals_ignoring_case(name, span_of_string("Authorization")) ||
           span_equals_ignoring_case(name, span_of_string("Cookie"));
}

static bool is_of_part(struct span name)
{
    return span_equals_ignoring_case(name, span_of_string("Range")) ||
           span_equals_ignoring_case(name, span_of_string("If-Range"));
}

static int copy_fields(struct fetch_request *request, struct field_view client, bool has_part)
{
    size_t position = 0;
    struct field field;
    int err = 0;

    fields_init(&request->fields);
    fields_init(&request->part);
    request->has_credentials = false;
    while (err == 0 && field_view_next(client, &position, &field)) {
        if (is_of_part(field.name)) {
            if (has_part)
                err = fields_append(&request->part, field.name, field.value);
        } else if (fetch_policy_forwards(request->policy, field.name)) {
            err = fields_append(&request->fields, field.name, field.value);
            request->has_credentials |= fetch_request_is_credential(field.name);
        }
    }
    return err;
}

static int make(struct fetch_policy *policy, const struct store *store, struct fetch_url *url,
                struct field_view client, bool has_part, struct fetch_request **ret_request)
{
    struct fetch_request *request = scratch_allocate_zeroed(1, sizeof *request);
    int err;

    if (request == NULL)
        return -ENOMEM;
    atomic_init(&request->references, 1);
    request->policy = fetch_policy_ref(policy);
    request->url = fetch_url_ref(url);
    store_key_init(store, &request->key, url->text, url->text_bytes);
    err = copy_fields(request, client, has_part);
    if (err < 0) {
        fetch_request_unref(request);
        return err;
    }
    *ret_request = request;
    return 0;
}

int fetch_request_new(struct fetch_policy *policy, const struct store *store, struct fetch_url *url,
                      struct field_view client, struct fetch_request **ret_request)
{
    return make(policy, store, url, client, false, ret_request);
}

int fetch_request_for_part(struct fetch_request *plain, const struct store *store,
                           struct field_view client, struct fetch_request **ret_request)
{
    return make(plain->policy, store, plain->url, client, true, ret_request);
}

int fetch_request_for(struct fetch_request *plain, const struct store *store,
                      struct field_view client, struct fetch_request **ret_request)
{
    size_t position = 0;
    struct field field;

    while (field_view_next(client, &position, &field)) {
        if (fetch_policy_forwards(plain->policy, field.name))
            return fetch_request_new(plain->policy, store, plain->url, client, ret_request);
    }
    *ret_request = fetch_request_ref(plain);
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
    fields_fini(&request->part);
    fields_fini(&request->fields);
    free(request->method);
    free(request->host);
    free(request->public_host);
    free(request->upgrade);
    scratch_free(request->key_bytes);
    fetch_url_unref(request->url);
    fetch_policy_unref(request->policy);
    scratch_free(request);
}
