/* SPDX-License-Identifier: MIT */
/* test_environment.c - FETCHONCE_ variables, the options, and who wins over whom. */
#include <cmocka_all.h>

#include <string.h>

#include "config/config.h"

static struct config config;

/* Reads variables on top of the defaults; the problems must be exactly `expected`. */
static void assert_problems(const char *const *variables, const char *expected)
{
    struct problems problems;
    problems_init(&problems);
    config_init(&config);
    config_read_environment(&config, variables, &problems);
    assert_string_equal(problems.text == NULL ? "" : problems.text, expected);
    problems_fini(&problems);
}

static void test_each_kind_is_read_from_a_variable(void **state)
{
    const char *variables[] = {"HOME=/",
                               "FETCHONCE_LISTEN=0.0.0.0:80",
                               "FETCHONCE_LOOPS=auto",
                               "FETCHONCE_ACCESS_HOLD_MS=7",
                               "FETCHONCE_FETCH_OPEN_TO_NETWORK=true",
                               "FETCHONCE_FETCH_ALLOW=10.0.0.0/8, ::1",
                               "FETCHONCE_FETCH_EXTRA_PORTS=8080,8443",
                               "FETCHONCE_LOG_LEVEL=warn",
                               "FETCHONCE_CONFIG=x.json",
                               NULL};
    (void)state;
    assert_problems(variables, "");
    assert_int_equal(address_port(&config.listen), 80);
    assert_int_equal(config.access_hold_ms, 7);
    assert_true(config.fetch_open_to_network);
    assert_int_equal(config.fetch_allow.count, 2);
    assert_int_equal(config.fetch_extra_ports.items[1], 8443);
    assert_int_equal(config.log_level, 1);
}

static void test_an_unknown_variable_is_a_problem_with_a_guess(void **state)
{
    const char *variables[] = {"FETCHONCE_LISEN=127.0.0.1:80", "FETCHONCE_COLOUR=green",
                               "FETCHONCEX=1", "FETCHONCE_ACCESS_HOLD_MS=soon", NULL};
    (void)state;
    assert_problems(
        variables,
        "environment: \"FETCHONCE_LISEN\" is no setting; did you mean FETCHONCE_LISTEN?\n"
        "environment: \"FETCHONCE_COLOUR\" is no setting; docs/SETTINGS.md lists them all\n"
        "environment: FETCHONCE_ACCESS_HOLD_MS: must be a whole number from 0 to 60000 (ms), not "
        "\"soon\"\n");
}

/* Kubernetes and Docker links set these for a service of that name; they are nobody's typo. */
static void test_variables_of_a_service_of_that_name_are_passed_over(void **state)
{
    const char *variables[] = {"FETCHONCE_SERVICE_HOST=10.0.0.1",
                               "FETCHONCE_SERVICE_PORT=80",
                               "FETCHONCE_SERVICE_PORT_HTTP=80",
                               "FETCHONCE_PORT=tcp://10.0.0.1:80",
                               "FETCHONCE_PORT_80_TCP=tcp://10.0.0.1:80",
                               "FETCHONCE_PORT_80_TCP_ADDR=10.0.0.1",
                               NULL};
    (void)state;
    assert_problems(variables, "");
}

static void test_numbers_are_decimal_digits_and_nothing_else(void **state)
{
    static const char *const refused[] = {"",
                                          " 1",
                                          "1 ",
                                          "+1",
                                          "-1",
                                          "0x1",
                                          "1e3",
                                          "60001",
                                          "18446744073709551616",
                                          "99999999999999999999999"};
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        char variable[80];
        const char *variables[] = {variable, NULL};
        struct problems problems;
        snprintf(variable, sizeof(variable), "FETCHONCE_ACCESS_HOLD_MS=%s", refused[i]);
        problems_init(&problems);
        config_init(&config);
        config_read_environment(&config, variables, &problems);
        assert_int_equal(problems.count, 1);
        problems_fini(&problems);
    }
}

/* A variable replaces the list of the file; a list with one bad item is refused as a whole. */
static void test_lists_are_replaced_as_a_whole(void **state)
{
    const char *empty[] = {"FETCHONCE_FETCH_ALLOW=", NULL};
    const char *broken[] = {"FETCHONCE_FETCH_ALLOW=10.0.0.0/8,nonsense", NULL};
    const char *gap[] = {"FETCHONCE_FETCH_ALLOW=10.0.0.0/8,,::1", NULL};
    const char *blank[] = {"FETCHONCE_FETCH_ALLOW=10.0.0.0/8 ::1", NULL};
    struct problems problems;
    (void)state;
    problems_init(&problems);
    config_init(&config);
    config_set_option(&config, SETTING_ID_fetch_allow, "--allow", "::1", &problems);
    config_read_environment(&config, broken, &problems);
    config_read_environment(&config, gap, &problems);
    config_read_environment(&config, blank, &problems);
    assert_int_equal(problems.count, 3);
    assert_int_equal(config.fetch_allow.count, 1);
    config_read_environment(&config, empty, &problems);
    assert_int_equal(problems.count, 3);
    assert_int_equal(config.fetch_allow.count, 0);
    problems_fini(&problems);
}

static void test_later_layers_win_and_allow_adds(void **state)
{
    static const char text[] = "{\"loops\": 2, \"access\": {\"hold_ms\": 2},\n"
                               "\"listen\": \"127.0.0.1:2\", \"fetch\": {\"allow\": [\"::1\"]}}";
    const char *variables[] = {"FETCHONCE_LOOPS=3", "FETCHONCE_LISTEN=127.0.0.1:3", NULL};
    char origin[128];
    struct problems problems;
    (void)state;
    problems_init(&problems);
    config_init(&config);
    config_read_text(&config, "x.json", text, strlen(text), &problems);
    config_read_environment(&config, variables, &problems);
    config_set_option(&config, SETTING_ID_listen, "--listen", "127.0.0.1:4", &problems);
    config_set_option(&config, SETTING_ID_fetch_allow, "--allow", "10.0.0.0/8", &problems);
    assert_int_equal(problems.count, 0);
    assert_int_equal(config.access_hold_ms, 2);
    assert_int_equal(config.loops, 3);
    assert_int_equal(address_port(&config.listen), 4);
    assert_int_equal(config.fetch_allow.count, 2);

    config_origin_text(&config, SETTING_ID_access_hold_ms, origin, sizeof(origin));
    assert_string_equal(origin, "x.json:1: access.hold_ms");
    config_origin_text(&config, SETTING_ID_loops, origin, sizeof(origin));
    assert_string_equal(origin, "FETCHONCE_LOOPS");
    config_origin_text(&config, SETTING_ID_listen, origin, sizeof(origin));
    assert_string_equal(origin, "--listen");
    config_origin_text(&config, SETTING_ID_log_level, origin, sizeof(origin));
    assert_string_equal(origin, "log.level (default)");
    problems_fini(&problems);
}

static void test_a_bad_option_is_named(void **state)
{
    struct problems problems;
    (void)state;
    problems_init(&problems);
    config_init(&config);
    config_set_option(&config, SETTING_ID_loops, "--loops", "many", &problems);
    assert_string_equal(problems.text, "--loops: must be \"auto\" or a whole number from 1 to 256 "
                                       "(loops), not \"many\"\n");
    problems_fini(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind_is_read_from_a_variable),
        cmocka_unit_test(test_an_unknown_variable_is_a_problem_with_a_guess),
        cmocka_unit_test(test_variables_of_a_service_of_that_name_are_passed_over),
        cmocka_unit_test(test_numbers_are_decimal_digits_and_nothing_else),
        cmocka_unit_test(test_lists_are_replaced_as_a_whole),
        cmocka_unit_test(test_later_layers_win_and_allow_adds),
        cmocka_unit_test(test_a_bad_option_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
