/* SPDX-License-Identifier: MIT */
/* test_connections.c - sockets are found by both their ends, and looked into. */
#include "connections.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmocka_all.h"

/* A listener and two connections to it: ours, and the listener's ends of them. */
struct pairs {
    struct connections connections;
    int listener;
    int ours[2], theirs[2];
    int own_ports[2];
    int port;
};

static int port_of(int fd)
{
    struct sockaddr_in address = {0};
    socklen_t bytes = sizeof address;

    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
    return ntohs(address.sin_port);
}

static int set_up(void **state)
{
    static struct pairs pairs;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    pairs = (struct pairs){.listener = socket(AF_INET, SOCK_STREAM, 0)};
    assert_int_equal(bind(pairs.listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(pairs.listener, 2), 0);
    pairs.port = port_of(pairs.listener);
    address.sin_port = htons((uint16_t)pairs.port);
    for (int i = 0; i < 2; i++) {
        pairs.ours[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connections_add(&pairs.connections, pairs.ours[i]), 0);
        assert_int_equal(connect(pairs.ours[i], (struct sockaddr *)&address, sizeof address), 0);
        pairs.theirs[i] = accept(pairs.listener, NULL, NULL);
        pairs.own_ports[i] = port_of(pairs.ours[i]);
    }
    *state = &pairs;
    return 0;
}

static int tear_down(void **state)
{
    struct pairs *pairs = *state;

    for (int i = 0; i < 2; i++) {
        connections_remove(&pairs->connections, pairs->ours[i]);
        close(pairs->ours[i]);
        close(pairs->theirs[i]);
    }
    assert_int_equal(pairs->connections.count, 0);
    connections_fini(&pairs->connections);
    close(pairs->listener);
    return 0;
}

static int use(struct pairs *pairs, int which, const char *peer, int peer_port, const void *user)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)peer_port)};

    assert_int_equal(inet_pton(AF_INET, peer, &address.sin_addr), 1);
    return connections_use(&pairs->connections, pairs->own_ports[which],
                           (struct sockaddr *)&address, user);
}

static void test_found_by_both_ends(void **state)
{
    struct pairs *pairs = *state;
    const int user = 0;

    for (int i = 0; i < 2; i++)
        assert_int_equal(use(pairs, i, "127.0.0.1", pairs->port, &user), pairs->ours[i]);
    assert_int_equal(use(pairs, 0, "127.0.0.2", pairs->port, &user), -1);
    assert_int_equal(use(pairs, 0, "127.0.0.1", 1, &user), -1);
}

/* A user whose memory an earlier one had is not taken for that one. */
static void test_user_has_one_connection(void **state)
{
    struct pairs *pairs = *state;
    struct connections *all = &pairs->connections;
    const int user = 0, other = 0;

    use(pairs, 0, "127.0.0.1", pairs->port, &user);
    assert_int_equal(connections_of_user(all, &user), pairs->ours[0]);
    use(pairs, 1, "127.0.0.1", pairs->port, &user);
    assert_int_equal(connections_of_user(all, &user), pairs->ours[1]);
    use(pairs, 1, "127.0.0.1", pairs->port, &other);
    assert_int_equal(connections_of_user(all, &user), -1);
    connections_remove(all, pairs->ours[1]);
    assert_int_equal(connections_of_user(all, &other), -1);
}

/* A descriptor that libcurl has closed without a word, and the system has given out again. */
static void test_descriptor_used_again_stands_once(void **state)
{
    struct pairs *pairs = *state;

    assert_int_equal(connections_add(&pairs->connections, pairs->ours[0]), 0);
    assert_int_equal(pairs->connections.count, 2);
}

static void test_spoilt_connection_is_at_its_end(void **state)
{
    struct pairs *pairs = *state;
    char byte;

    assert_false(connection_has_unread(pairs->ours[0]));
    assert_int_equal(send(pairs->theirs[0], "evil", 4, 0), 4);
    assert_int_equal(recv(pairs->ours[0], &byte, 1, MSG_PEEK), 1);
    assert_true(connection_has_unread(pairs->ours[0]));
    connection_spoil(pairs->ours[0]);
    assert_false(connection_has_unread(pairs->ours[0]));
    assert_int_equal(recv(pairs->ours[0], &byte, 1, MSG_DONTWAIT), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_found_by_both_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_user_has_one_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_descriptor_used_again_stands_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_spoilt_connection_is_at_its_end, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
