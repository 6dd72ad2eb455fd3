/* SPDX-License-Identifier: MIT */
/*
 * list.h - walk over a separated field value without being fooled by quoted separators.
 *
 * A quote that is never closed is not taken for a quote: it is then an ordinary character, so that
 * no directive after it can hide.
 */
#ifndef HTTP_LIST_H
#define HTTP_LIST_H

#include <http/span.h>

struct list {
    struct span rest;
    char separator;
    bool quote_is_ordinary; /* one was found that is never closed */
};

/* list_init - begin at the front. `separator` is a comma, or a semicolon for parameters. */
void list_init(struct list *list, struct span value, char separator);

/*
 * list_next - the next member, trimmed; empty members are skipped. False when nothing is left.
 * Source    RFC 9110 sections 5.6.1 and 5.6.4.
 */
bool list_next(struct list *list, struct span *ret_member);

#endif
