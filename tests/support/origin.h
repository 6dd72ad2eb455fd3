/* SPDX-License-Identifier: MIT */
/*
 * origin.h - an origin server whose every answer is a script: bytes to send, gates to wait at.
 *
 * It sends what it is told, well-formed or not. Order comes from gates: a connection that arrives
 * at a gate waits until the test opens it, and the test waits for requests to have arrived. It
 * serves each connection with a thread of its own, on 127.0.0.1 and a port of the system's choice.
 */
#ifndef TESTS_SUPPORT_ORIGIN_H
#define TESTS_SUPPORT_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct origin;

enum origin_step_kind {
    ORIGIN_STEP_SEND,
    ORIGIN_STEP_REPEAT, /* the text, `count` times */
    ORIGIN_STEP_GATE,
    ORIGIN_STEP_CLOSE,
    ORIGIN_STEP_RESET,
};

struct origin_step {
    enum origin_step_kind kind;
    const char *text; /* stays for the origin's life */
    unsigned count;
};

#define ORIGIN_SEND(text_)                                                                         \
    {                                                                                              \
        ORIGIN_STEP_SEND, text_, 1                                                                 \
    }
#define ORIGIN_REPEAT(text_, times)                                                                \
    {                                                                                              \
        ORIGIN_STEP_REPEAT, text_, times                                                           \
    }
#define ORIGIN_GATE                                                                                \
    {                                                                                              \
        ORIGIN_STEP_GATE, NULL, 0                                                                  \
    }
#define ORIGIN_CLOSE                                                                               \
    {                                                                                              \
        ORIGIN_STEP_CLOSE, NULL, 0                                                                 \
    }
#define ORIGIN_RESET                                                                               \
    {                                                                                              \
        ORIGIN_STEP_RESET, NULL, 0                                                                 \
    }

/* origin_start - listens; ends the program if it cannot. origin_stop: opens all gates, and frees.
 */
void origin_start(struct origin **ret_origin);
void origin_stop(struct origin *origin);

uint16_t origin_port(const struct origin *origin);

/* origin_url - "http://127.0.0.1:port" and the path, in `buffer`, which is returned. */
const char *origin_url(const struct origin *origin, const char *path, char *buffer,
                       size_t buffer_bytes);

/* origin_on - what a path is answered from now on. Paths without a script are 404. At most 32. */
void origin_on_steps(struct origin *origin, const char *path, const struct origin_step *steps,
                     size_t step_count);
#define origin_on(origin, path, ...)                                                               \
    origin_on_steps(origin, path, (const struct origin_step[]){__VA_ARGS__},                       \
                    sizeof((const struct origin_step[]){__VA_ARGS__}) /                            \
                        sizeof(struct origin_step))

/* origin_release - opens the next gate of the path's script, for those at it and those to come. */
void origin_release(struct origin *origin, const char *path);

/* origin_hits - requests for the path so far. origin_wait_hits: waits until there are so many. */
unsigned origin_hits(struct origin *origin, const char *path);
void origin_wait_hits(struct origin *origin, const char *path, unsigned hits);

/* origin_wait_gate - waits until a connection has come to the path's gate number `gate`, from 1 on:
 * what stands before it in the script has been sent. */
void origin_wait_gate(struct origin *origin, const char *path, unsigned gate);

/* origin_connections - connections accepted so far. */
unsigned origin_connections(struct origin *origin);

/* origin_last_request - the last request for the path, with its body as it was framed. */
void origin_last_request(struct origin *origin, const char *path, char *buffer,
                         size_t buffer_bytes);

#endif
