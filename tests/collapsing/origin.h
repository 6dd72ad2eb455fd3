/* SPDX-License-Identifier: MIT */
/*
 * origin.h - the scripted origin behind the cache: every URL is a resource with a script of its
 * own.
 *
 * A resource is found by its token, anywhere in the target of a request, so that it does not matter
 * what the cache puts before the path. Each request for it is an exchange, numbered from 1. The
 * script says what is sent; gates say when: before the head, and at a number of bytes of the body.
 * A case opens a gate when it has seen what it waits for.
 */
#ifndef COLLAPSING_ORIGIN_H
#define COLLAPSING_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "world.h"

#define ORIGIN_ALL    SIZE_MAX /* of a number of bytes: no bound */
#define TOKEN_BYTES   32
#define EXCHANGE_HEAD 8192

struct origin;
struct exchange;

enum answer_framing {
    FRAMING_LENGTH,  /* Content-Length */
    FRAMING_CHUNKED, /* Transfer-Encoding: chunked */
};

/* What one exchange is answered. Date is always sent, and the framing. */
struct answer {
    unsigned status;    /* 0: the connection is closed without a byte */
    const char *fields; /* lines, each with its end; NULL: none */
    size_t body_bytes;  /* a multiple of a record; 0: no body */
    size_t whole_bytes; /* of a 206: of the whole body; else 0 */
    size_t from_byte;   /* of a 206: where the part begins */
    enum answer_framing framing;
    size_t cut_at_bytes; /* of the body: there the connection is closed; 0: nowhere */
    unsigned delay_ms;   /* before the head, from when the request came */
    unsigned label;      /* 0: the number of the exchange; see content.h */
    const char *raw;     /* not NULL: sent instead of all this */
    bool raw_is_the_end; /* the connection is closed behind it */
};

struct resource {
    struct resource *next;
    char token[TOKEN_BYTES];
    struct answer answer;
    /* Changes the answer for one exchange, from its number or its head; NULL: does not. */
    void (*adapt)(const struct exchange *exchange, struct answer *answer);
    bool is_held;            /* no exchange gets its head */
    size_t body_limit_bytes; /* no exchange gets more of its body; ORIGIN_ALL: no bound */
    unsigned hits;           /* requests so far */
    unsigned live;           /* requests not yet answered to the end, nor given up by the cache */
    unsigned live_max;       /* the most at a time */
    unsigned abandoned;      /* given up by the cache before their end */
    int64_t answered_ns;     /* when the first answer was sent whole; 0: not yet */
    struct exchange *exchanges; /* the latest first */
};

struct exchange {
    struct exchange *next;
    struct resource *resource;
    unsigned number;
    bool is_free;      /* the gate before the head is open for this one */
    bool is_answering; /* its answer is decided, and begun */
    bool is_over;      /* sent whole, or the connection has ended */
    int64_t due_ns;    /* not before */
    char method[16];
    char head[EXCHANGE_HEAD]; /* of the request */
    struct answer answer;
    size_t sent_bytes; /* of the body, handed to the connection */
};

/* origin_new - listens on 127.0.0.1:port, 0 for any. 0, or a negative errno. */
int origin_new(struct world *world, uint16_t port, struct origin **ret_origin);
void origin_free(struct origin *origin);
uint16_t origin_port(const struct origin *origin);

/* origin_add - a resource with that answer, which the origin owns; no gate is closed. */
struct resource *origin_add(struct origin *origin, const struct answer *answer);

/* origin_remove_all - forgets every resource; connections with an open exchange are closed. */
void origin_remove_all(struct origin *origin);

/* origin_resume - after a gate was opened: goes on with whatever may. Also on every turn. */
void origin_resume(struct origin *origin);

/* origin_close - takes no more connections, so that they are refused, and closes those there are.
 * origin_reopen - 0, or a negative errno. */
void origin_close(struct origin *origin);
int origin_reopen(struct origin *origin);

/* origin_events - a number that grows with every connection, request and byte. */
size_t origin_events(const struct origin *origin);

#endif
