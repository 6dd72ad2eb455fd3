/* SPDX-License-Identifier: MIT */
/*
 * origin.c - one epoll loop on a thread; see origin.h.
 *
 * A connection is idle, or waits for its answer's time, or is being sent one: `due_ns` and
 * `position` tell. One timer stands for all of them: the earliest time due, or a tick of a
 * millisecond while a body is under way. Requests have no bodies, and come one after the other.
 */
#include "origin.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../clock.h"

enum { FDS_MAX = 65536, EVENTS_PER_TURN = 256, HEAD_BYTES_MAX = 512, PIECE_BYTES = 65536 };

struct link {
    unsigned char matched; /* how much of CRLF CRLF has come */
    bool is_asked;
    int64_t due_ns;
    size_t position; /* bytes sent, head and body */
};

struct origin {
    const struct origin_script *script;
    int port;
    int epoll_fd, listen_fd, timer_fd;
    char head[HEAD_BYTES_MAX];
    size_t head_bytes;
    int fds_end; /* no link beyond it */
    struct link links[FDS_MAX];
    atomic_uint requests;
    _Atomic int64_t first_answer_ns;
    _Atomic int64_t last_byte_ns;
    _Atomic int64_t processor_ns;
};

uint64_t origin_word(size_t position)
{
    return (uint64_t)position * UINT64_C(0x9e3779b97f4a7c15);
}

/* The bytes of an answer from `position` on, at most up to `end`. Returns how many. */
static size_t piece_make(const struct origin *origin, size_t position, size_t end, char *piece)
{
    size_t count = 0;

    if (position < origin->head_bytes) {
        count = origin->head_bytes - position;
        memcpy(piece, origin->head + position, count);
        position = origin->head_bytes;
    }
    while (position < end && count < PIECE_BYTES) {
        size_t body_position = position - origin->head_bytes;
        uint64_t word = origin_word(body_position & ~(size_t)7);
        size_t skipped = body_position & 7;
        size_t part = 8 - skipped < end - position ? 8 - skipped : end - position;

        memcpy(piece + count, (char *)&word + skipped, part);
        count += part;
        position += part;
    }
    return count;
}

static void drop(struct origin *origin, int fd)
{
    origin->links[fd] = (struct link){0};
    close(fd);
}

/* How much of the answer may be out by now. */
static size_t allowed_bytes(const struct origin *origin, const struct link *link, int64_t now_ns)
{
    size_t all = origin->head_bytes + origin->script->body_bytes;
    size_t allowed = all;

    if (origin->script->bytes_per_s > 0)
        allowed = origin->head_bytes + (size_t)((double)(now_ns - link->due_ns) *
                                                (double)origin->script->bytes_per_s / 1e9);
    return allowed < all ? allowed : all;
}

static void send_some(struct origin *origin, int fd, int64_t now_ns)
{
    static char piece[HEAD_BYTES_MAX + PIECE_BYTES + 8];
    struct link *link = &origin->links[fd];
    size_t end = allowed_bytes(origin, link, now_ns);

    if (atomic_load(&origin->first_answer_ns) == 0) {
        atomic_store(&origin->processor_ns, clock_read_ns(CLOCK_PROCESS_CPUTIME_ID));
        atomic_store(&origin->first_answer_ns, clock_now_ns());
    }
    while (link->position < end) {
        size_t count = piece_make(origin, link->position, end, piece);
        ssize_t sent;

        sent = send(fd, piece, count, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            return;
        if (sent < 0) {
            drop(origin, fd);
            return;
        }
        link->position += (size_t)sent;
    }
    if (link->position == origin->head_bytes + origin->script->body_bytes) {
        atomic_store(&origin->last_byte_ns, clock_now_ns());
        *link = (struct link){0};
    }
}

static void arm(struct origin *origin, int64_t at_ns)
{
    struct itimerspec at = {.it_value = {at_ns / S_NS, at_ns % S_NS}};

    if (timerfd_settime(origin->timer_fd, TFD_TIMER_ABSTIME, &at, NULL) != 0)
        die("timerfd_settime");
}

/* Sends what is due, and arms the timer for what will be. */
static void send_due(struct origin *origin)
{
    int64_t next_ns = INT64_MAX;

    for (int fd = 0; fd < origin->fds_end; fd++) {
        struct link *link = &origin->links[fd];
        int64_t now_ns;

        if (!link->is_asked)
            continue;
        now_ns = clock_now_ns();
        if (link->due_ns <= now_ns)
            send_some(origin, fd, now_ns);
        if (link->is_asked && link->due_ns > now_ns && link->due_ns < next_ns)
            next_ns = link->due_ns;
        else if (link->is_asked && link->due_ns <= now_ns && now_ns + MS_NS < next_ns)
            next_ns = now_ns + MS_NS;
    }
    if (next_ns < INT64_MAX)
        arm(origin, next_ns);
}

/* Whether a request ends in these bytes. */
static bool ends_request(struct link *link, const char *bytes, size_t length)
{
    static const char end[] = "\r\n\r\n";

    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == end[link->matched])
            link->matched++;
        else
            link->matched = bytes[i] == '\r' ? 1 : 0;
        if (link->matched == 4)
            return true;
    }
    return false;
}

static void on_readable(struct origin *origin, int fd)
{
    struct link *link = &origin->links[fd];
    char bytes[8192];
    ssize_t length = recv(fd, bytes, sizeof(bytes), 0);

    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length <= 0) {
        drop(origin, fd);
        return;
    }
    if (link->is_asked || !ends_request(link, bytes, (size_t)length))
        return;
    *link = (struct link){.is_asked = true,
                          .due_ns = clock_now_ns() + origin->script->delay_ms * MS_NS};
    atomic_fetch_add(&origin->requests, 1);
}

static void accept_all(struct origin *origin)
{
    int one = 1;
    int fd;

    while ((fd = accept4(origin->listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        if (fd >= FDS_MAX || epoll_ctl(origin->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
            close(fd);
        else if (fd >= origin->fds_end)
            origin->fds_end = fd + 1;
    }
}

static void *serve(void *context)
{
    struct origin *origin = context;
    struct epoll_event events[EVENTS_PER_TURN];

    for (;;) {
        int ready = epoll_wait(origin->epoll_fd, events, EVENTS_PER_TURN, -1);
        uint64_t expirations;

        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;

            if (fd == origin->listen_fd)
                accept_all(origin);
            else if (fd == origin->timer_fd)
                (void)!read(fd, &expirations, sizeof(expirations)); /* it only has to be emptied */
            else
                on_readable(origin, fd);
        }
        send_due(origin);
    }
    return NULL;
}

static void watch(struct origin *origin, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (fd < 0 || epoll_ctl(origin->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        die("starting the origin");
}

static void open_all(struct origin *origin, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int one = 1;

    origin->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    origin->epoll_fd = epoll_create1(0);
    origin->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    setsockopt(origin->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(origin->listen_fd, (struct sockaddr *)&address, length) != 0 ||
        listen(origin->listen_fd, 4096) != 0 ||
        getsockname(origin->listen_fd, (struct sockaddr *)&address, &length) != 0)
        die("listening for the cache");
    origin->port = ntohs(address.sin_port);
    watch(origin, origin->listen_fd);
    watch(origin, origin->timer_fd);
}

struct origin *origin_start(int port, const struct origin_script *script)
{
    struct origin *origin = calloc(1, sizeof(*origin));
    time_t now_s = time(NULL);
    char date[64];
    pthread_t thread;

    if (origin == NULL)
        die("memory");
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&now_s));
    origin->script = script;
    origin->head_bytes = (size_t)snprintf(origin->head, HEAD_BYTES_MAX,
                                          "HTTP/1.1 200 OK\r\nDate: %s\r\n"
                                          "Content-Type: application/octet-stream\r\n"
                                          "Cache-Control: %s\r\nContent-Length: %zu\r\n\r\n",
                                          date, script->cache_control, script->body_bytes);
    open_all(origin, port);
    if (pthread_create(&thread, NULL, serve, origin) != 0)
        die("starting the origin");
    pthread_detach(thread);
    return origin;
}

int origin_port(const struct origin *origin)
{
    return origin->port;
}

void origin_forget(struct origin *origin)
{
    atomic_store(&origin->requests, 0);
    atomic_store(&origin->first_answer_ns, 0);
    atomic_store(&origin->last_byte_ns, 0);
    atomic_store(&origin->processor_ns, 0);
}

void origin_read(struct origin *origin, struct origin_record *ret_record)
{
    ret_record->requests = atomic_load(&origin->requests);
    ret_record->first_answer_ns = atomic_load(&origin->first_answer_ns);
    ret_record->last_byte_ns = atomic_load(&origin->last_byte_ns);
    ret_record->processor_ns = atomic_load(&origin->processor_ns);
}
