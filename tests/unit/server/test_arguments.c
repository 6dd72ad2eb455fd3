/* SPDX-License-Identifier: MIT */
/* test_arguments.c - the command line: what is understood, and what each slip is answered. */
#include <cmocka_all.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"

#define WORDS(...)                                                                                 \
    (const char *[])                                                                               \
    {                                                                                              \
        "fetchonce", __VA_ARGS__, NULL                                                             \
    }

static struct arguments arguments;
static char complaint[512];

/* Parses; what was complained about is in `complaint`. */
static int parse(const char **words)
{
    FILE *stream = fmemopen(complaint, sizeof(complaint), "w");
    int count = 0;
    int err;

    assert_non_null(stream);
    complaint[0] = '\0';
    while (words[count] != NULL)
        count++;
    err = arguments_parse(count, (char **)(void *)words, stream, &arguments);
    fclose(stream);
    return err;
}

static void assert_complaint(const char **words, const char *expected)
{
    assert_true(parse(words) < 0);
    if (strncmp(complaint, expected, strlen(expected)) != 0)
        fail_msg("%s", complaint);
    assert_non_null(strstr(complaint, "\nTry 'fetchonce --help'.\n"));
}

static void test_nothing_means_serve(void **state)
{
    const char *words[] = {"fetchonce", NULL};
    (void)state;
    assert_int_equal(parse(words), 0);
    assert_int_equal(arguments.action, ARGUMENTS_SERVE);
    assert_null(arguments.listen);
    assert_null(arguments.config_file);
}

static void test_options_are_taken_in_any_order_and_spelling(void **state)
{
    (void)state;
    assert_int_equal(parse(WORDS("--allow", "::1", "serve", "--listen=127.0.0.1:0", "--loops", "2",
                                 "--allow=10.0.0.0/8", "--config", "x.json", "--route",
                                 "/=http://a", "--route=/b=http://b")),
                     0);
    assert_int_equal(arguments.action, ARGUMENTS_SERVE);
    assert_string_equal(arguments.listen, "127.0.0.1:0");
    assert_string_equal(arguments.loops, "2");
    assert_string_equal(arguments.config_file, "x.json");
    assert_int_equal(arguments.allow_count, 2);
    assert_string_equal(arguments.allow[1], "10.0.0.0/8");
    assert_int_equal(arguments.route_count, 2);
    assert_string_equal(arguments.routes[1], "/b=http://b");
}

static void test_each_action_is_recognised(void **state)
{
    (void)state;
    assert_int_equal(parse(WORDS("--check")), 0);
    assert_int_equal(arguments.action, ARGUMENTS_CHECK);
    assert_int_equal(parse(WORDS("serve", "--check")), 0);
    assert_int_equal(arguments.action, ARGUMENTS_CHECK);
    assert_int_equal(parse(WORDS("demo")), 0);
    assert_int_equal(arguments.action, ARGUMENTS_DEMO);
    assert_int_equal(parse(WORDS("--version")), 0);
    assert_int_equal(arguments.action, ARGUMENTS_VERSION);
    assert_int_equal(parse(WORDS("-h")), 0);
    assert_int_equal(arguments.action, ARGUMENTS_HELP);
    assert_int_equal(parse(WORDS("demo", "--help")), 0);
    assert_int_equal(arguments.action, ARGUMENTS_HELP);
}

static void test_each_slip_is_named_with_a_hint(void **state)
{
    (void)state;
    assert_complaint(WORDS("--lisen", "127.0.0.1:1"),
                     "fetchonce: \"--lisen\" is no option; did you mean --listen?\n");
    assert_complaint(WORDS("serve", "--colour=green"),
                     "fetchonce: \"--colour=green\" is no option\n");
    assert_complaint(WORDS("-x"), "fetchonce: \"-x\" is no option\n");
    assert_complaint(WORDS("--listen"), "fetchonce: \"--listen\" needs an argument\n");
    assert_complaint(WORDS("srve"), "fetchonce: \"srve\" is no command; did you mean serve?\n");
    assert_complaint(WORDS("demonstrate"),
                     "fetchonce: \"demonstrate\" is no command; there are serve and demo\n");
    assert_complaint(WORDS("serve", "now"), "fetchonce: \"now\" is one word too many\n");
    assert_complaint(WORDS("demo", "--loops", "2"), "fetchonce: \"demo\" takes no options\n");
}

static void test_too_many_ranges_are_refused(void **state)
{
    const char *words[2 * CONFIG_LIST_MAX + 4] = {"fetchonce"};
    (void)state;
    for (unsigned i = 0; i <= CONFIG_LIST_MAX; i++) {
        words[1 + 2 * i] = "--allow";
        words[2 + 2 * i] = "::1";
    }
    assert_complaint(words, "fetchonce: \"::1\" is one --allow too many\n");
}

static void test_options_win_over_what_is_there(void **state)
{
    static struct config config;
    struct problems problems;
    (void)state;
    problems_init(&problems);
    config_init(&config);
    assert_int_equal(parse(WORDS("--listen", "[::1]:1", "--loops", "7", "--allow", "x", "--route",
                                 "/a=http://127.0.0.1:9000")),
                     0);
    arguments_apply(&arguments, &config, &problems);
    assert_int_equal(config.loops, 7);
    assert_int_equal(address_port(&config.listen), 1);
    assert_int_equal(config.routes.count, 1);
    assert_string_equal(config.routes.items[0].upstreams.items[0], "http://127.0.0.1:9000/");
    assert_int_equal(problems.count, 1);
    assert_int_equal(strncmp(problems.text, "--allow: \"x\" is no address range", 32), 0);
    problems_fini(&problems);
}

/* The help has every setting's variable and default, from the table. */
static void test_help_names_every_setting(void **state)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    (void)state;
    assert_non_null(stream);
    arguments_help(stream);
    fclose(stream);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        char variable[SETTING_VARIABLE_BYTES_MAX];
        setting_variable(&setting_table[i], variable);
        assert_non_null(strstr(text, variable));
    }
    assert_non_null(strstr(text, "exit status:"));
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_in_range(strcspn(line, "\n"), 0, 90);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_means_serve),
        cmocka_unit_test(test_options_are_taken_in_any_order_and_spelling),
        cmocka_unit_test(test_each_action_is_recognised),
        cmocka_unit_test(test_each_slip_is_named_with_a_hint),
        cmocka_unit_test(test_too_many_ranges_are_refused),
        cmocka_unit_test(test_options_win_over_what_is_there),
        cmocka_unit_test(test_help_names_every_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
