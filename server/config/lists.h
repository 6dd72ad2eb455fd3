/* SPDX-License-Identifier: MIT */
/*
 * lists.h - the values that are more than a number: bounded lists, and where a value came from.
 */
#ifndef CONFIG_LISTS_H
#define CONFIG_LISTS_H

#include <stdbool.h>
#include <stdint.h>

#include <fetch/guard.h>

#define CONFIG_LIST_MAX            64
#define CONFIG_NAMES_MAX           32
#define CONFIG_NAME_BYTES_MAX      63
#define CONFIG_UPSTREAMS_MAX       16
#define CONFIG_URL_BYTES_MAX       255
#define CONFIG_FILE_NAME_BYTES_MAX 1023

enum config_source {
    CONFIG_FROM_DEFAULT,
    CONFIG_FROM_FILE,
    CONFIG_FROM_ENVIRONMENT,
    CONFIG_FROM_COMMAND_LINE,
};

struct config_origin {
    enum config_source source;
    unsigned line;  /* CONFIG_FROM_FILE; 0 elsewhere */
    bool is_faulty; /* what was given there was refused, and the value is an earlier one */
};

struct config_ranges {
    struct guard_network items[CONFIG_LIST_MAX];
    unsigned count;
};

struct config_ports {
    uint16_t items[CONFIG_LIST_MAX];
    unsigned count;
};

struct config_names {
    char items[CONFIG_NAMES_MAX][CONFIG_NAME_BYTES_MAX + 1];
    unsigned count;
};

/* URLs in the spelling of fetch_url_parse(). */
struct config_upstreams {
    char items[CONFIG_UPSTREAMS_MAX][CONFIG_URL_BYTES_MAX + 1];
    unsigned count;
};

#endif
