/* SPDX-License-Identifier: MIT */
/*
 * process.c - see process.h.
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GUARD_MS      30000
#define VARIABLES_MAX 64

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

_Noreturn static void give_up(struct process *process, const char *what)
{
    fprintf(stderr, "process: %s\n--- its output\n%s\n--- its errors\n%s\n", what, process->out,
            process->error);
    if (process->pid > 0)
        kill(process->pid, SIGKILL);
    exit(1);
}

/* The sanitizers' options go on to the child, or its own would be those of a different run. */
static size_t environment_make(const char *const *variables, const char **ret_environment)
{
    static const char *const kept[] = {"PATH", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS",
                                       "LSAN_OPTIONS"};
    size_t count = 0;

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        size_t bytes = strlen(kept[i]);
        for (char **variable = environ; *variable != NULL; variable++) {
            if (strncmp(*variable, kept[i], bytes) == 0 && (*variable)[bytes] == '=')
                ret_environment[count++] = *variable;
        }
    }
    ret_environment[count++] = "LC_ALL=C";
    for (; variables != NULL && *variables != NULL && count + 1 < VARIABLES_MAX; variables++)
        ret_environment[count++] = *variables;
    ret_environment[count] = NULL;
    return count;
}

void process_start(struct process *process, const char *const *arguments,
                   const char *const *variables)
{
    const char *environment[VARIABLES_MAX];
    int out[2];
    int error[2];

    memset(process, 0, sizeof(*process));
    environment_make(variables, environment);
    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(error, O_CLOEXEC) < 0)
        give_up(process, strerror(errno));
    process->pid = fork();
    if (process->pid < 0)
        give_up(process, strerror(errno));
    if (process->pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        dup2(error[1], STDERR_FILENO);
        execve(arguments[0], (char *const *)(const void *)arguments,
               (char *const *)(const void *)environment);
        _exit(127);
    }
    close(out[1]);
    close(error[1]);
    process->out_fd = out[0];
    process->error_fd = error[0];
}

/* Takes what one pipe has; closes it at its end. */
static void pipe_read(struct process *process, int *fd, char *text, size_t *bytes)
{
    char rest[4096];
    size_t room = PROCESS_TEXT_BYTES_MAX - 1 - *bytes;
    ssize_t got = room > 0 ? read(*fd, text + *bytes, room) : read(*fd, rest, sizeof(rest));

    if (got < 0 && errno != EINTR)
        give_up(process, strerror(errno));
    if (got > 0 && room > 0) {
        *bytes += (size_t)got;
        text[*bytes] = '\0';
    }
    if (got == 0) {
        close(*fd);
        *fd = -1;
    }
}

/* Waits for either pipe; false once both have ended. */
static bool pipes_read(struct process *process, int64_t until_ms)
{
    struct pollfd polls[2] = {{process->out_fd, POLLIN, 0}, {process->error_fd, POLLIN, 0}};
    int64_t left_ms = until_ms - now_ms();

    if (process->out_fd < 0 && process->error_fd < 0)
        return false;
    if (left_ms <= 0 || poll(polls, 2, (int)left_ms) == 0)
        give_up(process, "waited too long");
    if (polls[0].revents != 0)
        pipe_read(process, &process->out_fd, process->out, &process->out_bytes);
    if (polls[1].revents != 0)
        pipe_read(process, &process->error_fd, process->error, &process->error_bytes);
    return true;
}

void process_wait_out(struct process *process, const char *text)
{
    int64_t until_ms = now_ms() + GUARD_MS;
    while (strstr(process->out, text) == NULL) {
        if (!pipes_read(process, until_ms))
            give_up(process, "ended without the output that was waited for");
    }
}

void process_wait_error(struct process *process, const char *text)
{
    int64_t until_ms = now_ms() + GUARD_MS;
    const char *found;

    while ((found = strstr(process->error + process->error_at, text)) == NULL) {
        if (!pipes_read(process, until_ms))
            give_up(process, "ended without the words on standard error that were waited for");
    }
    process->error_at = (size_t)(found - process->error) + strlen(text);
}

void process_signal(struct process *process, int signal_number)
{
    if (kill(process->pid, signal_number) < 0)
        give_up(process, strerror(errno));
}

int process_wait(struct process *process)
{
    int64_t until_ms = now_ms() + GUARD_MS;
    int status;

    while (pipes_read(process, until_ms))
        continue;
    if (waitpid(process->pid, &status, 0) < 0)
        give_up(process, strerror(errno));
    process->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int process_run(struct process *process, const char *const *arguments, const char *const *variables)
{
    process_start(process, arguments, variables);
    return process_wait(process);
}

void process_address(struct process *process, struct sockaddr_storage *ret_address)
{
    struct sockaddr_in *address = (struct sockaddr_in *)(void *)ret_address;
    const char *place;
    unsigned port;

    process_wait_out(process, "\n");
    place = strstr(process->out, "http://127.0.0.1:");
    if (place == NULL || sscanf(place, "http://127.0.0.1:%5u", &port) != 1)
        give_up(process, "has no start line");
    memset(ret_address, 0, sizeof(*ret_address));
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address->sin_port = htons((uint16_t)port);
}
