/* SPDX-License-Identifier: MIT */
/*
 * url.c - reads the URL of an upstream, strictly.
 *
 * The steps are those of the rules: bytes, scheme, authority, host, port, path, query; then the
 * normalised text is built. The host: see url_host.c.
 */
#include <fetch/url.h>

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include <http/url.h>

#include "scratch.h"
#include "url_host.h"

/* The parts of a URL as they stand in its text. */
struct url_parts {
    bool is_https;
    struct span host; /* without brackets */
    bool is_bracketed;
    uint16_t port; /* 0: not given */
    struct span path;
    struct span query; /* bytes NULL: no '?' */
};

struct fetch_url *fetch_url_ref(struct fetch_url *url)
{
    unsigned before = atomic_fetch_add_explicit(&url->references, 1, memory_order_relaxed);

    assert(before > 0);
    (void)before;
    return url;
}

void fetch_url_unref(struct fetch_url *url)
{
    if (url != NULL && atomic_fetch_sub_explicit(&url->references, 1, memory_order_acq_rel) == 1)
        scratch_free(url);
}

const char *fetch_url_error_text(int status)
{
    switch (status) {
    case -ENAMETOOLONG:
        return "the URL is too long";
    case -EILSEQ:
        return "the URL contains a byte that has to be percent-encoded";
    case -EPROTONOSUPPORT:
        return "the URL has to begin with http:// or https://";
    case -EPERM:
        return "the URL must not contain a user name or password";
    case -EADDRNOTAVAIL:
        return "the host of the URL is not valid";
    case -ERANGE:
        return "the port of the URL is not valid";
    case -ENOMEM:
        return "out of memory";
    default:
        return "the URL is not valid";
    }
}

/* Rule A.2, but for the host's letters, which check_host_bytes() looks at. */
static int check_bytes(struct span text, struct span authority)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        bool is_in_authority = text.bytes + i >= authority.bytes &&
                               text.bytes + i < authority.bytes + authority.length;
        if (byte < 0x21 || byte == 0x7f || byte == '\\')
            return -EILSEQ;
        if (byte >= 0x80 && !is_in_authority)
            return -EILSEQ;
    }
    return 0;
}

static int parse_port(struct span digits, uint16_t *ret_port)
{
    unsigned port = 0;

    if (digits.length == 0)
        return 0; /* "host:" means the default port */
    for (size_t i = 0; i < digits.length; i++) {
        if (!isdigit((unsigned char)digits.bytes[i]))
            return -ERANGE;
        port = port * 10 + (unsigned)(digits.bytes[i] - '0');
        if (port > 65535)
            return -ERANGE;
    }
    if (port == 0)
        return -ERANGE;
    *ret_port = (uint16_t)port;
    return 0;
}

static int split_authority(struct span authority, struct url_parts *parts)
{
    struct span rest;

    if (memchr(authority.bytes, '@', authority.length) != NULL)
        return -EPERM;
    if (authority.length == 0 || memchr(authority.bytes, '%', authority.length) != NULL)
        return -EADDRNOTAVAIL;
    if (authority.bytes[0] == '[') {
        parts->is_bracketed = true;
        parts->host = span_until(span_skip(authority, 1), "]");
        if (parts->host.length + 1 == authority.length)
            return -EADDRNOTAVAIL;
        rest = span_skip(authority, parts->host.length + 2);
    } else {
        parts->host = span_until(authority, ":");
        rest = span_skip(authority, parts->host.length);
    }
    if (rest.length == 0)
        return 0;
    if (rest.bytes[0] != ':')
        return -EADDRNOTAVAIL;
    return parse_port(span_skip(rest, 1), &parts->port);
}

static int split_url(struct span text, struct url_parts *ret_parts)
{
    struct url_parts parts = {0};
    struct span authority, rest;
    int err;

    if (span_starts_with_nocase(text, "https://"))
        parts.is_https = true;
    else if (!span_starts_with_nocase(text, "http://"))
        return -EPROTONOSUPPORT;
    rest = span_skip(text, parts.is_https ? 8 : 7);
    authority = span_until(rest, "/?#");
    err = check_bytes(text, authority);
    if (err < 0)
        return err;
    err = split_authority(authority, &parts);
    if (err < 0)
        return err;
    rest = span_until(span_skip(rest, authority.length), "#");
    parts.path = span_until(rest, "?");
    if (parts.path.length < rest.length)
        parts.query = span_skip(rest, parts.path.length + 1);
    *ret_parts = parts;
    return 0;
}

static char *append(char *at, const char *bytes, size_t count)
{
    memcpy(at, bytes, count);
    return at + count;
}

/* Writes scheme, host and port behind each other; the room is enough by allocate_url(). */
static char *write_origin(char *at, const struct url_parts *parts, const struct url_host *host,
                          uint16_t port)
{
    char digits[6];
    size_t digit_count = 0;

    at = parts->is_https ? append(at, "https://", 8) : append(at, "http://", 7);
    if (host->family == AF_INET6)
        *at++ = '[';
    at = append(at, host->name, strlen(host->name));
    if (host->family == AF_INET6)
        *at++ = ']';
    if (port == (parts->is_https ? 443 : 80))
        return at;
    for (unsigned rest = port; rest > 0; rest /= 10)
        digits[digit_count++] = (char)('0' + rest % 10);
    *at++ = ':';
    while (digit_count > 0)
        *at++ = digits[--digit_count];
    return at;
}

static int build_url(const struct url_parts *parts, const struct url_host *host,
                     struct fetch_url **ret_url)
{
    size_t host_bytes = strlen(host->name);
    size_t text_room = 8 + host_bytes + 2 + 6 + parts->path.length + 1 + 1 + parts->query.length;
    struct fetch_url *url = scratch_allocate(sizeof *url + text_room + 1 + host_bytes + 1);
    size_t count;
    char *at;
    int err;

    if (url == NULL)
        return -ENOMEM;
    atomic_init(&url->references, 1);
    url->is_https = parts->is_https;
    url->family = host->family;
    url->port = parts->port != 0 ? parts->port : (uint16_t)(parts->is_https ? 443 : 80);
    url->text = url->bytes;
    url->host = url->bytes + text_room + 1;
    memcpy(url->bytes + text_room + 1, host->name, host_bytes + 1);

    at = write_origin(url->bytes, parts, host, url->port);
    url->path = at;
    err = url_path_normalise(parts->path, at, parts->path.length + 1, &count);
    if (err < 0)
        goto fail;
    at += count;
    if (parts->query.bytes != NULL) {
        *at++ = '?';
        err = url_escapes_normalise(parts->query, at, parts->query.length, &count);
        if (err < 0)
            goto fail;
        at += count;
    }
    *at = '\0';
    url->text_bytes = (size_t)(at - url->bytes);
    assert(url->text_bytes <= text_room);
    *ret_url = url;
    return 0;
fail:
    scratch_free(url);
    return err;
}

int fetch_url_parse(const char *text, size_t text_bytes, size_t bytes_max,
                    struct fetch_url **ret_url)
{
    struct url_parts parts;
    struct url_host host;
    int err;

    if (text_bytes > bytes_max)
        return -ENAMETOOLONG;
    err = split_url(span_of(text, text_bytes), &parts);
    if (err < 0)
        return err;
    err = url_host_read(parts.host, parts.is_bracketed, &host);
    if (err < 0)
        return err;
    return build_url(&parts, &host, ret_url);
}

/* Whether a reference begins with a scheme. Source: RFC 3986 section 3.1. */
static bool has_scheme(struct span text)
{
    struct span scheme = span_until(text, ":/?#");

    if (scheme.length == 0 || scheme.length == text.length || text.bytes[scheme.length] != ':' ||
        !isalpha((unsigned char)text.bytes[0]))
        return false;
    for (size_t i = 0; i < scheme.length; i++) {
        if (!isalnum((unsigned char)text.bytes[i]) && strchr("+-.", text.bytes[i]) == NULL)
            return false;
    }
    return true;
}

/* Origins write blanks and other alphabets into Location; browsers escape them, and so do we. */
static int escape_location(struct span location, char **ret_text, size_t *ret_bytes)
{
    static const char hex[] = "0123456789ABCDEF";
    char *text = malloc(location.length * 3 + 1);
    size_t bytes = 0;

    if (text == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < location.length; i++) {
        unsigned char byte = (unsigned char)location.bytes[i];
        if (byte < 0x20 || byte == 0x7f) {
            free(text);
            return -EILSEQ;
        }
        if (byte == ' ' || byte >= 0x80) {
            text[bytes++] = '%';
            text[bytes++] = hex[byte >> 4];
            text[bytes++] = hex[byte & 15];
        } else {
            text[bytes++] = (char)byte;
        }
    }
    text[bytes] = '\0';
    *ret_text = text;
    *ret_bytes = bytes;
    return 0;
}

/* A reference without authority: libcurl merges it with the base, which it has parsed before. */
static int merge_relative(const struct fetch_url *base, const char *reference, size_t bytes_max,
                          struct fetch_url **ret_url)
{
    CURLU *parser = curl_url();
    char *merged = NULL;
    int err = -EINVAL;

    if (parser == NULL)
        return -ENOMEM;
    /* Nothing, or a fragment alone: the base itself, which libcurl would shorten. */
    if (*reference == '\0' || *reference == '#')
        err = fetch_url_parse(base->text, base->text_bytes, bytes_max, ret_url);
    else if (curl_url_set(parser, CURLUPART_URL, base->text, 0) == CURLUE_OK &&
             curl_url_set(parser, CURLUPART_URL, reference, 0) == CURLUE_OK &&
             curl_url_get(parser, CURLUPART_URL, &merged, 0) == CURLUE_OK)
        err = fetch_url_parse(merged, strlen(merged), bytes_max, ret_url);
    curl_free(merged);
    curl_url_cleanup(parser);
    return err;
}

int fetch_url_resolve(const struct fetch_url *base, const char *location, size_t location_bytes,
                      size_t bytes_max, struct fetch_url **ret_url)
{
    char *text;
    size_t text_bytes;
    int err;

    if (location_bytes > bytes_max)
        return -ENAMETOOLONG;
    err = escape_location(span_of(location, location_bytes), &text, &text_bytes);
    if (err < 0)
        return err;
    if (memchr(text, '\\', text_bytes) != NULL) {
        err = -EILSEQ;
    } else if (has_scheme(span_of(text, text_bytes))) {
        err = fetch_url_parse(text, text_bytes, bytes_max, ret_url);
    } else if (text_bytes >= 2 && memcmp(text, "//", 2) == 0) {
        char *absolute = NULL;
        int count = asprintf(&absolute, "%s%s", base->is_https ? "https:" : "http:", text);
        if (count < 0)
            absolute = NULL;
        err = count < 0 ? -ENOMEM : fetch_url_parse(absolute, (size_t)count, bytes_max, ret_url);
        free(absolute);
    } else {
        err = merge_relative(base, text, bytes_max, ret_url);
    }
    free(text);
    return err;
}
