/* SPDX-License-Identifier: MIT */
/*
 * range.h - parts of a representation: what Range asks for, and what 206 and 416 say.
 *
 * Bytes are the only unit. Positions are those of the representation: 0 is its first byte. Whoever
 * gets RANGE_WHOLE answers as if nothing had been asked (200), which the standard always allows.
 */
#ifndef HTTP_RANGE_H
#define HTTP_RANGE_H

#include <http/fields.h>
#include <http/span.h>
#include <stdint.h>

/* More ranges than these in one request are not worth their framing: the field is ignored. */
#define RANGES_MAX 8

/* The last position of a range without an end. */
#define RANGE_OPEN INT64_MAX

/* Room for the longest Content-Range, with a zero behind. */
#define CONTENT_RANGE_BYTES 80

/* Bytes of a boundary between parts. */
#define RANGE_BOUNDARY_BYTES 32

/* As asked for: first -1 means "the last `last` bytes". As resolved: both ends are in the body. */
struct range {
    int64_t first;
    int64_t last;
};

struct ranges {
    size_t count;
    struct range items[RANGES_MAX];
};

/*
 * range_parse - the value of a Range field. False where it is to be ignored: another unit, not the
 * grammar, an end before its beginning, or more than RANGES_MAX ranges. A number that is too large
 * for any body counts as the largest.
 * Source    RFC 9110 sections 14.1.1, 14.1.2 and 14.2.
 */
bool range_parse(struct span value, struct ranges *ret_ranges);

enum range_verdict {
    RANGE_WHOLE,         /* ignore what was asked: 200 */
    RANGE_PARTS,         /* 206 */
    RANGE_UNSATISFIABLE, /* 416 */
};

/*
 * range_resolve - which bytes of a representation of `length_bytes` are meant; ret_parts is set for
 * RANGE_PARTS only. Ranges beyond the end are left out, neighbours become one. Several that overlap
 * or do not ascend are RANGE_WHOLE: they cost more than the whole, or cannot be sent as it arrives.
 * Source    RFC 9110 sections 14.1.2, 14.2, 15.3.7.2 and 17.15.
 */
enum range_verdict range_resolve(const struct ranges *asked, int64_t length_bytes,
                                 struct ranges *ret_parts);

/* range_is_offered - whether a response says that its origin answers ranges. Source: RFC 9110
 * section 14.3. */
bool range_is_offered(const struct fields *response);

/* What a Content-Range says; -1 in `complete_bytes`: "*", and in `first`: no range, as in 416. */
struct content_range {
    struct range range;
    int64_t complete_bytes;
};

/*
 * content_range_parse - false where it is no valid one of bytes.
 * Source    RFC 9110 section 14.4.
 */
bool content_range_parse(struct span value, struct content_range *ret_content_range);

/* content_range_write - "bytes 0-9/100", with a zero behind; returns its length. */
size_t content_range_write(const struct content_range *content_range,
                           char text[static CONTENT_RANGE_BYTES]);

/*
 * The frame of multipart/byteranges: a head before each part, and what follows the last. The caller
 * makes the boundary of random hexadecimal digits, so that no body can be made to hold it.
 */
struct range_frame {
    char boundary[RANGE_BOUNDARY_BYTES + 1];
    struct span content_type; /* of the whole; length 0: the parts do not say */
    int64_t complete_bytes;
};

/* range_boundary_write - the boundary of two random numbers. */
void range_boundary_write(const uint64_t random[2], char boundary[static RANGE_BOUNDARY_BYTES + 1]);

/*
 * range_part_head_write - what stands before the bytes of one part; at most `room` bytes of it are
 * written, no zero behind. Returns how many bytes it has.
 * Source    RFC 9110 section 14.6, RFC 2046 section 5.1.
 */
size_t range_part_head_write(const struct range_frame *frame, struct range part, char *text,
                             size_t room);

/* range_frame_end_write - what follows the last part; as range_part_head_write(). */
size_t range_frame_end_write(const struct range_frame *frame, char *text, size_t room);

/* range_frame_bytes - of the whole body of such an answer, parts and frame. */
int64_t range_frame_bytes(const struct range_frame *frame, const struct ranges *parts);

#endif
