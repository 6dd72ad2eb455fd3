/* SPDX-License-Identifier: MIT */
/*
 * accept.c - quality, specificity and place of the media range that decides about a type.
 */
#include "quality.h"

#include <http/accept.h>
#include <http/list.h>

#include <assert.h>

/* How a media range matches a type; the largest decides. */
enum specificity { MATCH_NONE, MATCH_ANY, MATCH_SUBTYPES, MATCH_TYPE };

struct verdict {
    enum specificity specificity;
    int quality;
    int place; /* of the range in the field value, from 0 */
};

/* The q of a media range whose parameters are left in `list`; 1000 where there is none. */
static int read_quality(struct list *list)
{
    struct span parameter;

    while (list_next(list, &parameter)) {
        if (parameter.length >= 2 && (parameter.bytes[0] == 'q' || parameter.bytes[0] == 'Q') &&
            parameter.bytes[1] == '=')
            return quality_parse(span_of(parameter.bytes + 2, parameter.length - 2));
    }
    return QUALITY_MAX;
}

static enum specificity match_range(struct span range, struct span type)
{
    const char *slash = memchr(type.bytes, '/', type.length);
    size_t prefix;

    assert(slash != NULL);
    prefix = (size_t)(slash - type.bytes) + 1;
    if (span_equals(range, span_of("*/*", 3)))
        return MATCH_ANY;
    if (span_equals_ignoring_case(range, type))
        return MATCH_TYPE;
    if (range.length == prefix + 1 && range.bytes[prefix] == '*' &&
        span_equals_ignoring_case(span_of(range.bytes, prefix), span_of(type.bytes, prefix)))
        return MATCH_SUBTYPES;
    return MATCH_NONE;
}

/* Of equally specific ranges the first decides. */
static struct verdict judge(struct span accept, struct span type)
{
    struct verdict verdict = {.specificity = MATCH_NONE, .quality = 0, .place = 0};
    struct list ranges, parts;
    struct span member, range;

    list_init(&ranges, accept, ',');
    for (int place = 0; list_next(&ranges, &member); place++) {
        enum specificity specificity;
        int quality;

        list_init(&parts, member, ';');
        if (!list_next(&parts, &range))
            continue;
        specificity = match_range(range, type);
        quality = read_quality(&parts);
        if (quality >= 0 && specificity > verdict.specificity) {
            verdict.specificity = specificity;
            verdict.quality = quality;
            verdict.place = place;
        }
    }
    return verdict;
}

int accept_quality(struct span accept, const char *type)
{
    if (span_trim(accept).length == 0)
        return QUALITY_MAX;
    return judge(accept, span_of_string(type)).quality;
}

bool accept_prefers(struct span accept, const char *type, const char *otherwise)
{
    struct verdict left = judge(accept, span_of_string(type));
    struct verdict right = judge(accept, span_of_string(otherwise));

    if (left.quality != right.quality)
        return left.quality > right.quality;
    if (left.quality == 0)
        return false;
    if (left.specificity != right.specificity)
        return left.specificity > right.specificity;
    return left.specificity > MATCH_ANY && left.place < right.place;
}
