/* SPDX-License-Identifier: MIT */
/*
 * test_router.c - a target goes to the most exact route with that loop's context, or to 404, or to
 * 405, or to 501.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "carrier.h"
#include "router.h"

/* A carrier that notes the head it is given. */
static struct {
    int status;
    char allow[ROUTER_ALLOW_BYTES];
} noted;

static void note_head(struct request *request, const struct reply_head *head, int64_t length_bytes,
                      bool has_body, struct reply_memory memory)
{
    (void)request;
    (void)length_bytes;
    (void)has_body;
    (void)memory;
    noted.status = head->status;
    noted.allow[0] = '\0';
    for (size_t i = 0; i < head->field_count; i++) {
        if (strcmp(head->fields[i].name, "Allow") == 0)
            strncpy(noted.allow, head->fields[i].value, sizeof(noted.allow) - 1);
    }
}

static void note_copy(struct request *request, const void *bytes, size_t length)
{
    (void)request;
    (void)bytes;
    (void)length;
}

static void note_end(struct request *request, struct iovec trailers)
{
    (void)request;
    (void)trailers;
}

static const struct carrier_ops carrier = {.head = note_head, .copy = note_copy, .end = note_end};

static void on_start(struct request *request, void *context)
{
    (void)request;
    *(int *)context += 1;
}

/* One counter for each route. */
#define ROUTES_MAX 12

static int counts[ROUTES_MAX];

static struct router router_of(const struct server_route *routes, size_t count)
{
    struct router router;

    assert_int_equal(router_init(&router, routes, count), 0);
    memset(counts, 0, sizeof(counts));
    for (size_t i = 0; i < count; i++)
        router.contexts[i] = &counts[i];
    return router;
}

/* The status, 0 when a handler got it; that one's counter is one more then. */
static int run_request(const struct router *router, struct request *request)
{
    struct router_choice choice = router_choose(router, request);

    request->carrier = &carrier;
    noted.status = 0;
    router_start(router, request, choice);
    assert_int_equal(noted.status, choice.status);
    return noted.status;
}

static const struct server_route routes[] = {
    {.path = "/first", .methods = REQUEST_GET | REQUEST_HEAD, .start = on_start},
    {.path = "/second", .methods = REQUEST_POST, .start = on_start},
};

static int run(enum request_method method, const char *path)
{
    struct router router = router_of(routes, 2);
    struct request request = {.method = method, .path = span_of_string(path)};
    int status = run_request(&router, &request);

    router_fini(&router);
    return status;
}

static void test_request_reaches_its_handler_with_its_context(void **state)
{
    (void)state;
    assert_int_equal(run(REQUEST_GET, "/first"), 0);
    assert_int_equal(counts[0], 1);
    assert_int_equal(run(REQUEST_HEAD, "/first"), 0);
    assert_int_equal(counts[0], 1);
    assert_int_equal(run(REQUEST_POST, "/second"), 0);
    assert_int_equal(counts[0], 0);
    assert_int_equal(counts[1], 1);
}

static void test_exact_paths_are_compared_as_a_whole(void **state)
{
    static const char *const paths[] = {"/", "/firs", "/first/", "/First", "/first2", "//first"};

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_int_equal(run(REQUEST_GET, paths[i]), 404);
        assert_int_equal(counts[0] + counts[1], 0);
    }
}

#define ANY REQUEST_ALL_METHODS

/* In an order that would be wrong if the first that fits were taken as they stand. */
static const struct server_route mixed[] = {
    {.match = SERVER_PREFIX, .path = "/", .methods = ANY, .start = on_start},        /* 0 */
    {.match = SERVER_PREFIX, .path = "/api", .methods = ANY, .start = on_start},     /* 1 */
    {.match = SERVER_PREFIX, .path = "/api/v2/", .methods = ANY, .start = on_start}, /* 2 */
    {.path = "/api/v2/exact", .methods = REQUEST_GET, .start = on_start},            /* 3 */
    {.match = SERVER_PREFIX,
     .host = "a.example",
     .path = "/",
     .methods = ANY, /* 4 */
     .start = on_start},
    {.match = SERVER_PREFIX,
     .host = "a.example",
     .path = "/api",
     .methods = ANY, /* 5 */
     .start = on_start},
    {.match = SERVER_PREFIX,
     .host = "a.example:8081",
     .path = "/",
     .methods = ANY, /* 6 */
     .start = on_start},
    {.path = "/fetch", .methods = REQUEST_GET, .start = on_start}, /* 7 */
    {.match = SERVER_PREFIX,
     .host = "[::1]",
     .path = "/",
     .methods = ANY, /* 8 */
     .start = on_start},
    {.match = SERVER_FORWARD,
     .methods = REQUEST_GET | REQUEST_OPTIONS | REQUEST_CONNECT,
     .start = on_start}, /* 9 */
};

#define MIXED (sizeof(mixed) / sizeof(mixed[0]))

struct lookup {
    int route; /* -1: none */
    int status;
    const char *authority;
    const char *path;
    enum request_form form;
    enum request_method method;
};

static void expect_lookups(const struct server_route *table, size_t table_count,
                           const struct lookup *lookups, size_t count)
{
    struct router router = router_of(table, table_count);

    for (size_t i = 0; i < count; i++) {
        struct request request = {.method =
                                      lookups[i].method != 0 ? lookups[i].method : REQUEST_GET,
                                  .form = lookups[i].form,
                                  .authority = span_of_string(lookups[i].authority),
                                  .path = span_of_string(lookups[i].path)};
        memset(counts, 0, sizeof(counts));
        if (run_request(&router, &request) != lookups[i].status)
            fail_msg("%zu: %s %s: %d", i, lookups[i].authority, lookups[i].path, noted.status);
        for (int route = 0; route < ROUTES_MAX; route++) {
            if (counts[route] != (route == lookups[i].route ? 1 : 0))
                fail_msg("%zu: %s %s went to %d", i, lookups[i].authority, lookups[i].path, route);
        }
    }
    router_fini(&router);
}

static void test_the_most_exact_route_wins(void **state)
{
    static const struct lookup lookups[] = {
        {0, 0, "b.example", "/", 0, 0},
        {0, 0, "b.example", "/apix", 0, 0},
        {0, 0, "", "/fetch/", 0, 0},
        {0, 0, "", "//api", 0, 0},
        {1, 0, "b.example", "/api", 0, 0},
        {1, 0, "b.example", "/api/", 0, 0},
        {1, 0, "b.example", "/api/v2", 0, 0},
        {2, 0, "b.example", "/api/v2/", 0, 0},
        {2, 0, "b.example", "/api/v2/exact/", 0, 0},
        {3, 0, "b.example", "/api/v2/exact", 0, 0},
        {-1, 405, "b.example", "/api/v2/exact", 0, REQUEST_POST},
        {7, 0, "b.example:8080", "/fetch", 0, 0},
        {4, 0, "a.example", "/fetch", 0, 0},
        {4, 0, "A.Example:8080", "/x", 0, 0},
        {5, 0, "a.example", "/api/v2/exact", 0, 0},
        {6, 0, "a.example:8081", "/api", 0, 0},
        {0, 0, "a.example.b", "/x", 0, 0},
        {0, 0, "xa.example", "/x", 0, 0},
        {8, 0, "[::1]", "/x", 0, 0},
        {8, 0, "[::1]:8080", "/fetch", 0, 0},
        {0, 0, "[::2]:8080", "/x", 0, 0},
        {1, 0, "", "/api", 0, REQUEST_OTHER},
        {-1, 501, "", "/fetch", 0, REQUEST_OTHER},
    };

    (void)state;
    expect_lookups(mixed, MIXED, lookups, sizeof(lookups) / sizeof(lookups[0]));
}

static void test_foreign_targets_are_for_the_forward_route(void **state)
{
    static const struct lookup lookups[] = {
        {9, 0, "b.example", "/fetch", REQUEST_ABSOLUTE_FORM, 0},
        {9, 0, "a.example:443", "", REQUEST_AUTHORITY_FORM, REQUEST_CONNECT},
        {5, 0, "a.example", "/api", REQUEST_ABSOLUTE_FORM, 0},
        {-1, 405, "b.example", "/", REQUEST_ABSOLUTE_FORM, REQUEST_POST},
        {-1, 501, "b.example", "/", REQUEST_ABSOLUTE_FORM, REQUEST_OTHER},
        {-1, 204, "b.example", "*", REQUEST_ASTERISK_FORM, REQUEST_OPTIONS},
        {9, 0, "b.example", "*", REQUEST_ABSOLUTE_FORM, REQUEST_OPTIONS},
        {-1, 204, "a.example", "*", REQUEST_ABSOLUTE_FORM, REQUEST_OPTIONS},
    };

    (void)state;
    expect_lookups(mixed, MIXED, lookups, sizeof(lookups) / sizeof(lookups[0]));
}

static void test_without_a_forward_route_an_absolute_target_is_as_any(void **state)
{
    static const struct lookup lookups[] = {
        {7, 0, "b.example", "/fetch", REQUEST_ABSOLUTE_FORM, 0},
        {4, 0, "a.example", "/fetch", REQUEST_ABSOLUTE_FORM, 0},
        {-1, 405, "a.example:443", "", REQUEST_AUTHORITY_FORM, REQUEST_CONNECT},
    };

    (void)state;
    expect_lookups(mixed, MIXED - 1, lookups, sizeof(lookups) / sizeof(lookups[0]));
}

/* A server behind a confined route may take such a path for a step out of it. */
static void test_hidden_dots_do_not_leave_a_confined_route(void **state)
{
    static const struct server_route confined[] = {
        {.match = SERVER_PREFIX, .path = "/", .methods = ANY, .start = on_start},
        {.match = SERVER_PREFIX,
         .path = "/api",
         .methods = ANY,
         .start = on_start,
         .is_confined = true},
    };

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct router router = router_of(confined, 2);
        struct request request = {.method = i < 2 ? REQUEST_GET : REQUEST_OTHER,
                                  .path =
                                      span_of_string(i % 2 == 0 ? "/x/..%2Fapi" : "/api/..%2Fx"),
                                  .path_hides_dots = true};

        assert_int_equal(run_request(&router, &request), i % 2 == 0 ? 0 : 400);
        assert_int_equal(counts[0], i % 2 == 0);
        assert_int_equal(counts[1], 0);
        router_fini(&router);
    }
}

static void test_methods_a_path_does_not_take_are_told_which_it_does(void **state)
{
    (void)state;
    assert_int_equal(run(REQUEST_POST, "/first"), 405);
    assert_string_equal(noted.allow, "GET, HEAD");
    assert_int_equal(run(REQUEST_GET, "/second"), 405);
    assert_string_equal(noted.allow, "POST");
}

static void test_methods_without_a_name_here_are_not_implemented(void **state)
{
    (void)state;
    assert_int_equal(run(REQUEST_OTHER, "/first"), 501);
    assert_int_equal(run(REQUEST_OTHER, "/nothing"), 501);
}

/* Of the routes that are served where it was asked. */
static void test_options_of_the_server_tell_what_any_path_takes(void **state)
{
    (void)state;
    assert_int_equal(run(REQUEST_OPTIONS, "*"), 204);
    assert_string_equal(noted.allow, "GET, HEAD, POST, OPTIONS");
    assert_int_equal(run(REQUEST_CONNECT, ""), 405);
}

/* Whoever serves the host or path, and where the route is served. */
static void test_a_method_may_be_a_routes_own(void **state)
{
    static const struct server_route own[] = {
        {.match = SERVER_PREFIX, .path = "/", .methods = ANY, .start = on_start},
        {.match = SERVER_PREFIX,
         .host = "a.example",
         .path = "/",
         .methods = ANY,
         .is_confined = true,
         .start = on_start},
        {.match = SERVER_FORWARD, .methods = ANY, .start = on_start},
        {.match = SERVER_METHOD,
         .path = "PURGE",
         .methods = REQUEST_OTHER,
         .addresses = SERVER_ADDRESS(0),
         .start = on_start},
    };
    static const struct {
        const char *method, *host;
        enum request_form form;
        int routes[2]; /* on each address */
    } rows[] = {
        {"PURGE", "b.example", REQUEST_ORIGIN_FORM, {3, 0}},
        {"PURGE", "a.example", REQUEST_ORIGIN_FORM, {3, 1}},
        {"PURGE", "b.example", REQUEST_ABSOLUTE_FORM, {3, 2}},
        {"purge", "b.example", REQUEST_ORIGIN_FORM, {0, 0}},
        {"PURGES", "b.example", REQUEST_ORIGIN_FORM, {0, 0}},
        {"PURG", "b.example", REQUEST_ORIGIN_FORM, {0, 0}},
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        struct router router = router_of(own, 4);
        struct request request = {.method = REQUEST_OTHER,
                                  .method_name = span_of_string(rows[i / 2].method),
                                  .form = rows[i / 2].form,
                                  .path = span_of_string("/x"),
                                  .authority = span_of_string(rows[i / 2].host),
                                  .address_index = i % 2};

        assert_int_equal(run_request(&router, &request), 0);
        for (int route = 0; route < 4; route++)
            assert_int_equal(counts[route], route == rows[i / 2].routes[i % 2]);
        router_fini(&router);
    }
}

/* Of two listeners one is the operator's: none of his is for clients, nor the other way round. */
static void test_routes_are_served_where_they_say(void **state)
{
    static const struct server_route apart[] = {
        {.match = SERVER_PREFIX, .path = "/", .methods = ANY, .start = on_start, .addresses = 1},
        {.path = "/purge", .methods = ANY, .start = on_start, .addresses = SERVER_ADDRESS(1)},
        {.path = "/healthz", .methods = ANY, .start = on_start},
        {.match = SERVER_FORWARD, .methods = ANY, .start = on_start, .addresses = 1},
    };
    static const struct {
        const char *path;
        enum request_form form;
        int routes[2]; /* on each address; -1: none */
    } rows[] = {
        {"/purge", REQUEST_ORIGIN_FORM, {0, 1}},
        {"/", REQUEST_ORIGIN_FORM, {0, -1}},
        {"/healthz", REQUEST_ORIGIN_FORM, {2, 2}},
        {"/purge", REQUEST_ABSOLUTE_FORM, {3, 1}},
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        struct router router = router_of(apart, 4);
        struct request request = {.method = REQUEST_GET,
                                  .form = rows[i / 2].form,
                                  .path = span_of_string(rows[i / 2].path),
                                  .authority = span_of_string("a.example"),
                                  .address_index = i % 2};
        int wanted = rows[i / 2].routes[i % 2];

        assert_int_equal(run_request(&router, &request), wanted < 0 ? 404 : 0);
        for (int route = 0; route < 4; route++)
            assert_int_equal(counts[route], route == wanted);
        router_fini(&router);
    }
}

static void test_all_methods_fit_into_allow(void **state)
{
    char allow[ROUTER_ALLOW_BYTES];

    (void)state;
    assert_string_equal(router_allow((unsigned)REQUEST_PATCH * 2 - 1, allow),
                        "GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, PATCH");
    assert_string_equal(router_allow(0, allow), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_reaches_its_handler_with_its_context),
        cmocka_unit_test(test_exact_paths_are_compared_as_a_whole),
        cmocka_unit_test(test_the_most_exact_route_wins),
        cmocka_unit_test(test_foreign_targets_are_for_the_forward_route),
        cmocka_unit_test(test_without_a_forward_route_an_absolute_target_is_as_any),
        cmocka_unit_test(test_hidden_dots_do_not_leave_a_confined_route),
        cmocka_unit_test(test_methods_a_path_does_not_take_are_told_which_it_does),
        cmocka_unit_test(test_methods_without_a_name_here_are_not_implemented),
        cmocka_unit_test(test_options_of_the_server_tell_what_any_path_takes),
        cmocka_unit_test(test_routes_are_served_where_they_say),
        cmocka_unit_test(test_a_method_may_be_a_routes_own),
        cmocka_unit_test(test_all_methods_fit_into_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
