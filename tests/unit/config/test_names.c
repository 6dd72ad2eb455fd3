/* SPDX-License-Identifier: MIT */
/* test_names.c - lists of field names: what they may hold, and how the rest is refused. */
#include <cmocka_all.h>

#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/names.h"

static struct config config;

/* Reads `list` as fetch.forward of x.json; the problems must be exactly `expected`. */
static void assert_problems(const char *list, const char *expected)
{
    struct problems problems;
    char text[4096];
    snprintf(text, sizeof(text), "{\"fetch\": {\"forward\": %s}}", list);
    problems_init(&problems);
    config_init(&config);
    config_read_text(&config, "x.json", text, strlen(text), &problems);
    assert_string_equal(problems.text == NULL ? "" : problems.text, expected);
    problems_fini(&problems);
}

static void test_names_are_kept_as_written_and_not_doubled(void **state)
{
    (void)state;
    assert_problems("[\"Accept-Language\", \"X-Kind\", \"accept-language\", \"Cookie\"]", "");
    assert_int_equal(config.fetch_forward.count, 3);
    assert_string_equal(config.fetch_forward.items[0], "Accept-Language");
    assert_string_equal(config.fetch_forward.items[1], "X-Kind");
    assert_string_equal(config.fetch_forward.items[2], "Cookie");
    assert_problems("[]", "");
    assert_int_equal(config.fetch_forward.count, 0);
}

static void test_what_is_no_name_is_refused(void **state)
{
    (void)state;
    assert_problems("[\"Accept Language\", \"\", 7]",
                    "x.json:1: fetch.forward[0]: \"Accept Language\" is no name of a header field\n"
                    "x.json:1: fetch.forward[1]: \"\" is no name of a header field\n"
                    "x.json:1: fetch.forward[2]: must be a list of field names such as "
                    "Accept-Language, not 7\n");
    assert_int_equal(config.fetch_forward.count, 2); /* the default's */
    assert_problems(
        "[\"X-12345678901234567890123456789012345678901234567890123456789012\"]",
        "x.json:1: fetch.forward[0]: "
        "\"X-12345678901234567890123456789012345678901234567890123456789012\" is longer "
        "than 63 bytes\n");
    assert_problems("\"Accept\"", "x.json:1: fetch.forward: must be a list of field names such as "
                                  "Accept-Language, not the string \"Accept\"\n");
}

static void test_names_that_do_not_concern_the_origin_are_refused(void **state)
{
    static const char *const refused[] = {
        "Connection",
        "Keep-Alive",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "Expect",
        "Content-Length",
        "Host",
        "Via",
        "CDN-Loop",
        "Range",
        "If-Range",
        "If-Match",
        "If-None-Match",
        "If-Modified-Since",
        "If-Unmodified-Since",
        "Cache-Control",
        "Pragma",
        "Accept-Encoding",
        "proxy-authenticate",
        "hOST",
    };
    static const char *const fine[] = {
        "Accept", "Cookie", "Authorization", "User-Agent", "Referer", "Forwarded", "If", "Origin"};
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (names_refusal(refused[i]) == NULL)
            fail_msg("%s", refused[i]);
    }
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
        assert_null(names_refusal(fine[i]));
    assert_problems("[\"cache-control\"]",
                    "x.json:1: fetch.forward[0]: \"cache-control\" is for this cache, which obeys "
                    "it\n");
}

/* With these requests would go past this server. */
static void test_protocols_that_carry_requests_are_refused(void **state)
{
    static const char *const refused[] = {"h2c", "H2C", "h2", "HTTP/2.0", "http",  "TLS/1.0",
                                          "",    "a b", "a/", "/1",       "a/1/2", "a,b"};
    static const char *const fine[] = {"websocket", "WebSocket", "spdy/3.1", "h2cc", "tcp"};
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (names_protocol_refusal(refused[i]) == NULL)
            fail_msg("%s", refused[i]);
    }
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
        assert_null(names_protocol_refusal(fine[i]));
}

static void test_there_are_at_most_so_many(void **state)
{
    char list[1024] = "\"X\"";
    char text[1100];
    (void)state;
    for (unsigned i = 1; i < CONFIG_NAMES_MAX; i++)
        snprintf(list + strlen(list), sizeof(list) - strlen(list), ",\"X-%u\"", i);
    snprintf(text, sizeof(text), "[%s]", list);
    assert_problems(text, "");
    assert_int_equal(config.fetch_forward.count, CONFIG_NAMES_MAX);
    snprintf(text, sizeof(text), "[%s,\n\"Y\"]", list);
    assert_problems(text, "x.json:2: fetch.forward[32]: must not have more than 32 items\n");
}

static void test_a_variable_replaces_the_list(void **state)
{
    const char *variables[] = {"FETCHONCE_FETCH_FORWARD=X-Kind, Cookie", NULL};
    const char *faulty[] = {"FETCHONCE_FETCH_FORWARD=X-Kind,Host", NULL};
    struct problems problems;
    (void)state;
    problems_init(&problems);
    config_init(&config);
    config_read_environment(&config, variables, &problems);
    assert_int_equal(problems.count, 0);
    assert_int_equal(config.fetch_forward.count, 2);
    config_read_environment(&config, faulty, &problems);
    assert_string_equal(problems.text,
                        "environment: FETCHONCE_FETCH_FORWARD: \"Host\" is made from "
                        "the URL that is fetched\n");
    assert_string_equal(config.fetch_forward.items[1], "Cookie");
    problems_fini(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_kept_as_written_and_not_doubled),
        cmocka_unit_test(test_what_is_no_name_is_refused),
        cmocka_unit_test(test_names_that_do_not_concern_the_origin_are_refused),
        cmocka_unit_test(test_protocols_that_carry_requests_are_refused),
        cmocka_unit_test(test_there_are_at_most_so_many),
        cmocka_unit_test(test_a_variable_replaces_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
