/* SPDX-License-Identifier: MIT */
/*
 * readers.c - see readers.h. One loop: joins who is due, reads from who has bytes, lets those rest
 * that read slowly. Of each piece read, one word is compared with what the origin sends there.
 */
#include "readers.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../clock.h"
#include "origin.h"

enum { EVENTS_PER_TURN = 256, READ_BYTES = 65536, SLOW_TICK_MS = 5, SLOW_READ_BYTES = 16384 };

struct run {
    const struct readers_task *task;
    int epoll_fd;
    int64_t begin_ns;
    int open;  /* not over */
    int joins; /* still to come */
    bool has_slow;
};

static void set_watched(struct run *run, struct reader *reader, int operation, bool is_watched)
{
    struct epoll_event event = {.events = is_watched ? EPOLLIN : 0,
                                .data.u32 = (uint32_t)(reader - run->task->readers)};

    if (epoll_ctl(run->epoll_fd, operation, reader->fd, &event) != 0)
        die("watching a connection");
}

static void connect_reader(struct run *run, struct reader *reader)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)run->task->cache_port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    reader->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (reader->fd < 0 || connect(reader->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die("connecting to the cache");
    set_watched(run, reader, EPOLL_CTL_ADD, true);
}

static void ask(struct run *run, struct reader *reader)
{
    size_t length = strlen(run->task->request);

    if (reader->asked_ns == 0)
        reader->asked_ns = clock_now_ns();
    if (send(reader->fd, run->task->request, length, MSG_NOSIGNAL) != (ssize_t)length)
        die("sending a request");
}

static void end_reader(struct run *run, struct reader *reader, bool is_ok)
{
    reader->is_over = true;
    reader->is_ok = is_ok;
    run->open--;
    if (is_ok)
        reader->served_ns = clock_now_ns();
    else
        set_watched(run, reader, EPOLL_CTL_DEL, false);
}

/* Reads status and length off a complete head. Returns whether the answer is the one wanted. */
static bool read_head(struct reader *reader)
{
    const char *field = strcasestr(reader->head, "\r\nContent-Length:");

    reader->has_head = true;
    reader->length_bytes = field != NULL ? strtoll(field + 17, NULL, 10) : -1;
    return strncmp(reader->head, "HTTP/1.", 7) == 0 && strncmp(reader->head + 8, " 200", 4) == 0 &&
           strcasestr(reader->head, "\r\nTransfer-Encoding:") == NULL;
}

/* Takes what belongs to the head; returns how many bytes did, or -1 for an answer not wanted. */
static ssize_t take_head(struct reader *reader, const char *bytes, size_t count)
{
    size_t room = READER_HEAD_BYTES_MAX - 1 - reader->head_bytes;
    size_t before = reader->head_bytes;
    size_t part = count < room ? count : room;
    const char *end;

    memcpy(reader->head + before, bytes, part);
    reader->head_bytes += part;
    reader->head[reader->head_bytes] = '\0';
    end = strstr(reader->head, "\r\n\r\n");
    if (end == NULL)
        return part < count ? -1 : (ssize_t)part;
    reader->head_bytes = (size_t)(end + 4 - reader->head);
    reader->head[reader->head_bytes] = '\0';
    return read_head(reader) ? (ssize_t)(reader->head_bytes - before) : -1;
}

/* Whether the first whole word of a piece is the one that the origin sends there. */
static bool is_right(size_t position, const char *bytes, size_t count)
{
    size_t skipped = (8 - position % 8) % 8;
    uint64_t word;

    if (count < skipped + 8)
        return true;
    memcpy(&word, bytes + skipped, 8);
    return word == origin_word(position + skipped);
}

static void take_body(struct run *run, struct reader *reader, const char *bytes, size_t count)
{
    size_t wanted = run->task->body_bytes;

    if (count > 0 && reader->first_ns == 0)
        reader->first_ns = clock_now_ns();
    if (!is_right(reader->body_bytes, bytes, count) || reader->body_bytes + count > wanted) {
        end_reader(run, reader, false);
        return;
    }
    reader->body_bytes += count;
    if (reader->body_bytes == wanted && reader->length_bytes == (int64_t)wanted)
        end_reader(run, reader, true);
}

/* How many bytes it may take now; 0, rather than so few that it would take them one by one. */
static size_t allowance(const struct reader *reader)
{
    double allowed;

    if (reader->bytes_per_s == 0)
        return READ_BYTES;
    allowed = (double)(clock_now_ns() - reader->asked_ns) * (double)reader->bytes_per_s / 1e9 -
              (double)reader->body_bytes;
    if (allowed < SLOW_READ_BYTES)
        return 0;
    return allowed < READ_BYTES ? (size_t)allowed : READ_BYTES;
}

static void on_readable(struct run *run, struct reader *reader)
{
    static char bytes[READ_BYTES];
    size_t allowed = allowance(reader);
    ssize_t taken = 0;
    ssize_t count;

    if (reader->is_over)
        return;
    if (allowed == 0) {
        reader->is_resting = true;
        set_watched(run, reader, EPOLL_CTL_MOD, false);
        return;
    }
    count = recv(reader->fd, bytes, allowed, 0);
    if (count <= 0) {
        end_reader(run, reader,
                   count == 0 && reader->has_head && reader->length_bytes < 0 &&
                       reader->body_bytes == run->task->body_bytes);
        return;
    }
    if (!reader->has_head)
        taken = take_head(reader, bytes, (size_t)count);
    if (taken < 0)
        end_reader(run, reader, false);
    else if (reader->has_head)
        take_body(run, reader, bytes + taken, (size_t)(count - taken));
}

/* Joins who is due, wakes who rests. Returns after how many milliseconds to look again. */
static int tick(struct run *run)
{
    int64_t now_ns = clock_now_ns() - run->begin_ns;
    int64_t next_ns = run->task->cap_ns;

    if (run->joins == 0 && !run->has_slow)
        return (int)((next_ns - now_ns) / MS_NS) + 1;
    for (int i = 0; i < run->task->count; i++) {
        struct reader *reader = &run->task->readers[i];

        if (reader->fd < 0 && reader->joins_ns <= now_ns) {
            reader->asked_ns = clock_now_ns();
            connect_reader(run, reader);
            ask(run, reader);
            run->joins--;
        } else if (reader->fd < 0 && reader->joins_ns < next_ns) {
            next_ns = reader->joins_ns;
        }
        if (reader->is_resting && !reader->is_over && allowance(reader) > 0) {
            reader->is_resting = false;
            set_watched(run, reader, EPOLL_CTL_MOD, true);
        }
    }
    if (run->has_slow && now_ns + SLOW_TICK_MS * MS_NS < next_ns)
        return SLOW_TICK_MS;
    return (int)((next_ns - now_ns) / MS_NS) + 1;
}

static void begin(struct run *run)
{
    const struct readers_task *task = run->task;

    for (int i = 0; i < task->count; i++) {
        struct reader *reader = &task->readers[i];

        reader->fd = -1;
        run->has_slow |= reader->bytes_per_s > 0;
        if (reader->joins_ns == 0)
            connect_reader(run, reader);
        else
            run->joins++;
    }
    run->begin_ns = clock_now_ns();
    for (int i = 0; i < task->count; i++) {
        if (task->readers[i].joins_ns == 0)
            ask(run, &task->readers[i]);
    }
}

/* Says of one client that was not served what it has got. */
static void tell_failure(const struct readers_task *task, int served)
{
    for (int i = 0; i < task->count; i++) {
        const struct reader *reader = &task->readers[i];

        if (reader->is_ok)
            continue;
        fprintf(stderr, "crowd: %d of %d clients were not served, one %s %zu bytes behind: %.*s\n",
                task->count - served, task->count, reader->is_over ? "got an end" : "waits",
                reader->body_bytes, (int)strcspn(reader->head, "\r"), reader->head);
        return;
    }
}

void readers_run(const struct readers_task *task, struct readers_result *ret_result)
{
    struct run run = {.task = task, .epoll_fd = epoll_create1(0), .open = task->count};
    struct epoll_event events[EVENTS_PER_TURN];
    int served = 0;

    begin(&run);
    while (run.open > 0 && clock_now_ns() - run.begin_ns < task->cap_ns) {
        int ready = epoll_wait(run.epoll_fd, events, EVENTS_PER_TURN, tick(&run));

        for (int i = 0; i < ready; i++)
            on_readable(&run, &task->readers[events[i].data.u32]);
    }
    ret_result->begin_ns = run.begin_ns;
    ret_result->processor_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < task->count; i++) {
        served += task->readers[i].is_ok;
        if (task->readers[i].fd >= 0)
            close(task->readers[i].fd);
    }
    close(run.epoll_fd);
    ret_result->served = served;
    if (served < task->count)
        tell_failure(task, served);
}
