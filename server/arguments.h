/* SPDX-License-Identifier: MIT */
/*
 * arguments.h - the command line: what is to be done, and the options that come with it.
 *
 * Only reads; the values of options are checked with all other settings (config/config.h).
 */
#ifndef SERVER_ARGUMENTS_H
#define SERVER_ARGUMENTS_H

#include <stdbool.h>
#include <stdio.h>

#include "config/config.h"

enum arguments_action {
    ARGUMENTS_SERVE,
    ARGUMENTS_CHECK,
    ARGUMENTS_DEMO,
    ARGUMENTS_VERSION,
    ARGUMENTS_HELP,
};

/* All strings are those of argv. */
struct arguments {
    enum arguments_action action;
    const char *config_file; /* NULL: not given */
    const char *listen;      /* NULL: not given */
    const char *loops;       /* NULL: not given */
    const char *allow[CONFIG_LIST_MAX];
    unsigned allow_count;
    const char *routes[CONFIG_ROUTES_MAX];
    unsigned route_count;
};

/*
 * arguments_parse - reads argv. May be called more than once.
 * Errors    -EINVAL: `complaints` has been told what is wrong and where help is.
 */
int arguments_parse(int argc, char **argv, FILE *complaints, struct arguments *ret_arguments);

/* arguments_apply - puts the options over what is in `config`. */
void arguments_apply(const struct arguments *arguments, struct config *config,
                     struct problems *problems);

/* arguments_help - writes how to call the program, with the defaults of the table of settings. */
void arguments_help(FILE *stream);

#endif
