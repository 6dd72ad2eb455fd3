/* SPDX-License-Identifier: MIT */
/*
 * connection.h - one client's connection: reads requests, sends replies, keeps its deadlines.
 *
 * A connection belongs to itself: it is in its worker's list from connection_open() until it has
 * closed, and tells the worker then. Thread: the worker's.
 */
#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

struct worker;

/* connection_open - takes a socket over that one of the server's addresses accepted. Without
 * memory, it is closed and logged. */
void connection_open(struct worker *worker, int fd, unsigned address_index);

/* connections_drain - closes those of the worker that are idle; the others close when answered. */
void connections_drain(struct worker *worker);

/* connections_cut - ends all: who has begun a request and has no answer yet gets 503, half-sent
 * answers are reset. */
void connections_cut(struct worker *worker);

#endif
