/* SPDX-License-Identifier: MIT */
/*
 * cache_control.c - directives by table: a name, and the member that it sets.
 */
#include <http/cache_control.h>
#include <http/list.h>
#include <http/structured.h>

#include <stddef.h>

struct flag_directive {
    const char *name;
    size_t offset;       /* of a bool in struct cache_control */
    bool is_restrictive; /* in doubt it counts */
};

struct seconds_directive {
    const char *name;
    size_t offset; /* of an int32_t in struct cache_control */
};

#define MEMBER(member) offsetof(struct cache_control, member)

static const struct flag_directive flag_directives[] = {
    {"no-store", MEMBER(no_store), true},
    {"no-cache", MEMBER(no_cache), true},
    {"no-transform", MEMBER(no_transform), true},
    {"only-if-cached", MEMBER(only_if_cached), false},
    {"must-revalidate", MEMBER(must_revalidate), true},
    {"proxy-revalidate", MEMBER(proxy_revalidate), true},
    {"must-understand", MEMBER(must_understand), false},
    {"private", MEMBER(is_private), true},
    {"public", MEMBER(is_public), false},
    {"immutable", MEMBER(is_immutable), false},
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
        *(int32_t *)((char *)control + seconds_directives[i].offset) = -1;
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

static bool *flag_of(struct cache_control *control, const struct flag_directive *directive)
{
    return (bool *)((char *)control + directive->offset);
}

static int32_t *seconds_of(struct cache_control *control, const struct seconds_directive *directive)
{
    return (int32_t *)((char *)control + directive->offset);
}

static const struct flag_directive *find_flag(struct span name)
{
    for (size_t i = 0; i < COUNT(flag_directives); i++) {
        if (span_equals_ignoring_case(name, span_of_string(flag_directives[i].name)))
            return &flag_directives[i];
    }
    return NULL;
}

static const struct seconds_directive *find_seconds(struct span name)
{
    for (size_t i = 0; i < COUNT(seconds_directives); i++) {
        if (span_equals_ignoring_case(name, span_of_string(seconds_directives[i].name)))
            return &seconds_directives[i];
    }
    return NULL;
}

static void set_seconds(struct cache_control *control, const struct seconds_directive *directive,
                        struct span argument, bool has_argument)
{
    int32_t *seconds = seconds_of(control, directive);
    int64_t value = delta_seconds_parse(argument);

    if (*seconds >= 0)
        return; /* the first of several counts */
    if (!has_argument && directive->offset == MEMBER(max_stale_s))
        value = CACHE_CONTROL_SECONDS_MAX; /* RFC 9111 section 5.2.1.2: any staleness */
    *seconds = value < 0 ? 0 : (int32_t)value;
}

/*
 * Members that are no directive at all, such as "private; max-age=0" and "no-cache no-store", come
 * from origins that meant to restrict. To overlook that would share what is private.
 */
static void apply_restrictive_words(struct cache_control *control, struct span text)
{
    while (text.length > 0) {
        const struct flag_directive *flag;
        size_t length = 0;

        while (length < text.length && memchr(" \t;", text.bytes[length], 3) == NULL)
            length++;
        flag = find_flag(span_of(text.bytes, length));
        if (flag != NULL && flag->is_restrictive)
            *flag_of(control, flag) = true;
        length += length < text.length ? 1 : 0;
        text = span_of(text.bytes + length, text.length - length);
    }
}

static void apply_directive(struct cache_control *control, struct span name, struct span argument,
                            bool has_argument)
{
    const struct flag_directive *flag = find_flag(name);
    const struct seconds_directive *seconds = find_seconds(name);

    if (flag != NULL)
        *flag_of(control, flag) = true;
    else if (seconds != NULL)
        set_seconds(control, seconds, argument, has_argument);
    else if (!fields_is_token(name))
        apply_restrictive_words(control, name);
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

/* RFC 9213 section 2.1: numbers are integers, and flags are true, or strings with field names. */
static void apply_entry(struct cache_control *control, struct span key,
                        const struct structured_item *item)
{
    const struct flag_directive *flag = find_flag(key);
    const struct seconds_directive *seconds = find_seconds(key);
    int64_t value = item->type == STRUCTURED_INTEGER ? item->number : 0;

    if (flag != NULL && item->type == STRUCTURED_BOOLEAN)
        *flag_of(control, flag) = item->number != 0;
    else if (flag != NULL)
        *flag_of(control, flag) = flag->is_restrictive;
    if (seconds == NULL)
        return;
    if (value < 0)
        value = 0;
    if (value > CACHE_CONTROL_SECONDS_MAX)
        value = CACHE_CONTROL_SECONDS_MAX;
    *seconds_of(control, seconds) = (int32_t)value;
}

/* Whether all lines of the name are a dictionary together, and there is something in it. */
static bool is_targeted(const struct fields *fields, const char *name)
{
    struct span value;
    size_t position = 0, count = 0;
    bool has_empty = false;

    while (fields_next_named(fields, name, &position, &value)) {
        if (!structured_is_dictionary(value))
            return false;
        has_empty = has_empty || span_trim(value).length == 0;
        count++;
    }
    return count > 0 && !has_empty;
}

bool cache_control_read_targeted(struct cache_control *control, const struct fields *fields,
                                 const char *const *names)
{
    struct structured_walk walk;
    struct structured_item item;
    struct span value, key;
    size_t position = 0;

    while (*names != NULL && !is_targeted(fields, *names))
        names++;
    if (*names == NULL)
        return false;
    cache_control_init(control);
    while (fields_next_named(fields, *names, &position, &value)) {
        structured_init(&walk, value);
        while (structured_next_entry(&walk, &key, &item))
            apply_entry(control, key, &item);
    }
    return true;
}
