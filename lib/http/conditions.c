/* SPDX-License-Identifier: MIT */
/*
 * conditions.c - entity tags, and the conditions of a request in their order.
 *
 * Entity tags are not quoted strings: a backslash means itself, and a comma may stand inside, so a
 * list of them is read tag by tag.
 */
#include <http/conditions.h>
#include <http/date.h>

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

bool conditions_etag_equals_strong(struct span left, struct span right)
{
    return conditions_etag_is_valid(left) && left.bytes[0] == '"' && span_equals(left, right);
}

/* Whether a list names the tag, or is "*". */
static bool lists(struct span list, struct span etag, bool (*equals)(struct span, struct span))
{
    struct span rest = span_trim(list);

    if (span_equals(rest, span_of("*", 1)))
        return true;
    while (rest.length > 0) {
        size_t length = rest.bytes[0] == ',' ? 0 : etag_length(rest);

        if (length == 0 && rest.bytes[0] != ',')
            return false;
        if (length > 0 && equals(span_of(rest.bytes, length), etag))
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

bool conditions_none_match_lists(struct span if_none_match, struct span etag)
{
    return lists(if_none_match, etag, conditions_etag_equals_weak);
}

bool conditions_match_lists(struct span if_match, struct span etag)
{
    return lists(if_match, etag, conditions_etag_equals_strong);
}

void conditions_target_read(const struct fields *response, int status, int64_t response_s,
                            struct conditions_target *ret_target)
{
    struct span value;

    *ret_target =
        (struct conditions_target){.status = status, .is_get_or_head = true, .date_s = response_s};
    if (fields_find(response, "etag", &value) && conditions_etag_is_valid(value))
        ret_target->etag = value;
    if (fields_find(response, "last-modified", &value))
        ret_target->has_modified = date_parse(value, response_s, &ret_target->modified_s) == 0;
    if (fields_find(response, "date", &value))
        (void)date_parse(value, response_s, &ret_target->date_s);
}

bool conditions_are_there(struct field_view request)
{
    size_t position = 0;
    struct field field;

    while (field_view_next(request, &position, &field)) {
        if (field.name.length > 3 && strncasecmp(field.name.bytes, "if-", 3) == 0)
            return true;
    }
    return false;
}

/* Whether the request has such lines, and one of them names the tag. */
static bool has_list(struct field_view request, const char *name, struct span etag,
                     bool (*names_tag)(struct span, struct span), bool *ret_names_tag)
{
    struct span value;
    size_t position = 0;
    bool is_there = false;

    *ret_names_tag = false;
    while (field_view_next_named(request, span_of_string(name), &position, &value)) {
        is_there = true;
        *ret_names_tag = *ret_names_tag || names_tag(value, etag);
    }
    return is_there;
}

/* The date in the one line of this name; false where there is none, or none that is to be used. */
static bool read_date(struct field_view request, const char *name, int64_t now_s, int64_t *ret_s)
{
    struct span value, more;
    size_t position = 0;

    return field_view_next_named(request, span_of_string(name), &position, &value) &&
           date_parse(value, now_s, ret_s) == 0 &&
           !field_view_next_named(request, span_of_string(name), &position, &more);
}

/* RFC 9110 section 13.2.2, steps 1 and 2. */
static bool is_refused(struct field_view request, const struct conditions_target *target,
                       int64_t now_s)
{
    bool names_tag;
    int64_t limit_s;

    if (has_list(request, "if-match", target->etag, conditions_match_lists, &names_tag))
        return !names_tag;
    return target->has_modified && read_date(request, "if-unmodified-since", now_s, &limit_s) &&
           target->modified_s > limit_s;
}

enum conditions_verdict conditions_evaluate(struct field_view request,
                                            const struct conditions_target *target, int64_t now_s)
{
    bool names_tag;
    int64_t limit_s;

    if (target->status < 200 || target->status > 299)
        return CONDITIONS_NONE;
    if (target->is_origin && is_refused(request, target, now_s))
        return CONDITIONS_FAILED;
    if (has_list(request, "if-none-match", target->etag, conditions_none_match_lists, &names_tag)) {
        if (!names_tag)
            return CONDITIONS_NONE;
        return target->is_get_or_head ? CONDITIONS_NOT_MODIFIED : CONDITIONS_FAILED;
    }
    if (!target->is_get_or_head || (target->is_origin && !target->has_modified) ||
        !read_date(request, "if-modified-since", now_s, &limit_s))
        return CONDITIONS_NONE;
    if ((target->has_modified ? target->modified_s : target->date_s) <= limit_s)
        return CONDITIONS_NOT_MODIFIED;
    return CONDITIONS_NONE;
}

bool conditions_range_applies(struct field_view request, const struct conditions_target *target,
                              int64_t now_s)
{
    struct span value, more;
    size_t position = 0;
    int64_t asked_s;

    if (!field_view_next_named(request, span_of_string("if-range"), &position, &value))
        return true;
    if (field_view_next_named(request, span_of_string("if-range"), &position, &more))
        return false;
    if (conditions_etag_is_valid(value))
        return conditions_etag_equals_strong(value, target->etag);
    return target->has_modified && date_parse(value, now_s, &asked_s) == 0 &&
           asked_s == target->modified_s && target->modified_s < target->date_s;
}
