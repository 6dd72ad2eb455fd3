/* SPDX-License-Identifier: MIT */
/*
 * main.c - collapsing: how well does an HTTP cache serve many clients with one request?
 *
 * Runs its own origin and its own clients, with the cache under test in between, one case after the
 * other, and reports what the clients and the origin saw. README.md tells how to point it at a
 * cache.
 */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "report.h"

#define NAMES_MAX  64
#define WARM_UP_MS 12000

struct arguments {
    struct options options;
    uint16_t origin_port;
    enum report_format format;
    const char *only[NAMES_MAX];
    size_t only_count;
    const char *except[NAMES_MAX];
    size_t except_count;
};

static const char usage[] =
    "collapsing - how well does an HTTP cache serve many clients with one request?\n"
    "\n"
    "usage: collapsing --cache http://HOST:PORT --origin-port PORT [OPTION]...\n"
    "       collapsing --cache http://HOST:PORT --proxy|--fetch [OPTION]...\n"
    "       collapsing --list\n"
    "\n"
    "  --cache URL        the cache under test\n"
    "  --origin-port N    the port of 127.0.0.1 that the cache has as its origin; the suite "
    "listens\n"
    "                     there (default with --proxy and --fetch: any free one)\n"
    "  --path-prefix P    before each path, if the cache proxies only what begins with it\n"
    "  --proxy            ask as a forward proxy is asked, for http://127.0.0.1:N/...\n"
    "  --fetch            ask as fetchonce's /fetch?url=http://127.0.0.1:N/...\n"
    "  --only CASE        only this case, by id or number; repeatable\n"
    "  --except CASE      not this one; repeatable\n"
    "  --clients N        clients in a crowd (default 40)\n"
    "  --crowd N          clients in the crowds whose waits are measured (default 200)\n"
    "  --settle-ms N      quiet time after which the cache is taken to have read all (default "
    "100)\n"
    "  --limit-ms N       for one case (default 15000)\n"
    "  --stall-ms N       after which the cache gives up an origin that has fallen silent\n"
    "  --large-mib N      a body longer than the cache stores (default 96)\n"
    "  --json, --markdown, --tsv   instead of a table to read\n"
    "  --list             print the cases\n"
    "\n"
    "exit status: 0 all applicable cases passed, 1 some failed, 2 could not run\n";

enum {
    OPTION_CACHE = 256,
    OPTION_ORIGIN_PORT,
    OPTION_PREFIX,
    OPTION_FETCH,
    OPTION_PROXY,
    OPTION_ONLY,
    OPTION_EXCEPT,
    OPTION_CLIENTS,
    OPTION_CROWD,
    OPTION_SETTLE,
    OPTION_LIMIT,
    OPTION_STALL,
    OPTION_LARGE,
    OPTION_JSON,
    OPTION_MARKDOWN,
    OPTION_TSV,
    OPTION_LIST,
    OPTION_HELP,
};

static const struct option option_names[] = {
    {"cache", required_argument, NULL, OPTION_CACHE},
    {"origin-port", required_argument, NULL, OPTION_ORIGIN_PORT},
    {"path-prefix", required_argument, NULL, OPTION_PREFIX},
    {"fetch", no_argument, NULL, OPTION_FETCH},
    {"proxy", no_argument, NULL, OPTION_PROXY},
    {"only", required_argument, NULL, OPTION_ONLY},
    {"except", required_argument, NULL, OPTION_EXCEPT},
    {"clients", required_argument, NULL, OPTION_CLIENTS},
    {"crowd", required_argument, NULL, OPTION_CROWD},
    {"settle-ms", required_argument, NULL, OPTION_SETTLE},
    {"limit-ms", required_argument, NULL, OPTION_LIMIT},
    {"stall-ms", required_argument, NULL, OPTION_STALL},
    {"large-mib", required_argument, NULL, OPTION_LARGE},
    {"json", no_argument, NULL, OPTION_JSON},
    {"markdown", no_argument, NULL, OPTION_MARKDOWN},
    {"tsv", no_argument, NULL, OPTION_TSV},
    {"list", no_argument, NULL, OPTION_LIST},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

__attribute__((noreturn)) static void complain(const char *what, const char *word)
{
    fprintf(stderr, "collapsing: %s%s%s\nTry 'collapsing --help'.\n", what,
            word != NULL ? ": " : "", word != NULL ? word : "");
    exit(2);
}

static unsigned number(const char *text, unsigned least, unsigned most)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (end == text || *end != '\0' || value < least || value > most)
        complain("not a number that fits here", text);
    return (unsigned)value;
}

/* http://host:port, a slash at the end or not. */
static void find_cache(const char *url, struct target *target)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found;
    char host[256];
    char *port;

    if (strncmp(url, "http://", 7) != 0)
        complain("the cache is wanted as http://host:port", url);
    snprintf(target->host, sizeof(target->host), "%s", url + 7);
    target->host[strcspn(target->host, "/")] = '\0';
    snprintf(host, sizeof(host), "%s", target->host);
    port = strrchr(host, ':');
    if (port == NULL)
        complain("the cache is wanted as http://host:port", url);
    *port++ = '\0';
    if (getaddrinfo(host, port, &hints, &found) != 0)
        complain("no such host", url);
    memcpy(&target->address, found->ai_addr, found->ai_addrlen);
    target->address_bytes = found->ai_addrlen;
    freeaddrinfo(found);
}

static bool is_named(const struct collapsing_case *about, const char *name)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", about->number);
    return strcmp(name, about->id) == 0 || (about->number > 0 && strcmp(name, text) == 0);
}

static void take_name(const char **names, size_t *count, const char *name)
{
    bool is_known = false;

    for (size_t i = 0; i < collapsing_case_count; i++)
        is_known = is_known || is_named(&collapsing_cases[i], name);
    if (!is_known || *count == NAMES_MAX)
        complain("no such case, or too many", name);
    names[(*count)++] = name;
}

__attribute__((noreturn)) static void list_cases(void)
{
    for (size_t i = 0; i < collapsing_case_count; i++)
        printf("%4u  %-24s %s\n", collapsing_cases[i].number, collapsing_cases[i].id,
               collapsing_cases[i].promise);
    exit(0);
}

static void take_number(struct options *options, int option, const char *text)
{
    switch (option) {
    case OPTION_CLIENTS:
        options->clients = number(text, 4, 1000);
        break;
    case OPTION_CROWD:
        options->crowd = number(text, 2, 1500);
        break;
    case OPTION_SETTLE:
        options->settle_ms = number(text, 1, 5000);
        break;
    case OPTION_LIMIT:
        options->limit_ms = number(text, 100, 600000);
        break;
    case OPTION_STALL:
        options->stall_ms = number(text, 1, 600000);
        break;
    default:
        options->large_bytes = (size_t)number(text, 1, 4096) * 1048576;
        break;
    }
}

static void take_option(struct arguments *arguments, int option)
{
    struct options *options = &arguments->options;

    switch (option) {
    case OPTION_CACHE:
        find_cache(optarg, &options->target);
        break;
    case OPTION_ORIGIN_PORT:
        arguments->origin_port = (uint16_t)number(optarg, 1, 65535);
        break;
    case OPTION_PREFIX:
        snprintf(options->target.prefix, sizeof(options->target.prefix), "%s", optarg);
        break;
    case OPTION_FETCH:
        options->target.is_fetch = true;
        break;
    case OPTION_PROXY:
        options->target.is_proxy = true;
        break;
    case OPTION_ONLY:
        take_name(arguments->only, &arguments->only_count, optarg);
        break;
    case OPTION_EXCEPT:
        take_name(arguments->except, &arguments->except_count, optarg);
        break;
    case OPTION_JSON:
        arguments->format = REPORT_JSON;
        break;
    case OPTION_MARKDOWN:
        arguments->format = REPORT_MARKDOWN;
        break;
    case OPTION_TSV:
        arguments->format = REPORT_TSV;
        break;
    case OPTION_LIST:
        list_cases();
    case OPTION_HELP:
        fputs(usage, stdout);
        exit(0);
    case '?':
        complain("not understood", NULL);
    default:
        take_number(options, option, optarg);
        break;
    }
}

static void read_arguments(int count, char **words, struct arguments *arguments)
{
    int option;

    *arguments = (struct arguments){.options = {.clients = 40,
                                                .crowd = 200,
                                                .settle_ms = 100,
                                                .limit_ms = 15000,
                                                .large_bytes = (size_t)96 * 1048576}};
    while ((option = getopt_long(count, words, "", option_names, NULL)) != -1)
        take_option(arguments, option);
    if (optind < count)
        complain("not understood", words[optind]);
    if (arguments->options.target.address_bytes == 0)
        complain("which cache? --cache http://host:port", NULL);
    if (arguments->origin_port == 0 && !arguments->options.target.is_fetch &&
        !arguments->options.target.is_proxy)
        complain("which port has the cache as its origin? --origin-port", NULL);
}

static bool is_among(const struct collapsing_case *about, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_named(about, names[i]))
            return true;
    }
    return false;
}

static bool is_wanted(const struct arguments *arguments, const struct collapsing_case *about)
{
    return (arguments->only_count == 0 ||
            is_among(about, arguments->only, arguments->only_count)) &&
           !is_among(about, arguments->except, arguments->except_count);
}

static void run_case(const struct collapsing_case *about, struct world *world,
                     struct origin *origin, const struct options *options, struct report *report)
{
    static struct trial trial;
    enum case_way way = options->target.is_fetch ? ON_FETCH : ON_ROUTES;

    trial_begin(&trial, world, origin, options);
    if (about->way != ON_EVERY_WAY && about->way != way)
        trial_not_applicable(&trial, about->why_not);
    else
        about->run(&trial);
    trial_finish(&trial);
    report_row(report, about, &trial);
    trial_end(&trial);
}

/* Whether the cache passes requests on to our origin: one that looks after the health of its origin
 * needs a moment to notice that it is there now. */
static bool wait_for_cache(struct world *world, struct origin *origin,
                           const struct options *options)
{
    static struct trial trial;
    struct client *client;
    bool is_there;

    trial_begin(&trial, world, origin, options);
    client = trial_get_until_good(&trial, trial_resource(&trial, &answer_storable), WARM_UP_MS);
    is_there = client_is_good(client, 200);
    if (!is_there)
        fprintf(stderr,
                "collapsing: the cache does not pass on what 127.0.0.1:%u answers; it says: %s\n",
                origin_port(origin), client_describe(client));
    trial_end(&trial);
    return is_there;
}

int main(int argument_count, char **words)
{
    struct arguments arguments;
    struct world world;
    struct origin *origin = NULL;
    struct report report;
    struct rlimit files;
    int err;

    read_arguments(argument_count, words, &arguments);
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files); /* if refused, connecting says so */
    }
    err = world_init(&world);
    if (err == 0)
        err = origin_new(&world, arguments.origin_port, &origin);
    if (err != 0 || origin == NULL) {
        fprintf(stderr, "collapsing: starting the origin on port %u: %s\n", arguments.origin_port,
                strerror(-err));
        return 2;
    }
    arguments.options.target.origin_port = origin_port(origin);
    if (!wait_for_cache(&world, origin, &arguments.options))
        return 2;
    report_begin(&report, arguments.format);
    for (size_t i = 0; i < collapsing_case_count; i++) {
        if (is_wanted(&arguments, &collapsing_cases[i]))
            run_case(&collapsing_cases[i], &world, origin, &arguments.options, &report);
    }
    report_end(&report, &arguments.options);
    origin_free(origin);
    world_fini(&world);
    return report.failed > 0 ? 1 : 0;
}
