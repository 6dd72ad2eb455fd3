/* SPDX-License-Identifier: MIT */
/*
 * problem.c - see problem.h. The object is written by hand, as it has four members of known kinds
 * and is needed where memory may be short.
 */
#include "problem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* In ascending order. Source: the registry of status codes, which RFC 9110 section 16.2 opens. */
static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {511, "Network Authentication Required"},
};

const char *problem_reason(int status)
{
    size_t first = 0, end = sizeof(reasons) / sizeof(reasons[0]);

    while (end - first > 1) {
        size_t middle = (first + end) / 2;
        if (reasons[middle].status <= status)
            first = middle;
        else
            end = middle;
    }
    return reasons[first].status == status ? reasons[first].reason : "";
}

const char *problem_title(int status)
{
    const char *reason = problem_reason(status);

    return reason[0] == '\0' ? "Unknown" : reason;
}

/* Writes one character as JSON has it in a string. Returns how many bytes that took, at most 6. */
static size_t escape(char *at, unsigned char character)
{
    if (character == '"' || character == '\\') {
        at[0] = '\\';
        at[1] = (char)character;
        return 2;
    }
    if (character < 0x20)
        return (size_t)snprintf(at, sizeof("\\u0000"), "\\u%04x", character);
    at[0] = character < 0x7f ? (char)character : '?';
    return 1;
}

/* How many bytes at the front of the text stand for themselves. */
static size_t plain_length(const char *text, size_t bytes_max)
{
    size_t length = 0;

    while (length < bytes_max && text[length] >= 0x20 && text[length] < 0x7f &&
           text[length] != '"' && text[length] != '\\')
        length++;
    return length;
}

size_t problem_format(char body[PROBLEM_BYTES_MAX], int status, const char *detail)
{
    static const char tail[] = "\"}\n";
    const char *title = problem_title(status);
    char *start = body, *end = body + PROBLEM_BYTES_MAX - 6 - sizeof(tail);

    assert(status >= 100 && status <= 999);
    assert(strlen(title) < PROBLEM_BYTES_MAX / 4);
    body = stpcpy(stpcpy(body, "{\"type\":\"about:blank\",\"title\":\""), title);
    body = stpcpy(body, "\",\"status\":");
    for (int divisor = 100; divisor > 0; divisor /= 10)
        *body++ = (char)('0' + status / divisor % 10);
    body = stpcpy(body, ",\"detail\":\"");
    while (*detail != '\0' && body < end) {
        size_t plain = plain_length(detail, (size_t)(end - body));
        body = mempcpy(body, detail, plain);
        detail += plain;
        if (plain == 0)
            body += escape(body, (unsigned char)*detail++);
    }
    memcpy(body, tail, sizeof(tail));
    return (size_t)(body - start) + sizeof(tail) - 1;
}

void problem_send(struct request *request, int status, const char *detail,
                  const struct reply_field *fields, size_t field_count)
{
    struct reply_field all[1 + PROBLEM_FIELDS_MAX] = {
        {.name = "Content-Type", .value = "application/problem+json"}};
    char body[PROBLEM_BYTES_MAX];

    assert(field_count <= PROBLEM_FIELDS_MAX);
    struct reply_head head = {.status = status, .fields = all, .field_count = 1 + field_count};
    for (size_t i = 0; i < field_count; i++) {
        all[1 + i] = fields[i];
        head.has_account |= strcmp(fields[i].name, "Cache-Status") == 0;
    }
    reply_copy(request, &head, body, problem_format(body, status, detail));
}
