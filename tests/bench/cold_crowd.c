/* SPDX-License-Identifier: MIT */
/*
 * cold_crowd.c - many clients at once ask for one cold URL: how often does the cache go upstream,
 * and how long after the origin's answer is the last client served?
 *
 *     cold_crowd CACHE_PORT CLIENTS DELAY_MS ROUNDS PATH
 *
 * It is origin and clients in one program, so that both read one clock. PATH is asked of the cache
 * at 127.0.0.1:CACHE_PORT; %p in it becomes the origin's port and %r the round, which makes each
 * round's URL cold. All clients connect first; then all requests are sent in one go. The origin
 * answers each request after DELAY_MS with 1 KiB that may be cached for a minute.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
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

enum { CLIENTS_MAX = 20000, BODY_BYTES = 1024, PATH_BYTES_MAX = 1024, TIMEOUT_MS = 60000 };

struct origin {
    int listen_fd;
    int port;
    long delay_ms;
    atomic_uint requests;
    _Atomic int64_t answered_ns; /* when the first answer was written */
};

struct client {
    int fd;
    size_t received_bytes;
    bool is_ok;
    int64_t served_ns; /* when the whole answer was there; 0 before */
};

static void die(const char *what)
{
    fprintf(stderr, "cold_crowd: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t clock_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct exchange {
    struct origin *origin;
    int fd;
};

/* One request from the cache: a thread of its own, as there should be only one. */
static void *answer(void *context)
{
    struct exchange exchange = *(struct exchange *)context;
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                               "Cache-Control: max-age=60\r\nContent-Length: 1024\r\n"
                               "Connection: close\r\n\r\n";
    char bytes[4096 + BODY_BYTES];
    struct timespec delay = {exchange.origin->delay_ms / 1000,
                             exchange.origin->delay_ms % 1000 * 1000000L};
    size_t used = 0;
    int64_t expected = 0;

    free(context);
    do {
        ssize_t length = recv(exchange.fd, bytes + used, 4096 - used, 0);
        if (length <= 0) {
            close(exchange.fd);
            return NULL;
        }
        used += (size_t)length;
    } while (memmem(bytes, used, "\r\n\r\n", 4) == NULL && used < 4096);
    atomic_fetch_add(&exchange.origin->requests, 1);
    nanosleep(&delay, NULL);
    memcpy(bytes, head, sizeof(head) - 1);
    memset(bytes + sizeof(head) - 1, 'x', BODY_BYTES);
    atomic_compare_exchange_strong(&exchange.origin->answered_ns, &expected, clock_now_ns());
    if (send(exchange.fd, bytes, sizeof(head) - 1 + BODY_BYTES, MSG_NOSIGNAL) < 0)
        fprintf(stderr, "cold_crowd: the cache hung up on the origin\n");
    shutdown(exchange.fd, SHUT_WR);
    close(exchange.fd);
    return NULL;
}

static void *serve(void *context)
{
    struct origin *origin = context;

    for (;;) {
        struct exchange *exchange = malloc(sizeof(*exchange));
        pthread_t thread;

        if (exchange == NULL)
            die("memory");
        exchange->origin = origin;
        exchange->fd = accept(origin->listen_fd, NULL, NULL);
        if (exchange->fd < 0 || pthread_create(&thread, NULL, answer, exchange) != 0) {
            free(exchange);
            return NULL;
        }
        pthread_detach(thread);
    }
}

static void start_origin(struct origin *origin)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    pthread_t thread;

    origin->listen_fd = socket(AF_INET, SOCK_STREAM, 0);
    if (origin->listen_fd < 0 ||
        bind(origin->listen_fd, (struct sockaddr *)&address, length) != 0 ||
        listen(origin->listen_fd, 4096) != 0 ||
        getsockname(origin->listen_fd, (struct sockaddr *)&address, &length) != 0)
        die("starting the origin");
    origin->port = ntohs(address.sin_port);
    if (pthread_create(&thread, NULL, serve, origin) != 0)
        die("starting the origin");
}

static void connect_all(struct client *clients, int count, int port, int epoll_fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};

        clients[i] = (struct client){.fd = socket(AF_INET, SOCK_STREAM, 0)};
        if (clients[i].fd < 0 ||
            connect(clients[i].fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
            epoll_ctl(epoll_fd, EPOLL_CTL_ADD, clients[i].fd, &event) != 0)
            die("connecting to the cache");
    }
}

/* The answer ends when the cache closes, as the requests ask for that. */
static bool read_some(struct client *client)
{
    char bytes[4096];
    ssize_t length = recv(client->fd, bytes, sizeof(bytes), 0);

    if (length > 0) {
        if (client->received_bytes == 0)
            client->is_ok = length >= 12 && memcmp(bytes + 8, " 200", 4) == 0;
        client->received_bytes += (size_t)length;
        return false;
    }
    client->served_ns = clock_now_ns();
    client->is_ok = client->is_ok && length == 0 && client->received_bytes > BODY_BYTES;
    close(client->fd);
    return true;
}

/* Writes the request for `path` with %p and %r filled in; returns its length. */
static size_t make_request(char request[PATH_BYTES_MAX], const char *path, int port, int round)
{
    FILE *stream = fmemopen(request, PATH_BYTES_MAX, "w");
    long length;

    if (stream == NULL)
        die("memory");
    fputs("GET ", stream);
    for (; *path != '\0'; path++) {
        if (path[0] == '%' && (path[1] == 'p' || path[1] == 'r'))
            fprintf(stream, "%d", *++path == 'p' ? port : round);
        else
            fputc(*path, stream);
    }
    fputs(" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", stream);
    length = ftell(stream);
    fclose(stream);
    return (size_t)length;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return left < right ? -1 : left > right;
}

struct outcome {
    unsigned upstream_requests;
    int served;
    int64_t median_ns; /* after the origin's answer; negative would be before it */
    int64_t last_ns;
};

static int64_t nth_ns(struct client *clients, int count, int n, int64_t origin_ns)
{
    static int64_t sorted[CLIENTS_MAX];

    for (int i = 0; i < count; i++)
        sorted[i] = clients[i].served_ns - origin_ns;
    qsort(sorted, (size_t)count, sizeof(sorted[0]), compare);
    return sorted[n];
}

static struct outcome run_round(struct origin *origin, struct client *clients, int count, int port,
                                const char *path, int round)
{
    char request[PATH_BYTES_MAX];
    size_t request_bytes = make_request(request, path, origin->port, round);
    struct epoll_event events[256];
    struct outcome outcome = {0};
    int epoll_fd = epoll_create1(0);
    int open = count;

    atomic_store(&origin->requests, 0);
    atomic_store(&origin->answered_ns, 0);
    connect_all(clients, count, port, epoll_fd);
    for (int i = 0; i < count; i++) {
        if (send(clients[i].fd, request, request_bytes, MSG_NOSIGNAL) != (ssize_t)request_bytes)
            die("sending a request");
    }
    while (open > 0) {
        int ready = epoll_wait(epoll_fd, events, 256, TIMEOUT_MS);

        if (ready <= 0) {
            fprintf(stderr, "cold_crowd: %d clients got no answer in a minute\n", open);
            exit(1);
        }
        for (int i = 0; i < ready; i++)
            open -= read_some(&clients[events[i].data.u32]);
    }
    close(epoll_fd);
    for (int i = 0; i < count; i++)
        outcome.served += clients[i].is_ok;
    outcome.upstream_requests = atomic_load(&origin->requests);
    outcome.median_ns = nth_ns(clients, count, count / 2, atomic_load(&origin->answered_ns));
    outcome.last_ns = nth_ns(clients, count, count - 1, atomic_load(&origin->answered_ns));
    return outcome;
}

int main(int argument_count, char **arguments)
{
    static struct client clients[CLIENTS_MAX];
    static struct origin origin;
    struct rlimit files = {65536, 65536};

    if (argument_count != 6) {
        fprintf(stderr, "usage: cold_crowd CACHE_PORT CLIENTS DELAY_MS ROUNDS PATH\n");
        return 2;
    }
    int port = (int)strtol(arguments[1], NULL, 10);
    int count = (int)strtol(arguments[2], NULL, 10);
    int rounds = (int)strtol(arguments[4], NULL, 10);
    if (count < 1 || count > CLIENTS_MAX) {
        fprintf(stderr, "cold_crowd: 1 to %d clients\n", CLIENTS_MAX);
        return 2;
    }
    setrlimit(RLIMIT_NOFILE, &files); /* if refused, connecting says so */
    origin.delay_ms = strtol(arguments[3], NULL, 10);
    start_origin(&origin);
    printf("| round | clients | served | upstream requests | median after origin, ms | last after "
           "origin, ms |\n|---:|---:|---:|---:|---:|---:|\n");
    for (int round = 1; round <= rounds; round++) {
        struct outcome outcome = run_round(&origin, clients, count, port, arguments[5], round);

        printf("| %d | %d | %d | %u | %.1f | %.1f |\n", round, count, outcome.served,
               outcome.upstream_requests, (double)outcome.median_ns / 1e6,
               (double)outcome.last_ns / 1e6);
        fflush(stdout);
    }
    return 0;
}
