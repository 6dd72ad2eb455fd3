/* SPDX-License-Identifier: MIT */
/*
 * test_log.c - a line is one line, whatever its values hold, and levels are kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "log/log.h"

/* Standard error goes into a pipe while `read_log` is wanted. */
struct capture {
    int kept;
    int pipe[2];
};

static void capture_begin(struct capture *capture)
{
    capture->kept = dup(STDERR_FILENO);
    assert_int_equal(pipe2(capture->pipe, O_NONBLOCK), 0);
    assert_true(dup2(capture->pipe[1], STDERR_FILENO) >= 0);
}

static size_t capture_end(struct capture *capture, char *text, size_t text_bytes)
{
    dup2(capture->kept, STDERR_FILENO);
    close(capture->kept);
    close(capture->pipe[1]);
    ssize_t got = read(capture->pipe[0], text, text_bytes - 1);
    close(capture->pipe[0]);
    text[got > 0 ? got : 0] = '\0';
    return got > 0 ? (size_t)got : 0;
}

static void test_line_has_time_level_message_and_fields(void **state)
{
    struct capture capture;
    char text[4096];

    (void)state;
    capture_begin(&capture);
    errno = ENOENT;
    log_info("it \"happened\"", "key=%d", 7);
    int kept = errno;
    size_t length = capture_end(&capture, text, sizeof(text));
    assert_int_equal(kept, ENOENT);
    assert_true(length > strlen("2026-01-31T12:00:00.000Z "));
    assert_int_equal(text[10], 'T');
    assert_int_equal(text[23], 'Z');
    assert_string_equal(text + 25, "info msg=\"it \\\"happened\\\"\" key=7\n");
}

static void test_levels_above_the_set_one_are_not_written(void **state)
{
    struct capture capture;
    char text[4096];
    enum log_level level = LOG_LEVEL_INFO;

    (void)state;
    assert_int_equal(log_level_from_name("warn", &level), 0);
    assert_int_equal(level, LOG_LEVEL_WARN);
    assert_int_equal(log_level_from_name("loud", &level), -EINVAL);
    assert_int_equal(level, LOG_LEVEL_WARN);
    capture_begin(&capture);
    log_set_level(level);
    log_info("not this", "%s", "");
    log_warn("this", "%s", "");
    log_set_level(LOG_LEVEL_INFO);
    capture_end(&capture, text, sizeof(text));
    assert_null(strstr(text, "not this"));
    assert_non_null(strstr(text, "warn msg=\"this\""));
}

static void test_long_lines_are_cut_and_still_end(void **state)
{
    static char long_text[8000];
    struct capture capture;
    char text[9000];

    (void)state;
    memset(long_text, 'x', sizeof(long_text) - 1);
    capture_begin(&capture);
    log_warn("long", "value=%s", long_text);
    size_t length = capture_end(&capture, text, sizeof(text));
    assert_in_range(length, 1000, 4000);
    assert_int_equal(text[length - 1], '\n');
}

static void test_quoted_values_cannot_forge_lines(void **state)
{
    static const char evil[] = "a\"b\\c\nd\x7f";
    char buffer[64];
    char tiny[10];

    (void)state;
    assert_string_equal(log_quote(buffer, sizeof(buffer), evil, strlen(evil)),
                        "\"a\\\"b\\\\c\\x0ad\\x7f\"");
    assert_string_equal(log_quote(tiny, sizeof(tiny), "abcdefghijk", 11), "\"abc\"");
    assert_string_equal(log_quote(tiny, 2, "abc", 3), "\"\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_has_time_level_message_and_fields),
        cmocka_unit_test(test_levels_above_the_set_one_are_not_written),
        cmocka_unit_test(test_long_lines_are_cut_and_still_end),
        cmocka_unit_test(test_quoted_values_cannot_forge_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
