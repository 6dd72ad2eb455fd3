/* SPDX-License-Identifier: MIT */
/* tags.c - see tags.h. */
#include "tags.h"

#include <errno.h>
#include <stdlib.h>

/* What may stand around a tag. A comma separates those of Surrogate-Key as well: origins that send
 * it to several makes of caches are careless about that, and a tag has none in it. */
static bool is_between(char byte, bool is_by_comma)
{
    return byte == ',' || (!is_by_comma && (byte == ' ' || byte == '\t'));
}

static struct span trim(struct span text)
{
    while (text.length > 0 && (text.bytes[0] == ' ' || text.bytes[0] == '\t'))
        text = span_of(text.bytes + 1, text.length - 1);
    while (text.length > 0 &&
           (text.bytes[text.length - 1] == ' ' || text.bytes[text.length - 1] == '\t'))
        text.length--;
    return text;
}

/* The next tag of the rest of a value. */
static bool next_tag(struct span *rest, bool is_by_comma, struct span *ret_tag)
{
    while (rest->length > 0) {
        size_t length = 0;

        while (length < rest->length && !is_between(rest->bytes[length], is_by_comma))
            length++;
        *ret_tag = trim(span_of(rest->bytes, length));
        length += length < rest->length;
        *rest = span_of(rest->bytes + length, rest->length - length);
        if (ret_tag->length > 0)
            return true;
    }
    return false;
}

/* With `hashes` NULL they are only counted. */
static size_t walk(const struct store *store, const struct fields *fields, uint64_t *hashes)
{
    static const char *const names[] = {"Surrogate-Key", "Cache-Tag"};
    size_t count = 0;

    for (unsigned i = 0; i < 2; i++) {
        struct span value, tag;
        size_t position = 0;

        while (fields_next_named(fields, names[i], &position, &value)) {
            while (next_tag(&value, i == 1, &tag)) {
                if (hashes != NULL)
                    hashes[count] = store_tag(store, tag.bytes, tag.length);
                count++;
            }
        }
    }
    return count;
}

int answer_tags_read(const struct store *store, const struct fields *fields, const uint64_t *own,
                     size_t own_count, size_t tags_max, struct answer_tags *ret_tags)
{
    struct answer_tags tags = {.count = walk(store, fields, NULL)};

    if (tags.count > tags_max)
        return -E2BIG;
    if (tags.count + own_count > 0) {
        tags.hashes = malloc((tags.count + own_count) * sizeof *tags.hashes);
        if (tags.hashes == NULL)
            return -ENOMEM;
        walk(store, fields, tags.hashes);
        for (size_t i = 0; i < own_count; i++)
            tags.hashes[tags.count++] = own[i];
    }
    *ret_tags = tags;
    return 0;
}
