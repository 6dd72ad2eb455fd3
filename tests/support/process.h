/* SPDX-License-Identifier: MIT */
/*
 * process.h - a program as a child: started, read, signalled, waited for.
 *
 * Both its outputs go through pipes. Every wait has a guard, after which the child is killed and
 * the test program ends with a message; tests need not check.
 */
#ifndef TESTS_SUPPORT_PROCESS_H
#define TESTS_SUPPORT_PROCESS_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#define PROCESS_TEXT_BYTES_MAX 65536

struct process {
    pid_t pid;
    int out_fd;
    int error_fd;
    size_t out_bytes;
    size_t error_bytes;
    size_t error_at;                    /* what process_wait_error() has found lies before */
    char out[PROCESS_TEXT_BYTES_MAX];   /* what came so far, zero-terminated */
    char error[PROCESS_TEXT_BYTES_MAX]; /* likewise */
};

/*
 * process_start - starts `arguments` (the first is the program's path; NULL ends them) with
 * `variables` ("NAME=value"; NULL ends them) as its environment besides PATH and LC_ALL=C.
 */
void process_start(struct process *process, const char *const *arguments,
                   const char *const *variables);

/* process_wait_out - reads until its standard output has `text`. */
void process_wait_out(struct process *process, const char *text);

/* process_wait_error - reads until its standard error has `text`, behind what the last such call
 * found. */
void process_wait_error(struct process *process, const char *text);

/* process_signal - sends a signal. */
void process_signal(struct process *process, int signal_number);

/* process_wait - reads to the end of both outputs; returns the exit status, or -signal. */
int process_wait(struct process *process);

/* process_run - starts and waits. */
int process_run(struct process *process, const char *const *arguments,
                const char *const *variables);

/* process_address - the address in the server's start line, "http://127.0.0.1:port". */
void process_address(struct process *process, struct sockaddr_storage *ret_address);

#endif
