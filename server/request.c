/* SPDX-License-Identifier: MIT */
/*
 * request.c - what a handler asks of its request; see request.h.
 */
#include "request.h"

#include <assert.h>
#include <string.h>

#include "carrier.h"

static bool is_named(struct span name, const char *lower_case)
{
    return (name.bytes[0] | 0x20) == lower_case[0] &&
           strncasecmp(name.bytes, lower_case, name.length) == 0;
}

unsigned request_about(struct span name)
{
    switch (name.length) {
    case 3:
        return is_named(name, "via") ? REQUEST_ABOUT_WAY : 0;
    case 5:
        return is_named(name, "range") ? REQUEST_ABOUT_RANGE : 0;
    case 6:
        return is_named(name, "pragma")   ? REQUEST_ABOUT_CACHING
               : is_named(name, "expect") ? REQUEST_ABOUT_MESSAGE
                                          : 0;
    case 7:
        return is_named(name, "upgrade") ? REQUEST_ABOUT_MESSAGE : 0;
    case 8:
        return is_named(name, "cdn-loop") ? REQUEST_ABOUT_WAY : 0;
    case 13:
        return is_named(name, "cache-control")   ? REQUEST_ABOUT_CACHING
               : is_named(name, "if-none-match") ? REQUEST_ABOUT_CONDITION
                                                 : 0;
    case 14:
        return is_named(name, "content-length") ? REQUEST_ABOUT_MESSAGE : 0;
    case 17:
        return is_named(name, "if-modified-since")   ? REQUEST_ABOUT_CONDITION
               : is_named(name, "transfer-encoding") ? REQUEST_ABOUT_MESSAGE
                                                     : 0;
    default:
        return 0;
    }
}

/* The first field with the name among those from `index` on. */
static const struct span *field_from(const struct request *request, size_t index, const char *name)
{
    struct span wanted = span_of_string(name);

    for (; index < request->field_count; index++) {
        const struct field *field = &request->fields[index];
        if (field->name.length == wanted.length &&
            strncasecmp(field->name.bytes, name, wanted.length) == 0)
            return &field->value;
    }
    return NULL;
}

const struct span *request_field(const struct request *request, const char *name)
{
    return field_from(request, 0, name);
}

const struct span *request_field_next(const struct request *request, const char *name,
                                      const struct span *previous)
{
    const struct field *field = (const struct field *)(const void *)((const char *)previous -
                                                                     offsetof(struct field, value));

    assert(field >= request->fields && field < request->fields + request->field_count);
    return field_from(request, (size_t)(field - request->fields) + 1, name);
}

enum request_body_state request_body_look(struct request *request, struct span *ret_piece)
{
    assert(request->progress != REPLY_DONE);
    return request->carrier->look(request, ret_piece);
}

void request_body_take(struct request *request, size_t length)
{
    assert(request->progress != REPLY_DONE);
    request->carrier->take(request, length);
}

int request_peer(struct request *request, struct sockaddr_storage *ret_address)
{
    assert(request->progress != REPLY_DONE);
    return request->carrier->peer(request, ret_address);
}

void *request_state(struct request *request, size_t size)
{
    assert(size <= sizeof(request->state));
    memset(request->state, 0, size);
    return request->state;
}

const char *request_method_name(enum request_method method)
{
    switch (method) {
    case REQUEST_GET:
        return "GET";
    case REQUEST_HEAD:
        return "HEAD";
    case REQUEST_POST:
        return "POST";
    case REQUEST_PUT:
        return "PUT";
    case REQUEST_DELETE:
        return "DELETE";
    case REQUEST_CONNECT:
        return "CONNECT";
    case REQUEST_OPTIONS:
        return "OPTIONS";
    case REQUEST_TRACE:
        return "TRACE";
    case REQUEST_PATCH:
        return "PATCH";
    case REQUEST_OTHER:
    case REQUEST_ALL_METHODS:
        break;
    }
    return "?";
}
