/* SPDX-License-Identifier: MIT */
/*
 * problems.h - what is wrong with a configuration: a list of lines for the operator, gathered while
 * reading, printed in one go; and the guess at what a misspelt name was meant to be.
 *
 * Text that came from a file or a variable is printed through problems_quote(), so that it cannot
 * steer the terminal.
 */
#ifndef CONFIG_PROBLEMS_H
#define CONFIG_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct problems {
    char *text; /* lines, each ended by a newline; NULL while there are none */
    size_t bytes;
    unsigned count;
};

/* problems_init, problems_fini - an empty list; the end of one. */
void problems_init(struct problems *problems);
void problems_fini(struct problems *problems);

/*
 * problems_add - appends a line, formatted as by printf(3).
 * Errors    none: without memory the line is lost, but it counts, so the start still stops.
 */
void problems_add(struct problems *problems, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* problems_print - writes all lines. */
void problems_print(const struct problems *problems, FILE *stream);

/*
 * problems_quote - writes `text` in double quotes, control bytes as \xNN, and cut with "..." where
 * the buffer ends. Returns `ret_quoted`.
 */
const char *problems_quote(const char *text, char *ret_quoted, size_t quoted_bytes);

/*
 * problems_distance - how many letters to insert, remove, change or swap with their neighbour make
 * one name of the other, capitals aside. Names longer than 63 bytes are as far as can be: SIZE_MAX.
 * Source    Damerau 1964, in the restricted form (optimal string alignment).
 */
size_t problems_distance(const char *one, const char *other);

/* problems_is_near - whether `guess` may be what a writer of `name` meant. */
bool problems_is_near(const char *name, const char *guess);

#endif
