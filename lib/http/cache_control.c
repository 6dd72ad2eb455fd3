/* SPDX-License-Identifier: MIT */
/*
 * cache_control.c - directives by table: a name, and the member that it sets.
 */
#include <http/cache_control.h>
#include <http/list.h>

#include <stddef.h>

struct flag_directive {
    const char *name;
    size_t offset; /* of a bool in struct cache_control */
};

struct seconds_directive {
    const char *name;
    size_t offset; /* of an int64_t in struct cache_control */
};

#define MEMBER(member) offsetof(struct cache_control, member)

static const struct flag_directive flag_directives[] = {
    {"no-store", MEMBER(no_store)},
    {"no-cache", MEMBER(no_cache)},
    {"no-transform", MEMBER(no_transform)},
    {"only-if-cached", MEMBER(only_if_cached)},
    {"must-revalidate", MEMBER(must_revalidate)},
    {"proxy-revalidate", MEMBER(proxy_revalidate)},
    {"must-understand", MEMBER(must_understand)},
    {"private", MEMBER(is_private)},
    {"public", MEMBER(is_public)},
    {"immutable", MEMBER(is_immutable)},
};

static const struct seconds_directive seconds_directives[] = {
    {"max-age", MEMBER(max_age_s)},
    {"s-maxage", MEMBER(s_maxage_s)},
    {"stale-while-revalidate", MEMBER(stale_while_revalidate_s)},
    {"stale-if-error", MEMBER(stale_if_error_s)},
    {"max-stale", MEMBER(max_stale_s)},
    {"min-fresh", MEMBER(min_fresh_s)},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

void cache_control_init(struct cache_control *control)
{
    *control = (struct cache_control){0};
    for (size_t i = 0; i < COUNT(seconds_directives); i++)
        *(int64_t *)((char *)control + seconds_directives[i].offset) = -1;
}

int64_t delta_seconds_parse(struct span text)
{
    int64_t seconds = 0;

    if (text.length >= 2 && text.bytes[0] == '"' && text.bytes[text.length - 1] == '"')
        text = span_of(text.bytes + 1, text.length - 2);
    if (text.length == 0)
        return -1;
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return -1;
        seconds = seconds * 10 + (text.bytes[i] - '0');
        if (seconds > CACHE_CONTROL_SECONDS_MAX)
            seconds = CACHE_CONTROL_SECONDS_MAX; /* and goes on, since a letter may still follow */
    }
    return seconds;
}

static void set_seconds(struct cache_control *control, const struct seconds_directive *directive,
                        struct span argument, bool has_argument)
{
    int64_t *seconds = (int64_t *)((char *)control + directive->offset);
    int64_t value = delta_seconds_parse(argument);

    if (*seconds >= 0)
        return; /* the first of several counts */
    if (!has_argument && directive->offset == MEMBER(max_stale_s))
        value = CACHE_CONTROL_SECONDS_MAX; /* RFC 9111 section 5.2.1.2: any staleness */
    *seconds = value < 0 ? 0 : value;
}

static void apply_directive(struct cache_control *control, struct span name, struct span argument,
                            bool has_argument)
{
    for (size_t i = 0; i < COUNT(flag_directives); i++) {
        if (span_equals_ignoring_case(name, span_of_string(flag_directives[i].name))) {
            *(bool *)((char *)control + flag_directives[i].offset) = true;
            return;
        }
    }
    for (size_t i = 0; i < COUNT(seconds_directives); i++) {
        if (span_equals_ignoring_case(name, span_of_string(seconds_directives[i].name))) {
            set_seconds(control, &seconds_directives[i], argument, has_argument);
            return;
        }
    }
}

void cache_control_add(struct cache_control *control, struct span value)
{
    struct list list;
    struct span member;

    list_init(&list, value, ',');
    while (list_next(&list, &member)) {
        const char *equals = memchr(member.bytes, '=', member.length);
        struct span name = member;
        struct span argument = {NULL, 0};

        if (equals != NULL) {
            name = span_of(member.bytes, (size_t)(equals - member.bytes));
            argument = span_of(equals + 1, member.length - name.length - 1);
        }
        /* A lifetime with white space around '=' is malformed, so it is no number; a flag counts.
         */
        if (span_trim(name).length < name.length)
            argument = span_of(NULL, 0);
        apply_directive(control, span_trim(name), argument, equals != NULL);
    }
}

void cache_control_read(struct cache_control *control, const struct fields *fields)
{
    struct span value;
    size_t position = 0;

    cache_control_init(control);
    while (fields_next_named(fields, "cache-control", &position, &value))
        cache_control_add(control, value);
}
