/* SPDX-License-Identifier: MIT */
/*
 * clients.c - a load of many connections, few of them busy, that costs the load's processor little.
 *
 *     clients [-c CONNECTIONS] [-f IN_FLIGHT] [-p PIPELINED] [-d SECONDS] [-s] PORT PATH PID
 *
 * Opens so many connections to 127.0.0.1:PORT and gets PATH once on each. Then IN_FLIGHT of them
 * are busy for SECONDS: each sends PIPELINED requests at once, and the next ones when all are
 * answered. With -s the requests go round: the next ones are sent on the connection whose turn has
 * not been for longest, so that all of them are used. Prints one line of key=value: what the
 * server, process PID, took for it.
 *
 * Long bodies are dropped inside the kernel (MSG_TRUNC), without a copy: so the server is the one
 * that has work to do, and not the load. An answer that is not 200 with a Content-Length ends it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "processes.h"

enum {
    HEAD_BYTES = 1024,
    READ_BYTES = 1 << 16,
    EVENTS_PER_TURN = 256,
    PIPELINED_MAX = 64,
    REQUEST_BYTES_MAX = 2048,
    OPEN_AT_ONCE = 64, /* so that the server's queue of new connections does not run over */
    DESCRIPTORS_BESIDES = 16,
};

struct client {
    int fd;
    unsigned owed; /* answers that are to come */
    uint64_t body_left;
    size_t head_bytes;
    char head[HEAD_BYTES + 1]; /* as far as it has come */
};

struct load {
    unsigned connections;
    unsigned in_flight;
    unsigned pipelined;
    unsigned seconds;
    bool goes_round;
    struct sockaddr_in server;
    struct processes processes; /* the server's */
    int epoll_fd;
    struct client *clients;
    unsigned next; /* whose turn it is */
    bool is_over;
    unsigned busy;
    uint64_t answers;
    uint64_t body_bytes;
    char request[REQUEST_BYTES_MAX * PIPELINED_MAX]; /* the same one, many times */
    size_t request_bytes;
    char bytes[READ_BYTES];
};

/* That carried answers to all the connections so far: at least one for each send of the server's.
 */
static uint64_t segments(const struct load *load)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < load->connections; i++) {
        struct tcp_info info;
        socklen_t length = sizeof info;
        if (getsockopt(load->clients[i].fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
            die("TCP_INFO");
        sum += info.tcpi_data_segs_in;
    }
    return sum;
}

static void send_requests(struct load *load, struct client *client, unsigned count)
{
    size_t bytes = load->request_bytes * count;

    if (send(client->fd, load->request, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
        die("send");
    client->owed = count;
    load->busy++;
}

/* All of a client's answers are there. */
static void go_on(struct load *load, struct client *client)
{
    load->busy--;
    if (load->is_over)
        return;
    if (load->goes_round) {
        client = &load->clients[load->next];
        load->next = (load->next + 1) % load->connections;
    }
    send_requests(load, client, load->pipelined);
}

static void begin_body(struct load *load, struct client *client)
{
    const char *length;

    client->head[client->head_bytes] = '\0';
    length = strcasestr(client->head, "\r\nContent-Length:");
    if (strncmp(client->head, "HTTP/1.1 200", 12) != 0 || length == NULL) {
        fprintf(stderr, "clients: an answer that was not expected:\n%s\n", client->head);
        exit(1);
    }
    client->body_left = strtoull(length + sizeof "\r\nContent-Length:" - 1, NULL, 10);
    client->head_bytes = 0;
    load->body_bytes += client->body_left;
}

/* Takes what belongs to the head; returns how much that is. */
static size_t take_head(struct load *load, struct client *client, const char *bytes, size_t length)
{
    size_t before = client->head_bytes;
    size_t room = HEAD_BYTES - before;
    size_t step = length < room ? length : room;
    const char *end;

    if (room == 0) {
        errno = E2BIG;
        die("head of an answer");
    }
    memcpy(client->head + before, bytes, step);
    end = memmem(client->head, before + step, "\r\n\r\n", 4);
    client->head_bytes = before + step;
    if (end == NULL)
        return step;
    client->head_bytes = (size_t)(end + 4 - client->head);
    step = client->head_bytes - before;
    begin_body(load, client);
    return step;
}

static void take(struct load *load, struct client *client, const char *bytes, size_t length)
{
    while (length > 0) {
        bool is_head = client->body_left == 0;
        size_t step = length;

        if (is_head)
            step = take_head(load, client, bytes, length);
        else if (step > client->body_left)
            step = (size_t)client->body_left;
        if (!is_head)
            client->body_left -= step;
        bytes += step;
        length -= step;
        if (client->head_bytes > 0 || client->body_left > 0)
            continue;
        load->answers++;
        if (--client->owed == 0)
            go_on(load, client);
    }
}

static void on_readable(struct load *load, struct client *client)
{
    bool is_dropped = client->body_left > READ_BYTES;
    ssize_t got = is_dropped ? recv(client->fd, NULL, (size_t)client->body_left, MSG_TRUNC)
                             : recv(client->fd, load->bytes, sizeof load->bytes, 0);

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        die("recv");
    if (is_dropped && (uint64_t)got < client->body_left)
        client->body_left -= (uint64_t)got;
    else
        take(load, client, load->bytes, (size_t)got);
}

static void run_turn(struct load *load, int timeout_ms)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int count = epoll_wait(load->epoll_fd, events, EVENTS_PER_TURN, timeout_ms);

    if (count == 0) {
        errno = ETIMEDOUT;
        die("no answer");
    }
    for (int i = 0; i < count; i++)
        on_readable(load, events[i].data.ptr);
}

static void open_client(struct load *load, struct client *client)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    int on = 1;

    client->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (client->fd < 0)
        die("socket");
    if (connect(client->fd, (struct sockaddr *)&load->server, sizeof load->server) < 0)
        die("connect");
    if (setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
        die("TCP_NODELAY");
    /* Blocking but for reads, which the loop asks for only when there is something. */
    if (epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, client->fd, &event) < 0)
        die("epoll_ctl");
}

/* Each is opened, and gets its first answer. */
static void open_all(struct load *load)
{
    load->is_over = true;
    for (unsigned i = 0; i < load->connections; i++) {
        open_client(load, &load->clients[i]);
        send_requests(load, &load->clients[i], 1);
        while (load->busy >= OPEN_AT_ONCE || (i + 1 == load->connections && load->busy > 0))
            run_turn(load, 10000);
    }
    load->answers = 0;
    load->body_bytes = 0;
}

static void run(struct load *load)
{
    int64_t end_ns = clock_now_ns() + (int64_t)load->seconds * S_NS;

    load->is_over = false;
    for (unsigned i = 0; i < load->in_flight; i++)
        send_requests(load, &load->clients[i], load->pipelined);
    load->next = load->in_flight % load->connections;
    while (load->busy > 0) {
        run_turn(load, 10000);
        if (!load->is_over && clock_now_ns() >= end_ns)
            load->is_over = true;
    }
}

static void raise_descriptors(unsigned connections)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        die("getrlimit");
    if (limit.rlim_cur < connections + DESCRIPTORS_BESIDES) {
        limit.rlim_cur = connections + DESCRIPTORS_BESIDES;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
            die("the limit of open files is too low");
    }
}

static void read_arguments(struct load *load, int count, char **arguments)
{
    const char *usage = "usage: clients [-c CONNECTIONS] [-f IN_FLIGHT] [-p PIPELINED] "
                        "[-d SECONDS] [-s] PORT PATH PID\n";
    int option;

    while ((option = getopt(count, arguments, "c:f:p:d:s")) != -1) {
        unsigned number = optarg != NULL ? (unsigned)strtoul(optarg, NULL, 10) : 0;
        if (option == 'c')
            load->connections = number;
        else if (option == 'f')
            load->in_flight = number;
        else if (option == 'p')
            load->pipelined = number;
        else if (option == 'd')
            load->seconds = number;
        else if (option == 's')
            load->goes_round = true;
    }
    if (count - optind != 3 || load->in_flight > load->connections || load->in_flight == 0 ||
        load->pipelined == 0 || load->pipelined > PIPELINED_MAX) {
        fputs(usage, stderr);
        exit(2);
    }
    load->server.sin_family = AF_INET;
    load->server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    load->server.sin_port = htons((uint16_t)strtoul(arguments[optind], NULL, 10));
    processes_add(&load->processes, (int)strtol(arguments[optind + 2], NULL, 10));
    int bytes = snprintf(load->request, REQUEST_BYTES_MAX,
                         "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", arguments[optind + 1]);
    if (bytes >= REQUEST_BYTES_MAX) {
        errno = ENAMETOOLONG;
        die("PATH");
    }
    load->request_bytes = (size_t)bytes;
    for (unsigned i = 1; i < load->pipelined; i++)
        memcpy(load->request + i * load->request_bytes, load->request, load->request_bytes);
}

int main(int count, char **arguments)
{
    static struct load load = {.connections = 64, .in_flight = 64, .pipelined = 1, .seconds = 2};

    read_arguments(&load, count, arguments);
    raise_descriptors(load.connections);
    load.clients = calloc(load.connections, sizeof *load.clients);
    load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (load.clients == NULL || load.epoll_fd < 0)
        die("no memory");

    size_t before_bytes = processes_resident_bytes(&load.processes);
    open_all(&load);
    size_t idle_bytes = processes_resident_bytes(&load.processes);
    uint64_t segments_before = segments(&load);
    int64_t wall_ns = clock_now_ns();
    int64_t load_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
    int64_t server_ns = processes_used_ns(&load.processes);
    run(&load);
    server_ns = processes_used_ns(&load.processes) - server_ns;
    load_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - load_ns;
    wall_ns = clock_now_ns() - wall_ns;

    double mib = (double)load.body_bytes / (1 << 20);
    printf("answers=%llu answer_us=%.3f answers_per_s=%.0f mib_us=%.1f mib_per_s=%.0f "
           "server_percent=%.0f load_percent=%.0f before_mib=%.1f idle_mib=%.1f "
           "connection_bytes=%.0f segment_answers=%.2f\n",
           (unsigned long long)load.answers, (double)server_ns / 1e3 / (double)load.answers,
           (double)load.answers * 1e9 / (double)wall_ns, (double)server_ns / 1e3 / mib,
           mib * 1e9 / (double)wall_ns, 100.0 * (double)server_ns / (double)wall_ns,
           100.0 * (double)load_ns / (double)wall_ns, (double)before_bytes / (1 << 20),
           (double)idle_bytes / (1 << 20),
           ((double)idle_bytes - (double)before_bytes) / load.connections,
           (double)load.answers / (double)(segments(&load) - segments_before));
    return 0;
}
