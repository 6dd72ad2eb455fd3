/* SPDX-License-Identifier: MIT */
/*
 * connection.h - one client of the load: a connection on which one request after another is sent,
 * each once the answer to the one before is there as a whole.
 */
#ifndef BENCH_LOAD_CONNECTION_H
#define BENCH_LOAD_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ANSWER_BYTES_MAX = 16384, REQUEST_BYTES_MAX = 4096 };

/* What a target is asked for, and how it has to answer. */
struct request {
    char bytes[REQUEST_BYTES_MAX];
    size_t count;
    size_t number_at;     /* of the run of '@' in it that a running number takes the place of */
    size_t number_digits; /* 0: none */
    char status[5];       /* " 200" */
    bool is_bodiless;     /* the answer ends with its head, whatever its Content-Length says */
};

struct connection {
    int fd;
    unsigned due;        /* requests sent whose answers have not been read */
    size_t answer_bytes; /* how long the last answer was */
    const char *failure; /* why it cannot be used any more; NULL while it can */
};

/* Connects, asks twice, with this number and the next, and reads the answers. Look at `failure`
 * afterwards. */
void connection_open(struct connection *connection, int port, const struct request *request,
                     uint64_t number);

void connection_close(struct connection *connection);

/* Sends the request, with `number` in it if it has a place for one. */
void connection_ask(struct connection *connection, const struct request *request, uint64_t number);

/* Whether all that was asked for has arrived, as far as its length tells. */
bool connection_is_answered(struct connection *connection);

/* Reads all answers due, and checks them. */
void connection_read(struct connection *connection, const struct request *request);

#endif
