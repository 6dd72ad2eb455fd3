/* SPDX-License-Identifier: MIT */
/*
 * clock.h - the one clock that the origin's and the readers' times are read from, and the way out
 * when the bench itself cannot go on.
 */
#ifndef BENCH_CROWD_CLOCK_H
#define BENCH_CROWD_CLOCK_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MS_NS INT64_C(1000000)
#define S_NS  INT64_C(1000000000)

static inline int64_t clock_read_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * S_NS + now.tv_nsec;
}

static inline int64_t clock_now_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}

_Noreturn static inline void die(const char *what)
{
    fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
    exit(1);
}

#endif
