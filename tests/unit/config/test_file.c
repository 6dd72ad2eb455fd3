/* SPDX-License-Identifier: MIT */
/* test_file.c - a configuration file: what is taken over, and what each fault is reported as. */
#include <cmocka_all.h>

#include <string.h>
#include <unistd.h>

#include "config/config.h"

static struct config config;

/* Reads `text` as x.json on top of the defaults; the problems must be exactly `expected`. */
static void assert_problems(const char *text, const char *expected)
{
    struct problems problems;
    problems_init(&problems);
    config_init(&config);
    config_read_text(&config, "x.json", text, strlen(text), &problems);
    assert_string_equal(problems.text == NULL ? "" : problems.text, expected);
    problems_fini(&problems);
}

static void test_values_of_all_kinds_are_taken_over(void **state)
{
    (void)state;
    assert_problems(
        "{\"$schema\": \"any\", \"listen\": \"[::1]:0\", \"loops\": 3,\n"
        " \"fetch\": {\"open_to_network\": true, \"allow\": [\"10.0.0.0/8\", \"::1\"],\n"
        "  \"extra_ports\": [8080, 8443], \"timeouts\": {\"total_ms\": 70000}},\n"
        " \"cache\": {\"bytes_max\": \"auto\"}, \"log\": {\"level\": \"debug\"}}",
        "");
    assert_int_equal(config.listen.socket.ss_family, AF_INET6);
    assert_int_equal(config.loops, 3);
    assert_true(config.fetch_open_to_network);
    assert_int_equal(config.fetch_allow.count, 2);
    assert_int_equal(config.fetch_allow.items[0].prefix_bits, 8);
    assert_int_equal(config.fetch_allow.items[1].prefix_bits, 128);
    assert_int_equal(config.fetch_extra_ports.items[1], 8443);
    assert_int_equal(config.fetch_timeouts_total_ms, 70000);
    assert_int_equal(config.cache_bytes_max, 0);
    assert_int_equal(config.log_level, 3);
    assert_int_equal(config.origins[SETTING_ID_fetch_timeouts_total_ms].source, CONFIG_FROM_FILE);
    assert_int_equal(config.origins[SETTING_ID_fetch_timeouts_total_ms].line, 3);
}

static void test_all_faults_of_a_file_are_reported_in_one_go(void **state)
{
    (void)state;
    assert_problems(
        "{\n"
        "  \"lisen\": \"127.0.0.1:80\",\n"
        "  \"loops\": 0,\n"
        "  \"access\": {\"hold_ms\": \"5\"},\n"
        "  \"fetch\": {\n"
        "    \"allow\": [\"10.0.0.0/8\", \"10.0.0.1/8\",\n"
        "              7],\n"
        "    \"timeouts\": {\"total_ms\": 1.5, \"idle_ms\": 3}},\n"
        "  \"timeouts\": 5,\n"
        "  \"limits\": {\"body_bytes_max\": -1}\n"
        "}\n",
        "x.json:2: lisen: unknown setting; did you mean listen?\n"
        "x.json:3: loops: must be \"auto\" or a whole number from 1 to 256 (loops), not 0\n"
        "x.json:4: access.hold_ms: must be a whole number from 0 to 60000 (ms), not the string "
        "\"5\"; write it without the quotes\n"
        "x.json:6: fetch.allow[1]: \"10.0.0.1/8\" is no address range such as 10.0.0.0/8 or "
        "fd00::/8 (no bit may be set behind the prefix)\n"
        "x.json:7: fetch.allow[2]: must be a list of address ranges such as 10.0.0.0/8, not 7\n"
        "x.json:8: fetch.timeouts.total_ms: must be a whole number from 1 to 86400000 (ms), not "
        "the fraction 1.5\n"
        "x.json:8: fetch.timeouts.idle_ms: unknown setting; did you mean timeouts.idle_ms?\n"
        "x.json:9: timeouts: must be an object of settings, not 5\n"
        "x.json:10: limits.body_bytes_max: must be a whole number from 0 to 1099511627776 "
        "(bytes), not -1\n");
    /* Nothing of what was refused is in force. */
    assert_int_equal(config.access_hold_ms, 0);
    assert_int_equal(config.fetch_allow.count, 0);
    assert_true(config.origins[SETTING_ID_fetch_allow].is_faulty);
}

static void test_wrong_types_are_named(void **state)
{
    (void)state;
    assert_problems("{\"fetch\": {\"open_to_network\": \"yes\"}}",
                    "x.json:1: fetch.open_to_network: must be true or false, not the string "
                    "\"yes\"\n");
    assert_problems("{\"log\": {\"level\": \"loud\"}}",
                    "x.json:1: log.level: must be one of: error warn info debug trace, not "
                    "\"loud\"\n");
    assert_problems("{\"listen\": null}", "x.json:1: listen: must be an address and port such as "
                                          "127.0.0.1:8080, not null\n");
    assert_problems("{\"listen\": \":80\"}",
                    "x.json:1: listen: \":80\" has no address; 127.0.0.1 serves this machine only, "
                    "0.0.0.0 all networks\n");
    assert_problems("{\"fetch\": {\"allow\": \"::1\"}}",
                    "x.json:1: fetch.allow: must be a list of address ranges such as 10.0.0.0/8, "
                    "not the string \"::1\"\n");
    assert_problems("{\"fetch\": {\"extra_ports\": [0]}}",
                    "x.json:1: fetch.extra_ports[0]: must be a port from 1 to 65535, not 0\n");
    assert_problems("{\"loops\": {}}", "x.json:1: loops: must be \"auto\" or a whole number from 1 "
                                       "to 256 (loops), not an object\n");
}

/* Beyond what the JSON library calls an integer: still named, and all of them. */
static void test_numbers_beyond_64_bits_are_named(void **state)
{
    (void)state;
    assert_problems("{\"loops\": 1,\n \"access\": {\"hold_ms\": 18446744073709551616},\n"
                    " \"fetch\": {\"extra_ports\": [80, -99999999999999999999]},\n"
                    " \"zzz\": 10000000000000000000}",
                    "x.json:2: access.hold_ms: must be a whole number from 0 to 60000 (ms), not a "
                    "number as large as that\n"
                    "x.json:3: fetch.extra_ports[1]: the number is too large to be read\n"
                    "x.json:4: zzz: the number is too large to be read\n");
}

static void test_a_key_far_from_all_gets_no_guess(void **state)
{
    (void)state;
    assert_problems("{\"zzz\": {\"hold_ms\": 1}}",
                    "x.json:1: zzz: unknown setting; docs/SETTINGS.md lists them all\n");
    assert_problems("{\"fetch.timeouts\": {}}",
                    "x.json:1: \"fetch.timeouts\": unknown setting; the dots of a name are levels, "
                    "as in {\"log\": {\"level\": ...}}\n");
    assert_problems("{\"featch\": {}}", "x.json:1: featch: unknown setting; did you mean fetch?\n");
    assert_problems("{\"hold_ms\": 1}",
                    "x.json:1: hold_ms: unknown setting; did you mean access.hold_ms?\n");
}

static void test_a_key_given_twice_is_refused(void **state)
{
    (void)state;
    assert_problems("{\"loops\": 1,\n \"access\": {},\n \"l\\u006fops\": 2}",
                    "x.json:3: loops: given twice, first on line 1\n");
}

static void assert_syntax(const char *text, const char *hint)
{
    struct problems problems;
    problems_init(&problems);
    config_init(&config);
    config_read_text(&config, "x.json", text, strlen(text), &problems);
    assert_int_equal(problems.count, 1);
    assert_non_null(strstr(problems.text, "not valid JSON at column"));
    if (strstr(problems.text, hint) == NULL)
        fail_msg("%s: %s", text, problems.text);
    problems_fini(&problems);
}

static void test_slips_of_syntax_come_with_advice(void **state)
{
    (void)state;
    assert_syntax("{\n  // loops\n  \"loops\": 1}", "x.json:2:");
    assert_syntax("{\n  // loops\n  \"loops\": 1}", "JSON has no comments");
    assert_syntax("{\"loops\": 1, # one\n}", "JSON has no comments");
    assert_syntax("{\"loops\": 1 /* one */}", "JSON has no comments");
    assert_syntax("{\"loops\": 1,\n}", "no comma behind the last item");
    assert_syntax("{\"fetch\": {\"allow\": [\"::1\", ]}}", "no comma behind the last item");
    assert_syntax("{'loops': 1}", "double quotes");
    assert_syntax("  \n", "the least it may hold is {}");
    assert_syntax("\xef\xbb\xbf{}", "byte order mark");
    assert_syntax("{\"loops\": 1", "not valid JSON");
    assert_syntax("{\"a\": \"\x1b\"}", "not valid JSON");
}

static void test_a_file_that_is_no_object_is_refused(void **state)
{
    (void)state;
    assert_problems("[]", "x.json:1: must be an object of settings, such as {}\n");
}

static void test_a_missing_file_and_a_folder_are_problems(void **state)
{
    struct problems problems;
    (void)state;
    problems_init(&problems);
    config_init(&config);
    config_read_file(&config, "/nonexistent/x.json", &problems);
    config_read_file(&config, "/", &problems);
    assert_string_equal(problems.text,
                        "/nonexistent/x.json: cannot be read: No such file or directory\n"
                        "/: cannot be read: Is a directory\n");
    problems_fini(&problems);
}

static void test_a_file_without_bounds_is_refused(void **state)
{
    struct problems problems;
    (void)state;
    problems_init(&problems);
    config_init(&config);
    config_read_file(&config, "/dev/zero", &problems);
    assert_string_equal(problems.text,
                        "/dev/zero: larger than 256 KiB, which is no configuration\n");
    problems_fini(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_of_all_kinds_are_taken_over),
        cmocka_unit_test(test_all_faults_of_a_file_are_reported_in_one_go),
        cmocka_unit_test(test_wrong_types_are_named),
        cmocka_unit_test(test_numbers_beyond_64_bits_are_named),
        cmocka_unit_test(test_a_key_far_from_all_gets_no_guess),
        cmocka_unit_test(test_a_key_given_twice_is_refused),
        cmocka_unit_test(test_slips_of_syntax_come_with_advice),
        cmocka_unit_test(test_a_file_that_is_no_object_is_refused),
        cmocka_unit_test(test_a_missing_file_and_a_folder_are_problems),
        cmocka_unit_test(test_a_file_without_bounds_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
