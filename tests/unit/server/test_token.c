/* SPDX-License-Identifier: MIT */
/* test_token.c - which files hold a token, which are refused and why, and what equals one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "token.h"

#define GOOD "0123456789abcdefABCDEF"

static char path[] = "/tmp/fetchonce-token-XXXXXX";

static int make_file(void **state)
{
    int fd;

    (void)state;
    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_file(const char *text, size_t length)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* `why` NULL: the token of the file is `expected`. Else it begins to say why it is refused. */
static void expect(const char *expected, const char *why)
{
    struct token token;
    struct token_fault fault;
    int err = token_read(path, &token, &fault);

    if (why == NULL) {
        assert_int_equal(err, 0);
        assert_int_equal(token.length, strlen(expected));
        assert_memory_equal(token.bytes, expected, token.length);
        for (size_t i = token.length; i < sizeof token.bytes; i++)
            assert_int_equal(token.bytes[i], 0);
    } else {
        assert_true(err < 0);
        if (strstr(fault.text, why) != fault.text)
            fail_msg("\"%s\" does not begin with \"%s\"", fault.text, why);
        assert_null(strstr(fault.text, "secret"));
    }
}

static void test_a_file_has_one_line_with_the_token(void **state)
{
    static const struct {
        const char *text;
        const char *expected; /* NULL: refused */
        const char *why;
    } rows[] = {
        {GOOD, GOOD, NULL},
        {GOOD "\n", GOOD, NULL},
        {GOOD "\r\n", GOOD, NULL},
        {GOOD "-._~+/==\n", GOOD "-._~+/==", NULL},
        {"", NULL, "has no token"},
        {"\n", NULL, "has no token"},
        {"\n" GOOD, NULL, "has more than one line"},
        {GOOD "\n\n", NULL, "has more than one line"},
        {GOOD "\n" GOOD "\n", NULL, "has more than one line"},
        {"secret secret secret secret", NULL, "has a character that no token has"},
        {"secret=secret=secret=secret", NULL, "has a character that no token has"},
        {"secret\tsecretsecretsecret", NULL, "has a character that no token has"},
        {"secret\xc3\xa4secretsecretsecret", NULL, "has a character that no token has"},
        {"secretsecretsecret123", NULL, "has a token of less than 22 characters"},
        {"=", NULL, "has a character that no token has"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("row %zu\n", i);
        write_file(rows[i].text, strlen(rows[i].text));
        expect(rows[i].expected, rows[i].why);
    }
    write_file(GOOD "\0" GOOD, 2 * strlen(GOOD) + 1);
    expect(NULL, "has a character that no token has");
}

static void test_tokens_have_a_longest_length(void **state)
{
    char text[TOKEN_BYTES_MAX + 100];

    (void)state;
    memset(text, 'a', sizeof text);
    text[TOKEN_BYTES_MAX] = '\0';
    write_file(text, TOKEN_BYTES_MAX);
    expect(text, NULL);
    text[TOKEN_BYTES_MAX] = 'a';
    for (size_t length = TOKEN_BYTES_MAX + 1; length <= sizeof text; length += 33) {
        write_file(text, length);
        expect(NULL, "has a token of more than 512 characters");
    }
}

/* As ssh has it for keys: what others could have read is no secret. */
static void test_a_file_that_is_open_to_others_is_refused(void **state)
{
    static const struct {
        mode_t mode;
        const char *why;
    } rows[] = {
        {0600, NULL},
        {0400, NULL},
        {0640, "can be read or written by others (mode 0640)"},
        {0604, "can be read or written by others (mode 0604)"},
        {0620, "can be read or written by others (mode 0620)"},
        {0644, "can be read or written by others (mode 0644)"},
        {0602, "can be written by everybody (mode 0602)"},
    };

    (void)state;
    write_file(GOOD, strlen(GOOD));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(chmod(path, rows[i].mode), 0);
        expect(GOOD, rows[i].why);
    }
    if (geteuid() == 0) { /* of another: his to close */
        assert_int_equal(chown(path, 1, (gid_t)-1), 0);
        assert_int_equal(chmod(path, 0644), 0);
        expect(GOOD, NULL);
        assert_int_equal(chmod(path, 0646), 0);
        expect(GOOD, "can be written by everybody (mode 0646)");
    }
}

static void test_what_is_no_file_is_refused(void **state)
{
    struct token token;
    struct token_fault fault;

    (void)state;
    assert_true(token_read("/tmp", &token, &fault) < 0);
    assert_string_equal(fault.text, "is no regular file");
    assert_int_equal(unlink(path), 0);
    expect(NULL, "cannot be read: No such file");
    assert_int_equal(mkfifo(path, 0600), 0);
    expect(NULL, "is no regular file"); /* and nobody was waited for */
}

static void test_only_the_whole_token_equals_it(void **state)
{
    struct token token;
    struct token_fault fault;
    char text[TOKEN_BYTES_MAX + 1] = GOOD;

    (void)state;
    write_file(GOOD, strlen(GOOD));
    assert_int_equal(token_read(path, &token, &fault), 0);
    assert_true(token_equals(&token, span_of_string(GOOD)));
    assert_false(token_equals(&token, span_of(NULL, 0)));
    assert_false(token_equals(&token, span_of_string(GOOD "x")));
    assert_false(token_equals(&token, span_of(GOOD, strlen(GOOD) - 1)));
    /* The zeros behind it are not a part of it. */
    assert_false(token_equals(&token, span_of(text, strlen(GOOD) + 1)));
    assert_false(token_equals(&token, span_of(text, TOKEN_BYTES_MAX)));
    assert_false(token_equals(&token, span_of(text, TOKEN_BYTES_MAX + 1)));
    for (size_t i = 0; i < strlen(GOOD); i++) {
        text[i] ^= 1;
        assert_false(token_equals(&token, span_of(text, strlen(GOOD))));
        text[i] ^= 1;
    }
    token_wipe(&token);
    for (size_t i = 0; i < sizeof token; i++)
        assert_int_equal(((unsigned char *)&token)[i], 0);
    /* Without one, nothing equals it: not even nothing. */
    assert_false(token_equals(&token, span_of(NULL, 0)));
    assert_false(token_equals(&token, span_of_string(GOOD)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_file_has_one_line_with_the_token, make_file,
                                        remove_file),
        cmocka_unit_test_setup_teardown(test_tokens_have_a_longest_length, make_file, remove_file),
        cmocka_unit_test_setup_teardown(test_a_file_that_is_open_to_others_is_refused, make_file,
                                        remove_file),
        cmocka_unit_test_setup_teardown(test_what_is_no_file_is_refused, make_file, remove_file),
        cmocka_unit_test_setup_teardown(test_only_the_whole_token_equals_it, make_file,
                                        remove_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
