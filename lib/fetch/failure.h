/* SPDX-License-Identifier: MIT */
/*
 * failure.h - what a client is told when a fetch failed: the HTTP status and words that give
 * nothing away about the network this server stands in.
 */
#ifndef FETCH_FAILURE_H
#define FETCH_FAILURE_H

#include <fetch/fetcher.h>

/* failure_of_status - for a status of upstream.h or of the flight; never fails. */
struct fetch_failure failure_of_status(int status);

/* failure_of_error - the origin answered with an error, and wants to be left alone for a while. */
struct fetch_failure failure_of_error(void);

#endif
