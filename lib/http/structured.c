/* SPDX-License-Identifier: MIT */
/*
 * structured.c - lists, dictionaries and parameters: what stands between the bare items.
 *
 * Each function that takes `rest` reads something at its front and moves it past, or returns false
 * and leaves it anywhere. Bare items: see structured_item.c.
 */
#include "structured_item.h"

#include <errno.h>

static bool starts_with(struct span rest, char byte)
{
    return rest.length > 0 && rest.bytes[0] == byte;
}

static void skip(struct span *rest, size_t count)
{
    rest->bytes += count;
    rest->length -= count;
}

static void skip_spaces(struct span *rest)
{
    while (starts_with(*rest, ' '))
        skip(rest, 1);
}

/* Section 3.1: optional white space around the commas, which may be tabs. */
static void skip_white_space(struct span *rest)
{
    while (starts_with(*rest, ' ') || starts_with(*rest, '\t'))
        skip(rest, 1);
}

static bool is_key_byte(char byte, bool is_first)
{
    if ((byte >= 'a' && byte <= 'z') || byte == '*')
        return true;
    return !is_first && ((byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || byte == '.');
}

/* Section 4.2.3.3. */
static bool read_key(struct span *rest, struct span *ret_key)
{
    size_t length = 0;

    while (length < rest->length && is_key_byte(rest->bytes[length], length == 0))
        length++;
    *ret_key = span_of(rest->bytes, length);
    skip(rest, length);
    return length > 0;
}

/* What follows a key of a parameter. Section 4.2.3.2, steps 2.5 to 2.6. */
static bool read_parameter(struct span *rest, struct span *ret_key,
                           struct structured_item *ret_item)
{
    if (!starts_with(*rest, ';'))
        return false;
    skip(rest, 1);
    skip_spaces(rest);
    if (!read_key(rest, ret_key))
        return false;
    *ret_item = (struct structured_item){.type = STRUCTURED_BOOLEAN, .number = 1};
    if (!starts_with(*rest, '='))
        return true;
    skip(rest, 1);
    return structured_bare_item_read(rest, ret_item);
}

/* Section 4.2.3.2. */
static bool read_parameters(struct span *rest, struct span *ret_parameters)
{
    const char *from = rest->bytes;
    struct structured_item item;
    struct span key;

    while (starts_with(*rest, ';')) {
        if (!read_parameter(rest, &key, &item))
            return false;
    }
    *ret_parameters = span_of(from, (size_t)(rest->bytes - from));
    return true;
}

/* Section 4.2.3. */
static bool read_item(struct span *rest, struct structured_item *ret_item)
{
    *ret_item = (struct structured_item){.type = STRUCTURED_BOOLEAN};
    return structured_bare_item_read(rest, ret_item) &&
           read_parameters(rest, &ret_item->parameters);
}

/* Section 4.2.1.2; the bracket is still there. */
static bool read_inner_list(struct span *rest, struct structured_item *ret_item)
{
    struct structured_item item;
    const char *from;

    skip(rest, 1);
    from = rest->bytes;
    skip_spaces(rest);
    while (!starts_with(*rest, ')')) {
        if (!read_item(rest, &item) || !(starts_with(*rest, ' ') || starts_with(*rest, ')')))
            return false;
        skip_spaces(rest);
    }
    *ret_item = (struct structured_item){.type = STRUCTURED_INNER_LIST};
    ret_item->text = span_of(from, (size_t)(rest->bytes - from));
    skip(rest, 1);
    return read_parameters(rest, &ret_item->parameters);
}

/* Section 4.2.1.1. */
static bool read_member(struct span *rest, struct structured_item *ret_item)
{
    if (starts_with(*rest, '('))
        return read_inner_list(rest, ret_item);
    return read_item(rest, ret_item);
}

/* Section 4.2.2, steps 2.1 to 2.4. */
static bool read_entry(struct span *rest, struct span *ret_key, struct structured_item *ret_item)
{
    if (!read_key(rest, ret_key))
        return false;
    if (starts_with(*rest, '=')) {
        skip(rest, 1);
        return read_member(rest, ret_item);
    }
    *ret_item = (struct structured_item){.type = STRUCTURED_BOOLEAN, .number = 1};
    return read_parameters(rest, &ret_item->parameters);
}

void structured_init(struct structured_walk *walk, struct span value)
{
    *walk = (struct structured_walk){.rest = value};
}

static bool breaks(struct structured_walk *walk)
{
    walk->is_broken = true;
    walk->rest.length = 0;
    return false;
}

/* To the next member of a list or a dictionary: false at the end, or where no comma is. */
static bool go_to_member(struct structured_walk *walk)
{
    struct span *rest = &walk->rest;

    if (!walk->is_begun) {
        walk->is_begun = true;
        skip_spaces(rest);
        return rest->length > 0;
    }
    if (rest->length == 0)
        return false;
    skip_white_space(rest);
    if (rest->length == 0)
        return false;
    if (!starts_with(*rest, ','))
        return breaks(walk);
    skip(rest, 1);
    skip_white_space(rest);
    return rest->length > 0 ? true : breaks(walk); /* a comma must have something behind it */
}

bool structured_next_member(struct structured_walk *walk, struct structured_item *ret_item)
{
    if (!go_to_member(walk))
        return false;
    return read_member(&walk->rest, ret_item) ? true : breaks(walk);
}

bool structured_next_entry(struct structured_walk *walk, struct span *ret_key,
                           struct structured_item *ret_item)
{
    if (!go_to_member(walk))
        return false;
    return read_entry(&walk->rest, ret_key, ret_item) ? true : breaks(walk);
}

bool structured_next_inner(struct structured_walk *walk, struct structured_item *ret_item)
{
    struct span before = walk->rest;

    skip_spaces(&walk->rest);
    if (walk->rest.length == 0)
        return false;
    if ((walk->is_begun && before.length == walk->rest.length) || !read_item(&walk->rest, ret_item))
        return breaks(walk);
    walk->is_begun = true;
    return true;
}

bool structured_next_parameter(struct structured_walk *walk, struct span *ret_key,
                               struct structured_item *ret_item)
{
    if (walk->rest.length == 0)
        return false;
    return read_parameter(&walk->rest, ret_key, ret_item) ? true : breaks(walk);
}

bool structured_is_list(struct span value)
{
    struct structured_walk walk;
    struct structured_item item;

    structured_init(&walk, value);
    while (structured_next_member(&walk, &item))
        ;
    return !walk.is_broken;
}

bool structured_is_dictionary(struct span value)
{
    struct structured_walk walk;
    struct structured_item item;
    struct span key;

    structured_init(&walk, value);
    while (structured_next_entry(&walk, &key, &item))
        ;
    return !walk.is_broken;
}

int structured_item_parse(struct span value, struct structured_item *ret_item)
{
    struct structured_item item;

    skip_spaces(&value);
    if (!read_item(&value, &item))
        return -EINVAL;
    skip_spaces(&value);
    if (value.length > 0)
        return -EINVAL;
    *ret_item = item;
    return 0;
}
