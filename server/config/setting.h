/* SPDX-License-Identifier: MIT */
/*
 * setting.h - the table of settings as data: what settings.def says, one struct per line.
 *
 * The parsers, the generator of the schema and of the documentation, and the environment walk this
 * table; none of them names a setting. The values are in struct config (config.h).
 */
#ifndef CONFIG_SETTING_H
#define CONFIG_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SETTING_VARIABLE_PREFIX    "FETCHONCE_"
#define SETTING_VARIABLE_BYTES_MAX 96

enum setting_kind {
    SETTING_NUMBER,    /* uint64_t */
    SETTING_AUTO,      /* uint64_t, 0 for "auto" */
    SETTING_BOOLEAN,   /* bool */
    SETTING_CHOICE,    /* unsigned, the position in `choices` */
    SETTING_ADDRESS,   /* struct address */
    SETTING_RANGES,    /* struct config_ranges */
    SETTING_PORTS,     /* struct config_ports */
    SETTING_NAMES,     /* struct config_names */
    SETTING_FILE_NAME, /* text, of CONFIG_FILE_NAME_BYTES_MAX */
    SETTING_PREFIX,    /* text, of TARGET_PREFIX_BYTES_MAX */
    SETTING_HOST,      /* text, of TARGET_HOST_BYTES_MAX */
    SETTING_UPSTREAMS, /* struct config_upstreams */
    SETTING_PROTOCOLS, /* struct config_names */
};

enum setting_id {
#define SECTION(path, text)
#define NUMBER(field, path, min, max, standard, unit, text) SETTING_ID_##field,
#define AUTO(field, path, min, max, automatic, unit, text)  SETTING_ID_##field,
#define BOOLEAN(field, path, standard, text)                SETTING_ID_##field,
#define CHOICE(field, path, choices, standard, text)        SETTING_ID_##field,
#define ADDRESS(field, path, standard, text)                SETTING_ID_##field,
#define RANGES(field, path, standard, text)                 SETTING_ID_##field,
#define PORTS(field, path, standard, text)                  SETTING_ID_##field,
#define NAMES(field, path, standard, text)                  SETTING_ID_##field,
#define FILE_NAME(field, path, standard, text)              SETTING_ID_##field,
#define RESTART(field)
#include "config/settings.def"
#include "config/settings_end.h"
    SETTING_COUNT
};

struct setting {
    const char *path; /* as in the file: "fetch.timeouts.total_ms" */
    enum setting_kind kind;
    size_t offset;        /* of the field in struct config, or struct config_route, */
    size_t bytes;         /* and its size */
    uint64_t min;         /* NUMBER, AUTO, PORTS: the least and */
    uint64_t max;         /* the largest value allowed */
    const char *standard; /* the default, as text; NULL: inherited, or it has to be given */
    const struct setting *inherits; /* of a route: the setting of the server that is the default */
    const char *automatic;          /* AUTO: what "auto" comes to, in words */
    const char *unit;               /* NUMBER, AUTO: what is counted */
    const char *choices;            /* CHOICE: the words, separated by blanks */
    const char *text;               /* what it does, in a sentence */
};

struct setting_section {
    const char *path;
    const char *text;
};

/* The settings of one kind of struct. */
struct setting_group {
    const struct setting *settings;
    size_t count;
    const struct setting_section *sections; /* in the order of the file; the last has no path */
};

extern const struct setting setting_table[SETTING_COUNT];

/* The sections in the order of the file; the last has a NULL path. */
extern const struct setting_section setting_sections[];

/* The settings of the server: both of the above. */
extern const struct setting_group setting_all;

/* setting_find - the setting at `path`, or NULL. */
const struct setting *setting_find(const struct setting_group *group, const char *path);

/* setting_section_find - the section at `path`, or NULL. */
const struct setting_section *setting_section_find(const struct setting_group *group,
                                                   const char *path);

/* setting_needs_restart - whether a running server keeps its value, whatever is configured. */
bool setting_needs_restart(enum setting_id id);

/* setting_leaf - the last part of a path: "total_ms" of "fetch.timeouts.total_ms". */
const char *setting_leaf(const char *path);

/*
 * setting_is_in - whether `path` stands directly in the section `section`; "" is the top of the
 * file.
 */
bool setting_is_in(const char *path, const char *section);

/* setting_variable - writes the environment variable of a setting: FETCHONCE_ACCESS_HOLD_MS. */
void setting_variable(const struct setting *setting, char ret_name[SETTING_VARIABLE_BYTES_MAX]);

/*
 * setting_choice - copies word number `position` of a choice into `ret_word`.
 * Errors    -ENOENT when there are not that many; -ENAMETOOLONG.
 */
int setting_choice(const struct setting *setting, unsigned position, char *ret_word,
                   size_t word_bytes);

#endif
