/* SPDX-License-Identifier: MIT */
/*
 * problems.c - see problems.h.
 */
#include "config/problems.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES_MAX 64

void problems_init(struct problems *problems)
{
    *problems = (struct problems){0};
}

void problems_fini(struct problems *problems)
{
    free(problems->text);
    problems_init(problems);
}

void problems_add(struct problems *problems, const char *format, ...)
{
    va_list arguments;
    char *line = NULL;
    char *text;
    int line_bytes;

    problems->count++;
    va_start(arguments, format);
    line_bytes = vasprintf(&line, format, arguments);
    va_end(arguments);
    if (line_bytes < 0)
        return;
    text = realloc(problems->text, problems->bytes + (size_t)line_bytes + 2);
    if (text != NULL) {
        memcpy(text + problems->bytes, line, (size_t)line_bytes);
        problems->bytes += (size_t)line_bytes;
        text[problems->bytes++] = '\n';
        text[problems->bytes] = '\0';
        problems->text = text;
    }
    free(line);
}

void problems_print(const struct problems *problems, FILE *stream)
{
    if (problems->text != NULL)
        fputs(problems->text, stream);
    else if (problems->count > 0)
        fputs("out of memory while reporting what is wrong\n", stream);
}

const char *problems_quote(const char *text, char *ret_quoted, size_t quoted_bytes)
{
    const size_t end_bytes = sizeof("...\""); /* what must still fit behind any byte */
    size_t used = 0;

    assert(quoted_bytes > 4 + 1 + end_bytes);
    ret_quoted[used++] = '"';
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        bool is_plain = byte >= 0x20 && byte != 0x7f && byte != '"' && byte != '\\';
        if (used + 4 + end_bytes > quoted_bytes) {
            memcpy(ret_quoted + used, "...", 3);
            used += 3;
            break;
        }
        if (is_plain)
            ret_quoted[used++] = (char)byte;
        else
            used += (size_t)snprintf(ret_quoted + used, 5, "\\x%02x", byte);
    }
    ret_quoted[used++] = '"';
    ret_quoted[used] = '\0';
    return ret_quoted;
}

static size_t least(size_t one, size_t other)
{
    return one < other ? one : other;
}

size_t problems_distance(const char *one, const char *other)
{
    size_t one_bytes = strlen(one);
    size_t other_bytes = strlen(other);
    size_t rows[3][NAME_BYTES_MAX]; /* the row before the last, the last, and the one at hand */
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *row = rows[2];

    if (one_bytes >= NAME_BYTES_MAX || other_bytes >= NAME_BYTES_MAX)
        return SIZE_MAX;
    memset(rows, 0, sizeof(rows));
    for (size_t j = 0; j <= other_bytes; j++)
        row[j] = j;
    for (size_t i = 1; i <= one_bytes; i++) {
        size_t *spare = before;
        int a = tolower((unsigned char)one[i - 1]);
        before = last;
        last = row;
        row = spare;
        row[0] = i;
        for (size_t j = 1; j <= other_bytes; j++) {
            int b = tolower((unsigned char)other[j - 1]);
            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + (a == b ? 0 : 1));
            if (i > 1 && j > 1 && a == tolower((unsigned char)other[j - 2]) &&
                b == tolower((unsigned char)one[i - 2]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return row[other_bytes];
}

bool problems_is_near(const char *name, const char *guess)
{
    size_t distance = problems_distance(name, guess);
    size_t allowed = strlen(guess) / 3;
    return distance <= (allowed > 0 ? allowed : 1);
}
