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

#define OK    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define FRESH "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok"
#define NEW   "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 3\r\n\r\nnew"

/* With these routes, each of which leads to the origin, and further settings, with a comma before
 * them, or "". The loop has taken them over. */
static void set_routes(bool is_running, const char *routes, const char *more)
{
    char text[2048];
    size_t length = (size_t)snprintf(text, sizeof text, "{\"routes\": [");

    for (const char *at = routes; *at != '\0'; at++) {
        if (*at == '@')
            length += (size_t)snprintf(text + length, sizeof text - length,
                                       "\"upstreams\": [\"http://127.0.0.1:%u",
                                       origin_port(program.origin));
        else
            text[length++] = *at;
    }
    snprintf(text + length, sizeof text - length, "]%s}", more);
    if (!is_running) {
        start(text);
        return;
    }
    reload(text, AGAIN);
    program_sync(&program);
}

static void get(const char *target, int status, const char *body)
{
    struct client client;
    struct client_reply reply;

    program_send(&program, &client, "GET", target, "");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, status);
    if (body != NULL)
        assert_string_equal(reply.body, body);
    client_reply_fini(&reply);
    client_close(&client);
}

static void test_routes_come_and_go(void **state)
{
    (void)state;
    origin_start(&program.origin);
    set_routes(false, "{\"prefix\": \"/a\", @/x\"]}", "");
    origin_on(program.origin, "/x/a/1", ORIGIN_SEND(FRESH));
    origin_on(program.origin, "/y/1", ORIGIN_SEND(OK));
    origin_on(program.origin, "/b/1", ORIGIN_SEND(OK));
    get("/a/1", 200, "ok");
    get("/b/1", 404, NULL);
    set_routes(true,
               "{\"prefix\": \"/a\", @/y\"], \"strip_prefix\": true}, {\"prefix\": \"/\", @\"]}",
               "");
    get("/a/1", 200, "ok");
    assert_int_equal(origin_hits(program.origin, "/y/1"), 1);
    get("/b/1", 200, "ok");
    set_routes(true, "{\"prefix\": \"/a\", @/x\"]}", "");
    get("/a/1", 200, "ok"); /* stored by the first, which this one is again */
    assert_int_equal(origin_hits(program.origin, "/x/a/1"), 1);
    get("/b/1", 404, NULL);
    assert_null(strstr(program.process.error, "takes a restart"));
    stop();
}

/* Its client gets what was asked for, of an upstream that no route leads to any more, and another
 * client is not put beside it; a body that is being sent goes on as well. */
static void case_28_a_reload_takes_the_route_of_a_fetch_away(void **state)
{
    struct client first, second, sender;

    (void)state;
    origin_start(&program.origin);
    set_routes(false, "{\"prefix\": \"/\", @\"]}", "");
    origin_on(program.origin, "/a", ORIGIN_GATE, ORIGIN_SEND(FRESH));
    origin_on(program.origin, "/send", ORIGIN_GATE, ORIGIN_SEND(OK));
    program_send(&program, &first, "GET", "/a", "");
    program_send(&program, &sender, "POST", "/send", "Content-Length: 6\r\n");
    client_send_text(&sender, "abc");
    origin_wait_hits(program.origin, "/a", 1);
    set_routes(true, "{\"prefix\": \"/b\", @\"]}", "");
    get("/a", 404, NULL);
    set_routes(true, "{\"prefix\": \"/\", @\"], \"lifetime_s\": 5}", "");
    origin_on(program.origin, "/a", ORIGIN_SEND(NEW));
    program_send(&program, &second, "GET", "/a", "");
    program_expect(&second, 200, "new");
    origin_release(program.origin, "/a");
    program_expect(&first, 200, "ok");
    client_send_text(&sender, "def");
    origin_release(program.origin, "/send");
    program_expect(&sender, 200, "ok");
    assert_int_equal(origin_hits(program.origin, "/a"), 2);
    stop();
}

/* Stored by a rule that does not hold any more, or made for what is told otherwise now. */
static void test_what_was_stored_by_other_rules_is_not_used(void **state)
{
    static const char *const changes[][2] = {
        {"\"set_cookie\": \"standard\"", "\"set_cookie\": \"guarded\""},
        {"\"tell_client\": \"standard\"", "\"tell_client\": \"customary\""},
        {"\"trust_clients\": true", "\"trust_clients\": false"},
        {"\"rest_ms\": 5", "\"rest_ms\": 6"}, /* which is about no answer */
    };
    char routes[2][256];

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        origin_start(&program.origin);
        for (unsigned j = 0; j < 2; j++)
            snprintf(routes[j], sizeof routes[j], "{\"prefix\": \"/\", @\"], %s}", changes[i][j]);
        set_routes(false, routes[0], "");
        origin_on(program.origin, "/a",
                  ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nSet-Cookie: a=b\r\n"
                              "Content-Length: 2\r\n\r\nok"));
        if (i > 0)
            origin_on(program.origin, "/a", ORIGIN_SEND(FRESH));
        get("/a", 200, "ok");
        get("/a", 200, "ok");
        assert_int_equal(origin_hits(program.origin, "/a"), 1);
        set_routes(true, routes[1], "");
        get("/a", 200, "ok");
        assert_int_equal(origin_hits(program.origin, "/a"), i < 3 ? 2 : 1);
        stop();
    }
}

/* What they do not say for themselves is fetch's; tunnels that are open stay. */
static void test_the_forward_proxy_follows_the_settings_of_fetch(void **state)
{
    static const char *const allowed[] = {", \"fetch\": {\"failure_lifetime_ms\": 0}",
                                          ", \"fetch\": {\"failure_lifetime_ms\": 0, \"allow\": "
                                          "[\"::1\"]}"};
    struct client tunnel;
    struct client_reply reply;
    char answer[sizeof OK];
    char more[2][256];

    (void)state;
    origin_start(&program.origin);
    for (unsigned i = 0; i < 2; i++)
        snprintf(more[i], sizeof more[i],
                 ", \"forward_proxy\": {\"enabled\": true, \"connect\": true, \"connect_ports\": "
                 "[%u]}%s",
                 origin_port(program.origin), allowed[i]);
    set_routes(false, "", more[0]);
    origin_on(program.origin, "/a", ORIGIN_SEND(OK));
    get("http://[::1]:1/", 403, NULL);
    client_open(&tunnel, &program.address);
    client_send_format(&tunnel, "CONNECT 127.0.0.1:%u HTTP/1.1\r\nHost: a\r\n\r\n",
                       origin_port(program.origin));
    client_read_reply(&tunnel, true, &reply);
    assert_int_equal(reply.status, 200);
    client_reply_fini(&reply);
    set_routes(true, "", more[1]);
    get("http://[::1]:1/", 502, NULL);
    client_send_text(&tunnel, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(client_read(&tunnel, answer, sizeof answer - 1), sizeof answer - 1);
    assert_memory_equal(answer, OK, sizeof answer - 1);
    client_close(&tunnel);
    set_routes(true, "", more[0]);
    get("http://[::1]:1/", 403, NULL);
    stop();
}

static void test_a_purge_finds_the_routes_of_now(void **state)
{
    static const char operator[] = ", \"operator\": {\"listen\": \"127.0.0.1:0\"}";

    (void)state;
    origin_start(&program.origin);
    set_routes(false, "", operator);
    for (unsigned i = 0; i < 2; i++) {
        struct client client;
        set_routes(true,
                   i == 0 ? "{\"prefix\": \"/a\", @\"]}"
                          : "{\"prefix\": \"/a\", @\"], \"strip_prefix\": true}",
                   operator);
        origin_on(program.origin, i == 0 ? "/a/1" : "/1", ORIGIN_SEND(FRESH));
        get("/a/1", 200, "ok");
        program_operate(&program, &client, "POST", "/purge?url=http://public.example/a/1", "");
        program_expect(&client, 200, "{\"purged\":1}\n");
        get("/a/1", 200, "ok");
        assert_int_equal(origin_hits(program.origin, i == 0 ? "/a/1" : "/1"), 2);
    }
    stop();
}

/* What fetches goes with it, while requests may still be under way. */
static void test_the_last_way_in_stays(void **state)
{
    (void)state;
    origin_start(&program.origin);
    set_routes(false, "{\"prefix\": \"/\", @\"]}", ", \"fetch\": {\"enabled\": false}");
    origin_on(program.origin, "/a", ORIGIN_SEND(OK));
    reload("{\"fetch\": {\"enabled\": false}}", "msg=\"the last way in stays until a restart\"");
    process_wait_error(&program.process, AGAIN);
    program_sync(&program);
    get("/a", 200, "ok");
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
        cmocka_unit_test(test_routes_come_and_go),
        cmocka_unit_test(case_28_a_reload_takes_the_route_of_a_fetch_away),
        cmocka_unit_test(test_what_was_stored_by_other_rules_is_not_used),
        cmocka_unit_test(test_the_forward_proxy_follows_the_settings_of_fetch),
        cmocka_unit_test(test_a_purge_finds_the_routes_of_now),
        cmocka_unit_test(test_the_last_way_in_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
