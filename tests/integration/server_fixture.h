/* SPDX-License-Identifier: MIT */
/*
 * server_fixture.h - a running server for a test, with handlers that do what tests need to see.
 *
 *      /access, /healthz   the real ones
 *      /big                FIXTURE_BIG_BYTES at once, by reference
 *      /stream             FIXTURE_BIG_BYTES in pieces, length unknown, with back-pressure
 *      /length             the same, length told
 *      /short              promises 10 bytes, writes 4, and ends
 *      /abort              begins a body of unknown length, then aborts
 *      /never              does not answer; counts who comes and who leaves
 *      /half               sends part of its body and nothing more
 *      /body               takes POST; answers how many body bytes were read
 */
#ifndef TESTS_INTEGRATION_SERVER_FIXTURE_H
#define TESTS_INTEGRATION_SERVER_FIXTURE_H

#include <stdatomic.h>

#include "client.h"
#include "handlers/access.h"
#include "server.h"

#define FIXTURE_BIG_BYTES (8 * 1024 * 1024)

#define FIXTURE_EXTRA_MAX 8

struct fixture {
    struct server_settings settings; /* for a test to change before fixture_start() */
    uint32_t access_hold_ms;
    struct server_route extra[FIXTURE_EXTRA_MAX]; /* a test's own routes */
    size_t extra_count;
    struct server *server;
    struct access *access;
    const struct sockaddr_storage *address; /* where it listens; 127.0.0.1 unless settings differ */
    struct sockaddr_storage addresses[2];
    atomic_uint begun;    /* requests that /never and /half have got */
    atomic_uint gone;     /* of those, whose client has left */
    atomic_uint taken;    /* pieces given to the server by reference, */
    atomic_uint released; /* and released by it */
};

/* fixture_init - settings: 127.0.0.1, port 0, 1 loop, no half-close; the rest by default. */
void fixture_init(struct fixture *fixture);

void fixture_start(struct fixture *fixture);

/* fixture_stop - stops and frees; asserts that every piece was released. */
void fixture_stop(struct fixture *fixture);

/* fixture_await - waits until the counter has this value. */
void fixture_await(atomic_uint *counter, unsigned value);

/* fixture_await_requests - waits until so many requests have come to handlers;
 * fixture_await_open - until so many connections are open. */
void fixture_await_requests(struct fixture *fixture, uint64_t value);
void fixture_await_open(struct fixture *fixture, uint64_t value);

/* fixture_expect - reads a reply, asserts its status and that it is whole; frees it. */
void fixture_expect(struct client *client, int status);

/* fixture_expect_refusal - a problem with that status and title, then the end of the connection. */
void fixture_expect_refusal(struct client *client, int status);

#endif
