/* SPDX-License-Identifier: MIT */
/*
 * fields.h - the header fields of one message, in their order and spelling.
 *
 * All names and values lie in one buffer, with a small table of where each line begins. The list is
 * built by one thread with fields_append(), and read only afterwards; a `const struct fields *` may
 * then be read by any number of threads. Lines of one name are kept apart and are not merged.
 *
 * What is kept for long is text, as it goes out: "Name: value" lines without a table beside them,
 * in memory of the keeper. fields_of_text() is a list over such text, for all that only reads.
 */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include <http/span.h>
#include <stdint.h>

/* Beyond these a message is refused, whatever larger limit a caller has. */
#define FIELDS_LINES_MAX 1024
#define FIELDS_BYTES_MAX (1024 * 1024)

struct field {
    struct span name;
    struct span value; /* without the white space around it */
};

struct fields {
    struct fields_line *lines; /* NULL: empty, or a list over text */
    char *bytes;
    uint32_t lines_count;
    uint32_t lines_room;
    uint32_t bytes_count;
    uint32_t bytes_room;
};

/* An empty list; owns nothing yet, so it may also be dropped without fini. */
void fields_init(struct fields *fields);

/* Free what the list owns; the list is empty afterwards. */
void fields_fini(struct fields *fields);

/*
 * fields_append - add one line at the end. White space around the value is dropped.
 * Errors    -EINVAL: the name is no token, or the value has a control character other than a tab.
 *           -E2BIG: over FIELDS_LINES_MAX or FIELDS_BYTES_MAX. -ENOMEM. The list is unchanged then.
 * Owns      the bytes are copied.
 * Source    RFC 9110 sections 5.1, 5.5 and 5.6.2.
 */
int fields_append(struct fields *fields, struct span name, struct span value);

/*
 * fields_copy_end_to_end - a copy of exact size that leaves out the hop-by-hop lines, and those
 * whose name `is_unwanted` answers true for (NULL: keep all others).
 * Errors    -ENOMEM; `ret_copy` is untouched then.
 * Owns      the caller ends `ret_copy` with fields_fini().
 * Source    RFC 9110 section 7.6.1, RFC 9111 section 3.1.
 */
int fields_copy_end_to_end(const struct fields *source, bool (*is_unwanted)(struct span name),
                           struct fields *ret_copy);

/* fields_text_bytes - room that is enough for all lines as text. */
size_t fields_text_bytes(const struct fields *fields);

/*
 * fields_write_end_to_end - the lines that fields_copy_end_to_end() would keep, as text: "Name:
 * value" and a line end each. Returns how many bytes of `ret_text` it took: at most
 * fields_text_bytes(source).
 */
size_t fields_write_end_to_end(const struct fields *source, bool (*is_unwanted)(struct span name),
                               char *ret_text);

/*
 * fields_of_text - the list of what fields_write_end_to_end() wrote, or of lines alike.
 * Owns      nothing: the text outlives the list. Nothing can be appended.
 */
struct fields fields_of_text(const char *text, size_t length);

/*
 * fields_next - walk over all lines: start with `*position` 0; false after the last line. The
 * position grows with each line; what it counts is the list's affair. The spans live as long as the
 * list, or the text.
 */
bool fields_next(const struct fields *fields, size_t *position, struct field *ret_field);

/*
 * fields_next_named - the same over the lines of one name, letter case ignored.
 * Source    RFC 9110 section 5.1.
 */
bool fields_next_named(const struct fields *fields, const char *name, size_t *position,
                       struct span *ret_value);

/* The first line of that name; false where there is none. */
bool fields_find(const struct fields *fields, const char *name, struct span *ret_value);

bool fields_has(const struct fields *fields, const char *name);

size_t fields_count(const struct fields *fields);

/* fields_is_hop_by_hop - field_view_is_hop_by_hop() of all lines of this list. */
bool fields_is_hop_by_hop(const struct fields *fields, struct span name);

/* Bytes of heap the list holds, the struct itself not counted. */
size_t fields_memory_bytes(const struct fields *fields);

/* fields_name_is_one_of - whether a name is in a table, letter case ignored. */
bool fields_name_is_one_of(struct span name, const char *const *names, size_t count);

/* Whether the text is a token. Source: RFC 9110 section 5.6.2. */
bool fields_is_token(struct span text);

#endif
