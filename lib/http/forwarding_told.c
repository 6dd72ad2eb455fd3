/* SPDX-License-Identifier: MIT */
/*
 * forwarding_told.c - under which URL an origin is told that it is known. Its answers may be made
 * of that, in links and redirects, and hardly any origin says so in Vary: whoever keeps them has to
 * tell them apart by it, or one client chooses what the others get.
 */
#include "writer.h"

#include <http/forwarding.h>

#include <errno.h>

/* Which of the parameters of Forwarded are of the URL: "for" and "by" are of the connection. */
static bool is_of_url(struct span parameter)
{
    return (parameter.length >= 5 &&
            span_equals_ignoring_case(span_of(parameter.bytes, 5), span_of_string("host="))) ||
           (parameter.length >= 6 &&
            span_equals_ignoring_case(span_of(parameter.bytes, 6), span_of_string("proto=")));
}

/* Source: RFC 7239 section 4. */
static void write_parameters(struct writer *writer, struct span value)
{
    size_t from = 0;
    bool is_quoted = false;

    for (size_t i = 0; i <= value.length; i++) {
        if (i < value.length && value.bytes[i] == '\\' && is_quoted && i + 1 < value.length) {
            i++;
        } else if (i < value.length && value.bytes[i] == '"') {
            is_quoted = !is_quoted;
        } else if (i == value.length ||
                   (!is_quoted && (value.bytes[i] == ';' || value.bytes[i] == ','))) {
            struct span parameter = span_trim(span_of(value.bytes + from, i - from));
            if (is_of_url(parameter)) {
                writer_byte(writer, '\n');
                writer_span(writer, parameter);
            }
            from = i + 1;
        }
    }
}

int forwarding_told_write(struct field_view request, const struct forwarding_client *client,
                          unsigned styles, char *buffer, size_t room, size_t *ret_length)
{
    static const char *const names[] = {"x-forwarded-host", "x-forwarded-proto", "x-forwarded-port",
                                        "x-forwarded-prefix"};
    struct writer writer = {.buffer = buffer, .room = room};
    struct span value;
    size_t position = 0;

    if (styles != FORWARDING_NOTHING)
        writer_span(&writer, client->host);
    for (size_t i = 0; client->is_trusted && i < sizeof names / sizeof *names; i++) {
        for (position = 0;
             field_view_next_named(request, span_of_string(names[i]), &position, &value);) {
            writer_byte(&writer, '\n');
            writer_text(&writer, names[i]);
            writer_byte(&writer, ':');
            writer_span(&writer, value);
        }
    }
    position = 0;
    while (client->is_trusted &&
           field_view_next_named(request, span_of_string("forwarded"), &position, &value))
        write_parameters(&writer, value);
    if (writer.is_full)
        return -ENOBUFS;
    *ret_length = writer.length;
    return 0;
}
