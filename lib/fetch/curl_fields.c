/* SPDX-License-Identifier: MIT */
/* curl_fields.c - "Name: value" for libcurl's list; see curl_fields.h. */
#include "curl_fields.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_NAME_BYTES_MAX 128

static int append_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer == NULL)
        return -ENOMEM;
    *list = longer;
    return 0;
}

/* libcurl sends an empty field for "Name;", and none for "Name:". */
static int append_field(struct curl_slist **list, const struct field *field)
{
    const char *separator = field->value.length > 0 ? ": " : ";";
    size_t room = field->name.length + field->value.length + sizeof ": ";
    char *line = malloc(room);
    int err;

    if (line == NULL)
        return -ENOMEM;
    snprintf(line, room, "%.*s%s%.*s", (int)field->name.length, field->name.bytes, separator,
             (int)field->value.length, field->value.bytes);
    err = append_line(list, line);
    free(line);
    return err;
}

/* What libcurl writes by itself, from the URL and from the body. */
static bool is_libcurls(struct span name)
{
    static const char *const names[] = {"Host", "Content-Length", "Transfer-Encoding", "Expect"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (span_equals_ignoring_case(name, span_of_string(names[i])))
            return true;
    }
    return false;
}

static int append_call_fields(struct curl_slist **list, const struct fields *fields)
{
    size_t position = 0;
    struct field field;
    int err = 0;

    while (err == 0 && fields_next(fields, &position, &field)) {
        if (!is_libcurls(field.name))
            err = append_field(list, &field);
    }
    return err;
}

/* One representation of each URL is wanted, the plain one, unless the call says otherwise. */
static int append_defaults(struct curl_slist **list, const struct fields *fields, bool is_verbatim)
{
    bool has_encoding = fields != NULL && fields_has(fields, "Accept-Encoding");
    int err = 0;

    if (!is_verbatim)
        return has_encoding ? 0 : append_line(list, "Accept-Encoding: identity");
    /* Without a value: libcurl's own are not sent. */
    if (fields == NULL || !fields_has(fields, "Accept"))
        err = append_line(list, "Accept:");
    if (err == 0 && (fields == NULL || !fields_has(fields, "User-Agent")))
        err = append_line(list, "User-Agent:");
    return err;
}

static int append_own(struct curl_slist **list, const struct fetch_settings *settings)
{
    char line[OWN_NAME_BYTES_MAX + sizeof "CDN-Loop: "];
    int err;

    if (strlen(settings->via_name) > OWN_NAME_BYTES_MAX)
        return -EINVAL;
    snprintf(line, sizeof line, "Via: 1.1 %s", settings->via_name);
    err = append_line(list, line);
    if (err < 0)
        return err;
    snprintf(line, sizeof line, "CDN-Loop: %s", settings->via_name);
    return append_line(list, line);
}

/* What libcurl would write differently. */
static int append_host_and_framing(struct curl_slist **list, const struct upstream_call *call)
{
    int err = 0;

    if (call->host != NULL)
        err =
            append_field(list, &(struct field){span_of_string("Host"), span_of_string(call->host)});
    if (err == 0 && call->body != NULL)
        err = append_line(list, "Expect:");
    if (err == 0 && call->body != NULL && call->body->length_bytes < 0)
        err = append_line(list, "Transfer-Encoding: chunked");
    return err;
}

int curl_fields_make(const struct fetch_settings *settings, const struct upstream_call *call,
                     struct curl_slist **ret_list)
{
    struct curl_slist *list = NULL;
    int err = append_host_and_framing(&list, call);

    if (err == 0 && call->fields != NULL)
        err = append_call_fields(&list, call->fields);
    if (err == 0)
        err = append_defaults(&list, call->fields, call->is_verbatim);
    if (err == 0)
        err = append_own(&list, settings);
    if (err < 0) {
        curl_slist_free_all(list);
        return err;
    }
    *ret_list = list;
    return 0;
}
