/* SPDX-License-Identifier: MIT */
/*
 * http1_parser.h - from the bytes of a connection to requests: HTTP/1.0 and HTTP/1.1, strictly.
 *
 * Takes bytes, fills in a struct request, and knows no socket and no clock. The head of a request
 * is parsed once it is there as a whole, so what the request's spans refer to lies in one piece;
 * until then only its lines are looked at, so that what cannot become a request is refused early.
 * The body is checked, counted and shown piece by piece, without its framing.
 *
 *      HEAD --has no body--> DONE
 *      HEAD --has a body---> BODY... --its end--> DONE       any --malformed, too much--> error
 *
 * Sources: RFC 9112; RFC 9110 sections 7.2 (Host) and 10.1.1 (Expect).
 */
#ifndef SERVER_HTTP1_PARSER_H
#define SERVER_HTTP1_PARSER_H

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "request.h"
#include "server.h"

/* More than this of chunk extensions and trailer fields in one body is refused. */
#define HTTP1_CHUNK_EXTRA_BYTES_MAX 8192

enum http1_event {
    HTTP1_MORE,  /* all was looked at; the message goes on */
    HTTP1_HEAD,  /* the head is complete and a body follows */
    HTTP1_BODY,  /* `piece` is some of the body; there may be more */
    HTTP1_DONE,  /* the message is complete */
    HTTP1_ERROR, /* not a request, or too much of one: error_status and error_detail say why */
};

struct http1_parser {
    llhttp_t llhttp;
    const struct server_limits *limits;
    struct request *request; /* being filled in */
    struct field *fields;    /* limits->header_fields of them, the caller's */
    struct span name;        /* of the field being parsed */
    struct span value;
    struct span piece;       /* of the body, after HTTP1_BODY */
    uint64_t body_bytes_max; /* limits->body_bytes, unless changed */
    size_t method_length;    /* of the request line, once that has come */
    size_t line_start;       /* of the head: where its incomplete line begins, */
    size_t scanned;          /* and how far that holds no line end */
    size_t chunk_extra_bytes;
    size_t trailer_line_bytes; /* seen of the trailer section's present line */
    bool is_after_cr;          /* in the trailer section */
    bool is_in_body;
    bool is_in_trailers; /* of the body: behind its last chunk's line */
    bool is_complete;
    bool has_body;
    bool expects_continue; /* the client waits for "100 Continue" before its body */
    bool keeps_alive;      /* the client would send more requests */
    int error_status;      /* 400, 413, 414, 417, 431, 501 or 505 after HTTP1_ERROR */
    const char *error_detail;
};

/*
 * http1_parser_begin - prepares for one message.
 * Owns      limits, request and fields stay the caller's, and in place until HTTP1_DONE.
 */
void http1_parser_begin(struct http1_parser *parser, const struct server_limits *limits,
                        struct request *request, struct field *fields);

/*
 * http1_parser_limit_body - after HTTP1_HEAD: how long the body may be. False if it will be longer,
 * with the error set; the message is over then.
 */
bool http1_parser_limit_body(struct http1_parser *parser, uint64_t bytes_max);

/*
 * http1_parse - looks at bytes. Before HTTP1_HEAD or HTTP1_DONE they are all that came of the
 * message so far and was not consumed (its head is looked at again as a whole, which may have moved
 * in memory); after HTTP1_HEAD, the next ones, of which there may be none: after HTTP1_BODY that
 * tells whether the body has ended.
 * ret_consumed: how many are dealt with and not to be passed again. After HTTP1_HEAD and HTTP1_DONE
 * the bytes of the head must stay where they are as long as the request is used.
 */
enum http1_event http1_parse(struct http1_parser *parser, const char *bytes, size_t length,
                             size_t *ret_consumed);

#endif
