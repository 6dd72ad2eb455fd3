/* SPDX-License-Identifier: MIT */
/*
 * test_ranges.c - requests with a Range (case 18): one fetch of the whole, and each gets its part.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "world.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define DIGITS                                                                                     \
    "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Type: text/plain\r\n"                              \
    "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"                                             \
    "Cache-Control: max-age=3600\r\n"                                                              \
    "Content-Length: 10\r\n\r\n0123456789"

static void get_range(struct world *world, const char *path, const char *range,
                      struct client_reply *ret_reply)
{
    char fields[256];

    snprintf(fields, sizeof fields, "Range: %s\r\n", range);
    world_get(world, path, "", fields, ret_reply);
}

static void case_18_ranges_are_answered_from_the_store(void **state)
{
    static const struct {
        const char *fields, *body, *content_range;
        int status;
    } cases[] = {
        {"Range: bytes=2-4\r\n", "234", "bytes 2-4/10", 206},
        {"Range: bytes=0-0\r\n", "0", "bytes 0-0/10", 206},
        {"Range: bytes=0-\r\n", "0123456789", "bytes 0-9/10", 206},
        {"Range: bytes=7-\r\n", "789", "bytes 7-9/10", 206},
        {"Range: bytes=-2\r\n", "89", "bytes 8-9/10", 206},
        {"Range: bytes=-20\r\n", "0123456789", "bytes 0-9/10", 206},
        {"Range: bytes=5-99\r\n", "56789", "bytes 5-9/10", 206},
        {"Range: bytes=1-2,3-4\r\n", "1234", "bytes 1-4/10", 206},
        {"Range: bytes=10-\r\n", NULL, "bytes */10", 416},
        {"Range: bytes=-0\r\n", NULL, "bytes */10", 416},
        /* Ignored. */
        {"Range: bytes=4-2\r\n", "0123456789", NULL, 200},
        {"Range: lines=1-2\r\n", "0123456789", NULL, 200},
        {"Range: bytes=0-5,2-7\r\n", "0123456789", NULL, 200},
        {"Range: bytes=0-1\r\nRange: bytes=2-3\r\n", "0123456789", NULL, 200},
        {"Range: bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16\r\n", "0123456789", NULL, 200},
        /* RFC 9110 section 13.1.5. */
        {"Range: bytes=2-4\r\nIf-Range: \"v1\"\r\n", "234", "bytes 2-4/10", 206},
        {"Range: bytes=2-4\r\nIf-Range: \"v0\"\r\n", "0123456789", NULL, 200},
        {"Range: bytes=2-4\r\nIf-Range: W/\"v1\"\r\n", "0123456789", NULL, 200},
        {"Range: bytes=2-4\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "234", "bytes 2-4/10",
         206},
        {"Range: bytes=2-4\r\nIf-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n", "0123456789", NULL,
         200},
        {"Range: bytes=20-\r\nIf-Range: \"v0\"\r\n", "0123456789", NULL, 200},
        /* RFC 9110 section 13.2.2: what the client has goes before what it wants a part of. */
        {"Range: bytes=2-4\r\nIf-None-Match: \"v1\"\r\n", "", NULL, 304},
        {"Range: bytes=2-4\r\nIf-None-Match: \"v0\"\r\n", "234", "bytes 2-4/10", 206},
        {"Range: bytes=2-4\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "", NULL, 304},
        {"Range: bytes=2-4\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", "234",
         "bytes 2-4/10", 206},
        {"Range: bytes=2-4\r\nIf-None-Match: \"v0\"\r\n"
         "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
         "234", "bytes 2-4/10", 206},
    };
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_SEND(DIGITS));
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("case %zu: %s", i, cases[i].fields);
        world_get(&world, "/", "", cases[i].fields, &reply);
        assert_int_equal(reply.status, cases[i].status);
        assert_true(reply.is_whole);
        if (cases[i].body != NULL)
            assert_string_equal(reply.body, cases[i].body);
        if (cases[i].content_range != NULL)
            assert_field(&reply, "Content-Range", cases[i].content_range);
        else
            assert_null(client_reply_field(&reply, "Content-Range"));
        if (cases[i].status == 200 || cases[i].status == 206) {
            assert_field(&reply, "Content-Type", "text/plain");
            assert_field(&reply, "Accept-Ranges", "bytes");
            assert_field(&reply, "ETag", "\"v1\"");
        }
        client_reply_fini(&reply);
    }
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    world_stop(&world);
}

/* HEAD has no parts. Source: RFC 9110 section 14.2. */
static void case_18_range_of_head_is_ignored(void **state)
{
    struct world world;
    struct client client;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_SEND(DIGITS));
    world_ask(&world, &client, "HEAD", "/", "", "Range: bytes=2-4\r\n");
    client_read_reply(&client, true, &reply);
    assert_int_equal(reply.status, 200);
    assert_field(&reply, "Content-Length", "10");
    assert_null(client_reply_field(&reply, "Content-Range"));
    client_reply_fini(&reply);
    client_close(&client);
    world_stop(&world);
}

/* What is no 200 has no parts, and the origin's own word on ranges stays. */
static void case_18_only_whole_answers_have_parts(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/404",
              ORIGIN_SEND("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone"));
    origin_on(world.origin, "/none",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nAccept-Ranges: none\r\nContent-Length: 4\r\n"
                          "Content-Range: bytes 0-3/4\r\n\r\nbody"));
    get_range(&world, "/404", "bytes=1-2", &reply);
    assert_int_equal(reply.status, 404);
    assert_string_equal(reply.body, "gone");
    assert_null(client_reply_field(&reply, "Accept-Ranges"));
    client_reply_fini(&reply);
    world_get(&world, "/none", "", "", &reply);
    assert_field(&reply, "Accept-Ranges", "none");
    assert_null(client_reply_field(&reply, "Content-Range"));
    client_reply_fini(&reply);
    get_range(&world, "/none", "bytes=1-2", &reply);
    assert_int_equal(reply.status, 206);
    assert_string_equal(reply.body, "od");
    assert_field(&reply, "Content-Range", "bytes 1-2/4");
    client_reply_fini(&reply);
    world_stop(&world);
}

/* RFC 9110 section 14.6. */
static void case_18_several_ranges_are_one_multipart_answer(void **state)
{
    struct world world;
    struct client_reply reply;
    const char *type;
    char expected[512];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_SEND(DIGITS));
    for (unsigned i = 0; i < 2; i++) { /* from the flight, then from the store */
        get_range(&world, "/", "bytes=0-1, 4-5, 40-50, -1", &reply);
        assert_int_equal(reply.status, 206);
        assert_true(reply.is_whole && !reply.is_chunked);
        assert_null(client_reply_field(&reply, "Content-Range"));
        type = client_reply_field(&reply, "Content-Type");
        assert_memory_equal(type, "multipart/byteranges; boundary=", 31);
        type += 31;
        snprintf(expected, sizeof expected,
                 "\r\n--%s\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01"
                 "\r\n--%s\r\nContent-Type: text/plain\r\nContent-Range: bytes 4-5/10\r\n\r\n45"
                 "\r\n--%s\r\nContent-Type: text/plain\r\nContent-Range: bytes 9-9/10\r\n\r\n9"
                 "\r\n--%s--\r\n",
                 type, type, type, type);
        assert_string_equal(reply.body, expected);
        client_reply_fini(&reply);
    }
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    world_stop(&world);
}

/* The length is known from the head on: each reader has its part when it has come. */
static void case_18_ranges_are_answered_while_the_body_arrives(void **state)
{
    static const char *const ranges[] = {"bytes=1-2", "bytes=20-", "bytes=5-6", "bytes=-1"};
    struct world world;
    struct client clients[4];
    struct client_reply reply;
    char fields[64];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234"),
              ORIGIN_GATE, ORIGIN_SEND("56789"));
    for (unsigned i = 0; i < 4; i++) {
        snprintf(fields, sizeof fields, "Range: %s\r\n", ranges[i]);
        world_ask(&world, &clients[i], "GET", "/", "", fields);
    }
    client_read_reply(&clients[0], false, &reply); /* the gate is closed */
    assert_int_equal(reply.status, 206);
    assert_string_equal(reply.body, "12");
    assert_field(&reply, "Content-Range", "bytes 1-2/10");
    client_reply_fini(&reply);
    client_read_reply(&clients[1], false, &reply);
    assert_int_equal(reply.status, 416);
    assert_field(&reply, "Content-Range", "bytes */10");
    client_reply_fini(&reply);
    assert_false(client_has_bytes(&clients[2], 20));
    origin_release(world.origin, "/");
    client_read_reply(&clients[2], false, &reply);
    assert_int_equal(reply.status, 206);
    assert_string_equal(reply.body, "56");
    client_reply_fini(&reply);
    client_read_reply(&clients[3], false, &reply);
    assert_int_equal(reply.status, 206);
    assert_string_equal(reply.body, "9");
    client_reply_fini(&reply);
    for (unsigned i = 0; i < 4; i++)
        client_close(&clients[i]);
    get_range(&world, "/", "bytes=3-6", &reply);
    assert_string_equal(reply.body, "3456");
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    world_stop(&world);
}

/* Without a length: a closed range once it is covered, the others at the end, "0-" at once. */
static void case_18_ranges_of_a_body_of_unknown_length(void **state)
{
    static const char *const ranges[] = {"bytes=1-2", "bytes=0-",   "bytes=3-6",  "bytes=-2",
                                         "bytes=8-",  "bytes=3-99", "bytes=30-40"};
    struct world world;
    struct client clients[7];
    struct client_reply reply;
    char fields[64];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n"),
              ORIGIN_GATE, ORIGIN_SEND("5\r\n56789\r\n"), ORIGIN_GATE, ORIGIN_SEND("0\r\n\r\n"));
    for (unsigned i = 0; i < 7; i++) {
        snprintf(fields, sizeof fields, "Range: %s\r\n", ranges[i]);
        world_ask(&world, &clients[i], "GET", "/", "", fields);
    }
    client_read_reply(&clients[0], false, &reply);
    assert_int_equal(reply.status, 206);
    assert_field(&reply, "Content-Range", "bytes 1-2/*");
    assert_field(&reply, "Content-Length", "2");
    assert_string_equal(reply.body, "12");
    client_reply_fini(&reply);
    assert_true(client_has_bytes(&clients[1], CLIENT_GUARD_MS));
    assert_false(client_has_bytes(&clients[2], 20));
    origin_release(world.origin, "/");
    client_read_reply(&clients[2], false, &reply);
    assert_field(&reply, "Content-Range", "bytes 3-6/*");
    assert_string_equal(reply.body, "3456");
    client_reply_fini(&reply);
    for (unsigned i = 3; i < 7; i++)
        assert_false(client_has_bytes(&clients[i], 10));
    origin_release(world.origin, "/");
    client_read_reply(&clients[1], false, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "0123456789");
    client_reply_fini(&reply);
    client_read_reply(&clients[3], false, &reply);
    assert_field(&reply, "Content-Range", "bytes 8-9/10");
    assert_string_equal(reply.body, "89");
    client_reply_fini(&reply);
    client_read_reply(&clients[4], false, &reply);
    assert_field(&reply, "Content-Range", "bytes 8-9/10");
    client_reply_fini(&reply);
    client_read_reply(&clients[5], false, &reply);
    assert_field(&reply, "Content-Range", "bytes 3-9/10");
    assert_string_equal(reply.body, "3456789");
    client_reply_fini(&reply);
    client_read_reply(&clients[6], false, &reply);
    assert_int_equal(reply.status, 416);
    assert_field(&reply, "Content-Range", "bytes */10");
    client_reply_fini(&reply);
    for (unsigned i = 0; i < 7; i++)
        client_close(&clients[i]);
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    world_stop(&world);
}

/* The one reader has had its part and is gone: the rest is fetched for the next range. */
static void case_18_the_whole_is_fetched_for_a_part(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 4194308\r\n\r\nhead"), ORIGIN_GATE,
              ORIGIN_REPEAT("0123456789abcdef", 262144));
    get_range(&world, "/", "bytes=0-3", &reply);
    assert_string_equal(reply.body, "head");
    client_reply_fini(&reply);
    origin_release(world.origin, "/");
    world_wait_flights(&world, 0);
    get_range(&world, "/", "bytes=4194302-4194305",
              &reply); /* behind more than one reply's spans */
    assert_int_equal(reply.status, 206);
    assert_string_equal(reply.body, "abcd");
    assert_field(&reply, "Content-Range", "bytes 4194302-4194305/4194308");
    client_reply_fini(&reply);
    get_range(&world, "/", "bytes=1-4194306", &reply);
    assert_int_equal(reply.body_bytes, 4194306);
    assert_memory_equal(reply.body, "ead0123456789abcdef0", 20);
    assert_memory_equal(reply.body + 4194306 - 5, "abcde", 5);
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    assert_int_equal(world_counters(&world).stored, 1);
    world_stop(&world);
}

/* An answer for its leader alone: its segments are freed behind it, and the part is right. */
static void case_18_range_of_an_answer_that_is_not_stored(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/length",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: private\r\n"
                          "Content-Length: 8388608\r\n\r\n"),
              ORIGIN_REPEAT("0123456789abcdef", 524288));
    origin_on(world.origin, "/chunked",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: private\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
    get_range(&world, "/length", "bytes=6291459-6291462", &reply);
    assert_int_equal(reply.status, 206);
    assert_string_equal(reply.body, "3456");
    assert_field(&reply, "Content-Range", "bytes 6291459-6291462/8388608");
    client_reply_fini(&reply);
    get_range(&world, "/chunked", "bytes=-2", &reply);
    assert_true(reply.status == 206 || reply.status == 200);
    assert_string_equal(reply.body, reply.status == 206 ? "lo" : "hello");
    client_reply_fini(&reply);
    world_stop(&world);
}

/* Broken before the part has come: a clear error; in the middle of it: no clean end. */
/* Who has got nothing of it waits for a second fetch, and no third. */
static void case_18_part_of_a_broken_body_is_not_whole(void **state)
{
    struct world world;
    struct client clients[2];
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234"),
              ORIGIN_GATE, ORIGIN_CLOSE);
    world_ask(&world, &clients[0], "GET", "/", "", "Range: bytes=3-6\r\n");
    world_ask(&world, &clients[1], "GET", "/", "", "Range: bytes=7-8\r\n");
    assert_true(client_has_bytes(&clients[0], CLIENT_GUARD_MS));
    world_wait_collapsed(&world, 1); /* whoever came second is there, too */
    origin_release(world.origin, "/");
    client_read_reply(&clients[0], false, &reply);
    assert_int_equal(reply.status, 206);
    assert_false(reply.is_whole);
    client_reply_fini(&reply);
    client_read_reply(&clients[1], false, &reply);
    assert_int_equal(reply.status, 502);
    client_reply_fini(&reply);
    assert_int_equal(origin_hits(world.origin, "/"), 2);
    client_close(&clients[0]);
    client_close(&clients[1]);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_18_ranges_are_answered_from_the_store),
        cmocka_unit_test(case_18_range_of_head_is_ignored),
        cmocka_unit_test(case_18_only_whole_answers_have_parts),
        cmocka_unit_test(case_18_several_ranges_are_one_multipart_answer),
        cmocka_unit_test(case_18_ranges_are_answered_while_the_body_arrives),
        cmocka_unit_test(case_18_ranges_of_a_body_of_unknown_length),
        cmocka_unit_test(case_18_the_whole_is_fetched_for_a_part),
        cmocka_unit_test(case_18_range_of_an_answer_that_is_not_stored),
        cmocka_unit_test(case_18_part_of_a_broken_body_is_not_whole),
    };

    world_prepare();
    return cmocka_run_group_tests_name("ranges", tests, NULL, NULL);
}
