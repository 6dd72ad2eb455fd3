/* SPDX-License-Identifier: MIT */
/* purge_wish.c - see purge_wish.h. */
#include "purge_wish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <http/url.h>

#define VALUES_MAX 256

/* The next "name=value" of a query, as it stands there; empty ones are passed over. */
static bool next_part(struct span *rest, struct span *ret_name, struct span *ret_value)
{
    while (rest->length > 0) {
        const char *end = memchr(rest->bytes, '&', rest->length);
        size_t length = end != NULL ? (size_t)(end - rest->bytes) : rest->length;
        const char *equals = memchr(rest->bytes, '=', length);
        size_t name_bytes = equals != NULL ? (size_t)(equals - rest->bytes) : length;

        *ret_name = span_of(rest->bytes, name_bytes);
        *ret_value = equals != NULL ? span_of(equals + 1, length - name_bytes - 1) : span_of("", 0);
        *rest = span_of(rest->bytes + length, rest->length - length);
        if (rest->length > 0)
            *rest = span_of(rest->bytes + 1, rest->length - 1);
        if (length > 0)
            return true;
    }
    return false;
}

static const struct {
    const char *name;
    enum purge_kind kind;
    bool is_repeatable;
} kinds[] = {
    {"url", PURGE_URL, false},
    {"pattern", PURGE_PATTERN, false},
    {"tag", PURGE_TAG, true},
};

/* One parameter. `room` is where its value is decoded to, and moves on. */
static int take(struct purge_wish *wish, struct span name, struct span value, char **room,
                const char **ret_fault)
{
    size_t kind = 0, count;

    if (span_equals(name, span_of_string("soft"))) {
        *ret_fault = "soft is 1 or 0";
        wish->is_soft = span_equals(value, span_of_string("1"));
        return wish->is_soft || span_equals(value, span_of_string("0")) ? 0 : -EINVAL;
    }
    *ret_fault = "an unknown parameter: an & that belongs to a value has to be written %26";
    while (kind < sizeof kinds / sizeof *kinds &&
           !span_equals(name, span_of_string(kinds[kind].name)))
        kind++;
    if (kind == sizeof kinds / sizeof *kinds)
        return -EINVAL;
    *ret_fault = "more than one thing to purge: one request, one of them";
    if (wish->value_count > 0 && (wish->kind != kinds[kind].kind || !kinds[kind].is_repeatable))
        return -EINVAL;
    *ret_fault = "too many values in one request";
    if (wish->value_count == VALUES_MAX)
        return -EINVAL;
    *ret_fault = "a parameter without a value, or a percent-encoding that is not valid";
    if (value.length == 0 || url_percent_decode(value, *room, value.length, &count) < 0)
        return -EINVAL;
    wish->kind = kinds[kind].kind;
    wish->values[wish->value_count++] = span_of(*room, count);
    *room += count;
    return 0;
}

int purge_wish_read(struct span query, struct purge_wish *ret_wish, const char **ret_fault)
{
    struct purge_wish wish = {.value_count = 0};
    struct span name, value;
    char *room;
    int err = 0;

    *ret_fault = "out of memory";
    wish.values = malloc(VALUES_MAX * sizeof *wish.values + query.length);
    if (wish.values == NULL)
        return -ENOMEM;
    room = (char *)(wish.values + VALUES_MAX);
    while (err == 0 && next_part(&query, &name, &value))
        err = take(&wish, name, value, &room, ret_fault);
    if (err < 0) {
        purge_wish_fini(&wish);
        return err;
    }
    *ret_wish = wish;
    return 0;
}

void purge_wish_fini(struct purge_wish *wish)
{
    free(wish->values);
    wish->values = NULL;
}
