/* SPDX-License-Identifier: MIT */
/*
 * proxy.c - one request that is for another server: which URL it means, and whether it is answered
 * at once.
 *
 *   GET, HEAD: answered from the store lately --> the same once more: hot.c
 *              target known, entry fresh --> one reply by reference, nothing allocated
 *              else a reader, and its reply: fetch_reply.c
 *   CONNECT:   tunnel.c
 *   Upgrade:   upgrade.c, if the route allows it
 *   others:    to the origin by themselves, with their bodies
 *
 * Reading a URL costs microseconds, and hot targets come again and again: each loop keeps the
 * plain requests of the last targets it saw, found by target and by the hosts that the origin is
 * told of.
 */
#include "proxy.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../reply.h"
#include "fetch_fields.h"
#include "fetch_reply.h"
#include "hot.h"
#include "memo.h"
#include "upgrade.h"

/* What may be told of the URL under which an origin is known. */
#define TOLD_BYTES_MAX 2048

/* What one loop has of a route. */
struct proxy_context {
    struct proxy_route *route;
    struct fetch_lane *lane;
    unsigned loop_index;
    struct memo *memo; /* of struct plain */
};

/* The plain GET for a target, and what it was answered with lately. */
struct plain {
    struct fetch_request *request;
    struct fetch_held_slot slot;
};

/* Host as it is sent; empty: that of the origin's URL. */
static struct span sent_host(const struct proxy_route *route, const struct request *request)
{
    return route->sends_origin_host || route->origin == NULL ? span_of("", 0) : request->authority;
}

/* "OPTIONS http://host": its last proxy sends "OPTIONS *". Source: RFC 9112 section 3.2.4. */
static bool is_of_server(const struct request *request)
{
    return request->path.length == 1 && request->path.bytes[0] == '*';
}

/* Where the path of a request goes: the origin's own path before it, the prefix taken off. */
static struct span path_behind_prefix(const struct proxy_route *route,
                                      const struct request *request)
{
    struct span path = request->path;
    size_t prefix_bytes = route->prefix != NULL ? strlen(route->prefix) : 0;

    while (prefix_bytes > 0 && route->prefix[prefix_bytes - 1] == '/')
        prefix_bytes--;
    if (route->strips_prefix && path.length >= prefix_bytes)
        path = span_of(path.bytes + prefix_bytes, path.length - prefix_bytes);
    if (path.length == 0 || is_of_server(request))
        path = span_of("/", 1);
    return path;
}

static char *put(char *at, struct span text)
{
    return text.length > 0 ? mempcpy(at, text.bytes, text.length) : at;
}

/* Scheme, authority, and with a route what is put before the path. */
static char *put_begin(char *at, const struct proxy_route *route, const struct request *request)
{
    const struct fetch_url *origin = route->origin;
    size_t bytes = origin != NULL ? origin->text_bytes : 0;

    if (origin == NULL)
        return put(put(put(at, request->scheme), span_of_string("://")), request->authority);
    while (origin->text[bytes - 1] == '/')
        bytes--;
    return put(at, span_of(origin->text, bytes));
}

static int make_url(const struct proxy_route *route, const struct request *request,
                    struct fetch_url **ret_url)
{
    struct span path = path_behind_prefix(route, request);
    size_t room = (route->origin != NULL ? route->origin->text_bytes : 0) + request->scheme.length +
                  request->authority.length + path.length + request->query.length + sizeof ":///?";
    char *text = malloc(room);
    char *at;
    int err;

    if (text == NULL)
        return -ENOMEM;
    at = put(put_begin(text, route, request), path);
    if (request->query.bytes != NULL)
        at = put(put(at, span_of_string("?")), request->query);
    assert((size_t)(at - text) < room);
    err =
        fetch_url_parse(text, (size_t)(at - text), route->policy->settings.url_bytes_max, ret_url);
    free(text);
    return err;
}

/* Of whom the origin is told. `address` has room for an address as text. */
static void read_sender(const struct proxy_route *route, struct request *request,
                        char address[INET6_ADDRSTRLEN], struct forwarding_client *ret_sender)
{
    struct sockaddr_storage peer;
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)&peer;
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)&peer;

    *ret_sender =
        (struct forwarding_client){.host = request->authority, .is_trusted = route->trusts_clients};
    if (route->styles == FORWARDING_NOTHING || request_peer(request, &peer) < 0)
        return;
    if (inet_ntop(peer.ss_family,
                  peer.ss_family == AF_INET6 ? (const void *)&ipv6->sin6_addr
                                             : (const void *)&ipv4->sin_addr,
                  address, INET6_ADDRSTRLEN) == NULL)
        return;
    ret_sender->address = span_of_string(address);
    ret_sender->port = ntohs(peer.ss_family == AF_INET6 ? ipv6->sin6_port : ipv4->sin_port);
}

/* Whether what clients ask for is the path that the origin is asked for. */
static bool keeps_paths(const struct proxy_route *route)
{
    return route->origin != NULL && !route->strips_prefix &&
           strcmp(strchr(strstr(route->origin->text, "://") + 3, '/'), "/") == 0;
}

/* What else the origin is told of how clients call it. `buffer` has room for TOLD_BYTES_MAX. */
static int read_told(const struct proxy_route *route, const struct request *request, char *buffer,
                     struct span *ret_told)
{
    const struct forwarding_client sender = {.host = request->authority,
                                             .is_trusted = route->trusts_clients};
    size_t length;

    /* Of a client that is not trusted, that is the host alone, if anything. */
    if (!sender.is_trusted && request->authority.length < TOLD_BYTES_MAX) {
        *ret_told = route->styles != FORWARDING_NOTHING ? request->authority : span_of("", 0);
        return 0;
    }
    if (forwarding_told_write(request_fields(request), &sender, route->styles, buffer,
                              TOLD_BYTES_MAX, &length) < 0)
        return -E2BIG;
    *ret_told = span_of(buffer, length);
    return 0;
}

/* `draft` says what differs: method, protocol, and what the client has to do with it. */
static int make_request(const struct proxy_route *route, const struct store *store,
                        const struct request *request, struct fetch_url *url,
                        struct fetch_request_draft draft, struct fetch_request **ret_asked)
{
    draft.policy = route->policy;
    draft.store = store;
    draft.url = url;
    draft.is_of_server = draft.method.length > 0 && is_of_server(request);
    draft.host = sent_host(route, request);
    draft.public_host = keeps_paths(route) ? request->authority : span_of("", 0);
    draft.space = route->space;
    draft.styles = draft.sender != NULL ? route->styles : FORWARDING_NOTHING;
    return fetch_request_make(&draft, ret_asked);
}

static const struct store *store_of(const struct proxy_context *context)
{
    return fetcher_store(fetch_lane_fetcher(context->lane));
}

/* The request as it goes to the origin: a GET, unless `draft` says more. */
static int make_asked(struct proxy_context *context, struct request *request,
                      struct fetch_request_draft draft, struct fetch_url *url,
                      struct fetch_request **ret_asked)
{
    struct forwarding_client sender;
    char address[INET6_ADDRSTRLEN];
    char buffer[TOLD_BYTES_MAX];
    int err = read_told(context->route, request, buffer, &draft.told);

    if (err < 0)
        return err;
    read_sender(context->route, request, address, &sender);
    draft.client = request_fields(request);
    draft.sender = &sender;
    return make_request(context->route, store_of(context), request, url, draft, ret_asked);
}

static int make_plain(const struct proxy_route *route, const struct store *store,
                      const struct request *request, struct span told,
                      struct fetch_request **ret_plain)
{
    struct fetch_url *url;
    int err = make_url(route, request, &url);

    if (err < 0)
        return err;
    err = make_request(route, store, request, url, (struct fetch_request_draft){.told = told},
                       ret_plain);
    fetch_url_unref(url);
    return err;
}

int proxy_plain_request(const struct proxy_route *route, const struct store *store,
                        const struct request *request, struct fetch_request **ret_plain)
{
    char buffer[TOLD_BYTES_MAX];
    struct span told;
    int err = read_told(route, request, buffer, &told);

    return err < 0 ? err : make_plain(route, store, request, told, ret_plain);
}

static void release_plain(void *value)
{
    struct plain *plain = value;

    fetch_held_drop(&plain->slot);
    fetch_request_unref(plain->request);
    free(plain);
}

static int remember_plain(struct proxy_context *context, const struct request *request,
                          const struct memo_key *key, struct plain **ret_plain)
{
    struct plain *plain = calloc(1, sizeof *plain);
    int err;

    if (plain == NULL)
        return -ENOMEM;
    err = make_plain(context->route, store_of(context), request, key->parts[2], &plain->request);
    if (err < 0) {
        free(plain);
        return err;
    }
    err = memo_put(context->memo, key, plain);
    if (err == 0)
        *ret_plain = plain;
    return err;
}

/* Remembered: it belongs to the memo. */
static int find_plain(struct proxy_context *context, const struct request *request,
                      struct plain **ret_plain)
{
    struct memo_key key = {.parts = {request->target, sent_host(context->route, request)}};
    char buffer[TOLD_BYTES_MAX];
    int err = read_told(context->route, request, buffer, &key.parts[2]);

    if (err < 0)
        return err;
    *ret_plain = memo_find(context->memo, &key);
    return *ret_plain != NULL ? 0 : remember_plain(context, request, &key, ret_plain);
}

static void refuse_bad(struct request *request, int err)
{
    if (err == -ENOMEM)
        fetch_refuse(request, 503, "this server is out of memory", "out-of-memory");
    else
        fetch_refuse(request, 400, fetch_url_error_text(err), "bad-target");
}

/* To the origin. Takes the reference to `entry`, what the store has, or NULL. */
static void ask(struct proxy_context *context, struct request *request, struct fetch_request *plain,
                const struct fetch_wishes *wishes, struct entry *entry)
{
    const struct fetch_request_draft draft = {.method = request->method_name};
    struct fetch_request *asked;
    int err = make_asked(context, request, draft, plain->url, &asked);

    if (err < 0) {
        entry_unref(entry);
        refuse_bad(request, err);
        return;
    }
    if (entry == NULL && (asked->is_bypass || fetch_request_is_head(asked)))
        fetch_reply_start_bypass(request, context->lane, asked);
    else
        fetch_reply_start_proxied(request, context->lane, asked, wishes, entry);
    fetch_request_unref(asked);
}

/* By a GET with this client's fields. Without memory for it the next request tries again. */
static void refresh(struct proxy_context *context, struct request *request,
                    const struct fetch_request *plain)
{
    const struct fetch_request_draft draft = {.policy = NULL};
    struct fetch_request *asked;

    if (make_asked(context, request, draft, plain->url, &asked) < 0)
        return;
    if (!asked->is_bypass)
        fetch_lane_refresh(context->lane, asked);
    fetch_request_unref(asked);
}

/* To the origin, with the connection itself if it likes; what is stored has no say in it. */
static void start_upgrade(struct proxy_context *context, struct request *request,
                          struct span protocol)
{
    const struct fetch_request_draft draft = {.upgrade = protocol};
    struct fetch_request *asked = NULL;
    struct fetch_wishes wishes;
    struct fetch_url *url;
    int err = make_url(context->route, request, &url);

    if (err == 0) {
        err = make_asked(context, request, draft, url, &asked);
        fetch_url_unref(url);
    }
    if (err < 0) {
        upgrade_refuse_bad(request, err);
        return;
    }
    fetch_read_wishes(request, &context->route->policy->settings, &wishes);
    upgrade_start(request, context->lane, asked, &wishes);
    fetch_request_unref(asked);
}

/* Max-Forwards has run out: the client wants to know who is here. RFC 9110 section 7.6.2. */
static bool answer_last_hop(struct request *request)
{
    static const struct reply_field fields[] = {{"Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS"}};
    const struct reply_head head = {.status = 204, .fields = fields, .field_count = 1};

    if ((request->method & (REQUEST_OPTIONS | REQUEST_TRACE)) == 0 ||
        forwarding_hops_left(request_fields(request)) != 0)
        return false;
    if (request->method == REQUEST_OPTIONS)
        reply_copy(request, &head, "", 0);
    else
        fetch_refuse(request, 405, "TRACE is not answered here", "trace");
    return true;
}

static void start(struct request *request, void *context_pointer)
{
    struct proxy_context *context = context_pointer;
    const struct fetch_settings *settings = &context->route->policy->settings;
    int64_t now_s = fetch_lane_now_s(context->lane);
    bool is_cached = (request->method & (REQUEST_GET | REQUEST_HEAD)) != 0;
    struct plain *plain;
    struct fetch_wishes wishes;
    struct entry *entry = NULL;
    bool is_refresh_due = false;
    struct span protocol;
    int err;

    if (request->method == REQUEST_CONNECT) {
        tunnel_start(request, context->lane, &context->route->tunnels);
        return;
    }
    if (answer_last_hop(request))
        return;
    if (upgrade_is_wanted(request, context->route->upgrades, context->route->upgrade_count,
                          &protocol)) {
        start_upgrade(context, request, protocol);
        return;
    }
    err = find_plain(context, request, &plain);
    if (err < 0) {
        refuse_bad(request, err);
        return;
    }
    if (is_cached && hot_reply(request, &plain->slot, now_s))
        return;
    fetch_read_wishes(request, settings, &wishes);
    if (is_cached)
        entry = fetch_lane_reuse(context->lane, plain->request, request_fields(request),
                                 fetch_wished_control(&wishes), now_s, &is_refresh_due);
    if (is_refresh_due && !wishes.is_loop)
        refresh(context, request, plain->request);
    if (entry != NULL && !is_refresh_due)
        hot_keep(context->lane, &plain->slot, plain->request, entry);
    if (entry != NULL && fetch_reply_hit(request, &wishes, entry, now_s))
        return;
    if (entry == NULL && wishes.is_loop)
        fetch_refuse(request, 508, "this request has come through this server before", "loop");
    else if (entry == NULL && is_cached && fetch_is_only_if_cached(&wishes))
        fetch_refuse(request, 504, "not stored, and only-if-cached forbids to fetch it",
                     "only-if-cached");
    else
        ask(context, request, plain->request, &wishes, entry);
}

static void free_loop(void *context_pointer)
{
    struct proxy_context *context = context_pointer;

    memo_free(context->memo); /* what it holds is the lane's */
    lanes_put(context->route->lanes, context->loop_index);
    free(context);
}

static int start_loop(void *shared, struct async_loop *loop, unsigned loop_index,
                      void **ret_context)
{
    struct proxy_route *route = shared;
    struct proxy_context *context = calloc(1, sizeof *context);
    int err;

    if (context == NULL)
        return -ENOMEM;
    context->route = route;
    context->loop_index = loop_index;
    err = memo_new(release_plain, &context->memo);
    if (err == 0)
        err = lanes_get(route->lanes, loop, loop_index, &context->lane);
    if (err < 0) {
        memo_free(context->memo);
        free(context);
        return err;
    }
    *ret_context = context;
    return 0;
}

static void stop_loop(void *context_pointer)
{
    struct proxy_context *context = context_pointer;

    lanes_stop(context->route->lanes, context->loop_index);
}

struct server_route proxy_server_route(struct proxy_route *route)
{
    unsigned methods = REQUEST_ALL_METHODS;

    assert(route->space != NULL); /* or it would share with /fetch */
    if (route->tunnels.policy == NULL)
        methods &= ~(unsigned)REQUEST_CONNECT;
    return (struct server_route){
        .match = route->origin != NULL ? SERVER_PREFIX : SERVER_FORWARD,
        .host = route->host,
        .path = route->prefix,
        .is_confined = route->is_confined,
        .is_replaceable = true, /* what is begun here has references to all it needs */
        .methods = methods,
        .body_bytes_max = route->body_bytes_max,
        .streams_body = true,
        .start = start,
        .shared = route,
        .start_loop = start_loop,
        .stop_loop = stop_loop,
        .free_loop = free_loop,
    };
}
