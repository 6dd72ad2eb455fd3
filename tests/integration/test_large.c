/* SPDX-License-Identifier: MIT */
/*
 * test_large.c - long stored bodies: whole and in parts, byte for byte, whatever the client does.
 *
 * The body repeats a line whose length divides no chunk, no page and no send, so that a byte which
 * is missing, doubled or out of its place does not go unseen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "world.h"

#define LINE       "All that is long is sent in many pieces, and all of them are in order: 0123456789.\n"
#define LINE_BYTES (sizeof LINE - 1)
#define LINES      70000
#define BODY_BYTES (LINE_BYTES * LINES) /* more than one answer refers to at once */

/* Small enough that the sends of long bodies are partial, large enough for full segments. */
#define SMALL_RECEIVE_BYTES 65536

static struct world world;

static int start(void **state)
{
    static char head[128];
    struct client_reply reply;

    (void)state;
    world_start(&world, NULL);
    snprintf(head, sizeof head,
             "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: %zu\r\n\r\n",
             BODY_BYTES);
    origin_on(world.origin, "/long", ORIGIN_SEND(head), ORIGIN_REPEAT(LINE, LINES));
    world_get(&world, "/long", "", "", &reply);
    client_reply_fini(&reply);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    assert_int_equal(origin_hits(world.origin, "/long"), 1); /* all the others were hits */
    world_stop(&world);
    return 0;
}

static void ask(struct client *client, const char *fields)
{
    client_send_format(client,
                       "GET /fetch?url=http://127.0.0.1:%u/long HTTP/1.1\r\nHost: test\r\n%s\r\n",
                       origin_port(world.origin), fields);
}

static void assert_part(const char *bytes, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != LINE[(first + i) % LINE_BYTES])
            fail_msg("byte %zu of the body is wrong", first + i);
    }
}

static void expect_whole(struct client *client)
{
    struct client_reply reply;

    client_read_reply(client, false, &reply);
    assert_int_equal(reply.status, 200);
    assert_true(reply.is_whole);
    assert_int_equal(reply.body_bytes, BODY_BYTES);
    assert_part(reply.body, 0, BODY_BYTES);
    client_reply_fini(&reply);
}

static void test_long_hits_are_whole(void **state)
{
    struct client clients[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        client_open_small(&clients[i], world.address, i % 2 == 0 ? SMALL_RECEIVE_BYTES : 1 << 20);
        ask(&clients[i], "");
        ask(&clients[i], "");
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 4; i++)
            expect_whole(&clients[i]);
    }
    for (int i = 0; i < 4; i++)
        client_close(&clients[i]);
}

static void test_parts_of_long_hits_are_exact(void **state)
{
    static const size_t parts[][2] = {
        {0, 0},          {0, 262079},      {262079, 262080},     {262080, 524160},
        {1, 4 << 20},    {1000003, 50003}, {0, BODY_BYTES - 1},  {BODY_BYTES - 1, BODY_BYTES - 1},
        {4193280, 4193}, {3 << 20, 0},     {524288, 1048576 - 1}};
    struct client client;
    struct client_reply reply;
    char fields[128];

    (void)state;
    client_open(&client, world.address);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t first = parts[i][0];
        size_t last = parts[i][1] >= first ? parts[i][1] : first + parts[i][1];
        snprintf(fields, sizeof fields, "Range: bytes=%zu-%zu\r\n", first, last);
        ask(&client, fields);
        client_read_reply(&client, false, &reply);
        assert_int_equal(reply.status, 206);
        assert_true(reply.is_whole);
        assert_int_equal(reply.body_bytes, last - first + 1);
        assert_part(reply.body, first, reply.body_bytes);
        client_reply_fini(&reply);
    }
    client_close(&client);
}

/* Who leaves takes nothing from those who stay. */
static void test_clients_that_leave_a_long_hit_harm_no_other(void **state)
{
    struct client leaving[6];
    struct client staying;
    static char bytes[300000];

    (void)state;
    client_open_small(&staying, world.address, SMALL_RECEIVE_BYTES);
    ask(&staying, "");
    for (int i = 0; i < 6; i++) {
        client_open_small(&leaving[i], world.address, SMALL_RECEIVE_BYTES);
        ask(&leaving[i], i % 2 == 0 ? "" : "Range: bytes=5-\r\n");
    }
    for (int i = 0; i < 6; i++) {
        assert_int_equal(client_read(&leaving[i], bytes, sizeof bytes), sizeof bytes);
        if (i % 3 == 0)
            client_reset(&leaving[i]);
        else
            client_close(&leaving[i]);
    }
    expect_whole(&staying);
    client_close(&staying);
}

static void test_an_end_of_input_does_not_end_the_answer(void **state)
{
    struct client client;

    (void)state;
    client_open_small(&client, world.address, SMALL_RECEIVE_BYTES);
    ask(&client, "");
    client_wait_bytes(&client, 1000);
    client_end(&client);
    expect_whole(&client);
    assert_true(client_is_closed_next(&client));
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_hits_are_whole),
        cmocka_unit_test(test_parts_of_long_hits_are_exact),
        cmocka_unit_test(test_clients_that_leave_a_long_hit_harm_no_other),
        cmocka_unit_test(test_an_end_of_input_does_not_end_the_answer),
    };

    world_prepare();
    return cmocka_run_group_tests(tests, start, stop);
}
