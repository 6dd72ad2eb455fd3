/* SPDX-License-Identifier: MIT */
/*
 * test_reload.c - SIGHUP: what a running server takes over of a changed configuration, and when it
 * takes none of it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "program.h"

#define AGAIN     "msg=\"the configuration was read again\""
#define NOT_AGAIN "msg=\"the configuration was not read again; all stays as it was\" "

static struct program program;
static char path[] = "/tmp/fetchonce-reload-XXXXXX";

static void write_config(const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* SIGHUP, once the configuration is this; the log says what became of it. */
static void reload(const char *text, const char *said)
{
    write_config(text);
    process_signal(&program.process, SIGHUP);
    process_wait_error(&program.process, said);
}

static void start(const char *text)
{
    int fd;

    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_config(text);
    program_start(&program, NULL, path);
}

static void stop(void)
{
    program_stop(&program);
    unlink(path);
}

/* The first request waits for its origin when the lifetime changes. It is answered by the fetch it
 * began; who comes after the change has another, whose answer lives as long as is said now. */
static void case_28_a_reload_during_a_fetch(void **state)
{
    struct client first, second;
    const char *cache_status;

    (void)state;
    start("{\"fetch\": {\"lifetime_s\": 1000}}");
    origin_on(program.origin, "/", ORIGIN_GATE,
              ORIGIN_SEND("HTTP/1.1 200 OK\r\n"
                          "Content-Length: 3\r\n\r\nold"));
    program_ask(&program, &first, "/", "");
    origin_wait_hits(program.origin, "/", 1);
    reload("{\"fetch\": {\"lifetime_s\": 5}}", AGAIN);
    origin_on(program.origin, "/", ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew"));
    program_ask(&program, &second, "/", "");
    program_expect(&second, 200, "new"); /* it did not wait for the first */
    origin_release(program.origin, "/");
    program_expect(&first, 200, "old");
    cache_status = program_get(&program, "/", "", "new");
    assert_non_null(strstr(cache_status, "fetchonce; hit; ttl="));
    assert_in_range(strtol(strstr(cache_status, "ttl=") + 4, NULL, 10), 1, 5);
    assert_int_equal(origin_hits(program.origin, "/"), 2);
    stop();
}

/* Lists that requests point to change under a loop that has remembered what it was asked for. */
static void test_lists_of_fields_and_addresses_change(void **state)
{
    struct client client;
    struct client_reply reply;
    char request[4096];

    (void)state;
    start("{\"fetch\": {\"forward\": []}}");
    origin_on(program.origin, "/",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n"
                          "Content-Length: 2\r\n\r\nok"));
    program_get(&program, "/", "X-Kind: a\r\n", "ok");
    origin_last_request(program.origin, "/", request, sizeof request);
    assert_null(strcasestr(request, "X-Kind"));
    reload("{\"fetch\": {\"forward\": [\"X-Kind\"]}}", AGAIN);
    program_get(&program, "/", "X-Kind: a\r\n", "ok");
    origin_last_request(program.origin, "/", request, sizeof request);
    assert_non_null(strcasestr(request, "\r\nX-Kind: a\r\n"));
    stop();

    /* ::1 is opened by the file, and by nothing else. */
    start("{\"fetch\": {\"allow\": [\"::1\"], \"failure_lifetime_ms\": 0}}");
    reload("{\"fetch\": {\"allow\": [], \"failure_lifetime_ms\": 0}}", AGAIN);
    client_get(&program.address, "/fetch?url=http://%5b::1%5d:1/", &reply);
    assert_int_equal(reply.status, 403);
    client_reply_fini(&reply);
    reload("{\"fetch\": {\"allow\": [\"::1\"], \"failure_lifetime_ms\": 0}}", AGAIN);
    client_open(&client, &program.address);
    client_send_text(&client, "GET /fetch?url=http://%5b::1%5d:1/ HTTP/1.1\r\nHost: a\r\n\r\n");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 502); /* allowed, and nobody listens there */
    client_reply_fini(&reply);
    client_close(&client);
    stop();
}

/* Two good changes stand beside one mistake: none of them is in force. */
static void test_a_faulty_file_changes_nothing_and_says_where(void **state)
{
    char said[512];

    (void)state;
    start("{\"fetch\": {\"lifetime_s\": 1000}}");
    origin_on(program.origin, "/", ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    snprintf(
        said, sizeof said,
        " error msg=\"the configuration has a fault\" fault=\"%s:3: fetch.redirect_max: unknown "
        "setting; did you mean fetch.redirects_max?\"\n",
        path);
    reload("{\"fetch\": {\n\"lifetime_s\": 5,\n\"redirect_max\": 2},\n\"log\": {\"level\": "
           "\"error\"}}",
           said);
    process_wait_error(&program.process, NOT_AGAIN "faults=1\n");
    program_get(&program, "/", "", "ok");
    assert_in_range(strtol(strstr(program_get(&program, "/", "", "ok"), "ttl=") + 4, NULL, 10), 800,
                    1000);
    unlink(path);
    process_signal(&program.process, SIGHUP);
    process_wait_error(&program.process, ": cannot be read: No such file or directory\"\n");
    process_wait_error(&program.process, NOT_AGAIN "faults=1\n");
    program_stop(&program);
}

static void test_what_takes_a_restart_is_said_and_stays(void **state)
{
    char said[512];

    (void)state;
    start("{\"limits\": {\"target_bytes_max\": 1000}}");
    snprintf(said, sizeof said,
             " warn msg=\"a setting takes a restart\" setting=limits.target_bytes_max "
             "running=\"1000\" configured=\"100\" where=\"%s:1: limits.target_bytes_max\"\n",
             path);
    for (unsigned i = 0; i < 2; i++) { /* said again: it runs with the old value still */
        reload("{\"limits\": {\"target_bytes_max\": 100}}", said);
        process_wait_error(&program.process, AGAIN);
    }
    origin_on(program.origin,
              "/a123456789012345678901234567890123456789012345678901234567890123456789",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    program_get(&program, "/a123456789012345678901234567890123456789012345678901234567890123456789",
                "", "ok");
    reload("{\"limits\": {\"target_bytes_max\": 1000}}", AGAIN);
    assert_null(strstr(program.process.error + program.process.error_at, "takes a restart"));
    stop();
}

/* The options win over the file at a reload as they do at the start; so --allow stays. */
static void test_later_layers_win_again(void **state)
{
    (void)state;
    start("{}");
    reload("{\"loops\": 7, \"listen\": \"127.0.0.1:1\", \"fetch\": {\"allow\": []}}", AGAIN);
    assert_null(strstr(program.process.error, "takes a restart"));
    origin_on(program.origin, "/", ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    program_get(&program, "/", "", "ok");
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_28_a_reload_during_a_fetch),
        cmocka_unit_test(test_lists_of_fields_and_addresses_change),
        cmocka_unit_test(test_a_faulty_file_changes_nothing_and_says_where),
        cmocka_unit_test(test_what_takes_a_restart_is_said_and_stays),
        cmocka_unit_test(test_later_layers_win_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
