/* SPDX-License-Identifier: MIT */
/*
 * connection_private.h - what the parts of a connection share: connection.c decides what is next;
 * connection_io.c reads and sends; connection_end.c ends it; connection_request.c has requests
 * parsed and handled; connection_body.c gives handlers the bodies of requests; connection_reply.c
 * takes their replies.
 */
#ifndef SERVER_CONNECTION_PRIVATE_H
#define SERVER_CONNECTION_PRIVATE_H

#include <stdbool.h>

#include <async/loop.h>

#include "carrier.h"
#include "connection.h"
#include "exchange.h"
#include "output.h"
#include "transport.h"
#include "worker.h"

enum connection_state {
    CONNECTION_IDLE,      /* between requests */
    CONNECTION_HEAD,      /* some bytes of a request's head are there */
    CONNECTION_BODY,      /* the head is complete, the body is being read */
    CONNECTION_HANDLING,  /* a handler has the request, or its reply is being taken */
    CONNECTION_DROPPING,  /* the reply is complete; the rest of the request's body is dropped */
    CONNECTION_CLOSING,   /* the last reply is complete; it is being sent */
    CONNECTION_LINGERING, /* all is sent and ended; what the client still sends is dropped */
    CONNECTION_CLOSED,
};

struct connection {
    struct async_list node; /* in worker->connections */
    struct worker *worker;
    struct transport transport; /* owned */
    struct async_watch watch;
    struct async_timer timer;  /* armed at or before the deadline; see settle() */
    int64_t timer_ns;          /* when it fires, if armed */
    int64_t state_deadline_ns; /* of what the state waits for */
    int64_t write_deadline_ns; /* for the client to take something, while output is unsent */
    struct async_task wake;    /* posted by replies: goes on with the connection */
    struct exchange *exchange; /* NULL while nothing is read */
    struct output *output;     /* NULL while nothing is to be sent */
    enum connection_state state;
    uint32_t requests;       /* so far */
    unsigned known_hint;     /* see http1_known.h */
    unsigned address_index;  /* of the server's: where the client connected */
    bool keeps_alive;        /* another request may follow the one being handled */
    bool is_body_open;       /* of the request being handled; its end has not been parsed */
    bool is_body_wanted;     /* the handler waits for it */
    bool is_tunnel;          /* what comes is no HTTP any more, and a body without an end */
    bool is_input_ended;     /* the client sends no more */
    bool is_blocked;         /* the next request waits until output is sent */
    bool is_reply_chunked;   /* the reply being taken */
    bool is_writable_wanted; /* reply_write() returned false */
    bool is_broken;          /* nothing more can be done: to be closed */
    bool is_aborted;         /* and with a reset, as a reply is incomplete */
};

/* The carrier for requests of a connection; the two ops for bodies are in connection_body.c. */
extern const struct carrier_ops connection_carrier_ops;
enum request_body_state connection_look(struct request *request, struct span *ret_piece);
void connection_take(struct request *request, size_t length);

/* connection_from - the connection that a handler's request came by. */
struct connection *connection_from(struct request *request);

/* connection_wake - goes on with the connection soon. */
void connection_wake(struct connection *connection);

/* Whether something is to be sent; whether something was read that no request has taken yet. */
static inline bool connection_has_unsent(const struct connection *connection)
{
    return connection->output != NULL && !output_is_empty(connection->output);
}

static inline bool connection_has_unparsed(const struct connection *connection)
{
    return connection->exchange != NULL &&
           connection->exchange->parsed < connection->exchange->used;
}

/* connection_enter - the only way to change the state; checks the move, begins its deadline. */
void connection_enter(struct connection *connection, enum connection_state next);

/* connection_renew_deadline - begins the deadline of the present state anew. */
void connection_renew_deadline(struct connection *connection);

/* connection_after_ms - so much later than now, on the loop's clock. */
static inline int64_t connection_after_ms(const struct connection *connection, uint32_t ms)
{
    return async_loop_now_ns(connection->worker->loop) + (int64_t)ms * ASYNC_MS;
}

/*
 * connection_flush - one send of what is unsent, at most `*turn_bytes` of it, from which is taken
 * what was sent.
 */
void connection_flush(struct connection *connection, size_t *turn_bytes);

/*
 * The most that one connection sends before the others have their turn. It decides what a long body
 * costs, too: with more at once the kernel's copy no longer fits in the processor's own cache, and
 * with much less there are more calls.
 */
#define CONNECTION_TURN_BYTES ((size_t)512 * 1024)

/* connection_receive - one read: after a short one the descriptor would say that nothing more is
 * there. connection_receive_last drops what a client says to a connection that is over. */
void connection_receive(struct connection *connection);
void connection_receive_last(struct connection *connection);

/* connection_wanted_events - what the connection waits for, as its state is now. */
unsigned connection_wanted_events(const struct connection *connection);

/*
 * connection_advance - steps as far as possible, sends, and settles for waiting. Each event ends in
 * it; the connection may be gone afterwards.
 */
void connection_advance(struct connection *connection);

/* connection_finish - the only way out: ends all that is pending, closes, frees. */
void connection_finish(struct connection *connection);

/* connection_leave_handler - tells a handler that has not completed its answer that nobody waits
 * for it. */
void connection_leave_handler(struct connection *connection);

/* connection_drop_exchange - gives the bytes back; what a handler was given of them is gone with
 * that. connection_drop_output releases all that is unsent. */
void connection_drop_exchange(struct connection *connection);
void connection_drop_output(struct connection *connection);

/* connection_begin_message - IDLE, something unparsed: to HEAD. */
void connection_begin_message(struct connection *connection);

/*
 * connection_step_message - HEAD or BODY: parses what is there, and hands the request over when it
 * is complete or not to be. Returns whether the state has changed.
 */
bool connection_step_message(struct connection *connection);

/* connection_step_body - the handler waits for the body: tells it what came, or breaks the request
 * off. connection_step_dropping - drops what came. Both return whether there may be more to do. */
bool connection_step_body(struct connection *connection);
bool connection_step_dropping(struct connection *connection);

/* connection_may_drop - whether the rest of the body may be dropped to keep the connection. */
bool connection_may_drop(const struct connection *connection);

/* connection_begin_dropping - HANDLING, the reply complete: to DROPPING. */
void connection_begin_dropping(struct connection *connection);

/* connection_body_left - how much of the body has not come yet; UINT64_MAX: not known. */
uint64_t connection_body_left(const struct connection *connection);

/* connection_break_off - HANDLING: tells the handler that the request is over, and the client why,
 * if no answer has begun; else the answer is cut. The connection closes. */
void connection_break_off(struct connection *connection, int status, const char *detail);

/* connection_refuse_body - the same, counted: the body is not as it has to be. */
void connection_refuse_body(struct connection *connection, int status, const char *detail);

/* connection_refuse - answers what cannot be handled with a problem, and closes after it. */
void connection_refuse(struct connection *connection, int status, const char *detail);

/* connection_tell_problem - HANDLING, no answer has begun: answers the request with a problem. */
void connection_tell_problem(struct connection *connection, int status, const char *detail);

/* connection_need_output - makes sure there is an output; false, and broken, without memory. */
bool connection_need_output(struct connection *connection);

#endif
