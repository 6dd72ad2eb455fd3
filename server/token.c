/* SPDX-License-Identifier: MIT */
/*
 * token.c - see token.h. The file is read by read(2) alone: a stream would keep a copy in a buffer
 * that nobody wipes.
 */
#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium/utils.h>

/* A line of the longest token, and one byte by which a longer one is seen. */
#define FILE_BYTES_MAX (TOKEN_BYTES_MAX + 3)

static int refuse(struct token_fault *ret_fault, int err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(struct token_fault *ret_fault, int err, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(ret_fault->text, sizeof(ret_fault->text), format, arguments);
    va_end(arguments);
    return err;
}

/* Of another's file, as a secret that is mounted into a container, only its owner can say who may
 * read it. */
static int check_rights(int fd, struct token_fault *ret_fault)
{
    struct stat status;
    unsigned mode;

    if (fstat(fd, &status) < 0)
        return refuse(ret_fault, -errno, "cannot be looked at: %s", strerror(errno));
    if (!S_ISREG(status.st_mode))
        return refuse(ret_fault, -EINVAL, "is no regular file");
    mode = (unsigned)status.st_mode & 0777;
    if ((mode & S_IWOTH) != 0)
        return refuse(ret_fault, -EPERM, "can be written by everybody (mode %04o)", mode);
    if (status.st_uid == geteuid() && (mode & 077) != 0)
        return refuse(ret_fault, -EPERM,
                      "can be read or written by others (mode %04o), and they may know the token; "
                      "chmod 600 closes it",
                      mode);
    return 0;
}

/* Source: RFC 6750 section 2.1, b64token. */
static bool is_token(const char *bytes, size_t length)
{
    while (length > 1 && bytes[length - 1] == '=')
        length--;
    for (size_t i = 0; i < length; i++) {
        char byte = bytes[i];
        if (!((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
              (byte >= '0' && byte <= '9') || (byte != '\0' && strchr("-._~+/", byte) != NULL)))
            return false;
    }
    return true;
}

static int take_line(const char *bytes, size_t length, struct token *ret_token,
                     struct token_fault *ret_fault)
{
    if (length > 0 && bytes[length - 1] == '\n')
        length--;
    if (length > 0 && bytes[length - 1] == '\r')
        length--;
    if (length == 0)
        return refuse(ret_fault, -EINVAL, "has no token in its first line");
    if (memchr(bytes, '\n', length) != NULL)
        return refuse(ret_fault, -EINVAL, "has more than one line");
    if (length > TOKEN_BYTES_MAX)
        return refuse(ret_fault, -EINVAL, "has a token of more than %d characters",
                      TOKEN_BYTES_MAX);
    if (!is_token(bytes, length))
        return refuse(ret_fault, -EINVAL,
                      "has a character that no token has: there are letters, digits and -._~+/, "
                      "and = at the end");
    if (length < TOKEN_BYTES_MIN)
        return refuse(ret_fault, -EINVAL,
                      "has a token of less than %d characters, which could be guessed; 'openssl "
                      "rand -hex 32' makes a good one",
                      TOKEN_BYTES_MIN);
    memset(ret_token, 0, sizeof(*ret_token));
    memcpy(ret_token->bytes, bytes, length);
    ret_token->length = length;
    return 0;
}

int token_read(const char *path, struct token *ret_token, struct token_fault *ret_fault)
{
    char bytes[FILE_BYTES_MAX];
    size_t length = 0;
    ssize_t got = 0;
    int fd, err;

    /* Without waiting for the other end of what is no file. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return refuse(ret_fault, -errno, "cannot be read: %s", strerror(errno));
    err = check_rights(fd, ret_fault);
    while (err == 0 && length < sizeof(bytes) &&
           (got = read(fd, bytes + length, sizeof(bytes) - length)) > 0)
        length += (size_t)got;
    if (got < 0)
        err = refuse(ret_fault, -errno, "cannot be read: %s", strerror(errno));
    close(fd);
    if (err == 0)
        err = take_line(bytes, length, ret_token, ret_fault);
    sodium_memzero(bytes, sizeof(bytes));
    return err;
}

bool token_equals(const struct token *token, struct span text)
{
    char given[TOKEN_BYTES_MAX] = {0};
    bool is_equal;

    if (token->length == 0 || text.length > sizeof(given))
        return false;
    if (text.length > 0)
        memcpy(given, text.bytes, text.length);
    is_equal = sodium_memcmp(given, token->bytes, sizeof(given)) == 0;
    is_equal &= text.length == token->length;
    sodium_memzero(given, sizeof(given));
    return is_equal;
}

void token_wipe(struct token *token)
{
    sodium_memzero(token, sizeof(*token));
}
