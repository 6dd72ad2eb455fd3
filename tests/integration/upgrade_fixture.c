/* SPDX-License-Identifier: MIT */
/* upgrade_fixture.c - see upgrade_fixture.h. */
#include "upgrade_fixture.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"

struct program program;
static int listener = -1;
static unsigned port;
static char path[] = "/tmp/fetchonce-upgrade-XXXXXX";

static void listen_at(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t bytes = sizeof address;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &bytes), 0);
    port = ntohs(address.sin_port);
}

void start_with(const char *settings, unsigned drain_ms)
{
    FILE *file;
    int fd;

    listen_at();
    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    fd = mkstemp(path);
    assert_true(fd >= 0);
    file = fdopen(fd, "w");
    assert_non_null(file);
    fprintf(file,
            "{\"timeouts\":{\"drain_ms\":%u},\"routes\":[{\"prefix\":\"/\",\"upgrade\":"
            "[\"websocket\"],\"upstreams\":[\"http://127.0.0.1:%u\"]%s},"
            "{\"prefix\":\"/closed/\",\"upstreams\":[\"http://127.0.0.1:%u\"]}]}",
            drain_ms, port, settings, port);
    assert_int_equal(fclose(file), 0);
    program_start(&program, NULL, path);
    unlink(path);
}

int start(void **state)
{
    (void)state;
    start_with("", 0);
    return 0;
}

int stop(void **state)
{
    (void)state;
    program_stop(&program);
    close(listener);
    return 0;
}

void forget(void)
{
    origin_stop(program.origin);
    program.origin = NULL;
    close(listener);
}

void deafen(void)
{
    close(listener);
    listener = -1;
}

void ask(struct client *client, const char *target, const char *fields)
{
    program_send(&program, client, "GET", target, fields);
}

void take(struct client *ret_host)
{
    *ret_host = (struct client){.fd = accept(listener, NULL, NULL)};
    assert_true(ret_host->fd >= 0);
}

void open_both(struct client *client, struct client *host)
{
    ask(client, "/", WISH);
    take(host);
    read_request(host);
    client_send_text(host, GRANTED "\r\n");
    expect_head(client, 101);
}

/* Byte by byte: what is behind it stays. */
const char *read_request(struct client *host)
{
    static char head[4096];
    size_t bytes = 0;

    while (bytes < 4 || memcmp(head + bytes - 4, "\r\n\r\n", 4) != 0) {
        assert_true(bytes + 1 < sizeof head);
        assert_int_equal(client_read(host, head + bytes, 1), 1);
        head[++bytes] = '\0';
    }
    return head;
}

const char *expect_head(struct client *client, int status)
{
    static char head[4096];
    struct client_reply reply;

    client_read_reply(client, true, &reply);
    snprintf(head, sizeof head, "%s", reply.head);
    assert_int_equal(reply.status, status);
    client_reply_fini(&reply);
    return head;
}

void expect_last(struct client *client, int status, const char *body)
{
    struct client_reply reply;

    client_read_reply(client, false, &reply);
    assert_int_equal(reply.status, status);
    assert_true(reply.is_whole);
    assert_true(reply.closes);
    if (body != NULL)
        assert_string_equal(reply.body, body);
    else
        assert_string_equal(client_reply_field(&reply, "Content-Type"), "application/problem+json");
    assert_has_not(reply.head, "Upgrade");
    client_reply_fini(&reply);
    assert_true(client_is_closed_next(client));
    client_close(client);
}

void assert_has(const char *head, const char *part)
{
    if (strstr(head, part) == NULL)
        fail_msg("\"%s\" is not in:\n%s", part, head);
}

void assert_has_not(const char *head, const char *part)
{
    if (strcasestr(head, part) != NULL)
        fail_msg("\"%s\" is in:\n%s", part, head);
}

void expect_bytes(struct client *client, const char *text)
{
    expect_raw(client, text, strlen(text));
}

void expect_raw(struct client *client, const char *bytes, size_t length)
{
    char got[256];

    assert_true(length <= sizeof got);
    assert_int_equal(client_read(client, got, length), length);
    assert_memory_equal(got, bytes, length);
}

void *send_long(void *context)
{
    char *bytes = malloc(LONG);

    assert_non_null(bytes);
    memset(bytes, 'l', LONG);
    client_send(context, bytes, LONG);
    free(bytes);
    return NULL;
}

void expect_long(struct client *client)
{
    char *bytes = malloc(LONG + 1);

    assert_non_null(bytes);
    assert_int_equal(client_read(client, bytes, LONG), LONG);
    bytes[LONG] = '\0';
    assert_int_equal(strspn(bytes, "l"), LONG);
    free(bytes);
}

size_t send_until_full(struct client *client, size_t bytes_max)
{
    static const char bytes[65536];
    struct pollfd wait = {.fd = client->fd, .events = POLLOUT};
    size_t sent = 0;

    while (sent < bytes_max && poll(&wait, 1, 300) == 1) {
        ssize_t count = send(client->fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        assert_true(count > 0);
        sent += (size_t)count;
    }
    return sent;
}
