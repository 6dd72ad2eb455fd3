/* SPDX-License-Identifier: MIT */
/*
 * client.h - a raw HTTP client for tests: sends exactly the bytes it is told, reads replies apart.
 *
 * It blocks; a guard of some seconds on each wait makes a hanging test fail instead. Every failure
 * that is not the test's subject ends the program with a message: tests need not check.
 */
#ifndef TESTS_SUPPORT_CLIENT_H
#define TESTS_SUPPORT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* How long any wait lasts before the test is given up. */
#define CLIENT_GUARD_MS 20000

struct client {
    int fd;
    char *bytes; /* received and not yet taken by client_read_reply() */
    size_t length;
    size_t capacity;
};

struct client_reply {
    int status;      /* 0: the connection ended before a whole head came */
    bool is_whole;   /* the body ended as its framing says; false: the connection ended first */
    bool is_chunked; /* framed by chunks; the body here is without them */
    bool closes;     /* "Connection: close", or HTTP/1.0 without keep-alive */
    char *head;      /* status line and fields, terminated by zero */
    char *body;      /* terminated by zero behind body_bytes */
    size_t body_bytes;
    char *trailers; /* the lines behind the last chunk, terminated by zero; NULL without chunks */
};

/* client_open - connects. client_open_small: with that receive buffer, so the server's sends stall.
 */
void client_open(struct client *client, const struct sockaddr_storage *address);
void client_open_small(struct client *client, const struct sockaddr_storage *address,
                       int receive_bytes);

/* client_close - closes as programs do; client_reset: with a reset. client_end: no more is sent. */
void client_close(struct client *client);
void client_reset(struct client *client);
void client_end(struct client *client);

/* client_send - sends all bytes. client_send_text: of a string; client_send_format: as printf. */
void client_send(struct client *client, const void *bytes, size_t length);
void client_send_text(struct client *client, const char *text);
void client_send_format(struct client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * client_read_reply - the next reply; interim ones (1xx) are replies of their own.
 * `to_head`: it answers HEAD, so no body follows. client_reply_fini() frees what it holds.
 * Each final reply has to have Cache-Status and Server-Timing, or the test fails.
 */
void client_read_reply(struct client *client, bool to_head, struct client_reply *ret_reply);
void client_reply_fini(struct client_reply *reply);

/* client_reply_field - the value of a field, NULL if absent; valid until the next such call. */
const char *client_reply_field(const struct client_reply *reply, const char *name);

/* client_read - so many bytes as they come; returns how many, fewer only if the connection ended.
 */
size_t client_read(struct client *client, void *bytes, size_t length);

/* client_is_closed_next - waits: whether the connection ends (or is reset) with no byte more. */
bool client_is_closed_next(struct client *client);

/* client_is_reset_next - waits, dropping bytes: whether the connection ends by a reset. */
bool client_is_reset_next(struct client *client);

/* client_has_bytes - whether something came, within the time. */
bool client_has_bytes(struct client *client, int within_ms);

/* client_wait_bytes - receives until so many bytes are there that no reply has taken yet. */
void client_wait_bytes(struct client *client, size_t bytes);

/* client_get - "GET path" with Connection: close on a connection of its own; one call does all. */
void client_get(const struct sockaddr_storage *address, const char *path,
                struct client_reply *ret_reply);

#endif
