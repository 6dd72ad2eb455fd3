/* SPDX-License-Identifier: MIT */
/*
 * writer.h - text put together in a buffer of the caller, with one look at the end for its room.
 *
 * What does not fit is left out and remembered in `is_full`; nothing is written after that. No
 * terminating zero byte is written.
 */
#ifndef HTTP_WRITER_H
#define HTTP_WRITER_H

#include <http/span.h>

struct writer {
    char *buffer;
    size_t room;
    size_t length;
    bool is_full; /* something did not fit */
};

static inline void writer_span(struct writer *writer, struct span text)
{
    if (text.length > writer->room - writer->length)
        writer->is_full = true;
    if (writer->is_full || text.length == 0)
        return;
    memcpy(writer->buffer + writer->length, text.bytes, text.length);
    writer->length += text.length;
}

static inline void writer_byte(struct writer *writer, char byte)
{
    writer_span(writer, span_of(&byte, 1));
}

static inline void writer_text(struct writer *writer, const char *text)
{
    writer_span(writer, span_of_string(text));
}

/* ASCII letters in lower case. */
static inline void writer_lower(struct writer *writer, struct span text)
{
    size_t from = writer->length;

    writer_span(writer, text);
    for (size_t i = from; i < writer->length; i++) {
        if (writer->buffer[i] >= 'A' && writer->buffer[i] <= 'Z')
            writer->buffer[i] = (char)(writer->buffer[i] - 'A' + 'a');
    }
}

#endif
