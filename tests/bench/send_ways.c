/* SPDX-License-Identifier: MIT */
/*
 * send_ways.c - what a MiB of a long body costs the sender, by the way in which it is handed to the
 * kernel: copied, or by reference to its pages.
 *
 *     send_ways [ROUNDS]
 *
 *     copy             sendmsg(2) from ordinary memory, 512 KiB at a time, as the server does
 *     sendfile         from a memfd, 2 MiB at a time, as nginx does from a file
 *     sendfile, huge   the same, the memfd made of huge pages where the system allows that
 *     splice           vmsplice(2) of ordinary memory into a pipe, splice(2) from there
 *
 * The sender is this thread, on the first processor; a second thread, on the second, receives by
 * dropping inside the kernel (MSG_TRUNC), which costs it little. The ways take turns, round by
 * round. Prints a table of microseconds of the sender's processor time.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clock.h"

#define MIB           ((size_t)1 << 20)
#define COPY_BYTES    ((size_t)512 * 1024)
#define REFER_BYTES   (2 * MIB)
#define PIPE_BYTES    (1 * MIB)
#define MEASURED_MIB  1024
#define CONNECTED_MAX 16
#define ROUNDS_MAX    99

struct sender {
    int fd; /* of the connection */
    int pipe[2];
    size_t piped_bytes;
    size_t position; /* in the body */
};

struct body {
    size_t length;
    char *bytes;
    int fd; /* the memfd that holds them, if they lie in one */
};

typedef ssize_t send_fn(struct sender *sender, const struct body *body);

struct way {
    const char *name;
    send_fn *send;
    bool is_shared; /* in a memfd */
    bool is_huge;
};

static ssize_t send_copy(struct sender *sender, const struct body *body)
{
    size_t left = body->length - sender->position;

    return send(sender->fd, body->bytes + sender->position, left < COPY_BYTES ? left : COPY_BYTES,
                MSG_NOSIGNAL);
}

static ssize_t send_file(struct sender *sender, const struct body *body)
{
    size_t left = body->length - sender->position;
    off_t at = (off_t)sender->position;

    return sendfile(sender->fd, body->fd, &at, left < REFER_BYTES ? left : REFER_BYTES);
}

static ssize_t send_spliced(struct sender *sender, const struct body *body)
{
    size_t left = body->length - sender->position;
    ssize_t count;

    if (sender->piped_bytes == 0) {
        struct iovec span = {body->bytes + sender->position, left < PIPE_BYTES ? left : PIPE_BYTES};
        count = vmsplice(sender->pipe[1], &span, 1, 0);
        if (count < 0)
            die("vmsplice");
        sender->piped_bytes = (size_t)count;
    }
    count = splice(sender->pipe[0], NULL, sender->fd, NULL, sender->piped_bytes, SPLICE_F_NONBLOCK);
    if (count > 0)
        sender->piped_bytes -= (size_t)count;
    return count;
}

static const struct way ways[] = {
    {"copy", send_copy, false, false},
    {"sendfile", send_file, true, false},
    {"sendfile, huge", send_file, true, true},
    {"splice", send_spliced, false, false},
};

enum { WAYS = sizeof ways / sizeof ways[0] };

/* To the first or second of the processors that the program was given. */
static void pin(const cpu_set_t *given, unsigned which)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    for (size_t i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, given) && which-- == 0)
            CPU_SET(i, &set);
    }
    if (sched_setaffinity(0, sizeof set, &set) < 0)
        die("two processors are needed");
}

struct receiver {
    int fds[CONNECTED_MAX];
    unsigned count;
    const cpu_set_t *processors;
};

static void *receive(void *context)
{
    const struct receiver *receiver = context;
    struct pollfd ready[CONNECTED_MAX];
    unsigned open = receiver->count;

    pin(receiver->processors, 1);
    for (unsigned i = 0; i < receiver->count; i++)
        ready[i] = (struct pollfd){.fd = receiver->fds[i], .events = POLLIN};
    while (open > 0) {
        if (poll(ready, receiver->count, -1) < 0)
            die("poll");
        for (unsigned i = 0; i < receiver->count; i++) {
            if (ready[i].revents == 0 || recv(ready[i].fd, NULL, 4 * MIB, MSG_TRUNC) > 0)
                continue;
            close(ready[i].fd);
            ready[i].fd = -1; /* which poll() passes over */
            open--;
        }
    }
    return NULL;
}

/* Both ends of a TCP connection on loopback. */
static void connect_pair(int listener, int *ret_client, int *ret_server)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;

    if (getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        die("getsockname");
    *ret_client = socket(AF_INET, SOCK_STREAM, 0);
    if (*ret_client < 0 || connect(*ret_client, (struct sockaddr *)&address, sizeof address) < 0)
        die("connect");
    *ret_server = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (*ret_server < 0)
        die("accept");
}

static void body_init(struct body *body, const struct way *way, size_t length)
{
    int flags = way->is_shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;

    body->length = length;
    body->fd = -1;
    if (way->is_shared) {
        body->fd = memfd_create("body", MFD_CLOEXEC);
        if (body->fd < 0 || ftruncate(body->fd, (off_t)length) < 0)
            die("memfd");
    }
    body->bytes = mmap(NULL, length, PROT_READ | PROT_WRITE, flags, body->fd, 0);
    if (body->bytes == MAP_FAILED)
        die("mmap");
    if (way->is_huge)
        (void)madvise(body->bytes, length, MADV_HUGEPAGE); /* a wish */
    memset(body->bytes, 'x', length);
}

static void body_fini(struct body *body)
{
    munmap(body->bytes, body->length);
    if (body->fd >= 0)
        close(body->fd);
}

static void send_all(struct sender *senders, unsigned count, const struct way *way,
                     const struct body *body)
{
    struct pollfd ready[CONNECTED_MAX];
    size_t sent_bytes = 0;

    for (unsigned i = 0; i < count; i++)
        ready[i] = (struct pollfd){.fd = senders[i].fd, .events = POLLOUT};
    while (sent_bytes < MEASURED_MIB * MIB) {
        if (poll(ready, count, -1) < 0)
            die("poll");
        for (unsigned i = 0; i < count; i++) {
            ssize_t sent = ready[i].revents == 0 ? 0 : way->send(&senders[i], body);
            if (sent < 0 && errno != EAGAIN)
                die(way->name);
            if (sent <= 0)
                continue;
            senders[i].position = (senders[i].position + (size_t)sent) % body->length;
            sent_bytes += (size_t)sent;
        }
    }
}

/* Returns microseconds per MiB. */
static double measure(const struct way *way, size_t length, unsigned count,
                      const cpu_set_t *processors)
{
    struct sender senders[CONNECTED_MAX] = {0};
    struct receiver receiver = {.count = count, .processors = processors};
    struct body body;
    pthread_t thread;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    if (listener < 0 || listen(listener, CONNECTED_MAX) < 0)
        die("listen");
    for (unsigned i = 0; i < count; i++) {
        connect_pair(listener, &receiver.fds[i], &senders[i].fd);
        if (pipe2(senders[i].pipe, O_NONBLOCK) < 0 ||
            fcntl(senders[i].pipe[0], F_SETPIPE_SZ, PIPE_BYTES) < 0)
            die("pipe");
    }
    body_init(&body, way, length);
    errno = pthread_create(&thread, NULL, receive, &receiver);
    if (errno != 0)
        die("thread");
    int64_t used_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
    send_all(senders, count, way, &body);
    used_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - used_ns;
    for (unsigned i = 0; i < count; i++) {
        close(senders[i].fd);
        close(senders[i].pipe[0]);
        close(senders[i].pipe[1]);
    }
    pthread_join(thread, NULL);
    close(listener);
    body_fini(&body);
    return (double)used_ns / 1e3 / MEASURED_MIB;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

int main(int count, char **arguments)
{
    static double samples[2][WAYS][ROUNDS_MAX];
    cpu_set_t processors;
    size_t rounds = count > 1 ? strtoul(arguments[1], NULL, 10) : 5;

    if (rounds < 1 || rounds > ROUNDS_MAX)
        rounds = ROUNDS_MAX;
    if (sched_getaffinity(0, sizeof processors, &processors) < 0)
        die("sched_getaffinity");
    pin(&processors, 0);
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < WAYS; i++) {
            samples[0][i][round] = measure(&ways[i], MIB, CONNECTED_MAX, &processors);
            samples[1][i][round] = measure(&ways[i], 64 * MIB, 4, &processors);
        }
    }
    printf("| sender's processor time per MiB, us, median (least to most) "
           "| 1 MiB body, 16 connections | 64 MiB body, 4 connections |\n|---|---:|---:|\n");
    for (size_t i = 0; i < WAYS; i++) {
        printf("| %s |", ways[i].name);
        for (size_t size = 0; size < 2; size++) {
            double *times = samples[size][i];
            qsort(times, rounds, sizeof *times, compare);
            printf(" %.0f (%.0f to %.0f) |", times[rounds / 2], times[0], times[rounds - 1]);
        }
        printf("\n");
    }
    return 0;
}
