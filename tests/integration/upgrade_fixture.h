/* SPDX-License-Identifier: MIT */
/*
 * upgrade_fixture.h - the program with a route that lets websocket through, between a raw client
 * and a listening socket of the test, which answers by hand.
 */
#ifndef TESTS_INTEGRATION_UPGRADE_FIXTURE_H
#define TESTS_INTEGRATION_UPGRADE_FIXTURE_H

#include <stddef.h>

#include "program.h"

/* More than all buffers on the way hold. */
#define LONG (4 * 1024 * 1024)

#define WISH    "Connection: keep-alive, Upgrade\r\nUpgrade: h2c, WebSocket, echo\r\n"
#define GRANTED "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"

extern struct program program;

/*
 * start_with - a route "/" to the test that lets websocket through, with these settings besides,
 * which begin with a comma; and "/closed/", which lets nothing through. start: without, and cut at
 * once when it stops; a setup of cmocka, as stop is its teardown.
 */
void start_with(const char *settings, unsigned drain_ms);
int start(void **state);
int stop(void **state);

/* forget - instead of stop(), after the program has ended. deafen: nobody listens any more. */
void forget(void);
void deafen(void);

/* ask - a GET; take: the connection to the origin that comes next. */
void ask(struct client *client, const char *target, const char *fields);
void take(struct client *ret_host);

/* open_both - both ends of a connection that goes on as websocket. */
void open_both(struct client *client, struct client *host);

/* read_request - the head of a request, and no byte behind it; it stays until the next call. */
const char *read_request(struct client *host);

/* expect_head - the next head has this status; it stays until the next call. */
const char *expect_head(struct client *client, int status);

/* expect_last - a whole answer, the last on its connection, with this body; NULL: it is a problem.
 * Closes the client. */
void expect_last(struct client *client, int status, const char *body);

void assert_has(const char *head, const char *part);
void assert_has_not(const char *head, const char *part);

/* expect_bytes - these come next; expect_raw: with zeros among them. */
void expect_bytes(struct client *client, const char *text);
void expect_raw(struct client *client, const char *bytes, size_t length);

/* send_long - of a thread, whose context is the client: sends LONG bytes; expect_long reads them.
 */
void *send_long(void *context);
void expect_long(struct client *client);

/* send_until_full - sends as long as the connection takes something soon, but no more than
 * `bytes_max`; returns how many bytes. */
size_t send_until_full(struct client *client, size_t bytes_max);

#endif
