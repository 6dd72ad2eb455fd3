/* SPDX-License-Identifier: MIT */
/*
 * value.c - see value.h.
 */
#include "config/value.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/target.h"

#define QUOTED_BYTES_MAX 96

static void *field_of(void *record, const struct setting *setting)
{
    return (char *)record + setting->offset;
}

static const void *const_field_of(const void *record, const struct setting *setting)
{
    return (const char *)record + setting->offset;
}

int value_refuse(struct value_fault *ret_fault, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(ret_fault->text, sizeof(ret_fault->text), format, arguments);
    va_end(arguments);
    return -EINVAL;
}

int value_refuse_unexpected(const struct setting *setting, const char *text,
                            struct value_fault *ret_fault)
{
    char expected[160];
    char quoted[QUOTED_BYTES_MAX];
    value_expected(setting, expected, sizeof(expected));
    return value_refuse(ret_fault, "must be %s, not %s", expected,
                        problems_quote(text, quoted, sizeof(quoted)));
}

void value_expected(const struct setting *setting, char *ret_text, size_t text_bytes)
{
    switch (setting->kind) {
    case SETTING_NUMBER:
        snprintf(ret_text, text_bytes, "a whole number from %" PRIu64 " to %" PRIu64 " (%s)",
                 setting->min, setting->max, setting->unit);
        return;
    case SETTING_AUTO:
        snprintf(ret_text, text_bytes,
                 "\"auto\" or a whole number from %" PRIu64 " to %" PRIu64 " (%s)", setting->min,
                 setting->max, setting->unit);
        return;
    case SETTING_BOOLEAN:
        snprintf(ret_text, text_bytes, "true or false");
        return;
    case SETTING_CHOICE:
        snprintf(ret_text, text_bytes, "one of: %s", setting->choices);
        return;
    case SETTING_ADDRESS:
        snprintf(ret_text, text_bytes, "%san address and port such as 127.0.0.1:8080",
                 strcmp(setting->standard, "off") == 0 ? "\"off\" or " : "");
        return;
    case SETTING_RANGES:
        snprintf(ret_text, text_bytes, "a list of address ranges such as 10.0.0.0/8");
        return;
    case SETTING_PORTS:
        snprintf(ret_text, text_bytes, "a list of ports from 1 to 65535");
        return;
    case SETTING_NAMES:
        snprintf(ret_text, text_bytes, "a list of field names such as Accept-Language");
        return;
    case SETTING_FILE_NAME:
        snprintf(ret_text, text_bytes, "a path of a file, or \"\" for none");
        return;
    case SETTING_PREFIX:
        snprintf(ret_text, text_bytes, "a path such as /api/");
        return;
    case SETTING_HOST:
        snprintf(ret_text, text_bytes, "a host such as example.com, or \"\" for any");
        return;
    case SETTING_UPSTREAMS:
        snprintf(ret_text, text_bytes, "a list of URLs such as http://127.0.0.1:9000");
        return;
    case SETTING_PROTOCOLS:
        snprintf(ret_text, text_bytes, "a list of protocols such as websocket");
        return;
    }
    assert(false && "a kind of setting without its words");
}

/* Decimal digits only: what strtoull(3) takes besides (blanks, signs, 0x) is no number here. */
int value_parse_number(const char *text, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (*text == '\0')
        return -EINVAL;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || number > (UINT64_MAX - 9) / 10)
            return -EINVAL;
        number = number * 10 + (uint64_t)(*text - '0');
    }
    *ret_number = number;
    return 0;
}

int value_set_number(void *record, const struct setting *setting, uint64_t number,
                     struct value_fault *ret_fault)
{
    assert(setting->kind == SETTING_NUMBER || setting->kind == SETTING_AUTO);
    if (number < setting->min || number > setting->max) {
        char expected[160];
        value_expected(setting, expected, sizeof(expected));
        return value_refuse(ret_fault, "must be %s, not %" PRIu64, expected, number);
    }
    *(uint64_t *)field_of(record, setting) = number;
    return 0;
}

int value_set_boolean(void *record, const struct setting *setting, bool is_true)
{
    assert(setting->kind == SETTING_BOOLEAN);
    *(bool *)field_of(record, setting) = is_true;
    return 0;
}

static int choice_set(void *record, const struct setting *setting, const char *text,
                      struct value_fault *ret_fault)
{
    char word[32];
    for (unsigned i = 0; setting_choice(setting, i, word, sizeof(word)) == 0; i++) {
        if (strcmp(word, text) == 0) {
            *(unsigned *)field_of(record, setting) = i;
            return 0;
        }
    }
    return value_refuse_unexpected(setting, text, ret_fault);
}

static int address_set(void *record, const struct setting *setting, const char *text,
                       struct value_fault *ret_fault)
{
    char quoted[QUOTED_BYTES_MAX];
    const char *why;
    if (strcmp(text, "off") == 0 && strcmp(setting->standard, "off") == 0) {
        address_set_off(field_of(record, setting));
        return 0;
    }
    if (address_parse(text, field_of(record, setting), &why) < 0)
        return value_refuse(ret_fault, "%s %s", problems_quote(text, quoted, sizeof(quoted)), why);
    return 0;
}

static int target_set(void *record, const struct setting *setting, const char *text,
                      struct value_fault *ret_fault)
{
    char quoted[QUOTED_BYTES_MAX];
    const char *why;
    int err = setting->kind == SETTING_PREFIX
                  ? target_prefix_parse(text, field_of(record, setting), &why)
                  : target_host_parse(text, field_of(record, setting), &why);

    if (err < 0)
        value_refuse(ret_fault, "%s %s", problems_quote(text, quoted, sizeof(quoted)), why);
    return err;
}

static int file_name_set(void *record, const struct setting *setting, const char *text,
                         struct value_fault *ret_fault)
{
    size_t bytes = strlen(text);

    if (bytes > CONFIG_FILE_NAME_BYTES_MAX)
        return value_refuse(ret_fault, "must be a path of a file of at most %d bytes, not of %zu",
                            CONFIG_FILE_NAME_BYTES_MAX, bytes);
    memcpy(field_of(record, setting), text, bytes + 1);
    return 0;
}

int value_set_text(void *record, const struct setting *setting, const char *text,
                   struct value_fault *ret_fault)
{
    uint64_t number;

    switch (setting->kind) {
    case SETTING_AUTO:
        if (strcmp(text, "auto") == 0) {
            *(uint64_t *)field_of(record, setting) = 0;
            return 0;
        }
        /* fall through */
    case SETTING_NUMBER:
        if (value_parse_number(text, &number) < 0)
            return value_refuse_unexpected(setting, text, ret_fault);
        return value_set_number(record, setting, number, ret_fault);
    case SETTING_BOOLEAN:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return value_refuse_unexpected(setting, text, ret_fault);
        return value_set_boolean(record, setting, text[0] == 't');
    case SETTING_CHOICE:
        return choice_set(record, setting, text, ret_fault);
    case SETTING_ADDRESS:
        return address_set(record, setting, text, ret_fault);
    case SETTING_RANGES:
    case SETTING_PORTS:
    case SETTING_NAMES:
    case SETTING_UPSTREAMS:
    case SETTING_PROTOCOLS:
        return value_set_list(record, setting, text, ret_fault);
    case SETTING_FILE_NAME:
        return file_name_set(record, setting, text, ret_fault);
    case SETTING_PREFIX:
    case SETTING_HOST:
        return target_set(record, setting, text, ret_fault);
    }
    assert(false && "a kind of setting without its parser");
    return -EINVAL;
}

void value_print(const void *record, const struct setting *setting,
                 char ret_text[VALUE_TEXT_BYTES_MAX])
{
    const void *field = const_field_of(record, setting);
    int err;

    switch (setting->kind) {
    case SETTING_NUMBER:
    case SETTING_AUTO:
        if (setting->kind == SETTING_AUTO && *(const uint64_t *)field == 0)
            snprintf(ret_text, VALUE_TEXT_BYTES_MAX, "auto");
        else
            snprintf(ret_text, VALUE_TEXT_BYTES_MAX, "%" PRIu64, *(const uint64_t *)field);
        return;
    case SETTING_BOOLEAN:
        snprintf(ret_text, VALUE_TEXT_BYTES_MAX, "%s", *(const bool *)field ? "true" : "false");
        return;
    case SETTING_CHOICE:
        err = setting_choice(setting, *(const unsigned *)field, ret_text, VALUE_TEXT_BYTES_MAX);
        assert(err == 0);
        (void)err;
        return;
    case SETTING_ADDRESS:
        address_print(field, ret_text);
        return;
    case SETTING_RANGES:
    case SETTING_PORTS:
    case SETTING_NAMES:
    case SETTING_UPSTREAMS:
    case SETTING_PROTOCOLS:
        value_print_list(record, setting, ret_text);
        return;
    case SETTING_FILE_NAME:
    case SETTING_PREFIX:
    case SETTING_HOST:
        snprintf(ret_text, VALUE_TEXT_BYTES_MAX, "%s", (const char *)field);
        return;
    }
    assert(false && "a kind of setting without its print");
}
