/* SPDX-License-Identifier: MIT */
/*
 * test_storable.c - COALESCING case 13 and RFC 9111 section 3, as a table.
 */
#include <http/storable.h>

#include "field_list.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct storable_request plain = {0};
static const struct storable_request authorized = {.has_authorization = true};
static const struct storable_request partial = {.partial_is_allowed = true};
static const struct storable_request no_store = {.has_no_store = true};
static const struct storable_request post = {.is_post = true};
static const struct storable_request located_post = {.is_post = true, .is_located = true};
static const struct storable_request cookies_allowed = {.set_cookie_is_allowed = true};

static const struct {
    const struct storable_request *request;
    int status;
    const char *lines;
    enum storable verdict;
} verdicts[] = {
    {&plain, 200, "", STORABLE_YES},
    {&plain, 404, "", STORABLE_YES},
    {&plain, 302, "", STORABLE_NO_LIFETIME},
    {&plain, 302, "Cache-Control: max-age=1\n", STORABLE_YES},
    {&plain, 302, "Cache-Control: public\n", STORABLE_YES},
    {&plain, 302, "Expires: 0\n", STORABLE_YES},
    {&plain, 500, "", STORABLE_NO_LIFETIME},
    {&plain, 500, "Cache-Control: s-maxage=1\n", STORABLE_YES},
    {&plain, 100, "Cache-Control: max-age=1\n", STORABLE_NO_STATUS},
    {&plain, 206, "Cache-Control: max-age=1\n", STORABLE_NO_STATUS},
    {&plain, 304, "Cache-Control: max-age=1\n", STORABLE_NO_STATUS},
    {&partial, 206, "Cache-Control: max-age=1\n", STORABLE_YES},
    {&plain, 299, "Cache-Control: max-age=1\n", STORABLE_YES},
    {&plain, 499, "Cache-Control: max-age=1\n", STORABLE_YES},
    {&plain, 599, "Cache-Control: max-age=1\n", STORABLE_YES},
    {&plain, 599, "Cache-Control: public\n", STORABLE_YES},
    {&plain, 599, "Last-Modified: Sun, 06 Nov 1994 08:50:37 GMT\n", STORABLE_NO_LIFETIME},
    {&plain, 999, "Cache-Control: max-age=1\n", STORABLE_YES},
    {&plain, 999, "", STORABLE_NO_LIFETIME},
    {&plain, 428, "Cache-Control: max-age=1\n", STORABLE_NO_STATUS},
    {&plain, 429, "Cache-Control: max-age=1\n", STORABLE_NO_STATUS},
    {&plain, 431, "Cache-Control: max-age=1\n", STORABLE_NO_STATUS},
    {&plain, 511, "Cache-Control: max-age=1\n", STORABLE_NO_STATUS},
    {&plain, 599, "Cache-Control: max-age=1, no-store, must-understand\n", STORABLE_NO_STATUS},
    {&plain, 302, "Cache-Control: max-age=1, no-store, must-understand\n", STORABLE_YES},
    {&plain, 226, "Cache-Control: max-age=1, must-understand\n", STORABLE_NO_STATUS},
    {&no_store, 200, "Cache-Control: max-age=9\n", STORABLE_NO_STORE},
    {&no_store, 200, "Cache-Control: max-age=9, must-understand\n", STORABLE_NO_STORE},
    {&post, 200, "Cache-Control: max-age=9\n", STORABLE_NO_METHOD},
    {&located_post, 200, "Cache-Control: max-age=9\n", STORABLE_YES},
    {&located_post, 200, "Expires: 0\n", STORABLE_YES},
    {&located_post, 200, "Cache-Control: public\n", STORABLE_NO_METHOD},
    {&located_post, 200, "", STORABLE_NO_METHOD},
    {&plain, 200, "Cache-Control: no-cache\n", STORABLE_YES},
    {&plain, 200, "Cache-Control: max-age=0\n", STORABLE_YES},
    {&plain, 200, "Cache-Control: max-age=9, no-store\n", STORABLE_NO_STORE},
    {&plain, 200, "Cache-Control: no-store, must-understand\n", STORABLE_YES},
    {&plain, 299, "Cache-Control: max-age=1, must-understand\n", STORABLE_NO_STATUS},
    {&plain, 200, "Cache-Control: private, public, max-age=9\n", STORABLE_NO_PRIVATE},
    {&plain, 200, "Cache-Control: private=\"x\"\n", STORABLE_NO_PRIVATE},
    {&plain, 200, "Set-Cookie: a=b\nCache-Control: max-age=9\n", STORABLE_NO_SET_COOKIE},
    {&plain, 200, "Set-Cookie: a=b\nCache-Control: public\n", STORABLE_YES},
    {&plain, 200, "Set-Cookie: a=b\nCache-Control: s-maxage=9\n", STORABLE_YES},
    {&cookies_allowed, 200, "Set-Cookie: a=b\n", STORABLE_YES},
    {&plain, 200, "Vary: accept\nVary: x, *\n", STORABLE_NO_VARY},
    {&plain, 200, "Vary: accept, x*\n", STORABLE_YES},
    {&authorized, 200, "Cache-Control: max-age=9\n", STORABLE_NO_AUTHORIZATION},
    {&authorized, 200, "Cache-Control: max-age=9, public\n", STORABLE_YES},
    {&authorized, 200, "Cache-Control: max-age=9, must-revalidate\n", STORABLE_YES},
    {&authorized, 200, "Cache-Control: s-maxage=9\n", STORABLE_YES},
    {&authorized, 200, "Cache-Control: proxy-revalidate\n", STORABLE_NO_AUTHORIZATION},
};

static void test_verdict_names_the_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(verdicts); i++) {
        struct fields fields = field_list(verdicts[i].lines);
        struct freshness freshness;

        freshness_read(&fields, verdicts[i].status, 0, &freshness);
        print_message("case %zu: %d %s\n", i, verdicts[i].status, verdicts[i].lines);
        assert_string_equal(storable_name(storable_check(&freshness, &fields, verdicts[i].request)),
                            storable_name(verdicts[i].verdict));
        fields_fini(&fields);
    }
}

static void test_every_verdict_has_its_own_name(void **state)
{
    (void)state;
    for (int left = 0; left < STORABLE_COUNT; left++) {
        for (int right = 0; right < left; right++)
            assert_string_not_equal(storable_name((enum storable)left),
                                    storable_name((enum storable)right));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdict_names_the_reason),
        cmocka_unit_test(test_every_verdict_has_its_own_name),
    };

    return cmocka_run_group_tests_name("storable", tests, NULL, NULL);
}
