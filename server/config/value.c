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

#define QUOTED_BYTES_MAX 96

static void *field_of(struct config *config, const struct setting *setting)
{
    return (char *)config + setting->offset;
}

static const void *const_field_of(const struct config *config, const struct setting *setting)
{
    return (const char *)config + setting->offset;
}

static int fault(struct value_fault *ret_fault, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int fault(struct value_fault *ret_fault, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(ret_fault->text, sizeof(ret_fault->text), format, arguments);
    va_end(arguments);
    return -EINVAL;
}

static int fault_not_expected(const struct setting *setting, const char *text,
                              struct value_fault *ret_fault)
{
    char expected[160];
    char quoted[QUOTED_BYTES_MAX];
    value_expected(setting, expected, sizeof(expected));
    return fault(ret_fault, "must be %s, not %s", expected,
                 problems_quote(text, quoted, sizeof(quoted)));
}

bool value_is_list(const struct setting *setting)
{
    return setting->kind == SETTING_RANGES || setting->kind == SETTING_PORTS;
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
        snprintf(ret_text, text_bytes, "an address and port such as 127.0.0.1:8080");
        return;
    case SETTING_RANGES:
        snprintf(ret_text, text_bytes, "a list of address ranges such as 10.0.0.0/8");
        return;
    case SETTING_PORTS:
        snprintf(ret_text, text_bytes, "a list of ports from 1 to 65535");
        return;
    }
    assert(false && "a kind of setting without its words");
}

/* Decimal digits only: what strtoull(3) takes besides (blanks, signs, 0x) is no number here. */
static int number_parse(const char *text, uint64_t *ret_number)
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

int value_set_number(struct config *config, const struct setting *setting, uint64_t number,
                     struct value_fault *ret_fault)
{
    assert(setting->kind == SETTING_NUMBER || setting->kind == SETTING_AUTO);
    if (number < setting->min || number > setting->max) {
        char expected[160];
        value_expected(setting, expected, sizeof(expected));
        return fault(ret_fault, "must be %s, not %" PRIu64, expected, number);
    }
    *(uint64_t *)field_of(config, setting) = number;
    return 0;
}

int value_set_boolean(struct config *config, const struct setting *setting, bool is_true)
{
    assert(setting->kind == SETTING_BOOLEAN);
    *(bool *)field_of(config, setting) = is_true;
    return 0;
}

static int choice_set(struct config *config, const struct setting *setting, const char *text,
                      struct value_fault *ret_fault)
{
    char word[32];
    for (unsigned i = 0; setting_choice(setting, i, word, sizeof(word)) == 0; i++) {
        if (strcmp(word, text) == 0) {
            *(unsigned *)field_of(config, setting) = i;
            return 0;
        }
    }
    return fault_not_expected(setting, text, ret_fault);
}

static int address_set(struct config *config, const struct setting *setting, const char *text,
                       struct value_fault *ret_fault)
{
    char quoted[QUOTED_BYTES_MAX];
    const char *why;
    if (address_parse(text, field_of(config, setting), &why) < 0)
        return fault(ret_fault, "%s %s", problems_quote(text, quoted, sizeof(quoted)), why);
    return 0;
}

/* Sets a list from its items separated by commas; blanks around an item are passed over. */
static int list_set(struct config *config, const struct setting *setting, const char *text,
                    struct value_fault *ret_fault)
{
    struct config changed = *config;
    char item[ADDRESS_TEXT_BYTES_MAX];

    value_clear_list(&changed, setting);
    while (text[strspn(text, " ")] != '\0') {
        size_t blanks = strspn(text, " ");
        size_t bytes = strcspn(text + blanks, ", ");
        size_t end = blanks + bytes + strspn(text + blanks + bytes, " ");
        int err;
        if (bytes >= sizeof(item) || bytes == 0 || (text[end] != ',' && text[end] != '\0'))
            return fault_not_expected(setting, text, ret_fault);
        memcpy(item, text + blanks, bytes);
        item[bytes] = '\0';
        err = value_add_text(&changed, setting, item, ret_fault);
        if (err < 0)
            return err;
        text += end + (text[end] == ',' ? 1 : 0);
    }
    *config = changed;
    return 0;
}

int value_set_text(struct config *config, const struct setting *setting, const char *text,
                   struct value_fault *ret_fault)
{
    uint64_t number;

    switch (setting->kind) {
    case SETTING_AUTO:
        if (strcmp(text, "auto") == 0) {
            *(uint64_t *)field_of(config, setting) = 0;
            return 0;
        }
        /* fall through */
    case SETTING_NUMBER:
        if (number_parse(text, &number) < 0)
            return fault_not_expected(setting, text, ret_fault);
        return value_set_number(config, setting, number, ret_fault);
    case SETTING_BOOLEAN:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return fault_not_expected(setting, text, ret_fault);
        return value_set_boolean(config, setting, text[0] == 't');
    case SETTING_CHOICE:
        return choice_set(config, setting, text, ret_fault);
    case SETTING_ADDRESS:
        return address_set(config, setting, text, ret_fault);
    case SETTING_RANGES:
    case SETTING_PORTS:
        return list_set(config, setting, text, ret_fault);
    }
    assert(false && "a kind of setting without its parser");
    return -EINVAL;
}

void value_clear_list(struct config *config, const struct setting *setting)
{
    assert(value_is_list(setting));
    if (setting->kind == SETTING_RANGES)
        ((struct config_ranges *)field_of(config, setting))->count = 0;
    else
        ((struct config_ports *)field_of(config, setting))->count = 0;
}

static int list_is_full(struct value_fault *ret_fault)
{
    fault(ret_fault, "must not have more than %d items", CONFIG_LIST_MAX);
    return -E2BIG;
}

static int range_add(struct config_ranges *ranges, const char *text, struct value_fault *ret_fault)
{
    char quoted[QUOTED_BYTES_MAX];
    struct guard_network range;

    if (guard_network_parse(text, &range) < 0)
        return fault(ret_fault,
                     "%s is no address range such as 10.0.0.0/8 or fd00::/8 (no bit may be set "
                     "behind the prefix)",
                     problems_quote(text, quoted, sizeof(quoted)));
    for (unsigned i = 0; i < ranges->count; i++) {
        const struct guard_network *known = &ranges->items[i];
        if (known->family == range.family && known->prefix_bits == range.prefix_bits &&
            memcmp(known->address, range.address, sizeof(range.address)) == 0)
            return 0;
    }
    if (ranges->count == CONFIG_LIST_MAX)
        return list_is_full(ret_fault);
    ranges->items[ranges->count++] = range;
    return 0;
}

int value_add_number(struct config *config, const struct setting *setting, uint64_t number,
                     struct value_fault *ret_fault)
{
    struct config_ports *ports = field_of(config, setting);

    assert(setting->kind == SETTING_PORTS);
    if (number < setting->min || number > setting->max)
        return fault(ret_fault, "must be a port from %" PRIu64 " to %" PRIu64 ", not %" PRIu64,
                     setting->min, setting->max, number);
    for (unsigned i = 0; i < ports->count; i++) {
        if (ports->items[i] == number)
            return 0;
    }
    if (ports->count == CONFIG_LIST_MAX)
        return list_is_full(ret_fault);
    ports->items[ports->count++] = (uint16_t)number;
    return 0;
}

int value_add_text(struct config *config, const struct setting *setting, const char *text,
                   struct value_fault *ret_fault)
{
    uint64_t number;

    assert(value_is_list(setting));
    if (setting->kind == SETTING_RANGES)
        return range_add(field_of(config, setting), text, ret_fault);
    if (number_parse(text, &number) < 0)
        return fault_not_expected(setting, text, ret_fault);
    return value_add_number(config, setting, number, ret_fault);
}

static void range_print(const struct guard_network *range, char *ret_text, size_t text_bytes)
{
    char host[INET6_ADDRSTRLEN];
    inet_ntop(range->family, range->address, host, sizeof(host));
    snprintf(ret_text, text_bytes, "%s/%u", host, range->prefix_bits);
}

static void list_print(const struct config *config, const struct setting *setting, char *ret_text)
{
    const struct config_ranges *ranges = const_field_of(config, setting);
    const struct config_ports *ports = const_field_of(config, setting);
    bool is_ranges = setting->kind == SETTING_RANGES;
    unsigned count = is_ranges ? ranges->count : ports->count;
    size_t used = 0;

    ret_text[0] = '\0';
    for (unsigned i = 0; i < count; i++) {
        char item[ADDRESS_TEXT_BYTES_MAX];
        if (is_ranges)
            range_print(&ranges->items[i], item, sizeof(item));
        else
            snprintf(item, sizeof(item), "%u", ports->items[i]);
        used += (size_t)snprintf(ret_text + used, VALUE_TEXT_BYTES_MAX - used, "%s%s",
                                 i == 0 ? "" : ",", item);
        assert(used < VALUE_TEXT_BYTES_MAX);
    }
}

void value_print(const struct config *config, const struct setting *setting,
                 char ret_text[VALUE_TEXT_BYTES_MAX])
{
    const void *field = const_field_of(config, setting);
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
        list_print(config, setting, ret_text);
        return;
    }
    assert(false && "a kind of setting without its print");
}
