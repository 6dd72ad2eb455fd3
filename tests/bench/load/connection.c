/* SPDX-License-Identifier: MIT */
/*
 * connection.c - see connection.h. Sockets block, for at most PATIENCE_S: what is read or sent here
 * is there or has room, but for the first answer.
 */
#include "connection.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../clock.h"

/* Answers differ by a digit of Age at times; the last one's length is taken for those that follow,
 * less this for all of them. What is read afterwards is looked at exactly. */
enum { SLACK_BYTES = 64, READ_BYTES = 65536, PATIENCE_S = 5 };

static void fail(struct connection *connection, const char *why)
{
    if (connection->failure == NULL)
        connection->failure = why;
}

void connection_ask(struct connection *connection, const struct request *request, uint64_t number)
{
    char copy[REQUEST_BYTES_MAX];
    const char *bytes = request->bytes;

    if (request->number_digits > 0) {
        memcpy(copy, request->bytes, request->count);
        for (size_t i = request->number_digits; i > 0; i--, number /= 10)
            copy[request->number_at + i - 1] = (char)('0' + number % 10);
        bytes = copy;
    }
    if (send(connection->fd, bytes, request->count, MSG_NOSIGNAL) != (ssize_t)request->count)
        fail(connection, "takes no requests any more");
    connection->due++;
}

bool connection_is_answered(struct connection *connection)
{
    int unread_bytes;

    if (ioctl(connection->fd, FIONREAD, &unread_bytes) != 0 || unread_bytes == 0) {
        fail(connection, "closes its connections"); /* readable, and nothing there */
        return false;
    }
    return (size_t)unread_bytes + SLACK_BYTES >= connection->due * connection->answer_bytes;
}

/* The length of the first answer in these bytes, 0 while it is not there as a whole. */
static size_t measure_answer(struct connection *connection, const struct request *request,
                             const char *bytes, size_t count)
{
    const char *end = memmem(bytes, count, "\r\n\r\n", 4);
    const char *field;
    size_t length;

    if (end == NULL)
        return 0;
    length = (size_t)(end - bytes) + 4;
    if (strncmp(bytes, "HTTP/1.", 7) != 0 || strncmp(bytes + 8, request->status, 4) != 0) {
        fail(connection, "answers with another status");
        return 0;
    }
    if (request->is_bodiless)
        return length;
    field = strcasestr(bytes, "\r\nContent-Length:");
    if (field == NULL || field > end) {
        fail(connection, "does not say how long its answer is");
        return 0;
    }
    length += strtoul(field + strlen("\r\nContent-Length:"), NULL, 10);
    if (length > ANSWER_BYTES_MAX)
        fail(connection, "answers with more than this load is made for");
    return length <= count ? length : 0;
}

void connection_read(struct connection *connection, const struct request *request)
{
    char bytes[READ_BYTES + 1];
    size_t count = 0, begin = 0;

    while (connection->due > 0 && connection->failure == NULL) {
        size_t length;

        bytes[count] = '\0';
        length = measure_answer(connection, request, bytes + begin, count - begin);
        if (length > 0) {
            begin += length;
            connection->due--;
            connection->answer_bytes = length;
        } else if (connection->failure == NULL) {
            ssize_t got = recv(connection->fd, bytes + count, READ_BYTES - count, 0);
            if (got <= 0)
                fail(connection, got == 0 ? "closes its connections" : "stops answering");
            else
                count += (size_t)got;
        }
    }
    if (connection->failure == NULL && begin != count)
        fail(connection, "answers more than it was asked");
}

void connection_open(struct connection *connection, int port, const struct request *request,
                     uint64_t number)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int one = 1;

    *connection = (struct connection){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    if (connection->fd < 0)
        die("opening a socket");
    setsockopt(connection->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(connection->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        fail(connection, "takes no connections");
        return;
    }
    /* The second answer tells the length of those to come: where all ask for the same, the first
     * may be that of a miss. */
    for (int i = 0; i < 2 && connection->failure == NULL; i++) {
        connection_ask(connection, request, number + (unsigned)i);
        connection_read(connection, request);
    }
}

void connection_close(struct connection *connection)
{
    if (connection->fd >= 0)
        close(connection->fd);
    connection->fd = -1;
}
