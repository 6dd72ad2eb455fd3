/* SPDX-License-Identifier: MIT */
/*
 * date.h - HTTP dates, as seconds since 1970-01-01 00:00:00 UTC.
 *
 * All three forms are read, the preferred one is written. Reading is strict about spaces, digits,
 * the zone and ranges. Letter case does not matter, which RFC 9111 section 4.2 wants of caches. The
 * name of the day must be one, but is not compared with the date, because a
 * wrong one is a slip of the sender that changes nothing.
 */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include <http/span.h>
#include <stdint.h>

#define DATE_LENGTH 29 /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/*
 * date_parse - IMF-fixdate, RFC 850 date or asctime() date. `now_s` decides the century of the
 * two-digit year of the second form: not more than 50 years ahead.
 * Errors    -EINVAL
 * Source    RFC 9110 section 5.6.7, RFC 9111 section 4.2.
 */
int date_parse(struct span text, int64_t now_s, int64_t *ret_s);

/*
 * date_format - IMF-fixdate and a zero byte. Years 1 to 9999; what lies outside is clamped.
 * Source    RFC 9110 section 5.6.7.
 */
void date_format(int64_t time_s, char buffer[static DATE_LENGTH + 1]);

#endif
