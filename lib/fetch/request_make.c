/* SPDX-License-Identifier: MIT */
/* request_make.c - what a proxy's client asks for, as the origin gets it; see request.h. */
#include <fetch/request.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <http/cache_control.h>
#include <http/forwarding.h>
#include <http/method.h>

#include "scratch.h"

static bool is_one_of(struct span name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (span_equals_ignoring_case(name, span_of_string(names[i])))
            return true;
    }
    return false;
}

/* Evaluated here, by what the whole answer says; the flight sends its own. */
static bool is_dropped_for_cache(struct span name)
{
    static const char *const names[] = {"If-None-Match", "If-Modified-Since", "If-Range", "Range"};

    return is_one_of(name, names, sizeof names / sizeof *names);
}

static bool is_method(const struct fetch_request *request, const char *name)
{
    return request->method != NULL && strcmp(request->method, name) == 0;
}

bool fetch_request_is_head(const struct fetch_request *request)
{
    return is_method(request, "HEAD");
}

bool fetch_request_is_idempotent(const struct fetch_request *request)
{
    return request->method == NULL || method_is_idempotent(span_of_string(request->method));
}

/* What only the origin can answer, or what nobody else may get. */
static bool is_bypass(const struct fetch_request *request, const struct fields *all)
{
    struct cache_control wishes;

    if (request->upgrade != NULL)
        return true;
    if (request->method != NULL && !fetch_request_is_head(request))
        return true;
    cache_control_read(&wishes, all);
    return wishes.no_store || fields_has(all, "If-Match") || fields_has(all, "If-Unmodified-Since");
}

/* What the origin may be asked for in place of the whole. A condition for 304 is compared with the
 * whole here, so then that is what is fetched. */
static int take_part(struct fetch_request *request, const struct fields *all)
{
    struct span value;
    int err = 0;

    if (!fields_find(all, "Range", &value) || fields_has(all, "If-None-Match") ||
        fields_has(all, "If-Modified-Since"))
        return 0;
    err = fields_append(&request->part, span_of_string("Range"), value);
    if (err == 0 && fields_find(all, "If-Range", &value))
        err = fields_append(&request->part, span_of_string("If-Range"), value);
    return err;
}

/* TE is between neighbours: what our client takes, we ask the origin for in our own name. Source:
 * RFC 9110 section 10.1.4. */
static int ask_for_trailers(struct fetch_request *request)
{
    int err = fields_append(&request->fields, span_of_string("Connection"), span_of_string("TE"));

    if (err == 0)
        err = fields_append(&request->fields, span_of_string("TE"), span_of_string("trailers"));
    return err;
}

static int take_fields(struct fetch_request *request, const struct fetch_request_draft *draft)
{
    static const struct forwarding_client nobody;
    const struct forwarding_client *sender = draft->sender != NULL ? draft->sender : &nobody;
    struct fields all;
    struct field field;
    size_t position = 0;
    int err = forwarding_request_fields(draft->client, sender, draft->styles, &all);

    if (err < 0)
        return err;
    request->is_bypass = is_bypass(request, &all);
    err = fields_copy_end_to_end(&all, request->is_bypass ? NULL : is_dropped_for_cache,
                                 &request->fields);
    if (err == 0 && !request->is_bypass && request->method == NULL)
        err = take_part(request, &all);
    if (err == 0 && request->upgrade == NULL && forwarding_wants_trailers(draft->client))
        err = ask_for_trailers(request);
    fields_fini(&all);
    while (err == 0 && fields_next(&request->fields, &position, &field))
        request->has_credentials |= fetch_request_is_credential(field.name);
    return err;
}

static char *put_line(char *at, struct span text)
{
    if (text.length > 0)
        at = mempcpy(at, text.bytes, text.length);
    *at++ = '\n';
    return at;
}

/*
 * Which key an operator's purge of the URL has, who knows nothing of the lines that were told
 * besides the host: whatever is stored can be purged by it as by a tag.
 */
static int make_name(struct fetch_request *request, const struct fetch_request_draft *draft)
{
    const char *told_end =
        draft->told.length > 0 ? memchr(draft->told.bytes, '\n', draft->told.length) : NULL;
    size_t told_bytes, begin_bytes;
    struct key name;
    char *bytes;

    if (told_end == NULL)
        return 0;
    told_bytes = (size_t)(told_end - draft->told.bytes);
    begin_bytes = request->key_url_at - 1 - draft->told.length + told_bytes;
    bytes = malloc(begin_bytes + 1 + draft->url->text_bytes);
    if (bytes == NULL)
        return -ENOMEM;
    memcpy(bytes, request->key_bytes, begin_bytes);
    bytes[begin_bytes] = '\n';
    memcpy(bytes + begin_bytes + 1, draft->url->text, draft->url->text_bytes);
    store_key_init(draft->store, &name, bytes, begin_bytes + 1 + draft->url->text_bytes);
    request->name_hash = name.hash;
    free(bytes);
    return 0;
}

/* Route, Host, what else is told, and URL: a line each at least, and the first two and the last
 * have no line's end in them. */
static int make_key(struct fetch_request *request, const struct fetch_request_draft *draft)
{
    size_t room;
    char *at;

    if (draft->space == NULL) {
        store_key_init(draft->store, &request->key, draft->url->text, draft->url->text_bytes);
        return 0;
    }
    room =
        strlen(draft->space) + draft->host.length + draft->told.length + draft->url->text_bytes + 4;
    if (room > KEY_LENGTH_MAX)
        return -E2BIG;
    request->key_bytes = scratch_allocate(room);
    if (request->key_bytes == NULL)
        return -ENOMEM;
    at = put_line(request->key_bytes, span_of_string(draft->space));
    at = put_line(at, draft->host);
    at = put_line(at, draft->told);
    memcpy(at, draft->url->text, draft->url->text_bytes + 1);
    request->key_url_at = room - 1 - draft->url->text_bytes;
    store_key_init(draft->store, &request->key, request->key_bytes, room - 1);
    return make_name(request, draft);
}

static int make_url_of_path(const struct fetch_url *base, const char *path, size_t path_bytes,
                            size_t bytes_max, struct fetch_url **ret_url)
{
    size_t origin_bytes = (size_t)(strchr(strstr(base->text, "://") + 3, '/') - base->text);
    char *text = malloc(origin_bytes + path_bytes);
    int err;

    if (text == NULL)
        return -ENOMEM;
    memcpy(text, base->text, origin_bytes);
    memcpy(text + origin_bytes, path, path_bytes);
    err = fetch_url_parse(text, origin_bytes + path_bytes, bytes_max, ret_url);
    free(text);
    return err;
}

int fetch_request_key_of_path(const struct fetch_request *request, const struct store *store,
                              const char *path, size_t path_bytes, struct flight_key *ret_key)
{
    struct fetch_url *url;
    size_t bytes;
    int err = make_url_of_path(request->url, path, path_bytes,
                               request->policy->settings.url_bytes_max, &url);

    if (err < 0)
        return err;
    bytes = request->key_url_at + url->text_bytes;
    ret_key->bytes = malloc(bytes);
    if (ret_key->bytes != NULL) {
        memcpy(ret_key->bytes, request->key.bytes, request->key_url_at);
        memcpy(ret_key->bytes + request->key_url_at, url->text, url->text_bytes);
        store_key_init(store, &ret_key->key, ret_key->bytes, bytes);
    }
    fetch_url_unref(url);
    return ret_key->bytes != NULL ? 0 : -ENOMEM;
}

size_t fetch_request_bases(const struct fetch_request *request,
                           struct url_base ret_bases[FETCH_REQUEST_BASES_MAX])
{
    const struct fetch_url *url = request->url;
    const char *authority = strstr(url->text, "://") + 3;
    const char *path = strchr(authority, '/');
    const char *query = strchr(path, '?');

    ret_bases[0] = (struct url_base){
        .scheme = span_of_string(url->is_https ? "https" : "http"),
        .authority = request->host != NULL ? span_of_string(request->host)
                                           : span_of(authority, (size_t)(path - authority)),
        .path = span_of(path, query != NULL ? (size_t)(query - path) : strlen(path)),
        .query = query != NULL ? span_of_string(query + 1) : span_of(NULL, 0),
    };
    if (request->public_host == NULL)
        return 1;
    for (size_t i = 1; i < FETCH_REQUEST_BASES_MAX; i++) {
        ret_bases[i] = ret_bases[0];
        ret_bases[i].scheme = span_of_string(i == 1 ? "http" : "https");
        ret_bases[i].authority = span_of_string(request->public_host);
    }
    return FETCH_REQUEST_BASES_MAX;
}

/* Whether the reference means the base itself. */
static bool is_itself(const struct url_base *base, struct span reference)
{
    char own[KEY_LENGTH_MAX], named[KEY_LENGTH_MAX];
    size_t own_bytes, named_bytes;

    return url_reference_resolve(base, span_of("", 0), own, sizeof own, &own_bytes) == 0 &&
           url_reference_resolve(base, reference, named, sizeof named, &named_bytes) == 0 &&
           span_equals(span_of(own, own_bytes), span_of(named, named_bytes));
}

/* Whether the answer says of itself that it is what a GET of this URL would bring. */
bool fetch_request_is_located(const struct fetch_request *request, const struct fields *answer)
{
    struct url_base bases[FETCH_REQUEST_BASES_MAX];
    size_t count = fetch_request_bases(request, bases);
    struct span location;

    if (!fields_find(answer, "Content-Location", &location))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (is_itself(&bases[i], location))
            return true;
    }
    return false;
}

bool fetch_request_is_post(const struct fetch_request *request)
{
    return is_method(request, "POST");
}

/* NULL for an empty one. */
static int copy_text(struct span text, char **ret_copy)
{
    if (text.length == 0)
        return 0;
    *ret_copy = strndup(text.bytes, text.length);
    return *ret_copy != NULL ? 0 : -ENOMEM;
}

int fetch_request_make(const struct fetch_request_draft *draft, struct fetch_request **ret_request)
{
    struct fetch_request *request = scratch_allocate_zeroed(1, sizeof *request);
    bool is_get = draft->method.length == 0 || span_equals(draft->method, span_of_string("GET"));
    int err;

    if (request == NULL)
        return -ENOMEM;
    atomic_init(&request->references, 1);
    request->policy = fetch_policy_ref(draft->policy);
    request->url = fetch_url_ref(draft->url);
    request->is_of_server = draft->is_of_server;
    err = is_get ? 0 : copy_text(draft->method, &request->method);
    if (err == 0)
        err = copy_text(draft->host, &request->host);
    if (err == 0)
        err = copy_text(draft->public_host, &request->public_host);
    if (err == 0)
        err = copy_text(draft->upgrade, &request->upgrade);
    if (err == 0)
        err = make_key(request, draft);
    if (err == 0)
        err = take_fields(request, draft);
    if (err < 0) {
        fetch_request_unref(request);
        return err;
    }
    *ret_request = request;
    return 0;
}
