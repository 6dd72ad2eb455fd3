/* SPDX-License-Identifier: MIT */
/*
 * test_sends.c - how answers leave: several of them in one send, a long one in several, and whole
 * however little the kernel takes at a time.
 *
 * The program is linked so that the server's sendmsg(2) comes by here (the linker's --wrap), which
 * counts the calls, and may take less than it is given, as a kernel with little room does, or all
 * of it, as one with a fast client does.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "connection_private.h"
#include "server_fixture.h"

#define HOST       "Host: localhost\r\n"
#define GET(path)  "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define FOUR(text) text text text text
#define HEAD(path) "HEAD " path " HTTP/1.1\r\n" HOST "\r\n"

static atomic_uint send_count;
static atomic_size_t longest_send_bytes;
static atomic_size_t room_bytes; /* what one send takes; 0: what the kernel takes */
static atomic_bool swallows_all; /* nothing reaches the client; the first send waits for may_go */
static atomic_bool may_go;
static atomic_int senders[64]; /* the descriptors of the first sends */
static atomic_uint refusals;   /* so many sends are told to come again before each that is taken */

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

/* Takes the beginning of what it is given. */
static ssize_t send_some(int fd, const struct msghdr *message, int flags, size_t room)
{
    char bytes[4096];
    size_t count = 0;

    for (size_t i = 0; i < message->msg_iovlen; i++) {
        const struct iovec *span = &message->msg_iov[i];
        size_t step = span->iov_len < room - count ? span->iov_len : room - count;
        memcpy(bytes + count, span->iov_base, step);
        count += step;
    }
    return send(fd, bytes, count, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    static _Thread_local unsigned refused;
    size_t room = atomic_load(&room_bytes);
    size_t bytes = 0;

    if (refused < atomic_load(&refusals)) {
        refused++;
        errno = EAGAIN;
        return -1;
    }
    refused = 0;
    if (atomic_load(&send_count) < sizeof senders / sizeof senders[0])
        atomic_store(&senders[atomic_load(&send_count)], fd);
    for (size_t i = 0; i < message->msg_iovlen; i++)
        bytes += message->msg_iov[i].iov_len;
    if (bytes > atomic_load(&longest_send_bytes))
        atomic_store(&longest_send_bytes, bytes);
    atomic_fetch_add(&send_count, 1);
    if (atomic_load(&swallows_all)) {
        while (!atomic_load(&may_go))
            sched_yield();
        return (ssize_t)bytes;
    }
    return room == 0 ? __real_sendmsg(fd, message, flags) : send_some(fd, message, flags, room);
}

static int start(void **state)
{
    static struct fixture fixture;

    fixture_init(&fixture);
    fixture_start(&fixture);
    *state = &fixture;
    return 0;
}

static int stop(void **state)
{
    fixture_stop(*state);
    return 0;
}

static int forget_counts(void **state)
{
    (void)state;
    atomic_store(&send_count, 0);
    atomic_store(&longest_send_bytes, 0);
    atomic_store(&room_bytes, 0);
    atomic_store(&refusals, 0);
    atomic_store(&swallows_all, false);
    atomic_store(&may_go, false);
    return 0;
}

static void expect(struct client *client, bool to_head, int status, int64_t body_bytes)
{
    struct client_reply reply;

    client_read_reply(client, to_head, &reply);
    assert_int_equal(reply.status, status);
    assert_true(reply.is_whole);
    if (body_bytes >= 0)
        assert_int_equal(reply.body_bytes, body_bytes);
    client_reply_fini(&reply);
}

static void test_sixteen_pipelined_answers_are_one_send(void **state)
{
    struct fixture *fixture = *state;
    struct client client;

    assert_int_equal(fixture->settings.limits.pipelined_replies, 16);
    client_open(&client, fixture->address);
    client_send_text(&client, FOUR(FOUR(GET("/healthz"))));
    for (int i = 0; i < 16; i++)
        expect(&client, false, 200, 3);
    assert_int_equal(atomic_load(&send_count), 1);
    client_close(&client);
}

static void test_no_send_is_longer_than_a_turn(void **state)
{
    struct fixture *fixture = *state;
    struct client client;

    client_open(&client, fixture->address);
    client_send_text(&client, GET("/big") GET("/healthz"));
    expect(&client, false, 200, FIXTURE_BIG_BYTES);
    expect(&client, false, 200, 3);
    assert_int_equal(atomic_load(&longest_send_bytes), CONNECTION_TURN_BYTES);
    client_close(&client);
}

/* Both want a long body. The second's request comes while the first's answer begins: it has its
 * turn after one of the first's, or two, as epoll puts who was ready before in front, but not after
 * all of the first's answer. */
static void test_a_fast_client_does_not_hold_the_loop(void **state)
{
    struct fixture *fixture = *state;
    struct client first, second;

    atomic_store(&swallows_all, true);
    client_open(&first, fixture->address);
    client_open(&second, fixture->address);
    fixture_await_open(fixture, 2);
    client_send_text(&first, GET("/big"));
    fixture_await(&send_count, 1);
    client_send_text(&second, GET("/big"));
    atomic_store(&may_go, true);
    fixture_await(&send_count, 2 * (FIXTURE_BIG_BYTES / CONNECTION_TURN_BYTES + 1));
    client_close(&first);
    client_close(&second);
    fixture_await_open(fixture, 0);
    assert_true(atomic_load(&senders[1]) != atomic_load(&senders[0]) ||
                atomic_load(&senders[2]) != atomic_load(&senders[0]));
}

static void send_mix(struct client *client)
{
    client_send_text(client, GET("/healthz") HEAD("/healthz") GET("/nothing") GET("/length"));
    client_send_text(client, "POST /body HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
    client_send_text(client, GET("/stream") HEAD("/stream") "PUT /healthz HTTP/1.1\r\n" HOST
                                                            "\r\n" GET("/big") HEAD("/big"));
    client_send_text(client, "GET /healthz HTTP/1.1\r\n\r\n" GET("/healthz"));
}

static void expect_mix(struct client *client)
{
    expect(client, false, 200, 3);
    expect(client, true, 200, 0);
    expect(client, false, 404, -1);
    expect(client, false, 200, FIXTURE_BIG_BYTES);
    expect(client, false, 200, 1);
    expect(client, false, 200, FIXTURE_BIG_BYTES);
    expect(client, true, 200, 0);
    expect(client, false, 405, -1);
    expect(client, false, 200, FIXTURE_BIG_BYTES);
    expect(client, true, 200, 0);
    fixture_expect_refusal(client, 400); /* without Host: the last one that is looked at */
}

static void test_answers_of_all_kinds_keep_their_order(void **state)
{
    struct fixture *fixture = *state;
    struct client client;

    client_open(&client, fixture->address);
    send_mix(&client);
    expect_mix(&client);
    client_close(&client);
}

/* Each answer is cut at all kinds of places, and taken up again there. */
static void test_answers_are_whole_however_little_is_taken(void **state)
{
    struct fixture *fixture = *state;
    static const size_t rooms[] = {4096, 4093};
    struct client client;

    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        atomic_store(&room_bytes, rooms[i]);
        atomic_store(&refusals, (unsigned)i);
        client_open(&client, fixture->address);
        send_mix(&client);
        expect_mix(&client);
        client_close(&client);
    }
}

/* The first is not kept back until the second can be answered, too. */
static void test_an_answer_does_not_wait_for_the_next_one(void **state)
{
    struct fixture *fixture = *state;
    struct client client;

    client_open(&client, fixture->address);
    client_send_text(&client, GET("/healthz") GET("/never") GET("/healthz"));
    expect(&client, false, 200, 3);
    fixture_await(&fixture->begun, 1);
    client_close(&client);
    fixture_await(&fixture->gone, 1);
}

static void test_a_client_that_leaves_between_two_sends_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    struct client clients[8];
    char bytes[100000];

    for (int i = 0; i < 8; i++) {
        client_open_small(&clients[i], fixture->address, 65536);
        client_send_text(&clients[i], GET("/big") GET("/stream") GET("/big"));
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(client_read(&clients[i], bytes, sizeof bytes), sizeof bytes);
        if (i % 2 == 0)
            client_reset(&clients[i]);
        else
            client_close(&clients[i]);
    }
    fixture_await_open(fixture, 0); /* and that all was released, fixture_stop() asserts */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sixteen_pipelined_answers_are_one_send, forget_counts),
        cmocka_unit_test_setup(test_no_send_is_longer_than_a_turn, forget_counts),
        cmocka_unit_test_setup(test_a_fast_client_does_not_hold_the_loop, forget_counts),
        cmocka_unit_test_setup(test_answers_of_all_kinds_keep_their_order, forget_counts),
        cmocka_unit_test_setup(test_answers_are_whole_however_little_is_taken, forget_counts),
        cmocka_unit_test_setup(test_an_answer_does_not_wait_for_the_next_one, forget_counts),
        cmocka_unit_test_setup(test_a_client_that_leaves_between_two_sends_is_noticed,
                               forget_counts),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
