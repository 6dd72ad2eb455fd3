/* SPDX-License-Identifier: MIT */
/*
 * router.c - see router.h. The routes are few, so they are looked through in order; they have been
 * sorted so that the first that fits is the most exact.
 */
#include "router.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "reply.h"

static bool has_port(struct span host)
{
    const char *colon = memrchr(host.bytes, ':', host.length);

    /* The colons of an address stand in brackets. */
    return colon != NULL && memchr(colon, ']', host.length - (size_t)(colon - host.bytes)) == NULL;
}

/* The host of an authority, without its port. */
static struct span without_port(struct span authority)
{
    if (authority.length > 0 && has_port(authority))
        authority.length = (size_t)((const char *)memrchr(authority.bytes, ':', authority.length) -
                                    authority.bytes);
    return authority;
}

/* Negative if `left` is more exact. Those of equal rank keep the order of the routes. */
static int compare(const void *left_pointer, const void *right_pointer)
{
    const struct router_place *left = left_pointer;
    const struct router_place *right = right_pointer;
    bool left_any = left->host.bytes == NULL;
    bool right_any = right->host.bytes == NULL;

    if (left_any != right_any)
        return left_any ? 1 : -1;
    if (left->has_port != right->has_port)
        return left->has_port ? -1 : 1;
    if (left->is_prefix != right->is_prefix)
        return left->is_prefix ? 1 : -1;
    if (left->path.length != right->path.length)
        return left->path.length > right->path.length ? -1 : 1;
    return left->route < right->route ? -1 : 1;
}

int router_init(struct router *router, const struct server_route *routes, size_t route_count)
{
    memset(router, 0, sizeof(*router));
    router->contexts = calloc(route_count + 1, sizeof(*router->contexts));
    router->places = calloc(route_count + 1, sizeof(*router->places));
    if (router->contexts == NULL || router->places == NULL) {
        router_fini(router);
        return -ENOMEM;
    }
    router->routes = routes;
    router->route_count = route_count;
    for (size_t i = 0; i < route_count; i++) {
        const struct server_route *route = &routes[i];
        if (route->match == SERVER_FORWARD) {
            if (router->forward == NULL)
                router->forward = route;
            continue;
        }
        if (route->match == SERVER_METHOD) {
            assert(router->method == NULL);
            router->method = route;
            continue;
        }
        struct span host = route->host == NULL ? span_of(NULL, 0) : span_of_string(route->host);
        router->places[router->place_count++] = (struct router_place){
            .host = host,
            .path = span_of_string(route->path),
            .has_port = host.length > 0 && has_port(host),
            .is_prefix = route->match == SERVER_PREFIX,
            .route = route,
        };
    }
    qsort(router->places, router->place_count, sizeof(*router->places), compare);
    return 0;
}

void router_fini(struct router *router)
{
    free(router->contexts);
    free(router->places);
    memset(router, 0, sizeof(*router));
}

static bool fits_host(const struct router_place *place, struct span authority)
{
    return span_equals_ignoring_case(place->host,
                                     place->has_port ? authority : without_port(authority));
}

static bool fits_path(const struct router_place *place, struct span path)
{
    struct span own = place->path;

    if (!place->is_prefix)
        return span_equals(own, path);
    return path.length >= own.length && memcmp(path.bytes, own.bytes, own.length) == 0 &&
           (path.length == own.length || path.bytes[own.length] == '/' ||
            own.bytes[own.length - 1] == '/');
}

static bool is_served(const struct server_route *route, const struct request *request)
{
    return route->addresses == 0 ||
           (route->addresses & SERVER_ADDRESS(request->address_index)) != 0;
}

/* Whether a route has this host for itself. */
static bool is_own_host(const struct router *router, const struct request *request)
{
    /* Those with a host come first. */
    for (size_t i = 0; i < router->place_count && router->places[i].host.bytes != NULL; i++) {
        if (is_served(router->places[i].route, request) &&
            fits_host(&router->places[i], request->authority))
            return true;
    }
    return false;
}

static bool is_own_method(const struct router *router, const struct request *request)
{
    return router->method != NULL && is_served(router->method, request) &&
           span_equals(request->method_name, span_of_string(router->method->path));
}

static bool is_for_forward(const struct router *router, const struct request *request)
{
    if (router->forward == NULL || !is_served(router->forward, request))
        return false;
    return request->form == REQUEST_AUTHORITY_FORM ||
           (request->form == REQUEST_ABSOLUTE_FORM && !is_own_host(router, request));
}

static const struct router_place *find(const struct router *router, const struct request *request)
{
    for (size_t i = 0; i < router->place_count; i++) {
        const struct router_place *place = &router->places[i];
        if (is_served(place->route, request) && fits_path(place, request->path) &&
            (place->host.bytes == NULL || fits_host(place, request->authority)))
            return place;
    }
    return NULL;
}

struct router_choice router_choose(const struct router *router, const struct request *request)
{
    struct router_choice choice = {.route = NULL, .status = 404};
    const struct router_place *place;

    if (request->method == REQUEST_OTHER && is_own_method(router, request)) {
        choice.route = router->method;
        choice.status = 0;
        return choice;
    }
    if (is_for_forward(router, request)) {
        choice.route = router->forward;
    } else if (request->path.length == 0 || request->path.bytes[0] != '/') {
        /* OPTIONS * and CONNECT are about the server, not a path. */
        choice.status = request->method == REQUEST_OPTIONS ? 204 : 405;
    } else if ((place = find(router, request)) != NULL) {
        choice.route = place->route;
        if (request->path_hides_dots && choice.route->is_confined) {
            choice.status = 400;
            return choice;
        }
    }
    if (choice.route != NULL)
        choice.status = (choice.route->methods & (unsigned)request->method) != 0 ? 0 : 405;
    if (choice.status != 0 && request->method == REQUEST_OTHER)
        choice.status = 501;
    return choice;
}

/* OPTIONS of the server as a whole: the methods that any path takes, and this one. Source: RFC 9110
 * section 9.3.7. */
static void answer_for_all(const struct router *router, struct request *request)
{
    unsigned methods = REQUEST_OPTIONS;
    char allow[ROUTER_ALLOW_BYTES];
    struct reply_field field = {.name = "Allow", .value = allow};
    struct reply_head head = {.status = 204, .fields = &field, .field_count = 1};

    for (size_t i = 0; i < router->route_count; i++) {
        if (is_served(&router->routes[i], request))
            methods |= router->routes[i].methods;
    }
    router_allow(methods, allow);
    reply_copy(request, &head, "", 0);
}

const char *router_allow(unsigned methods, char buffer[ROUTER_ALLOW_BYTES])
{
    char *at = buffer;

    for (unsigned method = REQUEST_GET; method <= REQUEST_PATCH; method <<= 1) {
        if ((methods & method) == 0)
            continue;
        if (at != buffer)
            at = stpcpy(at, ", ");
        at = stpcpy(at, request_method_name((enum request_method)method));
        assert(at < buffer + ROUTER_ALLOW_BYTES);
    }
    *at = '\0';
    return buffer;
}

static bool is_guarded(const struct server_guard *guard, const struct server_route *route,
                       const struct request *request)
{
    if (route != NULL && route->access != SERVER_AS_ADDRESS)
        return route->access == SERVER_GUARDED;
    return (guard->addresses & SERVER_ADDRESS(request->address_index)) != 0;
}

void router_start(const struct router *router, struct request *request, struct router_choice choice)
{
    const struct server_route *route = choice.route;
    char allow[ROUTER_ALLOW_BYTES];

    if (router->guard != NULL && is_guarded(router->guard, route, request) &&
        !router->guard->admits(request, router->guard->context))
        return;
    switch (choice.status) {
    case 0:
        route->start(request, router->contexts[route - router->routes]);
        return;
    case 204:
        answer_for_all(router, request);
        return;
    case 400:
        problem_send(request, 400,
                     "The path may lead out of what is served here: a segment of it is \".\" or "
                     "\"..\" to a server that decodes slashes, or ends segments at a semicolon.",
                     NULL, 0);
        return;
    case 404:
        problem_send(request, 404, "Nothing is served under this path.", NULL, 0);
        return;
    case 501:
        problem_send(request, 501, "This server does not know the method.", NULL, 0);
        return;
    default: {
        unsigned methods = route != NULL ? route->methods : REQUEST_GET | REQUEST_HEAD;
        struct reply_field field = {.name = "Allow", .value = router_allow(methods, allow)};
        assert(choice.status == 405);
        problem_send(request, 405,
                     "The resource does not take this method; Allow names those it "
                     "takes.",
                     &field, 1);
        return;
    }
    }
}
