/* SPDX-License-Identifier: MIT */
/*
 * config.h - the values of all settings, and the ways they are read: file, environment, options.
 *
 * Each later layer wins over the earlier: default, file, environment, command line. Faults do not
 * stop the reading; they are gathered (problems.h) so that the operator sees all of them at once,
 * each with the place it came from. config_check() comes last and looks at values together.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "config/address.h"
#include "config/lists.h"
#include "config/problems.h"
#include "config/route.h"
#include "config/setting.h"

#define CONFIG_FILE_BYTES_MAX (256 * 1024)
#define CONFIG_FILE_VARIABLE  "FETCHONCE_CONFIG" /* names the file, as --config does */

/* Copied by assignment; owns nothing. Some 200 KiB, most of it routes. */
struct config {
#define SECTION(path, text)
#define NUMBER(field, path, min, max, standard, unit, text) uint64_t field;
#define AUTO(field, path, min, max, automatic, unit, text)  uint64_t field;
#define BOOLEAN(field, path, standard, text)                bool field;
#define CHOICE(field, path, choices, standard, text)        unsigned field;
#define ADDRESS(field, path, standard, text)                struct address field;
#define RANGES(field, path, standard, text)                 struct config_ranges field;
#define PORTS(field, path, standard, text)                  struct config_ports field;
#define NAMES(field, path, standard, text)                  struct config_names field;
#define FILE_NAME(field, path, standard, text)              char field[CONFIG_FILE_NAME_BYTES_MAX + 1];
#define RESTART(field)
#include "config/settings.def"
#include "config/settings_end.h"
    struct config_origin origins[SETTING_COUNT]; /* by enum setting_id */
    struct config_routes routes;
    const char *file; /* as given by the operator, whose string it stays; NULL without one */
};

/* config_init - the defaults of settings.def. */
void config_init(struct config *config);

/*
 * config_read_file - takes over the values of a JSON file. `path` is kept, not copied.
 * Errors    none returned: a file that cannot be read is a problem like a value that is wrong.
 */
void config_read_file(struct config *config, const char *path, struct problems *problems);

/* config_read_text - as config_read_file, of text that is there already, called `path`. */
void config_read_text(struct config *config, const char *path, const char *text, size_t text_bytes,
                      struct problems *problems);

/*
 * config_read_environment - takes over the variables that begin with FETCHONCE_; one that names no
 * setting is a problem, as a misspelt one would otherwise be without effect and without a word.
 * Those that Kubernetes sets for a service named fetchonce are passed over.
 * `variables` is as environ(7). Lists are separated by commas.
 */
void config_read_environment(struct config *config, const char *const *variables,
                             struct problems *problems);

/*
 * config_set_option - takes over the argument of a command-line option.
 * Lists grow by it: --allow adds a range to those of file and environment.
 */
void config_set_option(struct config *config, enum setting_id id, const char *option,
                       const char *argument, struct problems *problems);

/*
 * config_resolve - puts numbers for what is "auto": `cores` loops, and a quarter of `memory_bytes`
 * for the cache, at most 1 GiB and at least what the setting allows. Defaults that would exceed
 * what the operator gave are lowered to it.
 */
void config_resolve(struct config *config, unsigned cores, uint64_t memory_bytes);

/* config_check - reports what contradicts each other, after config_resolve(). */
void config_check(const struct config *config, struct problems *problems);

/*
 * config_origin_text - where the value of a setting was given, for a message: "file.json:12:
 * fetch.ports", "FETCHONCE_LISTEN", "--listen" or "listen (default)".
 */
void config_origin_text(const struct config *config, enum setting_id id, char *ret_text,
                        size_t text_bytes);

#endif
