/* SPDX-License-Identifier: MIT */
/*
 * url_reference.c - a reference cut into its parts, and put together with those of the base.
 *
 * The path of the result is built where it belongs, at the front of the buffer: the folder of the
 * base if it is needed, then the path of the reference, both with their escapes in one spelling;
 * then the dot segments are removed in place.
 */
#include "url_path.h"

#include <http/url.h>
#include <http/url_reference.h>

#include <errno.h>

/* The parts of a reference; `bytes` NULL where one is not there. */
struct parts {
    struct span scheme;
    struct span authority;
    struct span path;
    struct span query;
};

struct port {
    long number;
    bool is_valid;
};

/* The part of `*rest` before the first of `stops`; `*rest` begins with that afterwards. */
static struct span cut_before(struct span *rest, const char *stops)
{
    struct span part = span_of(rest->bytes, 0);

    while (part.length < rest->length && strchr(stops, rest->bytes[part.length]) == NULL)
        part.length++;
    if (part.length > 0) /* there are bytes to point to */
        *rest = span_of(rest->bytes + part.length, rest->length - part.length);
    return part;
}

static bool is_scheme(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.bytes[i];
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');

        if (!is_letter &&
            (i == 0 || ((byte < '0' || byte > '9') && byte != '+' && byte != '-' && byte != '.')))
            return false;
    }
    return text.length > 0;
}

/* RFC 3986 appendix B. The fragment is dropped. False for bytes that no reference has. */
static bool cut_reference(struct span reference, struct parts *ret_parts)
{
    struct span tail = reference, rest, scheme;

    *ret_parts = (struct parts){0};
    for (size_t i = 0; i < reference.length; i++) {
        unsigned char byte = (unsigned char)reference.bytes[i];

        if (byte <= 0x20 || byte >= 0x7f || strchr("\\\"<>^`{|}", byte) != NULL)
            return false;
    }
    rest = cut_before(&tail, "#");
    tail = rest;
    scheme = cut_before(&tail, ":/?");
    if (scheme.length < rest.length && rest.bytes[scheme.length] == ':') {
        if (!is_scheme(scheme))
            return false;
        ret_parts->scheme = scheme;
        rest = span_of(rest.bytes + scheme.length + 1, rest.length - scheme.length - 1);
    }
    if (rest.length >= 2 && rest.bytes[0] == '/' && rest.bytes[1] == '/') {
        rest = span_of(rest.bytes + 2, rest.length - 2);
        ret_parts->authority = cut_before(&rest, "/?");
    }
    ret_parts->path = cut_before(&rest, "?");
    if (rest.length > 0)
        ret_parts->query = span_of(rest.bytes + 1, rest.length - 1);
    return true;
}

static struct port read_port(struct span text, struct span scheme)
{
    struct port port = {.number = 0, .is_valid = true};

    if (text.length == 0)
        port.number = span_equals_ignoring_case(scheme, span_of("https", 5)) ? 443 : 80;
    for (size_t i = 0; i < text.length && port.is_valid; i++) {
        port.number = port.number * 10 + (text.bytes[i] - '0');
        port.is_valid = text.bytes[i] >= '0' && text.bytes[i] <= '9' && port.number <= 65535;
    }
    return port;
}

/* Host and port of an authority; an address in brackets keeps them. */
static struct span cut_host(struct span authority, struct span scheme, struct port *ret_port)
{
    struct span rest = authority, host;

    if (authority.length > 0 && authority.bytes[0] == '[') {
        host = cut_before(&rest, "]");
        host.length += rest.length > 0 ? 1 : 0;
        rest = span_of(authority.bytes + host.length, authority.length - host.length);
    } else {
        host = cut_before(&rest, ":");
    }
    ret_port->is_valid = false;
    if (rest.length == 0)
        *ret_port = read_port(rest, scheme);
    else if (rest.bytes[0] == ':')
        *ret_port = read_port(span_of(rest.bytes + 1, rest.length - 1), scheme);
    return host;
}

bool url_same_authority(struct span scheme, struct span left, struct span right)
{
    struct port left_port, right_port;
    struct span left_host = cut_host(left, scheme, &left_port);
    struct span right_host = cut_host(right, scheme, &right_port);

    return left_host.length > 0 && memchr(left_host.bytes, '@', left_host.length) == NULL &&
           span_equals_ignoring_case(left_host, right_host) && left_port.is_valid &&
           right_port.is_valid && left_port.number == right_port.number;
}

/* Append with the escapes in one spelling. */
static int append(struct span text, char *buffer, size_t room, size_t *length)
{
    size_t added;
    int err;

    if (text.length == 0)
        return 0;
    err = url_escapes_normalise(text, buffer + *length, room - *length, &added);
    if (err == 0)
        *length += added;
    return err;
}

/* RFC 3986 section 5.2.3. */
static struct span folder_of(struct span path)
{
    while (path.length > 0 && path.bytes[path.length - 1] != '/')
        path.length--;
    return path;
}

static int append_path(const struct url_base *base, struct span path, char *buffer, size_t room,
                       size_t *length)
{
    int err = 0;

    if (path.length == 0)
        path = base->path;
    else if (path.bytes[0] != '/')
        err = append(folder_of(base->path), buffer, room, length);
    if (err == 0)
        err = append(path, buffer, room, length);
    if (err < 0)
        return err;
    if (*length == 0 || buffer[0] != '/')
        return -EINVAL;
    *length = url_remove_dot_segments(buffer, *length);
    return 0;
}

int url_reference_resolve(const struct url_base *base, struct span reference, char *buffer,
                          size_t room, size_t *ret_length)
{
    struct parts parts;
    size_t length = 0;
    int err;

    if (!cut_reference(reference, &parts))
        return -EINVAL;
    if (parts.scheme.bytes != NULL && !span_equals_ignoring_case(parts.scheme, base->scheme))
        return -ENOENT;
    if (parts.scheme.bytes != NULL && parts.authority.bytes == NULL)
        return -EINVAL;
    if (parts.authority.bytes != NULL) {
        if (!url_same_authority(base->scheme, base->authority, parts.authority))
            return -ENOENT;
        if (parts.path.length == 0)
            parts.path = span_of("/", 1);
    } else if (parts.path.length == 0 && parts.query.bytes == NULL) {
        parts.query = base->query;
    }
    err = append_path(base, parts.path, buffer, room, &length);
    if (err == 0 && parts.query.bytes != NULL) {
        if (length == room)
            return -ENOBUFS;
        buffer[length++] = '?';
        err = append(parts.query, buffer, room, &length);
    }
    if (err < 0)
        return err;
    *ret_length = length;
    return 0;
}
