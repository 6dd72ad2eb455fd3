/* SPDX-License-Identifier: MIT */
/*
 * update.c - validators side by side, and one list of fields put over another.
 */
#include <http/conditions.h>
#include <http/date.h>
#include <http/update.h>

/* What a response is recognised by. */
struct validators {
    struct span etag; /* length 0: none, or malformed */
    int64_t modified_s;
    bool has_modified;
    bool is_modified_strong;
};

static void read_validators(const struct fields *fields, int64_t now_s,
                            struct validators *ret_validators)
{
    struct span value;
    int64_t date_s;

    *ret_validators = (struct validators){0};
    if (fields_find(fields, "etag", &value) && conditions_etag_is_valid(value))
        ret_validators->etag = value;
    if (!fields_find(fields, "last-modified", &value) ||
        date_parse(value, now_s, &ret_validators->modified_s) < 0)
        return;
    ret_validators->has_modified = true;
    ret_validators->is_modified_strong = fields_find(fields, "date", &value) &&
                                         date_parse(value, now_s, &date_s) == 0 &&
                                         date_s > ret_validators->modified_s;
}

enum update_match update_match(const struct fields *stored, const struct fields *response,
                               int64_t response_s)
{
    struct validators old, new;

    read_validators(stored, response_s, &old);
    read_validators(response, response_s, &new);
    if (new.etag.length > 0 && old.etag.length > 0) {
        if (conditions_etag_equals_strong(new.etag, old.etag))
            return UPDATE_STRONG;
        if (new.etag.bytes[0] == 'W' && conditions_etag_equals_weak(new.etag, old.etag))
            return UPDATE_WEAK;
        return UPDATE_NO;
    }
    if (new.has_modified) {
        if (!old.has_modified || old.modified_s != new.modified_s)
            return UPDATE_NO;
        return old.is_modified_strong && new.is_modified_strong ? UPDATE_STRONG : UPDATE_WEAK;
    }
    return new.etag.length > 0 ? UPDATE_NO : UPDATE_SOLE;
}

/* Whether the response says nothing under this name, or what is stored. */
static bool agrees(const struct fields *stored, const struct fields *response, const char *name)
{
    struct span old, new;

    if (!fields_find(response, name, &new))
        return true;
    return fields_find(stored, name, &old) && span_equals(old, new);
}

bool update_head_matches(const struct fields *stored, int64_t stored_bytes,
                         const struct fields *response)
{
    struct span value;
    int64_t length = -1;

    if (!agrees(stored, response, "etag") || !agrees(stored, response, "last-modified"))
        return false;
    if (stored_bytes < 0 || !fields_find(response, "content-length", &value))
        return true;
    if (value.length == 0 || value.length > 18)
        return false;
    length = 0;
    for (size_t i = 0; i < value.length; i++) {
        if (value.bytes[i] < '0' || value.bytes[i] > '9')
            return false;
        length = length * 10 + (value.bytes[i] - '0');
    }
    return length == stored_bytes;
}

/*
 * What describes the stored body as it lies there. RFC 9111 section 3.2 excepts Content-Length by
 * name, and the others as fields that the stored response depends upon: a 304 that matches weakly
 * may come from another coding of the same thing.
 */
static bool describes_body(struct span name)
{
    static const char *const names[] = {"content-length", "content-encoding", "content-range"};

    return fields_name_is_one_of(name, names, sizeof(names) / sizeof(names[0]));
}

static bool is_taken_over(const struct fields *newer, struct span name)
{
    return !describes_body(name) && !fields_is_hop_by_hop(newer, name);
}

/* Whether one of the lines before the position `end` has this name. */
static bool has_line_before(const struct fields *fields, size_t end, struct span name)
{
    struct field field;
    size_t position = 0;

    while (position < end && fields_next(fields, &position, &field)) {
        if (span_equals_ignoring_case(field.name, name))
            return true;
    }
    return false;
}

static bool has_line(const struct fields *fields, struct span name)
{
    return has_line_before(fields, SIZE_MAX, name);
}

static int append_named(struct fields *fields, const struct fields *source, struct span name)
{
    struct field field;
    size_t position = 0;
    int err = 0;

    while (err == 0 && fields_next(source, &position, &field)) {
        if (span_equals_ignoring_case(field.name, name))
            err = fields_append(fields, field.name, field.value);
    }
    return err;
}

/* The stored lines, with the newer ones in their place where there are any. */
static int append_stored(struct fields *fields, const struct fields *stored,
                         const struct fields *newer)
{
    static const char *const moments[] = {"age", "date"};
    struct field field;
    size_t position = 0, begin = 0;
    int err = 0;

    for (; err == 0 && fields_next(stored, &position, &field); begin = position) {
        if (is_taken_over(newer, field.name) && has_line(newer, field.name)) {
            if (!has_line_before(stored, begin, field.name))
                err = append_named(fields, newer, field.name);
        } else if (!fields_name_is_one_of(field.name, moments,
                                          sizeof(moments) / sizeof(moments[0]))) {
            err = fields_append(fields, field.name, field.value);
        }
    }
    return err;
}

/* The newer lines whose names are not stored. */
static int append_new(struct fields *fields, const struct fields *stored,
                      const struct fields *newer)
{
    struct field field;
    size_t position = 0;
    int err = 0;

    while (err == 0 && fields_next(newer, &position, &field)) {
        if (is_taken_over(newer, field.name) && !has_line(stored, field.name))
            err = fields_append(fields, field.name, field.value);
    }
    return err;
}

int update_fields(const struct fields *stored, const struct fields *newer,
                  bool (*is_unwanted)(struct span name), struct fields *ret_fields)
{
    struct fields fields;
    int err;

    fields_init(&fields);
    err = append_stored(&fields, stored, newer);
    if (err == 0)
        err = append_new(&fields, stored, newer);
    if (err == 0)
        err = fields_copy_end_to_end(&fields, is_unwanted, ret_fields);
    fields_fini(&fields);
    return err;
}
