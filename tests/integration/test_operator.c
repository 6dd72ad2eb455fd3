/* SPDX-License-Identifier: MIT */
/*
 * test_operator.c - who may do what is the operator's: with a token, without one, and when it
 * changes while the program runs.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "program.h"

#define FIRST       "the-first-token-of-three-0"
#define SECOND      "the-second-token-of-three0"
#define WITH(token) "Authorization: Bearer " token "\r\n"

static struct program program;
static char folder[] = "/tmp/fetchonce-operator-XXXXXX";
static char config_path[64], token_path[64];

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

/* The line of the settings `more`, with a comma behind it, or "". */
static void write_config(const char *more, bool has_token)
{
    char text[512];

    snprintf(text, sizeof text, "{%s\n\"operator\": {\"listen\": \"127.0.0.1:0\"%s%s%s}}", more,
             has_token ? ",\n\"token_file\": \"" : "", has_token ? token_path : "",
             has_token ? "\"" : "");
    write_file(config_path, text, 0644);
}

static void start(bool has_token)
{
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(folder));
    snprintf(config_path, sizeof config_path, "%s/config.json", folder);
    snprintf(token_path, sizeof token_path, "%s/token", folder);
    write_file(token_path, FIRST "\n", 0600);
    write_config("", has_token);
    program_start(&program, NULL, config_path);
}

/* No token has been said to anybody. */
static void stop(void)
{
    program_stop(&program);
    assert_null(strstr(program.process.out, "-token-of-three"));
    assert_null(strstr(program.process.error, "-token-of-three"));
    unlink(config_path);
    unlink(token_path);
    rmdir(folder);
}

static void operate(const char *method, const char *target, const char *fields, int status)
{
    struct client client;
    struct client_reply reply;
    const char *challenge;

    print_message("%s %s %s\n", method, target, fields);
    program_operate(&program, &client, method, target, fields);
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, status);
    assert_null(strstr(reply.body, "-token-of-three"));
    challenge = client_reply_field(&reply, "WWW-Authenticate");
    assert_int_equal(challenge != NULL, status == 401);
    if (challenge != NULL)
        assert_int_equal(strncmp(challenge, "Bearer realm=", 13), 0);
    client_reply_fini(&reply);
    client_close(&client);
}

#define PURGE "/purge?url=http://a.example/"

static void reload(const char *said)
{
    process_signal(&program.process, SIGHUP);
    process_wait_error(&program.process, said);
}

#define AGAIN     "msg=\"the configuration was read again\""
#define NOT_AGAIN "msg=\"the configuration was not read again; all stays as it was\" faults=1\n"

static void test_all_but_health_takes_the_token(void **state)
{
    struct client client;
    struct client_reply reply;

    (void)state;
    start(true);
    operate("POST", PURGE, "", 401);
    operate("POST", PURGE, WITH(SECOND), 401);
    operate("POST", PURGE, WITH(FIRST), 200);
    operate("POST", PURGE, "authorization: bearer " FIRST "\r\n", 200);
    operate("POST", PURGE, WITH(FIRST) "Origin: http://evil.example\r\n", 403);
    operate("GET", PURGE, "", 401);
    operate("GET", PURGE, WITH(FIRST), 405);
    operate("GET", "/nothing", "", 401);
    operate("GET", "/nothing", WITH(FIRST), 404);
    operate("GET", "/healthz", "", 200);
    /* Under any name, too. */
    client_open(&client, &program.operator_address);
    client_send_text(&client, "POST " PURGE " HTTP/1.1\r\nHost: cache.example\r\n" WITH(
                                  FIRST) "Content-Length: 3\r\n\r\nabc");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 200);
    client_reply_fini(&reply);
    client_close(&client);
    stop();
}

/* What a browser can be made to send by a page of anybody: a form, and, where the name of that page
 * comes to lead to this machine, anything without a word of where it is from. */
static void test_without_a_token_no_page_is_let_in(void **state)
{
    struct client client;
    struct client_reply reply;

    (void)state;
    start(false);
    operate("POST", PURGE, "", 200);
    operate("POST", PURGE,
            "Origin: http://evil.example\r\nSec-Fetch-Site: cross-site\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n",
            403);
    operate("POST", PURGE, "Origin: null\r\n", 403);
    operate("POST", PURGE, "Sec-Fetch-Site: same-site\r\n", 403);
    operate("GET", "/nothing", "Sec-Fetch-Site: cross-site\r\n", 403);
    client_open(&client, &program.operator_address);
    client_send_text(&client, "POST " PURGE " HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 421);
    client_reply_fini(&reply);
    client_close(&client);
    stop();
}

static void test_the_token_is_read_again(void **state)
{
    (void)state;
    start(true);
    operate("POST", PURGE, WITH(FIRST), 200);
    write_file(token_path, SECOND "\n", 0600);
    operate("POST", PURGE, WITH(FIRST), 200);
    reload(AGAIN);
    operate("POST", PURGE, WITH(FIRST), 401);
    operate("POST", PURGE, WITH(SECOND), 200);
    /* A file that is refused changes nothing, nor do the settings beside it. */
    write_file(token_path, FIRST, 0640);
    write_config("\"log\": {\"level\": \"error\"},", true);
    reload(" operator.token_file: \\\"");
    process_wait_error(&program.process, "may know the token");
    process_wait_error(&program.process, NOT_AGAIN);
    operate("POST", PURGE, WITH(FIRST), 401);
    operate("POST", PURGE, WITH(SECOND), 200);
    write_file(token_path, "short", 0600);
    reload("could be guessed");
    process_wait_error(&program.process, NOT_AGAIN);
    operate("POST", PURGE, WITH(SECOND), 200);
    /* Of this machine alone, none is needed. */
    write_config("", false);
    reload(AGAIN);
    operate("POST", PURGE, "", 200);
    write_file(token_path, FIRST, 0600);
    write_config("", true);
    reload(AGAIN);
    operate("POST", PURGE, "", 401);
    operate("POST", PURGE, WITH(FIRST), 200);
    stop();
}

#define FRESH                                                                                      \
    "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nETag: \"1\"\r\nSurrogate-Key: red\r\n"        \
    "Content-Length: 2\r\n\r\nok"

/* A PURGE of a client; `hits` is how often the origin has been asked for /a after one more GET. */
static void purge(const char *target, const char *fields, int status, const char *body,
                  unsigned hits)
{
    struct client client;
    struct client_reply reply;

    print_message("PURGE %s %s\n", target, fields);
    program_send(&program, &client, "PURGE", target, fields);
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, status);
    if (strstr(reply.body, body) == NULL)
        fail_msg("%s", reply.body);
    assert_null(strstr(reply.body, "-token-of-three"));
    client_reply_fini(&reply);
    client_close(&client);
    program_send(&program, &client, "GET", "/a", "");
    program_expect(&client, 200, "ok");
    assert_int_equal(origin_hits(program.origin, "/a"), hits);
}

static void start_purging(bool is_on)
{
    char more[160];

    start(true);
    program_stop(&program);
    origin_start(&program.origin);
    snprintf(more, sizeof more,
             "\"routes\": [{\"prefix\": \"/\", \"upstreams\": [\"http://127.0.0.1:%u\"]}],",
             origin_port(program.origin));
    write_config(more, true);
    program_start(&program,
                  is_on ? (const char *const[]){"FETCHONCE_OPERATOR_PURGE_ON_LISTEN=true", NULL}
                        : NULL,
                  config_path);
    origin_on(program.origin, "/a", ORIGIN_SEND(FRESH));
}

/* It takes no path from the routes, and none of it ever comes to an origin. */
static void test_clients_with_the_token_purge_what_they_name(void **state)
{
    char target[96];

    (void)state;
    start_purging(true);
    purge("/a", "", 401, "token", 1);
    purge("/a", WITH(SECOND), 401, "token", 1);
    purge("/a", WITH(FIRST) "Origin: http://public.example\r\n", 403, "browser", 1);
    purge("/a", WITH(FIRST), 200, "{\"purged\":1}", 2);
    purge("/%61", WITH(FIRST), 200, "{\"purged\":1}", 3);
    purge("http://public.example/a", WITH(FIRST), 200, "{\"purged\":1}", 4);
    purge("http://other.example/a", WITH(FIRST), 200, "{\"purged\":0}", 4);
    purge("/b", WITH(FIRST), 200, "{\"purged\":0}", 4);
    /* What else instead, as POST /purge has it. */
    purge("/b", WITH(FIRST) "Purge: tag=red&tag=blue\r\n", 200, "{\"tags\":2}", 5);
    purge("/b", WITH(FIRST) "Purge: pattern=*/a\r\n", 200, "{\"purged\":1}", 6);
    purge("/b", WITH(FIRST) "Purge: url=http://public.example/a\r\n", 200, "{\"purged\":1}", 7);
    purge("/b", WITH(FIRST) "Purge: all\r\n", 400, "unknown parameter", 7);
    purge("/a", WITH(FIRST) "Purge: soft=1\r\nPurge: tag=red\r\n", 400, "more than one", 7);
    purge("/a", WITH(FIRST) "Purge: soft=1\r\n", 200, "{\"purged\":1}", 8);
    /* As the clients of /fetch know it. */
    program_get(&program, "/a", "", "ok");
    assert_int_equal(origin_hits(program.origin, "/a"), 9);
    snprintf(target, sizeof target, "/fetch?url=http://127.0.0.1:%u/a",
             origin_port(program.origin));
    purge(target, WITH(FIRST) "Content-Length: 0\r\n", 200, "{\"purged\":1}", 9);
    program_get(&program, "/a", "", "ok");
    assert_int_equal(origin_hits(program.origin, "/a"), 10);
    stop();
}

/* Then it is the origin's, as any method that this server has no name for. */
static void test_purge_is_the_origins_unless_it_is_asked_for(void **state)
{
    char request[4096];

    (void)state;
    start_purging(false);
    purge("/a", "X-Key: of-the-origin\r\n", 200, "ok", 2);
    origin_last_request(program.origin, "/a", request, sizeof request);
    assert_int_equal(strncmp(request, "GET /a ", 7), 0);
    operate("PURGE", "/a", WITH(FIRST), 501);
    stop();
}

static void test_the_start_is_refused_with_a_bad_token(void **state)
{
    static const char *const arguments[] = {FETCHONCE_PATH, "--listen", "127.0.0.1:0", NULL};
    static struct process process;
    char variable[96], expected[256];
    const char *variables[] = {variable, NULL};

    (void)state;
    start(true);
    snprintf(variable, sizeof variable, "FETCHONCE_OPERATOR_TOKEN_FILE=%s", token_path);
    snprintf(expected, sizeof expected,
             "FETCHONCE_OPERATOR_TOKEN_FILE: \"%s\" has a token of less than 22 characters",
             token_path);
    write_file(token_path, "x-token-of-three\n", 0600);
    assert_int_equal(process_run(&process, arguments, variables), 2);
    if (strstr(process.error, expected) == NULL)
        fail_msg("%s", process.error);
    assert_null(strstr(process.error, "-token-of-three"));
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_but_health_takes_the_token),
        cmocka_unit_test(test_without_a_token_no_page_is_let_in),
        cmocka_unit_test(test_the_token_is_read_again),
        cmocka_unit_test(test_clients_with_the_token_purge_what_they_name),
        cmocka_unit_test(test_purge_is_the_origins_unless_it_is_asked_for),
        cmocka_unit_test(test_the_start_is_refused_with_a_bad_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
