/* SPDX-License-Identifier: MIT */
/*
 * select.h - one value of a JSON text, by its pointer.
 */
#ifndef SERVER_HANDLERS_SELECT_H
#define SERVER_HANDLERS_SELECT_H

#include <cache/body.h>

/*
 * select_value - parses the whole body and formats the value that the pointer names, as one line
 * of JSON with its line feed.
 * Errors    -ENOENT: there is no such value. -EBADMSG: the body is not JSON. -ENOMEM.
 * Owns      the caller frees `ret_text`, which is zero-terminated.
 * Source    RFC 6901 section 4, RFC 8259
 */
int select_value(const struct body *body, const char *pointer, char **ret_text);

#endif
