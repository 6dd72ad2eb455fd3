/* SPDX-License-Identifier: MIT */
/*
 * test_parts.c - what cannot be shared is not fetched as a whole for a small piece: the origin is
 * asked for the range of the one request (case 18).
 */
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "world.h"

#define PRIVATE_WHOLE                                                                              \
    "HTTP/1.1 200 OK\r\nCache-Control: private\r\nAccept-Ranges: bytes\r\n"                        \
    "Content-Length: 10\r\n\r\n0123456789"

/* A URL that is known not to be shareable. */
static void start_marked(struct world *world)
{
    struct client_reply reply;

    world_start(world, NULL);
    origin_on(world->origin, "/", ORIGIN_SEND(PRIVATE_WHOLE));
    world_get(world, "/", "", "", &reply);
    assert_int_equal(reply.status, 200);
    client_reply_fini(&reply);
}

static bool was_asked(struct world *world, const char *line)
{
    char request[2048];

    origin_last_request(world->origin, "/", request, sizeof request);
    return strstr(request, line) != NULL;
}

static void case_18_range_of_what_is_not_shared_goes_to_the_origin(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    start_marked(&world);
    origin_on(world.origin, "/",
              ORIGIN_SEND("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-4/10\r\n"
                          "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\n234"));
    world_get(&world, "/", "", "Range: bytes=2-4\r\nIf-Range: \"v1\"\r\n", &reply);
    assert_true(was_asked(&world, "\r\nRange: bytes=2-4\r\n"));
    assert_true(was_asked(&world, "\r\nIf-Range: \"v1\"\r\n"));
    assert_int_equal(reply.status, 206);
    assert_true(reply.is_whole);
    assert_string_equal(reply.body, "234");
    assert_field(&reply, "Content-Range", "bytes 2-4/10");
    assert_field(&reply, "Content-Length", "3");
    client_reply_fini(&reply);
    assert_int_equal(world_counters(&world).upstream_parts, 1);

    origin_on(world.origin, "/",
              ORIGIN_SEND("HTTP/1.1 206 Partial Content\r\n"
                          "Content-Type: multipart/byteranges; boundary=b\r\n"
                          "Content-Length: 16\r\n\r\n(whatever it is)"));
    world_get(&world, "/", "", "Range: bytes=2-4,6-7\r\n", &reply);
    assert_int_equal(reply.status, 206);
    assert_field(&reply, "Content-Type", "multipart/byteranges; boundary=b");
    assert_string_equal(reply.body, "(whatever it is)");
    client_reply_fini(&reply);

    origin_on(world.origin, "/",
              ORIGIN_SEND("HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */10\r\n"
                          "Content-Length: 0\r\n\r\n"));
    world_get(&world, "/", "", "Range: bytes=20-\r\n", &reply);
    assert_int_equal(reply.status, 416);
    assert_field(&reply, "Content-Range", "bytes */10");
    client_reply_fini(&reply);
    assert_int_equal(world_counters(&world).stored, 0);
    world_stop(&world);
}

/* An origin that takes no notice of the range is cut as any other answer. */
static void case_18_whole_in_place_of_a_part_is_cut(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    start_marked(&world);
    world_get(&world, "/", "", "Range: bytes=2-4\r\n", &reply);
    assert_true(was_asked(&world, "\r\nRange: bytes=2-4\r\n"));
    assert_int_equal(reply.status, 206);
    assert_string_equal(reply.body, "234");
    assert_field(&reply, "Content-Range", "bytes 2-4/10");
    client_reply_fini(&reply);
    world_stop(&world);
}

/* Case 25: a part that does not say which it is, or was not asked for. */
static void case_18_part_of_nothing_is_502(void **state)
{
    static const char *const requests[] = {"Range: bytes=2-4\r\n", "", "Range: lines=1-2\r\n",
                                           "Range: bytes=2-4\r\nIf-None-Match: \"v1\"\r\n"};
    struct world world;
    struct client_reply reply;

    (void)state;
    start_marked(&world);
    for (unsigned i = 0; i < 4; i++) {
        if (i == 0)
            origin_on(world.origin, "/",
                      ORIGIN_SEND("HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n\r\n234"));
        else
            origin_on(world.origin, "/",
                      ORIGIN_SEND("HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n"
                                  "Content-Range: bytes 2-4/10\r\n\r\n234"));
        world_get(&world, "/", "", requests[i], &reply);
        assert_int_equal(was_asked(&world, "\r\nRange:"), i == 0);
        assert_int_equal(reply.status, 502);
        client_reply_fini(&reply);
    }
    world_stop(&world);
}

/* HEAD has no range, and so asks for none. */
static void case_18_head_asks_for_no_part(void **state)
{
    struct world world;
    struct client client;
    struct client_reply reply;

    (void)state;
    start_marked(&world);
    world_ask(&world, &client, "HEAD", "/", "", "Range: bytes=2-4\r\n");
    client_read_reply(&client, true, &reply);
    assert_int_equal(reply.status, 200);
    assert_false(was_asked(&world, "\r\nRange:"));
    client_reply_fini(&reply);
    client_close(&client);
    world_stop(&world);
}

/* Too long to be stored: who wants a piece of it from far behind gives the whole up. */
static void case_18_far_piece_of_a_long_body_is_asked_for(void **state)
{
    struct fetch_settings settings;
    struct world world;
    struct client client;
    struct client_reply reply;
    char request[2048];

    (void)state;
    world_settings(&settings);
    settings.stored_body_bytes_max = 1024 * 1024;
    world_start(&world, &settings);
    origin_on(world.origin, "/long", ORIGIN_GATE,
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\n"
                          "Content-Length: 16777216\r\n\r\n0123456789"),
              ORIGIN_GATE);
    world_ask(&world, &client, "GET", "/long", "", "Range: bytes=8000000-8000004\r\n");
    origin_wait_gate(world.origin, "/long", 1);
    origin_on(world.origin, "/long",
              ORIGIN_SEND("HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\n"
                          "Content-Range: bytes 8000000-8000004/16777216\r\n\r\npiece"));
    origin_release(world.origin, "/long"); /* now that the second request has its answer */
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 206);
    assert_string_equal(reply.body, "piece");
    client_reply_fini(&reply);
    origin_last_request(world.origin, "/long", request, sizeof request);
    assert_non_null(strstr(request, "\r\nRange: bytes=8000000-8000004\r\n"));
    assert_int_equal(origin_hits(world.origin, "/long"), 2);
    world_wait_flights(&world, 0); /* the fetch of the whole has been given up */
    client_close(&client);
    world_stop(&world);
}

/* Its first part is taken from the whole, which is on its way already. */
static void case_18_near_piece_of_a_long_body_is_not_asked_for(void **state)
{
    struct fetch_settings settings;
    struct world world;
    struct client_reply reply;

    (void)state;
    world_settings(&settings);
    settings.stored_body_bytes_max = 4096;
    world_start(&world, &settings);
    origin_on(world.origin, "/long",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\n"
                          "Content-Length: 16777216\r\n\r\n"),
              ORIGIN_REPEAT("0123456789abcdef", 1048576));
    world_get(&world, "/long", "", "Range: bytes=64000-64003\r\n", &reply);
    assert_int_equal(reply.status, 206);
    assert_string_equal(reply.body, "0123");
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/long"), 1);
    world_stop(&world);
}

/* Case 13 with ranges: who waited for what turns out to be another's asks for its own part. */
static void case_18_those_who_are_split_off_ask_for_their_parts(void **state)
{
    struct world world;
    struct client clients[2];
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(PRIVATE_WHOLE));
    world_ask(&world, &clients[0], "GET", "/", "", "");
    origin_wait_hits(world.origin, "/", 1);
    world_ask(&world, &clients[1], "GET", "/", "", "Range: bytes=7-\r\n");
    world_wait_waiting(&world, 2);
    origin_release(world.origin, "/");
    client_read_reply(&clients[0], false, &reply);
    assert_string_equal(reply.body, "0123456789");
    client_reply_fini(&reply);
    client_read_reply(&clients[1], false, &reply);
    assert_int_equal(reply.status, 206);
    assert_string_equal(reply.body, "789");
    client_reply_fini(&reply);
    assert_true(was_asked(&world, "\r\nRange: bytes=7-\r\n"));
    client_close(&clients[0]);
    client_close(&clients[1]);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_18_range_of_what_is_not_shared_goes_to_the_origin),
        cmocka_unit_test(case_18_whole_in_place_of_a_part_is_cut),
        cmocka_unit_test(case_18_part_of_nothing_is_502),
        cmocka_unit_test(case_18_head_asks_for_no_part),
        cmocka_unit_test(case_18_far_piece_of_a_long_body_is_asked_for),
        cmocka_unit_test(case_18_near_piece_of_a_long_body_is_not_asked_for),
        cmocka_unit_test(case_18_those_who_are_split_off_ask_for_their_parts),
    };

    world_prepare();
    return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}
