/* SPDX-License-Identifier: MIT */
/* test_check.c - settings together: "auto", defaults that give way, contradictions, exposure. */
#include <cmocka_all.h>

#include <string.h>

#include "config/config.h"

#define GIB (UINT64_C(1) << 30)

static struct config config;

/* Reads `text`, resolves for 4 cores and 2 GiB, checks; the problems must be `expected`. */
static void assert_problems(const char *text, const char *expected)
{
    struct problems problems;
    problems_init(&problems);
    config_init(&config);
    config_read_text(&config, "x.json", text, strlen(text), &problems);
    config_resolve(&config, 4, 2 * GIB);
    config_check(&config, &problems);
    assert_string_equal(problems.text == NULL ? "" : problems.text, expected);
    problems_fini(&problems);
}

static void test_auto_is_a_loop_per_core_and_a_quarter_of_memory(void **state)
{
    (void)state;
    assert_problems("{}", "");
    assert_int_equal(config.loops, 4);
    assert_int_equal(config.cache_bytes_max, GIB / 2);
}

static void test_auto_stays_within_its_bounds(void **state)
{
    (void)state;
    config_init(&config);
    config_resolve(&config, 100000, 64 * GIB);
    assert_int_equal(config.loops, 256);
    assert_int_equal(config.cache_bytes_max, GIB);
    config_init(&config);
    config_resolve(&config, 0, 1000);
    assert_int_equal(config.loops, 1);
    assert_int_equal(config.cache_bytes_max, 1 << 20);
}

static void test_what_is_given_is_not_resolved(void **state)
{
    (void)state;
    assert_problems("{\"loops\": 9, \"cache\": {\"bytes_max\": 5000000}}", "");
    assert_int_equal(config.loops, 9);
    assert_int_equal(config.cache_bytes_max, 5000000);
}

/* Who only says that a fetch may take 2 seconds has said it of its parts, too. */
static void test_defaults_give_way_to_a_smaller_whole(void **state)
{
    (void)state;
    assert_problems("{\"fetch\": {\"timeouts\": {\"total_ms\": 2000}}}", "");
    assert_int_equal(config.fetch_timeouts_header_ms, 2000);
    assert_int_equal(config.fetch_timeouts_stall_ms, 2000);
    assert_int_equal(config.fetch_timeouts_connect_ms, 2000);
    assert_int_equal(config.fetch_timeouts_resolve_ms, 2000);
}

static void test_contradictions_name_both_places(void **state)
{
    (void)state;
    assert_problems(
        "{\"fetch\": {\n"
        " \"timeouts\": {\n"
        "  \"total_ms\": 1000,\n"
        "  \"header_ms\": 2000},\n"
        " \"waiters_per_key_max\": 60000}}",
        "x.json:4: fetch.timeouts.header_ms: 2000 is more than the 1000 of x.json:3: "
        "fetch.timeouts.total_ms: a whole fetch includes its header\n"
        "x.json:5: fetch.waiters_per_key_max: 60000 is more than the 50000 of fetch.waiters_max "
        "(default): one URL may not have more waiters than all together\n");
}

/* The default that stands in for a refused value contradicts nothing the operator wrote. */
static void test_a_refused_value_contradicts_nothing(void **state)
{
    (void)state;
    assert_problems("{\"fetch\": {\"waiters_max\": \"x\", \"waiters_per_key_max\": 60000}}",
                    "x.json:1: fetch.waiters_max: must be a whole number from 1 to 10000000 "
                    "(requests), not the string \"x\"\n");
}

static void test_an_open_fetch_on_a_network_must_be_meant(void **state)
{
    (void)state;
    assert_problems("{\n\"listen\": \"0.0.0.0:8080\"}",
                    "x.json:2: listen: on 0.0.0.0:8080 other machines can reach the server, and "
                    "/fetch would fetch any public URL for them. If that is meant, set "
                    "\"fetch.open_to_network\" to true in the file, or "
                    "FETCHONCE_FETCH_OPEN_TO_NETWORK=true in the environment; if not, listen on "
                    "127.0.0.1\n");
    assert_problems("{\"listen\": \"0.0.0.0:8080\", \"fetch\": {\"open_to_network\": true}}", "");
    /* Without a way to any URL there is nothing to be meant. */
    assert_problems("{\"listen\": \"0.0.0.0:8080\", \"fetch\": {\"enabled\": false}}", "");
    assert_problems("{\"listen\": \"[::1]:8080\"}", "");
    assert_problems("{\"listen\": \"127.8.8.8:8080\"}", "");
}

/* Only programs of this machine may reach it, whatever else is opened; or who knows the token. */
static void test_the_operators_address_is_of_this_machine_or_asks_for_a_token(void **state)
{
    (void)state;
    assert_problems("{}", "");
    assert_true(address_is_off(&config.operator_listen));
    assert_problems("{\"operator\": {\"listen\": \"off\"}}", "");
    assert_problems("{\"operator\": {\"listen\": \"[::1]:8081\"}}", "");
    assert_false(address_is_off(&config.operator_listen));
    assert_problems("{\"operator\": {\"listen\": \"0.0.0.0:8081\"}}",
                    "x.json:1: operator.listen: on 0.0.0.0:8081 other machines could reach what is "
                    "the operator's alone. Choose an address of this machine, as 127.0.0.1:8081, "
                    "or have a token asked for: name the file with it in \"operator.token_file\", "
                    "or in FETCHONCE_OPERATOR_TOKEN_FILE in the environment\n");
    assert_problems("{\"operator\": {\"listen\": \"0.0.0.0:8081\", \"token_file\": \"/t\"}}", "");
    assert_string_equal(config.operator_token_file, "/t");
    assert_problems(
        "{\"operator\": {\"listen\": \"0.0.0.0:8081\", \"token_file\": 5}}",
        "x.json:1: operator.token_file: must be a path of a file, or \"\" for none, not "
        "5\n");
    assert_problems("{\"listen\": \"off\"}",
                    "x.json:1: listen: \"off\" has no port; write it as 127.0.0.1:8080 or "
                    "[::1]:8080\n");
}

static void test_purges_by_clients_need_a_token(void **state)
{
    (void)state;
    assert_problems("{\"operator\": {\n\"purge_on_listen\": true}}",
                    "x.json:2: operator.purge_on_listen: clients could have everything purged. "
                    "Have a token asked for: name the file with it in \"operator.token_file\", or "
                    "in FETCHONCE_OPERATOR_TOKEN_FILE in the environment\n");
    assert_problems("{\"operator\": {\"purge_on_listen\": true, \"token_file\": \"/t\"}}", "");
}

static void test_paths_of_files_have_a_longest_length(void **state)
{
    char text[1200] = "{\"operator\": {\"token_file\": \"";
    size_t length = strlen(text);

    (void)state;
    memset(text + length, 'a', CONFIG_FILE_NAME_BYTES_MAX + 1);
    memcpy(text + length + CONFIG_FILE_NAME_BYTES_MAX + 1, "\"}}", 4);
    assert_problems(text, "x.json:1: operator.token_file: must be a path of a file of at most 1023 "
                          "bytes, not of 1024\n");
    memcpy(text + length + CONFIG_FILE_NAME_BYTES_MAX, "\"}}", 4);
    assert_problems(text, "");
    assert_int_equal(strlen(config.operator_token_file), CONFIG_FILE_NAME_BYTES_MAX);
}

static void test_tunnels_need_the_forward_proxy(void **state)
{
    (void)state;
    assert_problems(
        "{\"forward_proxy\": {\n\"connect\": true}}",
        "x.json:2: forward_proxy.connect: tunnels are a part of the forward proxy, which "
        "is off: set \"forward_proxy.enabled\" to true in the file, or "
        "FETCHONCE_FORWARD_PROXY_ENABLED=true in the environment, as well\n");
    assert_problems("{\"forward_proxy\": {\"enabled\": true, \"connect\": true}}", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auto_is_a_loop_per_core_and_a_quarter_of_memory),
        cmocka_unit_test(test_auto_stays_within_its_bounds),
        cmocka_unit_test(test_what_is_given_is_not_resolved),
        cmocka_unit_test(test_defaults_give_way_to_a_smaller_whole),
        cmocka_unit_test(test_contradictions_name_both_places),
        cmocka_unit_test(test_a_refused_value_contradicts_nothing),
        cmocka_unit_test(test_an_open_fetch_on_a_network_must_be_meant),
        cmocka_unit_test(test_the_operators_address_is_of_this_machine_or_asks_for_a_token),
        cmocka_unit_test(test_purges_by_clients_need_a_token),
        cmocka_unit_test(test_paths_of_files_have_a_longest_length),
        cmocka_unit_test(test_tunnels_need_the_forward_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
