/* SPDX-License-Identifier: MIT */
/*
 * generate.c - a program of the build: prints what is derived from settings.def.
 *
 *      generate_settings default | schema | table
 *
 * default: config/default.json; schema: config/fetchonce.schema.json; table: docs/SETTINGS.md. The
 * files are in the repository for those who read it without building; a test compares them.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "config/config.h"
#include "config/value.h"

#define SCHEMA_NAME   "fetchonce.schema.json"
#define ADDRESS_REGEX "^(\\[[0-9A-Fa-f:.]+\\]|localhost|[0-9]{1,3}(\\.[0-9]{1,3}){3}):[0-9]{1,5}$"
#define NAME_REGEX    "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"
#define URL_REGEX     "^https?://[^?#]+$"
#define ROUTES_TEXT   "What is answered from other servers, through the cache."
#define RANGE_REGEX   "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"

/* A builder of JSON without memory has nothing to print. */
static json_t *must(json_t *value)
{
    if (value == NULL) {
        fputs("generate_settings: out of memory\n", stderr);
        exit(1);
    }
    return value;
}

static void put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, must(value)) < 0)
        must(NULL);
}

static void append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, must(value)) < 0)
        must(NULL);
}

/* The default as JSON. */
static json_t *standard_json(const struct setting *setting)
{
    json_t *list;

    assert(setting->standard != NULL);
    switch (setting->kind) {
    case SETTING_NUMBER:
        return must(json_integer(strtoll(setting->standard, NULL, 10)));
    case SETTING_BOOLEAN:
        return must(json_boolean(strcmp(setting->standard, "true") == 0));
    case SETTING_AUTO:
    case SETTING_CHOICE:
    case SETTING_ADDRESS:
    case SETTING_PREFIX:
    case SETTING_HOST:
        return must(json_string(setting->standard));
    case SETTING_RANGES:
    case SETTING_PORTS:
    case SETTING_NAMES:
    case SETTING_UPSTREAMS:
        list = must(json_array());
        for (const char *item = setting->standard; *item != '\0';) {
            size_t bytes = strcspn(item, ",");
            append(list, setting->kind == SETTING_PORTS ? json_integer(strtoll(item, NULL, 10))
                                                        : json_stringn(item, bytes));
            item += bytes + (item[bytes] == ',' ? 1 : 0);
        }
        return list;
    }
    return must(NULL);
}

static json_t *choices_json(const struct setting *setting)
{
    json_t *words = must(json_array());
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
    return setting->kind == SETTING_UPSTREAMS ? URL_REGEX : RANGE_REGEX;
}

static int items_max(const struct setting *setting)
{
    if (setting->kind == SETTING_NAMES)
        return CONFIG_NAMES_MAX;
    return setting->kind == SETTING_UPSTREAMS ? CONFIG_UPSTREAMS_MAX : CONFIG_LIST_MAX;
}

static void put_list(json_t *object, const struct setting *setting)
{
    json_t *items = must(json_object());

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
    json_t *schema = must(json_object());
    json_t *alternatives;
    json_t *number;

    put(schema, "description", json_string(setting->text));
    switch (setting->kind) {
    case SETTING_NUMBER:
        put_range(schema, setting);
        break;
    case SETTING_AUTO:
        alternatives = must(json_array());
        number = must(json_object());
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
        put(schema, "pattern", json_string(ADDRESS_REGEX));
        break;
    case SETTING_RANGES:
    case SETTING_PORTS:
    case SETTING_NAMES:
    case SETTING_UPSTREAMS:
        put_list(schema, setting);
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
        put(schema, "default", standard_json(setting));
    return schema;
}

static void put_section(json_t *object, const struct setting_group *group, const char *path,
                        bool is_schema);

static void put_inner(json_t *object, const struct setting_group *group,
                      const struct setting_section *section, bool is_schema)
{
    json_t *inner = must(json_object());
    json_t *properties;

    if (is_schema) {
        properties = must(json_object());
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
                is_schema ? setting_schema(setting) : standard_json(setting));
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
    json_t *properties = must(json_object());
    json_t *route = must(json_object());
    json_t *required = must(json_array());

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
    return json_pack("{s:s, s:s, s:i, s:o, s:[]}", "description", ROUTES_TEXT, "type", "array",
                     "maxItems", CONFIG_ROUTES_MAX, "items", route, "default");
}

static void print_json(json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(2));
    if (text == NULL)
        must(NULL);
    puts(text);
    free(text);
    json_decref(value);
}

static void print_default(void)
{
    json_t *root = must(json_object());
    put(root, "$schema", json_string(SCHEMA_NAME));
    put_section(root, &setting_all, "", false);
    put(root, "routes", json_array());
    print_json(root);
}

static void print_schema(void)
{
    json_t *root = must(json_object());
    json_t *properties = must(json_object());

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

/* As the file would have it, in one line. */
static void print_list(const struct setting *setting)
{
    json_t *list = standard_json(setting);
    char *text = json_dumps(list, 0);

    if (text == NULL)
        must(NULL);
    printf("`%s`", text);
    free(text);
    json_decref(list);
}

/* The default for a reader of the table: bytes also in the unit that suits them. */
static void print_standard(const struct setting *setting)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    uint64_t number = setting->standard != NULL ? strtoull(setting->standard, NULL, 10) : 0;
    int unit = -1;

    if (setting->standard == NULL) {
        if (setting->inherits != NULL)
            printf("`%s`", setting->inherits->path);
        else
            printf("required");
    } else if (setting->kind == SETTING_AUTO) {
        printf("`\"auto\"`: %s", setting->automatic);
    } else if (value_is_list(setting)) {
        print_list(setting);
    } else if (setting->kind == SETTING_CHOICE || setting->kind == SETTING_ADDRESS ||
               setting->kind == SETTING_HOST) {
        printf("`\"%s\"`", setting->standard);
    } else {
        printf("`%s`", setting->standard);
        if (setting->kind != SETTING_NUMBER || strcmp(setting->unit, "bytes") != 0)
            return;
        for (; number >= 1024 && number % 1024 == 0 && unit < 3; unit++)
            number /= 1024;
        if (unit >= 0)
            printf(" (%" PRIu64 " %s)", number, units[unit]);
    }
}

static void print_allowed(const struct setting *setting)
{
    switch (setting->kind) {
    case SETTING_NUMBER:
        printf("%" PRIu64 " to %" PRIu64 " %s", setting->min, setting->max, setting->unit);
        return;
    case SETTING_AUTO:
        printf("`\"auto\"`, or %" PRIu64 " to %" PRIu64 " %s", setting->min, setting->max,
               setting->unit);
        return;
    case SETTING_BOOLEAN:
        printf("`true` or `false`");
        return;
    case SETTING_CHOICE:
        printf("one of: %s", setting->choices);
        return;
    case SETTING_ADDRESS:
        printf("address and port");
        return;
    case SETTING_RANGES:
        printf("up to %d address ranges", CONFIG_LIST_MAX);
        return;
    case SETTING_PORTS:
        printf("up to %d ports", CONFIG_LIST_MAX);
        return;
    case SETTING_NAMES:
        printf("up to %d names", CONFIG_NAMES_MAX);
        return;
    case SETTING_PREFIX:
        printf("a path");
        return;
    case SETTING_HOST:
        printf("a host, or empty");
        return;
    case SETTING_UPSTREAMS:
        printf("1 to %d URLs", CONFIG_UPSTREAMS_MAX);
        return;
    }
}

/* Settings of a route have no variable: one for each would name no route. */
static void print_rows(const struct setting_group *group, const char *section)
{
    printf("\n| setting | default | allowed | what it does |\n|---|---|---|---|\n");
    for (size_t i = 0; i < group->count; i++) {
        const struct setting *setting = &group->settings[i];
        char variable[SETTING_VARIABLE_BYTES_MAX];
        if (!setting_is_in(setting->path, section))
            continue;
        setting_variable(setting, variable);
        if (group == &setting_all)
            printf("| `%s`<br>`%s` | ", setting->path, variable);
        else
            printf("| `routes[].%s` | ", setting->path);
        print_standard(setting);
        printf(" | ");
        print_allowed(setting);
        printf(" | %s |\n", setting->text);
    }
}

/* What is read again while the server runs. */
static void print_reloading(void)
{
    unsigned count = 0;

    printf("\nOn the signal SIGHUP a running server reads all of it again. What has changed holds "
           "for the "
           "requests that\ncome then; a fetch under way goes on as it began. A mistake changes "
           "nothing, and the log says where it is.\nThese take a restart, which the log says too:");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (!setting_needs_restart((enum setting_id)i))
            continue;
        printf("%s%s`%s`", count == 0 ? "" : ",", count % 4 == 0 ? "\n" : " ",
               setting_table[i].path);
        count++;
    }
    printf(",\n`routes`.\n");
}

static void print_routes(void)
{
    printf(
        "\n## routes\n\n" ROUTES_TEXT " In the file, a\nlist of objects with these settings; a "
        "default that is the name of a setting is that setting's value.\nIn `" CONFIG_ROUTE_VARIABLE
        "`, separated by blanks, and with `--route`, one text for each:\n"
        "`[host]/prefix=URL[,URL...]`. The variable replaces the routes of the file; an option "
        "adds "
        "one, or\nreplaces that with the same host and prefix.\n");
    print_rows(&route_settings, "");
    for (const struct setting_section *section = route_settings.sections; section->path != NULL;
         section++)
        print_rows(&route_settings, section->path);
}

static void print_table(void)
{
    printf("<!-- Written by the target update_settings from server/config/settings.def. -->\n"
           "# Settings\n\n"
           "All settings are optional. They are read from the JSON file that `--config` or "
           "`%s` names,\nthen from the environment, then from the command line; the later wins. In "
           "the file, the dots of a\nname are levels of objects: `{\"access\": {\"hold_ms\": 5}}`. "
           "In the environment, a list is separated by\ncommas.\n\n"
           "`config/fetchonce.schema.json` is the schema of the file, `config/default.json` a file "
           "with all the\ndefaults. `fetchonce --check --config FILE` says what is wrong with a "
           "file, and starts nothing.\n",
           CONFIG_FILE_VARIABLE);
    print_reloading();
    print_rows(&setting_all, "");
    for (const struct setting_section *section = setting_sections; section->path != NULL;
         section++) {
        printf("\n## %s\n\n%s\n", section->path, section->text);
        print_rows(&setting_all, section->path);
    }
    print_routes();
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    if (strcmp(what, "default") == 0)
        print_default();
    else if (strcmp(what, "schema") == 0)
        print_schema();
    else if (strcmp(what, "table") == 0)
        print_table();
    else {
        fputs("usage: generate_settings default | schema | table\n", stderr);
        return 2;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
