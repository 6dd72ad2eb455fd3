/* SPDX-License-Identifier: MIT */
/*
 * value.h - one value into its field, checked; and back into text.
 *
 * Knows the kinds of settings, not the settings; `record` is the struct whose fields the offsets of
 * the settings at hand are those of. Where a value came from and how its fault is
 * reported is the caller's: file.c and environment.c.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config/config.h"

#define VALUE_FAULT_BYTES_MAX 512
#define VALUE_TEXT_BYTES_MAX  8192 /* enough for the longest list */

/* Why a value is refused, to follow the name of the setting: `must be true or false, not "yes"`. */
struct value_fault {
    char text[VALUE_FAULT_BYTES_MAX];
};

/* Any list, put aside to be put back. */
union value_list {
    struct config_ranges ranges;
    struct config_ports ports;
    struct config_names names;
    struct config_upstreams upstreams;
};

/* value_is_list - whether the setting holds several values. */
bool value_is_list(const struct setting *setting);

/* value_is_text_list - whether they are text, rather than numbers. */
bool value_is_text_list(const struct setting *setting);

/* value_expected - what a setting takes, for "must be ...": "a whole number from 1 to 9 (ms)". */
void value_expected(const struct setting *setting, char *ret_text, size_t text_bytes);

/*
 * value_set_number, value_set_boolean, value_set_text - sets a setting that is no list.
 * value_set_text reads any kind from its text, as variables and options have it.
 * Errors    -EINVAL with `*ret_fault` filled; the field keeps its value.
 */
int value_set_number(void *record, const struct setting *setting, uint64_t number,
                     struct value_fault *ret_fault);
int value_set_boolean(void *record, const struct setting *setting, bool is_true);
int value_set_text(void *record, const struct setting *setting, const char *text,
                   struct value_fault *ret_fault);

/* value_clear_list - makes a list empty. */
void value_clear_list(void *record, const struct setting *setting);

/* value_keep_list, value_restore_list - puts a list aside, and back. */
void value_keep_list(const void *record, const struct setting *setting, union value_list *ret_list);
void value_restore_list(void *record, const struct setting *setting, const union value_list *list);

/*
 * value_add_text, value_add_number - appends to a list; what stands there already is not doubled.
 * Errors    -EINVAL or -E2BIG with `*ret_fault` filled; the list is unchanged.
 */
int value_add_text(void *record, const struct setting *setting, const char *text,
                   struct value_fault *ret_fault);
int value_add_number(void *record, const struct setting *setting, uint64_t number,
                     struct value_fault *ret_fault);

/*
 * value_refuse - says why, as printf(3); value_refuse_unexpected - says what the setting takes, and
 * that `text` is not that. Both return -EINVAL.
 */
int value_refuse(struct value_fault *ret_fault, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int value_refuse_unexpected(const struct setting *setting, const char *text,
                            struct value_fault *ret_fault);

/* value_parse_number - decimal digits and nothing else. Errors    -EINVAL. */
int value_parse_number(const char *text, uint64_t *ret_number);

/* value_set_list, value_print_list - what value_set_text() and value_print() do with lists. */
int value_set_list(void *record, const struct setting *setting, const char *text,
                   struct value_fault *ret_fault);
void value_print_list(const void *record, const struct setting *setting, char *ret_text);

/* value_print - the value as value_set_text() would read it. */
void value_print(const void *record, const struct setting *setting,
                 char ret_text[VALUE_TEXT_BYTES_MAX]);

#endif
