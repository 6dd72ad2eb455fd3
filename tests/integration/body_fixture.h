/* SPDX-License-Identifier: MIT */
/*
 * body_fixture.h - a server whose handlers take the bodies of requests as they come, or do not.
 *
 *      /echo    answers with what it gets, as it comes
 *      /count   takes all, then answers how many bytes that were; its bodies are at most COUNT_MAX
 *      /early   answers "early" at once, without looking at the body
 *      /some    answers "some" when it has looked at the first piece and taken none of it
 *      /hold    looks at nothing before body_fixture_release(); then as /count, of any length
 */
#ifndef TESTS_INTEGRATION_BODY_FIXTURE_H
#define TESTS_INTEGRATION_BODY_FIXTURE_H

#include "server_fixture.h"

#define HOST      "Host: localhost\r\n"
#define CHUNKED   "Transfer-Encoding: chunked\r\n"
#define NEXT      "GET /healthz HTTP/1.1\r\n" HOST "\r\n"
#define COUNT_MAX 1000000
#define LONG      (8 * 1024 * 1024)

struct body_fixture {
    struct fixture server;
    atomic_uint started; /* requests that handlers have got */
    atomic_uint gone;    /* of those, that ended before their answer */
    atomic_uint ended;   /* of those, whose body was taken to its end */
};

/* There is one, for all tests of a program; its server has one loop. */
extern struct body_fixture body_fixture;

/* body_fixture_init - for a test that changes settings and calls fixture_start() and _stop(). */
void body_fixture_init(void);

/* body_fixture_start, body_fixture_stop - for tests that do not. */
int body_fixture_start(void **state);
int body_fixture_stop(void **state);

/* body_fixture_release - lets the request that came to /hold last go on. */
void body_fixture_release(void);

/* body_fixture_expect - reads a reply 200, whole, with this body; body_fixture_interim: an interim
 * one. */
void body_fixture_expect(struct client *client, const char *body);
void body_fixture_interim(struct client *client, int status);

#endif
