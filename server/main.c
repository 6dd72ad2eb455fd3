/* SPDX-License-Identifier: MIT */
/*
 * main.c - the program: configuration, start, signals, stop, and what is said about them.
 *
 * The first SIGTERM or SIGINT stops accepting and lets what runs come to its end; a second one cuts
 * it. SIGHUP reads the configuration again, unless it comes because the terminal was closed.
 * Signals are waited for by a thread of their own, all others have them blocked; so nothing runs in
 * a signal handler.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cache/body.h>

#include "arguments.h"
#include "config/config.h"
#include "configure.h"
#include "demo/demo.h"
#include "log/log.h"
#include "server.h"
#include "service.h"

enum exit_status {
    EXIT_STOPPED = 0,
    EXIT_FAILED = 1, /* could not start or go on */
    EXIT_USAGE = 2,  /* the command line or the configuration is wrong */
};

/* Descriptors besides those of clients: listening sockets, loops, upstream connections, files. */
#define DESCRIPTORS_BESIDES 256

/* The thread that waits for signals. */
struct signals {
    sigset_t set;
    pthread_t thread;
    const struct arguments *arguments;
    struct service *service;
    uint32_t drain_ms;
    bool is_stopping;
    atomic_bool is_over; /* the service has stopped; the thread is to end */
};

/* A standard descriptor that the caller has closed would become the next socket or loop, and the
 * log would be written into that. */
static void standard_descriptors_fill(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* What a number of bytes is, to one place: "1.0 GiB". */
static void bytes_print(uint64_t bytes, char *ret_text, size_t text_bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double number = (double)bytes;
    size_t unit = 0;
    while (number >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        number /= 1024;
        unit++;
    }
    snprintf(ret_text, text_bytes, "%.1f %s", number, units[unit]);
}

/* What is served where, with what: the end of the start line, and of --check's. */
static void summary_print(const struct config *config, const struct address *address,
                          const struct address *operator_address)
{
    char where[ADDRESS_TEXT_BYTES_MAX];
    char cache[32];
    address_print(address, where);
    bytes_print(config->cache_bytes_max, cache, sizeof(cache));
    printf("http://%s, %" PRIu64 " loop%s, cache %s", where, config->loops,
           config->loops == 1 ? "" : "s", cache);
    if (!address_is_off(operator_address)) {
        address_print(operator_address, where);
        printf(", operator on http://%s", where);
    }
    putchar('\n');
    fflush(stdout);
}

/* Reads all layers; false if something is wrong, which has been said then. Else the caller has a
 * token to wipe. */
static bool config_read(const struct arguments *arguments, struct config *config,
                        struct token *token)
{
    struct problems problems;
    bool is_fine;

    configure_read(arguments, config, token, &problems);
    is_fine = problems.count == 0;
    if (!is_fine) {
        token_wipe(token);
        fflush(stdout);
        problems_print(&problems, stderr);
        fprintf(stderr, "fetchonce: the configuration has %u problem%s; nothing was started\n",
                problems.count, problems.count == 1 ? "" : "s");
    }
    problems_fini(&problems);
    return is_fine;
}

/* Raises the soft limit of open files to what the configuration needs, as far as it may. */
static void descriptors_raise(const struct config *config)
{
    struct rlimit limit;
    rlim_t wanted = config->limits_connections_max + config->loops * config->fetch_connections_max +
                    DESCRIPTORS_BESIDES;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < config->limits_connections_max)
        log_warn("the limit of open files is less than limits.connections_max",
                 "files=%llu connections=%" PRIu64, (unsigned long long)limit.rlim_cur,
                 config->limits_connections_max);
}

/* Whether the terminal that the program was started from has been closed: that is no wish to go on
 * with other settings. */
static bool is_terminal_gone(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (!isatty(fd) && errno == EIO)
            return true;
    }
    return false;
}

static const char *signal_name(int signal_number)
{
    return signal_number == SIGTERM ? "SIGTERM" : signal_number == SIGINT ? "SIGINT" : "SIGHUP";
}

static void on_stop_signal(struct signals *signals, int signal_number)
{
    uint32_t drain_ms = signals->is_stopping ? 0 : signals->drain_ms;

    log_info(signals->is_stopping ? "stopping at once" : "stopping", "signal=%s drain_ms=%" PRIu32,
             signal_name(signal_number), drain_ms);
    service_stop(signals->service, drain_ms);
    signals->is_stopping = true;
}

static void on_reload_signal(struct signals *signals)
{
    struct config config;

    if (!signals->is_stopping && configure_again(signals->arguments, signals->service, &config))
        signals->drain_ms = (uint32_t)config.timeouts_drain_ms;
}

static void *signals_run(void *context)
{
    struct signals *signals = context;

    while (!atomic_load(&signals->is_over)) {
        int signal_number;
        int err = sigwait(&signals->set, &signal_number);
        assert(err == 0);
        (void)err;
        if (signal_number == SIGHUP && !is_terminal_gone())
            on_reload_signal(signals);
        else if (signal_number != SIGUSR1) /* that is from main: look at is_over */
            on_stop_signal(signals, signal_number);
    }
    return NULL;
}

static void signals_block(struct signals *signals)
{
    int err;
    sigemptyset(&signals->set);
    sigaddset(&signals->set, SIGTERM);
    sigaddset(&signals->set, SIGINT);
    sigaddset(&signals->set, SIGHUP);
    sigaddset(&signals->set, SIGUSR1);
    err = pthread_sigmask(SIG_BLOCK, &signals->set, NULL);
    assert(err == 0);
    (void)err;
    signal(SIGPIPE, SIG_IGN); /* a client that left is an error of send(2), not our end */
}

/* Says why the start failed, and what to do where that is known. */
static int start_complain(const struct config *config, int err)
{
    char where[ADDRESS_TEXT_BYTES_MAX];
    char origin[512];

    address_print(&config->listen, where);
    if (!address_is_off(&config->operator_listen))
        fprintf(stderr, "fetchonce: the log above says which of its two addresses failed.\n");
    config_origin_text(config, SETTING_ID_listen, origin, sizeof(origin));
    if (err == -EADDRINUSE)
        fprintf(stderr,
                "fetchonce: %s is in use: another program listens there, maybe another fetchonce.\n"
                "Stop it, or choose another port: --listen 127.0.0.1:8090, or port 0 for any free "
                "one.\n",
                where);
    else if (err == -EACCES || err == -EPERM)
        fprintf(stderr,
                "fetchonce: may not listen on %s (%s): ports below 1024 are the administrator's. "
                "Choose one above, as with --listen 127.0.0.1:8080.\n",
                where, origin);
    else if (err == -EADDRNOTAVAIL)
        fprintf(stderr,
                "fetchonce: %s (%s) is not an address of this machine; 'ip address' lists them.\n",
                where, origin);
    else
        fprintf(stderr, "fetchonce: cannot start on %s: %s\n", where, strerror(-err));
    return EXIT_FAILED;
}

/* Takes the token over: it is wiped once the service has it. */
static int serve(const struct arguments *arguments, const struct config *config,
                 struct token *token)
{
    struct signals signals = {.arguments = arguments,
                              .drain_ms = (uint32_t)config->timeouts_drain_ms};
    struct server_counters counters;
    struct address address, operator_address;
    int err;

    signals_block(&signals);
    descriptors_raise(config);
    err = service_start(config, token, &signals.service);
    token_wipe(token);
    if (err < 0)
        return start_complain(config, err);
    err = -pthread_create(&signals.thread, NULL, signals_run, &signals);
    if (err < 0) {
        service_stop(signals.service, 0);
        service_wait(signals.service);
        service_free(signals.service);
        return start_complain(config, err);
    }
    service_address(signals.service, &address);
    printf("fetchonce " FETCHONCE_VERSION " listening on ");
    if (!service_operator_address(signals.service, &operator_address))
        address_set_off(&operator_address);
    summary_print(config, &address, &operator_address);

    service_wait(signals.service);
    atomic_store(&signals.is_over, true);
    pthread_kill(signals.thread, SIGUSR1);
    pthread_join(signals.thread, NULL);
    service_counters(signals.service, &counters);
    service_free(signals.service);
    log_info("stopped", "connections=%" PRIu64 " requests=%" PRIu64 " refused=%" PRIu64 " pid=%ld",
             counters.connections_accepted, counters.requests, counters.requests_refused,
             (long)getpid());
    return EXIT_STOPPED;
}

/* The exit status of what only says something: it has failed if that could not be written. */
static int said(int status)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return status;
    fputs("fetchonce: standard output cannot be written\n", stderr);
    return EXIT_FAILED;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    struct config config;
    struct token token;

    standard_descriptors_fill();
    body_return_memory();
    if (arguments_parse(argc, argv, stderr, &arguments) < 0)
        return EXIT_USAGE;
    switch (arguments.action) {
    case ARGUMENTS_VERSION:
        puts("fetchonce " FETCHONCE_VERSION);
        return said(EXIT_STOPPED);
    case ARGUMENTS_HELP:
        arguments_help(stdout);
        return said(EXIT_STOPPED);
    case ARGUMENTS_DEMO:
        signal(SIGPIPE, SIG_IGN);
        return said(demo_run(stdout) < 0 ? EXIT_FAILED : EXIT_STOPPED);
    case ARGUMENTS_CHECK:
    case ARGUMENTS_SERVE:
        break;
    }
    if (!config_read(&arguments, &config, &token))
        return EXIT_USAGE;
    if (arguments.action == ARGUMENTS_SERVE)
        return serve(&arguments, &config, &token);
    token_wipe(&token);
    printf("configuration ok: ");
    summary_print(&config, &config.listen, &config.operator_listen);
    return said(EXIT_STOPPED);
}
