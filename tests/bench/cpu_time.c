/* SPDX-License-Identifier: MIT */
/*
 * cpu_time.c - prints the nanoseconds of processor time that a process has used so far.
 *
 *     cpu_time PID
 *
 * Asked through the process's own clock, which the kernel brings up to date when asked; the files
 * under /proc may lag behind for a thread that has not stopped running.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int count, char **arguments)
{
    struct timespec used;
    clockid_t clock;
    int err;

    if (count != 2) {
        fprintf(stderr, "usage: cpu_time PID\n");
        return 2;
    }
    err = clock_getcpuclockid((pid_t)strtol(arguments[1], NULL, 10), &clock);
    if (err != 0 || clock_gettime(clock, &used) != 0) {
        fprintf(stderr, "cpu_time: process %s: %s\n", arguments[1],
                err != 0 ? strerror(err) : "its clock cannot be read");
        return 1;
    }
    printf("%lld\n", (long long)used.tv_sec * 1000000000 + used.tv_nsec);
    return 0;
}
