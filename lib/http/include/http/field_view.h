/* SPDX-License-Identifier: MIT */
/*
 * field_view.h - the field lines of a message, whoever keeps them.
 *
 * A request of the server is an array of `struct field`, a stored response is a `struct fields`. A
 * view is a small value that refers to one or the other, so that a function which only reads lines
 * need not know which it got, and nobody copies lines to call it. It lives as long as what it was
 * made of, and is handed over by value.
 */
#ifndef HTTP_FIELD_VIEW_H
#define HTTP_FIELD_VIEW_H

#include <http/fields.h>

struct field_view {
    const struct fields *fields; /* NULL: the array below */
    const struct field *lines;
    size_t lines_count;
};

static inline struct field_view field_view_of(const struct fields *fields)
{
    return (struct field_view){.fields = fields};
}

static inline struct field_view field_view_of_lines(const struct field *lines, size_t count)
{
    return (struct field_view){.lines = lines, .lines_count = count};
}

/* field_view_next - walk over all lines: start with `*position` 0; false after the last line. */
static inline bool field_view_next(struct field_view view, size_t *position,
                                   struct field *ret_field)
{
    if (view.fields != NULL)
        return fields_next(view.fields, position, ret_field);
    if (*position >= view.lines_count)
        return false;
    *ret_field = view.lines[(*position)++];
    return true;
}

/*
 * field_view_next_named - the same over the lines of one name, letter case ignored.
 * Source    RFC 9110 section 5.1.
 */
static inline bool field_view_next_named(struct field_view view, struct span name, size_t *position,
                                         struct span *ret_value)
{
    struct field field;

    while (field_view_next(view, position, &field)) {
        if (span_equals_ignoring_case(field.name, name)) {
            *ret_value = field.value;
            return true;
        }
    }
    return false;
}

/* field_view_find - the first line of that name; false where there is none. */
static inline bool field_view_find(struct field_view view, const char *name, struct span *ret_value)
{
    size_t position = 0;

    return field_view_next_named(view, span_of_string(name), &position, ret_value);
}

/*
 * field_view_is_hop_by_hop - whether a line of this name is for the next hop only: one of the known
 * names, or one that a Connection line of this message nominates.
 * Source    RFC 9110 section 7.6.1; Proxy-* and Keep-Alive as in RFC 9111 section 3.1.
 */
bool field_view_is_hop_by_hop(struct field_view view, struct span name);

#endif
