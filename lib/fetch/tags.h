/* SPDX-License-Identifier: MIT */
/*
 * tags.h - the tags that an origin gives its answer: Surrogate-Key, separated by blanks, and
 * Cache-Tag, separated by commas. Both go on to clients: a cache before this one may want them.
 */
#ifndef FETCH_TAGS_H
#define FETCH_TAGS_H

#include <cache/store.h>
#include <http/fields.h>

struct answer_tags {
    uint64_t *hashes; /* NULL: none */
    size_t count;
};

/*
 * answer_tags_read - the tags in these fields, and `own` too: hashes of keys, by which the entry
 * can be purged as by a tag.
 * Errors    -E2BIG: more than `tags_max` tags; -ENOMEM.
 * Owns      the caller frees `hashes`.
 */
int answer_tags_read(const struct store *store, const struct fields *fields, const uint64_t *own,
                     size_t own_count, size_t tags_max, struct answer_tags *ret_tags);

#endif
