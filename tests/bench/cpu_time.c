/* SPDX-License-Identifier: MIT */
/*
 * cpu_time.c - prints the nanoseconds of processor time that a process has used so far, with those
 * that it started and that still run.
 *
 *     cpu_time PID
 */
#include <signal.h>

#include "clock.h"
#include "processes.h"

int main(int count, char **arguments)
{
    struct processes processes = {.count = 0};
    int pid;

    if (count != 2) {
        fprintf(stderr, "usage: cpu_time PID\n");
        return 2;
    }
    pid = (int)strtol(arguments[1], NULL, 10);
    if (pid <= 0 || (kill(pid, 0) != 0 && errno == ESRCH)) {
        fprintf(stderr, "cpu_time: no process %s\n", arguments[1]);
        return 1;
    }
    processes_add(&processes, pid);
    printf("%lld\n", (long long)processes_used_ns(&processes));
    return 0;
}
