/* SPDX-License-Identifier: MIT */
/*
 * served.c - clients of a server that runs on other threads of the same process: 64 connections,
 * each with one request under way. What the process uses and this thread does not is the server's.
 */
#include "measure.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../clock.h"
#include "filler.h"

#define REPLY_BYTES 4096

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
        die("connect");
    return fd;
}

static void ask(int fd, uint64_t number)
{
    char request[FILLER_URL_BYTES + 64], url[FILLER_URL_BYTES];
    int length;

    filler_url(number, url);
    length =
        snprintf(request, sizeof request, "GET /fetch?url=%s HTTP/1.1\r\nHost: bench\r\n\r\n", url);
    if (send(fd, request, (size_t)length, MSG_NOSIGNAL) != length)
        die("send");
}

/* A whole reply, which is a hit of the size that all have. */
static void take(int fd)
{
    char reply[REPLY_BYTES + 1];
    size_t count = 0;

    for (;;) {
        ssize_t got = recv(fd, reply + count, REPLY_BYTES - count, 0);
        const char *end;

        if (got <= 0)
            die("recv");
        count += (size_t)got;
        reply[count] = '\0';
        end = strstr(reply, "\r\n\r\n");
        if (end == NULL)
            continue;
        if (strstr(reply, "; hit") == NULL) {
            fprintf(stderr, "%s\n", reply);
            die("a reply is no hit");
        }
        if (count >= (size_t)(end + 4 - reply) + FILLER_BODY_BYTES)
            return;
    }
}

static int64_t others_used_ns(void)
{
    return clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
}

void client_init(struct client *client, uint16_t port, uint64_t entries)
{
    *client = (struct client){.entries = entries, .state = 7};
    for (int i = 0; i < CLIENT_CONNECTIONS; i++)
        client->fds[i] = connect_to(port);
}

void client_fini(struct client *client)
{
    for (int i = 0; i < CLIENT_CONNECTIONS; i++)
        close(client->fds[i]);
}

double client_round_ns(struct client *client, unsigned requests)
{
    int64_t begin_ns = others_used_ns();

    for (unsigned done = 0; done < requests; done += CLIENT_CONNECTIONS) {
        for (int i = 0; i < CLIENT_CONNECTIONS; i++)
            ask(client->fds[i], filler_random(&client->state) % client->entries);
        for (int i = 0; i < CLIENT_CONNECTIONS; i++)
            take(client->fds[i]);
    }
    return (double)(others_used_ns() - begin_ns) / requests;
}
