/* SPDX-License-Identifier: MIT */
/*
 * log.h - one line per event on standard error, in logfmt: time, level, message, key=value.
 *
 *      2026-01-31T12:00:00.000Z info msg="listening" address=127.0.0.1:8080
 *
 * The text after `msg` is the caller's format. A line is formatted on the stack without any lock
 * and written with one write(2), so lines of different threads do not mix. Too long ones are cut.
 * Values from outside go through log_quote() so that they cannot forge lines or keys.
 */
#ifndef SERVER_LOG_LOG_H
#define SERVER_LOG_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_TRACE,
};

/* log_set_level - lines above this level are dropped; info in the beginning. Thread: any. */
void log_set_level(enum log_level level);

/* log_level_from_name - "error", "warn", "info", "debug" or "trace". Errors: -EINVAL. */
int log_level_from_name(const char *name, enum log_level *ret_level);

/* log_is_on - whether lines of this level are written: for those that are costly to prepare. */
bool log_is_on(enum log_level level);

/*
 * log_write - `message` is quoted; `format` gives the "key=value key=value" that follow, or "".
 * Thread    any; errno is kept.
 */
void log_write(enum log_level level, const char *message, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
    do {                                                                                           \
        if (log_is_on(LOG_LEVEL_DEBUG))                                                            \
            log_write(LOG_LEVEL_DEBUG, __VA_ARGS__);                                               \
    } while (0)
#define log_trace(...)                                                                             \
    do {                                                                                           \
        if (log_is_on(LOG_LEVEL_TRACE))                                                            \
            log_write(LOG_LEVEL_TRACE, __VA_ARGS__);                                               \
    } while (0)

/*
 * log_quote - `text` as a quoted value: quotes, backslashes and control characters escaped, cut to
 * fit. Returns `buffer`, always terminated.
 */
const char *log_quote(char *buffer, size_t buffer_bytes, const char *text, size_t text_bytes);

#endif
