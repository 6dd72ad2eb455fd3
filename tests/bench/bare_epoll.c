/* SPDX-License-Identifier: MIT */
/*
 * bare_epoll.c - the least a server can do: one epoll loop that answers the same bytes always.
 *
 *     bare_epoll RESPONSE_FILE [DELAY_MS]
 *
 * It reads, counts the blank lines that end requests, and writes the file once for each. It parses
 * nothing, so a real server cannot be cheaper; the bench states costs as ratios to this one. It
 * serves as the origin of the benches too, there with a delay before each answer. Prints its port,
 * and on SIGUSR1 how many requests and connections there have been. Keeps no more connections than
 * descriptors allow; ends by signal.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { EVENTS_PER_TURN = 256, READ_BYTES = 4096, FDS_MAX = 65536, RESPONSE_BYTES_MAX = 1 << 16 };

struct bare {
    int epoll_fd;
    int listen_fd;
    int timer_fd;
    long delay_ms;
    char *response;
    size_t response_bytes;
    unsigned long requests, connections; /* so far */
    unsigned char matched[FDS_MAX];      /* how much of CRLF CRLF each connection has seen */
    unsigned owed[FDS_MAX];              /* answers due when the timer fires */
};

static volatile sig_atomic_t is_asked_for_counts;

static void on_user_signal(int number)
{
    (void)number;
    is_asked_for_counts = 1;
}

static void die(const char *what)
{
    fprintf(stderr, "bare_epoll: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Counts the requests that end in these bytes; `matched` carries on from the bytes before. */
static unsigned count_requests(const char *bytes, size_t length, unsigned char *matched)
{
    static const char end[] = "\r\n\r\n";
    unsigned requests = 0;

    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == end[*matched])
            (*matched)++;
        else
            *matched = bytes[i] == '\r' ? 1 : 0;
        if (*matched == 4) {
            requests++;
            *matched = 0;
        }
    }
    return requests;
}

static void drop(struct bare *bare, int fd)
{
    bare->matched[fd] = 0;
    bare->owed[fd] = 0;
    close(fd);
}

static void answer(struct bare *bare, int fd, unsigned times)
{
    for (; times > 0; times--) {
        ssize_t sent = send(fd, bare->response, bare->response_bytes, MSG_NOSIGNAL);
        if (sent != (ssize_t)bare->response_bytes) { /* a client that does not read is no client */
            drop(bare, fd);
            return;
        }
    }
}

static void arm_delay(struct bare *bare)
{
    struct itimerspec at = {
        .it_value = {bare->delay_ms / 1000, bare->delay_ms % 1000 * 1000000L},
    };
    if (timerfd_settime(bare->timer_fd, 0, &at, NULL) != 0)
        die("timerfd_settime");
}

static void on_readable(struct bare *bare, int fd)
{
    char bytes[READ_BYTES];
    ssize_t length = recv(fd, bytes, sizeof(bytes), 0);
    unsigned requests;

    if (length <= 0) {
        if (length == 0 || (errno != EAGAIN && errno != EINTR))
            drop(bare, fd);
        return;
    }
    requests = count_requests(bytes, (size_t)length, &bare->matched[fd]);
    bare->requests += requests;
    if (bare->delay_ms == 0) {
        answer(bare, fd, requests);
    } else if (requests > 0) {
        bare->owed[fd] += requests;
        arm_delay(bare);
    }
}

static void on_delay_over(struct bare *bare)
{
    uint64_t expirations;

    if (read(bare->timer_fd, &expirations, sizeof(expirations)) < 0)
        return;
    for (int fd = 0; fd < FDS_MAX; fd++) {
        unsigned owed = bare->owed[fd];

        bare->owed[fd] = 0;
        if (owed > 0)
            answer(bare, fd, owed);
    }
}

static void accept_all(struct bare *bare)
{
    int one = 1;
    int fd;

    while ((fd = accept4(bare->listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

        if (fd >= FDS_MAX || epoll_ctl(bare->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
            close(fd);
        bare->connections++;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
}

static void watch(struct bare *bare, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(bare->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl");
}

static void open_all(struct bare *bare)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);

    bare->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    bare->epoll_fd = epoll_create1(0);
    bare->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (bare->listen_fd < 0 || bare->epoll_fd < 0 || bare->timer_fd < 0)
        die("opening descriptors");
    if (bind(bare->listen_fd, (struct sockaddr *)&address, length) != 0 ||
        listen(bare->listen_fd, 4096) != 0 ||
        getsockname(bare->listen_fd, (struct sockaddr *)&address, &length) != 0)
        die("listening on 127.0.0.1");
    watch(bare, bare->listen_fd);
    watch(bare, bare->timer_fd);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
}

static void load_response(struct bare *bare, const char *path)
{
    FILE *file = fopen(path, "rb");

    if (file == NULL)
        die(path);
    bare->response = malloc(RESPONSE_BYTES_MAX);
    if (bare->response == NULL)
        die("memory");
    bare->response_bytes = fread(bare->response, 1, RESPONSE_BYTES_MAX, file);
    fclose(file);
}

int main(int count, char **arguments)
{
    static struct bare bare;
    struct epoll_event events[EVENTS_PER_TURN];

    if (count < 2 || count > 3) {
        fprintf(stderr, "usage: bare_epoll RESPONSE_FILE [DELAY_MS]\n");
        return 2;
    }
    load_response(&bare, arguments[1]);
    bare.delay_ms = count == 3 ? strtol(arguments[2], NULL, 10) : 0;
    open_all(&bare);
    signal(SIGUSR1, on_user_signal);
    for (;;) {
        int ready = epoll_wait(bare.epoll_fd, events, EVENTS_PER_TURN, -1);

        if (is_asked_for_counts) {
            is_asked_for_counts = 0;
            printf("%lu %lu\n", bare.requests, bare.connections);
            fflush(stdout);
        }
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;

            if (fd == bare.listen_fd)
                accept_all(&bare);
            else if (fd == bare.timer_fd)
                on_delay_over(&bare);
            else
                on_readable(&bare, fd);
        }
    }
}
