/* SPDX-License-Identifier: MIT */
/*
 * vary.h - which fields of a request choose among the answers of one URL, and what they say.
 *
 * The names come from the Vary lines of a response. What a request says under these names is
 * written as one canonical string of bytes, which serves as the second part of a cache key: two
 * requests get the same string only if an origin that answers by these fields may be expected to
 * answer them alike. This is what is made equal:
 * - several lines of one name, and the same members in one line; white space around the commas;
 *   empty members (not for fields that are no lists, such as Cookie or User-Agent: see vary.c);
 * - of Accept-Encoding and Accept-Language also letter case, the order of the members (quality
 *   decides, which stays exact), "q=1" and no q, equal members given twice, and members of q=0 that
 *   exclude nothing which was not excluded already; "x-gzip" is "gzip"; an Accept-Encoding that
 *   leaves only the plain form is "identity".
 * A field that is absent differs from one that is empty. A value whose quotes or qualities cannot
 * be read is compared as it stands.
 *
 * Thread    any function may be called on any thread; a list of names may be read by many at once.
 */
#ifndef HTTP_VARY_H
#define HTTP_VARY_H

#include <http/field_view.h>

/* A response that lists more is treated as one that says "*". */
#define VARY_NAMES_MAX       32
#define VARY_NAMES_BYTES_MAX 1024

/* No value may be longer than this in a selection. */
#define VARY_VALUE_BYTES_MAX 99999

struct vary_names {
    char *bytes; /* lower-case, sorted, each once, a comma between; NULL where there is none */
    size_t bytes_count;
    size_t count;
    bool is_any; /* "*", or names that cannot be read, or too many: matches no request; no
                  * names are kept then */
};

/* An empty list, of a response that does not vary; owns nothing yet. */
void vary_names_init(struct vary_names *names);

/* Free what the list owns; it is empty afterwards. */
void vary_names_fini(struct vary_names *names);

/*
 * vary_names_read - the names that all Vary lines of a response list.
 * Errors    -ENOMEM; `ret_names` is untouched then.
 * Owns      the caller ends `ret_names` with vary_names_fini().
 * Source    RFC 9110 section 12.5.5, RFC 9111 section 4.1.
 */
int vary_names_read(const struct fields *response, struct vary_names *ret_names);

/*
 * vary_names_union - the names of either list; "any" where one is, or where they are too many.
 * Errors, Owns  as vary_names_read(); `ret_names` is neither of the two.
 */
int vary_names_union(const struct vary_names *left, const struct vary_names *right,
                     struct vary_names *ret_names);

bool vary_names_equal(const struct vary_names *left, const struct vary_names *right);

/* vary_names_next - walk over the names: start with `*position` 0; false after the last. */
bool vary_names_next(const struct vary_names *names, size_t *position, struct span *ret_name);

/* vary_is_any - what vary_names_read() would say in `is_any`, without an allocation. */
bool vary_is_any(const struct fields *response);

/*
 * vary_select - write what the request says under these names. Names that say "any" have no
 * selection, so the caller looks at `is_any` before. Nothing is written for an empty list.
 * The bytes are self-delimiting: selections by different lists of names differ, too.
 * `request`  the fields that the origin gets: without those that Connection had removed.
 * Errors    -ENOBUFS: longer than `room`, or a value over VARY_VALUE_BYTES_MAX.
 * Source    RFC 9111 section 4.1; RFC 9110 sections 5.3, 8.4.1, 12.4.2, 12.5.3 and 12.5.4.
 */
int vary_select(const struct vary_names *names, struct field_view request, char *buffer,
                size_t room, size_t *ret_length);

#endif
