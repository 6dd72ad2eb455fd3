/* SPDX-License-Identifier: MIT */
/*
 * method.h - what the name of a request method promises. Letter case counts: "get" is another
 * method than GET, and unknown.
 */
#ifndef HTTP_METHOD_H
#define HTTP_METHOD_H

#include <http/span.h>

/*
 * method_is_safe - whether it only reads. False for methods that are not known: they may change
 * something.
 * Source    RFC 9110 section 9.2.1; the registry of methods for those of WebDAV.
 */
bool method_is_safe(struct span method);

/*
 * method_is_idempotent - whether a request may be sent again whose first attempt broke off. False
 * for methods that are not known.
 * Source    RFC 9110 section 9.2.2; the registry of methods for those of WebDAV.
 */
bool method_is_idempotent(struct span method);

#endif
