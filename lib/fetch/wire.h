/* SPDX-License-Identifier: MIT */
/*
 * wire.h - a call for an upgrade over its connection, from the head of the request to the end.
 *
 * libcurl makes the connection, with TLS where the URL says so, and carries bytes over it; what
 * they mean is read and written here.
 */
#ifndef FETCH_WIRE_H
#define FETCH_WIRE_H

#include "curl_transfer.h"

struct wire;

/* wire_set_options - libcurl connects, speaks HTTP/1.1 if TLS asks, and leaves it at that. */
void wire_set_options(CURL *easy);

/* wire_start - the transfer is connected, and libcurl not on the stack. May finish the transfer. */
void wire_start(struct transfer *transfer);

/* wire_resume - as upstream_resume(): either way may go on. */
void wire_resume(struct wire *wire);

/* wire_free - before the transfer leaves its multi handle. NULL is a no-op. */
void wire_free(struct wire *wire);

#endif
