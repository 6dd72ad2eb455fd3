/* SPDX-License-Identifier: MIT */
/*
 * vary_select.c - what a request says under the names of Vary, in one canonical form.
 *
 * For each name, in the order of the list: the name, a byte that cannot be in a name and tells in
 * which form the value follows, and (unless it is absent) five digits with the length of the value,
 * and the value. The forms are kept apart, so that a value which is compared as it stands never
 * meets one that was understood and written anew.
 */
#include "quality.h"
#include "writer.h"

#include <http/list.h>
#include <http/vary.h>

#include <assert.h>
#include <errno.h>

#define CHOICES_MAX   32
#define LENGTH_DIGITS 5

/* Neither of these bytes is one of a token. Source: RFC 9110 section 5.6.2. */
enum form {
    FORM_ABSENT = ';',
    FORM_AS_IT_STANDS = '=', /* the lines, with ',' between */
    FORM_LIST = ':',         /* the members, with ',' between */
    FORM_CHOICES = '@',      /* name, and ";" and quality where it is not 1000, with ',' between */
};

/* One member of Accept-Encoding or Accept-Language. */
struct choice {
    struct span name;
    int quality;
};

struct choices {
    struct choice list[CHOICES_MAX];
    size_t count;
};

static const struct span any_name = {"*", 1};
static const struct span identity_name = {"identity", 8};

/*
 * Fields whose grammar has no list, so that white space beside a comma in them is content. They are
 * those of RFC 9110 that are sent in requests, and the cookies of RFC 6265.
 */
static bool is_no_list(struct span name)
{
    static const char *const names[] = {
        "authorization",
        "content-length",
        "content-location",
        "content-type",
        "cookie",
        "cookie2",
        "date",
        "from",
        "host",
        "if-modified-since",
        "if-range",
        "if-unmodified-since",
        "max-forwards",
        "origin",
        "proxy-authorization",
        "referer",
        "user-agent",
    };

    return fields_name_is_one_of(name, names, sizeof(names) / sizeof(names[0]));
}

/* Whether each quote in each line is closed in its line, so that the members are certain. */
static bool is_readable_list(struct field_view request, struct span name)
{
    struct span value, member;
    struct list list;
    size_t position = 0;

    while (field_view_next_named(request, name, &position, &value)) {
        list_init(&list, value, ',');
        while (list_next(&list, &member))
            ;
        if (list.quote_is_ordinary)
            return false;
    }
    return true;
}

static void write_lines(struct writer *writer, struct field_view request, struct span name)
{
    struct span value;
    size_t position = 0;

    for (bool is_first = true; field_view_next_named(request, name, &position, &value);
         is_first = false) {
        if (!is_first)
            writer_byte(writer, ',');
        writer_span(writer, value);
    }
}

static void write_members(struct writer *writer, struct field_view request, struct span name)
{
    struct span value, member;
    struct list list;
    size_t position = 0;
    bool is_first = true;

    while (field_view_next_named(request, name, &position, &value)) {
        list_init(&list, value, ',');
        while (list_next(&list, &member)) {
            if (!is_first)
                writer_byte(writer, ',');
            is_first = false;
            writer_span(writer, member);
        }
    }
}

/* RFC 9110 sections 12.5.3 and 12.5.4: a name, and perhaps a weight; false for anything else. */
static bool read_choice(struct span member, struct choice *ret_choice)
{
    struct span weight, more;
    struct list parts;

    list_init(&parts, member, ';');
    ret_choice->quality = QUALITY_MAX;
    if (!list_next(&parts, &ret_choice->name) || !fields_is_token(ret_choice->name))
        return false;
    if (!list_next(&parts, &weight))
        return true;
    if (weight.length < 2 || (weight.bytes[0] != 'q' && weight.bytes[0] != 'Q') ||
        weight.bytes[1] != '=' || list_next(&parts, &more))
        return false;
    ret_choice->quality = quality_parse(span_of(weight.bytes + 2, weight.length - 2));
    return ret_choice->quality >= 0;
}

/* RFC 9110 sections 8.4.1.1 and 8.4.1.3: the old names of two codings. */
static struct span current_coding_name(struct span name)
{
    if (span_equals_ignoring_case(name, span_of("x-gzip", 6)))
        return span_of("gzip", 4);
    if (span_equals_ignoring_case(name, span_of("x-compress", 10)))
        return span_of("compress", 8);
    return name;
}

/* By quality, the best first; letters decide among equals, as their order means nothing. */
static int compare_choices(const struct choice *left, const struct choice *right)
{
    size_t shorter =
        left->name.length < right->name.length ? left->name.length : right->name.length;
    int order = strncasecmp(left->name.bytes, right->name.bytes, shorter);

    if (left->quality != right->quality)
        return right->quality - left->quality;
    if (order != 0)
        return order;
    return (left->name.length > right->name.length) - (left->name.length < right->name.length);
}

/* False where there are too many, or one name with two qualities: which counts is not said. */
static bool add_choice(struct choices *choices, const struct choice *choice)
{
    size_t place = 0;

    for (size_t i = 0; i < choices->count; i++) {
        if (span_equals_ignoring_case(choices->list[i].name, choice->name))
            return choices->list[i].quality == choice->quality;
    }
    if (choices->count == CHOICES_MAX)
        return false;
    while (place < choices->count && compare_choices(&choices->list[place], choice) < 0)
        place++;
    memmove(&choices->list[place + 1], &choices->list[place],
            (choices->count - place) * sizeof(choices->list[0]));
    choices->list[place] = *choice;
    choices->count++;
    return true;
}

static bool read_choices(struct field_view request, struct span name, bool is_encoding,
                         struct choices *ret_choices)
{
    struct span value, member;
    struct choice choice;
    struct list list;
    size_t position = 0;

    ret_choices->count = 0;
    while (field_view_next_named(request, name, &position, &value)) {
        list_init(&list, value, ',');
        while (list_next(&list, &member)) {
            if (!read_choice(member, &choice))
                return false;
            if (is_encoding)
                choice.name = current_coding_name(choice.name);
            if (!add_choice(ret_choices, &choice))
                return false;
        }
    }
    return true;
}

/* Whether the range covers the tag: "de" covers "de-AT". Source: RFC 4647 section 3.3.1. */
static bool range_covers(struct span range, struct span tag)
{
    if (span_equals(range, any_name))
        return true;
    return range.length <= tag.length &&
           span_equals_ignoring_case(range, span_of(tag.bytes, range.length)) &&
           (range.length == tag.length || tag.bytes[range.length] == '-');
}

/*
 * Whether a choice of quality 0 says nothing new, for what is not listed is not wanted either. It
 * does where something that is wanted covers it. For languages the reverse counts too, since a
 * server may look for "de" when "de-AT" is wanted (RFC 4647 section 3.4); and a list of nothing but
 * exclusions is kept.
 */
static bool is_redundant(const struct choices *choices, const struct choice *choice,
                         bool is_encoding)
{
    bool has_wanted = false;

    if (choice->quality > 0 || span_equals(choice->name, any_name) ||
        (is_encoding && span_equals_ignoring_case(choice->name, identity_name)))
        return false;
    for (size_t i = 0; i < choices->count; i++) {
        const struct choice *other = &choices->list[i];

        if (other->quality == 0)
            continue;
        has_wanted = true;
        if (span_equals(other->name, any_name))
            return false;
        if (!is_encoding &&
            (range_covers(other->name, choice->name) || range_covers(choice->name, other->name)))
            return false;
    }
    return is_encoding || has_wanted;
}

/* RFC 9110 section 12.5.3: with nothing else listed, only the plain form is acceptable. */
static bool is_identity_only(const struct choices *choices)
{
    for (size_t i = 0; i < choices->count; i++) {
        const struct choice *choice = &choices->list[i];

        if (is_redundant(choices, choice, true))
            continue;
        if (choice->quality == 0 || !span_equals_ignoring_case(choice->name, identity_name))
            return false;
    }
    return true;
}

static void write_choices(struct writer *writer, const struct choices *choices, bool is_encoding)
{
    bool is_first = true;

    if (is_encoding && is_identity_only(choices)) {
        writer_span(writer, identity_name);
        return;
    }
    for (size_t i = 0; i < choices->count; i++) {
        const struct choice *choice = &choices->list[i];

        if (is_redundant(choices, choice, is_encoding))
            continue;
        if (!is_first)
            writer_byte(writer, ',');
        is_first = false;
        writer_lower(writer, choice->name);
        if (choice->quality < QUALITY_MAX) {
            writer_byte(writer, ';');
            writer_byte(writer, (char)('0' + choice->quality / 100));
            writer_byte(writer, (char)('0' + choice->quality / 10 % 10));
            writer_byte(writer, (char)('0' + choice->quality % 10));
        }
    }
}

/* The value, behind room for its length; returns the form that goes before both. */
static enum form write_value(struct writer *writer, struct field_view request, struct span name)
{
    bool is_encoding = span_equals_ignoring_case(name, span_of("accept-encoding", 15));
    struct choices choices;

    if ((is_encoding || span_equals_ignoring_case(name, span_of("accept-language", 15))) &&
        read_choices(request, name, is_encoding, &choices)) {
        write_choices(writer, &choices, is_encoding);
        return FORM_CHOICES;
    }
    if (is_no_list(name) || !is_readable_list(request, name)) {
        write_lines(writer, request, name);
        return FORM_AS_IT_STANDS;
    }
    write_members(writer, request, name);
    return FORM_LIST;
}

static bool has_line(struct field_view request, struct span name)
{
    struct span value;
    size_t position = 0;

    return field_view_next_named(request, name, &position, &value);
}

static void write_selection(struct writer *writer, struct field_view request, struct span name)
{
    size_t mark, length;
    enum form form;

    writer_lower(writer, name);
    if (!has_line(request, name)) {
        writer_byte(writer, FORM_ABSENT);
        return;
    }
    mark = writer->length;
    writer_text(writer, "=00000"); /* the form and the length, once they are known */
    form = write_value(writer, request, name);
    if (writer->is_full)
        return;
    length = writer->length - mark - 1 - LENGTH_DIGITS;
    if (length > VARY_VALUE_BYTES_MAX) {
        writer->is_full = true;
        return;
    }
    writer->buffer[mark] = (char)form;
    for (size_t i = LENGTH_DIGITS; i > 0; i--, length /= 10)
        writer->buffer[mark + i] = (char)('0' + length % 10);
}

int vary_select(const struct vary_names *names, struct field_view request, char *buffer,
                size_t room, size_t *ret_length)
{
    struct writer writer = {.buffer = buffer, .room = room};
    struct span name;
    size_t position = 0;

    assert(!names->is_any);
    while (vary_names_next(names, &position, &name))
        write_selection(&writer, request, name);
    if (writer.is_full)
        return -ENOBUFS;
    *ret_length = writer.length;
    return 0;
}
