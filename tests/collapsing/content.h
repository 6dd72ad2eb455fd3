/* SPDX-License-Identifier: MIT */
/*
 * content.h - the bodies that the origin sends: each piece tells where it belongs and whose it is.
 *
 * A body is a row of records of 16 bytes, "offset label\n": the offset in hexadecimal, and a number
 * that tells one answer of the origin from another. So a reader can say of every byte whether it is
 * the right one, and from the first record which answer it was given, wherever its part begins.
 */
#ifndef COLLAPSING_CONTENT_H
#define COLLAPSING_CONTENT_H

#include <stdbool.h>
#include <stddef.h>

#define CONTENT_RECORD_BYTES 16
#define CONTENT_LABEL_MAX    9999

/* content_fill - `length` bytes of the body with that label, from `offset` on. */
void content_fill(char *bytes, size_t length, size_t offset, unsigned label);

/* What a reader found so far. Begin with the offset of its part, a multiple of a record. */
struct content_reader {
    size_t offset;
    unsigned label; /* 0 while the first record is not whole */
    bool is_wrong;
    char first[CONTENT_RECORD_BYTES];
    size_t first_bytes;
};

void content_reader_add(struct content_reader *reader, const char *bytes, size_t length);

/* content_reader_is_right - whether something came, and all of it is of one body, in its place. */
bool content_reader_is_right(const struct content_reader *reader);

#endif
