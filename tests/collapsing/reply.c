/* SPDX-License-Identifier: MIT */
/* reply.c - see reply.h. */
#include "reply.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool reply_is_over(const struct reply *reply)
{
    return reply->state >= REPLY_WHOLE;
}

bool http_field(const char *head, const char *name, char *value, size_t value_bytes)
{
    size_t name_bytes = strlen(name);

    value[0] = '\0';
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, name_bytes) != 0 || line[name_bytes] != ':')
            continue;
        const char *from = line + name_bytes + 1;
        from += strspn(from, " \t");
        snprintf(value, value_bytes, "%.*s", (int)strcspn(from, "\r\n"), from);
        return true;
    }
    return false;
}

bool reply_field(const struct reply *reply, const char *name, char *value, size_t value_bytes)
{
    value[0] = '\0';
    return reply->status != 0 && http_field(reply->head, name, value, value_bytes);
}

/* The body of an answer with Content-Range begins where that says. */
static void learn_offset(struct reply *reply)
{
    char range[128];

    if (reply->status == 206 && reply_field(reply, "Content-Range", range, sizeof(range)) &&
        strncasecmp(range, "bytes ", 6) == 0)
        reply->content.offset = (size_t)strtoull(range + 6, NULL, 10);
}

static void begin_body(struct reply *reply)
{
    char value[64];

    learn_offset(reply);
    if (reply->to_head || reply->status == 204 || reply->status == 304) {
        reply->state = REPLY_WHOLE;
    } else if (reply_field(reply, "Transfer-Encoding", value, sizeof(value))) {
        reply->state = strcasecmp(value, "chunked") == 0 ? REPLY_CHUNK_SIZE : REPLY_TO_CLOSE;
    } else if (reply_field(reply, "Content-Length", value, sizeof(value))) {
        reply->left_bytes = (size_t)strtoull(value, NULL, 10);
        reply->state = reply->left_bytes == 0 ? REPLY_WHOLE : REPLY_LENGTH;
    } else {
        reply->state = REPLY_TO_CLOSE;
    }
}

/* Bytes of the head; returns how many were taken. Interim replies (1xx) are passed over. */
static size_t take_head(struct reply *reply, const char *bytes, size_t length)
{
    size_t taken = 0;

    while (taken < length) {
        if (reply->head_bytes + 1 == sizeof(reply->head)) {
            reply->state = REPLY_MALFORMED;
            return length;
        }
        reply->head[reply->head_bytes++] = bytes[taken++];
        reply->head[reply->head_bytes] = '\0';
        if (reply->head_bytes < 4 ||
            memcmp(reply->head + reply->head_bytes - 4, "\r\n\r\n", 4) != 0)
            continue;
        if (strncmp(reply->head, "HTTP/1.", 7) != 0 || reply->head_bytes < 14) {
            reply->state = REPLY_MALFORMED;
            return length;
        }
        reply->status = (int)strtol(reply->head + strlen("HTTP/1.x "), NULL, 10);
        if (reply->status / 100 != 1) {
            begin_body(reply);
            return taken;
        }
        reply->status = 0;
        reply->head_bytes = 0;
    }
    return taken;
}

static size_t take_data(struct reply *reply, const char *bytes, size_t length)
{
    bool is_bounded = reply->state != REPLY_TO_CLOSE;
    size_t part = is_bounded && reply->left_bytes < length ? reply->left_bytes : length;

    content_reader_add(&reply->content, bytes, part);
    reply->body_bytes += part;
    if (is_bounded) {
        reply->left_bytes -= part;
        if (reply->left_bytes == 0)
            reply->state = reply->state == REPLY_LENGTH ? REPLY_WHOLE : REPLY_CHUNK_END;
    }
    return part;
}

/* A whole line of the framing by chunks, without its end, is in reply->line. */
static void end_line(struct reply *reply)
{
    switch (reply->state) {
    case REPLY_CHUNK_SIZE:
        if (!isxdigit((unsigned char)reply->line[0])) {
            reply->state = REPLY_MALFORMED;
            return;
        }
        reply->left_bytes = (size_t)strtoull(reply->line, NULL, 16);
        reply->state = reply->left_bytes == 0 ? REPLY_TRAILER : REPLY_CHUNK_DATA;
        break;
    case REPLY_CHUNK_END:
        reply->state = reply->line_bytes == 0 ? REPLY_CHUNK_SIZE : REPLY_MALFORMED;
        break;
    default:
        if (reply->line_bytes == 0)
            reply->state = REPLY_WHOLE;
        break;
    }
    reply->line_bytes = 0;
}

static size_t take_line(struct reply *reply, const char *bytes)
{
    if (*bytes == '\n') {
        reply->line[reply->line_bytes] = '\0';
        end_line(reply);
    } else if (*bytes != '\r' && reply->line_bytes + 1 < sizeof(reply->line)) {
        reply->line[reply->line_bytes++] = *bytes;
    }
    return 1;
}

void reply_add(struct reply *reply, const char *bytes, size_t length)
{
    while (length > 0 && !reply_is_over(reply)) {
        size_t taken;
        switch (reply->state) {
        case REPLY_HEAD:
            taken = take_head(reply, bytes, length);
            break;
        case REPLY_LENGTH:
        case REPLY_CHUNK_DATA:
        case REPLY_TO_CLOSE:
            taken = take_data(reply, bytes, length);
            break;
        default:
            taken = take_line(reply, bytes);
            break;
        }
        bytes += taken;
        length -= taken;
    }
    if (length > 0)
        reply->has_excess = true;
}

void reply_end(struct reply *reply, bool is_reset)
{
    if (reply_is_over(reply))
        return;
    reply->state = reply->state == REPLY_TO_CLOSE && !is_reset ? REPLY_WHOLE : REPLY_CUT;
}
