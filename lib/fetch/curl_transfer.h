/* SPDX-License-Identifier: MIT */
/*
 * curl_transfer.h - one call on its way through libcurl: what curl_upstream.c and the callbacks
 * that libcurl makes (curl_callbacks.c) share.
 */
#ifndef FETCH_CURL_TRANSFER_H
#define FETCH_CURL_TRANSFER_H

#include <curl/curl.h>

#include <async/loop.h>
#include <fetch/settings.h>
#include <fetch/upstream.h>

#include "connections.h"
#include "head.h"
#include "multi.h"
#include "resolver.h"

struct curl_upstream {
    struct upstream upstream; /* first */
    struct async_loop *loop;
    const struct fetch_settings *settings;
    struct resolver *resolver;
    struct multi *multi;
    struct multi *own_multi; /* of connections that serve one call, and count for no limit */
    struct connections connections;
    struct curl_slist *plain_fields; /* of all calls that have none of their own */
    size_t calls;
    struct async_list idle; /* transfers without a call, for the next ones */
    size_t idle_count;
};

struct wire;

/* It outlives its call, and serves others: what libcurl is given to know it by stays the same. */
struct transfer {
    struct curl_upstream *upstream;
    struct async_list idle_node; /* in upstream->idle */
    struct upstream_call *call;
    const struct fetch_settings *settings; /* the call's */
    struct resolver_query query;
    struct async_task
        literal;       /* the host is an address: no lookup, but not inside start() either */
    CURL *easy;        /* kept from call to call; may be NULL */
    CURLU *origin;     /* what the handle connects to */
    char *origin_text; /* the same as a text, "http://host:port" */
    CURLSH *pins;      /* of this call, as all that follows */
    struct curl_slist *pin_list;
    struct curl_slist *fields; /* NULL: the plain ones */
    struct wire *wire;         /* of a call for an upgrade, once it is connected; else NULL */
    struct head_reader head;
    int64_t body_bytes_left; /* of the length that the head told; negative: not known */
    bool is_added;           /* to the multi handle */
    bool is_asked;           /* the request is on its way */
    bool was_kept;           /* over a connection that had ended meanwhile, or did then */
    bool is_stopped;         /* by a verdict */
    bool has_excess;         /* the origin has sent more than its answer */
    enum guard_reason refusal;
    int status; /* decided inside a callback; 0: ask libcurl's result */
};

/* curl_callbacks_set - has libcurl report to the transfer, whose handle is new. */
void curl_callbacks_set(struct transfer *transfer);

/* transfer_check_address - the guard's verdict on the address about to be connected. */
enum guard_reason transfer_check_address(const struct transfer *transfer,
                                         const struct sockaddr *address, socklen_t address_bytes);

/* transfer_finish - the one way out besides cancel(): the call is told, and the transfer free for
 * another. */
void transfer_finish(struct transfer *transfer, int status);

#endif
