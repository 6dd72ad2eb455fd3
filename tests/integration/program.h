/* SPDX-License-Identifier: MIT */
/*
 * program.h - the program, started with settings of a test's own, between clients and an origin.
 *
 * One loop, so that what was sent before a request of a later connection has been read when that
 * is answered.
 */
#ifndef TESTS_INTEGRATION_PROGRAM_H
#define TESTS_INTEGRATION_PROGRAM_H

#include "client.h"
#include "origin.h"
#include "process.h"

struct program {
    struct process process;
    struct sockaddr_storage address;
    struct sockaddr_storage operator_address; /* if it has one */
    struct origin *origin;
};

/*
 * program_start - with `variables` as its environment, and the file `config` unless NULL. Addresses
 * of 127.0.0.0/8 may be fetched from. Starts the origin, unless the test has, to name it in these.
 */
void program_start(struct program *program, const char *const *variables, const char *config);

/* program_stop - asserts that it ends well. */
void program_stop(struct program *program);

/* program_ask - begins a request for a path of the origin, with further fields or "". */
void program_ask(struct program *program, struct client *client, const char *path,
                 const char *fields);

/* program_send - begins a request with this target, and these fields besides Host. */
void program_send(struct program *program, struct client *client, const char *method,
                  const char *target, const char *fields);

/* program_operate - begins a request to the operator's address. */
void program_operate(struct program *program, struct client *client, const char *method,
                     const char *target, const char *fields);

/* program_sync - what was sent on other connections before has been read. */
void program_sync(struct program *program);

/* program_expect - the reply has this status and body; program_get asks on a connection of its own.
 * Returns what Cache-Status says, until the next call. */
const char *program_expect(struct client *client, int status, const char *body);
const char *program_get(struct program *program, const char *path, const char *fields,
                        const char *body);

#endif
