/* SPDX-License-Identifier: MIT */
/*
 * http1_reply.c - see http1_reply.h. A head is first put together on the stack, since most are
 * short, and copied once; a field that does not fit there sends the part before it on its way.
 */
#include "http1_reply.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "handlers/cache_status.h"
#include "problem.h"

#define LINE_BYTES 1024

struct writer {
    struct output *output;
    size_t length;
    int status; /* the first error */
    char bytes[LINE_BYTES];
};

static const struct reply_memory memory_none = {.release = NULL, .context = NULL};

static void writer_pass(struct writer *writer)
{
    if (writer->length > 0 && writer->status == 0)
        writer->status = output_copy(writer->output, writer->bytes, writer->length);
    writer->length = 0;
}

static void put(struct writer *writer, const char *text, size_t length)
{
    if (length > sizeof(writer->bytes) - writer->length) {
        writer_pass(writer);
        if (length > sizeof(writer->bytes)) {
            if (writer->status == 0)
                writer->status = output_copy(writer->output, text, length);
            return;
        }
    }
    memcpy(writer->bytes + writer->length, text, length);
    writer->length += length;
}

#define PUT_LITERAL(writer, text) put(writer, text, sizeof(text) - 1)

static void put_number(struct writer *writer, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(writer, digits + at, sizeof(digits) - at);
}

static void put_status_line(struct writer *writer, int status)
{
    const char *reason = problem_reason(status);
    PUT_LITERAL(writer, "HTTP/1.1 ");
    put_number(writer, (uint64_t)status);
    PUT_LITERAL(writer, " ");
    put(writer, reason, strlen(reason));
    PUT_LITERAL(writer, "\r\n");
}

static void put_field(struct writer *writer, const char *name, const char *value)
{
    size_t name_length = strlen(name), value_length = strlen(value);

    if (name_length + value_length + 4 <= sizeof(writer->bytes) - writer->length) {
        char *at = mempcpy(writer->bytes + writer->length, name, name_length);
        *at++ = ':';
        *at++ = ' ';
        at = mempcpy(at, value, value_length);
        *at++ = '\r';
        *at++ = '\n';
        writer->length = (size_t)(at - writer->bytes);
        return;
    }
    put(writer, name, strlen(name));
    PUT_LITERAL(writer, ": ");
    put(writer, value, strlen(value));
    PUT_LITERAL(writer, "\r\n");
}

static void put_framing(struct writer *writer, const struct http1_framing *framing)
{
    if (framing->is_chunked) {
        PUT_LITERAL(writer, "Transfer-Encoding: chunked\r\n");
    } else if (framing->length_bytes >= 0) {
        PUT_LITERAL(writer, "Content-Length: ");
        put_number(writer, (uint64_t)framing->length_bytes);
        PUT_LITERAL(writer, "\r\n");
    }
    if (framing->persistence == HTTP1_CLOSE)
        PUT_LITERAL(writer, "Connection: close\r\n");
    else if (framing->persistence == HTTP1_KEEP_ALIVE)
        PUT_LITERAL(writer, "Connection: keep-alive\r\n");
}

size_t reply_ready_head(char *to, int status, uint64_t length_bytes, struct iovec prepared)
{
    const struct http1_framing framing = {.length_bytes = (int64_t)length_bytes};
    struct writer writer;

    writer.output = NULL; /* it is never passed on: there is room for all */
    writer.length = 0;
    writer.status = 0;
    put_status_line(&writer, status);
    put_framing(&writer, &framing);
    assert(writer.length <= REPLY_READY_BYTES);
    memcpy(to, writer.bytes, writer.length);
    memcpy(to + writer.length, prepared.iov_base, prepared.iov_len);
    return writer.length + prepared.iov_len;
}

int http1_reply_head(struct output *output, const struct reply_head *head,
                     const struct http1_framing *framing, struct reply_memory memory)
{
    struct writer writer;
    bool is_copied;

    assert((head->status >= 200 && head->status <= 999) || head->status == 101);
    if (head->ready.iov_len > 0 && framing->persistence == HTTP1_UNSAID) {
        assert(framing->length_bytes >= 0 && !framing->is_chunked);
        writer.status = output_copy(output, head->ready.iov_base, head->ready.iov_len);
        if (memory.release != NULL)
            memory.release(memory.context);
        return writer.status;
    }
    writer.output = output;
    writer.length = 0;
    writer.status = 0;
    if (head->status == 200)
        PUT_LITERAL(&writer, "HTTP/1.1 200 OK\r\n");
    else
        put_status_line(&writer, head->status);
    if (!head->has_date)
        put_field(&writer, "Date", framing->date);
    put_framing(&writer, framing);
    /* Two spans more to send would cost the kernel more than the copy of a short one. */
    is_copied = head->prepared.iov_len <= sizeof(writer.bytes) - writer.length;
    if (is_copied && head->prepared.iov_len > 0) {
        put(&writer, head->prepared.iov_base, head->prepared.iov_len);
    } else if (!is_copied) {
        writer_pass(&writer);
        output_refer(output, head->prepared.iov_base, head->prepared.iov_len, memory);
    }
    /* Ours come last: of several Cache-Status, each cache's is behind those nearer to the origin.
     * Source: RFC 9211 section 2. */
    for (size_t i = 0; i < head->field_count; i++)
        put_field(&writer, head->fields[i].name, head->fields[i].value);
    if (head->lines.iov_len > 0)
        put(&writer, head->lines.iov_base, head->lines.iov_len);
    if (!head->has_account)
        PUT_LITERAL(&writer, CACHE_STATUS_LOCAL_LINES);
    PUT_LITERAL(&writer, "\r\n");
    writer_pass(&writer);
    if (is_copied && memory.release != NULL)
        memory.release(memory.context);
    return writer.status;
}

int http1_reply_body(struct output *output, bool is_chunked, const struct iovec *spans,
                     size_t span_count, struct reply_memory memory)
{
    size_t length = 0;
    char size_line[20];
    int status = 0;

    assert(span_count > 0);
    if (is_chunked) {
        for (size_t i = 0; i < span_count; i++)
            length += spans[i].iov_len;
        int digits = snprintf(size_line, sizeof(size_line), "%zx\r\n", length);
        status = output_copy(output, size_line, (size_t)digits);
    }
    for (size_t i = 0; i < span_count; i++)
        output_refer(output, spans[i].iov_base, spans[i].iov_len,
                     i + 1 == span_count ? memory : memory_none);
    if (is_chunked && status == 0)
        status = output_copy(output, "\r\n", 2);
    return status;
}

int http1_reply_end(struct output *output, bool is_chunked, struct iovec trailers)
{
    int status;

    if (!is_chunked)
        return 0;
    if (trailers.iov_len == 0)
        return output_copy(output, "0\r\n\r\n", 5);
    status = output_copy(output, "0\r\n", 3);
    if (status == 0)
        status = output_copy(output, trailers.iov_base, trailers.iov_len);
    if (status == 0)
        status = output_copy(output, "\r\n", 2);
    return status;
}

int http1_reply_interim(struct output *output, int status, struct iovec prepared)
{
    struct writer writer;

    assert(status >= 100 && status <= 199);
    writer.output = output;
    writer.length = 0;
    writer.status = 0;
    put_status_line(&writer, status);
    if (prepared.iov_len > 0)
        put(&writer, prepared.iov_base, prepared.iov_len);
    PUT_LITERAL(&writer, "\r\n");
    writer_pass(&writer);
    return writer.status;
}
