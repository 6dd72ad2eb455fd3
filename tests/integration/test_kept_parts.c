/* SPDX-License-Identifier: MIT */
/*
 * test_kept_parts.c - ranges through a proxy: what is not stored is asked for as it is, and a part
 * that may be kept answers the ranges that lie in it. Source: RFC 9111 sections 3.3 and 3.4.
 */
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "world.h"

#define PART(range, fields, length, body)                                                          \
    "HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=3600\r\nContent-Range: bytes " range   \
    "\r\nContent-Length: " length "\r\n" fields "\r\n" body

static void pass(struct world *world, const char *fields, struct client_reply *ret_reply)
{
    struct client client;

    world_pass(world, &client, "GET", "/a", fields, "");
    client_read_reply(&client, false, ret_reply);
    client_close(&client);
}

static void expect(struct world *world, const char *fields, int status, const char *range,
                   const char *body)
{
    struct client_reply reply;

    print_message("%s", fields);
    pass(world, fields, &reply);
    assert_int_equal(reply.status, status);
    assert_true(reply.is_whole);
    assert_string_equal(reply.body, body);
    if (range != NULL)
        assert_field(&reply, "Content-Range", range);
    else
        assert_null(client_reply_field(&reply, "Content-Range"));
    client_reply_fini(&reply);
}

static bool was_asked(struct world *world, const char *line)
{
    char request[2048];

    origin_last_request(world->origin, "/a", request, sizeof request);
    return strstr(request, line) != NULL;
}

static void stored_part_answers_ranges_in_it(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/a",
              ORIGIN_SEND(PART("5-9/10", "ETag: \"v1\"\r\nX-Kept: yes\r\n", "5", "56789")));
    expect(&world, "Range: bytes=-5\r\n", 206, "bytes 5-9/10", "56789");
    assert_true(was_asked(&world, "\r\nRange: bytes=-5\r\n"));
    expect(&world, "Range: bytes=-5\r\n", 206, "bytes 5-9/10", "56789");
    expect(&world, "Range: bytes=5-9\r\n", 206, "bytes 5-9/10", "56789");
    expect(&world, "Range: bytes=6-8\r\n", 206, "bytes 6-8/10", "678");
    expect(&world, "Range: bytes=6-\r\n", 206, "bytes 6-9/10", "6789");
    expect(&world, "Range: bytes=-1\r\n", 206, "bytes 9-9/10", "9");
    expect(&world, "Range: bytes=6-99\r\n", 206, "bytes 6-9/10", "6789");
    expect(&world, "Range: bytes=6-7\r\nIf-Range: \"v1\"\r\n", 206, "bytes 6-7/10", "67");
    assert_int_equal(origin_hits(world.origin, "/a"), 1);
    assert_int_equal(world_counters(&world).hits, 7);
    world_stop(&world);
}

/* What is not in it, or not of it, is asked for, and never answered by it. */
static void stored_part_answers_nothing_else(void **state)
{
    static const char *const others[] = {
        "Range: bytes=4-5\r\n",
        "Range: bytes=0-\r\n",
        "Range: bytes=-6\r\n",
        "Range: bytes=10-\r\n",
        "Range: bytes=5-5,7-7\r\n",
        "Range: lines=5-6\r\n",
        "Range: bytes=6-7\r\nIf-Range: \"v0\"\r\n",
        "Range: bytes=6-7\r\nCache-Control: no-cache\r\n",
        "Range: bytes=6-7\r\nIf-None-Match: \"v0\"\r\n",
        "",
    };
    struct world world;
    struct client_reply reply;

    (void)state;
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
        world_start(&world, NULL);
        origin_on(world.origin, "/a",
                  ORIGIN_SEND(PART("5-9/10", "ETag: \"v1\"\r\n", "5", "56789")));
        expect(&world, "Range: bytes=5-\r\n", 206, "bytes 5-9/10", "56789");
        origin_on(world.origin, "/a",
                  ORIGIN_SEND("HTTP/1.1 200 OK\r\nETag: \"v2\"\r\nContent-Length: 10\r\n"
                              "Cache-Control: max-age=60\r\n\r\nabcdefghij"));
        pass(&world, others[i], &reply);
        print_message("%s-> %d %s\n", others[i], reply.status, reply.body);
        assert_int_equal(origin_hits(world.origin, "/a"), 2);
        assert_true(reply.is_whole);
        client_reply_fini(&reply);
        /* The whole has taken its place. */
        expect(&world, "Range: bytes=6-7\r\n", 206, "bytes 6-7/10", "gh");
        expect(&world, "", 200, NULL, "abcdefghij");
        assert_int_equal(origin_hits(world.origin, "/a"), 2);
        world_stop(&world);
    }
}

/* The position is that of the first byte, and the part goes to the end: what came is what counts.
 */
static void part_of_an_origin_that_miscounts(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/a", ORIGIN_SEND(PART("4-9/10", "", "5", "01234")));
    expect(&world, "Range: bytes=-5\r\n", 206, "bytes 4-9/10", "01234");
    expect(&world, "Range: bytes=-5\r\n", 206, "bytes 4-9/10", "01234");
    expect(&world, "Range: bytes=6-8\r\n", 206, "bytes 6-8/9", "234");
    expect(&world, "Range: bytes=6-\r\n", 206, "bytes 6-8/9", "234");
    expect(&world, "Range: bytes=-1\r\n", 206, "bytes 8-8/9", "4");
    assert_int_equal(origin_hits(world.origin, "/a"), 1);
    world_stop(&world);
}

/* Not kept: it does not say what it is, is for one alone, varies, or has no lifetime. */
static void part_that_may_not_be_kept(void **state)
{
    static const char *const parts[] = {
        "HTTP/1.1 206 Partial Content\r\nCache-Control: private, max-age=60\r\n"
        "Content-Range: bytes 1-2/4\r\nContent-Length: 2\r\n\r\n12",
        "HTTP/1.1 206 Partial Content\r\nCache-Control: no-store\r\n"
        "Content-Range: bytes 1-2/4\r\nContent-Length: 2\r\n\r\n12",
        "HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=60\r\n"
        "Content-Range: bytes 1-2/*\r\nContent-Length: 2\r\n\r\n12",
        "HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=60\r\nVary: Accept\r\n"
        "Content-Range: bytes 1-2/4\r\nContent-Length: 2\r\n\r\n12",
        "HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=60\r\n"
        "Content-Type: multipart/byteranges; boundary=b\r\nContent-Length: 2\r\n\r\n12",
        "HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=0\r\n"
        "Content-Range: bytes 1-2/4\r\nContent-Length: 2\r\n\r\n12",
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 1-2/4\r\nContent-Length: 2\r\n\r\n12",
    };
    struct world world;
    struct client_reply reply;

    (void)state;
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        world_start(&world, NULL);
        origin_on(world.origin, "/a", ORIGIN_SEND(parts[i]));
        for (unsigned hits = 1; hits < 3; hits++) {
            pass(&world, "Range: bytes=1-2\r\n", &reply);
            assert_int_equal(reply.status, 206);
            assert_string_equal(reply.body, "12");
            client_reply_fini(&reply);
            assert_int_equal(origin_hits(world.origin, "/a"), hits);
        }
        assert_int_equal(world_counters(&world).stored, 0);
        world_stop(&world);
    }
}

/* Those who want the same range share one request; who wants another has the whole fetched. */
static void case_18_ranges_of_one_url_share_fetches(void **state)
{
    struct world world;
    struct client clients[6];
    struct client_reply reply;
    char fields[64];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/a", ORIGIN_GATE,
              ORIGIN_SEND(PART("1-2/10", "ETag: \"v1\"\r\n", "2", "12")));
    for (unsigned i = 0; i < 3; i++)
        world_pass(&world, &clients[i], "GET", "/a", "Range: bytes=1-2\r\n", "");
    world_wait_waiting(&world, 3);
    origin_wait_hits(world.origin, "/a", 1);
    origin_on(world.origin, "/a", ORIGIN_GATE,
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"));
    for (unsigned i = 3; i < 6; i++) {
        snprintf(fields, sizeof fields, "Range: bytes=%u-\r\n", i);
        world_pass(&world, &clients[i], "GET", "/a", fields, "");
    }
    world_wait_waiting(&world, 6);
    origin_wait_hits(world.origin, "/a", 2);
    origin_release(world.origin, "/a");
    for (unsigned i = 0; i < 6; i++) {
        client_read_reply(&clients[i], false, &reply);
        assert_int_equal(reply.status, 206);
        assert_string_equal(reply.body, i < 3 ? "12" : &"0123456789"[i]);
        client_reply_fini(&reply);
        client_close(&clients[i]);
    }
    assert_int_equal(origin_hits(world.origin, "/a"), 2);
    world_stop(&world);
}

static void change(struct world *world)
{
    struct client client;
    struct client_reply reply;

    origin_on(world->origin, "/a", ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    world_pass(world, &client, "POST", "/a", "Content-Length: 0\r\n", "");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 200);
    client_reply_fini(&reply);
    client_close(&client);
    origin_on(world->origin, "/a", ORIGIN_SEND(PART("6-7/10", "", "2", "XY")));
}

/* RFC 9111 section 4.4: the part goes with the whole, */
static void change_forgets_the_part(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/a", ORIGIN_SEND(PART("5-9/10", "ETag: \"v1\"\r\n", "5", "56789")));
    expect(&world, "Range: bytes=5-\r\n", 206, "bytes 5-9/10", "56789");
    change(&world);
    expect(&world, "Range: bytes=6-7\r\n", 206, "bytes 6-7/10", "XY");
    world_stop(&world);
}

/* also while it is on its way (case 27). */
static void change_keeps_a_part_on_its_way_from_the_store(void **state)
{
    struct world world;
    struct client client;
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/a",
              ORIGIN_SEND("HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=3600\r\n"
                          "Content-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n56"),
              ORIGIN_GATE, ORIGIN_SEND("789"));
    world_pass(&world, &client, "GET", "/a", "Range: bytes=5-\r\n", "");
    assert_true(client_has_bytes(&client, CLIENT_GUARD_MS));
    change(&world);
    origin_release(world.origin, "/a");
    client_read_reply(&client, false, &reply);
    assert_int_equal(reply.status, 206);
    assert_string_equal(reply.body, "56789");
    client_reply_fini(&reply);
    client_close(&client);
    world_wait_flights(&world, 0);
    assert_int_equal(world_counters(&world).stored, 0);
    expect(&world, "Range: bytes=6-7\r\n", 206, "bytes 6-7/10", "XY");
    world_stop(&world);
}

static void keep_beginning(struct world *world, const char *beginning)
{
    world_start(world, NULL);
    origin_on(world->origin, "/a", ORIGIN_SEND(beginning));
    expect(world, "Range: bytes=0-4\r\n", 206, "bytes 0-4/10", "01234");
}

#define BEGINNING PART("0-4/10", "ETag: \"v1\"\r\nContent-Type: text/plain\r\n", "5", "01234")

/* RFC 9111 section 3.4: the rest is asked for, and both are the whole from then on. */
static void stored_beginning_is_completed(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    keep_beginning(&world, BEGINNING);
    origin_on(world.origin, "/a",
              ORIGIN_SEND(PART("5-9/10", "ETag: \"v1\"\r\nX-New: yes\r\n", "5", "56789")));
    pass(&world, "", &reply);
    assert_true(was_asked(&world, "\r\nRange: bytes=5-\r\n"));
    assert_true(was_asked(&world, "\r\nIf-Range: \"v1\"\r\n"));
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "0123456789");
    assert_field(&reply, "Content-Length", "10");
    assert_field(&reply, "Content-Type", "text/plain"); /* of the first, */
    assert_field(&reply, "X-New", "yes");               /* and of the second */
    assert_null(client_reply_field(&reply, "Content-Range"));
    client_reply_fini(&reply);
    expect(&world, "", 200, NULL, "0123456789");
    expect(&world, "Range: bytes=4-5\r\n", 206, "bytes 4-5/10", "45");
    assert_int_equal(origin_hits(world.origin, "/a"), 2);
    assert_int_equal(world_counters(&world).completed, 1);
    world_stop(&world);
}

/* What is not proved to be the rest of the same is not appended: the whole is asked for. */
static void what_is_no_rest_is_not_appended(void **state)
{
    static const struct {
        const char *beginning, *rest;
    } cases[] = {
        {BEGINNING, PART("5-9/10", "ETag: \"v2\"\r\n", "5", "FGHIJ")},
        {BEGINNING, PART("5-9/10", "ETag: W/\"v1\"\r\n", "5", "FGHIJ")},
        {BEGINNING, PART("5-9/10", "", "5", "FGHIJ")},
        {BEGINNING, PART("4-9/10", "ETag: \"v1\"\r\n", "6", "EFGHIJ")},
        {BEGINNING, PART("5-10/11", "ETag: \"v1\"\r\n", "6", "FGHIJK")},
        {BEGINNING, PART("5-8/10", "ETag: \"v1\"\r\n", "4", "FGHI")},
        {BEGINNING, PART("5-9/10", "ETag: \"v1\"\r\n", "4", "FGHI")},
        {BEGINNING, "HTTP/1.1 416 No\r\nContent-Range: bytes */5\r\nContent-Length: 0\r\n\r\n"},
        {PART("0-4/10", "", "5", "01234"), PART("5-9/10", "", "5", "FGHIJ")},
        {PART("0-4/10", "ETag: W/\"v1\"\r\n", "5", "01234"),
         PART("5-9/10", "ETag: W/\"v1\"\r\n", "5", "FGHIJ")},
    };
    struct world world;
    struct client client;
    struct client_reply reply;

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        keep_beginning(&world, cases[i].beginning);
        origin_on(world.origin, "/a", ORIGIN_GATE, ORIGIN_SEND(cases[i].rest));
        world_pass(&world, &client, "GET", "/a", "", "");
        origin_wait_hits(world.origin, "/a", 2);
        assert_true(was_asked(&world, "\r\nRange: bytes=5-\r\n"));
        origin_on(world.origin, "/a",
                  ORIGIN_SEND("HTTP/1.1 200 OK\r\nETag: \"v2\"\r\nContent-Length: 10\r\n"
                              "Cache-Control: max-age=60\r\n\r\nABCDEFGHIJ"));
        origin_release(world.origin, "/a");
        client_read_reply(&client, false, &reply);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body, "ABCDEFGHIJ");
        assert_false(was_asked(&world, "\r\nRange:"));
        assert_int_equal(origin_hits(world.origin, "/a"), 3);
        client_reply_fini(&reply);
        client_close(&client);
        expect(&world, "", 200, NULL, "ABCDEFGHIJ");
        world_stop(&world);
    }
}

/* The origin has the whole to say: it has changed. */
static void whole_in_place_of_the_rest_is_taken(void **state)
{
    struct world world;

    (void)state;
    keep_beginning(&world, BEGINNING);
    origin_on(world.origin, "/a",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nETag: \"v2\"\r\nContent-Length: 10\r\n\r\n"
                          "ABCDEFGHIJ"));
    expect(&world, "", 200, NULL, "ABCDEFGHIJ");
    assert_true(was_asked(&world, "\r\nRange: bytes=5-\r\n"));
    assert_int_equal(origin_hits(world.origin, "/a"), 2);
    world_stop(&world);
}

/* Cut in the rest: nobody takes it for the whole, and nothing is stored. */
static void broken_rest_is_not_the_whole(void **state)
{
    struct world world;
    struct client_reply reply;

    (void)state;
    keep_beginning(&world, BEGINNING);
    origin_on(world.origin, "/a",
              ORIGIN_SEND("HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\n"
                          "Content-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n567"),
              ORIGIN_CLOSE);
    pass(&world, "", &reply);
    assert_true(reply.status == 502 || (reply.status == 200 && !reply.is_whole));
    client_reply_fini(&reply);
    world_wait_flights(&world, 0);
    assert_int_equal(world_counters(&world).stored, 1); /* the part */
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stored_part_answers_ranges_in_it),
        cmocka_unit_test(stored_part_answers_nothing_else),
        cmocka_unit_test(part_of_an_origin_that_miscounts),
        cmocka_unit_test(part_that_may_not_be_kept),
        cmocka_unit_test(case_18_ranges_of_one_url_share_fetches),
        cmocka_unit_test(change_forgets_the_part),
        cmocka_unit_test(change_keeps_a_part_on_its_way_from_the_store),
        cmocka_unit_test(stored_beginning_is_completed),
        cmocka_unit_test(what_is_no_rest_is_not_appended),
        cmocka_unit_test(whole_in_place_of_the_rest_is_taken),
        cmocka_unit_test(broken_rest_is_not_the_whole),
    };

    world_prepare();
    return cmocka_run_group_tests_name("kept_parts", tests, NULL, NULL);
}
