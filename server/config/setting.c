/* SPDX-License-Identifier: MIT */
/*
 * setting.c - see setting.h. Expands settings.def into the table and searches it.
 */
#include "config/setting.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"

#define ROW(field_name, ...)                                                                       \
    {.offset = offsetof(struct config, field_name),                                                \
     .bytes = sizeof(((struct config *)NULL)->field_name),                                         \
     __VA_ARGS__},

/* Arguments here are initializers, which parentheses would not suit. */
/* NOLINTBEGIN(bugprone-macro-parentheses) */
const struct setting setting_table[SETTING_COUNT] = {
#define SECTION(p, t)
#define NUMBER(f, p, lo, hi, s, u, t)                                                              \
    ROW(f, .kind = SETTING_NUMBER, .path = p, .min = lo, .max = hi, .standard = #s, .unit = u,     \
        .text = t)
#define AUTO(f, p, lo, hi, a, u, t)                                                                \
    ROW(f, .kind = SETTING_AUTO, .path = p, .min = lo, .max = hi, .standard = "auto",              \
        .automatic = a, .unit = u, .text = t)
#define BOOLEAN(f, p, s, t) ROW(f, .kind = SETTING_BOOLEAN, .path = p, .standard = s, .text = t)
#define CHOICE(f, p, c, s, t)                                                                      \
    ROW(f, .kind = SETTING_CHOICE, .path = p, .choices = c, .standard = s, .text = t)
#define ADDRESS(f, p, s, t) ROW(f, .kind = SETTING_ADDRESS, .path = p, .standard = s, .text = t)
#define RANGES(f, p, s, t)  ROW(f, .kind = SETTING_RANGES, .path = p, .standard = s, .text = t)
#define PORTS(f, p, s, t)                                                                          \
    ROW(f, .kind = SETTING_PORTS, .path = p, .min = 1, .max = 65535, .standard = s, .text = t)
#define NAMES(f, p, s, t)     ROW(f, .kind = SETTING_NAMES, .path = p, .standard = s, .text = t)
#define FILE_NAME(f, p, s, t) ROW(f, .kind = SETTING_FILE_NAME, .path = p, .standard = s, .text = t)
#define RESTART(f)
#include "config/settings.def"
#include "config/settings_end.h"
};
/* NOLINTEND(bugprone-macro-parentheses) */

const struct setting_section setting_sections[] = {
#define SECTION(p, t) {p, t},
#define NUMBER(f, p, lo, hi, s, u, t)
#define AUTO(f, p, lo, hi, a, u, t)
#define BOOLEAN(f, p, s, t)
#define CHOICE(f, p, c, s, t)
#define ADDRESS(f, p, s, t)
#define RANGES(f, p, s, t)
#define PORTS(f, p, s, t)
#define NAMES(f, p, s, t)
#define FILE_NAME(f, p, s, t)
#define RESTART(f)
#include "config/settings.def"
#include "config/settings_end.h"
    {NULL, NULL},
};

static const bool restart_table[SETTING_COUNT] = {
#define SECTION(p, t)
#define NUMBER(f, p, lo, hi, s, u, t)
#define AUTO(f, p, lo, hi, a, u, t)
#define BOOLEAN(f, p, s, t)
#define CHOICE(f, p, c, s, t)
#define ADDRESS(f, p, s, t)
#define RANGES(f, p, s, t)
#define PORTS(f, p, s, t)
#define NAMES(f, p, s, t)
#define FILE_NAME(f, p, s, t)
#define RESTART(f) [SETTING_ID_##f] = true,
#include "config/settings.def"
#include "config/settings_end.h"
};

const struct setting_group setting_all = {setting_table, SETTING_COUNT, setting_sections};

const struct setting *setting_find(const struct setting_group *group, const char *path)
{
    for (size_t i = 0; i < group->count; i++) {
        if (strcmp(group->settings[i].path, path) == 0)
            return &group->settings[i];
    }
    return NULL;
}

const struct setting_section *setting_section_find(const struct setting_group *group,
                                                   const char *path)
{
    for (const struct setting_section *section = group->sections; section->path != NULL;
         section++) {
        if (strcmp(section->path, path) == 0)
            return section;
    }
    return NULL;
}

bool setting_needs_restart(enum setting_id id)
{
    return restart_table[id];
}

const char *setting_leaf(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot == NULL ? path : dot + 1;
}

bool setting_is_in(const char *path, const char *section)
{
    size_t parent_bytes = (size_t)(setting_leaf(path) - path);
    size_t section_bytes = strlen(section);
    if (parent_bytes == 0)
        return section_bytes == 0;
    return parent_bytes - 1 == section_bytes && memcmp(path, section, section_bytes) == 0;
}

void setting_variable(const struct setting *setting, char ret_name[SETTING_VARIABLE_BYTES_MAX])
{
    int bytes = snprintf(ret_name, SETTING_VARIABLE_BYTES_MAX, "%s%s", SETTING_VARIABLE_PREFIX,
                         setting->path);
    assert(bytes > 0 && bytes < SETTING_VARIABLE_BYTES_MAX);
    for (char *byte = ret_name; *byte != '\0'; byte++)
        *byte = *byte == '.' ? '_' : (char)toupper((unsigned char)*byte);
}

int setting_choice(const struct setting *setting, unsigned position, char *ret_word,
                   size_t word_bytes)
{
    const char *word = setting->choices;
    size_t bytes;

    assert(setting->kind == SETTING_CHOICE);
    for (; position > 0; position--) {
        word = strchr(word, ' ');
        if (word == NULL)
            return -ENOENT;
        word++;
    }
    bytes = strcspn(word, " ");
    if (bytes >= word_bytes)
        return -ENAMETOOLONG;
    memcpy(ret_word, word, bytes);
    ret_word[bytes] = '\0';
    return 0;
}
