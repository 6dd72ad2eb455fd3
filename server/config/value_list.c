/* SPDX-License-Identifier: MIT */
/*
 * value_list.c - lists of settings: read, added to, put aside, printed. See value.h.
 */
#include "config/value.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <http/fields.h>

#include "config/names.h"
#include "config/target.h"

#define QUOTED_BYTES_MAX     96
#define VALUE_ITEM_BYTES_MAX (CONFIG_URL_BYTES_MAX + 1)

static_assert(VALUE_ITEM_BYTES_MAX > ADDRESS_TEXT_BYTES_MAX, "has room for a range");
static_assert(VALUE_ITEM_BYTES_MAX > CONFIG_NAME_BYTES_MAX, "has room for a name");
static_assert(VALUE_TEXT_BYTES_MAX > (CONFIG_URL_BYTES_MAX + 1) * CONFIG_UPSTREAMS_MAX,
              "has room for all URLs");

static void *field_of(void *record, const struct setting *setting)
{
    return (char *)record + setting->offset;
}

static const void *const_field_of(const void *record, const struct setting *setting)
{
    return (const char *)record + setting->offset;
}

bool value_is_list(const struct setting *setting)
{
    return value_is_text_list(setting) || setting->kind == SETTING_PORTS;
}

bool value_is_text_list(const struct setting *setting)
{
    return setting->kind == SETTING_RANGES || setting->kind == SETTING_NAMES ||
           setting->kind == SETTING_UPSTREAMS || setting->kind == SETTING_PROTOCOLS;
}

/* Whether the list is a struct config_names. */
static bool has_names(const struct setting *setting)
{
    return setting->kind == SETTING_NAMES || setting->kind == SETTING_PROTOCOLS;
}

static unsigned list_count(const void *record, const struct setting *setting)
{
    const void *field = const_field_of(record, setting);

    if (setting->kind == SETTING_RANGES)
        return ((const struct config_ranges *)field)->count;
    if (has_names(setting))
        return ((const struct config_names *)field)->count;
    if (setting->kind == SETTING_UPSTREAMS)
        return ((const struct config_upstreams *)field)->count;
    return ((const struct config_ports *)field)->count;
}

void value_clear_list(void *record, const struct setting *setting)
{
    memset(field_of(record, setting), 0, setting->bytes);
}

void value_keep_list(const void *record, const struct setting *setting, union value_list *ret_list)
{
    memcpy(ret_list, const_field_of(record, setting), setting->bytes);
}

void value_restore_list(void *record, const struct setting *setting, const union value_list *list)
{
    memcpy(field_of(record, setting), list, setting->bytes);
}

static int list_is_full(int items_max, struct value_fault *ret_fault)
{
    value_refuse(ret_fault, "must not have more than %d items", items_max);
    return -E2BIG;
}

static int range_add(struct config_ranges *ranges, const char *text, struct value_fault *ret_fault)
{
    char quoted[QUOTED_BYTES_MAX];
    struct guard_network range;

    if (guard_network_parse(text, &range) < 0)
        return value_refuse(
            ret_fault,
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

/* What `quoted` names is fit for the list. */
static int text_add(struct config_names *names, const char *text, const char *quoted,
                    struct value_fault *ret_fault)
{
    size_t bytes = strlen(text);

    if (bytes > CONFIG_NAME_BYTES_MAX)
        return value_refuse(ret_fault, "%s is longer than %d bytes", quoted, CONFIG_NAME_BYTES_MAX);
    for (unsigned i = 0; i < names->count; i++) {
        if (strcasecmp(names->items[i], text) == 0)
            return 0;
    }
    if (names->count == CONFIG_NAMES_MAX)
        return list_is_full(CONFIG_NAMES_MAX, ret_fault);
    memcpy(names->items[names->count++], text, bytes + 1);
    return 0;
}

static int name_add(struct config_names *names, const char *text, struct value_fault *ret_fault)
{
    char quoted[QUOTED_BYTES_MAX];
    const char *refusal = names_refusal(text);

    problems_quote(text, quoted, sizeof(quoted));
    if (*text == '\0' || !fields_is_token(span_of_string(text)))
        return value_refuse(ret_fault, "%s is no name of a header field", quoted);
    if (refusal != NULL)
        return value_refuse(ret_fault, "%s %s", quoted, refusal);
    return text_add(names, text, quoted, ret_fault);
}

static int protocol_add(struct config_names *names, const char *text, struct value_fault *ret_fault)
{
    char quoted[QUOTED_BYTES_MAX];
    const char *refusal = names_protocol_refusal(text);

    problems_quote(text, quoted, sizeof(quoted));
    if (refusal != NULL)
        return value_refuse(ret_fault, "%s %s", quoted, refusal);
    return text_add(names, text, quoted, ret_fault);
}

static int upstream_add(struct config_upstreams *upstreams, const char *text,
                        struct value_fault *ret_fault)
{
    char quoted[QUOTED_BYTES_MAX];
    char url[CONFIG_URL_BYTES_MAX + 1] = "";
    const char *why;
    int err = target_upstream_parse(text, url, &why);

    if (err < 0) {
        value_refuse(ret_fault, "%s %s", problems_quote(text, quoted, sizeof(quoted)), why);
        return err;
    }
    for (unsigned i = 0; i < upstreams->count; i++) {
        if (strcmp(upstreams->items[i], url) == 0)
            return 0;
    }
    if (upstreams->count == CONFIG_UPSTREAMS_MAX)
        return list_is_full(CONFIG_UPSTREAMS_MAX, ret_fault);
    memcpy(upstreams->items[upstreams->count++], url, sizeof(url));
    return 0;
}

int value_add_number(void *record, const struct setting *setting, uint64_t number,
                     struct value_fault *ret_fault)
{
    struct config_ports *ports = field_of(record, setting);

    assert(setting->kind == SETTING_PORTS);
    if (number < setting->min || number > setting->max)
        return value_refuse(ret_fault,
                            "must be a port from %" PRIu64 " to %" PRIu64 ", not %" PRIu64,
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
    if (setting->kind == SETTING_PROTOCOLS)
        return protocol_add(field_of(record, setting), text, ret_fault);
    if (setting->kind == SETTING_UPSTREAMS)
        return upstream_add(field_of(record, setting), text, ret_fault);
    if (value_parse_number(text, &number) < 0)
        return value_refuse_unexpected(setting, text, ret_fault);
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
    else if (has_names(setting))
        snprintf(ret_text, text_bytes, "%s", ((const struct config_names *)field)->items[position]);
    else if (setting->kind == SETTING_UPSTREAMS)
        snprintf(ret_text, text_bytes, "%s",
                 ((const struct config_upstreams *)field)->items[position]);
    else
        snprintf(ret_text, text_bytes, "%u", ((const struct config_ports *)field)->items[position]);
}

void value_print_list(const void *record, const struct setting *setting, char *ret_text)
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
int value_set_list(void *record, const struct setting *setting, const char *text,
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
            value_refuse_unexpected(setting, text, ret_fault);
        else
            err = value_add_text(record, setting, item, ret_fault);
    }
    if (err < 0)
        value_restore_list(record, setting, &before);
    return err;
}
