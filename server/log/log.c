/* SPDX-License-Identifier: MIT */
/*
 * log.c - see log.h. The level is the one thing here that all threads share; it is set at the
 * start and by SIGHUP, and belongs to the process as standard error does.
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 2048

static atomic_int level_max = LOG_LEVEL_INFO;

static const char *const level_names[] = {"error", "warn", "info", "debug", "trace"};

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&level_max, (int)level, memory_order_relaxed);
}

int log_level_from_name(const char *name, enum log_level *ret_level)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

bool log_is_on(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&level_max, memory_order_relaxed);
}

const char *log_quote(char *buffer, size_t buffer_bytes, const char *text, size_t text_bytes)
{
    size_t at = 0;

    if (buffer_bytes < 3)
        return "\"\"";
    buffer[at++] = '"';
    for (size_t i = 0; i < text_bytes && at + 6 < buffer_bytes; i++) {
        unsigned char character = (unsigned char)text[i];
        if (character == '"' || character == '\\') {
            buffer[at++] = '\\';
            buffer[at++] = (char)character;
        } else if (character < 0x20 || character == 0x7f) {
            at += (size_t)snprintf(buffer + at, 5, "\\x%02x", character);
        } else {
            buffer[at++] = (char)character;
        }
    }
    buffer[at++] = '"';
    buffer[at] = '\0';
    return buffer;
}

/* "2026-01-31T12:00:00.000Z "; returns its length. */
static size_t stamp(char *buffer, size_t buffer_bytes)
{
    struct timespec now;
    struct tm parts;
    size_t length;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    length = strftime(buffer, buffer_bytes, "%Y-%m-%dT%H:%M:%S", &parts);
    return length + (size_t)snprintf(buffer + length, buffer_bytes - length, ".%03dZ ",
                                     (int)(now.tv_nsec / 1000000));
}

void log_write(enum log_level level, const char *message, const char *format, ...)
{
    char line[LINE_BYTES];
    char quoted[512];
    va_list arguments;
    int kept_errno = errno;

    if (!log_is_on(level))
        return;
    size_t length = stamp(line, sizeof(line));
    length += (size_t)snprintf(
        line + length, sizeof(line) - length, "%s msg=%s%s", level_names[level],
        log_quote(quoted, sizeof(quoted), message, strlen(message)), format[0] != '\0' ? " " : "");
    va_start(arguments, format);
    int added = vsnprintf(line + length, sizeof(line) - length, format, arguments);
    va_end(arguments);
    length += added > 0 ? (size_t)added : 0;
    if (length > sizeof(line) - 2)
        length = sizeof(line) - 2;
    line[length++] = '\n';
    /* There is nowhere to report that the report could not be written. */
    ssize_t written = write(STDERR_FILENO, line, length);
    (void)written;
    errno = kept_errno;
}
