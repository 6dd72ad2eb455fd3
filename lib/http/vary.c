/* SPDX-License-Identifier: MIT */
/*
 * vary.c - the names of Vary as a sorted list in one block.
 *
 * Names are collected as spans into what they come from, in order and without doubles; only then
 * one block of exact size is made. What a request says under them: see vary_select.c.
 */
#include "writer.h"

#include <http/list.h>
#include <http/vary.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct collection {
    struct span names[VARY_NAMES_MAX];
    size_t count;
    size_t bytes_count; /* with a comma after each */
    bool is_any;
};

void vary_names_init(struct vary_names *names)
{
    *names = (struct vary_names){0};
}

void vary_names_fini(struct vary_names *names)
{
    free(names->bytes);
    vary_names_init(names);
}

static int compare_names(struct span left, struct span right)
{
    size_t shorter = left.length < right.length ? left.length : right.length;
    int order = strncasecmp(left.bytes, right.bytes, shorter);

    if (order != 0)
        return order;
    return (left.length > right.length) - (left.length < right.length);
}

static void collect_name(struct collection *collection, struct span name)
{
    size_t place = 0;

    if (span_equals(name, span_of("*", 1)) || !fields_is_token(name))
        collection->is_any = true;
    if (collection->is_any)
        return;
    while (place < collection->count && compare_names(collection->names[place], name) < 0)
        place++;
    if (place < collection->count && compare_names(collection->names[place], name) == 0)
        return;
    if (collection->count == VARY_NAMES_MAX ||
        collection->bytes_count + name.length + 1 > VARY_NAMES_BYTES_MAX) {
        collection->is_any = true;
        return;
    }
    memmove(&collection->names[place + 1], &collection->names[place],
            (collection->count - place) * sizeof(collection->names[0]));
    collection->names[place] = name;
    collection->count++;
    collection->bytes_count += name.length + 1;
}

static void collect_response(struct collection *collection, const struct fields *response)
{
    struct span value, member;
    struct list list;
    size_t position = 0;

    while (fields_next_named(response, "vary", &position, &value)) {
        list_init(&list, value, ',');
        while (list_next(&list, &member))
            collect_name(collection, member);
    }
}

static int make_names(const struct collection *collection, struct vary_names *ret_names)
{
    struct vary_names names = {.is_any = collection->is_any};
    struct writer writer = {.room = collection->bytes_count};

    if (!names.is_any && collection->count > 0) {
        names.bytes = malloc(collection->bytes_count);
        if (names.bytes == NULL)
            return -ENOMEM;
        writer.buffer = names.bytes;
        for (size_t i = 0; i < collection->count; i++) {
            writer_lower(&writer, collection->names[i]);
            writer_byte(&writer, ',');
        }
        assert(!writer.is_full);
        names.bytes_count = writer.length - 1; /* no comma after the last */
        names.count = collection->count;
    }
    *ret_names = names;
    return 0;
}

int vary_names_read(const struct fields *response, struct vary_names *ret_names)
{
    struct collection collection = {.is_any = false};

    collect_response(&collection, response);
    return make_names(&collection, ret_names);
}

bool vary_is_any(const struct fields *response)
{
    struct collection collection = {.is_any = false};

    collect_response(&collection, response);
    return collection.is_any;
}

int vary_names_union(const struct vary_names *left, const struct vary_names *right,
                     struct vary_names *ret_names)
{
    struct collection collection = {.is_any = left->is_any || right->is_any};
    struct span name;
    size_t position = 0;

    assert(ret_names != left);
    assert(ret_names != right);
    while (vary_names_next(left, &position, &name))
        collect_name(&collection, name);
    position = 0;
    while (vary_names_next(right, &position, &name))
        collect_name(&collection, name);
    return make_names(&collection, ret_names);
}

bool vary_names_equal(const struct vary_names *left, const struct vary_names *right)
{
    return left->is_any == right->is_any && span_equals(span_of(left->bytes, left->bytes_count),
                                                        span_of(right->bytes, right->bytes_count));
}

bool vary_names_next(const struct vary_names *names, size_t *position, struct span *ret_name)
{
    size_t end = *position;

    if (*position >= names->bytes_count)
        return false;
    while (end < names->bytes_count && names->bytes[end] != ',')
        end++;
    *ret_name = span_of(names->bytes + *position, end - *position);
    *position = end + 1;
    return true;
}
