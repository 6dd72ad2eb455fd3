/* SPDX-License-Identifier: MIT */
/* request_head.c - see request_head.h. No value here holds a line's end: fields and Host were
 * checked when they came, and a URL has none. */
#include "request_head.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is written here, from the URL and from the call. */
static bool is_ours(struct span name)
{
    static const char *const names[] = {"Host",       "Content-Length", "Transfer-Encoding",
                                        "Connection", "Upgrade",        "Expect"};

    return fields_name_is_one_of(name, names, sizeof names / sizeof *names);
}

static void write_lines(FILE *file, const struct fetch_settings *settings,
                        const struct upstream_call *call)
{
    const char *authority = strstr(call->url->text, "://") + 3;
    const char *path = call->url->path;
    size_t position = 0;
    struct field field;

    fprintf(file, "GET %s HTTP/1.1\r\n", path);
    if (call->host != NULL)
        fprintf(file, "Host: %s\r\n", call->host);
    else
        fprintf(file, "Host: %.*s\r\n", (int)(path - authority), authority);
    while (call->fields != NULL && fields_next(call->fields, &position, &field)) {
        if (!is_ours(field.name))
            fprintf(file, "%.*s: %.*s\r\n", (int)field.name.length, field.name.bytes,
                    (int)field.value.length, field.value.bytes);
    }
    fprintf(file, "Via: 1.1 %s\r\nCDN-Loop: %s\r\n", settings->via_name, settings->via_name);
    fprintf(file, "Connection: upgrade\r\nUpgrade: %s\r\n\r\n", call->upgrade);
}

int request_head_make(const struct fetch_settings *settings, const struct upstream_call *call,
                      char **ret_bytes, size_t *ret_count)
{
    char *bytes = NULL;
    size_t count = 0;
    FILE *file = open_memstream(&bytes, &count);
    bool is_whole;

    assert(call->upgrade != NULL && call->method == NULL);
    if (file == NULL)
        return -ENOMEM;
    write_lines(file, settings, call);
    is_whole = ferror(file) == 0;
    if (fclose(file) != 0 || !is_whole) {
        free(bytes);
        return -ENOMEM;
    }
    *ret_bytes = bytes;
    *ret_count = count;
    return 0;
}
