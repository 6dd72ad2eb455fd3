/* SPDX-License-Identifier: MIT */
/*
 * test_router.c - a path goes to its handler with that loop's context, or to 404, or to 405.
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

static void note_end(struct request *request)
{
    (void)request;
}

static const struct carrier_ops carrier = {.head = note_head, .copy = note_copy, .end = note_end};

static void on_start(struct request *request, void *context)
{
    (void)request;
    *(int *)context += 1;
}

static int first_count;
static int second_count;
static const struct server_route routes[] = {
    {.path = "/first", .methods = REQUEST_GET | REQUEST_HEAD, .start = on_start},
    {.path = "/second", .methods = REQUEST_POST, .start = on_start},
};
static void *contexts[] = {&first_count, &second_count};
static const struct router router = {.routes = routes, .contexts = contexts, .route_count = 2};

static int run(enum request_method method, const char *path)
{
    struct request request = {.method = method, .path = span_of_string(path), .carrier = &carrier};

    noted.status = 0;
    router_start(&router, &request);
    assert_int_equal(noted.status, router_status(&router, &request));
    return noted.status;
}

static void test_request_reaches_its_handler_with_its_context(void **state)
{
    (void)state;
    first_count = second_count = 0;
    assert_int_equal(run(REQUEST_GET, "/first"), 0);
    assert_int_equal(run(REQUEST_HEAD, "/first"), 0);
    assert_int_equal(run(REQUEST_POST, "/second"), 0);
    assert_int_equal(first_count, 2);
    assert_int_equal(second_count, 1);
}

static void test_paths_are_compared_as_a_whole(void **state)
{
    static const char *const paths[] = {"/", "/firs", "/first/", "/First", "/first2", "//first"};

    (void)state;
    first_count = second_count = 0;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_int_equal(run(REQUEST_GET, paths[i]), 404);
    assert_int_equal(first_count + second_count, 0);
}

static void test_methods_a_path_does_not_take_are_told_which_it_does(void **state)
{
    (void)state;
    assert_int_equal(run(REQUEST_POST, "/first"), 405);
    assert_string_equal(noted.allow, "GET, HEAD");
    assert_int_equal(run(REQUEST_GET, "/second"), 405);
    assert_string_equal(noted.allow, "POST");
}

static void test_targets_about_the_server_are_refused_by_method(void **state)
{
    (void)state;
    assert_int_equal(run(REQUEST_OPTIONS, "*"), 405);
    assert_string_equal(noted.allow, "GET, HEAD");
    assert_int_equal(run(REQUEST_CONNECT, ""), 405);
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
        cmocka_unit_test(test_paths_are_compared_as_a_whole),
        cmocka_unit_test(test_methods_a_path_does_not_take_are_told_which_it_does),
        cmocka_unit_test(test_targets_about_the_server_are_refused_by_method),
        cmocka_unit_test(test_all_methods_fit_into_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
