/* SPDX-License-Identifier: MIT */
/* purge.c - see purge.h. */
#include "purge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../problem.h"
#include "../reply.h"
#include "../router.h"
#include "log/log.h"
#include "proxy.h"
#include "purge_wish.h"

struct purger {
    struct fetcher *fetcher;
    struct router router; /* of the routes that proxies serve */
    struct server_route routes[];
};

int purger_new(struct fetcher *fetcher, const struct server_route *routes, size_t route_count,
               struct purger **ret_purger)
{
    struct purger *purger = calloc(1, sizeof *purger + route_count * sizeof *routes);

    if (purger == NULL)
        return -ENOMEM;
    purger->fetcher = fetcher;
    if (route_count > 0)
        memcpy(purger->routes, routes, route_count * sizeof *routes);
    if (router_init(&purger->router, purger->routes, route_count) < 0) {
        free(purger);
        return -ENOMEM;
    }
    *ret_purger = purger;
    return 0;
}

void purger_free(struct purger *purger)
{
    if (purger == NULL)
        return;
    router_fini(&purger->router);
    free(purger);
}

static void answer(struct request *request, const char *text)
{
    static const struct reply_field fields[] = {
        {.name = "Content-Type", .value = "application/json"},
        {.name = "Cache-Control", .value = "no-store"},
    };
    static const struct reply_head head = {.status = 200, .fields = fields, .field_count = 2};

    reply_copy(request, &head, text, strlen(text));
}

/* As a client would ask for that URL. */
static void request_of_url(struct span url, struct request *ret_request)
{
    const char *end = url.bytes + url.length;
    const char *scheme_end = memmem(url.bytes, url.length, "://", 3);
    const char *authority = scheme_end + 3, *path = authority, *query;

    *ret_request = (struct request){.method = REQUEST_GET, .form = REQUEST_ORIGIN_FORM};
    if (memchr(authority, '#', (size_t)(end - authority)) != NULL)
        end = memchr(authority, '#', (size_t)(end - authority));
    while (path < end && *path != '/' && *path != '?')
        path++;
    query = memchr(path, '?', (size_t)(end - path));
    ret_request->scheme = span_of(url.bytes, (size_t)(scheme_end - url.bytes));
    ret_request->authority = span_of(authority, (size_t)(path - authority));
    ret_request->path = span_of(path, (size_t)((query != NULL ? query : end) - path));
    ret_request->target = span_of(path, (size_t)(end - path));
    if (ret_request->path.length == 0)
        ret_request->path = span_of("/", 1);
    if (query != NULL)
        ret_request->query = span_of(query + 1, (size_t)(end - query) - 1);
}

static unsigned purge_key(struct purger *purger, const struct key *key)
{
    return fetcher_purge(purger->fetcher, key) ? 1 : 0;
}

static unsigned purge_of_route(struct purger *purger, const struct server_route *route,
                               const struct request *asked)
{
    struct fetch_request *plain;
    unsigned count;

    if (route == NULL ||
        proxy_plain_request(route->shared, fetcher_store(purger->fetcher), asked, &plain) < 0)
        return 0;
    count = purge_key(purger, &plain->key);
    fetch_request_unref(plain);
    return count;
}

/* It may be stored in three places, and the operator need not know in which. */
static void purge_url(struct purger *purger, struct request *request, struct span text)
{
    const size_t bytes_max = fetcher_settings(purger->fetcher)->url_bytes_max;
    struct request asked;
    struct fetch_url *url;
    struct key key;
    char body[64];
    unsigned count;
    int err = fetch_url_parse(text.bytes, text.length, bytes_max, &url);

    if (err < 0) {
        problem_send(request, 400, fetch_url_error_text(err), NULL, 0);
        return;
    }
    store_key_init(fetcher_store(purger->fetcher), &key, url->text, url->text_bytes);
    count = purge_key(purger, &key);
    fetch_url_unref(url);
    request_of_url(text, &asked);
    count += purge_of_route(purger, router_choose(&purger->router, &asked).route, &asked);
    count += purge_of_route(purger, purger->router.forward, &asked);
    snprintf(body, sizeof body, "{\"purged\":%u}\n", count);
    answer(request, body);
}

static void start(struct request *request, void *context)
{
    struct purger *purger = context;
    struct purge_wish wish;
    const char *fault;
    int err;

    if (request_field(request, "Origin") != NULL) {
        problem_send(request, 403, "Pages of a browser may not ask for this.", NULL, 0);
        return;
    }
    err = purge_wish_read(request->query, &wish, &fault);
    if (err < 0) {
        problem_send(request, err == -ENOMEM ? 503 : 400, fault, NULL, 0);
        return;
    }
    purge_url(purger, request, wish.values[0]);
    purge_wish_fini(&wish);
}

struct server_route purge_route(struct purger *purger)
{
    return (struct server_route){
        .path = "/purge",
        .methods = REQUEST_POST,
        .start = start,
        .shared = purger,
    };
}
