/* SPDX-License-Identifier: MIT */
/*
 * load.c - asks several servers for small answers, in turn, and tells what each paid for one.
 *
 *     load [-c CONNECTIONS] [-r ROUNDS] [-m SLICE_MS] [-t THREADS] [-n NUMBER] TARGET...
 *     TARGET = NAME,PORT[+PORT],PID[+PID],STATUS,REQUEST_FILE
 *
 * Each target has its own connections, spread over its ports, kept open all the time; a slice of
 * time belongs to one target, and every round has a slice for each. So what slows the machine down
 * slows all of them down. A round that does not count comes first. One line for each slice:
 *
 *     target=fetch round=1 requests=31234 wall_ns=.. server_ns=.. load_ns=.. threads=1
 *
 * and at the end, for each target, all requests it has had: "target=fetch total=..".
 *
 * server_ns is the processor time of the target's processes, load_ns that of this program. A target
 * that fails is told once, as "target=fetch failed=why", and left alone from then on.
 *
 * The load has to be cheaper than the servers, or it is the limit and they sleep between requests.
 * So it does not read every answer when it comes: it looks at how much there is to read, sends the
 * next request, and reads and checks the answers of several requests at once. No request is sent
 * before the answer to the one before has come as a whole. Threads run on one processor each.
 * A run of '@' in the request is replaced by a number that no other request has, beginning behind
 * NUMBER.
 */
#include <getopt.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../clock.h"
#include "../processes.h"
#include "connection.h"

enum { PORTS_MAX = 4, THREADS_MAX = 8, EVENTS_PER_TURN = 64, READ_AT_ONCE_BYTES = 12288 };

struct target {
    const char *name;
    int ports[PORTS_MAX];
    unsigned port_count;
    struct processes processes;
    struct request request;
    struct connection *connections;
    int epoll_fds[THREADS_MAX];
    uint64_t total; /* requests, also those of the beginning that do not count */
    const char *failure;
};

struct load {
    unsigned connections, rounds, slice_ms, threads;
    struct target *targets;
    unsigned target_count;
    _Atomic uint64_t last_number;
};

/* A thread's share of a slice: every `threads`-th connection, beginning with its own number. */
struct share {
    struct load *load;
    struct target *target;
    unsigned thread;
    int64_t end_ns;
    uint64_t requests;
    const char *failure;
    pthread_t id;
};

static uint64_t take_number(struct load *load, const struct target *target)
{
    return target->request.number_digits > 0 ? ++load->last_number : 0;
}

/* Sends the next request, or reads what is due if the time is over. Returns whether one is on its
 * way. */
static bool go_on(struct share *share, struct connection *connection, bool is_over)
{
    const struct request *request = &share->target->request;

    if (is_over || connection->due * connection->answer_bytes >= READ_AT_ONCE_BYTES)
        connection_read(connection, request);
    if (!is_over && connection->failure == NULL)
        connection_ask(connection, request, take_number(share->load, share->target));
    if (connection->failure != NULL)
        share->failure = connection->failure;
    return !is_over && connection->failure == NULL;
}

static void *run_share(void *context)
{
    struct share *share = context;
    struct target *target = share->target;
    struct epoll_event events[EVENTS_PER_TURN];
    unsigned under_way = 0;
    bool is_over = false;

    for (unsigned i = share->thread; i < share->load->connections; i += share->load->threads)
        under_way += go_on(share, &target->connections[i], false);
    while (under_way > 0 && share->failure == NULL) {
        int ready = epoll_wait(target->epoll_fds[share->thread], events, EVENTS_PER_TURN, 5000);

        if (ready == 0)
            share->failure = "stops answering";
        is_over = is_over || clock_now_ns() >= share->end_ns;
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;

            if (connection_is_answered(connection)) {
                share->requests++;
                under_way -= !go_on(share, connection, is_over);
            } else if (connection->failure != NULL) {
                share->failure = connection->failure;
            }
        }
    }
    return NULL;
}

static void pin(unsigned nth)
{
    cpu_set_t allowed, one;

    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        die("asking for the processors");
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &allowed) && nth-- == 0) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            if (sched_setaffinity(0, sizeof(one), &one) != 0)
                die("choosing a processor");
            return;
        }
    }
}

static void *run_pinned_share(void *context)
{
    struct share *share = context;

    pin(share->thread);
    return run_share(share);
}

static void run_slice(struct load *load, struct target *target, unsigned round)
{
    int64_t begin_ns = clock_now_ns();
    int64_t server_ns = processes_used_ns(&target->processes);
    int64_t load_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
    struct share shares[THREADS_MAX];
    uint64_t requests = 0;

    for (unsigned i = 0; i < load->threads; i++) {
        shares[i] = (struct share){.load = load,
                                   .target = target,
                                   .thread = i,
                                   .end_ns = begin_ns + load->slice_ms * MS_NS};
        if (pthread_create(&shares[i].id, NULL, run_pinned_share, &shares[i]) != 0)
            die("starting a thread");
    }
    for (unsigned i = 0; i < load->threads; i++) {
        pthread_join(shares[i].id, NULL);
        requests += shares[i].requests;
        target->failure = shares[i].failure != NULL ? shares[i].failure : target->failure;
    }
    target->total += requests;
    if (target->failure != NULL) {
        printf("target=%s failed=%s\n", target->name, target->failure);
    } else if (round > 0) {
        printf("target=%s round=%u requests=%llu wall_ns=%lld server_ns=%lld load_ns=%lld "
               "threads=%u\n",
               target->name, round, (unsigned long long)requests,
               (long long)(clock_now_ns() - begin_ns),
               (long long)(processes_used_ns(&target->processes) - server_ns),
               (long long)(clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - load_ns), load->threads);
    }
    fflush(stdout);
}

/* Connects all, so that no slice pays for it. Every thread has connections to every port: a server
 * whose clients are all on one processor would be cheaper for that. */
static void open_target(struct load *load, struct target *target)
{
    target->connections = calloc(load->connections, sizeof(*target->connections));
    if (target->connections == NULL)
        die("memory");
    for (unsigned i = 0; i < load->threads; i++) {
        target->epoll_fds[i] = epoll_create1(0);
        if (target->epoll_fds[i] < 0)
            die("epoll_create1");
    }
    for (unsigned i = 0; i < load->connections && target->failure == NULL; i++) {
        struct connection *connection = &target->connections[i];
        struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = connection};

        connection_open(connection, target->ports[i / load->threads % target->port_count],
                        &target->request, take_number(load, target));
        take_number(load, target); /* it asks twice */
        target->total += 2;
        target->failure = connection->failure;
        if (target->failure == NULL && epoll_ctl(target->epoll_fds[i % load->threads],
                                                 EPOLL_CTL_ADD, connection->fd, &event) != 0)
            die("watching a connection");
    }
    if (target->failure != NULL)
        printf("target=%s failed=%s\n", target->name, target->failure);
}

static void load_request(struct request *request, const char *path)
{
    FILE *file = fopen(path, "rb");
    const char *place;

    if (file == NULL)
        die(path);
    request->count = fread(request->bytes, 1, sizeof(request->bytes) - 1, file);
    fclose(file);
    request->is_bodiless =
        strncmp(request->bytes, "HEAD ", 5) == 0 || strcmp(request->status, " 304") == 0;
    place = strchr(request->bytes, '@');
    if (place != NULL) {
        request->number_at = (size_t)(place - request->bytes);
        request->number_digits = strspn(place, "@");
    }
}

static void parse_target(struct target *target, char *text)
{
    char *ports, *pids, *port, *pid;
    const char *status;

    target->name = strsep(&text, ",");
    ports = strsep(&text, ",");
    pids = strsep(&text, ",");
    status = strsep(&text, ",");
    if (text == NULL) {
        fprintf(stderr, "load: a target is NAME,PORT,PID,STATUS,REQUEST_FILE\n");
        exit(2);
    }
    while ((port = strsep(&ports, "+")) != NULL && target->port_count < PORTS_MAX)
        target->ports[target->port_count++] = (int)strtol(port, NULL, 10);
    while ((pid = strsep(&pids, "+")) != NULL)
        processes_add(&target->processes, (int)strtol(pid, NULL, 10));
    snprintf(target->request.status, sizeof(target->request.status), " %.3s", status);
    load_request(&target->request, text);
}

static unsigned number_option(unsigned max)
{
    unsigned long number = strtoul(optarg, NULL, 10);

    if (number == 0 || number > max) {
        fprintf(stderr, "load: %s is not a number from 1 to %u\n", optarg, max);
        exit(2);
    }
    return (unsigned)number;
}

int main(int count, char **arguments)
{
    struct load load = {.connections = 64, .rounds = 5, .slice_ms = 300, .threads = 1};
    int option;

    while ((option = getopt(count, arguments, "c:r:m:t:n:")) != -1) {
        switch (option) {
        case 'c':
            load.connections = number_option(20000);
            break;
        case 'r':
            load.rounds = number_option(10000);
            break;
        case 'm':
            load.slice_ms = number_option(60000);
            break;
        case 't':
            load.threads = number_option(THREADS_MAX);
            break;
        case 'n':
            load.last_number = number_option(UINT_MAX);
            break;
        default:
            return 2;
        }
    }
    load.target_count = (unsigned)(count - optind);
    load.targets = calloc(load.target_count + 1, sizeof(*load.targets));
    if (load.targets == NULL)
        die("memory");
    for (unsigned i = 0; i < load.target_count; i++) {
        parse_target(&load.targets[i], arguments[(unsigned)optind + i]);
        open_target(&load, &load.targets[i]);
    }
    for (unsigned round = 0; round <= load.rounds; round++) {
        for (unsigned i = 0; i < load.target_count; i++) {
            if (load.targets[i].failure == NULL)
                run_slice(&load, &load.targets[i], round);
        }
    }
    for (unsigned i = 0; i < load.target_count; i++)
        printf("target=%s total=%llu\n", load.targets[i].name,
               (unsigned long long)load.targets[i].total);
    free(load.targets); /* the connections end with the process */
    return 0;
}
