/* SPDX-License-Identifier: MIT */
/*
 * generate.c - a program of the build: prints what is derived from settings.def and routes.def.
 *
 *      generate_settings default | schema | table
 *
 * default: config/default.json; schema: config/fetchonce.schema.json; table: docs/SETTINGS.md. The
 * files are in the repository for those who read it without building; a test compares them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/generate.h"
#include "config/value.h"

/* As the file would have it, in one line. */
static void print_list(const struct setting *setting)
{
    json_t *list = generate_standard(setting);
    char *text = json_dumps(list, 0);

    if (text == NULL)
        generate_must(NULL);
    printf("`%s`", text);
    free(text);
    json_decref(list);
}

/* The default for a reader of the table: bytes also in the unit that suits them. */
static void print_standard(const struct setting *setting)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    uint64_t number = setting->standard != NULL ? strtoull(setting->standard, NULL, 10) : 0;
    int unit = -1;

    if (setting->standard == NULL) {
        if (setting->inherits != NULL)
            printf("`%s`", setting->inherits->path);
        else
            printf("required");
    } else if (setting->kind == SETTING_AUTO) {
        printf("`\"auto\"`: %s", setting->automatic);
    } else if (value_is_list(setting)) {
        print_list(setting);
    } else if (setting->kind == SETTING_CHOICE || setting->kind == SETTING_ADDRESS ||
               setting->kind == SETTING_HOST || setting->kind == SETTING_FILE_NAME) {
        printf("`\"%s\"`", setting->standard);
    } else {
        printf("`%s`", setting->standard);
        if (setting->kind != SETTING_NUMBER || strcmp(setting->unit, "bytes") != 0)
            return;
        for (; number >= 1024 && number % 1024 == 0 && unit < 3; unit++)
            number /= 1024;
        if (unit >= 0)
            printf(" (%" PRIu64 " %s)", number, units[unit]);
    }
}

static void print_allowed(const struct setting *setting)
{
    switch (setting->kind) {
    case SETTING_NUMBER:
        printf("%" PRIu64 " to %" PRIu64 " %s", setting->min, setting->max, setting->unit);
        return;
    case SETTING_AUTO:
        printf("`\"auto\"`, or %" PRIu64 " to %" PRIu64 " %s", setting->min, setting->max,
               setting->unit);
        return;
    case SETTING_BOOLEAN:
        printf("`true` or `false`");
        return;
    case SETTING_CHOICE:
        printf("one of: %s", setting->choices);
        return;
    case SETTING_ADDRESS:
        printf(strcmp(setting->standard, "off") == 0 ? "`\"off\"`, or address and port"
                                                     : "address and port");
        return;
    case SETTING_RANGES:
        printf("up to %d address ranges", CONFIG_LIST_MAX);
        return;
    case SETTING_PORTS:
        printf("up to %d ports", CONFIG_LIST_MAX);
        return;
    case SETTING_NAMES:
        printf("up to %d names", CONFIG_NAMES_MAX);
        return;
    case SETTING_FILE_NAME:
        printf("a path of a file, or empty");
        return;
    case SETTING_PREFIX:
        printf("a path");
        return;
    case SETTING_HOST:
        printf("a host, or empty");
        return;
    case SETTING_UPSTREAMS:
        printf("1 to %d URLs", CONFIG_UPSTREAMS_MAX);
        return;
    case SETTING_PROTOCOLS:
        printf("up to %d protocols", CONFIG_NAMES_MAX);
        return;
    }
}

/* Settings of a route have no variable: one for each would name no route. */
static void print_rows(const struct setting_group *group, const char *section)
{
    printf("\n| setting | default | allowed | what it does |\n|---|---|---|---|\n");
    for (size_t i = 0; i < group->count; i++) {
        const struct setting *setting = &group->settings[i];
        char variable[SETTING_VARIABLE_BYTES_MAX];
        if (!setting_is_in(setting->path, section))
            continue;
        setting_variable(setting, variable);
        if (group == &setting_all)
            printf("| `%s`<br>`%s` | ", setting->path, variable);
        else
            printf("| `routes[].%s` | ", setting->path);
        print_standard(setting);
        printf(" | ");
        print_allowed(setting);
        printf(" | %s |\n", setting->text);
    }
}

/* What is read again while the server runs. */
static void print_reloading(void)
{
    unsigned count = 0;

    printf("\nOn the signal SIGHUP a running server reads all of it again. What has changed holds "
           "for the "
           "requests that\ncome then; a fetch under way goes on as it began. A mistake changes "
           "nothing, and the log says where it is.\nThese take a restart, which the log says too:");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (!setting_needs_restart((enum setting_id)i))
            continue;
        printf("%s%s`%s`", count == 0 ? "" : ",", count % 4 == 0 ? "\n" : " ",
               setting_table[i].path);
        count++;
    }
    printf(".\n");
}

static void print_routes(void)
{
    printf(
        "\n## routes\n\n" GENERATE_ROUTES_TEXT
        " In the file, a\nlist of objects with these settings; a "
        "default that is the name of a setting is that setting's value.\nIn `" CONFIG_ROUTE_VARIABLE
        "`, separated by blanks, and with `--route`, one text for each:\n"
        "`[host]/prefix=URL[,URL...]`. The variable replaces the routes of the file; an option "
        "adds "
        "one, or\nreplaces that with the same host and prefix.\n");
    print_rows(&route_settings, "");
    for (const struct setting_section *section = route_settings.sections; section->path != NULL;
         section++)
        print_rows(&route_settings, section->path);
}

static void print_table(void)
{
    printf("<!-- Written by the target update_settings from server/config/settings.def. -->\n"
           "# Settings\n\n"
           "All settings are optional. They are read from the JSON file that `--config` or "
           "`%s` names,\nthen from the environment, then from the command line; the later wins. In "
           "the file, the dots of a\nname are levels of objects: `{\"access\": {\"hold_ms\": 5}}`. "
           "In the environment, a list is separated by\ncommas.\n\n"
           "`config/fetchonce.schema.json` is the schema of the file, `config/default.json` a file "
           "with all the\ndefaults. `fetchonce --check --config FILE` says what is wrong with a "
           "file, and starts nothing.\n",
           CONFIG_FILE_VARIABLE);
    print_reloading();
    print_rows(&setting_all, "");
    for (const struct setting_section *section = setting_sections; section->path != NULL;
         section++) {
        printf("\n## %s\n\n%s\n", section->path, section->text);
        print_rows(&setting_all, section->path);
    }
    print_routes();
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    if (strcmp(what, "default") == 0)
        generate_default();
    else if (strcmp(what, "schema") == 0)
        generate_schema();
    else if (strcmp(what, "table") == 0)
        print_table();
    else {
        fputs("usage: generate_settings default | schema | table\n", stderr);
        return 2;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
