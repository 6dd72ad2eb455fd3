/* SPDX-License-Identifier: MIT */
/*
 * environment.c - FETCHONCE_ variables into struct config. See config.h.
 */
#include "config/config.h"

#include <ctype.h>
#include <string.h>

#include "config/value.h"

#define NAME_BYTES_MAX 128

/*
 * Whether Kubernetes or Docker links made the variable: for a service called fetchonce, a pod finds
 * FETCHONCE_SERVICE_HOST, FETCHONCE_SERVICE_PORT[_name], FETCHONCE_PORT and
 * FETCHONCE_PORT_80_TCP[_...].
 */
static bool is_from_orchestrator(const char *name)
{
    const char *rest = name + strlen(SETTING_VARIABLE_PREFIX);
    return strncmp(rest, "SERVICE_HOST", 12) == 0 || strncmp(rest, "SERVICE_PORT", 12) == 0 ||
           strcmp(rest, "PORT") == 0 ||
           (strncmp(rest, "PORT_", 5) == 0 && isdigit((unsigned char)rest[5]) != 0);
}

static void unknown_report(const char *name, struct problems *problems)
{
    char guess[SETTING_VARIABLE_BYTES_MAX] = "";
    char quoted[NAME_BYTES_MAX + 8];
    size_t least = SIZE_MAX;
    size_t prefix_bytes = strlen(SETTING_VARIABLE_PREFIX);

    for (size_t i = 0; i < SETTING_COUNT; i++) {
        char variable[SETTING_VARIABLE_BYTES_MAX];
        size_t distance;
        setting_variable(&setting_table[i], variable);
        distance = problems_distance(name, variable);
        if (distance < least && problems_is_near(name + prefix_bytes, variable + prefix_bytes)) {
            memcpy(guess, variable, sizeof(guess));
            least = distance;
        }
    }
    if (guess[0] == '\0' &&
        problems_is_near(name + prefix_bytes, &CONFIG_ROUTE_VARIABLE[prefix_bytes]))
        memcpy(guess, CONFIG_ROUTE_VARIABLE, sizeof(CONFIG_ROUTE_VARIABLE));
    problems_quote(name, quoted, sizeof(quoted));
    if (guess[0] != '\0')
        problems_add(problems, "environment: %s is no setting; did you mean %s?", quoted, guess);
    else
        problems_add(problems, "environment: %s is no setting; docs/SETTINGS.md lists them all",
                     quoted);
}

static void variable_read(struct config *config, const char *name, const char *text,
                          struct problems *problems)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *setting = &setting_table[i];
        struct config_origin *origin = &config->origins[i];
        char variable[SETTING_VARIABLE_BYTES_MAX];
        struct value_fault fault;
        int err;

        setting_variable(setting, variable);
        if (strcmp(variable, name) != 0)
            continue;
        err = value_set_text(config, setting, text, &fault);
        if (err < 0)
            problems_add(problems, "environment: %s: %s", variable, fault.text);
        *origin = (struct config_origin){.source = CONFIG_FROM_ENVIRONMENT,
                                         .is_faulty = origin->is_faulty || err < 0};
        return;
    }
    if (strcmp(name, CONFIG_ROUTE_VARIABLE) == 0) {
        routes_read_variable(&config->routes, text, problems);
        return;
    }
    if (!is_from_orchestrator(name) && strcmp(name, CONFIG_FILE_VARIABLE) != 0)
        unknown_report(name, problems);
}

void config_read_environment(struct config *config, const char *const *variables,
                             struct problems *problems)
{
    size_t prefix_bytes = strlen(SETTING_VARIABLE_PREFIX);

    for (; *variables != NULL; variables++) {
        const char *equals = strchr(*variables, '=');
        char name[NAME_BYTES_MAX];
        size_t name_bytes;

        if (equals == NULL || strncmp(*variables, SETTING_VARIABLE_PREFIX, prefix_bytes) != 0)
            continue;
        name_bytes = (size_t)(equals - *variables);
        if (name_bytes >= sizeof(name))
            name_bytes = sizeof(name) - 1; /* longer than any setting's: unknown either way */
        memcpy(name, *variables, name_bytes);
        name[name_bytes] = '\0';
        variable_read(config, name, equals + 1, problems);
    }
}
