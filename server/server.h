/* SPDX-License-Identifier: MIT */
/*
 * server.h - the server as a whole: its addresses, its threads, its start and its stop.
 *
 * server_start() binds every address once per loop (SO_REUSEPORT), starts one thread per loop and
 * returns when all of them accept. The caller's thread is free to wait for signals:
 *
 *      block the signals; server_start(); sigwait(); server_stop(); server_wait(); server_free();
 *
 * The ways in are routes that the caller passes, so that this part knows no handler but by them.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "request.h"

struct server;

/* What a route is for; see router.h for which of several wins. */
enum server_match {
    SERVER_EXACT,   /* this path */
    SERVER_PREFIX,  /* this path and all below it; "/": every path */
    SERVER_METHOD,  /* every request with this method, before all others; not one of enum
                     * request_method; at most one such route */
    SERVER_FORWARD, /* targets that name a host which no route has, and CONNECT; host, path: none */
};

/* Whether the guard is asked before a route is. */
enum server_access {
    SERVER_AS_ADDRESS, /* where the guard has the address */
    SERVER_OPEN,       /* never */
    SERVER_GUARDED,    /* always */
};

/* One of settings.addresses, in a set of them. */
#define SERVER_ADDRESS(index) ((uint64_t)1 << (index))

/*
 * What is asked for, and who answers it. The hooks make and end what the handler needs on each
 * loop; each may be NULL. Without `start_loop` the handler's context is `shared`.
 */
struct server_route {
    enum server_match match;
    const char *host;    /* "a.example", or with a port if it matters; NULL: any */
    const char *path;    /* begins with '/'; "/access"; SERVER_METHOD: the method, "PURGE" */
    bool is_replaceable; /* server_set_routes() may take it away: no request, once start() has
                          * returned, needs its context or what `shared` refers to */
    bool is_confined;    /* paths may not lead out of it; 400 where a server behind it may see
                          * them do so */
    uint64_t addresses;  /* set, by SERVER_ADDRESS(): where it is served; 0: everywhere */
    enum server_access access;
    unsigned methods;        /* set of enum request_method; others are answered 405 or 501 */
    request_start_fn *start; /* start(request, context) */
    bool streams_body;       /* start() is called when the head is there: request_body_look() */
    uint64_t body_bytes_max; /* of a request; more: 413. 0: limits.body_bytes */
    void *shared;

    /* On the loop's thread before it accepts. An error stops the start of the server. */
    int (*start_loop)(void *shared, struct async_loop *loop, unsigned loop_index,
                      void **ret_context);
    /* On the loop's thread when the server begins to drain: requests that run go on. */
    void (*drain_loop)(void *context);
    /* On the loop's thread, once no loop has a connection left and before any loop ends: cancel
     * what still runs. The loops go on turning until all have returned from this. */
    void (*stop_loop)(void *context);
    /* On the thread of server_wait(), once all loops have ended, before they are freed. */
    void (*free_loop)(void *context);
};

/* Who is let in, before a request is handled, or refused for want of a path or method. */
struct server_guard {
    uint64_t addresses; /* set, by SERVER_ADDRESS(), of those it has; but see server_route.access */
    bool (*admits)(struct request *request, void *context); /* answers whom it refuses */
    void *context;
};

/* Every quantity has a limit; 0 is not "unlimited" but as small as it says, unless noted. */
struct server_limits {
    uint32_t connections;             /* open at once, all loops together; more: 503 */
    uint32_t requests_per_connection; /* the last one is answered with Connection: close */
    uint32_t pipelined_replies;       /* complete answers gathered into one send */
    uint32_t target_bytes;            /* request target; more: 414 */
    uint32_t header_bytes;            /* request line and fields together; more: 431 */
    uint32_t header_fields;           /* number of fields; more: 431 */
    uint64_t body_bytes;              /* of a request, unless its route says; more: 413 */
};

struct server_timeouts {
    uint32_t idle_ms;       /* between requests on a kept connection; then closed without a word */
    uint32_t header_ms;     /* from a request's first byte to the end of its head; then 408 */
    uint32_t body_ms;       /* between two pieces of a request's body; then 408 */
    uint32_t write_ms;      /* while the client takes nothing of its answer; then cut */
    uint32_t half_close_ms; /* for an answer to begin whose client has ended its side; then cut */
    uint32_t linger_ms;     /* for the client to read our last words after an error */
};

struct server_settings {
    const struct sockaddr_storage *addresses; /* IPv4 or IPv6; port 0: the system chooses one */
    size_t address_count;
    unsigned loops; /* threads; 0: one per processor this process may use */
    int backlog;    /* of each listening socket; 0: SOMAXCONN */
    struct server_limits limits;
    struct server_timeouts timeouts;
    const struct server_route *routes;
    size_t route_count;
    void (*release_routes)(void *routes_owner); /* as in server_set_routes(); NULL: none */
    void *routes_owner;
    struct server_guard guard; /* admits NULL: all are let in, and no route is SERVER_GUARDED */
};

/* server_settings_init - the defaults of limits and timeouts; no address, no route, loops 0. */
void server_settings_init(struct server_settings *settings);

/* server_route_is_possible - whether a server with these settings can have the route. */
bool server_route_is_possible(const struct server_settings *settings,
                              const struct server_route *route);

/* server_settings_are_possible - whether server_start() takes them; else it says -EINVAL. */
bool server_settings_are_possible(const struct server_settings *settings);

/*
 * server_start - binds, starts the threads, returns when every loop accepts.
 * Errors    -EINVAL: a setting that cannot be; -EADDRINUSE, -EACCES and others of bind(2);
 *           -EMFILE, -ENOMEM, -EAGAIN (threads); what a route's start_loop returned. All has been
 *           undone then. The error is logged with the address it concerns.
 * Owns      settings and arrays are copied; what the routes' pointers refer to stays the caller's
 *           until server_free(), or until settings->release_routes(settings->routes_owner), which
 *           comes once, after an error, too.
 * Thread    any; SIGPIPE must be ignored in the process, or blocked by the caller.
 */
int server_start(const struct server_settings *settings, struct server **ret_server);

/*
 * server_set_routes - the routes from now on, while the server runs. Each loop goes over to them
 * between two requests, soon. A route whose `start` and `shared` are those of one that is there is
 * that one, and goes on with its contexts; those that are new are begun by start_loop, and of those
 * that are gone, which have to be is_replaceable, free_loop is called, by the loop and without
 * stop_loop before. A loop where that fails, for want of memory, keeps what it has, and logs it.
 * Errors    -EINVAL: a route that cannot be; -ENOMEM. Nothing has changed then.
 * Owns      the array is copied; what the routes refer to stays until release(owner), which comes
 *           once, from any thread, when no loop has them any more. Not after an error.
 * Thread    any, one at a time, before server_wait() is over.
 */
int server_set_routes(struct server *server, const struct server_route *routes, size_t count,
                      void (*release)(void *owner), void *owner);

/* server_loops - how many loops run. Thread: any. */
unsigned server_loops(const struct server *server);

/* server_address - where the server listens, the port the system chose included. Thread: any. */
const struct sockaddr_storage *server_address(const struct server *server, size_t index);

/*
 * server_stop - stops accepting, closes idle connections, answers what runs with Connection: close
 * and cuts what is left after `drain_ms`. Returns at once. Called again, it may only shorten the
 * time: with 0 all is cut now.
 * Thread    any, but not a signal handler.
 */
void server_stop(struct server *server, uint32_t drain_ms);

/* server_wait - returns when the server has stopped. Call it once. Thread: any that is no loop. */
void server_wait(struct server *server);

/* server_free - frees a server that server_wait() returned for. NULL is allowed. */
void server_free(struct server *server);

/* What the server has done and has open; read while it runs, each figure by itself exact. */
struct server_counters {
    uint64_t connections_accepted;
    uint64_t connections_open;
    uint64_t requests;         /* given to a handler or answered for one */
    uint64_t requests_refused; /* malformed or beyond a limit */
};

/* server_counters - the sums over all loops. Thread: any. */
void server_counters(const struct server *server, struct server_counters *ret_counters);

#endif
