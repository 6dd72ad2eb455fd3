/* SPDX-License-Identifier: MIT */
/*
 * file.c - the configuration file: JSON into struct config, every fault with its line.
 *
 * The JSON library checks the syntax and builds the values; lines.h says where they stand. The walk
 * goes through the values that are there, not through the table, so that what is unknown is found.
 */
#include "config/config.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/reading.h"
#include "config/value.h"

void reading_problem(struct reading *reading, const char *fault)
{
    problems_add(reading->problems, "%s:%u: %s: %s", reading->file,
                 lines_find(reading->lines, reading->path), reading->path, fault);
}

void reading_describe(const json_t *value, char *ret_text, size_t text_bytes)
{
    char quoted[READING_QUOTED_BYTES_MAX];

    switch (json_typeof(value)) {
    case JSON_OBJECT:
        snprintf(ret_text, text_bytes, "an object");
        return;
    case JSON_ARRAY:
        snprintf(ret_text, text_bytes, "a list");
        return;
    case JSON_STRING:
        snprintf(ret_text, text_bytes, "the string %s",
                 problems_quote(json_string_value(value), quoted, sizeof(quoted)));
        return;
    case JSON_INTEGER:
        snprintf(ret_text, text_bytes, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return;
    case JSON_REAL:
        snprintf(ret_text, text_bytes, "the fraction %g", json_real_value(value));
        return;
    case JSON_TRUE:
        snprintf(ret_text, text_bytes, "true");
        return;
    case JSON_FALSE:
        snprintf(ret_text, text_bytes, "false");
        return;
    case JSON_NULL:
        snprintf(ret_text, text_bytes, "null");
        return;
    }
    assert(false && "a JSON type without its words");
}

static bool text_is_number(const char *text)
{
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static int fault_wrong_type(const struct setting *setting, const json_t *value,
                            struct value_fault *ret_fault)
{
    bool takes_number = setting->kind == SETTING_NUMBER || setting->kind == SETTING_AUTO ||
                        setting->kind == SETTING_PORTS;
    bool is_quoted_number =
        takes_number && json_is_string(value) && text_is_number(json_string_value(value));
    char expected[160];
    char described[READING_QUOTED_BYTES_MAX + 16];

    value_expected(setting, expected, sizeof(expected));
    reading_describe(value, described, sizeof(described));
    snprintf(ret_fault->text, sizeof(ret_fault->text), "must be %s, not %s%s", expected, described,
             is_quoted_number ? "; write it without the quotes" : "");
    return -EINVAL;
}

/* One item of a list of settings. */
static int item_read(struct reading *reading, const struct setting *setting, const json_t *item,
                     struct value_fault *ret_fault)
{
    if (value_is_text_list(setting) && json_is_string(item))
        return value_add_text(reading->record, setting, json_string_value(item), ret_fault);
    if (setting->kind == SETTING_PORTS && json_is_integer(item) && json_integer_value(item) >= 0)
        return value_add_number(reading->record, setting, (uint64_t)json_integer_value(item),
                                ret_fault);
    return fault_wrong_type(setting, item, ret_fault);
}

/* A list; each faulty item is reported with a line of its own. */
static int list_read(struct reading *reading, const struct setting *setting, const json_t *list)
{
    union value_list before;
    size_t path_bytes = strlen(reading->path);
    size_t i;
    json_t *item;
    int status = 0;

    value_keep_list(reading->record, setting, &before);
    value_clear_list(reading->record, setting);
    json_array_foreach(list, i, item)
    {
        struct value_fault fault;
        if (item_read(reading, setting, item, &fault) == 0)
            continue;
        lines_path_item(reading->path, i);
        reading_problem(reading, fault.text);
        reading->path[path_bytes] = '\0';
        status = -EINVAL;
    }
    if (status < 0)
        value_restore_list(reading->record, setting, &before);
    return status;
}

static int scalar_read(struct reading *reading, const struct setting *setting, const json_t *value,
                       struct value_fault *ret_fault)
{
    void *record = reading->record;
    bool takes_number = setting->kind == SETTING_NUMBER || setting->kind == SETTING_AUTO;
    bool takes_text = setting->kind == SETTING_CHOICE || setting->kind == SETTING_ADDRESS ||
                      setting->kind == SETTING_PREFIX || setting->kind == SETTING_HOST ||
                      setting->kind == SETTING_FILE_NAME;

    if (takes_number && json_is_integer(value) && json_integer_value(value) >= 0)
        return value_set_number(record, setting, (uint64_t)json_integer_value(value), ret_fault);
    if (setting->kind == SETTING_BOOLEAN && json_is_boolean(value))
        return value_set_boolean(record, setting, json_is_true(value));
    if (json_is_string(value) && (takes_text || (setting->kind == SETTING_AUTO &&
                                                 strcmp(json_string_value(value), "auto") == 0)))
        return value_set_text(record, setting, json_string_value(value), ret_fault);
    return fault_wrong_type(setting, value, ret_fault);
}

static void setting_read(struct reading *reading, const struct setting *setting,
                         const json_t *value)
{
    struct config_origin *origin = &reading->origins[setting - reading->group->settings];
    struct value_fault fault;
    int err;

    if (value_is_list(setting) && json_is_array(value)) {
        err = list_read(reading, setting, value);
    } else {
        err = value_is_list(setting) ? fault_wrong_type(setting, value, &fault)
                                     : scalar_read(reading, setting, value, &fault);
        if (err < 0)
            reading_problem(reading, fault.text);
    }
    *origin = (struct config_origin){.source = CONFIG_FROM_FILE,
                                     .line = lines_find(reading->lines, reading->path),
                                     .is_faulty = err < 0};
}

/* The known path that the unknown one may stand for: a neighbour with a similar name, or the same
 * name in another section. NULL if none comes near. */
static const char *unknown_guess(const struct setting_group *group, const char *leaf,
                                 const char *section)
{
    const char *guess = NULL;
    size_t guess_distance = SIZE_MAX;

    for (size_t i = 0; i < group->count; i++) {
        const char *known = group->settings[i].path;
        bool is_neighbour = setting_is_in(known, section);
        size_t distance = problems_distance(leaf, setting_leaf(known));
        bool is_near = is_neighbour ? problems_is_near(leaf, setting_leaf(known)) : distance == 0;
        if (is_near && distance < guess_distance) {
            guess = known;
            guess_distance = distance;
        }
    }
    if (guess == NULL && group == &setting_all && *section == '\0' &&
        problems_is_near(leaf, "routes"))
        guess = "routes";
    for (const struct setting_section *known = group->sections; known->path != NULL; known++) {
        size_t distance = problems_distance(leaf, setting_leaf(known->path));
        if (setting_is_in(known->path, section) && problems_is_near(leaf, known->path) &&
            distance < guess_distance) {
            guess = known->path;
            guess_distance = distance;
        }
    }
    return guess;
}

static void unknown_report(struct reading *reading, const char *section, const char *key)
{
    const char *guess = unknown_guess(reading->group, key, section);
    char fault[256];

    if (setting_find(reading->group, key) != NULL ||
        setting_section_find(reading->group, key) != NULL)
        snprintf(
            fault, sizeof(fault),
            "unknown setting; the dots of a name are levels, as in {\"log\": {\"level\": ...}}");
    else if (guess != NULL)
        snprintf(fault, sizeof(fault), "unknown setting; did you mean %s?", guess);
    else
        snprintf(fault, sizeof(fault), "unknown setting; docs/SETTINGS.md lists them all");
    reading_problem(reading, fault);
}

void reading_section(struct reading *reading, const char *section, json_t *object)
{
    size_t path_bytes = strlen(reading->path);
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        const struct setting_section *inner;
        const struct setting *setting;
        bool is_top;
        char described[READING_QUOTED_BYTES_MAX + 16];
        char fault[READING_QUOTED_BYTES_MAX + 64];

        lines_path_key(reading->path, key);
        is_top = path_bytes == 0;
        inner = setting_section_find(reading->group, reading->path + reading->root_bytes);
        setting = setting_find(reading->group, reading->path + reading->root_bytes);
        if (is_top && strcmp(key, "routes") == 0) {
            reading_routes(reading, value);
        } else if (setting != NULL) {
            setting_read(reading, setting, value);
        } else if (inner != NULL && json_is_object(value)) {
            reading_section(reading, inner->path, value);
        } else if (inner != NULL) {
            reading_describe(value, described, sizeof(described));
            snprintf(fault, sizeof(fault), "must be an object of settings, not %s", described);
            reading_problem(reading, fault);
        } else if (!is_top || strcmp(key, "$schema") != 0) {
            /* An editor finds the schema by "$schema"; it has no meaning here. */
            unknown_report(reading, section, key);
        }
        reading->path[path_bytes] = '\0';
    }
}

static void repeated_report(struct reading *reading)
{
    size_t position = 0;
    const char *path;
    unsigned line;
    unsigned first_line;

    while (lines_repeated(reading->lines, &position, &path, &line, &first_line))
        problems_add(reading->problems, "%s:%u: %s: given twice, first on line %u", reading->file,
                     line, path, first_line);
}

/* Advice for the slips that editors of other formats make. */
static const char *syntax_hint(const char *text, size_t text_bytes, const json_error_t *error)
{
    size_t position = error->position > 0 ? (size_t)error->position : 0;
    size_t last = position > 0 ? position - 1 : 0;

    if (text_bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        return "; the file begins with a byte order mark, remove it";
    if (text[strspn(text, " \t\r\n")] == '\0')
        return "; the file is empty, the least it may hold is {}";
    if (last < text_bytes && (text[last] == '/' || text[last] == '#'))
        return "; JSON has no comments, remove them";
    if (last < text_bytes && text[last] == '\'')
        return "; JSON puts strings in double quotes";
    if (last < text_bytes && (text[last] == '}' || text[last] == ']')) {
        while (last > 0 && strchr(" \t\r\n}]", text[last]) != NULL)
            last--;
        if (text[last] == ',')
            return "; JSON has no comma behind the last item";
    }
    return "";
}

static void syntax_report(const struct reading *reading, const char *text, size_t text_bytes,
                          const json_error_t *error)
{
    char quoted[JSON_ERROR_TEXT_LENGTH];

    snprintf(quoted, sizeof(quoted), "%s", error->text);
    for (char *byte = quoted; *byte != '\0'; byte++)
        *byte = (unsigned char)*byte < 0x20 || *byte == 0x7f ? ' ' : *byte;
    problems_add(reading->problems, "%s:%d: not valid JSON at column %d: %s%s", reading->file,
                 error->line, error->column, quoted, syntax_hint(text, text_bytes, error));
}

/* Reports each number in `value`, which stands at reading->path, that no integer here can be. */
static void huge_report(struct reading *reading, json_t *value)
{
    const struct setting *setting = setting_find(&setting_all, reading->path);
    size_t path_bytes = strlen(reading->path);
    char expected[160];
    char fault[256] = "the number is too large to be read";
    const char *key;
    json_t *inner;
    size_t i;

    json_object_foreach(value, key, inner)
    {
        lines_path_key(reading->path, key);
        huge_report(reading, inner);
        reading->path[path_bytes] = '\0';
    }
    json_array_foreach(value, i, inner)
    {
        lines_path_item(reading->path, i);
        huge_report(reading, inner);
        reading->path[path_bytes] = '\0';
    }
    if (!json_is_real(value) ||
        (json_real_value(value) < 0x1p63 && json_real_value(value) >= -0x1p63))
        return;
    if (setting != NULL) {
        value_expected(setting, expected, sizeof(expected));
        snprintf(fault, sizeof(fault), "must be %s, not a number as large as that", expected);
    }
    reading_problem(reading, fault);
}

/*
 * The library gives a text up at an integer of more than 64 bits, and does not know whose value it
 * is. Read once more with integers as floating-point numbers, which have room for it, it can be
 * found. Returns whether it was that.
 */
static bool huge_read(struct reading *reading, const char *text, size_t text_bytes)
{
    json_t *root = json_loadb(text, text_bytes, JSON_DECODE_INT_AS_REAL, NULL);
    size_t count_before = reading->problems->count;

    if (root != NULL && lines_new(text, text_bytes, &reading->lines) == 0) {
        huge_report(reading, root);
        lines_free(reading->lines);
    }
    json_decref(root);
    return reading->problems->count > count_before;
}

void config_read_text(struct config *config, const char *path, const char *text, size_t text_bytes,
                      struct problems *problems)
{
    struct reading reading = {.config = config,
                              .problems = problems,
                              .file = path,
                              .group = &setting_all,
                              .record = config,
                              .origins = config->origins};
    json_error_t error;
    json_t *root = json_loadb(text, text_bytes, 0, &error);

    config->file = path;
    if (root == NULL) {
        if (json_error_code(&error) != json_error_numeric_overflow ||
            !huge_read(&reading, text, text_bytes))
            syntax_report(&reading, text, text_bytes, &error);
        return;
    }
    if (!json_is_object(root)) {
        problems_add(problems, "%s:1: must be an object of settings, such as {}", path);
    } else if (lines_new(text, text_bytes, &reading.lines) < 0) {
        problems_add(problems, "%s: %s", path, strerror(ENOMEM));
    } else {
        repeated_report(&reading);
        reading_section(&reading, "", root);
        lines_free(reading.lines);
    }
    json_decref(root);
}

void config_read_file(struct config *config, const char *path, struct problems *problems)
{
    FILE *file = fopen(path, "re");
    char *text = malloc(CONFIG_FILE_BYTES_MAX + 2);
    size_t bytes;

    if (file == NULL || text == NULL) {
        problems_add(problems, "%s: cannot be read: %s", path, strerror(errno));
    } else {
        bytes = fread(text, 1, CONFIG_FILE_BYTES_MAX + 1, file);
        text[bytes] = '\0';
        if (ferror(file) != 0)
            problems_add(problems, "%s: cannot be read: %s", path, strerror(errno));
        else if (bytes > CONFIG_FILE_BYTES_MAX)
            problems_add(problems, "%s: larger than %d KiB, which is no configuration", path,
                         CONFIG_FILE_BYTES_MAX / 1024);
        else
            config_read_text(config, path, text, bytes, problems);
    }
    free(text);
    if (file != NULL)
        fclose(file);
}
