/* SPDX-License-Identifier: MIT */
/*
 * forwarding.c - what is kept of a message on its way, and what is added.
 *
 * Lines that a list may be spread over are written as further lines, with one exception:
 * X-Forwarded-For becomes one line, as many programs read one only.
 */
#include "writer.h"

#include <http/forwarding.h>
#include <http/list.h>

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IS_ONE_OF(name, names)                                                                     \
    fields_name_is_one_of(name, names, sizeof(names) / sizeof((names)[0]))

/* Whether the text is the name, or the name with a port behind. */
static bool names_us(struct span text, struct span own_name)
{
    if (text.length < own_name.length ||
        !span_equals_ignoring_case(span_of(text.bytes, own_name.length), own_name))
        return false;
    return text.length == own_name.length || text.bytes[own_name.length] == ':';
}

/* The text up to the first of `stops`. */
static struct span until(struct span text, const char *stops)
{
    size_t length = 0;

    while (length < text.length && strchr(stops, text.bytes[length]) == NULL)
        length++;
    return span_of(text.bytes, length);
}

/* The received-by of a member of Via: its second word. Source: RFC 9110 section 7.6.3. */
static struct span received_by(struct span member)
{
    struct span protocol = until(member, " \t");

    member = span_trim(span_of(member.bytes + protocol.length, member.length - protocol.length));
    return until(member, " \t(");
}

/* The cdn-id of a member of CDN-Loop. Source: RFC 8586 section 2. */
static struct span cdn_id(struct span member)
{
    return until(member, " \t;");
}

static int count_members(struct field_view request, const char *name,
                         struct span (*get_name)(struct span member), struct span own_name)
{
    struct span value, member;
    struct list list;
    size_t position = 0;
    int count = 0;

    while (field_view_next_named(request, span_of_string(name), &position, &value)) {
        list_init(&list, value, ',');
        while (list_next(&list, &member))
            count += names_us(get_name(member), own_name) ? 1 : 0;
    }
    return count;
}

int forwarding_count_visits(struct field_view request, struct span own_name)
{
    int by_via = count_members(request, "via", received_by, own_name);
    int by_loop = count_members(request, "cdn-loop", cdn_id, own_name);

    return by_via > by_loop ? by_via : by_loop;
}

static void write_number(struct writer *writer, unsigned number)
{
    char digits[10];
    size_t count = sizeof digits;

    do {
        digits[--count] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    writer_span(writer, span_of(digits + count, sizeof digits - count));
}

int forwarding_via_write(int http_version, struct span own_name, char *buffer, size_t room,
                         size_t *ret_length)
{
    struct writer writer = {.buffer = buffer, .room = room};

    write_number(&writer, (unsigned)http_version / 10);
    writer_byte(&writer, '.');
    write_number(&writer, (unsigned)http_version % 10);
    writer_byte(&writer, ' ');
    writer_span(&writer, own_name);
    if (writer.is_full)
        return -ENOBUFS;
    *ret_length = writer.length;
    return 0;
}

static bool is_ipv6(struct span address)
{
    return address.length > 0 && memchr(address.bytes, ':', address.length) != NULL;
}

/* RFC 7239 section 6: nodename, and perhaps a port; what is no token is quoted. */
static void write_node(struct writer *writer, const struct forwarding_client *client)
{
    bool has_brackets = is_ipv6(client->address);
    bool has_quotes = has_brackets || client->port > 0;

    if (client->address.length == 0) {
        writer_text(writer, "unknown");
        return;
    }
    writer_text(writer, has_quotes ? "\"" : "");
    writer_text(writer, has_brackets ? "[" : "");
    writer_span(writer, client->address);
    writer_text(writer, has_brackets ? "]" : "");
    if (client->port > 0) {
        writer_byte(writer, ':');
        write_number(writer, client->port);
    }
    writer_text(writer, has_quotes ? "\"" : "");
}

static void write_token_or_quoted(struct writer *writer, struct span text)
{
    if (fields_is_token(text)) {
        writer_span(writer, text);
        return;
    }
    writer_byte(writer, '"');
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] == '"' || text.bytes[i] == '\\')
            writer_byte(writer, '\\');
        writer_byte(writer, text.bytes[i]);
    }
    writer_byte(writer, '"');
}

static const char *scheme_of(const struct forwarding_client *client)
{
    return client->is_https ? "https" : "http";
}

int forwarding_element_write(const struct forwarding_client *client, char *buffer, size_t room,
                             size_t *ret_length)
{
    struct writer writer = {.buffer = buffer, .room = room};

    writer_text(&writer, "for=");
    write_node(&writer, client);
    if (client->host.length > 0) {
        writer_text(&writer, ";host=");
        write_token_or_quoted(&writer, client->host);
    }
    writer_text(&writer, ";proto=");
    writer_text(&writer, scheme_of(client));
    if (writer.is_full)
        return -ENOBUFS;
    *ret_length = writer.length;
    return 0;
}

/* Whether the name begins so. Programs behind a gateway see '-' and '_' as one (RFC 3875 section
 * 4.1.18), so an underscore is no way around. */
static bool begins(struct span name, const char *with)
{
    size_t length = strlen(with);

    if (name.length < length)
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)name.bytes[i];
        if (with[i] != (byte == '_' ? '-' : (char)tolower(byte)))
            return false;
    }
    return true;
}

/* What a client says of itself, or of those before it. */
static bool tells_of_client(struct span name)
{
    return begins(name, "x-forwarded-") || (begins(name, "x-real-ip") && name.length == 9) ||
           (begins(name, "forwarded") && name.length == 9);
}

/* What goes on as it is. */
static bool is_kept(struct field_view request, const struct forwarding_client *client,
                    struct span name)
{
    static const char *const dropped[] = {"host", "content-length", "expect", "max-forwards",
                                          "x-forwarded-for"};
    static const char *const against_loops[] = {"via", "cdn-loop"};

    if (IS_ONE_OF(name, against_loops))
        return true;
    if (IS_ONE_OF(name, dropped) || (!client->is_trusted && tells_of_client(name)))
        return false;
    return !field_view_is_hop_by_hop(request, name);
}

bool forwarding_changes(struct field_view request, struct span name)
{
    static const struct forwarding_client nobody;

    return !is_kept(request, &nobody, name);
}

static int append_kept(struct fields *fields, struct field_view request,
                       const struct forwarding_client *client)
{
    struct field field;
    size_t position = 0;
    int err = 0;

    while (err == 0 && field_view_next(request, &position, &field)) {
        if (is_kept(request, client, field.name))
            err = fields_append(fields, field.name, field.value);
    }
    return err;
}

static int append_text(struct fields *fields, const char *name, struct span value)
{
    return fields_append(fields, span_of_string(name), value);
}

static int append_hops(struct fields *fields, struct field_view request)
{
    char number[16];
    struct writer writer = {.buffer = number, .room = sizeof number};
    int hops = forwarding_hops_left(request);

    if (hops <= 0)
        return 0;
    write_number(&writer, (unsigned)hops - 1);
    return append_text(fields, "Max-Forwards", span_of(number, writer.length));
}

/* What trusted clients said, and our own client behind. */
static void write_addresses(struct writer *writer, struct field_view request,
                            const struct forwarding_client *client, bool is_ours_told)
{
    struct span value;
    size_t position = 0;

    while (client->is_trusted &&
           field_view_next_named(request, span_of_string("x-forwarded-for"), &position, &value)) {
        writer_text(writer, writer->length > 0 && value.length > 0 ? ", " : "");
        writer_span(writer, value);
    }
    if (!is_ours_told)
        return;
    writer_text(writer, writer->length > 0 ? ", " : "");
    if (client->address.length > 0)
        writer_span(writer, client->address);
    else
        writer_text(writer, "unknown");
}

/* Whether a trusted client has said it already. */
static bool is_told(struct field_view request, const struct forwarding_client *client,
                    const char *name)
{
    struct span value;

    return client->is_trusted && field_view_find(request, name, &value);
}

static int append_customary(struct fields *fields, struct field_view request,
                            const struct forwarding_client *client)
{
    int err = 0;

    if (!is_told(request, client, "x-forwarded-proto"))
        err = append_text(fields, "X-Forwarded-Proto", span_of_string(scheme_of(client)));
    if (err == 0 && client->host.length > 0 && !is_told(request, client, "x-forwarded-host"))
        err = append_text(fields, "X-Forwarded-Host", client->host);
    return err;
}

/* The lines that are put together in a buffer. */
static int append_composed(struct fields *fields, struct field_view request,
                           const struct forwarding_client *client, unsigned styles)
{
    size_t room = 256 + client->address.length + 2 * client->host.length, position = 0, length = 0;
    struct writer writer = {.buffer = NULL};
    struct span value;
    int err = 0;

    while (field_view_next_named(request, span_of_string("x-forwarded-for"), &position, &value))
        room += value.length + 2;
    writer.room = room;
    writer.buffer = malloc(room);
    if (writer.buffer == NULL)
        return -ENOMEM;
    write_addresses(&writer, request, client, (styles & FORWARDING_CUSTOMARY) != 0);
    if (writer.length > 0)
        err = append_text(fields, "X-Forwarded-For", span_of(writer.buffer, writer.length));
    if (err == 0 && (styles & FORWARDING_STANDARD) != 0) {
        err = forwarding_element_write(client, writer.buffer, room, &length);
        if (err == 0)
            err = append_text(fields, "Forwarded", span_of(writer.buffer, length));
    }
    free(writer.buffer);
    return err;
}

int forwarding_request_fields(struct field_view request, const struct forwarding_client *client,
                              unsigned styles, struct fields *ret_fields)
{
    struct fields fields;
    int err;

    fields_init(&fields);
    err = append_kept(&fields, request, client);
    if (err == 0)
        err = append_hops(&fields, request);
    if (err == 0)
        err = append_composed(&fields, request, client, styles);
    if (err == 0 && (styles & FORWARDING_CUSTOMARY) != 0)
        err = append_customary(&fields, request, client);
    if (err < 0) {
        fields_fini(&fields);
        return err;
    }
    *ret_fields = fields;
    return 0;
}

bool forwarding_wants_trailers(struct field_view request)
{
    struct span value, member;
    struct list list;
    size_t position = 0;

    while (field_view_next_named(request, span_of_string("te"), &position, &value)) {
        list_init(&list, value, ',');
        while (list_next(&list, &member)) {
            if (span_equals_ignoring_case(until(member, " \t;"), span_of("trailers", 8)))
                return true;
        }
    }
    return false;
}

bool forwarding_trailer_is_allowed(struct span name)
{
    static const char *const names[] = {
        /* framing and routing */
        "transfer-encoding", "content-length", "host", "trailer", "te", "connection", "keep-alive",
        "proxy-connection", "upgrade", "via", "cdn-loop", "max-forwards", "forwarded",
        /* how to handle the message, and what it is */
        "cache-control", "expires", "age", "date", "vary", "pragma", "warning", "location",
        "retry-after", "expect", "range", "content-encoding", "content-type", "content-range",
        "content-location", "content-disposition", "cdn-cache-control", "if-match", "if-none-match",
        "if-modified-since", "if-unmodified-since", "if-range",
        /* who may, and state of clients */
        "authorization", "proxy-authorization", "proxy-authenticate", "proxy-authentication-info",
        "www-authenticate", "authentication-info", "cookie", "cookie2", "set-cookie", "set-cookie2",
        "clear-site-data", "strict-transport-security"};

    return !IS_ONE_OF(name, names);
}

bool forwarding_interim_is_passed_on(int status, int client_http_version, bool client_expects_100)
{
    if (status < 100 || status > 199 || status == 101 || client_http_version < 11)
        return false;
    return status != 100 || client_expects_100;
}

int forwarding_hops_left(struct field_view request)
{
    struct span value;
    int hops = 0;

    if (!field_view_find(request, "max-forwards", &value) || value.length == 0 || value.length > 9)
        return -1;
    for (size_t i = 0; i < value.length; i++) {
        if (value.bytes[i] < '0' || value.bytes[i] > '9')
            return -1;
        hops = hops * 10 + (value.bytes[i] - '0');
    }
    return hops;
}
