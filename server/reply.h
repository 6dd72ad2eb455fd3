/* SPDX-License-Identifier: MIT */
/*
 * reply.h - how a handler answers a request: at once, as a stream, or not to the end.
 *
 * Bytes are referred to, not copied: whoever passes them says with a reply_memory how long they
 * live, and is told once, when they are not needed anymore (sent, or dropped as the client left).
 * So a cache hit is a head of our own, the entry's prepared fields and the shared body in one
 * sendmsg(2). The server itself adds Date, Connection, Content-Length and Transfer-Encoding, so
 * these may not stand among the fields, but for Date with has_date. So that every answer tells what
 * a cache had to do with it, it also adds that none had (Cache-Status, Server-Timing), unless
 * has_account says that the fields tell more.
 *
 * Nothing is sent inside these calls, and none of the handler's callbacks runs inside them. Sending
 * follows in the same turn of the loop or the next. No call here fails: when memory is short or the
 * client is gone, the connection is cut, and memory is released as always.
 * Thread: that of request->loop, for all of them.
 */
#ifndef SERVER_REPLY_H
#define SERVER_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct request;

/* The most spans one call takes. */
#define REPLY_SPANS_MAX 16

/* The length is not known: chunked, or on HTTP/1.0 until the connection closes. */
#define REPLY_LENGTH_UNKNOWN (-1)

struct reply_field {
    const char *name;
    const char *value; /* no control characters: the caller checked */
};

struct reply_head {
    int status; /* 200 to 999; one without a registered meaning has no reason phrase */
    const struct reply_field *fields; /* copied; Content-Type stands among them */
    size_t field_count;
    struct iovec prepared; /* whole lines "Name: value\r\n", before `fields`; length 0 for none */
    struct iovec lines;    /* the same, copied, behind `fields`: for heads that have to be quick */
    struct iovec ready;    /* all of it in one, see reply_ready_head(); length 0 for none */
    bool has_date;         /* the fields name a Date already: none is added */
    bool has_account;      /* the fields name Cache-Status and Server-Timing: none are added */
    bool closes;           /* the connection ends after this answer, and says so */
};

/* Room for what stands in a ready head besides prepared lines. */
#define REPLY_READY_BYTES 128

/*
 * reply_ready_head - what most clients get as the head of a whole answer, to be kept for the next
 * ones: status line, Content-Length and prepared lines. The caller adds the lines that are left,
 * and the empty line, and passes all as `ready` in a head that says the same. It is copied when it
 * is sent, but not to clients that have to be told something of the connection.
 * Writes at most REPLY_READY_BYTES and the prepared lines; returns how many bytes.
 */
size_t reply_ready_head(char *to, int status, uint64_t length_bytes, struct iovec prepared);

/* How long the bytes of one call live. `release` NULL: they outlive the server. */
struct reply_memory {
    void (*release)(void *context);
    void *context;
};

/*
 * reply_interim - something to say before the answer: status 102 to 199, but for 101; as often as
 * wished, before the call that gives the answer's head. `prepared` is as in a head. Left out for
 * HTTP/1.0, and while the client does not take what is already there. 100 is the server's to send.
 * Owns      the bytes are copied.
 * Source    RFC 9110 section 15.2
 */
void reply_interim(struct request *request, int status, struct iovec prepared);

/*
 * reply_send - the whole answer. The spans are the body; their sum is the Content-Length.
 * For HEAD, 204, 205 and 304 the body is not sent; 304 and HEAD tell its length, 205 tells 0.
 * Owns      head->prepared and the spans' bytes stay until memory.release(memory.context).
 */
void reply_send(struct request *request, const struct reply_head *head, const struct iovec *spans,
                size_t span_count, struct reply_memory memory);

/* reply_copy - the whole answer, for small bodies that are not kept: both are copied. */
void reply_copy(struct request *request, const struct reply_head *head, const void *body,
                size_t body_bytes);

/*
 * reply_head_only - the whole answer to HEAD (or 304) when the body is not at hand, only its
 * length; REPLY_LENGTH_UNKNOWN says nothing of it.
 * Owns      as reply_send().
 */
void reply_head_only(struct request *request, const struct reply_head *head, int64_t length_bytes,
                     struct reply_memory memory);

/*
 * reply_start - the head of an answer whose body follows in pieces.
 * length_bytes: of the whole body, or REPLY_LENGTH_UNKNOWN.
 * Owns      head->prepared stays until memory.release(memory.context).
 */
void reply_start(struct request *request, const struct reply_head *head, int64_t length_bytes,
                 struct reply_memory memory);

/*
 * reply_write - the next piece of the body; at most REPLY_SPANS_MAX spans, at least one byte.
 * Returns   true: go on. false: taken, but wait for request->on_writable before the next piece.
 * Delivery  on_writable is called after each false, unless the client leaves.
 * Owns      the bytes stay until memory.release(memory.context), called in the order of writing.
 */
bool reply_write(struct request *request, const struct iovec *spans, size_t span_count,
                 struct reply_memory memory);

/*
 * reply_end - the body is complete. One shorter than promised is aborted instead.
 */
void reply_end(struct request *request);

/*
 * reply_end_with_trailers - the same, with fields behind the body, as lines "Name: value\r\n". They
 * are left out unless the body goes out in chunks and the client said "TE: trailers". The caller
 * saw to it that these may be trailers.
 * Owns      the bytes are copied.
 * Source    RFC 9110 sections 6.5 and 10.1.4
 */
void reply_end_with_trailers(struct request *request, struct iovec trailers);

/*
 * reply_tunnel - accepts CONNECT with a status 2xx, or an upgrade with 101, for which `head` names
 * Connection and Upgrade itself. From here on bytes go both ways as they are: to the client with
 * reply_write(), from it with request_body_look() and request_body_take(), whose END means that the
 * client has ended its side. reply_end() ends the tunnel once all is sent; reply_abort() cuts it.
 * The body of the request, if there was one, has been taken to its end before. Only what the client
 * does not take has a deadline here. Owns      head->prepared stays until
 * memory.release(memory.context). Source    RFC 9110 sections 7.8 and 9.3.6
 */
void reply_tunnel(struct request *request, const struct reply_head *head,
                  struct reply_memory memory);

/*
 * reply_abort - the answer cannot be completed: the connection is cut (reset), so that nobody
 * takes what was sent for the whole. Before reply_start() it means "no answer at all".
 */
void reply_abort(struct request *request);

#endif
