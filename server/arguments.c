/* SPDX-License-Identifier: MIT */
/*
 * arguments.c - see arguments.h. getopt_long(3) splits the words; the complaints are our own, so
 * that they all look alike and end in a hint.
 */
#include "arguments.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#define QUOTED_BYTES_MAX 96

static const struct option arguments_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"listen", required_argument, NULL, 'l'},
    {"loops", required_argument, NULL, 'n'},
    {"allow", required_argument, NULL, 'a'},
    {"route", required_argument, NULL, 'r'},
    {"check", no_argument, NULL, 'k'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int complain(FILE *complaints, const char *word, const char *what)
{
    char quoted[QUOTED_BYTES_MAX];
    fprintf(complaints, "fetchonce: %s %s\nTry 'fetchonce --help'.\n",
            problems_quote(word, quoted, sizeof(quoted)), what);
    return -EINVAL;
}

static int complain_unknown_option(FILE *complaints, const char *word)
{
    char what[64] = "is no option";
    size_t name_bytes = strcspn(word, "=");
    char name[64];

    if (name_bytes < sizeof(name)) {
        memcpy(name, word, name_bytes);
        name[name_bytes] = '\0';
        for (const struct option *option = arguments_options; option->name != NULL; option++) {
            if (problems_is_near(name + strspn(name, "-"), option->name))
                snprintf(what, sizeof(what), "is no option; did you mean --%s?", option->name);
        }
    }
    return complain(complaints, word, what);
}

/* An option that getopt_long(3) has recognised. */
static int option_take(int option, struct arguments *arguments, FILE *complaints)
{
    switch (option) {
    case 'c':
        arguments->config_file = optarg;
        return 0;
    case 'l':
        arguments->listen = optarg;
        return 0;
    case 'n':
        arguments->loops = optarg;
        return 0;
    case 'a':
        if (arguments->allow_count == CONFIG_LIST_MAX)
            return complain(complaints, optarg, "is one --allow too many");
        arguments->allow[arguments->allow_count++] = optarg;
        return 0;
    case 'r':
        if (arguments->route_count == CONFIG_ROUTES_MAX)
            return complain(complaints, optarg, "is one --route too many");
        arguments->routes[arguments->route_count++] = optarg;
        return 0;
    case 'k':
        arguments->action = ARGUMENTS_CHECK;
        return 0;
    case 'V':
        arguments->action = ARGUMENTS_VERSION;
        return 0;
    default:
        arguments->action = ARGUMENTS_HELP;
        return 0;
    }
}

/* The words that are no options: at most one command. */
static int command_take(int count, char **words, bool has_options, struct arguments *arguments,
                        FILE *complaints)
{
    bool is_demo;

    if (count == 0)
        return 0;
    is_demo = strcmp(words[0], "demo") == 0;
    if (!is_demo && strcmp(words[0], "serve") != 0)
        return complain(complaints, words[0],
                        problems_is_near(words[0], "serve") ? "is no command; did you mean serve?"
                        : problems_is_near(words[0], "demo")
                            ? "is no command; did you mean demo?"
                            : "is no command; there are serve and demo");
    if (count > 1)
        return complain(complaints, words[1], "is one word too many");
    if (is_demo && arguments->action == ARGUMENTS_SERVE) {
        if (has_options)
            return complain(complaints, "demo", "takes no options");
        arguments->action = ARGUMENTS_DEMO;
    }
    return 0;
}

int arguments_parse(int argc, char **argv, FILE *complaints, struct arguments *ret_arguments)
{
    struct arguments arguments = {.action = ARGUMENTS_SERVE};
    bool has_options = false;
    int option;
    int err;

    optind = 0; /* glibc: begin anew */
    opterr = 0;
    for (;;) {
        int at = optind > 0 ? optind : 1;
        option = getopt_long(argc, argv, ":hV", arguments_options, NULL);
        if (option == -1)
            break;
        has_options = true;
        if (option == ':')
            return complain(complaints, argv[optind - 1], "needs an argument");
        if (option == '?')
            return complain_unknown_option(complaints, argv[optind > at ? optind - 1 : at]);
        err = option_take(option, &arguments, complaints);
        if (err < 0)
            return err;
    }
    err = command_take(argc - optind, argv + optind, has_options, &arguments, complaints);
    if (err < 0)
        return err;
    *ret_arguments = arguments;
    return 0;
}

void arguments_apply(const struct arguments *arguments, struct config *config,
                     struct problems *problems)
{
    if (arguments->listen != NULL)
        config_set_option(config, SETTING_ID_listen, "--listen", arguments->listen, problems);
    if (arguments->loops != NULL)
        config_set_option(config, SETTING_ID_loops, "--loops", arguments->loops, problems);
    for (unsigned i = 0; i < arguments->allow_count; i++)
        config_set_option(config, SETTING_ID_fetch_allow, "--allow", arguments->allow[i], problems);
    for (unsigned i = 0; i < arguments->route_count; i++)
        routes_add_option(&config->routes, "--route", arguments->routes[i], problems);
}

static void help_settings(FILE *stream)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *setting = &setting_table[i];
        char variable[SETTING_VARIABLE_BYTES_MAX];
        setting_variable(setting, variable);
        fprintf(stream, "  %-42s %s%s%s\n", variable,
                setting->standard[0] != '\0' ? setting->standard : "(none)",
                setting->kind == SETTING_NUMBER ? " " : "",
                setting->kind == SETTING_NUMBER ? setting->unit : "");
    }
}

void arguments_help(FILE *stream)
{
    fprintf(
        stream,
        "fetchonce - an HTTP caching server that fetches each URL once\n"
        "\n"
        "usage: fetchonce [serve] [OPTION]...   serve until SIGTERM or SIGINT\n"
        "       fetchonce demo                  show what it does, on this machine, in seconds\n"
        "\n"
        "options:\n"
        "  --config FILE    read settings from this JSON file\n"
        "  --listen A:P     address and port, [::1]:8080 for IPv6; port 0 is any free one\n"
        "                   (default %s)\n"
        "  --loops N        event loops, each a thread (default %s: %s)\n"
        "  --allow CIDR     let /fetch reach this private range, such as 10.0.0.0/8; repeatable\n"
        "  --route /P=URL   answer paths below /P from this server, through the cache; several "
        "URLs\n"
        "                   are separated by commas; host/P=URL for one host; repeatable\n"
        "  --check          check the configuration, say what it comes to, start nothing\n"
        "  --version        print the version\n"
        "  --help           print this\n"
        "\n"
        "Settings come from the file, then the environment, then the options; the later wins.\n"
        "SIGHUP reads them again. docs/SETTINGS.md explains each.\n"
        "In the environment, with their defaults:\n"
        "  %-42s (none)\n",
        setting_table[SETTING_ID_listen].standard, setting_table[SETTING_ID_loops].standard,
        setting_table[SETTING_ID_loops].automatic, CONFIG_FILE_VARIABLE);
    fprintf(stream, "  %-42s (none), as --route, by blanks\n", CONFIG_ROUTE_VARIABLE);
    help_settings(stream);
    fputs("\n"
          "exit status:\n"
          "  0  stopped as asked, or --check found nothing wrong\n"
          "  1  could not start or go on\n"
          "  2  the command line or the configuration is wrong\n",
          stream);
}
