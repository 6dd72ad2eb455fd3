/* SPDX-License-Identifier: MIT */
/* upgrade.c - the fields Upgrade and Connection, as far as they are about protocols; upgrade.h. */
#include <http/upgrade.h>

#include <http/list.h>

/* Whether Connection names Upgrade among the fields that are for us. */
static bool is_meant(struct field_view message)
{
    struct span value, member;
    struct list list;
    size_t position = 0;

    while (field_view_next_named(message, span_of_string("Connection"), &position, &value)) {
        list_init(&list, value, ',');
        while (list_next(&list, &member)) {
            if (span_equals_ignoring_case(member, span_of_string("upgrade")))
                return true;
        }
    }
    return false;
}

bool upgrade_wanted(struct field_view request, const char *const *allowed, size_t allowed_count,
                    struct span *ret_protocol)
{
    struct span value, member;
    struct list list;
    size_t position = 0;

    if (!is_meant(request))
        return false;
    while (field_view_next_named(request, span_of_string("Upgrade"), &position, &value)) {
        list_init(&list, value, ',');
        while (list_next(&list, &member)) {
            if (fields_name_is_one_of(member, allowed, allowed_count)) {
                *ret_protocol = member;
                return true;
            }
        }
    }
    return false;
}

bool upgrade_granted(struct field_view answer, struct span protocol)
{
    struct span value, member;
    struct list list;
    size_t position = 0;
    size_t count = 0;

    while (field_view_next_named(answer, span_of_string("Upgrade"), &position, &value)) {
        list_init(&list, value, ',');
        while (list_next(&list, &member)) {
            count++;
            if (!span_equals_ignoring_case(member, protocol))
                return false;
        }
    }
    return count == 1 && is_meant(answer);
}
