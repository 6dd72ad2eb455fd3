/* SPDX-License-Identifier: MIT */
/* request_make.c - what a proxy's client asks for, as the origin gets it; see request.h. */
#include <fetch/request.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <http/cache_control.h>

static bool is_one_of(struct span name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (span_equals_ignoring_case(name, span_of_string(names[i])))
            return true;
    }
    return false;
}

/* Of this connection, or written anew. */
static bool is_dropped(struct span name)
{
    static const char *const names[] = {"Host", "Content-Length", "Expect", "Max-Forwards"};

    return is_one_of(name, names, sizeof names / sizeof *names);
}

/* Evaluated here, by what the whole answer says; the flight sends its own. */
static bool is_dropped_for_cache(struct span name)
{
    static const char *const names[] = {"If-None-Match", "If-Modified-Since", "If-Range", "Range"};

    return is_dropped(name) || is_one_of(name, names, sizeof names / sizeof *names);
}

static bool is_method(const struct fetch_request *request, const char *name)
{
    return request->method != NULL && strcmp(request->method, name) == 0;
}

bool fetch_request_is_head(const struct fetch_request *request)
{
    return is_method(request, "HEAD");
}

bool fetch_request_is_safe(const struct fetch_request *request)
{
    return request->method == NULL || is_method(request, "HEAD") || is_method(request, "OPTIONS") ||
           is_method(request, "TRACE");
}

bool fetch_request_is_idempotent(const struct fetch_request *request)
{
    return fetch_request_is_safe(request) || is_method(request, "PUT") ||
           is_method(request, "DELETE");
}

/* What only the origin can answer, or what nobody else may get. */
static bool is_bypass(const struct fetch_request *request, const struct fields *all)
{
    struct cache_control wishes;

    if (request->method != NULL && !fetch_request_is_head(request))
        return true;
    cache_control_read(&wishes, all);
    return wishes.no_store || fields_has(all, "If-Match") || fields_has(all, "If-Unmodified-Since");
}

static int copy_all(struct field_view client, struct fields *ret_fields)
{
    struct field field;
    size_t position = 0;
    int err = 0;

    fields_init(ret_fields);
    while (err == 0 && field_view_next(client, &position, &field))
        err = fields_append(ret_fields, field.name, field.value);
    if (err < 0)
        fields_fini(ret_fields);
    return err;
}

/* For a fetch that nobody shares. */
static int take_part(struct fetch_request *request, const struct fields *all)
{
    struct span value;
    int err = 0;

    if (!fields_find(all, "Range", &value))
        return 0;
    err = fields_append(&request->part, span_of_string("Range"), value);
    if (err == 0 && fields_find(all, "If-Range", &value))
        err = fields_append(&request->part, span_of_string("If-Range"), value);
    return err;
}

static int take_fields(struct fetch_request *request, struct field_view client)
{
    struct fields all;
    struct field field;
    size_t position = 0;
    int err = copy_all(client, &all);

    if (err < 0)
        return err;
    request->is_bypass = is_bypass(request, &all);
    err = fields_copy_end_to_end(&all, request->is_bypass ? is_dropped : is_dropped_for_cache,
                                 &request->fields);
    if (err == 0 && !request->is_bypass && request->method == NULL)
        err = take_part(request, &all);
    fields_fini(&all);
    while (err == 0 && fields_next(&request->fields, &position, &field))
        request->has_credentials |= fetch_request_is_credential(field.name);
    return err;
}

/* Route, Host and URL: a line each, as none of them has a line's end in it. */
static int make_key(struct fetch_request *request, const struct fetch_request_draft *draft)
{
    size_t room;

    if (draft->space == NULL) {
        store_key_init(draft->store, &request->key, draft->url->text, draft->url->text_bytes);
        return 0;
    }
    room = strlen(draft->space) + draft->host.length + draft->url->text_bytes + 3;
    if (room > KEY_LENGTH_MAX)
        return -E2BIG;
    request->key_bytes = malloc(room);
    if (request->key_bytes == NULL)
        return -ENOMEM;
    snprintf(request->key_bytes, room, "%s\n%.*s\n%s", draft->space, (int)draft->host.length,
             draft->host.bytes != NULL ? draft->host.bytes : "", draft->url->text);
    store_key_init(draft->store, &request->key, request->key_bytes, room - 1);
    return 0;
}

int fetch_request_make(const struct fetch_request_draft *draft, struct fetch_request **ret_request)
{
    struct fetch_request *request = calloc(1, sizeof *request);
    bool is_get = draft->method.length == 0 || span_equals(draft->method, span_of_string("GET"));
    int err;

    if (request == NULL)
        return -ENOMEM;
    atomic_init(&request->references, 1);
    request->policy = fetch_policy_ref(draft->policy);
    request->url = fetch_url_ref(draft->url);
    if (!is_get)
        request->method = strndup(draft->method.bytes, draft->method.length);
    if (draft->host.length > 0)
        request->host = strndup(draft->host.bytes, draft->host.length);
    err = (is_get || request->method != NULL) && (draft->host.length == 0 || request->host != NULL)
              ? make_key(request, draft)
              : -ENOMEM;
    if (err == 0)
        err = take_fields(request, draft->client);
    if (err < 0) {
        fetch_request_unref(request);
        return err;
    }
    *ret_request = request;
    return 0;
}
