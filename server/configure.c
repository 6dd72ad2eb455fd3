/* SPDX-License-Identifier: MIT */
/* configure.c - see configure.h. */
#include "configure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/machine.h"
#include "log/log.h"

/* "x.json:3: operator.token_file: /run/secrets/token is empty". Nothing of the file is quoted. */
static void token_read_named(const struct config *config, struct token *ret_token,
                             struct problems *problems)
{
    const char *path = config->operator_token_file;
    struct token_fault fault;
    char origin[512];
    char quoted[sizeof(config->operator_token_file) + 8];

    *ret_token = (struct token){.length = 0};
    if (*path == '\0' || token_read(path, ret_token, &fault) == 0)
        return;
    config_origin_text(config, SETTING_ID_operator_token_file, origin, sizeof(origin));
    problems_add(problems, "%s: %s %s", origin, problems_quote(path, quoted, sizeof(quoted)),
                 fault.text);
}

void configure_read(const struct arguments *arguments, struct config *ret_config,
                    struct token *ret_token, struct problems *ret_problems)
{
    const char *file = arguments->config_file;

    problems_init(ret_problems);
    config_init(ret_config);
    if (file == NULL)
        file = getenv(CONFIG_FILE_VARIABLE);
    if (file != NULL)
        config_read_file(ret_config, file, ret_problems);
    config_read_environment(ret_config, (const char *const *)environ, ret_problems);
    arguments_apply(arguments, ret_config, ret_problems);
    config_resolve(ret_config, machine_cores(""), machine_memory_bytes(""));
    config_check(ret_config, ret_problems);
    token_read_named(ret_config, ret_token, ret_problems);
}

/* One line of the log for each. */
static void problems_log(const struct problems *problems)
{
    const char *line = problems->text;

    while (line != NULL && *line != '\0') {
        size_t bytes = strcspn(line, "\n");
        char quoted[1024];
        log_error("the configuration has a fault", "fault=%s",
                  log_quote(quoted, sizeof(quoted), line, bytes));
        line += bytes + (line[bytes] == '\n' ? 1 : 0);
    }
    log_error("the configuration was not read again; all stays as it was", "faults=%u",
              problems->count);
}

bool configure_again(const struct arguments *arguments, struct service *service,
                     struct config *ret_config)
{
    struct problems problems;
    struct token token;
    char quoted[1024];
    const char *file;
    int err;

    configure_read(arguments, ret_config, &token, &problems);
    err = problems.count > 0 ? -EINVAL : service_reload(service, ret_config, &token);
    token_wipe(&token);
    if (err == -EINVAL)
        problems_log(&problems);
    else if (err < 0)
        log_error("the configuration was not read again; all stays as it was",
                  "reason=out-of-memory");
    problems_fini(&problems);
    if (err < 0)
        return false;
    file = ret_config->file != NULL ? ret_config->file : "";
    log_info("the configuration was read again", "file=%s",
             log_quote(quoted, sizeof(quoted), file, strlen(file)));
    return true;
}
