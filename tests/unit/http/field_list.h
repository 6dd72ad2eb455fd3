/* SPDX-License-Identifier: MIT */
/*
 * field_list.h - header fields for a test, written as one string of "name: value" lines.
 */
#ifndef TEST_FIELD_LIST_H
#define TEST_FIELD_LIST_H

#include "cmocka_all.h"
#include <http/fields.h>

/* Lines end in a newline; the caller ends the list with fields_fini(). */
static inline struct fields field_list(const char *lines)
{
    struct fields fields;

    fields_init(&fields);
    while (*lines != '\0') {
        const char *colon = strchr(lines, ':');
        const char *end = strchr(lines, '\n');

        assert_non_null(colon);
        assert_non_null(end);
        assert_int_equal(fields_append(&fields, span_of(lines, (size_t)(colon - lines)),
                                       span_of(colon + 1, (size_t)(end - colon - 1))),
                         0);
        lines = end + 1;
    }
    return fields;
}

#endif
