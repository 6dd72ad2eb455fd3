/* SPDX-License-Identifier: MIT */
/*
 * generate.h - what the two halves of the generator share: JSON in generate_json.c, the table in
 * generate.c.
 */
#ifndef CONFIG_GENERATE_H
#define CONFIG_GENERATE_H

#include <jansson.h>

#include "config/setting.h"

#define GENERATE_ROUTES_TEXT "What is answered from other servers, through the cache."

/* generate_must - `value`, or the end of the program: without memory there is nothing to print. */
json_t *generate_must(json_t *value);

/* generate_standard - the default of a setting that has one. */
json_t *generate_standard(const struct setting *setting);

/* generate_default, generate_schema - print the file. */
void generate_default(void);
void generate_schema(void);

#endif
