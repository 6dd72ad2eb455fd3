/* SPDX-License-Identifier: MIT */
/*
 * http1_check.c - see http1_check.h.
 */
#include "http1_check.h"

#include <ctype.h>
#include <string.h>

/* Longer than any method there is; what is longer is not one. */
#define METHOD_BYTES_MAX 32

static int refuse(int status, const char *detail, const char **ret_detail)
{
    *ret_detail = detail;
    return status;
}

/* Source: RFC 9110 section 5.6.2. */
static bool is_token_character(char character)
{
    unsigned char byte = (unsigned char)character;

    return isalnum(byte) != 0 || (byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

/* The part before the first `separator`; all when there is none. */
static struct span before(struct span text, char separator)
{
    const char *found = text.length == 0 ? NULL : memchr(text.bytes, separator, text.length);

    return found == NULL ? text : span_of(text.bytes, (size_t)(found - text.bytes));
}

static struct span skip(struct span text, size_t length)
{
    return span_of(text.bytes + length, text.length - length);
}

enum request_method http1_method(struct span name)
{
    static const struct {
        unsigned length;
        const char *name;
        enum request_method method;
    } known[] = {
        {3, "GET", REQUEST_GET},         {4, "HEAD", REQUEST_HEAD},
        {4, "POST", REQUEST_POST},       {3, "PUT", REQUEST_PUT},
        {6, "DELETE", REQUEST_DELETE},   {7, "CONNECT", REQUEST_CONNECT},
        {7, "OPTIONS", REQUEST_OPTIONS}, {5, "TRACE", REQUEST_TRACE},
        {5, "PATCH", REQUEST_PATCH},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (name.length == known[i].length && memcmp(name.bytes, known[i].name, name.length) == 0)
            return known[i].method;
    }
    return REQUEST_OTHER;
}

static int check_method(struct span method, const char **ret_detail)
{
    if (method.length == 0)
        return refuse(400, "The request line has no method.", ret_detail);
    for (size_t i = 0; i < method.length && i < METHOD_BYTES_MAX; i++) {
        if (!is_token_character(method.bytes[i]))
            return refuse(400, "The method holds a character that none has.", ret_detail);
    }
    if (method.length >= METHOD_BYTES_MAX)
        return refuse(501, "The method is longer than this server takes.", ret_detail);
    return 0;
}

int http1_check_line_begun(struct span begun, const struct server_limits *limits,
                           const char **ret_detail)
{
    struct span method = before(begun, ' ');
    int status = check_method(method, ret_detail);

    if (status != 0)
        return status;
    if (begun.length > method.length + limits->target_bytes + sizeof("  HTTP/1.1"))
        return refuse(414, "The request target is longer than this server takes.", ret_detail);
    return 0;
}

static int check_version(struct span version, const char **ret_detail)
{
    const char *bytes = version.bytes;

    if (version.length != 8 || memcmp(bytes, "HTTP/", 5) != 0 ||
        isdigit((unsigned char)bytes[5]) == 0 || bytes[6] != '.' ||
        isdigit((unsigned char)bytes[7]) == 0)
        return refuse(400, "The request line does not end in a version such as HTTP/1.1.",
                      ret_detail);
    if (bytes[5] != '1' || (bytes[7] != '0' && bytes[7] != '1'))
        return refuse(505, "This server speaks HTTP/1.0 and HTTP/1.1.", ret_detail);
    return 0;
}

int http1_check_line(struct span line, const struct server_limits *limits,
                     size_t *ret_method_length, const char **ret_detail)
{
    struct span method = before(line, ' ');
    int status = check_method(method, ret_detail);

    if (status != 0)
        return status;
    struct span rest = skip(line, method.length);
    if (rest.length < 2)
        return refuse(400, "The request line has no target.", ret_detail);
    rest = skip(rest, 1);
    struct span target = before(rest, ' ');
    if (target.length == 0)
        return refuse(400, "The request line has a space too many.", ret_detail);
    if (target.length > limits->target_bytes)
        return refuse(414, "The request target is longer than this server takes.", ret_detail);
    rest = skip(rest, target.length);
    if (rest.length == 0)
        return refuse(400, "The request line has no version; HTTP/0.9 is not spoken here.",
                      ret_detail);
    *ret_method_length = method.length;
    return check_version(skip(rest, 1), ret_detail);
}

/* host[:port]; an address in brackets may hold colons. */
bool http1_is_authority(struct span text)
{
    size_t at = 0;

    if (text.length > 0 && text.bytes[0] == '[') {
        for (at = 1; at < text.length && text.bytes[at] != ']'; at++) {
            if (isxdigit((unsigned char)text.bytes[at]) == 0 && text.bytes[at] != ':' &&
                text.bytes[at] != '.')
                return false;
        }
        if (at < 3 || at == text.length)
            return false;
        at++;
    } else {
        for (; at < text.length && text.bytes[at] != ':'; at++) {
            unsigned char byte = (unsigned char)text.bytes[at];
            if (isalnum(byte) == 0 && (byte == '\0' || strchr("-._~%!$&'()*+,;=", byte) == NULL))
                return false;
        }
        if (at == 0 && text.length > 0)
            return false;
    }
    if (at == text.length)
        return true;
    if (text.bytes[at] != ':' || text.length - at > sizeof(":65535") - 1)
        return false;
    unsigned port = 0;
    for (at++; at < text.length; at++) {
        if (isdigit((unsigned char)text.bytes[at]) == 0)
            return false;
        port = port * 10 + (unsigned)(text.bytes[at] - '0');
    }
    return port <= 65535;
}

/* Exactly one valid Host on HTTP/1.1, at most one on HTTP/1.0. Source: RFC 9112 section 3.2. */
static int check_host(struct request *request, const char **ret_detail)
{
    const struct span *host = request_field(request, "Host");

    if (host == NULL) {
        if (request->http_version >= 11)
            return refuse(400, "HTTP/1.1 needs a Host field.", ret_detail);
        return 0;
    }
    if (request_field_next(request, "Host", host) != NULL)
        return refuse(400, "There is more than one Host field.", ret_detail);
    if (!http1_is_authority(*host))
        return refuse(400, "The Host field is not a host and port.", ret_detail);
    request->authority = *host;
    return 0;
}

/* Cuts an absolute target into authority and the rest, which begins with '/', '?' or is empty. */
static int split_absolute(struct request *request, struct span *rest, const char **ret_detail)
{
    struct span target = request->target;
    struct span scheme = before(target, ':');

    if (!span_equals_ignoring_case(scheme, span_of_string("http")) &&
        !span_equals_ignoring_case(scheme, span_of_string("https")))
        return refuse(400, "The request target is neither a path nor an http URL.", ret_detail);
    target = skip(target, scheme.length);
    if (target.length < 3 || memcmp(target.bytes, "://", 3) != 0)
        return refuse(400, "The request target is neither a path nor an http URL.", ret_detail);
    target = skip(target, 3);
    struct span authority = before(before(target, '/'), '?');
    if (authority.length == 0 || !http1_is_authority(authority))
        return refuse(400, "The request target has no host and port, or more than that.",
                      ret_detail);
    request->form = REQUEST_ABSOLUTE_FORM;
    request->scheme = scheme;
    request->authority = authority;
    *rest = skip(target, authority.length);
    return 0;
}

/* CONNECT has no default port, and no content: what follows it belongs to the tunnel.
 * Source: RFC 9110 section 9.3.6. */
static int check_connect(struct request *request, const char **ret_detail)
{
    struct span target = request->target;
    size_t digits = 0;
    bool is_zero = true;

    while (digits < target.length &&
           isdigit((unsigned char)target.bytes[target.length - 1 - digits]) != 0) {
        is_zero = is_zero && target.bytes[target.length - 1 - digits] == '0';
        digits++;
    }
    if (!http1_is_authority(target) || is_zero || digits == target.length ||
        target.bytes[target.length - 1 - digits] != ':')
        return refuse(400, "The target of CONNECT is host:port.", ret_detail);
    request->form = REQUEST_AUTHORITY_FORM;
    request->authority = target;
    return 0;
}

/* The four forms of a target. Source: RFC 9112 section 3.2. */
static int check_target(struct request *request, const char **ret_detail)
{
    struct span target = request->target;

    if (memchr(target.bytes, '#', target.length) != NULL)
        return refuse(400, "A request target has no fragment.", ret_detail);
    request->form = REQUEST_ORIGIN_FORM;
    request->scheme = span_of(NULL, 0);
    request->path = span_of(NULL, 0);
    request->query = span_of(NULL, 0);
    if (request->method == REQUEST_CONNECT)
        return check_connect(request, ret_detail);
    if (target.bytes[0] == '*') {
        if (request->method != REQUEST_OPTIONS || target.length != 1)
            return refuse(400, "The target * is for OPTIONS alone.", ret_detail);
        request->form = REQUEST_ASTERISK_FORM;
        request->path = target;
        return 0;
    }
    if (target.bytes[0] != '/') {
        int status = split_absolute(request, &target, ret_detail);
        if (status != 0)
            return status;
    }
    request->path = before(target, '?');
    if (request->path.length < target.length)
        request->query = skip(target, request->path.length + 1);
    /* Source: RFC 9112 section 3.2.4. */
    if (request->path.length == 0)
        request->path = request->method == REQUEST_OPTIONS && request->query.bytes == NULL
                            ? span_of("*", 1)
                            : span_of("/", 1);
    return 0;
}

/* Only "chunked", once. Source: RFC 9112 sections 6.1 and 6.3, RFC 9110 section 10.1.4. */
static int check_transfer_encoding(const struct request *request, const char **ret_detail)
{
    const struct span *value = request_field(request, "Transfer-Encoding");

    if (value == NULL)
        return 0;
    if (request->http_version < 11)
        return refuse(400, "HTTP/1.0 has no Transfer-Encoding.", ret_detail);
    if (request_field_next(request, "Transfer-Encoding", value) != NULL)
        return refuse(400, "There is more than one Transfer-Encoding field.", ret_detail);
    for (struct span list = *value; list.length > 0;) {
        struct span coding = before(list, ',');
        list = skip(list, coding.length < list.length ? coding.length + 1 : coding.length);
        coding = span_trim(coding);
        if (coding.length > 0 && !span_equals_ignoring_case(coding, span_of_string("chunked")))
            return refuse(501, "chunked is the one transfer coding this server knows.", ret_detail);
    }
    if (!span_equals_ignoring_case(*value, span_of_string("chunked")))
        return refuse(400, "The body's framing by Transfer-Encoding is not clear.", ret_detail);
    return 0;
}

static int check_expect(const struct request *request, bool *ret_expects_continue,
                        const char **ret_detail)
{
    const struct span *value = request_field(request, "Expect");

    /* On HTTP/1.0 it is ignored. Source: RFC 9110 section 10.1.1. */
    if (value == NULL || request->http_version < 11)
        return 0;
    for (; value != NULL; value = request_field_next(request, "Expect", value)) {
        if (!span_equals_ignoring_case(*value, span_of_string("100-continue")))
            return refuse(417, "100-continue is the one expectation this server meets.",
                          ret_detail);
    }
    *ret_expects_continue = true;
    return 0;
}

int http1_check_head(struct request *request, bool *ret_expects_continue, const char **ret_detail)
{
    int status;

    request->is_head = request->method == REQUEST_HEAD;
    request->authority = span_of(NULL, 0);
    status = check_host(request, ret_detail);
    if (status == 0)
        status = check_target(request, ret_detail);
    if (status == 0)
        status = check_transfer_encoding(request, ret_detail);
    if (status == 0)
        status = check_expect(request, ret_expects_continue, ret_detail);
    return status;
}
