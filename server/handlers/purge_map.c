/* SPDX-License-Identifier: MIT */
/* purge_map.c - see purge_map.h. */
#include "purge_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <fetch/purge.h>
#include <http/url.h>

#include "../router.h"
#include "proxy.h"

struct purge_map {
    void (*release)(void *owner);
    void *owner;
    struct router router;
    struct server_route routes[];
};

/* What is done with a key. */
struct purge_how {
    struct fetcher *fetcher;
    bool is_soft;
    int64_t now_s;
};

int purge_map_new(const struct server_route *routes, size_t route_count,
                  void (*release)(void *owner), void *owner, struct purge_map **ret_map)
{
    struct purge_map *map = calloc(1, sizeof *map + route_count * sizeof *routes);

    if (map == NULL)
        return -ENOMEM;
    if (route_count > 0)
        memcpy(map->routes, routes, route_count * sizeof *routes);
    if (router_init(&map->router, map->routes, route_count) < 0) {
        free(map);
        return -ENOMEM;
    }
    map->release = release;
    map->owner = owner;
    *ret_map = map;
    return 0;
}

void purge_map_free(struct purge_map *map)
{
    if (map == NULL)
        return;
    router_fini(&map->router);
    map->release(map->owner);
    free(map);
}

/* As a client would ask for that URL, which is normalised. */
static void request_of_url(struct span url, struct request *ret_request)
{
    const char *end = url.bytes + url.length;
    const char *scheme_end = memmem(url.bytes, url.length, "://", 3);
    const char *authority = scheme_end + 3;
    const char *path = memchr(authority, '/', (size_t)(end - authority));
    const char *query = memchr(path, '?', (size_t)(end - path));

    *ret_request = (struct request){.method = REQUEST_GET, .form = REQUEST_ORIGIN_FORM};
    ret_request->scheme = span_of(url.bytes, (size_t)(scheme_end - url.bytes));
    ret_request->authority = span_of(authority, (size_t)(path - authority));
    ret_request->path = span_of(path, (size_t)((query != NULL ? query : end) - path));
    ret_request->target = span_of(path, (size_t)(end - path));
    if (query != NULL)
        ret_request->query = span_of(query + 1, (size_t)(end - query) - 1);
}

static unsigned purge_key(const struct purge_how *how, const struct key *key)
{
    bool was_there = how->is_soft ? fetcher_expire(how->fetcher, key, how->now_s)
                                  : fetcher_purge(how->fetcher, key);

    return was_there ? 1 : 0;
}

static unsigned purge_fetched(const struct purge_how *how, const struct fetch_url *url)
{
    struct key key;

    store_key_init(fetcher_store(how->fetcher), &key, url->text, url->text_bytes);
    return purge_key(how, &key);
}

/* The URL that "/fetch?url=" names. */
static unsigned purge_of_fetch(const struct purge_how *how, const struct request *asked)
{
    struct span value;
    struct fetch_url *url;
    size_t length;
    char *text;
    unsigned count = 0;

    if (url_query_find_one(asked->query, "url", &value) < 0)
        return 0;
    text = malloc(value.length + 1);
    if (text == NULL)
        return 0;
    if (url_percent_decode(value, text, value.length, &length) == 0 &&
        fetch_url_parse(text, length, fetcher_settings(how->fetcher)->url_bytes_max, &url) == 0) {
        count = purge_fetched(how, url);
        fetch_url_unref(url);
    }
    free(text);
    return count;
}

static unsigned purge_of_route(const struct purge_how *how, const struct server_route *route,
                               const struct request *asked)
{
    const struct proxy_route *proxy;
    struct fetch_request *plain;
    unsigned count;

    if (route != NULL && route->match == SERVER_EXACT)
        return purge_of_fetch(how, asked);
    proxy = route != NULL ? route->shared : NULL;
    if (proxy == NULL || proxy_plain_request(proxy, fetcher_store(how->fetcher), asked, &plain) < 0)
        return 0;
    count = purge_key(how, &plain->key);
    /* What proxies before this one have told of the URL makes keys of their own. */
    if (proxy->trusts_clients)
        store_purge_tag(fetcher_store(how->fetcher), plain->key.hash, how->is_soft, how->now_s);
    fetch_request_unref(plain);
    return count;
}

unsigned purge_map_purge(const struct purge_map *map, struct fetcher *fetcher,
                         const struct fetch_url *url, bool is_soft, int64_t now_s)
{
    const struct purge_how how = {.fetcher = fetcher, .is_soft = is_soft, .now_s = now_s};
    struct request asked;

    request_of_url(span_of(url->text, url->text_bytes), &asked);
    return purge_fetched(&how, url) +
           purge_of_route(&how, router_choose(&map->router, &asked).route, &asked) +
           purge_of_route(&how, map->router.forward, &asked);
}
