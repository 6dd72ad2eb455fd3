/* SPDX-License-Identifier: MIT */
/*
 * problem.h - errors as application/problem+json: type, title, status, detail.
 * Source: RFC 9457.
 */
#ifndef SERVER_PROBLEM_H
#define SERVER_PROBLEM_H

#include <stddef.h>

#include "reply.h"

/* The longest body that problem_format() makes. */
#define PROBLEM_BYTES_MAX 1024

/* The most fields problem_send() takes. */
#define PROBLEM_FIELDS_MAX 6

/* problem_reason - the reason phrase of a status: "Not Found"; "" for one that has none. */
const char *problem_reason(int status);

/* problem_title - the same, but "Unknown" for one that has none. */
const char *problem_title(int status);

/*
 * problem_format - the JSON object as one line. Control characters of `detail` are escaped, what
 * is not ASCII becomes '?', and what is too long is cut.
 * Returns   the length without the zero; at most PROBLEM_BYTES_MAX - 1.
 */
size_t problem_format(char body[PROBLEM_BYTES_MAX], int status, const char *detail);

/*
 * problem_send - answers a request with a problem. `fields` are further header fields (Allow,
 * Retry-After ...), or NULL; at most PROBLEM_FIELDS_MAX. With Cache-Status among them,
 * Server-Timing has to be there as well.
 */
void problem_send(struct request *request, int status, const char *detail,
                  const struct reply_field *fields, size_t field_count);

#endif
