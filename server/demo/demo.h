/* SPDX-License-Identifier: MIT */
/*
 * demo.h - `fetchonce demo`: a slow origin, the server, and a crowd of clients, all in this process
 * and on loopback; a few seconds, and a report of what happened.
 */
#ifndef SERVER_DEMO_DEMO_H
#define SERVER_DEMO_DEMO_H

#include <stdio.h>

/*
 * demo_run - runs the whole of it and writes the report to `out`, at most 80 columns wide. The
 * bars are drawn with block characters where the locale is UTF-8, coloured where `out` is a
 * terminal.
 * Errors    those of the parts, after a message on standard error; -EIO when what happened is not
 *           what the server promises.
 * Thread    the main one; SIGPIPE is ignored.
 */
int demo_run(FILE *out);

#endif
