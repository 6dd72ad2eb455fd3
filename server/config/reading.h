/* SPDX-License-Identifier: MIT */
/*
 * reading.h - the reading of one file: what file.c and file_routes.c share.
 */
#ifndef CONFIG_READING_H
#define CONFIG_READING_H

#include <jansson.h>

#include "config/config.h"
#include "config/lines.h"

#define READING_QUOTED_BYTES_MAX 160

struct reading {
    struct config *config;
    struct problems *problems;
    const char *file;
    struct lines *lines;
    char path[LINES_PATH_BYTES_MAX]; /* of the value at hand */

    /* What the values at hand are settings of: the server, or a route. */
    const struct setting_group *group;
    void *record;
    struct config_origin *origins;
    size_t root_bytes; /* of the path: what stands before that of a setting */
};

/* reading_problem - reports a fault of the value at hand. */
void reading_problem(struct reading *reading, const char *fault);

/* reading_describe - what a value of the wrong type is, to follow "not". */
void reading_describe(const json_t *value, char *ret_text, size_t text_bytes);

/* reading_section - the keys of one section, and of the sections in it; "" is the top. */
void reading_section(struct reading *reading, const char *section, json_t *object);

/* reading_routes - the list of routes. */
void reading_routes(struct reading *reading, json_t *list);

#endif
