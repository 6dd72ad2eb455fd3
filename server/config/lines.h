/* SPDX-License-Identifier: MIT */
/*
 * lines.h - on which line of a JSON text each key and each list item stands.
 *
 * The JSON library parses values but forgets where they stood. This second pass over a text that
 * it has accepted writes down a path and a line for each key, so that a message can name both. It
 * also sees keys that are given twice, which the library would pass over in silence.
 *
 * A path is made of keys and positions: fetch.timeouts.total_ms, fetch.allow[2]. A key with bytes
 * other than letters, digits, "_" and "-" is put in quotes, so that no two places share a path.
 */
#ifndef CONFIG_LINES_H
#define CONFIG_LINES_H

#include <stdbool.h>
#include <stddef.h>

/* Keys deeper than this are not written down; no setting is as deep. */
#define LINES_DEPTH_MAX      8
#define LINES_PATH_BYTES_MAX 1024

struct lines;

/*
 * lines_new - goes over a text that is valid JSON.
 * Errors    -ENOMEM.
 * Owns      the caller frees it with lines_free(); NULL is allowed there. The text is not kept.
 */
int lines_new(const char *text, size_t text_bytes, struct lines **ret_lines);
void lines_free(struct lines *lines);

/* lines_find - the line of a path, counted from 1; 0 if it does not occur. Twice: the first. */
unsigned lines_find(const struct lines *lines, const char *path);

/*
 * lines_repeated - the next key that occurs before, from position `*position` on, which begins at
 * 0.
 * Returns   whether there is one: its path, its line, and the line where the key stood first.
 */
bool lines_repeated(const struct lines *lines, size_t *position, const char **ret_path,
                    unsigned *ret_line, unsigned *ret_first_line);

/*
 * lines_path_key, lines_path_item - appends a key, or the position in a list, to a path in a buffer
 * of LINES_PATH_BYTES_MAX. What does not fit is cut.
 */
void lines_path_key(char *path, const char *key);
void lines_path_item(char *path, size_t position);

#endif
