/* SPDX-License-Identifier: MIT */
/* test_target.c - prefixes, hosts and URLs of routes: one spelling for each, and what is refused.
 */
#include <cmocka_all.h>

#include <string.h>

#include "config/target.h"

struct target_case {
    const char *text;
    const char *expected; /* NULL: refused */
    const char *why;
};

static void test_prefixes(void **state)
{
    static const struct target_case cases[] = {
        {"/", "/", NULL},
        {"/api", "/api", NULL},
        {"/api/", "/api/", NULL},
        {"/a%20b/~c/.d/...", "/a%20b/~c/.d/...", NULL},
        {"/fetcher", "/fetcher", NULL},
        {"/%61pi/%c3%a4%2F", "/api/%C3%A4%2F", NULL},
        {"//a", "//a", NULL},
        {"/%zz", NULL, "has a % that no two hexadecimal digits follow"},
        {"/a/%2e%2e/b", NULL, "has a segment . or .., which clients leave out"},
        {"/a/..%2fb", NULL, "has a segment . or .., which clients leave out"},
        {"/%66etch", NULL, "is a path that this server answers itself"},
        {"", NULL, "has to begin with /"},
        {"api/", NULL, "has to begin with /"},
        {"/a b", NULL, "has a byte that no path of a URL has; write it as %XX"},
        {"/a?b", NULL, "has a byte that no path of a URL has; write it as %XX"},
        {"/\xc3\xa4", NULL, "has a byte that no path of a URL has; write it as %XX"},
        {"/a/../b", NULL, "has a segment . or .., which clients leave out"},
        {"/a/.", NULL, "has a segment . or .., which clients leave out"},
        {"/fetch", NULL, "is a path that this server answers itself"},
        {"/healthz", NULL, "is a path that this server answers itself"},
    };
    char prefix[TARGET_PREFIX_BYTES_MAX + 1];
    char longest[TARGET_PREFIX_BYTES_MAX + 2];
    const char *why = "";
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int err = target_prefix_parse(cases[i].text, prefix, &why);
        assert_int_equal(err == 0, cases[i].expected != NULL);
        assert_string_equal(err == 0 ? prefix : why, err == 0 ? cases[i].expected : cases[i].why);
    }
    memset(longest, 'a', sizeof(longest) - 1);
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    assert_true(target_prefix_parse(longest, prefix, &why) < 0);
    longest[sizeof(longest) - 2] = '\0';
    assert_int_equal(target_prefix_parse(longest, prefix, &why), 0);
    assert_string_equal(prefix, longest);
}

static void test_hosts(void **state)
{
    static const char fault[] = "is no host; it is written as in example.com or example.com:8443";
    static const struct target_case cases[] = {
        {"", "", NULL},
        {"Example.COM", "example.com", NULL},
        {"example.com:8443", "example.com:8443", NULL},
        {"example.com:80", "example.com:80", NULL},
        {"localhost", "localhost", NULL},
        {"127.0.0.1", "127.0.0.1", NULL},
        {"[::0001]", "[::1]", NULL},
        {"[::1]:8080", "[::1]:8080", NULL},
        {"example.com/", NULL, fault},
        {"http://example.com", NULL, fault},
        {"a@example.com", NULL, fault},
        {"example.com:99999", NULL, fault},
        {"exa mple.com", NULL, fault},
    };
    char host[TARGET_HOST_BYTES_MAX + 1];
    char longest[400];
    const char *why = "";
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int err = target_host_parse(cases[i].text, host, &why);
        assert_int_equal(err == 0, cases[i].expected != NULL);
        assert_string_equal(err == 0 ? host : why, err == 0 ? cases[i].expected : cases[i].why);
    }
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_true(target_host_parse(longest, host, &why) < 0);
    assert_string_equal(why, "is longer than any host");
}

static void test_upstreams(void **state)
{
    static const struct target_case cases[] = {
        {"http://127.0.0.1:9000", "http://127.0.0.1:9000/", NULL},
        {"HTTP://Backend:80/base", "http://backend/base", NULL},
        {"https://[::1]:8443/a/../b/", "https://[::1]:8443/b/", NULL},
        {"ftp://127.0.0.1/", NULL, "has to begin with http:// or https://"},
        {"127.0.0.1:9000", NULL, "has to begin with http:// or https://"},
        {"http://a/?b", NULL, "may not have a query or a fragment"},
        {"http://a/#b", NULL, "may not have a query or a fragment"},
        {"http://user:word@a/", NULL, "is no URL such as http://127.0.0.1:9000"},
        {"http://a:0x50/", NULL, "is no URL such as http://127.0.0.1:9000"},
        {"http://", NULL, "is no URL such as http://127.0.0.1:9000"},
    };
    char url[CONFIG_URL_BYTES_MAX + 1];
    char longest[CONFIG_URL_BYTES_MAX + 2] = "http://a/";
    const char *why = "";
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int err = target_upstream_parse(cases[i].text, url, &why);
        assert_int_equal(err == 0, cases[i].expected != NULL);
        assert_string_equal(err == 0 ? url : why, err == 0 ? cases[i].expected : cases[i].why);
    }
    memset(longest + strlen(longest), 'a', sizeof(longest) - 1 - strlen(longest));
    longest[sizeof(longest) - 1] = '\0';
    assert_true(target_upstream_parse(longest, url, &why) < 0);
    longest[sizeof(longest) - 2] = '\0';
    assert_int_equal(target_upstream_parse(longest, url, &why), 0);
    assert_string_equal(url, longest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_upstreams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
