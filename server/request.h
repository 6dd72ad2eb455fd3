/* SPDX-License-Identifier: MIT */
/*
 * request.h - one request as a handler sees it, whichever protocol carried it.
 *
 * A handler is a function that gets a request and answers it through reply.h, in the call or later:
 *
 *      start(request, context) --> reply_send(), reply_copy(), problem_send()        one call, or
 *                              --> reply_start() --> reply_write()... --> reply_end()
 *      at any time before the answer is complete:  reply_abort(), or on_gone(request)
 *
 * The handler sets on_gone before it returns from start() if it did not answer in it. After the
 * call that completes the answer (send, copy, end, abort), and after on_gone, the request is the
 * carrier's again: the handler does not touch it, nor the space request_state() gave, anymore.
 *
 * A handler starts when the whole request has been read, and its body has been counted and dropped;
 * but one whose route says `streams_body` starts when the head is there, and takes the body itself:
 *
 *      request_body_look() --> PIECE: use some of it, request_body_take(), look again
 *                          --> LATER: on_body(request) when there is something to look at
 *                          --> END
 *
 * While it does not look, no more is read than a buffer holds, and the client has to wait. Before
 * the end it may answer, and even complete its answer: what is left of the body is dropped then, or
 * the connection closed. A client that leaves in mid-body, or sends what is no body, too much or
 * too late, ends the request: on_gone, and the client is told what was wrong if no answer had
 * begun; as does a server that stops. A handler that has more to say then sets on_refused: it lets
 * go of everything as in on_gone, and answers in the call, with this problem. What stands in the
 * trailer section is checked and dropped.
 *
 * Everything here happens on the thread of request->loop. The bytes that the spans refer to stay
 * where they are until the answer is complete.
 */
#ifndef SERVER_REQUEST_H
#define SERVER_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <async/loop.h>
#include <http/field_view.h>
#include <http/fields.h>
#include <http/span.h>

struct request;
struct carrier_ops;

/* Bits for sets. Any other token is REQUEST_OTHER, and its text in request->method_name. */
enum request_method {
    REQUEST_GET = 1 << 0,
    REQUEST_HEAD = 1 << 1,
    REQUEST_POST = 1 << 2,
    REQUEST_PUT = 1 << 3,
    REQUEST_DELETE = 1 << 4,
    REQUEST_CONNECT = 1 << 5,
    REQUEST_OPTIONS = 1 << 6,
    REQUEST_TRACE = 1 << 7,
    REQUEST_PATCH = 1 << 8,
    REQUEST_OTHER = 1 << 9,
    REQUEST_ALL_METHODS = (1 << 10) - 1,
};

/* What the client wrote as the target. Source: RFC 9112 section 3.2. */
enum request_form {
    REQUEST_ORIGIN_FORM,    /* "/path?query" */
    REQUEST_ABSOLUTE_FORM,  /* "http://host/path": to a proxy, or to a server by its full name */
    REQUEST_AUTHORITY_FORM, /* "host:port", of CONNECT alone; path and query are empty */
    REQUEST_ASTERISK_FORM,  /* "*", of OPTIONS alone */
};

typedef void request_fn(struct request *request);
typedef void request_refused_fn(struct request *request, int status, const char *detail);

/* How a handler begins; `context` is what its route gave for this loop (server.h). */
typedef void request_start_fn(struct request *request, void *context);

/* Space in each request for the handler's own struct, so that waiting allocates nothing. */
#define REQUEST_STATE_BYTES 768

/* The body comes in chunks. */
#define REQUEST_LENGTH_UNKNOWN (-1)

/* Bits for sets: what some of the fields of a request are about. */
enum request_about {
    REQUEST_ABOUT_MESSAGE = 1 << 0,   /* its framing, and what the connection is used for next */
    REQUEST_ABOUT_CACHING = 1 << 1,   /* Cache-Control, Pragma */
    REQUEST_ABOUT_CONDITION = 1 << 2, /* If-None-Match, If-Modified-Since */
    REQUEST_ABOUT_RANGE = 1 << 3,     /* Range */
    REQUEST_ABOUT_WAY = 1 << 4,       /* Via, CDN-Loop: which servers it has come through */
};

/* What there is of a body. */
enum request_body_state {
    REQUEST_BODY_PIECE, /* some bytes */
    REQUEST_BODY_LATER, /* nothing now; on_body follows */
    REQUEST_BODY_END,   /* all of it has been taken, or there was none */
};

enum reply_progress {
    REPLY_NONE,    /* nothing said yet */
    REPLY_STARTED, /* the head is out, the body goes on */
    REPLY_DONE,    /* complete or aborted */
};

struct request {
    /* For the handler to read. */
    enum request_method method;
    struct span method_name; /* as the client sent it; methods are told apart by case */
    bool is_head;            /* the answer's body is not sent; its length is told */
    int http_version;        /* 10 or 11; 20 has its place */
    unsigned address_index;  /* of the server's addresses: the one that the client connected to */
    enum request_form form;
    struct span target;    /* as the client sent it */
    struct span scheme;    /* "http" or "https" of the absolute form, in any case; else empty */
    struct span authority; /* host[:port]: the target's if it has one, which Host does not change */
    struct span path; /* normalised, not decoded; begins with '/', or is "*" (all of the server) */
    bool path_hides_dots; /* it may lead out of a folder: url_path_hides_dots() */
    struct span query;    /* behind '?', not decoded; bytes == NULL without '?' */
    const struct field *fields;
    size_t field_count;
    unsigned about;      /* request_about() of all fields */
    int64_t body_length; /* as told by the client, 0 without a body; or REQUEST_LENGTH_UNKNOWN */
    uint64_t body_bytes; /* how much of the body has been read so far */
    struct async_loop *loop; /* the connection's; all calls are made on its thread */
    int64_t start_ns;        /* on the loop's clock: when the request had been read */

    /* For the handler to set; NULL in the beginning. */
    request_fn *on_gone;     /* the request ended before the answer was complete; at most once */
    request_fn *on_body;     /* request_body_look() had said LATER, and now says something else */
    request_fn *on_writable; /* reply_write() had returned false, and may be called again */
    request_refused_fn
        *on_refused; /* in the place of on_gone, with an answer not begun: see above */

    /* The carrier's. */
    const struct carrier_ops *carrier;
    enum reply_progress progress;
    int64_t body_left_bytes; /* of the length promised in reply_start(); -1 when not promised */
    bool is_body_dropped;    /* the answer to HEAD, or 204, or 304: its body is not sent */
    _Alignas(16) unsigned char state[REQUEST_STATE_BYTES];
};

/* request_fields - all of them, for functions that look for some. */
static inline struct field_view request_fields(const struct request *request)
{
    return field_view_of_lines(request->fields, request->field_count);
}

/* request_about - which of the REQUEST_ABOUT_* bits a field of this name sets; most set none. */
unsigned request_about(struct span name);

/*
 * request_field - the value of the first field with this name, NULL if there is none.
 * `name` is compared without case.
 */
const struct span *request_field(const struct request *request, const char *name);

/*
 * request_field_next - as request_field(), for those after `previous` (a value it returned).
 */
const struct span *request_field_next(const struct request *request, const char *name,
                                      const struct span *previous);

/*
 * request_body_look - the next bytes of the body, without taking them: looking twice shows the same
 * ones. When nothing is there the client is read from, after having been told to continue if it
 * waits for that. May be called in start() and at any time before the answer is complete.
 * Delivery  after REQUEST_BODY_LATER, request->on_body once, never inside this call; unless the
 *           request ends before, which on_gone tells.
 * Owns      ret_piece is set with REQUEST_BODY_PIECE alone. Its bytes stay until they are taken.
 * Source    RFC 9112 section 6, RFC 9110 section 10.1.1
 */
enum request_body_state request_body_look(struct request *request, struct span *ret_piece);

/* request_body_take - done with the first `length` bytes of the piece that was looked at. */
void request_body_take(struct request *request, size_t length);

/*
 * request_peer - who is at the other end of the connection. Asks the system.
 * Errors    -ENOTCONN: it is not there any more, which on_gone will tell.
 */
int request_peer(struct request *request, struct sockaddr_storage *ret_address);

/*
 * request_state - the handler's own space, zeroed, with the alignment of malloc(3).
 * `size` is at most REQUEST_STATE_BYTES; call it once, in start(). Other calls: request->state.
 */
void *request_state(struct request *request, size_t size);

/* request_method_name - "GET"; never NULL. What the client wrote is request->method_name. */
const char *request_method_name(enum request_method method);

#endif
