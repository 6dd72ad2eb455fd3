/* SPDX-License-Identifier: MIT */
/* content.c - see content.h. */
#include "content.h"

#include <assert.h>
#include <string.h>

#define OFFSET_DIGITS 10
#define LABEL_DIGITS  4
#define BLOCK_BYTES   4096

static_assert(OFFSET_DIGITS + 1 + LABEL_DIGITS + 1 == CONTENT_RECORD_BYTES, "fills a record");

static void write_record(char record[CONTENT_RECORD_BYTES], size_t offset, unsigned label)
{
    for (int i = OFFSET_DIGITS - 1; i >= 0; i--, offset >>= 4)
        record[i] = "0123456789abcdef"[offset & 15];
    record[OFFSET_DIGITS] = ' ';
    for (int i = OFFSET_DIGITS + LABEL_DIGITS; i > OFFSET_DIGITS; i--, label /= 10)
        record[i] = (char)('0' + label % 10);
    record[CONTENT_RECORD_BYTES - 1] = '\n';
}

void content_fill(char *bytes, size_t length, size_t offset, unsigned label)
{
    assert(label <= CONTENT_LABEL_MAX);
    while (length > 0) {
        char record[CONTENT_RECORD_BYTES];
        size_t inside = offset % CONTENT_RECORD_BYTES;
        size_t part =
            CONTENT_RECORD_BYTES - inside < length ? CONTENT_RECORD_BYTES - inside : length;
        write_record(record, offset - inside, label);
        memcpy(bytes, record + inside, part);
        bytes += part;
        offset += part;
        length -= part;
    }
}

/* Takes bytes into the first record until it is whole; returns how many. */
static size_t learn_label(struct content_reader *reader, const char *bytes, size_t length)
{
    size_t wanted = CONTENT_RECORD_BYTES - reader->first_bytes;
    size_t part = length < wanted ? length : wanted;
    char expected[CONTENT_RECORD_BYTES];

    memcpy(reader->first + reader->first_bytes, bytes, part);
    reader->first_bytes += part;
    if (reader->first_bytes < CONTENT_RECORD_BYTES)
        return part;
    reader->label = 0;
    for (int i = OFFSET_DIGITS + 1; i <= OFFSET_DIGITS + LABEL_DIGITS; i++) {
        unsigned digit = (unsigned)(reader->first[i] - '0');
        reader->label = reader->label * 10 + (digit < 10 ? digit : 0);
    }
    write_record(expected, reader->offset, reader->label);
    if (memcmp(expected, reader->first, sizeof(expected)) != 0)
        reader->is_wrong = true;
    reader->offset += CONTENT_RECORD_BYTES;
    return part;
}

void content_reader_add(struct content_reader *reader, const char *bytes, size_t length)
{
    if (reader->first_bytes < CONTENT_RECORD_BYTES) {
        size_t part = learn_label(reader, bytes, length);
        bytes += part;
        length -= part;
    }
    while (length > 0 && !reader->is_wrong) {
        char expected[BLOCK_BYTES];
        size_t part = length < sizeof(expected) ? length : sizeof(expected);
        content_fill(expected, part, reader->offset, reader->label);
        if (memcmp(expected, bytes, part) != 0)
            reader->is_wrong = true;
        reader->offset += part;
        bytes += part;
        length -= part;
    }
}

bool content_reader_is_right(const struct content_reader *reader)
{
    return reader->label != 0 && !reader->is_wrong;
}
