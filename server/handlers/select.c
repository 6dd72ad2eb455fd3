/* SPDX-License-Identifier: MIT */
/*
 * select.c - JSON pointers on jansson's values.
 *
 * The body is read chunk by chunk, where it lies. Parsing takes the loop's time, some ten
 * milliseconds for a mebibyte: the caller limits the length.
 */
#include "select.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* jansson asks for the text piece by piece. */
static size_t next_piece(void *buffer, size_t room, void *context)
{
    struct body_cursor *cursor = context;
    struct iovec span;
    size_t count;

    if (body_cursor_spans(cursor, &span, 1) == 0)
        return 0;
    count = span.iov_len < room ? span.iov_len : room;
    memcpy(buffer, span.iov_base, count);
    body_cursor_advance(cursor, count);
    return count;
}

/* The index that a token writes: digits without a leading zero. */
static bool read_index(const char *token, size_t *ret_index)
{
    size_t length = strlen(token);

    if (length == 0 || length > 9 || strspn(token, "0123456789") != length ||
        (length > 1 && token[0] == '0'))
        return false;
    *ret_index = strtoul(token, NULL, 10);
    return true;
}

static json_t *step(json_t *value, const char *token)
{
    size_t index;

    if (json_is_object(value))
        return json_object_get(value, token);
    if (json_is_array(value) && read_index(token, &index))
        return json_array_get(value, index);
    return NULL;
}

/* Writes the next token of the pointer, unescaped, and returns what follows it. */
static const char *next_token(const char *pointer, char *token)
{
    for (pointer++; *pointer != '\0' && *pointer != '/'; pointer++) {
        if (*pointer == '~') {
            pointer++;
            *token++ = *pointer == '1' ? '/' : '~';
        } else {
            *token++ = *pointer;
        }
    }
    *token = '\0';
    return pointer;
}

static int find(json_t *root, const char *pointer, json_t **ret_value)
{
    char *token = malloc(strlen(pointer) + 1);
    json_t *value = root;

    if (token == NULL)
        return -ENOMEM;
    while (value != NULL && *pointer != '\0') {
        pointer = next_token(pointer, token);
        value = step(value, token);
    }
    free(token);
    if (value == NULL)
        return -ENOENT;
    *ret_value = value;
    return 0;
}

/* Whether 15 digits say each real exactly: then 0.1 does not come out as 0.10000000000000001. */
static bool is_short(const json_t *value)
{
    char digits[32];
    const char *name;
    json_t *item;
    size_t index;

    switch (json_typeof(value)) {
    case JSON_REAL:
        snprintf(digits, sizeof digits, "%.15g", json_real_value(value));
        return strtod(digits, NULL) == json_real_value(value);
    case JSON_ARRAY:
        json_array_foreach(value, index, item)
        {
            if (!is_short(item))
                return false;
        }
        return true;
    case JSON_OBJECT:
        json_object_foreach((json_t *)value, name, item)
        {
            if (!is_short(item))
                return false;
        }
        return true;
    default:
        return true;
    }
}

/* The value as one line, with the line feed that a terminal wants behind it. */
static char *format(const json_t *value)
{
    size_t digits = is_short(value) ? 15 : 17;
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(digits));
    size_t length = text == NULL ? 0 : strlen(text);
    char *line = text == NULL ? NULL : realloc(text, length + sizeof("\n"));

    if (line == NULL) {
        free(text);
        return NULL;
    }
    memcpy(line + length, "\n", sizeof("\n"));
    return line;
}

int select_value(const struct body *body, const char *pointer, char **ret_text)
{
    struct body_cursor cursor;
    json_error_t error;
    json_t *root, *value;
    char *text = NULL;
    int err;

    body_cursor_init(&cursor, body);
    root = json_load_callback(next_piece, &cursor, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (root == NULL)
        return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
    err = find(root, pointer, &value);
    if (err == 0) {
        text = format(value);
        if (text == NULL)
            err = -ENOMEM;
    }
    json_decref(root);
    if (err == 0)
        *ret_text = text;
    return err;
}
