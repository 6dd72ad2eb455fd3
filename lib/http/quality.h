/* SPDX-License-Identifier: MIT */
/*
 * quality.h - the weight of one choice in a field of content negotiation.
 */
#ifndef HTTP_QUALITY_H
#define HTTP_QUALITY_H

#include <http/span.h>

#define QUALITY_MAX 1000

/*
 * quality_parse - "0", "0.5", "1.000": thousandths, or -1 for anything else.
 * Source    RFC 9110 section 12.4.2.
 */
int quality_parse(struct span text);

#endif
