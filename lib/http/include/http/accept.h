/* SPDX-License-Identifier: MIT */
/*
 * accept.h - which of two media types a client would rather have.
 *
 * Parameters of media types other than q are ignored; a range that cannot be read is skipped.
 */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

#include <http/span.h>

/*
 * accept_quality - how much the field value wants `type` ("application/json"), in thousandths:
 * 0 not at all, 1000 most. The most specific range that matches decides. 1000 for an empty value.
 * Source    RFC 9110 sections 12.4.2 and 12.5.1.
 */
int accept_quality(struct span accept, const char *type);

/*
 * accept_prefers - whether `type` is to be chosen before `otherwise`, which is what a client gets
 * that does not care. By quality; at equal quality by the more specific range, then by the earlier
 * one. False for an empty value, and where only wildcards speak.
 * Source    RFC 9110 section 12.5.1; the order among equals is ours.
 */
bool accept_prefers(struct span accept, const char *type, const char *otherwise);

#endif
