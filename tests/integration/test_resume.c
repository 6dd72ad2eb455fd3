/* SPDX-License-Identifier: MIT */
/*
 * test_resume.c - an origin that dies in the middle of a body, and what it answers when the rest is
 * asked for (case 7).
 */
#include <string.h>

#include "cmocka_all.h"
#include "world.h"

#define FIRST                                                                                      \
    "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nAccept-Ranges: bytes\r\nContent-Length: 11\r\n\r\nhello"

/* Two clients have the first half; then the origin is gone, and answers so to the next request. */
static void break_off(struct world *world, struct client clients[2], const char *rest)
{
    world_start(world, NULL);
    origin_on(world->origin, "/", ORIGIN_SEND(FIRST), ORIGIN_GATE, ORIGIN_RESET);
    for (unsigned i = 0; i < 2; i++) {
        world_ask(world, &clients[i], "GET", "/", "", i == 1 ? "Range: bytes=3-7\r\n" : "");
        assert_true(client_has_bytes(&clients[i], CLIENT_GUARD_MS));
    }
    origin_on(world->origin, "/", ORIGIN_SEND(rest));
    origin_release(world->origin, "/");
}

static void case_07_clients_notice_nothing_of_a_resume(void **state)
{
    struct world world;
    struct client clients[2];
    struct client_reply reply;
    char request[1024];

    (void)state;
    break_off(&world, clients,
              "HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Length: 6\r\n"
              "Content-Range: bytes 5-10/11\r\n\r\n world");
    client_read_reply(&clients[0], false, &reply);
    assert_int_equal(reply.status, 200);
    assert_true(reply.is_whole);
    assert_string_equal(reply.body, "hello world");
    client_reply_fini(&reply);
    client_read_reply(&clients[1], false, &reply);
    assert_int_equal(reply.status, 206);
    assert_true(reply.is_whole);
    assert_string_equal(reply.body, "lo wo");
    client_reply_fini(&reply);
    origin_last_request(world.origin, "/", request, sizeof request);
    assert_non_null(strstr(request, "\r\nRange: bytes=5-\r\n"));
    assert_non_null(strstr(request, "\r\nIf-Range: \"v1\"\r\n"));
    assert_non_null(strstr(request, "\r\nAccept-Encoding: identity\r\n"));
    world_get(&world, "/", "", "", &reply);
    assert_string_equal(reply.body, "hello world");
    assert_non_null(strstr(client_reply_field(&reply, "Cache-Status"), "; hit"));
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/"), 2);
    assert_int_equal(world_counters(&world).upstream_resumes, 1);
    client_close(&clients[0]);
    client_close(&clients[1]);
    world_stop(&world);
}

/* The answer has changed: nothing of the new one is sent behind the old, and nothing is stored. */
static void case_07_changed_answer_is_not_appended(void **state)
{
    struct world world;
    struct client clients[2];
    struct client_reply reply;

    (void)state;
    break_off(&world, clients,
              "HTTP/1.1 200 OK\r\nETag: \"v2\"\r\nContent-Length: 11\r\n\r\nHELLO WORLD");
    for (unsigned i = 0; i < 2; i++) {
        client_read_reply(&clients[i], false, &reply);
        assert_false(reply.is_whole);
        assert_string_equal(reply.body, i == 0 ? "hello" : "lo");
        client_reply_fini(&reply);
        client_close(&clients[i]);
    }
    world_get(&world, "/", "", "", &reply);
    assert_string_equal(reply.body, "HELLO WORLD");
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/"), 3);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_07_clients_notice_nothing_of_a_resume),
        cmocka_unit_test(case_07_changed_answer_is_not_appended),
    };

    world_prepare();
    return cmocka_run_group_tests_name("resume", tests, NULL, NULL);
}
