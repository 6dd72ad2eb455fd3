/* SPDX-License-Identifier: MIT */
/*
 * config.c - the defaults, the options, and where values came from. See config.h.
 */
#include "config/config.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "config/value.h"

void config_init(struct config *config)
{
    memset(config, 0, sizeof(*config));
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        struct value_fault fault;
        int err = value_set_text(config, &setting_table[i], setting_table[i].standard, &fault);
        assert(err == 0); /* a default that its own setting refuses */
        (void)err;
    }
}

void config_set_option(struct config *config, enum setting_id id, const char *option,
                       const char *argument, struct problems *problems)
{
    const struct setting *setting = &setting_table[id];
    struct config_origin *origin = &config->origins[id];
    struct value_fault fault;
    int err;

    if (value_is_list(setting))
        err = value_add_text(config, setting, argument, &fault);
    else
        err = value_set_text(config, setting, argument, &fault);
    if (err < 0)
        problems_add(problems, "%s: %s", option, fault.text);
    *origin = (struct config_origin){.source = CONFIG_FROM_COMMAND_LINE,
                                     .is_faulty = origin->is_faulty || err < 0};
}

void config_origin_text(const struct config *config, enum setting_id id, char *ret_text,
                        size_t text_bytes)
{
    const struct setting *setting = &setting_table[id];
    char variable[SETTING_VARIABLE_BYTES_MAX];

    switch (config->origins[id].source) {
    case CONFIG_FROM_DEFAULT:
        snprintf(ret_text, text_bytes, "%s (default)", setting->path);
        return;
    case CONFIG_FROM_FILE:
        snprintf(ret_text, text_bytes, "%s:%u: %s", config->file, config->origins[id].line,
                 setting->path);
        return;
    case CONFIG_FROM_ENVIRONMENT:
        setting_variable(setting, variable);
        snprintf(ret_text, text_bytes, "%s", variable);
        return;
    case CONFIG_FROM_COMMAND_LINE:
        /* Options are called after the last part of the path: --listen, --loops, --allow. */
        snprintf(ret_text, text_bytes, "--%s", setting_leaf(setting->path));
        return;
    }
    assert(false && "a source without its words");
}
