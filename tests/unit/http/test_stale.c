/* SPDX-License-Identifier: MIT */
/*
 * test_stale.c - COALESCING cases 4, 5, 14, 22 and 29, RFC 9111 sections 4.2.4 and 5.2.1, and RFC
 * 5861, as tables.
 */
#include <http/stale.h>

#include "field_list.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define HUGE_S       CACHE_CONTROL_SECONDS_MAX

static const struct stale_windows windows = {
    .while_revalidating_s = 3, .if_error_s = 5, .if_unreachable_s = 7};

static struct cache_control control_of(const char *directives)
{
    struct cache_control control;

    cache_control_init(&control);
    cache_control_add(&control, span_of_string(directives));
    return control;
}

static void test_response_may_forbid_it(void **state)
{
    static const struct {
        const char *directives;
        bool is_forbidden;
    } cases[] = {
        {"", false},
        {"max-age=1", false},
        {"max-age=1, public, immutable", false},
        {"private", false},
        {"no-store", true},
        {"no-store, must-understand", false},
        {"no-cache", true},
        {"no-cache=\"set-cookie\"", true},
        {"max-age=1, must-revalidate", true},
        {"max-age=1, proxy-revalidate", true},
        {"s-maxage=1", true},
        {"s-maxage=0", true},
        {"max-age=1, s-maxage=1, stale-while-revalidate=60, stale-if-error=60", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cache_control response = control_of(cases[i].directives);

        print_message("case %zu: %s\n", i, cases[i].directives);
        assert_int_equal(stale_is_forbidden(&response), cases[i].is_forbidden);
    }
}

static void test_window_is_stated_or_the_default(void **state)
{
    static const struct {
        const char *response, *request;
        int64_t while_revalidating_s, if_error_s, if_unreachable_s;
    } cases[] = {
        {"max-age=1", "", 3, 5, 7},
        {"max-age=1, stale-while-revalidate=60", "", 60, 5, 7},
        {"max-age=1, stale-while-revalidate=0", "", 0, 5, 7},
        {"max-age=1, stale-if-error=60", "", 3, 60, 60},
        {"max-age=1, stale-if-error=0", "", 3, 0, 0},
        {"max-age=1, must-revalidate, stale-if-error=60", "", 0, 0, 0},
        {"no-cache, stale-while-revalidate=60", "stale-if-error=60", 0, 0, 0},
        /* Requests. */
        {"max-age=1", "no-cache", 0, 0, 0},
        {"max-age=1", "max-age=0", 0, 0, 0},
        {"max-age=1", "max-age=60", 0, 0, 0},
        {"max-age=1", "min-fresh=1", 0, 0, 0},
        {"max-age=1", "max-stale=9", 9, 9, 9},
        {"max-age=1", "max-stale", HUGE_S, HUGE_S, HUGE_S},
        {"max-age=1", "max-stale=0", 0, 0, 0},
        {"max-age=1", "max-age=60, max-stale=9", 9, 9, 9},
        {"max-age=1", "no-cache, max-stale=9", 0, 0, 0},
        {"max-age=1", "stale-if-error=9", 3, 9, 9},
        {"max-age=1", "stale-if-error=1", 3, 5, 7},
        {"max-age=1, stale-if-error=60", "stale-if-error=1", 3, 60, 60},
        {"max-age=1", "no-cache, stale-if-error=9", 0, 9, 9},
        {"s-maxage=1", "max-stale, stale-if-error=9", 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cache_control response = control_of(cases[i].response);
        struct cache_control request = control_of(cases[i].request);

        print_message("case %zu: %s | %s\n", i, cases[i].response, cases[i].request);
        assert_int_equal(stale_window_s(&response, &request, STALE_WHILE_REVALIDATING, &windows),
                         cases[i].while_revalidating_s);
        assert_int_equal(stale_window_s(&response, &request, STALE_IF_ERROR, &windows),
                         cases[i].if_error_s);
        assert_int_equal(stale_window_s(&response, &request, STALE_IF_UNREACHABLE, &windows),
                         cases[i].if_unreachable_s);
        if (cases[i].request[0] == '\0')
            assert_int_equal(stale_window_s(&response, NULL, STALE_IF_ERROR, &windows),
                             cases[i].if_error_s);
    }
}

static void test_errors_are_four(void **state)
{
    (void)state;
    for (int status = 100; status < 1000; status++)
        assert_int_equal(stale_status_is_error(status),
                         status == 500 || status == 502 || status == 503 || status == 504);
}

static void test_reuse_minds_both_sides(void **state)
{
    static const struct {
        const char *response, *request;
        int64_t age_s, lifetime_s;
        enum reuse reuse;
    } cases[] = {
        {"", "", 9, 10, REUSE_FRESH},
        {"", "", 10, 10, REUSE_REFRESH}, /* the default window */
        {"", "", 12, 10, REUSE_REFRESH},
        {"", "", 13, 10, REUSE_TOO_STALE},
        {"stale-while-revalidate=60", "", 69, 10, REUSE_REFRESH},
        {"stale-while-revalidate=60", "", 70, 10, REUSE_TOO_STALE},
        {"stale-while-revalidate=0", "", 10, 10, REUSE_TOO_STALE},
        {"must-revalidate, stale-while-revalidate=60", "", 10, 10, REUSE_TOO_STALE},
        {"must-revalidate", "", 9, 10, REUSE_FRESH},
        /* no-cache has no lifetime: see freshness.h */
        {"no-cache", "", 0, 0, REUSE_TOO_STALE},
        {"no-cache", "max-stale", 0, 0, REUSE_TOO_STALE},
        /* Requests. */
        {"", "no-cache", 0, 10, REUSE_UNWANTED},
        {"", "no-cache", 10, 10, REUSE_TOO_STALE},
        {"", "max-age=0", 0, 10, REUSE_UNWANTED},
        {"", "max-age=5", 5, 10, REUSE_FRESH},
        {"", "max-age=5", 6, 10, REUSE_UNWANTED},
        {"", "max-age=60", 10, 10, REUSE_TOO_STALE},
        {"", "min-fresh=5", 5, 10, REUSE_FRESH},
        {"", "min-fresh=6", 5, 10, REUSE_UNWANTED},
        {"", "min-fresh=1", 10, 10, REUSE_TOO_STALE},
        {"", "max-stale", 1000000, 10, REUSE_STALE},
        {"", "max-stale=20", 29, 10, REUSE_STALE},
        {"", "max-stale=20", 30, 10, REUSE_TOO_STALE},
        {"", "max-stale=20, max-age=60", 29, 10, REUSE_STALE},
        {"", "max-stale=20, max-age=20", 29, 10, REUSE_TOO_STALE},
        {"must-revalidate", "max-stale", 11, 10, REUSE_TOO_STALE},
        {"s-maxage=10", "max-stale", 11, 10, REUSE_TOO_STALE},
        {"", "max-stale=20", 5, 10, REUSE_FRESH},
        {"", "no-store", 5, 10, REUSE_FRESH},
        {"", "only-if-cached", 5, 10, REUSE_FRESH},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cache_control response = control_of(cases[i].response);
        struct cache_control request = control_of(cases[i].request);
        struct reuse_question question = {
            .response = &response,
            .request = cases[i].request[0] != '\0' ? &request : NULL,
            .age_s = cases[i].age_s,
            .lifetime_s = cases[i].lifetime_s,
            .windows = &windows,
        };

        print_message("case %zu: %s | %s, %d of %d s\n", i, cases[i].response, cases[i].request,
                      (int)cases[i].age_s, (int)cases[i].lifetime_s);
        assert_int_equal(reuse_decide(&question), cases[i].reuse);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_response_may_forbid_it),
        cmocka_unit_test(test_window_is_stated_or_the_default),
        cmocka_unit_test(test_errors_are_four),
        cmocka_unit_test(test_reuse_minds_both_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
