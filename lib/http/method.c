/* SPDX-License-Identifier: MIT */
/* method.c - the methods of the registry that promise something. */
#include <http/method.h>

struct method {
    const char *name;
    bool is_safe; /* all of them are idempotent */
};

static const struct method methods[] = {
    {"GET", true},     {"HEAD", true},       {"OPTIONS", true}, {"TRACE", true},
    {"PUT", false},    {"DELETE", false},    {"SEARCH", true},  {"REPORT", true},
    {"QUERY", true},   {"PROPFIND", true},   {"COPY", false},   {"MOVE", false},
    {"MKCOL", false},  {"PROPPATCH", false}, {"UNLOCK", false}, {"LINK", false},
    {"UNLINK", false},
};

static const struct method *find_method(struct span name)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (span_equals(name, span_of_string(methods[i].name)))
            return &methods[i];
    }
    return NULL;
}

bool method_is_safe(struct span method)
{
    const struct method *known = find_method(method);

    return known != NULL && known->is_safe;
}

bool method_is_idempotent(struct span method)
{
    return find_method(method) != NULL;
}
