/* SPDX-License-Identifier: MIT */
/*
 * test_command_line.c - the program as its users start it: what it prints, how it exits, how it
 * stops. The server runs on ports of the system's choice.
 */
#include <cmocka_all.h>

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "process.h"

#define RUN(process, ...)                                                                          \
    process_run(process, (const char *const[]){FETCHONCE_PATH, __VA_ARGS__, NULL}, NULL)
#define START(process, variables, ...)                                                             \
    process_start(process, (const char *const[]){FETCHONCE_PATH, __VA_ARGS__, NULL}, variables)

static const char default_file[] = FETCHONCE_CONFIG_FOLDER "/default.json";
static struct process process;

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void assert_serves(const struct sockaddr_storage *address)
{
    struct client_reply reply;
    client_get(address, "/healthz", &reply);
    assert_int_equal(reply.status, 200);
    client_reply_fini(&reply);
}

/* The line comes once the server answers, so a request made on seeing it must not be refused. */
static void test_start_line_has_the_real_port_and_the_server_answers(void **state)
{
    struct sockaddr_storage address;
    char expected[128];
    (void)state;
    START(&process, NULL, "--listen", "127.0.0.1:0", "--loops", "2");
    process_address(&process, &address);
    assert_serves(&address);
    snprintf(expected, sizeof(expected),
             "fetchonce " FETCHONCE_VERSION " listening on http://127.0.0.1:%u, 2 loops, cache ",
             ntohs(((struct sockaddr_in *)(void *)&address)->sin_port));
    process_signal(&process, SIGTERM);
    assert_int_equal(process_wait(&process), 0);
    assert_int_equal(strncmp(process.out, expected, strlen(expected)), 0);
    assert_contains(process.out, "iB\n");
    assert_contains(process.error, " msg=\"stopped\" connections=1 requests=1 refused=0 ");
}

static void test_sigint_stops_it_too(void **state)
{
    struct sockaddr_storage address;
    (void)state;
    START(&process, NULL, "serve", "--listen", "127.0.0.1:0", "--loops", "1");
    process_address(&process, &address);
    process_signal(&process, SIGINT);
    assert_int_equal(process_wait(&process), 0);
}

/* A request holds the counter's lock for a minute, and would be drained for as long. The second
 * signal cuts it. */
static void test_a_second_signal_cuts_what_drains(void **state)
{
    static const char *const variables[] = {"FETCHONCE_ACCESS_HOLD_MS=60000",
                                            "FETCHONCE_TIMEOUTS_DRAIN_MS=60000", NULL};
    struct sockaddr_storage address;
    struct client client;
    (void)state;
    START(&process, variables, "--listen", "127.0.0.1:0", "--loops", "1");
    process_address(&process, &address);
    client_open(&client, &address);
    client_send_text(&client, "GET /access HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_serves(&address); /* one loop: the request before this has been read */
    process_signal(&process, SIGTERM);
    /* Two signals at once would be one to the kernel; the refused connection says the first came.
     */
    for (int fd = 0; fd >= 0;) {
        fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_true(fd >= 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof(struct sockaddr_in)) < 0) {
            close(fd);
            fd = -1;
        } else {
            close(fd);
        }
    }
    process_signal(&process, SIGTERM);
    assert_int_equal(process_wait(&process), 0);
    client_close(&client);
}

/* Nothing that the log is written to may be a socket of the server's. */
static void test_a_closed_standard_error_is_not_reused(void **state)
{
    static const char *const arguments[] = {
        "/bin/sh", "-c", "exec \"$0\" --listen 127.0.0.1:0 --loops 1 2>&-", FETCHONCE_PATH, NULL};
    static const char *const variables[] = {NULL};
    struct sockaddr_storage address;
    char path[64];
    char target[64] = "";
    (void)state;
    process_start(&process, arguments, variables);
    process_address(&process, &address);
    snprintf(path, sizeof(path), "/proc/%ld/fd/2", (long)process.pid);
    assert_true(readlink(path, target, sizeof(target) - 1) > 0);
    assert_string_equal(target, "/dev/null");
    assert_serves(&address);
    process_signal(&process, SIGTERM);
    assert_int_equal(process_wait(&process), 0);
}

static void test_output_that_cannot_be_written_is_a_failure(void **state)
{
    static const char *const words[] = {"--version", "--help", "--check"};
    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const char *const arguments[] = {"/bin/sh",      "-c",     "exec \"$0\" \"$1\" >/dev/full",
                                         FETCHONCE_PATH, words[i], NULL};
        assert_int_equal(process_run(&process, arguments, NULL), 1);
        assert_contains(process.error, "standard output cannot be written");
    }
}

static void test_a_port_in_use_is_said_with_what_to_do(void **state)
{
    static struct process second;
    struct sockaddr_storage address;
    char listen[64];
    (void)state;
    START(&process, NULL, "--listen", "127.0.0.1:0", "--loops", "1");
    process_address(&process, &address);
    snprintf(listen, sizeof(listen), "127.0.0.1:%u",
             ntohs(((struct sockaddr_in *)(void *)&address)->sin_port));
    assert_int_equal(RUN(&second, "--listen", listen), 1);
    assert_string_equal(second.out, "");
    assert_contains(second.error, " is in use: another program listens there");
    assert_contains(second.error, "--listen");
    assert_serves(&address);
    process_signal(&process, SIGTERM);
    assert_int_equal(process_wait(&process), 0);
}

static void test_an_address_of_no_interface_is_said(void **state)
{
    static const char *const variables[] = {"FETCHONCE_FETCH_OPEN_TO_NETWORK=true", NULL};
    (void)state;
    START(&process, variables, "--listen", "192.0.2.1:0");
    assert_int_equal(process_wait(&process), 1);
    assert_contains(process.error, "192.0.2.1:0 (--listen) is not an address of this machine");
}

static void test_the_example_configurations_are_fine(void **state)
{
    static const char *const files[] = {
        FETCHONCE_CONFIG_FOLDER "/examples/reverse_proxy.json",
        FETCHONCE_CONFIG_FOLDER "/examples/forward_proxy.json",
        default_file,
        FETCHONCE_CONFIG_FOLDER "/container.json",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        assert_int_equal(RUN(&process, "--check", "--config", files[i]), 0);
        assert_int_equal(strncmp(process.out, "configuration ok: http://", 25), 0);
        assert_string_equal(process.error, "");
    }
    assert_contains(process.out, "http://0.0.0.0:8080, ");
}

static void test_check_says_what_it_comes_to_and_starts_nothing(void **state)
{
    (void)state;
    assert_int_equal(RUN(&process, "--check", "--listen", "[::1]:1", "--loops", "3"), 0);
    assert_int_equal(strncmp(process.out, "configuration ok: http://[::1]:1, 3 loops, cache ", 49),
                     0);
}

static void test_a_faulty_file_stops_the_start_with_every_fault(void **state)
{
    static const char text[] = "{\n \"loops\": 0,\n \"fetch\": {\"lifetime\": 5}\n}\n";
    char path[] = "/tmp/fetchonce-config-XXXXXX";
    char expected[512];
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    close(fd);
    assert_int_equal(RUN(&process, "--config", path), 2);
    unlink(path);
    assert_string_equal(process.out, "");
    snprintf(expected, sizeof(expected),
             "%s:2: loops: must be \"auto\" or a whole number from 1 to 256 (loops), not 0\n"
             "%s:3: fetch.lifetime: unknown setting; did you mean fetch.lifetime_s?\n"
             "fetchonce: the configuration has 2 problems; nothing was started\n",
             path, path);
    assert_string_equal(process.error, expected);
}

static void test_the_environment_names_the_file(void **state)
{
    static const char *const variables[] = {"FETCHONCE_CONFIG=/nonexistent.json", NULL};
    (void)state;
    START(&process, variables, "--check");
    assert_int_equal(process_wait(&process), 2);
    assert_contains(process.error, "/nonexistent.json: cannot be read: No such file");
    /* The option wins, as everywhere. */
    START(&process, variables, "--check", "--config", default_file);
    assert_int_equal(process_wait(&process), 0);
}

static void test_a_misspelt_variable_stops_the_start(void **state)
{
    static const char *const variables[] = {"FETCHONCE_LISEN=127.0.0.1:0", NULL};
    (void)state;
    START(&process, variables, "serve");
    assert_int_equal(process_wait(&process), 2);
    assert_contains(process.error, "did you mean FETCHONCE_LISTEN?");
}

static void test_an_open_address_needs_a_word(void **state)
{
    static const char *const variables[] = {"FETCHONCE_FETCH_OPEN_TO_NETWORK=true", NULL};
    (void)state;
    assert_int_equal(RUN(&process, "--check", "--listen", "0.0.0.0:8080"), 2);
    assert_contains(process.error, "FETCHONCE_FETCH_OPEN_TO_NETWORK=true");
    START(&process, variables, "--check", "--listen", "0.0.0.0:8080");
    assert_int_equal(process_wait(&process), 0);
}

static void test_usage_errors_exit_2_with_a_hint(void **state)
{
    (void)state;
    assert_int_equal(RUN(&process, "--lisen", "x"), 2);
    assert_contains(process.error, "did you mean --listen?\nTry 'fetchonce --help'.\n");
    assert_string_equal(process.out, "");
    assert_int_equal(RUN(&process, "--loops", "many"), 2);
    assert_contains(process.error, "--loops: must be");
}

static void test_version_and_help_go_to_standard_output(void **state)
{
    (void)state;
    assert_int_equal(RUN(&process, "--version"), 0);
    assert_string_equal(process.out, "fetchonce " FETCHONCE_VERSION "\n");
    assert_int_equal(RUN(&process, "--help"), 0);
    assert_contains(process.out, "usage: fetchonce [serve]");
    assert_contains(process.out, "exit status:");
    assert_string_equal(process.error, "");
}

/* The demo checks itself what it shows; here, that it does, and that it fits a terminal. */
static void test_the_demo_shows_one_fetch_for_fifty_requests(void **state)
{
    (void)state;
    assert_int_equal(RUN(&process, "demo"), 0);
    assert_contains(process.out, "50 requests, 1 upstream fetch.");
    assert_contains(process.out, "the numbers 1 to 50, each once");
    assert_contains(process.out, "none lost");
    assert_null(strstr(process.out, "\x1b"));
    for (const char *line = process.out; *line != '\0';) {
        size_t bytes = strcspn(line, "\n");
        assert_in_range(bytes, 0, 80);
        line += bytes + (line[bytes] == '\n' ? 1 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_line_has_the_real_port_and_the_server_answers),
        cmocka_unit_test(test_sigint_stops_it_too),
        cmocka_unit_test(test_a_second_signal_cuts_what_drains),
        cmocka_unit_test(test_a_closed_standard_error_is_not_reused),
        cmocka_unit_test(test_output_that_cannot_be_written_is_a_failure),
        cmocka_unit_test(test_a_port_in_use_is_said_with_what_to_do),
        cmocka_unit_test(test_an_address_of_no_interface_is_said),
        cmocka_unit_test(test_the_example_configurations_are_fine),
        cmocka_unit_test(test_check_says_what_it_comes_to_and_starts_nothing),
        cmocka_unit_test(test_a_faulty_file_stops_the_start_with_every_fault),
        cmocka_unit_test(test_the_environment_names_the_file),
        cmocka_unit_test(test_a_misspelt_variable_stops_the_start),
        cmocka_unit_test(test_an_open_address_needs_a_word),
        cmocka_unit_test(test_usage_errors_exit_2_with_a_hint),
        cmocka_unit_test(test_version_and_help_go_to_standard_output),
        cmocka_unit_test(test_the_demo_shows_one_fetch_for_fifty_requests),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
