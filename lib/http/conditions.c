/* SPDX-License-Identifier: MIT */
/*
 * conditions.c - entity tags. They are not quoted strings: a backslash means itself, and a comma
 * may stand inside, so a list of them is read tag by tag.
 */
#include <http/conditions.h>

/* The length of the entity tag at the front of `text`, or 0. Source: RFC 9110 section 8.8.3. */
static size_t etag_length(struct span text)
{
    size_t i = 0;

    if (text.length >= 2 && text.bytes[0] == 'W' && text.bytes[1] == '/')
        i = 2;
    if (i >= text.length || text.bytes[i] != '"')
        return 0;
    for (i++; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];

        if (byte == '"')
            return i + 1;
        if (byte < 0x21 || byte == 0x7f)
            return 0;
    }
    return 0;
}

bool conditions_etag_is_valid(struct span etag)
{
    return etag.length > 0 && etag_length(etag) == etag.length;
}

static struct span without_weakness(struct span etag)
{
    if (etag.length >= 2 && etag.bytes[0] == 'W')
        return span_of(etag.bytes + 2, etag.length - 2);
    return etag;
}

bool conditions_etag_equals_weak(struct span left, struct span right)
{
    return conditions_etag_is_valid(left) && conditions_etag_is_valid(right) &&
           span_equals(without_weakness(left), without_weakness(right));
}

bool conditions_none_match_lists(struct span if_none_match, struct span etag)
{
    struct span rest = span_trim(if_none_match);

    if (span_equals(rest, span_of("*", 1)))
        return true;
    while (rest.length > 0) {
        size_t length = rest.bytes[0] == ',' ? 0 : etag_length(rest);

        if (length == 0 && rest.bytes[0] != ',')
            return false;
        if (length > 0 && conditions_etag_equals_weak(span_of(rest.bytes, length), etag))
            return true;
        rest = span_trim(span_of(rest.bytes + length, rest.length - length));
        if (rest.length == 0)
            return false;
        if (rest.bytes[0] != ',')
            return false;
        rest = span_trim(span_of(rest.bytes + 1, rest.length - 1));
    }
    return false;
}
