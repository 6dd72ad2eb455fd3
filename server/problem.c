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
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status >= status)
            return reasons[i].status == status ? reasons[i].reason : "";
    }
    return "";
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

size_t problem_format(char body[PROBLEM_BYTES_MAX], int status, const char *detail)
{
    static const char tail[] = "\"}\n";
    int head = snprintf(body, PROBLEM_BYTES_MAX,
                        "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"",
                        problem_title(status), status);
    assert(head > 0 && head < PROBLEM_BYTES_MAX / 2);

    size_t length = (size_t)head;
    for (const char *at = detail; *at != '\0' && length + 6 + sizeof(tail) < PROBLEM_BYTES_MAX;
         at++)
        length += escape(body + length, (unsigned char)*at);
    memcpy(body + length, tail, sizeof(tail));
    return length + sizeof(tail) - 1;
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
