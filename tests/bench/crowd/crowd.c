/* SPDX-License-Identifier: MIT */
/*
 * crowd.c - many clients ask one cache for one URL at once; the origin behind it is here as well.
 *
 *     crowd [-c SECONDS] CASE CACHE_PORT ORIGIN_PORT PATH [PID]
 *
 * CASE cold: 1000 clients, the origin answers after 300 ms what may be kept. CASE uncacheable: 200
 * clients, 100 ms, no-store; then the same crowd again, when the cache can know that. CASE stream:
 * 64 MiB at 16 MiB/s to 50 clients, of whom 15 join on the way and 10 read at half the speed; PID
 * is the cache's process, whose memory is watched with that of the processes it has started.
 *
 * The cache at 127.0.0.1:CACHE_PORT is asked for PATH; %p in it becomes the origin's port, and %k a
 * word that no earlier run used, so that the URL is cold. The origin listens on
 * 127.0.0.1:ORIGIN_PORT, 0 for any. Who is not served within SECONDS, 30 unless told otherwise, is
 * given up. Prints one line of names and values for each crowd. Origin and clients are one program,
 * so that all times are read from one clock; `load_percent` tells how busy the program itself was,
 * from the origin's first answer to the last client served.
 */
#include <sys/resource.h>
#include <unistd.h>

#include "../clock.h"
#include "memory.h"
#include "origin.h"
#include "readers.h"

enum {
    CLIENTS_COLD = 1000,
    CLIENTS_UNCACHEABLE = 200,
    CLIENTS_STREAM = 50,
    CLIENTS_MAX = 1000,
    LATE = 15, /* of the stream's clients: who joins on the way */
    SLOW = 10,
    REQUEST_BYTES_MAX = 2048
};

#define MIB         ((size_t)1024 * 1024)
#define STREAM_RATE (16 * MIB)

static const struct origin_script cold_script = {
    .delay_ms = 300, .cache_control = "max-age=60", .body_bytes = 1024};
static const struct origin_script uncacheable_script = {
    .delay_ms = 100, .cache_control = "no-store", .body_bytes = 1024};
static const struct origin_script single_script = {.cache_control = "max-age=60",
                                                   .body_bytes = 1024};
static const struct origin_script stream_script = {.delay_ms = 100,
                                                   .cache_control = "max-age=60",
                                                   .body_bytes = 64 * MIB,
                                                   .bytes_per_s = STREAM_RATE};

static struct reader readers[CLIENTS_MAX];

/* Where the crowd goes. */
struct target {
    struct origin *origin;
    const struct origin_script *script;
    int cache_port;
    int64_t cap_ns;
    int pid;
    char request[REQUEST_BYTES_MAX];
};

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return left < right ? -1 : left > right;
}

struct spread {
    int count;
    int64_t all_ns[CLIENTS_MAX];
};

static void spread_add(struct spread *spread, int64_t ns)
{
    spread->all_ns[spread->count++] = ns;
}

/* The n-th of hundred of them in milliseconds; 0 if there is none. */
static double spread_ms(struct spread *spread, int percent)
{
    int at = (spread->count - 1) * percent / 100;

    if (spread->count == 0)
        return 0;
    qsort(spread->all_ns, (size_t)spread->count, sizeof(spread->all_ns[0]), compare);
    return (double)spread->all_ns[at] / (double)MS_NS;
}

static int64_t last_served_ns(int count)
{
    int64_t last_ns = 0;

    for (int i = 0; i < count; i++) {
        if (readers[i].served_ns > last_ns)
            last_ns = readers[i].served_ns;
    }
    return last_ns;
}

struct round {
    int count;
    struct origin_record origin;
    struct readers_result clients;
};

/* Runs a crowd of `count`, whose `readers` say how they join and read. */
static void run_round(const struct target *target, int count, struct round *ret_round)
{
    struct readers_task task = {.readers = readers,
                                .count = count,
                                .cache_port = target->cache_port,
                                .request = target->request,
                                .body_bytes = target->script->body_bytes,
                                .cap_ns = target->cap_ns};

    origin_forget(target->origin);
    readers_run(&task, &ret_round->clients);
    origin_read(target->origin, &ret_round->origin);
    ret_round->count = count;
}

/* How busy this program was from the origin's first answer until the last client was served. */
static double load_percent(const struct round *round)
{
    int64_t wall_ns = last_served_ns(round->count) - round->origin.first_answer_ns;
    int64_t used_ns = round->clients.processor_ns - round->origin.processor_ns;

    if (round->origin.first_answer_ns == 0 || wall_ns <= 0)
        return 0;
    return 100.0 * (double)used_ns / (double)wall_ns;
}

/* Times are told as after `zero_ns`. */
static void print_crowd(const char *name, const struct round *round, int64_t zero_ns)
{
    struct spread spread = {0};

    for (int i = 0; i < round->count; i++) {
        if (readers[i].is_ok)
            spread_add(&spread, readers[i].served_ns - zero_ns);
    }
    printf("crowd=%s clients=%d served=%d upstream=%u first_ms=%.1f median_ms=%.1f last_ms=%.1f "
           "load_percent=%.0f\n",
           name, round->count, round->clients.served, round->origin.requests, spread_ms(&spread, 0),
           spread_ms(&spread, 50), spread_ms(&spread, 100), load_percent(round));
}

/* Times are after the origin's answer; after the first client's, if the cache asked no origin. */
static int run_cold(const struct target *target, const char *name, int count)
{
    struct round round;
    int64_t zero_ns;

    run_round(target, count, &round);
    zero_ns = round.origin.first_answer_ns;
    for (int i = 0; i < count && round.origin.requests == 0; i++) {
        if (readers[i].first_ns > 0 && (zero_ns == 0 || readers[i].first_ns < zero_ns))
            zero_ns = readers[i].first_ns;
    }
    print_crowd(name, &round, zero_ns);
    return round.clients.served == count ? 0 : 1;
}

/* Times are after the first request was sent. */
static void run_uncacheable(const struct target *target)
{
    static const char *const names[] = {"first", "second"};

    for (int crowd = 0; crowd < 2; crowd++) {
        struct round round;

        memset(readers, 0, sizeof(readers));
        run_round(target, CLIENTS_UNCACHEABLE, &round);
        print_crowd(names[crowd], &round, round.clients.begin_ns);
        if (round.clients.served < round.count)
            break; /* the cache may still be busy with those who were given up */
    }
}

/* Late ones come spread over the second and third quarter of the body's time. */
static void prepare_stream(void)
{
    const int64_t whole_ns = (int64_t)(stream_script.body_bytes / STREAM_RATE) * S_NS;

    for (int i = 0; i < LATE; i++)
        readers[i].joins_ns = whole_ns / 4 + whole_ns / 2 * i / LATE;
    for (int i = LATE; i < LATE + SLOW; i++)
        readers[i].bytes_per_s = STREAM_RATE / 2;
}

static void run_stream(const struct target *target)
{
    struct memory *memory = memory_watch(target->pid);
    struct spread late = {0}, fast = {0};
    struct round round;
    size_t before_bytes, peak_bytes;

    prepare_stream();
    run_round(target, CLIENTS_STREAM, &round);
    memory_stop(memory, &before_bytes, &peak_bytes);
    for (int i = 0; i < CLIENTS_STREAM; i++) {
        if (i < LATE && readers[i].first_ns > 0)
            spread_add(&late, readers[i].first_ns - readers[i].asked_ns);
        if (readers[i].bytes_per_s == 0 && readers[i].is_ok)
            spread_add(&fast, readers[i].served_ns - round.origin.last_byte_ns);
    }
    printf("crowd=stream clients=%d served=%d upstream=%u before_mib=%.1f peak_mib=%.1f "
           "upstream_ms=%.0f fast=%d fast_median_ms=%.1f fast_last_ms=%.1f late=%d "
           "late_median_ms=%.1f late_worst_ms=%.1f last_ms=%.0f load_percent=%.0f\n",
           CLIENTS_STREAM, round.clients.served, round.origin.requests,
           (double)before_bytes / (double)MIB, (double)peak_bytes / (double)MIB,
           (double)(round.origin.last_byte_ns - round.clients.begin_ns) / 1e6, fast.count,
           spread_ms(&fast, 50), spread_ms(&fast, 100), late.count, spread_ms(&late, 50),
           spread_ms(&late, 100),
           (double)(last_served_ns(CLIENTS_STREAM) - round.clients.begin_ns) / 1e6,
           load_percent(&round));
}

/* The request for `path`, %p and %k in it filled in. */
static void make_request(char request[REQUEST_BYTES_MAX], const char *path, int origin_port)
{
    FILE *stream = fmemopen(request, REQUEST_BYTES_MAX, "w");

    if (stream == NULL)
        die("memory");
    fputs("GET ", stream);
    for (; *path != '\0'; path++) {
        if (path[0] == '%' && path[1] == 'k') {
            fprintf(stream, "%d-%lld", (int)getpid(), (long long)clock_now_ns());
            path++;
        } else if (path[0] == '%' && path[1] == 'p') {
            fprintf(stream, "%d", origin_port);
            path++;
        } else {
            fputc(*path, stream);
        }
    }
    fprintf(stream, " HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", origin_port);
    if (fflush(stream) != 0 || ftell(stream) >= REQUEST_BYTES_MAX)
        die("PATH is too long");
    fclose(stream);
}

static void usage(void)
{
    fprintf(stderr, "usage: crowd [-c SECONDS] cold|uncacheable|stream|single CACHE_PORT "
                    "ORIGIN_PORT PATH [PID]\n");
    exit(2);
}

static const struct origin_script *script_named(const char *name)
{
    if (strcmp(name, "cold") == 0)
        return &cold_script;
    if (strcmp(name, "uncacheable") == 0)
        return &uncacheable_script;
    if (strcmp(name, "single") == 0)
        return &single_script;
    if (strcmp(name, "stream") != 0)
        usage();
    return &stream_script;
}

int main(int count, char **arguments)
{
    struct rlimit files;
    struct target target = {.cap_ns = 30 * S_NS};
    int option;

    while ((option = getopt(count, arguments, "c:")) != -1) {
        if (option != 'c')
            usage();
        target.cap_ns = strtoll(optarg, NULL, 10) * S_NS;
    }
    if (count - optind != 4 && count - optind != 5)
        usage();
    arguments += optind;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files); /* if that is too few, connecting says so */
    }
    target.script = script_named(arguments[0]);
    target.cache_port = (int)strtol(arguments[1], NULL, 10);
    target.origin = origin_start((int)strtol(arguments[2], NULL, 10), target.script);
    target.pid = count - optind == 5 ? (int)strtol(arguments[4], NULL, 10) : 0;
    make_request(target.request, arguments[3], origin_port(target.origin));
    if (target.script == &single_script)
        return run_cold(&target, arguments[0], 1);
    if (target.script == &cold_script)
        run_cold(&target, arguments[0], CLIENTS_COLD);
    else if (target.script == &uncacheable_script)
        run_uncacheable(&target);
    else
        run_stream(&target);
    return 0;
}
