/* SPDX-License-Identifier: MIT */
/*
 * curl_fields.c - "Name: value" for libcurl's list; see curl_fields.h.
 *
 * The lines are walked through twice: to count their bytes, then to write them, so that a list is
 * one piece of memory, lines and text, and not two for each of its lines.
 */
#include "curl_fields.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The list that is counted, and then written. */
struct draft {
    struct curl_slist *lines; /* NULL while counting */
    char *text;
    size_t lines_count;
    size_t text_bytes;
};

static void add_line(struct draft *draft, struct span name, const char *between, struct span value)
{
    size_t between_bytes = strlen(between);

    if (draft->lines != NULL) {
        struct curl_slist *line = &draft->lines[draft->lines_count];
        char *at = draft->text + draft->text_bytes;
        *line = (struct curl_slist){.data = at, .next = NULL};
        if (draft->lines_count > 0)
            line[-1].next = line;
        memcpy(at, name.bytes, name.length);
        memcpy(at + name.length, between, between_bytes);
        if (value.length > 0)
            memcpy(at + name.length + between_bytes, value.bytes, value.length);
        at[name.length + between_bytes + value.length] = '\0';
    }
    draft->lines_count++;
    draft->text_bytes += name.length + between_bytes + value.length + 1;
}

static void add_text(struct draft *draft, const char *line)
{
    add_line(draft, span_of_string(line), "", span_of(NULL, 0));
}

/* libcurl sends an empty field for "Name;", and none for "Name:". */
static void add_field(struct draft *draft, const struct field *field)
{
    add_line(draft, field->name, field->value.length > 0 ? ": " : ";", field->value);
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

static void add_call_fields(struct draft *draft, const struct fields *fields)
{
    size_t position = 0;
    struct field field;

    while (fields_next(fields, &position, &field)) {
        if (!is_libcurls(field.name))
            add_field(draft, &field);
    }
}

/* One representation of each URL is wanted, the plain one, unless the call says otherwise. */
static void add_defaults(struct draft *draft, const struct fetch_settings *settings,
                         const struct fields *fields, bool is_verbatim)
{
    if (is_verbatim) {
        /* Without a value: libcurl's own is not sent. */
        if (fields == NULL || !fields_has(fields, "Accept"))
            add_text(draft, "Accept:");
        return;
    }
    if (fields == NULL || !fields_has(fields, "Accept-Encoding"))
        add_text(draft, "Accept-Encoding: identity");
    if (fields == NULL || !fields_has(fields, "User-Agent"))
        add_line(draft, span_of_string("User-Agent"), ": ", span_of_string(settings->user_agent));
}

/* What libcurl would write differently. */
static void add_host_and_framing(struct draft *draft, const struct upstream_call *call)
{
    if (call->host != NULL)
        add_field(draft, &(struct field){span_of_string("Host"), span_of_string(call->host)});
    if (call->body != NULL)
        add_text(draft, "Expect:");
    if (call->body != NULL && call->body->length_bytes < 0)
        add_text(draft, "Transfer-Encoding: chunked");
}

static void add_all(struct draft *draft, const struct fetch_settings *settings,
                    const struct upstream_call *call)
{
    add_host_and_framing(draft, call);
    if (call->fields != NULL)
        add_call_fields(draft, call->fields);
    add_defaults(draft, settings, call->fields, call->is_verbatim);
    add_line(draft, span_of_string("Via"), ": 1.1 ", span_of_string(settings->via_name));
    add_line(draft, span_of_string("CDN-Loop"), ": ", span_of_string(settings->via_name));
}

int curl_fields_make(const struct fetch_settings *settings, const struct upstream_call *call,
                     struct curl_slist **ret_list)
{
    struct draft counted = {0}, written = {0};

    add_all(&counted, settings, call);
    written.lines = malloc(counted.lines_count * sizeof *written.lines + counted.text_bytes);
    if (written.lines == NULL)
        return -ENOMEM;
    written.text = (char *)(written.lines + counted.lines_count);
    add_all(&written, settings, call);
    assert(written.lines_count == counted.lines_count);
    assert(written.text_bytes == counted.text_bytes);
    *ret_list = written.lines;
    return 0;
}
