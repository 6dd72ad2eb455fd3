/* SPDX-License-Identifier: MIT */
/*
 * url.c - parameters, escapes and dot segments, over bytes and lengths.
 *
 * A path is normalised in two steps in one buffer: the escapes first, so that "%2e%2e" becomes
 * "..", then the dot segments. The second step only ever shortens, so it works in place.
 */
#include "url_path.h"

#include <http/url.h>

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

/* Output that counts what it could not hold as an error. */
struct writer {
    char *buffer;
    size_t room;
    size_t length;
};

static int write_byte(struct writer *writer, char byte)
{
    if (writer->length >= writer->room)
        return -ENOBUFS;
    writer->buffer[writer->length++] = byte;
    return 0;
}

static int hexadecimal_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

/* The byte that the escape at `at` stands for, or -1 where it is none. `text.bytes[at]` is '%'. */
static int escape_value(struct span text, size_t at)
{
    int high, low;

    assert(text.bytes[at] == '%');
    if (text.length - at < 3)
        return -1;
    high = hexadecimal_value(text.bytes[at + 1]);
    low = hexadecimal_value(text.bytes[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* RFC 3986 section 2.3: what never needs an escape. */
static bool is_unreserved(int byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

/* The part of `*rest` before the first `separator`; `*rest` becomes what follows it. */
static struct span cut(struct span *rest, char separator)
{
    const char *found = rest->length > 0 ? memchr(rest->bytes, separator, rest->length) : NULL;
    struct span part = *rest;

    if (found == NULL) {
        *rest = span_of(NULL, 0);
        return part;
    }
    part.length = (size_t)(found - part.bytes);
    *rest = span_of(found + 1, rest->length - part.length - 1);
    return part;
}

void url_split(struct span target, struct span *ret_path, struct span *ret_query)
{
    struct span query = target;

    *ret_path = cut(&query, '?');
    *ret_query = query;
}

/*
 * Whether the encoded name stands for `name`, without a buffer to decode it into.
 * Returns 1 or 0, or -EINVAL for a bad escape anywhere in it.
 */
static int name_matches(struct span encoded, const char *name)
{
    size_t length = strlen(name), count = 0;
    bool is_equal = true;

    for (size_t i = 0; i < encoded.length; i++, count++) {
        int byte = (unsigned char)encoded.bytes[i];

        if (byte == '%') {
            byte = escape_value(encoded, i);
            if (byte < 0)
                return -EINVAL;
            i += 2;
        }
        if (count >= length || byte != (unsigned char)name[count])
            is_equal = false;
    }
    return is_equal && count == length;
}

int url_query_find_one(struct span query, const char *name, struct span *ret_value)
{
    struct span found = {NULL, 0};
    bool is_found = false;

    while (query.length > 0) {
        struct span value = cut(&query, '&');
        struct span encoded_name = cut(&value, '=');
        int matches = name_matches(encoded_name, name);

        if (matches < 0)
            return matches;
        if (matches == 0)
            continue;
        if (is_found)
            return -EEXIST;
        is_found = true;
        found = value;
    }
    if (!is_found)
        return -ENOENT;
    *ret_value = found;
    return 0;
}

int url_percent_decode(struct span encoded, char *buffer, size_t buffer_bytes, size_t *ret_length)
{
    struct writer writer = {.buffer = buffer, .room = buffer_bytes};

    for (size_t i = 0; i < encoded.length; i++) {
        int byte = (unsigned char)encoded.bytes[i];
        int err;

        if (byte == '%') {
            byte = escape_value(encoded, i);
            i += 2;
        }
        if (byte <= 0)
            return -EINVAL;
        err = write_byte(&writer, (char)byte);
        if (err < 0)
            return err;
    }
    *ret_length = writer.length;
    return 0;
}

/* One escape, spelt the one way. */
static int write_escape(struct writer *writer, int value)
{
    static const char digits[] = "0123456789ABCDEF";
    int err;

    if (is_unreserved(value))
        return write_byte(writer, (char)value);
    err = write_byte(writer, '%');
    if (err == 0)
        err = write_byte(writer, digits[value / 16]);
    if (err == 0)
        err = write_byte(writer, digits[value % 16]);
    return err;
}

int url_escapes_normalise(struct span text, char *buffer, size_t buffer_bytes, size_t *ret_length)
{
    struct writer writer = {.buffer = buffer, .room = buffer_bytes};

    for (size_t i = 0; i < text.length; i++) {
        int err;

        if (text.bytes[i] == '%') {
            int value = escape_value(text, i);

            if (value < 0)
                return -EINVAL;
            i += 2;
            err = write_escape(&writer, value);
        } else {
            err = write_byte(&writer, text.bytes[i]);
        }
        if (err < 0)
            return err;
    }
    *ret_length = writer.length;
    return 0;
}

/* In place, as `write` never passes `read`. */
size_t url_remove_dot_segments(char *path, size_t length)
{
    size_t read = 0, write = 0;

    while (read < length) {
        size_t end = read + 1;
        size_t segment;
        bool is_dot, is_dot_dot;

        assert(path[read] == '/');
        while (end < length && path[end] != '/')
            end++;
        segment = end - read - 1;
        is_dot = segment == 1 && path[read + 1] == '.';
        is_dot_dot = segment == 2 && path[read + 1] == '.' && path[read + 2] == '.';
        if (is_dot_dot) {
            while (write > 0 && path[--write] != '/')
                ; /* back to the slash of the segment before, if there is one */
        } else if (!is_dot) {
            memmove(path + write, path + read, end - read);
            write += end - read;
        }
        read = end;
        if (read == length && (is_dot || is_dot_dot))
            path[write++] = '/'; /* "/a/." and "/a/b/.." name a folder */
    }
    return write;
}

int url_path_normalise(struct span path, char *buffer, size_t buffer_bytes, size_t *ret_length)
{
    size_t length;
    int err;

    if (path.length == 0)
        path = span_of("/", 1);
    if (path.bytes[0] != '/')
        return -EINVAL;
    err = url_escapes_normalise(path, buffer, buffer_bytes, &length);
    if (err < 0)
        return err;
    *ret_length = url_remove_dot_segments(buffer, length);
    return 0;
}

#define EVERY_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The highest bit of each byte that is zero, and of none if none is. */
static uint64_t zero_bytes(uint64_t word)
{
    return (word - EVERY_BYTE(1)) & ~word & EVERY_BYTE(0x80);
}

/* Whether there is a '%' or a '.': eight bytes at a time, as each request is looked through. */
static bool has_mark(struct span path)
{
    uint64_t word;
    size_t at = 0;

    for (; at + sizeof word <= path.length; at += sizeof word) {
        memcpy(&word, path.bytes + at, sizeof word);
        if ((zero_bytes(word ^ EVERY_BYTE('%')) | zero_bytes(word ^ EVERY_BYTE('.'))) != 0)
            return true;
    }
    for (; at < path.length; at++) {
        if (path.bytes[at] == '%' || path.bytes[at] == '.')
            return true;
    }
    return false;
}

bool url_path_is_plain(struct span path)
{
    return !has_mark(path) || (memchr(path.bytes, '%', path.length) == NULL &&
                               memmem(path.bytes, path.length, "/.", 2) == NULL);
}

/* How long what stands at `at` is, if some server takes it for a slash; else 0. */
static size_t slash_length(const char *at, const char *end)
{
    if (at < end && (*at == '/' || *at == '\\'))
        return 1;
    return end - at >= 3 && (strncasecmp(at, "%2f", 3) == 0 || strncasecmp(at, "%5c", 3) == 0) ? 3
                                                                                               : 0;
}

bool url_path_hides_dots(struct span path)
{
    const char *at = path.bytes, *end = path.bytes + path.length;

    while (at < end) {
        size_t slash = slash_length(at, end), dots = 0;

        at += slash > 0 ? slash : 1;
        while (slash > 0 && dots < 2 && at + dots < end && at[dots] == '.')
            dots++;
        if (dots > 0 && (at + dots == end || at[dots] == ';' || slash_length(at + dots, end) > 0))
            return true;
    }
    return false;
}
