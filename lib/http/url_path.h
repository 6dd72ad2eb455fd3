/* SPDX-License-Identifier: MIT */
/*
 * url_path.h - what url.c and url_reference.c share.
 */
#ifndef HTTP_URL_PATH_H
#define HTTP_URL_PATH_H

#include <stddef.h>

/*
 * url_remove_dot_segments - remove "." and ".." segments from a path that begins with '/', in
 * place; returns the new length.
 * Source    RFC 3986 section 5.2.4.
 */
size_t url_remove_dot_segments(char *path, size_t length);

#endif
