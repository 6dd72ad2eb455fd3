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
#include <strings.h>

#include <http/fields.h>

#include "config/names.h"

#define QUOTED_BYTES_MAX     96
#define VALUE_ITEM_BYTES_MAX 128

static_assert(VALUE_ITEM_BYTES_MAX > ADDRESS_TEXT_BYTES_MAX, "has room for a range");
static_assert(VALUE_ITEM_BYTES_MAX > CONFIG_NAME_BYTES_MAX, "has room for a name");

static void *field_of(void *record, const struct setting *setting)
{
    return (char *)record + setting->offset;
}

static const void *const_field_of(const void *record, const struct setting *setting)
{
    return (const char *)record + setting->offset;
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
    return value_is_text_list(setting) || setting->kind == SETTING_PORTS;
}

bool value_is_text_list(const struct setting *setting)
{
    return setting->kind == SETTING_RANGES || setting->kind == SETTING_NAMES;
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
    case SETTING_NAMES:
        snprintf(ret_text, text_bytes, "a list of field names such as Accept-Language");
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

int value_set_number(void *record, const struct setting *setting, uint64_t number,
                     struct value_fault *ret_fault)
{
    assert(setting->kind == SETTING_NUMBER || setting->kind == SETTING_AUTO);
    if (number < setting->min || number > setting->max) {
        char expected[160];
        value_expected(setting, expected, sizeof(expected));
        return fault(ret_fault, "must be %s, not %" PRIu64, expected, number);
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
    return fault_not_expected(setting, text, ret_fault);
}

static int address_set(void *record, const struct setting *setting, const char *text,
                       struct value_fault *ret_fault)
{
    char quoted[QUOTED_BYTES_MAX];
    const char *why;
    if (address_parse(text, field_of(record, setting), &why) < 0)
        return fault(ret_fault, "%s %s", problems_quote(text, quoted, sizeof(quoted)), why);
    return 0;
}

/* The next of the items that commas separate, without blanks around it; -EINVAL: there is none. */
static int item_next(const char **text, char *ret_item, size_t item_bytes)
{
    size_t blanks = strspn(*text, " ");
    size_t bytes = strcspn(*text + blanks, ", ");
    size_t end = blanks + bytes + strspn(*text + blanks + bytes, " ");

    if (bytes >= item_bytes || bytes == 0 || ((*text)[end] != ',' && (*text)[end] != '\0'))
        return -EINVAL;
    memcpy(ret_item, *text + blanks, bytes);
    ret_item[bytes] = '\0';
    *text += end + ((*text)[end] == ',' ? 1 : 0);
    return 0;
}

/* Sets a list from its items; it keeps its value if one of them is faulty. */
static int list_set(void *record, const struct setting *setting, const char *text,
                    struct value_fault *ret_fault)
{
    const char *rest = text;
    union value_list before;
    char item[VALUE_ITEM_BYTES_MAX];
    int err = 0;

    value_keep_list(record, setting, &before);
    value_clear_list(record, setting);
    while (err == 0 && rest[strspn(rest, " ")] != '\0') {
        err = item_next(&rest, item, sizeof(item));
        if (err < 0)
            fault_not_expected(setting, text, ret_fault);
        else
            err = value_add_text(record, setting, item, ret_fault);
    }
    if (err < 0)
        value_restore_list(record, setting, &before);
    return err;
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
        if (number_parse(text, &number) < 0)
            return fault_not_expected(setting, text, ret_fault);
        return value_set_number(record, setting, number, ret_fault);
    case SETTING_BOOLEAN:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return fault_not_expected(setting, text, ret_fault);
        return value_set_boolean(record, setting, text[0] == 't');
    case SETTING_CHOICE:
        return choice_set(record, setting, text, ret_fault);
    case SETTING_ADDRESS:
        return address_set(record, setting, text, ret_fault);
    case SETTING_RANGES:
    case SETTING_PORTS:
    case SETTING_NAMES:
        return list_set(record, setting, text, ret_fault);
    }
    assert(false && "a kind of setting without its parser");
    return -EINVAL;
}

static unsigned list_count(const void *record, const struct setting *setting)
{
    const void *field = const_field_of(record, setting);

    if (setting->kind == SETTING_RANGES)
        return ((const struct config_ranges *)field)->count;
    if (setting->kind == SETTING_NAMES)
        return ((const struct config_names *)field)->count;
    return ((const struct config_ports *)field)->count;
}

static size_t list_size(const struct setting *setting)
{
    assert(value_is_list(setting));
    if (setting->kind == SETTING_RANGES)
        return sizeof(struct config_ranges);
    return setting->kind == SETTING_NAMES ? sizeof(struct config_names)
                                          : sizeof(struct config_ports);
}

void value_clear_list(void *record, const struct setting *setting)
{
    memset(field_of(record, setting), 0, list_size(setting));
}

void value_keep_list(const void *record, const struct setting *setting, union value_list *ret_list)
{
    memcpy(ret_list, const_field_of(record, setting), list_size(setting));
}

void value_restore_list(void *record, const struct setting *setting, const union value_list *list)
{
    memcpy(field_of(record, setting), list, list_size(setting));
}

static int list_is_full(int items_max, struct value_fault *ret_fault)
{
    fault(ret_fault, "must not have more than %d items", items_max);
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
        return list_is_full(CONFIG_LIST_MAX, ret_fault);
    ranges->items[ranges->count++] = range;
    return 0;
}

static int name_add(struct config_names *names, const char *text, struct value_fault *ret_fault)
{
    char quoted[QUOTED_BYTES_MAX];
    size_t bytes = strlen(text);
    const char *refusal = names_refusal(text);

    problems_quote(text, quoted, sizeof(quoted));
    if (bytes == 0 || !fields_is_token(span_of(text, bytes)))
        return fault(ret_fault, "%s is no name of a header field", quoted);
    if (bytes > CONFIG_NAME_BYTES_MAX)
        return fault(ret_fault, "%s is longer than %d bytes", quoted, CONFIG_NAME_BYTES_MAX);
    if (refusal != NULL)
        return fault(ret_fault, "%s %s", quoted, refusal);
    for (unsigned i = 0; i < names->count; i++) {
        if (strcasecmp(names->items[i], text) == 0)
            return 0;
    }
    if (names->count == CONFIG_NAMES_MAX)
        return list_is_full(CONFIG_NAMES_MAX, ret_fault);
    memcpy(names->items[names->count++], text, bytes + 1);
    return 0;
}

int value_add_number(void *record, const struct setting *setting, uint64_t number,
                     struct value_fault *ret_fault)
{
    struct config_ports *ports = field_of(record, setting);

    assert(setting->kind == SETTING_PORTS);
    if (number < setting->min || number > setting->max)
        return fault(ret_fault, "must be a port from %" PRIu64 " to %" PRIu64 ", not %" PRIu64,
                     setting->min, setting->max, number);
    for (unsigned i = 0; i < ports->count; i++) {
        if (ports->items[i] == number)
            return 0;
    }
    if (ports->count == CONFIG_LIST_MAX)
        return list_is_full(CONFIG_LIST_MAX, ret_fault);
    ports->items[ports->count++] = (uint16_t)number;
    return 0;
}

int value_add_text(void *record, const struct setting *setting, const char *text,
                   struct value_fault *ret_fault)
{
    uint64_t number;

    assert(value_is_list(setting));
    if (setting->kind == SETTING_RANGES)
        return range_add(field_of(record, setting), text, ret_fault);
    if (setting->kind == SETTING_NAMES)
        return name_add(field_of(record, setting), text, ret_fault);
    if (number_parse(text, &number) < 0)
        return fault_not_expected(setting, text, ret_fault);
    return value_add_number(record, setting, number, ret_fault);
}

static void range_print(const struct guard_network *range, char *ret_text, size_t text_bytes)
{
    char host[INET6_ADDRSTRLEN];
    inet_ntop(range->family, range->address, host, sizeof(host));
    snprintf(ret_text, text_bytes, "%s/%u", host, range->prefix_bits);
}

static void item_print(const void *record, const struct setting *setting, unsigned position,
                       char *ret_text, size_t text_bytes)
{
    const void *field = const_field_of(record, setting);

    if (setting->kind == SETTING_RANGES)
        range_print(&((const struct config_ranges *)field)->items[position], ret_text, text_bytes);
    else if (setting->kind == SETTING_NAMES)
        snprintf(ret_text, text_bytes, "%s", ((const struct config_names *)field)->items[position]);
    else
        snprintf(ret_text, text_bytes, "%u", ((const struct config_ports *)field)->items[position]);
}

static void list_print(const void *record, const struct setting *setting, char *ret_text)
{
    unsigned count = list_count(record, setting);
    size_t used = 0;

    ret_text[0] = '\0';
    for (unsigned i = 0; i < count; i++) {
        char item[VALUE_ITEM_BYTES_MAX];
        item_print(record, setting, i, item, sizeof(item));
        used += (size_t)snprintf(ret_text + used, VALUE_TEXT_BYTES_MAX - used, "%s%s",
                                 i == 0 ? "" : ",", item);
        assert(used < VALUE_TEXT_BYTES_MAX);
    }
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
        list_print(record, setting, ret_text);
        return;
    }
    assert(false && "a kind of setting without its print");
}
