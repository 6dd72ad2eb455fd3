/* SPDX-License-Identifier: MIT */
/* generate_json.c - the schema and the file of defaults; see generate.h. */
#include "config/generate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

#define SCHEMA_NAME    "fetchonce.schema.json"
#define ADDRESS_REGEX  "^(\\[[0-9A-Fa-f:.]+\\]|localhost|[0-9]{1,3}(\\.[0-9]{1,3}){3}):[0-9]{1,5}$"
#define NAME_REGEX     "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"
#define PROTOCOL_REGEX "^[!#$%&'*+.^_`|~0-9A-Za-z-]+(/[!#$%&'*+.^_`|~0-9A-Za-z-]+)?$"
#define URL_REGEX      "^https?://[^?#]+$"
#define RANGE_REGEX    "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"

/* A builder of JSON without memory has nothing to print. */
json_t *generate_must(json_t *value)
{
    if (value == NULL) {
        fputs("generate_settings: out of memory\n", stderr);
        exit(1);
    }
    return value;
}

static void put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, generate_must(value)) < 0)
        generate_must(NULL);
}

static void append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, generate_must(value)) < 0)
        generate_must(NULL);
}

/* The default as JSON. */
json_t *generate_standard(const struct setting *setting)
{
    json_t *list;

    assert(setting->standard != NULL);
    switch (setting->kind) {
    case SETTING_NUMBER:
        return generate_must(json_integer(strtoll(setting->standard, NULL, 10)));
    case SETTING_BOOLEAN:
        return generate_must(json_boolean(strcmp(setting->standard, "true") == 0));
    case SETTING_AUTO:
    case SETTING_CHOICE:
    case SETTING_ADDRESS:
    case SETTING_FILE_NAME:
    case SETTING_PREFIX:
    case SETTING_HOST:
        return generate_must(json_string(setting->standard));
    case SETTING_RANGES:
    case SETTING_PORTS:
    case SETTING_NAMES:
    case SETTING_UPSTREAMS:
    case SETTING_PROTOCOLS:
        list = generate_must(json_array());
        for (const char *item = setting->standard; *item != '\0';) {
            size_t bytes = strcspn(item, ",");
            append(list, setting->kind == SETTING_PORTS ? json_integer(strtoll(item, NULL, 10))
                                                        : json_stringn(item, bytes));
            item += bytes + (item[bytes] == ',' ? 1 : 0);
        }
        return list;
    }
    return generate_must(NULL);
}

static json_t *choices_json(const struct setting *setting)
{
    json_t *words = generate_must(json_array());
    char word[32];
    for (unsigned i = 0; setting_choice(setting, i, word, sizeof(word)) == 0; i++)
        append(words, json_string(word));
    return words;
}

static void put_range(json_t *object, const struct setting *setting)
{
    put(object, "type", json_string("integer"));
    put(object, "minimum", json_integer((json_int_t)setting->min));
    put(object, "maximum", json_integer((json_int_t)setting->max));
}

/* What the items of a list look like, and how many there may be. */
static const char *item_regex(const struct setting *setting)
{
    if (setting->kind == SETTING_NAMES)
        return NAME_REGEX;
    if (setting->kind == SETTING_PROTOCOLS)
        return PROTOCOL_REGEX;
    return setting->kind == SETTING_UPSTREAMS ? URL_REGEX : RANGE_REGEX;
}

static int items_max(const struct setting *setting)
{
    if (setting->kind == SETTING_NAMES || setting->kind == SETTING_PROTOCOLS)
        return CONFIG_NAMES_MAX;
    return setting->kind == SETTING_UPSTREAMS ? CONFIG_UPSTREAMS_MAX : CONFIG_LIST_MAX;
}

static void put_list(json_t *object, const struct setting *setting)
{
    json_t *items = generate_must(json_object());

    put(object, "type", json_string("array"));
    put(object, "maxItems", json_integer(items_max(setting)));
    if (setting->kind == SETTING_UPSTREAMS)
        put(object, "minItems", json_integer(1));
    if (setting->kind == SETTING_PORTS) {
        put_range(items, setting);
    } else {
        put(items, "type", json_string("string"));
        put(items, "pattern", json_string(item_regex(setting)));
    }
    put(object, "items", items);
}

static json_t *setting_schema(const struct setting *setting)
{
    json_t *schema = generate_must(json_object());
    json_t *alternatives;
    json_t *number;

    put(schema, "description", json_string(setting->text));
    switch (setting->kind) {
    case SETTING_NUMBER:
        put_range(schema, setting);
        break;
    case SETTING_AUTO:
        alternatives = generate_must(json_array());
        number = generate_must(json_object());
        put_range(number, setting);
        append(alternatives, json_pack("{s:s}", "const", "auto"));
        append(alternatives, number);
        put(schema, "oneOf", alternatives);
        break;
    case SETTING_BOOLEAN:
        put(schema, "type", json_string("boolean"));
        break;
    case SETTING_CHOICE:
        put(schema, "enum", choices_json(setting));
        break;
    case SETTING_ADDRESS:
        put(schema, "type", json_string("string"));
        put(schema, "pattern",
            json_string(strcmp(setting->standard, "off") == 0 ? "^off$|" ADDRESS_REGEX
                                                              : ADDRESS_REGEX));
        break;
    case SETTING_RANGES:
    case SETTING_PORTS:
    case SETTING_NAMES:
    case SETTING_UPSTREAMS:
    case SETTING_PROTOCOLS:
        put_list(schema, setting);
        break;
    case SETTING_FILE_NAME:
        put(schema, "type", json_string("string"));
        put(schema, "maxLength", json_integer(CONFIG_FILE_NAME_BYTES_MAX));
        break;
    case SETTING_PREFIX:
        put(schema, "type", json_string("string"));
        put(schema, "pattern", json_string("^/"));
        break;
    case SETTING_HOST:
        put(schema, "type", json_string("string"));
        break;
    }
    if (setting->standard != NULL)
        put(schema, "default", generate_standard(setting));
    return schema;
}

static void put_section(json_t *object, const struct setting_group *group, const char *path,
                        bool is_schema);

static void put_inner(json_t *object, const struct setting_group *group,
                      const struct setting_section *section, bool is_schema)
{
    json_t *inner = generate_must(json_object());
    json_t *properties;

    if (is_schema) {
        properties = generate_must(json_object());
        put_section(properties, group, section->path, is_schema);
        put(inner, "description", json_string(section->text));
        put(inner, "type", json_string("object"));
        put(inner, "additionalProperties", json_false());
        put(inner, "properties", properties);
    } else {
        put_section(inner, group, section->path, is_schema);
    }
    put(object, setting_leaf(section->path), inner);
}

/* Puts the settings of a section, then the sections in it; "" is the top. */
static void put_section(json_t *object, const struct setting_group *group, const char *path,
                        bool is_schema)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct setting *setting = &group->settings[i];
        if (setting_is_in(setting->path, path))
            put(object, setting_leaf(setting->path),
                is_schema ? setting_schema(setting) : generate_standard(setting));
    }
    for (const struct setting_section *section = group->sections; section->path != NULL;
         section++) {
        if (setting_is_in(section->path, path))
            put_inner(object, group, section, is_schema);
    }
}

/* The list of routes. */
static json_t *routes_schema(void)
{
    json_t *properties = generate_must(json_object());
    json_t *route = generate_must(json_object());
    json_t *required = generate_must(json_array());

    put_section(properties, &route_settings, "", true);
    for (size_t i = 0; i < route_settings.count; i++) {
        const struct setting *setting = &route_settings.settings[i];
        if (setting->standard == NULL && setting->inherits == NULL)
            append(required, json_string(setting->path));
    }
    put(route, "type", json_string("object"));
    put(route, "additionalProperties", json_false());
    put(route, "required", required);
    put(route, "properties", properties);
    return json_pack("{s:s, s:s, s:i, s:o, s:[]}", "description", GENERATE_ROUTES_TEXT, "type",
                     "array", "maxItems", CONFIG_ROUTES_MAX, "items", route, "default");
}

static void print_json(json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(2));
    if (text == NULL)
        generate_must(NULL);
    puts(text);
    free(text);
    json_decref(value);
}

void generate_default(void)
{
    json_t *root = generate_must(json_object());
    put(root, "$schema", json_string(SCHEMA_NAME));
    put_section(root, &setting_all, "", false);
    put(root, "routes", json_array());
    print_json(root);
}

void generate_schema(void)
{
    json_t *root = generate_must(json_object());
    json_t *properties = generate_must(json_object());

    put(root, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
    put(root, "$id", json_string("urn:fetchonce:configuration"));
    put(root, "title", json_string("The configuration of fetchonce"));
    put(root, "type", json_string("object"));
    put(root, "additionalProperties", json_false());
    put(properties, "$schema",
        json_pack("{s:s, s:s}", "description", "For editors; the server passes it over.", "type",
                  "string"));
    put_section(properties, &setting_all, "", true);
    put(properties, "routes", routes_schema());
    put(root, "properties", properties);
    print_json(root);
}
