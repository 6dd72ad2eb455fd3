/* SPDX-License-Identifier: MIT */
/*
 * structured.h - structured field values: items, lists, dictionaries, inner lists and parameters.
 *
 * The standard wants one error anywhere to void the whole field. So a caller first asks whether the
 * value is a list or a dictionary as a whole, and then walks over its members; a walk over a value
 * that is not valid just ends at the error. Nothing is allocated: members refer to the value, in
 * which strings are still written with their escapes (see structured_decode()).
 *
 *      if (structured_is_dictionary(value))
 *          for (structured_init(&walk, value); structured_next_entry(&walk, &key, &item);)
 *              ...
 *
 * Several lines of one field are one value with a comma between: lines may be looked at one by one,
 * where more than one is there and none is empty. (A string must not span lines then, which the
 * standard lets a parser refuse.)
 *
 * Source    RFC 9651 section 4.2, for everything here.
 */
#ifndef HTTP_STRUCTURED_H
#define HTTP_STRUCTURED_H

#include <http/span.h>
#include <stdint.h>

enum structured_type {
    STRUCTURED_INTEGER,
    STRUCTURED_DECIMAL,
    STRUCTURED_STRING,
    STRUCTURED_TOKEN,
    STRUCTURED_BYTES,
    STRUCTURED_BOOLEAN,
    STRUCTURED_DATE,
    STRUCTURED_DISPLAY_STRING,
    STRUCTURED_INNER_LIST,
};

struct structured_item {
    enum structured_type type;
    int64_t number;         /* integer; decimal in thousandths; date in seconds; boolean 0 or 1 */
    struct span text;       /* of the others, without quotes, colons or brackets; not yet decoded */
    struct span parameters; /* for structured_next_parameter(); often empty */
};

struct structured_walk {
    struct span rest;
    bool is_begun;  /* a member was there */
    bool is_broken; /* it ended at an error */
};

/* structured_init - begin a walk over a value, over the text of an inner list, or parameters. */
void structured_init(struct structured_walk *walk, struct span value);

/* structured_is_list, structured_is_dictionary - whether the whole value is one; empty is. */
bool structured_is_list(struct span value);
bool structured_is_dictionary(struct span value);

/*
 * structured_item_parse - a value that is one item.
 * Errors    -EINVAL
 */
int structured_item_parse(struct span value, struct structured_item *ret_item);

/* structured_next_member - of a list; an inner list is one member. */
bool structured_next_member(struct structured_walk *walk, struct structured_item *ret_item);

/*
 * structured_next_entry - of a dictionary. A key without a value is the boolean true. Of a key that
 * comes twice the last value counts; the walk shows both.
 */
bool structured_next_entry(struct structured_walk *walk, struct span *ret_key,
                           struct structured_item *ret_item);

/* structured_next_inner - of the text of an inner list. */
bool structured_next_inner(struct structured_walk *walk, struct structured_item *ret_item);

/* structured_next_parameter - of the parameters of an item; otherwise as structured_next_entry().
 */
bool structured_next_parameter(struct structured_walk *walk, struct span *ret_key,
                               struct structured_item *ret_item);

/*
 * structured_decode - what a string, a display string (as UTF-8), a token or a byte sequence stands
 * for. It is never longer than `item->text`. No zero byte is written.
 * Errors    -ENOBUFS
 */
int structured_decode(const struct structured_item *item, char *buffer, size_t room,
                      size_t *ret_length);

#endif
