/* SPDX-License-Identifier: MIT */
/*
 * list.c - members of a separated list, each byte looked at a bounded number of times.
 */
#include <http/list.h>

void list_init(struct list *list, struct span value, char separator)
{
    list->rest = value;
    list->separator = separator;
    list->quote_is_ordinary = false;
}

/* The index after the quoted string that begins at `from`, or `from` if it never ends. */
static size_t quoted_string_end(struct span text, size_t from)
{
    for (size_t i = from + 1; i < text.length; i++) {
        if (text.bytes[i] == '\\')
            i++;
        else if (text.bytes[i] == '"')
            return i + 1;
    }
    return from;
}

/* The index of the first separator outside quotes, or the length. */
static size_t member_end(struct list *list)
{
    size_t i = 0;

    while (i < list->rest.length && list->rest.bytes[i] != list->separator) {
        if (list->rest.bytes[i] == '"' && !list->quote_is_ordinary) {
            size_t end = quoted_string_end(list->rest, i);

            if (end > i) {
                i = end;
                continue;
            }
            /* Later quotes cannot close it either; not searching again keeps this linear. */
            list->quote_is_ordinary = true;
        }
        i++;
    }
    return i;
}

bool list_next(struct list *list, struct span *ret_member)
{
    while (list->rest.length > 0) {
        size_t end = member_end(list);
        size_t past = end < list->rest.length ? end + 1 : end;
        struct span member = span_trim(span_of(list->rest.bytes, end));

        list->rest = span_of(list->rest.bytes + past, list->rest.length - past);
        if (member.length > 0) {
            *ret_member = member;
            return true;
        }
    }
    return false;
}
