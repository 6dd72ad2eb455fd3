/* SPDX-License-Identifier: MIT */
/*
 * readers.h - the clients of one round: who joins when, how fast each reads, and what came of it.
 *
 * All on the caller's thread and one epoll. Those who join at the beginning are connected before
 * it, so that what is measured begins with the requests; who joins later connects then. Nobody
 * closes before all are served: the cache has nothing to do but to answer.
 */
#ifndef BENCH_CROWD_READERS_H
#define BENCH_CROWD_READERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { READER_HEAD_BYTES_MAX = 4096 };

struct reader {
    /* Asked for. */
    int64_t joins_ns;   /* after the beginning */
    size_t bytes_per_s; /* that it takes; 0: all that comes */

    /* Found. Times are monotonic, 0: it did not come to that. */
    int64_t asked_ns;  /* just before its request was sent, or it connected if it joined later */
    int64_t first_ns;  /* the first byte of the body */
    int64_t served_ns; /* the last byte of the body */
    bool is_ok;        /* 200, and every byte that was looked at is the right one */

    /* Inside. */
    int fd;
    bool is_over;
    bool is_resting; /* has taken what it may for now */
    size_t head_bytes;
    bool has_head;
    int64_t length_bytes; /* -1: to the end of the connection */
    size_t body_bytes;
    char head[READER_HEAD_BYTES_MAX];
};

struct readers_task {
    struct reader *readers;
    int count;
    int cache_port;
    const char *request;
    size_t body_bytes; /* that each has to get */
    int64_t cap_ns;    /* who is not served by then after the beginning is given up */
};

struct readers_result {
    int64_t begin_ns;     /* just before the first request was sent */
    int64_t processor_ns; /* that this program had used when the last was served */
    int served;           /* who got the whole right answer */
};

/* readers_run - runs one round. What the first of those who were not served got instead is told on
 * standard error. */
void readers_run(const struct readers_task *task, struct readers_result *ret_result);

#endif
