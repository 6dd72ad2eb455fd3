/* SPDX-License-Identifier: MIT */
/*
 * router.c - see router.h. There are a handful of routes, so they are looked through in order.
 */
#include "router.h"

#include <assert.h>
#include <string.h>

#include "problem.h"

const struct server_route *router_find(const struct router *router, struct span path)
{
    for (size_t i = 0; i < router->route_count; i++) {
        if (span_equals(path, span_of_string(router->routes[i].path)))
            return &router->routes[i];
    }
    return NULL;
}

/* The targets of OPTIONS * and CONNECT are about the server, not a path: never found, but refused
 * for their method. */
static bool is_about_server(const struct request *request)
{
    return request->path.length == 0 || request->path.bytes[0] != '/';
}

int router_status(const struct router *router, const struct request *request)
{
    const struct server_route *route = router_find(router, request->path);

    if (route == NULL)
        return is_about_server(request) ? 405 : 404;
    return (route->methods & (unsigned)request->method) != 0 ? 0 : 405;
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

void router_start(const struct router *router, struct request *request)
{
    const struct server_route *route = router_find(router, request->path);
    char allow[ROUTER_ALLOW_BYTES];

    switch (router_status(router, request)) {
    case 404:
        problem_send(request, 404, "Nothing is served under this path.", NULL, 0);
        return;
    case 405: {
        unsigned methods = route != NULL ? route->methods : REQUEST_GET | REQUEST_HEAD;
        struct reply_field field = {.name = "Allow", .value = router_allow(methods, allow)};
        problem_send(request, 405,
                     "The resource does not take this method; Allow names those it "
                     "takes.",
                     &field, 1);
        return;
    }
    default:
        route->start(request, router->contexts[route - router->routes]);
    }
}
