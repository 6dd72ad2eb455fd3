/* SPDX-License-Identifier: MIT */
/* invalidation.c - the walk over what an answer to an unsafe method names; see invalidation.h. */
#include <http/invalidation.h>
#include <http/method.h>

bool invalidation_is_due(struct span method, int status)
{
    return status >= 200 && status < 400 && !method_is_safe(method);
}

void invalidation_init(struct invalidation_walk *walk, const struct url_base *base,
                       const struct fields *response)
{
    *walk = (struct invalidation_walk){.base = base, .response = response};
}

bool invalidation_next(struct invalidation_walk *walk, char *buffer, size_t room,
                       size_t *ret_length)
{
    struct field field;

    if (!walk->is_begun) {
        walk->is_begun = true;
        if (url_reference_resolve(walk->base, span_of(NULL, 0), buffer, room, ret_length) == 0)
            return true;
    }
    while (fields_next(walk->response, &walk->position, &field)) {
        if (!span_equals_ignoring_case(field.name, span_of("location", 8)) &&
            !span_equals_ignoring_case(field.name, span_of("content-location", 16)))
            continue;
        if (url_reference_resolve(walk->base, field.value, buffer, room, ret_length) == 0)
            return true;
    }
    return false;
}
